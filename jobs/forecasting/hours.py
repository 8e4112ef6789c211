"""When takes are submitted, and so when a batch would be done that takes so long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobs.fields.terms import Deadline, Window


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours in which a batch gets on: from `not_before` on, while its `window` is open; None sets no bound."""

    not_before: Deadline | None = None
    window: Window | None = None

    def end(self, now: datetime, seconds: float) -> datetime | None:
        """When so many `seconds` of these hours are over that begin `now`; None for what no calendar holds, or when the
        window is reckoned for fewer days. Raises ValueError when `now` has no time zone."""
        for opens, closes in self._open(now):
            if closes is not None and seconds > (there := _between(opens, closes)):
                seconds -= there
                continue
            try:
                # Reckoned in UTC: clocks that change make no hour longer.
                return (opens.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(now.tzinfo)
            except OverflowError:
                return None
        return None

    def seconds(self, now: datetime, until: datetime) -> float:
        """How many seconds of these hours there are from `now` `until` then. Raises as `end` does."""
        parts = ((opens, until if closes is None else min(closes, until)) for opens, closes in self._open(now))
        return sum(max(0.0, _between(opens, closes)) for opens, closes in parts)

    def _open(self, now: datetime) -> list[tuple[datetime, datetime | None]]:
        begins = now if self.not_before is None else max(now, self.not_before.at(now))
        if self.window is None:
            return [(begins, None)]
        return [(max(begins, opens), closes) for opens, closes in self.window.openings(begins)]


def _between(one: datetime, other: datetime) -> float:
    return (other.astimezone(UTC) - one.astimezone(UTC)).total_seconds()
