"""The pump: a thread in every worker that asks the waiting room what can be done now, and sends messages for it.

The answer says when to ask again; until then it sleeps at Redis, where whatever frees a seat rings a bell. So a freed
seat is given on at once, and waiting costs nothing. There is no leader: any number of pumps may run, a ring wakes
one of them, and the script hands each step out once, under a fence.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from kombu.exceptions import OperationalError

from jobs.errors import RushesError
from workers.clock import Clock, SystemClock
from workers.engine.room import WaitingRoom
from workers.engine.states import Step
from workers.engine.work import Work

log = logging.getLogger(__name__)

LONGEST_SLEEP = 1.0
"""Seconds. A Redis that was emptied rings for nobody."""

SHORTEST_SLEEP = 0.02
"""Seconds from the beginning of a round to the next: what is rung for meanwhile is handed out together."""

TROUBLE_SECONDS = 2.0
LOOK_SECONDS = 2.0
"""How much time lies between one look for forgotten batches and the next."""


class Pump:
    """Hands what `room` says is due to `dispatch`, as soon as it is, until it is stopped.

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
        clock: Clock | None = None,
    ) -> None:
        self._room = room
        self._dispatch = dispatch
        self._quote = quote
        self._parents = parents
        self._known = known
        self._clock = clock or SystemClock()
        self._looked = self._clock.monotonic()
        self._again: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rushes-pump", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Hand out nothing more. Returns when the last round is over, within a second or so."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def once(self) -> int:
        """One round; how many steps were handed out."""
        handed, self._again = self._room.ask()
        works = [work for work in handed if work.step not in (Step.QUOTE, Step.PARENTS)]
        for work in handed:
            if work.step is Step.QUOTE and self._quote is not None:
                self._room.quote(work.batch, self._quote(work.batch, work.index))
            if work.step is Step.PARENTS and self._parents is not None:
                self._room.parents(work.batch, self._parents(work.batch, work.index))
        works += self._forgotten()
        if works:
            # What is lost between here and the queue comes back by its lease.
            self._dispatch(works)
        return len(works)

    def _forgotten(self) -> list[Work]:
        """The batches of this process that Redis knows no more: it was emptied under our hands."""
        if self._clock.monotonic() - self._looked < LOOK_SECONDS:
            return []
        self._looked = self._clock.monotonic()
        known = set(self._known())
        gone = known - set(self._room.batches()) if known else ()
        return [Work(Step.RECOVER, batch, 0, 0, 1) for batch in sorted(gone)]

    def _run(self) -> None:
        trouble = False
        while not self._stopping.is_set():
            pause = 0.0
            began = self._clock.monotonic()
            try:
                self.once()
                trouble = False
                sleep = LONGEST_SLEEP if self._again is None else min(LONGEST_SLEEP, self._again)
                if sleep > SHORTEST_SLEEP and not self._stopping.is_set():
                    self._room.await_bell(sleep)
                pause = max(0.0, SHORTEST_SLEEP - (self._clock.monotonic() - began))
            except (RushesError, OperationalError) as error:
                if not trouble:
                    log.warning("the pump waits: %s", error)
                trouble = True
                pause = TROUBLE_SECONDS
            except Exception:
                # A pump that ends would stop its worker silently. What it left undone comes back by its lease.
                log.exception("the pump stumbled over a defect")
                pause = TROUBLE_SECONDS
            self._stopping.wait(pause)
