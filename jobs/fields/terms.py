"""Terms: what a person sets for a batch beside its takes. Money, time, and what is done when something goes wrong.

They say nothing of what is rendered, so they can be changed while a batch is under way. Each reader takes what the file
held and raises ValueError, with a message that names the value and says how to write it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Literal

from jobs.faults import Fault, Faults, did_you_mean, shown
from jobs.fields.amounts import MICROS, Amount, Currency, read_amount
from jobs.fields.readers import whole_number

__all__ = ["Amount", "Budget", "Currency", "Deadline", "Moderation", "OnDoubt", "Route", "Window"]

OnDoubt = Literal["hold", "resubmit"]
"""What becomes of an attempt that nothing settles: a person decides, or it is submitted again and may be paid twice."""

Route = Literal["ordered", "cheapest", "fastest"]
"""Which of several providers a take is tried with first: by their order, its price there, or how long it takes."""

Moderation = Literal["stay", "carry"]
"""Whether another provider is asked for what moderation has refused at one."""

MOST_FAILURES = 10**12
HIGHEST_PRIORITY = 1000
HIGHEST_WEIGHT = 100
WINDOW_DAYS = 40
"""For so many days the openings of a window are told; after that it opens each day as it last did."""

_PERCENT = re.compile(r"\s*(\d{1,4}(?:\.\d{1,6})?)\s*%\s*", re.ASCII)
_MOMENT = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)(?:T|\s+)(\d\d:\d\d(?::\d\d)?)\s*(Z|[+-]\d\d:?\d\d)?\s*", re.ASCII | re.IGNORECASE
)
_DAY = re.compile(r"\s*(\d{4}-\d\d-\d\d)\s*", re.ASCII)
_TIME = re.compile(r"\s*(\d{1,2}):(\d\d)\s*", re.ASCII)
_WINDOW = re.compile(r"\s*(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)\s*", re.ASCII)
_FROM_NOW = re.compile(r"\s*(?:(\d{1,4})\s*h)?\s*(?:(\d{1,5})\s*m(?:in)?)?\s*", re.ASCII)
_HOW = "write 8h, 90m, 07:00, 2026-11-22 07:00 or 2026-11-22T07:00+01:00"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a batch may cost; all three are amounts of one currency.

    Spent and reserved together never go above `stop`: what would is not submitted. Once what was really spent has
    reached `cancel`, what can be cancelled is. `limit` is the whole, of which percentages are taken.
    """

    limit: Amount
    stop: Amount
    cancel: Amount

    @property
    def currency(self) -> Currency:
        """The currency of all three."""
        return self.limit.currency

    def __str__(self) -> str:
        stops = f", stops at {self.stop}" if self.stop != self.limit else ""
        cancels = f", cancels at {self.cancel}" if self.cancel != self.limit else ""
        return f"{self.limit}{stops}{cancels}"

    def written(self) -> str | dict[str, str]:
        """As a manifest holds it."""
        if self.limit == self.stop == self.cancel:
            return str(self.limit)
        return {"limit": str(self.limit), "stop": str(self.stop), "cancel": str(self.cancel)}


