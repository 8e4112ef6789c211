"""What a person wants to see of a batch at one glance, besides its counts: its shots, its pace, what failed last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rushes.pace import Pace
from workers.context import Context
from workers.engine.standing import Standing
from workers.engine.states import ALIVE, State
from workers.reports.advice import advice_on
from workers.reports.gathering import failed_take, shot_lines
from workers.reports.report import Failed, ShotLine
from workers.reports.writing import span
from workers.settings import REHEARSAL

FAILURES_SHOWN = 3
SHOTS_SHOWN = 12

NOT_OPEN = ("waived", "deferred")
"""What is held so isn't waited for."""

ALIVE_NAMES = frozenset(state.value for state in ALIVE)


@dataclass(frozen=True, slots=True)
class Overview:
    """What is seen of a batch besides its standing. `per_minute` and `seconds_left` are None where they aren't known;
    `failures` are the last few, the newest first."""

    shots: tuple[ShotLine, ...]
    failures: tuple[Failed, ...]
    per_minute: float | None = None
    seconds_left: float | None = None
    rehearsed: bool = False

    def pace(self) -> str | None:
        """Its pace in words, or None."""
        if self.per_minute is None:
            return None
        left = "" if self.seconds_left is None else f", about {span(self.seconds_left)} to go"
        return f"{self.per_minute:.1f} takes a minute{left}"

    def failure_lines(self, batch: str) -> Iterator[str]:
        """The last failures, in a sentence each, with what to do about the newest."""
        for each in self.failures:
            yield f"{each.take} failed [{each.kind}]: {each.message}"
        if self.failures:
            newest = self.failures[0]
            advice = advice_on(newest.kind, batch=batch, take=newest.take, rehearsed=self.rehearsed)
            yield f"  {advice.then}" + ("" if advice.command is None else f": {advice.command}")

    def to_json(self) -> dict[str, Any]:
        """As plain mappings, lists, text and numbers."""
        return {
            "shots": [{"shot": each.shot, "total": each.total, "states": dict(each.states)} for each in self.shots],
            "latest_failures": [each.to_json() for each in self.failures],
            "takes_per_minute": None if self.per_minute is None else round(self.per_minute, 3),
            "seconds_left": None if self.seconds_left is None else round(self.seconds_left),
        }


@dataclass
class Watcher:
    """Looks at one batch again and again, and reads only what has changed."""

    context: Context
    batch: str
    pace: Pace = field(default_factory=Pace)
    _counts: tuple[object, ...] = ()
    _shots: tuple[ShotLine, ...] = ()
    _failed: tuple[Failed, ...] = ()
    _known: frozenset[int] = frozenset()
    _rehearsed: bool = field(init=False)

    def __post_init__(self) -> None:
        self._rehearsed = self.context.settings.namespace == REHEARSAL

    def look(self, standing: Standing, at: float) -> Overview:
        """The overview as of now; `at` is in seconds, by a clock that only goes forward. Raises `RedisError`."""
        counts = (standing.digest, *standing.states.values())
        if counts != self._counts:
            self._shots = tuple(shot_lines(self.context, self.context.expansion(self.batch)))
            self._failed = self._last_failures() if standing.states[State.FAILED] else ()
            self._counts = counts
        held = sum(count for kind, count in standing.held.items() if kind not in NOT_OPEN)
        self.pace.see(at, standing.total - standing.open - standing.held.get("waived", 0) - standing.deferred)
        left = max(0, standing.open - held)
        # Who has only just begun to look goes by what the workers have counted.
        rate = self.pace.per_minute or (standing.per_minute if left else None)
        seconds = left * 60.0 / rate if left and rate else None
        return Overview(self._shots, self._failed, rate, seconds, rehearsed=self._rehearsed)

    def _last_failures(self) -> tuple[Failed, ...]:
        expansion = self.context.expansion(self.batch)
        records = {record.index: record for record in self.context.room.held(self.batch, State.FAILED)}
        new = sorted(records.keys() - self._known, reverse=True)[:FAILURES_SHOWN]
        self._known = frozenset(records)
        fresh = [failed_take(self.context, expansion, records[index]) for index in new]
        still = [each for each in self._failed if expansion.find(each.take) in records]
        return tuple([*fresh, *still][:FAILURES_SHOWN])


def shots_shown(shots: Sequence[ShotLine]) -> tuple[Sequence[ShotLine], int]:
    """The shots that there is room for, those under way first, then those not finished; and how many are left out."""

    def urgency(line: ShotLine) -> int:
        if line.states.keys() & ALIVE_NAMES:
            return 0
        return 2 if line.states.get(State.DONE.value, 0) == line.total else 1

    if len(shots) <= SHOTS_SHOWN:
        return shots, 0
    chosen = {id(line) for line in sorted(shots, key=urgency)[:SHOTS_SHOWN]}
    return [line for line in shots if id(line) in chosen], len(shots) - SHOTS_SHOWN
