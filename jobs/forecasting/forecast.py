"""How long a batch would take under its provider's limits, how often it would be asked about, and how much would come.

It is reckoned from the counts of a plan: the time of a million takes costs what that of one does.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from jobs.forecasting.assumed import Basis, RenderTimes, Spread, assumed, render_seconds
from jobs.forecasting.groups import Kind

SUBMISSION_SECONDS = 1.0
"""How long a seat is taken before the provider begins: the intent is written, and the request answered."""


@dataclass(frozen=True, slots=True)
class Polling:
    """When a render is asked about: `first` seconds after its submission, then ever more slowly, each time `growth`
    times as long after the one before, up to `slowest`."""

    first: float
    slowest: float
    growth: float

    def until(self, seconds: float) -> tuple[int, float]:
        """How many polls there are until one finds a render at its end that takes so many seconds, and when that is."""
        polls, at, gap = 0, 0.0, min(self.first, self.slowest)
        while gap < self.slowest:
            polls, at = polls + 1, at + gap
            if at >= seconds:
                return polls, at
            gap = min(self.slowest, gap * self.growth)
        more = max(1, math.ceil((seconds - at) / gap))
        return polls + more, at + more * gap


@dataclass(frozen=True, slots=True)
class Lane:
    """What a provider lets us do. `polling` is None at one that answers with the video itself."""

    seats: int
    requests_per_minute: float | None
    polling: Polling | None


@dataclass(frozen=True, slots=True)
class Stage:
    """What is rendered of one shot, and the names of those whose takes each of these waits for."""

    shot: str
    kinds: Counter[Kind]
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """What rendering some takes takes: `seconds` from start to end, `polls` in all, `bytes` of video that come.

    `basis` is `learned` where every render's time is. `bytes` is always assumed.
    """

    takes: int
    seconds: Spread
    polls: Spread
    bytes: Spread
    lane: Lane
    basis: Basis

    def takes_within(self, seconds: float) -> int:
        """How many takes are likely to be submitted within so many seconds."""
        if self.seconds.likely <= 0 or seconds >= self.seconds.likely:
            return self.takes
        return max(0, math.floor(self.takes * seconds / self.seconds.likely))

    def to_json(self) -> dict[str, Any]:
        """As plain mappings, text and numbers; times in seconds."""
        table = assumed()
        return {
            "seconds": self.seconds.to_json(),
            "polls": self.polls.to_json(),
            "bytes": self.bytes.to_json(),
            "seats": self.lane.seats,
            "requests_per_minute": self.lane.requests_per_minute,
            "basis": self.basis,
            "assumed": {"source": table.source, "confidence": table.confidence, "read": table.read.isoformat()},
        }


def forecast(provider: str, stages: Sequence[Stage], lane: Lane, known: Sequence[RenderTimes] = ()) -> Forecast:
    """What rendering the takes of `stages` takes, each rendered once and nothing else under way.

    Of times, what the first of `known` says that knows of it holds, and else what is assumed.
    """
    kinds: Counter[Kind] = sum((stage.kinds for stage in stages), Counter())
    seats: dict[Kind, Spread] = {}
    seated, polls, size = _NOTHING, _NOTHING, _NOTHING
    basis: Basis = "learned"
    for kind, count in kinds.items():
        shortest, from_where = render_seconds(known, provider, kind.model, kind.resolution, kind.shortest)
        render, _ = render_seconds(known, provider, kind.model, kind.resolution, kind.longest)
        if from_where == "assumed":
            basis = "assumed"
        least, likely, most = (_until(lane.polling, each) for each in _between(shortest, render))
        seat = Spread(least[1], likely[1], most[1]) + _SUBMISSION
        seats[kind] = seat
        seated += seat * count
        polls += Spread(least[0], likely[0], most[0]) * count
        table = assumed()
        small, large = (table.bytes(kind.model, kind.resolution, each) for each in (kind.shortest, kind.longest))
        size += Spread(*_between(small, large)) * count
    takes = kinds.total()
    return Forecast(takes, _elapsed(takes, seated, _longest(stages, seats), lane), polls, size, lane, basis)


def _longest(stages: Sequence[Stage], seats: Mapping[Kind, Spread]) -> Spread:
    """The longest line of takes each of which waits for the one before."""
    by_shot = {stage.shot: stage for stage in stages}
    found: dict[str, Spread] = {}

    def until(shot: str) -> Spread:
        if shot not in found:
            stage = by_shot[shot]
            before = reduce(Spread.highest, (until(name) for name in stage.after if name in by_shot), _NOTHING)
            found[shot] = before + reduce(
                Spread.highest, (seats[kind] for kind, takes in stage.kinds.items() if takes), _NOTHING
            )
        return found[shot]

    return reduce(Spread.highest, (until(shot) for shot in by_shot), _NOTHING)


def _between(low: Spread, high: Spread) -> tuple[float, float, float]:
    return low.least, (low.likely + high.likely) / 2, high.most


def _until(polling: Polling | None, seconds: float) -> tuple[int, float]:
    return (0, seconds) if polling is None else polling.until(seconds)


_NOTHING = Spread(0, 0, 0)
_SUBMISSION = Spread(SUBMISSION_SECONDS, SUBMISSION_SECONDS, SUBMISSION_SECONDS)


def _elapsed(takes: int, seated: Spread, longest: Spread, lane: Lane) -> Spread:
    """Every seat renders one take after the other; no faster than requests may be sent, nor than the longest line."""
    if not takes:
        return _NOTHING
    rounds = math.ceil(takes / lane.seats)
    by_seats = (seated * (rounds / takes)).highest(longest)
    if not lane.requests_per_minute:
        return by_seats
    sending = (takes - 1) * 60 / lane.requests_per_minute
    mean = seated * (1 / takes)
    return by_seats.highest(Spread(sending, sending, sending) + mean)
