"""What the steps tell of a take to whoever watches. It is a window and not the record: nothing depends on it."""

from __future__ import annotations

from typing import Protocol

from jobs.takes import Take


class TakeEvents(Protocol):
    """Told at the turns of a take's life. It never raises, and keeps a step for seconds at the most."""

    def accepted(self, take: Take) -> None:
        """The provider has accepted the take."""
        ...

    def done(self, take: Take, url: str, seconds: float) -> None:
        """The take's video lies at `url` in the store, `seconds` after it was submitted."""
        ...

    def failed(self, take: Take, message: str) -> None:
        """The take has failed for good. `message` holds no secret."""
        ...


class Unwatched:
    """Tells nobody: what a process has that no Flower can see."""

    def accepted(self, take: Take) -> None:
        """Nothing."""

    def done(self, take: Take, url: str, seconds: float) -> None:
        """Nothing."""

    def failed(self, take: Take, message: str) -> None:
        """Nothing."""