@dataclass(frozen=True, slots=True)
class Deadline:
    """When nothing more is submitted, as it is `written`: a moment, a time of day, or how long from now.

    Raises ValueError when it is none of them.
    """

    written: str

    def __post_init__(self) -> None:
        self.at(datetime(2000, 1, 1, tzinfo=UTC))

    def __str__(self) -> str:
        return self.written

    def at(self, now: datetime) -> datetime:
        """The moment that is meant by someone who writes it at `now`, in the time zone of `now`.

        A time of day is the next such time after `now`, by the clock of that zone. Raises ValueError when `now` has
        no time zone.
        """
        if now.tzinfo is None:
            raise ValueError("a deadline is reckoned from a moment with a time zone")
        if moment := _MOMENT.fullmatch(self.written):
            return self._moment(moment, now)
        if clock := _TIME.fullmatch(self.written):
            return self._next(int(clock[1]), int(clock[2]), now)
        if _DAY.fullmatch(self.written):
            raise ValueError(f"{shown(self.written)} names no time of that day; write {self.written.strip()} 07:00")
        hours, minutes = self._from_now()
        return (now.astimezone(UTC) + timedelta(hours=hours, minutes=minutes)).astimezone(now.tzinfo)

    def _moment(self, moment: re.Match[str], now: datetime) -> datetime:
        try:
            found = datetime.fromisoformat(f"{moment[1]}T{moment[2]}{(moment[3] or '').upper()}")
        except ValueError as error:
            raise ValueError(f"{shown(self.written)} is no moment that there is: {error}; {_HOW}") from None
        if not 2000 <= found.year < 3000:
            raise ValueError(f"{shown(self.written)} is out of range; give a year from 2000 on, before 3000")
        return found.replace(tzinfo=now.tzinfo) if found.tzinfo is None else found.astimezone(now.tzinfo)

    def _next(self, hour: int, minute: int, now: datetime) -> datetime:
        try:
            clock = time(hour, minute)
        except ValueError as error:
            raise ValueError(f"{shown(self.written)} is no time of day: {error}; {_HOW}") from None
        today = datetime.combine(now.date(), clock, tzinfo=now.tzinfo)
        # Compared in UTC: two moments of one zone are compared by their clocks, which an hour in autumn shows twice.
        if today.astimezone(UTC) > now.astimezone(UTC):
            return today
        return datetime.combine(now.date() + timedelta(days=1), clock, tzinfo=now.tzinfo)

    def _from_now(self) -> tuple[int, int]:
        found = _FROM_NOW.fullmatch(self.written)
        hours, minutes = (int(found[1] or 0), int(found[2] or 0)) if found else (0, 0)
        if not hours and not minutes:
            raise ValueError(f"{shown(self.written)} is not a deadline; {_HOW}")
        return hours, minutes


@dataclass(frozen=True, slots=True)
class Window:
    """The time of day in which takes are submitted, as it is `written`: from one time up to another, or past midnight.

    Raises ValueError when it is none.
    """

    written: str

    def __post_init__(self) -> None:
        found = _WINDOW.fullmatch(self.written)
        if found is None:
            raise ValueError(f"{shown(self.written)} is not a window; write 22:00-06:00")
        opens, closes = (_clock(self.written, *parts) for parts in (found.groups()[:2], found.groups()[2:]))
        if opens == closes:
            raise ValueError(f"{shown(self.written)} has no length; leave it out to submit at any time")

    def __str__(self) -> str:
        return self.written

    def openings(self, now: datetime) -> list[tuple[datetime, datetime]]:
        """When it opens and closes, as meant by someone who writes it at `now`, in the time zone of `now`: from the one
        that is open or comes next on, for `WINDOW_DAYS` days. Nights in which the clocks change are longer or shorter.

        Raises ValueError when `now` has no time zone.
        """
        if now.tzinfo is None:
            raise ValueError("a window is reckoned from a moment with a time zone")
        found = _WINDOW.fullmatch(self.written)
        assert found is not None, "it was looked at when it was made"
        opens, closes = (_clock(self.written, *parts) for parts in (found.groups()[:2], found.groups()[2:]))
        made = []
        for day in range(-1, WINDOW_DAYS):
            date = now.date() + timedelta(days=day)
            until = date + timedelta(days=1) if closes < opens else date
            start = datetime.combine(date, opens, tzinfo=now.tzinfo)
            end = datetime.combine(until, closes, tzinfo=now.tzinfo)
            # Compared in UTC, for the reason that `Deadline` has; an hour that the clocks leave out has no length.
            if max(start.astimezone(UTC), now.astimezone(UTC)) < end.astimezone(UTC):
                made.append((start, end))
        return made


def _clock(written: str, hour: str, minute: str) -> time:
    try:
        return time(int(hour) % 24 if hour == "24" and minute == "00" else int(hour), int(minute))
    except ValueError as error:
        raise ValueError(f"{shown(written)} names no time of day: {error}; write 22:00-06:00") from None


def read_not_before(written: object) -> Deadline:
    """The moment before which nothing is submitted, written as a deadline is. Raises ValueError."""
    try:
        return read_deadline(written)
    except ValueError as error:
        raise ValueError(str(error).replace("is not a deadline", "is not a moment")) from None


def read_window(written: object) -> Window:
    """The time of day in which takes are submitted. Raises ValueError."""
    if isinstance(written, Window):
        return written
    if not isinstance(written, str):
        raise ValueError(f"{shown(written)} is not a window; write 22:00-06:00")
    return Window(written)


def read_weight(written: object) -> int:
    """How many takes of a batch are submitted for each one of a batch of weight 1. Raises ValueError."""
    number = whole_number(written)
    if not 1 <= number <= HIGHEST_WEIGHT:
        raise ValueError(f"{number} is out of range; give 1 to {HIGHEST_WEIGHT}")
    return number


