"""Sweep axes: the values that one name takes, by their place.

Nothing here is ever laid out: an axis of a thousand million seeds costs as little as one of three words.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import islice

from jobs.faults import SHOWN, Loc, choice, did_you_mean, shown
from jobs.fields.templates import as_text
from jobs.sweeps.picks import Picks, merged, of_places
from jobs.sweeps.shuffling import Permutation
from jobs.takes import AxisValue

Entry = AxisValue | Mapping[str, AxisValue]
"""One value of an axis as the manifest holds it: plain; `{value: dawn, weight: 3}`; or a row of several variables."""

Written = tuple[Entry, ...] | str
"""What stands under one name of a sweep: the values, or a range."""

MOST_DIGITS = 15
"""The most digits that a number of a range with decimals has, so that each of its values is exact in a double."""

MOST_STEPS = 200_000
"""How many values of an axis are looked through one by one, where there is no other way."""

LARGEST_SEED = 2**31 - 1
"""The largest of the seeds that `takes` deals. Every provider takes them from 0 or 1 to here."""

_WHOLE = r"[+-]?\d{1,60}"
_DECIMAL = r"[+-]?\d{1,60}(?:\.\d{1,60})?"
_DASHED = re.compile(r"\s*(\d{1,10})\s*(?:-|to|\.{3,})\s*(\d{1,10})\s*", re.ASCII)
_RANGE = re.compile(rf"\s*({_WHOLE})\s*\.\.\s*({_WHOLE})\s*(?::\s*({_WHOLE})\s*)?", re.ASCII)
_DECIMALS = re.compile(rf"\s*({_DECIMAL})\s*\.\.\s*({_DECIMAL})\s*(?::\s*({_DECIMAL})\s*)?", re.ASCII)
_NUMBER = re.compile(_DECIMAL, re.ASCII)


class Axis(ABC):
    """The values of one axis, by their place from 0."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many values there are. It may exceed `sys.maxsize`, which `len()` may not."""

    @abstractmethod
    def __getitem__(self, index: int) -> AxisValue:
        """The value at `index`. Raises IndexError outside 0 to `count` - 1."""

    @abstractmethod
    def samples(self, picks: Picks | None = None) -> Iterator[tuple[Loc, AxisValue]]:
        """The values that stand for all, or for all of `picks`, each with its place in the axis: what holds for these
        holds for every one. Of a list all, of a range both ends."""

    @abstractmethod
    def matching(self, wanted: Sequence[AxisValue]) -> Picks:
        """The places of the values that are `wanted`: values, compared as text, and ranges of numbers.

        Raises ValueError for one that no place has.
        """

    @abstractmethod
    def written(self) -> Written:
        """The axis as the manifest holds it."""


