"""The pump: a thread in every worker that asks the waiting room what can be done now, and rings for it.

Any number of pumps may run. There is no leader: the script hands each step out once, under a fence.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from kombu.exceptions import OperationalError

from jobs.errors import RushesError
from workers.engine.room import WaitingRoom
from workers.engine.states import Step
from workers.engine.work import Work

log = logging.getLogger(__name__)

TICK_SECONDS = 0.2
TROUBLE_SECONDS = 2.0
LOOK_ROUNDS = 10
"""How many rounds lie between one look for forgotten batches and the next."""


class Pump:
    """Hands what `room` says is due to `dispatch`, several times a second, until it is stopped.

    `quote` tells it what the takes of a batch may cost at most, from an index on, where there is a budget that wants to
    know; `parents` which takes its takes take up files of. `known` names the batches that this process has had to do
    with: one that Redis has forgotten is taken up from the store.
    """

    def __init__(
        self,
        room: WaitingRoom,
        dispatch: Callable[[Sequence[Work]], None],
        *,
        quote: Callable[[str, int], Mapping[int, str]] | None = None,
        parents: Callable[[str, int], Mapping[int, Iterable[int]]] | None = None,
        known: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._room = room
        self._dispatch = dispatch
        self._quote = quote
        self._parents = parents
        self._known = known
        self._rounds = 0
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
        handed = self._room.tick()
        works = [work for work in handed if work.step not in (Step.QUOTE, Step.PARENTS)]
        for work in handed:
            if work.step is Step.QUOTE and self._quote is not None:
                self._room.quote(work.batch, self._quote(work.batch, work.index))
                self.wake()
            if work.step is Step.PARENTS and self._parents is not None:
                self._room.parents(work.batch, self._parents(work.batch, work.index))
                self.wake()
        works += self._forgotten()
        if works:
            # What is lost between here and the queue comes back by its lease.
            self._dispatch(works)
        return len(works)

    def _forgotten(self) -> list[Work]:
        """The batches of this process that Redis knows no more: it was emptied under our hands."""
        self._rounds += 1
        if self._rounds % LOOK_ROUNDS:
            return []
        known = set(self._known())
        gone = known - set(self._room.batches()) if known else ()
        return [Work(Step.RECOVER, batch, 0, 0, 1) for batch in sorted(gone)]

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