def read_budget(written: object) -> Budget:
    """A budget: an amount, or a mapping with `limit` and, if wanted, `stop` and `cancel`. Raises `Faults` for the
    latter, ValueError for the former."""
    if isinstance(written, Budget):
        return written
    if not isinstance(written, Mapping):
        limit = read_amount(written)
        return Budget(limit, limit, limit)
    faults = list(_unknown_parts(written))
    if "limit" not in written:
        if not faults:
            faults.append(Fault(("limit",), "missing: a budget in parts needs its limit, as  limit: 40 USD"))
        raise Faults(faults)
    try:
        limit = read_amount(written["limit"])
    except ValueError as error:
        raise Faults([*faults, Fault(("limit",), str(error))]) from None
    parts = {"stop": limit, "cancel": limit}
    for name in parts.keys() & written.keys():
        try:
            parts[name] = _threshold(written[name], limit)
        except ValueError as error:
            faults.append(Fault((name,), str(error)))
    stop, cancel = parts["stop"], parts["cancel"]
    if not faults and stop.amount > limit.amount:
        faults.append(Fault(("stop",), f"{stop} is above the limit of {limit}; give {limit} at most"))
    elif not faults and cancel.amount < stop.amount:
        faults.append(Fault(("cancel",), f"{cancel} is less than {stop}, where submitting stops; give {stop} at least"))
    if faults:
        raise Faults(sorted(faults))
    return Budget(limit, stop, cancel)


def read_deadline(written: object) -> Deadline:
    """A deadline. Raises ValueError."""
    if isinstance(written, Deadline):
        return written
    if not isinstance(written, str):
        raise ValueError(f"{shown(written)} is not a deadline; {_HOW}")
    return Deadline(written)


def read_max_failures(written: object) -> int:
    """How many takes of a batch may fail before nothing more is submitted. Raises ValueError."""
    number = whole_number(written)
    if not 1 <= number <= MOST_FAILURES:
        raise ValueError(f"{number} is out of range; give 1 (stop at the first failure) or more")
    return number


def read_on_doubt(written: object) -> OnDoubt:
    """What becomes of an attempt that nothing settles. Raises ValueError."""
    if written == "hold":
        return "hold"
    if written == "resubmit":
        return "resubmit"
    raise ValueError(f"{shown(written)} is neither hold (a person decides) nor resubmit (which may be paid twice)")


def read_route(written: object) -> Route:
    """Which of several providers comes first. Raises ValueError."""
    if written == "ordered":
        return "ordered"
    if written == "cheapest":
        return "cheapest"
    if written == "fastest":
        return "fastest"
    raise ValueError(f"{shown(written)} is no route; write ordered, cheapest or fastest")


def read_moderation(written: object) -> Moderation:
    """What becomes of a take that moderation has refused. Raises ValueError."""
    if written == "stay":
        return "stay"
    if written == "carry":
        return "carry"
    raise ValueError(f"{shown(written)} is neither stay (refused is refused) nor carry (the next provider is asked)")


def read_priority(written: object) -> int:
    """A priority; what has a higher one is submitted first. Raises ValueError."""
    number = whole_number(written)
    if not -HIGHEST_PRIORITY <= number <= HIGHEST_PRIORITY:
        raise ValueError(f"{number} is out of range; give {-HIGHEST_PRIORITY} (last) to {HIGHEST_PRIORITY} (first)")
    return number


def _unknown_parts(written: Mapping[object, object]) -> list[Fault]:
    parts = ("limit", "stop", "cancel")
    unknown = [str(name) for name in written if name not in parts]
    hints = {name: did_you_mean(name, parts) or "; known here: limit, stop, cancel" for name in unknown}
    return [Fault((name,), f"unknown key {shown(name)}{hint}") for name, hint in hints.items()]


def _threshold(written: object, limit: Amount) -> Amount:
    if isinstance(written, str) and (percent := _PERCENT.fullmatch(written)):
        part = (limit.amount * Decimal(percent[1]) / 100).quantize(Decimal(1) / MICROS, rounding=ROUND_FLOOR)
        return read_amount(str(Amount(part, limit.currency)))
    try:
        amount = read_amount(written)
    except ValueError as error:
        raise ValueError(f"{error}; or as a percentage of the limit, as 90%") from None
    if amount.currency != limit.currency:
        raise ValueError(f"{amount} is in another currency than the limit of {limit}; write it in {limit.currency}")
    return amount
