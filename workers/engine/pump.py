"""The pump: a thread in every worker that asks the waiting room what can be done now, and rings for it.

Any number of pumps may run. There is no leader: the script hands each step out once, under a fence.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from kombu.exceptions import OperationalError

from jobs.errors import RushesError
from workers.engine.room import WaitingRoom, Work

log = logging.getLogger(__name__)

TICK_SECONDS = 0.2
TROUBLE_SECONDS = 2.0


class Pump:
    """Hands what `room` says is due to `dispatch`, several times a second, until it is stopped."""

    def __init__(self, room: WaitingRoom, dispatch: Callable[[Sequence[Work]], None]) -> None:
        self._room = room
        self._dispatch = dispatch
        self._stopping = False
        self._bell = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rushes-pump", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Ask at once: something has just become possible."""
        self._bell.set()

    def stop(self) -> None:
        """Hand out nothing more. Returns when the last round is over."""
        self._stopping = True
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join()

    def once(self) -> int:
        """One round; how many steps were handed out."""
        works = self._room.tick()
        if works:
            # What is lost between here and the queue comes back by its lease.
            self._dispatch(works)
        return len(works)

    def _run(self) -> None:
        trouble = False
        while not self._stopping:
            pause = TICK_SECONDS
            try:
                self.once()
                trouble = False
            except (RushesError, OperationalError) as error:
                if not trouble:
                    log.warning("the pump waits: %s", error)
                trouble = True
                pause = TROUBLE_SECONDS
            except Exception:
                # A pump that ends would stop its worker silently. What it left undone comes back by its lease.
                log.exception("the pump stumbled over a defect")
                pause = TROUBLE_SECONDS
            self._bell.wait(pause)
            self._bell.clear()
