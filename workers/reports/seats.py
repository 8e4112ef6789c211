"""How well the seats were used: what of the time they had a job in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class SeatUse:
    """The use of one provider's seats between the first submission and the last verdict.

    `seconds` is how long that was, `busy` how many seconds jobs took together, `most` how many there were at a time at
    most. `seats` is how many are allowed now; None where that isn't known.
    """

    provider: str
    seconds: float
    busy: float
    most: int
    seats: int | None

    @classmethod
    def of(cls, provider: str, spells: Iterable[tuple[float, float]], seats: int | None) -> Self | None:
        """The use by these spells, each from a submission to a verdict in seconds since the epoch. None without any.

        A spell that ends before it begins (two machines' clocks) counts as none.
        """
        known = [(start, max(start, end)) for start, end in spells]
        if not known:
            return None
        # At the same moment, who leaves makes room for who comes.
        moments = sorted([(start, 1) for start, _ in known] + [(end, -1) for _, end in known])
        taken = most = 0
        for _, change in moments:
            taken += change
            most = max(most, taken)
        span = max(end for _, end in known) - min(start for start, _ in known)
        return cls(provider, span, sum(end - start for start, end in known), most, seats)

    @property
    def average(self) -> float:
        """How many were taken at a time, on the average."""
        return self.busy / self.seconds if self.seconds > 0 else float(self.most)

    @property
    def used(self) -> float | None:
        """What part of the seats that was, from 0; above 1 where there were more of them then. None if unknown."""
        return None if not self.seats else self.average / self.seats

    def to_json(self) -> dict[str, Any]:
        """As plain text and numbers."""
        return {
            "provider": self.provider,
            "seats": self.seats,
            "average_taken": round(self.average, 3),
            "most_taken": self.most,
            "utilisation": None if self.used is None else round(self.used, 4),
            "seconds": round(self.seconds, 3),
        }