@dataclass(frozen=True)
class Listed(Axis):
    """An axis written as a list. `within` leads from one of its entries to the value, where that is a mapping."""

    values: Sequence[AxisValue]
    within: Loc = ()

    @property
    def count(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> AxisValue:
        if index < 0:
            raise IndexError(index)
        return self.values[index]

    def samples(self, picks: Picks | None = None) -> Iterator[tuple[Loc, AxisValue]]:
        spans = ((0, len(self.values)),) if picks is None else picks
        return (((at, *self.within), self.values[at]) for start, end in spans for at in range(start, end))

    def matching(self, wanted: Sequence[AxisValue]) -> Picks:
        found: list[int] = []
        for each in wanted:
            here = self._places.get(as_text(each)) or self._in_range(each)
            if not here:
                hint = did_you_mean(as_text(each), islice(self._places, 1_000)) or f"; it has {_some(self._places)}"
                raise ValueError(f"no value of the axis is {shown(each)}{hint}")
            found += here
        return of_places(found)

    def written(self) -> Written:
        return tuple(self.values)

    @cached_property
    def _places(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = {}
        for at, value in enumerate(self.values):
            found.setdefault(as_text(value), []).append(at)
        return found

    def _in_range(self, wanted: AxisValue) -> list[int]:
        if not isinstance(wanted, str) or not is_range(wanted):
            return []
        bounds = read_range(wanted)
        numbers = ((at, as_text(value)) for at, value in enumerate(self.values) if not isinstance(value, bool))
        return [at for at, text in numbers if _NUMBER.fullmatch(text) and bounds.place_of(Decimal(text)) is not None]


@dataclass(frozen=True)
class Range(Axis):
    """An axis written as `first..last` or `first..last:step`, with decimals in units of 10 to the minus `digits`."""

    first: int
    last: int
    step: int = 1
    digits: int = 0

    @property
    def count(self) -> int:
        return (self.last - self.first) // self.step + 1

    def __getitem__(self, index: int) -> AxisValue:
        if not 0 <= index < self.count:
            raise IndexError(index)
        value = self.first + index * self.step
        return float(self._exactly(value)) if self.digits else value

    def samples(self, picks: Picks | None = None) -> Iterator[tuple[Loc, AxisValue]]:
        least, most = (0, self.count - 1) if picks is None else (picks[0][0], picks[-1][1] - 1)
        places = {least, most}
        if self.digits:
            # An end may happen to have fewer decimals than all others; of two that follow each other, one has them all.
            places |= {min(least + 1, self.count - 1), max(most - 1, 0)}
        yield from (((), self[place]) for place in sorted(places))

    def matching(self, wanted: Sequence[AxisValue]) -> Picks:
        found: list[tuple[int, int]] = []
        for each in wanted:
            spans = self._spans(as_text(each))
            if not spans:
                raise ValueError(f"no value of the axis is {shown(each)}; it is {self.written()}")
            found += spans
        return merged(found)

    def written(self) -> Written:
        ends = f"{self._text(self.first)}..{self._text(self.last)}"
        return ends if self.step == 1 and not self.digits else f"{ends}:{self._text(self.step)}"

    def place_of(self, number: Decimal) -> int | None:
        """The place at which `number` stands, or None."""
        # Not by Decimal's own arithmetic, which rounds to 28 digits.
        scaled = Fraction(number) * 10**self.digits
        if not self.first <= scaled <= self.last or scaled.denominator != 1:
            return None
        place, rest = divmod(scaled.numerator - self.first, self.step)
        return None if rest else place

    def _spans(self, wanted: str) -> list[tuple[int, int]]:
        if _NUMBER.fullmatch(wanted):
            place = self.place_of(Decimal(wanted))
            return [] if place is None else [(place, place + 1)]
        if not is_range(wanted):
            return []
        other = read_range(wanted)
        if other.step == 1 and not other.digits and self.step == 1 and not self.digits:
            start, end = max(self.first, other.first), min(self.last, other.last)
            return [(start - self.first, end - self.first + 1)] if start <= end else []
        one, many = sorted((self, other), key=lambda each: each.count)
        if one.count > MOST_STEPS:
            raise ValueError(f"{shown(wanted)} has a step, and the axis more than {MOST_STEPS:,} values; give its ends")
        both = (number for number in map(one.number, range(one.count)) if many.place_of(number) is not None)
        places = (self.place_of(number) for number in both)
        return [(place, place + 1) for place in places if place is not None]

    def number(self, index: int) -> Decimal:
        """The value at `index`, exactly."""
        return self._exactly(self.first + index * self.step)

    def _text(self, scaled: int) -> str:
        return f"{self._exactly(scaled):f}"

    def _exactly(self, scaled: int) -> Decimal:
        return Decimal(scaled).scaleb(-self.digits) if self.digits else Decimal(scaled)


@dataclass(frozen=True)
class Seeds(Axis):
    """The seeds that `takes` deals: any number of them, all different, the same for the same `key`.

    A longer one begins as a shorter one does.
    """

    key: str
    dealt: int

    @property
    def count(self) -> int:
        return self.dealt

    def __getitem__(self, index: int) -> AxisValue:
        if not 0 <= index < self.dealt:
            raise IndexError(index)
        return 1 + self._order[index]

    def samples(self, picks: Picks | None = None) -> Iterator[tuple[Loc, AxisValue]]:
        yield (), 1
        yield (), LARGEST_SEED

    def matching(self, wanted: Sequence[AxisValue]) -> Picks:
        raise ValueError("the seeds that takes deals aren't known beforehand; sweep over seed to choose among them")

    def written(self) -> Written:
        raise TypeError("the seeds that takes deals are written as their number")

    @cached_property
    def _order(self) -> Permutation:
        return Permutation(LARGEST_SEED, self.key)


def axis(written: Written) -> Axis:
    """The axis of one variable that `written` stands for. Raises ValueError for text that is not a range, and for
    rows of several variables."""
    if isinstance(written, str):
        return read_range(written)
    if any(isinstance(each, Mapping) for each in written):
        raise ValueError("rows of several variables are more than one axis")
    return Listed(tuple(each for each in written if not isinstance(each, Mapping)))


def is_range(text: str) -> bool:
    """Whether `text` is written as a range, of whole numbers or with decimals."""
    return _DECIMALS.fullmatch(text) is not None


def read_range(written: str) -> Range:
    """The range that `written` is. Raises ValueError."""
    if whole := _RANGE.fullmatch(written):
        return _range(written, int(whole[1]), int(whole[2]), 1 if whole[3] is None else int(whole[3]), 0)
    found = _DECIMALS.fullmatch(written)
    if found is None:
        raise ValueError(f"{shown(written)} is not a range (1..8, 1..10:3, 0.1..0.5:0.1); {_to_write(written)}")
    if found[3] is None:
        raise ValueError(f"{shown(written)} has decimals, and so needs a step: write {written.strip()}:0.1")
    ends = [Decimal(each) for each in found.groups()]
    digits = max(-int(number.as_tuple().exponent) for number in ends)
    first, last, step = (int(number.scaleb(digits)) for number in ends)
    if max(len(str(abs(each))) for each in (first, last)) > MOST_DIGITS:
        raise ValueError(f"{shown(written)} has more than {MOST_DIGITS} digits, which aren't exact any more")
    return _range(written, first, last, step, digits)


def _to_write(written: str) -> str:
    """What was probably meant by what is no range."""
    if ends := _DASHED.fullmatch(written):
        return f"write {ends[1]}..{ends[2]}"
    values = [value.strip() for value in written.split(",")]
    if len(values) > 1 and all(values) and len(written) <= SHOWN:
        return f"several values are a list: write [{', '.join(values)}]"
    return "for one value write [value]"


def _range(written: str, first: int, last: int, step: int, digits: int) -> Range:
    if step <= 0:
        raise ValueError(f"{shown(written)} has a step of nothing or less; give one above 0")
    if first > last:
        ends, _, stepped = written.partition(":")
        low, _, high = ends.partition("..")
        tail = f":{stepped.strip()}" if stepped else ""
        raise ValueError(f"{shown(written)} runs backwards; write {high.strip()}..{low.strip()}{tail}")
    return Range(first, last, step, digits)


def _some(values: Mapping[str, object]) -> str:
    first = [shown(value) for value in islice(values, 6)]
    return choice(first) if len(values) <= len(first) else f"{', '.join(first)} and {len(values) - len(first):,} more"
