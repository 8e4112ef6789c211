"""The report on a batch: a value, without any reading. `gathering` makes it, `rushes/reporting.py` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workers.accounts import CostReport
from workers.decisions import Doubt
from workers.reports.advice import Advice
from workers.reports.seats import SeatUse


@dataclass(frozen=True, slots=True)
class Failed:
    """A take that has failed. `message` holds no secret; `attempt` is its last."""

    take: str
    kind: str
    message: str
    attempt: int
    provider: str
    at: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain text and numbers."""
        return {
            "take": self.take,
            "kind": self.kind,
            "message": self.message,
            "attempt": self.attempt,
            "provider": self.provider,
            "at": self.at,
        }


@dataclass(frozen=True, slots=True)
class FailureClass:
    """The takes that failed in the same way, in order, and what to do about them."""

    kind: str
    takes: tuple[Failed, ...]
    advice: Advice


@dataclass(frozen=True, slots=True)
class ShotLine:
    """How the takes of one shot stand, by state."""

    shot: str
    total: int
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Slow:
    """A take that took long: from its submission to its verdict, in seconds."""

    take: str
    seconds: float
    provider: str


@dataclass(frozen=True, slots=True)
class Budget:
    """What of the budget was spent and is reserved, in micros (millionths) of `currency`."""

    currency: str
    limit: int
    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Next:
    """What to do next, and by which command. None where it isn't a command of ours."""

    told: str
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a batch, and what to do next.

    `states` counts its takes; those that wait and are held by a person stand under what holds them (`paused`, ...).
    Times are in seconds since the epoch; `began` is the first submission, `ended` the last that came of any, both None
    where nothing was submitted. `render_seconds` are the least, the median, and that which nine of ten don't exceed.
    `waits_for` says what keeps it from going on. `besides` are jobs that came besides a take's own.
    """

    batch: str
    provider: str
    models: tuple[str, ...]
    total: int
    states: Mapping[str, int]
    shots: tuple[ShotLine, ...]
    failures: tuple[FailureClass, ...]
    doubts: tuple[Doubt, ...]
    costs: CostReport
    budget: Budget | None
    began: float | None
    ended: float | None
    render_seconds: tuple[float, float, float] | None
    seats: tuple[SeatUse, ...]
    slowest: tuple[Slow, ...]
    waits_for: str | None
    besides: Mapping[str, str]
    place: str
    next: tuple[Next, ...]
    over: bool

    @property
    def seconds(self) -> float | None:
        """How long it took, from the first submission to the last that came of any."""
        return None if self.began is None or self.ended is None else max(0.0, self.ended - self.began)

    def to_json(self) -> dict[str, Any]:
        """As plain mappings, lists, text and numbers. Amounts are text; those of the budget in micros."""
        return {
            "batch": self.batch,
            "provider": self.provider,
            "models": list(self.models),
            "total": self.total,
            "over": self.over,
            "states": dict(self.states),
            "shots": [{"shot": each.shot, "total": each.total, "states": dict(each.states)} for each in self.shots],
            "failures": [
                {
                    "kind": each.kind,
                    "count": len(each.takes),
                    "advice": each.advice.to_json(),
                    "takes": [take.to_json() for take in each.takes],
                }
                for each in self.failures
            ],
            "doubts": [doubt.to_json() for doubt in self.doubts],
            "costs": self.costs.to_json(),
            "budget": None
            if self.budget is None
            else {
                "currency": self.budget.currency,
                "limit": self.budget.limit,
                "spent": self.budget.spent,
                "reserved": self.budget.reserved,
            },
            "began": self.began,
            "ended": self.ended,
            "seconds": self.seconds,
            "render_seconds": None
            if self.render_seconds is None
            else dict(zip(("least", "median", "p90"), self.render_seconds, strict=True)),
            "seats": [each.to_json() for each in self.seats],
            "slowest": [
                {"take": each.take, "seconds": round(each.seconds, 3), "provider": each.provider}
                for each in self.slowest
            ],
            "waits_for": self.waits_for,
            "besides": dict(self.besides),
            "results": self.place,
            "next": [{"told": each.told, "command": each.command} for each in self.next],
        }
