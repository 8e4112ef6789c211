"""The dimensions of a grid: one axis, or several through which one goes at once."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from itertools import product

from jobs.faults import Loc
from jobs.sweeps.axes import MOST_STEPS, Axis
from jobs.sweeps.picks import Picks, common, merged, places, size
from jobs.takes import AxisValue

Wanted = Mapping[str, Sequence[AxisValue]]
"""For some names the values that are meant."""


class Dimension(ABC):
    """Places from 0 to `count` - 1, each with a value for every one of `names`. `weights` are by place, or None."""

    names: tuple[str, ...]
    count: int
    weights: Sequence[int] | None

    @abstractmethod
    def fill(self, place: int, into: MutableMapping[str, AxisValue]) -> None:
        """Put the values at `place` into `into`."""

    @abstractmethod
    def picks(self, wanted: Wanted) -> Picks | None:
        """The places whose values are all `wanted`; None when nothing is said of its names.

        Raises ValueError for a value that no place has.
        """

    @abstractmethod
    def samples(self, name: str, picks: Picks | None) -> Iterator[tuple[Loc, AxisValue]]:
        """The values of `name` that stand for all of `picks` (None: all of them), each with its place in its axis."""


class Single(Dimension):
    """One axis."""

    def __init__(self, name: str, axis: Axis, weights: Sequence[int] | None = None) -> None:
        self.names = (name,)
        self.name = name
        self.axis = axis
        self.count = axis.count
        self.weights = weights

    def fill(self, place: int, into: MutableMapping[str, AxisValue]) -> None:
        into[self.name] = self.axis[place]

    def picks(self, wanted: Wanted) -> Picks | None:
        return self.axis.matching(wanted[self.name]) if self.name in wanted else None

    def samples(self, name: str, picks: Picks | None) -> Iterator[tuple[Loc, AxisValue]]:
        return self.axis.samples(picks)


class Zipped(Dimension):
    """Several dimensions of one length, gone through at once."""

    def __init__(self, members: Sequence[Dimension], weights: Sequence[int] | None = None) -> None:
        self.members = tuple(members)
        self.names = tuple(name for member in members for name in member.names)
        self.count = members[0].count
        self.weights = weights if weights is not None else _multiplied([member.weights for member in members])
        self._member = {name: member for member in members for name in member.names}

    def fill(self, place: int, into: MutableMapping[str, AxisValue]) -> None:
        for member in self.members:
            member.fill(place, into)

    def picks(self, wanted: Wanted) -> Picks | None:
        found: Picks | None = None
        for member in self.members:
            theirs = member.picks(wanted)
            if theirs is not None:
                found = theirs if found is None else common(found, theirs)
        return found

    def samples(self, name: str, picks: Picks | None) -> Iterator[tuple[Loc, AxisValue]]:
        return self._member[name].samples(name, picks)


class Nested(Dimension):
    """A product that is itself gone through at once with something else."""

    def __init__(self, parts: Sequence[Dimension]) -> None:
        self.parts = tuple(parts)
        self.names = tuple(name for part in parts for name in part.names)
        self.count = math.prod(part.count for part in parts)
        self.weights = None
        given = [part.weights for part in parts]
        if any(weights is not None for weights in given):
            if self.count > MOST_STEPS:
                raise ValueError(f"weights in a product within ( , ) go with up to {MOST_STEPS:,} cells")
            each = [[1] * part.count if part.weights is None else part.weights for part in parts]
            self.weights = [math.prod(weights) for weights in product(*each)]
        self._tails = [math.prod(part.count for part in parts[at + 1 :]) for at in range(len(parts))]

    def fill(self, place: int, into: MutableMapping[str, AxisValue]) -> None:
        for part, tail in zip(self.parts, self._tails, strict=True):
            step, place = divmod(place, tail)
            part.fill(step, into)

    def picks(self, wanted: Wanted) -> Picks | None:
        box = [part.picks(wanted) for part in self.parts]
        if all(picks is None for picks in box):
            return None
        found: Picks | None = None
        for part, picks, tail in zip(reversed(self.parts), reversed(box), reversed(self._tails), strict=True):
            if found is None:
                found = None if picks is None else tuple((start * tail, end * tail) for start, end in picks)
                continue
            all_of_it: Picks = ((0, part.count),)
            mine = all_of_it if picks is None else picks
            if size(mine) * len(found) > MOST_STEPS:
                raise ValueError(f"this cuts a product within ( , ) into more than {MOST_STEPS:,} pieces")
            found = merged((place * tail + start, place * tail + end) for place in places(mine) for start, end in found)
        return found

    def samples(self, name: str, picks: Picks | None) -> Iterator[tuple[Loc, AxisValue]]:
        at = next(at for at, part in enumerate(self.parts) if name in part.names)
        part, tail = self.parts[at], self._tails[at]
        if picks is None or size(picks) > MOST_STEPS:
            return part.samples(name, None)
        return part.samples(
            name, merged((step, step + 1) for step in {place // tail % part.count for place in places(picks)})
        )


def _multiplied(weights: Sequence[Sequence[int] | None]) -> Sequence[int] | None:
    given = [each for each in weights if each is not None]
    return [math.prod(each) for each in zip(*given, strict=True)] if given else None
