"""How long renders take, as learned by all workers: kept in Redis, read back now and then by each process.

At most `MOST_KINDS` kinds of `KEPT` durations each are kept: some 2 KB a kind, and the oldest go first, so that what
is known follows a provider that becomes faster or slower.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from jobs.takes import Asked, Take
from jobs.takes.mode import mode
from workers.clock import Clock
from workers.engine.room import WaitingRoom
from workers.polling.durations import ENOUGH
from workers.polling.placing import Known, Lesson

log = logging.getLogger(__name__)

KEPT = 256
MOST_KINDS = 200
READ_SECONDS = 15.0
"""How long a process believes what it has read. Once it is known that nothing is known, too."""

LONGEST = 7 * 86400.0
"""Seconds. What took longer was not a render, but two clocks that disagree."""


@dataclass(frozen=True, slots=True)
class Expected:
    """How long a render of a kind takes, in seconds, by `seen` that ended: the median, and what 9 of 10 stay below.

    `wait` is the median wait of those that the provider queued first, None where it queued too few.
    """

    seen: int
    median: float
    nine_of_ten: float
    wait: float | None


def kind_of(provider: str, asked: Asked) -> str:
    """What renders are told apart by: provider, model, resolution, seconds of video, and mode."""
    return f"{provider}|{asked.model}|{asked.resolution}|{asked.duration}|{mode(asked)}"


class RenderTimes:
    """What is known of render times. Safe to use from any number of threads."""

    def __init__(self, room: WaitingRoom, clock: Clock) -> None:
        self._room = room
        self._clock = clock
        self._lock = threading.Lock()
        self._read: dict[str, tuple[float, Known]] = {}

    def known(self, take: Take) -> Known:
        """What is known of renders like this take's. Raises `RedisError`."""
        kind, now = kind_of(take.provider, take.asked), self._clock.monotonic()
        with self._lock:
            held = self._read.get(kind)
            if held is not None and now - held[0] < READ_SECONDS:
                return held[1]
        runs, waits = self._room.render_times(kind)
        known = Known(runs, waits)
        with self._lock:
            if len(self._read) >= MOST_KINDS:
                self._read.pop(next(iter(self._read)))
            self._read[kind] = now, known
        return known

    def expected(self, take: Take) -> Expected | None:
        """How long this take's render is likely to run; None where fewer than 20 like it were seen.

        Raises `RedisError`.
        """
        runs, waits = self._room.render_times(kind_of(take.provider, take.asked))
        known = Known(runs, waits)
        if known.runs is None:
            return None
        wait = None if known.waits is None else known.waits.quantile(0.5)
        return Expected(len(runs), known.runs.quantile(0.5), known.runs.quantile(0.9), wait)

    def learn(self, take: Take, lesson: Lesson) -> None:
        """Keep what one finished job teaches. Raises `RedisError`."""
        run, wait = _sound(lesson.run), _sound(lesson.wait)
        if run is not None or wait is not None:
            self._room.learn(kind_of(take.provider, take.asked), run, wait, kept=KEPT, kinds=MOST_KINDS)

    def learn_again(self, found: Iterable[tuple[Take, float]]) -> None:
        """Take over durations (seconds) from receipts, of kinds that Redis knows too little of. Raises `RedisError`."""
        by_kind: dict[str, list[tuple[Take, float]]] = {}
        for take, seconds in found:
            by_kind.setdefault(kind_of(take.provider, take.asked), []).append((take, seconds))
        for kind, each in by_kind.items():
            if len(self._room.render_times(kind)[0]) < ENOUGH:
                for take, seconds in each[-KEPT:]:
                    self.learn(take, Lesson(seconds, None))


def _sound(seconds: float | None) -> float | None:
    return seconds if seconds is not None and 0 < seconds < LONGEST else None
