"""A person at a desk who waits no longer for a command than they have to."""

from __future__ import annotations

import front_door
from front_door import Ended


class Desk(front_door.Desk):
    """A desk whose commands run in this process, unless they start others and are their parent."""

    def run(self, *arguments: str, **environ: str) -> Ended:
        """Run `rushes ...` to its end."""
        if arguments[0] == "run" or (arguments[0] == "recover" and "--sandbox" in arguments):
            return super().run(*arguments, **environ)
        return self.ask(*arguments, **environ)
