"""Where the next poll of a job goes, by what the polls before it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from workers.polling.durations import ENOUGH, Durations, Timetable

POLLS = 6.8
"""What a render may cost in polls, on average. Where it lies on the curve of polls against delay is our choice."""

GROWTH = 1.5
FIXED_SLOWEST = 10.0
"""Seconds. While nothing is learned, the gaps grow by half each time up to this."""

SOONEST_SHARE = 0.01
"""The next poll is never sooner than this share of the job's age: an hour's render isn't asked about each second."""

WIDEST_START = 0.25
"""A start that is known no better than within this share of the run that followed says nothing of how long it took."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the settings allow, in seconds: the first gap and least, and the longest."""

    first: float
    slowest: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one job, in seconds since the epoch by one clock: Redis's.

    `queued` is the last poll that found it waiting, `running` the first that found it being rendered afterwards;
    `position` and `position_at` are what the last poll said of its place in the queue, and when.
    """

    submitted: float
    polls: int = 0
    queued: float | None = None
    running: float | None = None
    position: int | None = None
    position_at: float | None = None

    @classmethod
    def read(cls, fields: Mapping[str, str], submitted: float) -> Seen:
        """What is kept with a take."""

        def moment(name: str) -> float | None:
            return float(fields[name]) / 1000 if name in fields else None

        return cls(
            submitted=submitted,
            polls=int(fields.get("polls", 0)),
            queued=moment("queued_at"),
            running=moment("running_at"),
            position=int(fields["position"]) if "position" in fields else None,
            position_at=moment("position_at"),
        )

    def waiting(self, now: float, position: int | None) -> Seen:
        """With a poll at `now` that found it in the queue."""
        return replace(
            self,
            polls=self.polls + 1,
            queued=now,
            running=None,
            position=position,
            position_at=None if position is None else now,
        )

    def rendering(self, now: float) -> Seen:
        """With a poll at `now` that found it being rendered."""
        running = now if self.queued is not None and self.running is None else self.running
        return replace(self, polls=self.polls + 1, running=running, position=None, position_at=None)

    def silent(self) -> Seen:
        """With a poll that said nothing."""
        return replace(self, polls=self.polls + 1)

    @property
    def started(self) -> float | None:
        """About when the render began; None while it waits. One that was never seen to wait began at once."""
        if self.queued is None:
            return self.submitted
        return None if self.running is None else (self.queued + self.running) / 2


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one finished job teaches, in seconds. None for what is known too roughly."""

    run: float | None
    wait: float | None


def lesson(seen: Seen, last_poll: float, now: float) -> Lesson:
    """What is learned from a job that a poll at `now` found finished, and the one at `last_poll` did not."""
    ended = (max(last_poll, seen.submitted) + now) / 2
    started = seen.started
    if started is None:
        return Lesson(None, None)
    run = ended - started
    wait = started - seen.submitted
    if seen.queued is not None and seen.running is not None and seen.running - seen.queued > WIDEST_START * run:
        return Lesson(None, wait)
    return Lesson(run if run > 0 else None, wait)


class Known:
    """What was learned of one kind of render: how long it runs, and how long it waited before, where it did."""

    def __init__(self, runs: list[float], waits: list[float], *, polls: float = POLLS) -> None:
        self.runs = Durations(runs) if len(runs) >= ENOUGH else None
        self.waits = Durations(waits) if len(waits) >= ENOUGH else None
        self._run_table = None if self.runs is None else Timetable(self.runs, polls)
        self._wait_table = None if self.waits is None else Timetable(self.waits, polls)

    def gap(self, seen: Seen, now: float, bounds: Bounds, *, pace: float | None = None) -> float:
        """Seconds from a poll at `now` to the next one, within `bounds`.

        `pace` is how many seconds a place in the queue takes, by what this job's polls have said.
        """
        if self._run_table is None or self.runs is None:
            return fixed_gap(seen.polls, bounds)
        started = seen.started
        if started is not None:
            gap = self._run_table.after(now - started)
        else:
            # While it waits, it can't end sooner than the shortest render; but when it begins should be seen, too.
            gap = self.runs.quantile(0.05) / 2
            if self._wait_table is not None:
                gap = max(gap, self._wait_table.after(now - seen.submitted))
            if pace is not None and seen.position:
                gap = max(gap, pace * seen.position / 2)
        soonest = max(bounds.first, SOONEST_SHARE * (now - seen.submitted))
        return min(bounds.slowest, max(soonest, gap))


NOTHING = Known([], [])


def fixed_gap(polls: int, bounds: Bounds) -> float:
    """The gap after so many polls while nothing is learned."""
    return min(bounds.slowest, max(bounds.first, FIXED_SLOWEST), bounds.first * GROWTH ** min(polls, 40))


def pace(before: Seen, after: Seen) -> float | None:
    """Seconds that a place in the queue takes, from two polls of one job; None where they don't tell."""
    if None in (before.position, after.position, before.position_at, after.position_at):
        return None
    assert before.position is not None and after.position is not None
    assert before.position_at is not None and after.position_at is not None
    passed = before.position - after.position
    return (after.position_at - before.position_at) / passed if passed > 0 else None
