"""Sweep axes and the space that they span.

An axis is written as a list of values or as a range `a..b` of whole numbers, both ends included. Nothing
here is ever laid out: an axis of a thousand million seeds costs as little as one of three words.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.faults import Fault, Faults, Loc, shown
from jobs.fields import NUMBERS, READERS, UNSWEPT
from jobs.takes import AxisValue
from jobs.templates import as_text

Written = tuple[AxisValue, ...] | str
"""An axis as the manifest holds it: the values, or a range."""

_RANGE = re.compile(r"\s*([+-]?\d{1,60})\s*\.\.\s*([+-]?\d{1,60})\s*", re.ASCII)
_STEPPED = re.compile(r"\s*([+-]?\d+)\s*\.\.\s*([+-]?\d+)\s*:\s*\d+\s*", re.ASCII)


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
    def samples(self) -> Iterator[tuple[Loc, AxisValue]]:
        """The values that stand for all, each with its place in the axis: what holds for these holds for
        every one. Of a list all, of a range both ends."""

    @abstractmethod
    def written(self) -> Written:
        """The axis as the manifest holds it."""


@dataclass(frozen=True, slots=True)
class Listed(Axis):
    """An axis written as a list."""

    values: Sequence[AxisValue]

    @property
    def count(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> AxisValue:
        if index < 0:
            raise IndexError(index)
        return self.values[index]

    def samples(self) -> Iterator[tuple[Loc, AxisValue]]:
        return (((at,), value) for at, value in enumerate(self.values))

    def written(self) -> Written:
        return tuple(self.values)


@dataclass(frozen=True, slots=True)
class Range(Axis):
    """An axis written as `first..last`."""

    first: int
    last: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    def __getitem__(self, index: int) -> AxisValue:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self.first + index

    def samples(self) -> Iterator[tuple[Loc, AxisValue]]:
        yield (), self.first
        if self.last != self.first:
            yield (), self.last

    def written(self) -> Written:
        return f"{self.first}..{self.last}"


class Space:
    """The product of some axes, in their order, the last turning fastest. With no axes it has one cell."""

    def __init__(self, axes: Mapping[str, Axis]) -> None:
        self.axes = dict(axes)
        self.count = math.prod(axis.count for axis in self.axes.values())
        """How many cells there are. Unlike `len()`, good for any number."""

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, AxisValue]:
        """The values in cell `index`, in the order of the axes. Raises IndexError outside 0 to `count` - 1."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        rest = index
        steps = []
        for name, axis in reversed(self.axes.items()):
            rest, step = divmod(rest, axis.count)
            steps.append((name, axis[step]))
        return dict(reversed(steps))


def axis(written: Written) -> Axis:
    """The axis that `written` stands for. Raises ValueError for text that is not a range."""
    return _range(written) if isinstance(written, str) else Listed(written)


def read_axis(name: str, written: object) -> Axis:
    """The axis that a manifest holds under `name`, its values read and checked.

    An axis that bears the name of a field holds values of that field; any other is a variable of the prompt,
    whose values are text. Raises `Faults`, with all that is wrong.
    """
    if not name.isidentifier():
        raise Faults([Fault((), f"{shown(name)} can't be an axis: use letters, digits and _")])
    if name in UNSWEPT:
        raise Faults([Fault((), f"{name} can't be swept; set it for the shot")])
    if isinstance(written, str):
        try:
            found = _range(written)
        except ValueError as error:
            raise Faults([Fault((), str(error))]) from None
        if name in READERS and name not in NUMBERS:
            raise Faults([Fault((), f"{shown(written)} gives numbers, and {name} takes none; write a list")])
        return found
    if not isinstance(written, list | tuple):
        raise Faults([Fault((), f"{shown(written)} is one value; an axis is a list ([a, b]) or a range (1..8)")])
    if not written:
        raise Faults([Fault((), "the axis has no values, and so the shot would have no takes")])
    faults = [*_value_faults(name, written), *_repeats(written)]
    if faults:
        raise Faults(sorted(faults, key=lambda fault: int(fault.loc[0])))
    reader = READERS.get(name)
    return Listed(tuple(written if reader is None else map(reader, written)))


def read_sweep(written: object) -> dict[str, Written]:
    """A whole sweep as the manifest holds it, read and checked. Raises `Faults`, with all that is wrong."""
    if not isinstance(written, Mapping):
        raise Faults([Fault((), f"{shown(written)} is not a mapping; write each axis as  name: [values]")])
    faults: list[Fault] = []
    read: dict[str, Written] = {}
    for name, values in written.items():
        try:
            read[name] = read_axis(name, values).written()
        except Faults as found:
            faults += (Fault((name, *fault.loc), fault.message) for fault in found.faults)
    if faults:
        raise Faults(faults)
    return read


def _range(written: str) -> Range:
    ends = _RANGE.fullmatch(written)
    if ends is None:
        if _STEPPED.fullmatch(written):
            raise ValueError(f"{shown(written)} has a step, which isn't taken yet; write the values as a list")
        raise ValueError(f"{shown(written)} is not a range of whole numbers (1..8); for one value write [value]")
    first, last = int(ends[1]), int(ends[2])
    if first > last:
        raise ValueError(f"{shown(written)} runs backwards; write {last}..{first}")
    return Range(first, last)


def _value_faults(name: str, values: Sequence[object]) -> Iterator[Fault]:
    reader = READERS.get(name)
    for at, value in enumerate(values):
        loc = (at,)
        if isinstance(value, list | tuple | Mapping):
            yield Fault(loc, "an axis holds single values, no lists and no mappings")
        elif not isinstance(value, str | int | float):
            yield Fault(loc, f"{shown(value)} is not a value that an axis can hold")
        elif isinstance(value, float) and not math.isfinite(value):
            yield Fault(loc, f"{shown(value)} is not a number to render with; put quotes around it if it is text")
        elif reader is not None:
            try:
                reader(value)
            except ValueError as error:
                yield Fault(loc, str(error))


def _repeats(values: Sequence[object]) -> Iterator[Fault]:
    """A value twice would be the same take twice, paid for twice."""
    first: dict[str, int] = {}
    for at, value in enumerate(values):
        if isinstance(value, str | int | float):
            text = as_text(value)
            if text in first:
                yield Fault((at,), f"{shown(value)} stands in this axis already, at [{first[text]}]")
            else:
                first[text] = at
