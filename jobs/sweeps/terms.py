"""One term of a union: a grid, of which rules leave out cells, and earlier terms too."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

from jobs.faults import Loc
from jobs.fields.templates import as_text
from jobs.sweeps.axes import MOST_STEPS, Listed
from jobs.sweeps.diagram import Box, Diagram, Lengths
from jobs.sweeps.dimensions import Dimension, Single, Wanted
from jobs.takes import AxisValue

MOST_LAID_OUT = 200_000
"""Up to how many cells are looked at one by one, where there is no other way to be exact."""

MOST_COMPARED = 50_000
"""Up to how many cells two terms of a union are compared by, for what they have in common."""


class NoSpace(ValueError):
    """The sweep can't be made into a space. The message says why."""


class Term:
    """One term of a union: a grid, of which rules leave out cells, and earlier terms too."""

    def __init__(
        self,
        dimensions: Sequence[Dimension],
        order: Sequence[str],
        include: Sequence[Wanted],
        exclude: Sequence[Wanted],
    ) -> None:
        self.dimensions = tuple(dimensions)
        self.names = tuple(name for each in dimensions for name in each.names)
        self._order = tuple(name for name in order if name in self.names)
        self._in_order = self._order == self.names
        self._rules = (self._boxes(include) if include else None, self._boxes(exclude))
        self.diagram = Diagram([Lengths(each.count) for each in dimensions], *self._rules)
        self._plain = self.diagram.whole
        # A product of single axes, which nearly every sweep is, is read without anything in between.
        singles = [each for each in self.dimensions if isinstance(each, Single)]
        self._simple = (
            [
                (each.name, each.axis.values if isinstance(each.axis, Listed) else each.axis, tail)
                for each, tail in zip(singles, _tails([each.count for each in singles]), strict=True)
            ]
            if self._plain and self._in_order and len(singles) == len(self.dimensions)
            else None
        )
        self._dropped: list[int] = []
        self.count = self.diagram.total

    @property
    def whole(self) -> bool:
        return self._plain and not self._dropped

    def cell(self, rank: int) -> dict[str, AxisValue]:
        if self._dropped:
            rank = self._kept(rank)
        if self._simple is not None:
            found: dict[str, AxisValue] = {}
            for name, values, tail in self._simple:
                place, rank = divmod(rank, tail)
                found[name] = values[place]
            return found
        return self.at(self.places(rank))

    def places(self, rank: int) -> Sequence[int]:
        if not self._plain:
            return self.diagram.cell(rank)
        found = []
        for dimension in reversed(self.dimensions):
            rank, place = divmod(rank, dimension.count)
            found.append(place)
        found.reverse()
        return found

    def at(self, places: Sequence[int]) -> dict[str, AxisValue]:
        found: dict[str, AxisValue] = {}
        for dimension, place in zip(self.dimensions, places, strict=True):
            dimension.fill(place, found)
        return found if self._in_order else {name: found[name] for name in self._order}

    def rank(self, places: Sequence[int]) -> int | None:
        """The rank of the cell with these places among those that are kept."""
        rank = self.diagram.rank(places)
        if rank is None or not self._dropped:
            return rank
        before = bisect_left(self._dropped, rank)
        dropped = before < len(self._dropped) and self._dropped[before] == rank
        return None if dropped else rank - before

    def ranks_of(self, cell: Mapping[str, AxisValue]) -> Iterator[int]:
        """The ranks of the cells that hold these values; there may be several where a list holds a value twice."""
        wanted = {name: (value,) for name, value in cell.items()}
        try:
            box = [each.picks(wanted) or () for each in self.dimensions]
        except ValueError:
            return
        found: list[tuple[int, ...]] = [()]
        for picks in box:
            found = [(*each, place) for each in found for start, end in picks for place in range(start, end)]
        for places in found:
            rank = self.rank(places)
            if rank is not None:
                yield rank

    def leave_out(self, earlier: Term) -> None:
        """Leave out what `earlier` has too. Raises `NoSpace` when both are too large to compare."""
        if set(earlier.names) != set(self.names) or not self.count or not earlier.count:
            return
        if min(self.count, earlier.count) > MOST_COMPARED:
            raise NoSpace(
                f"two terms of the union, of {earlier.count:,} and {self.count:,} cells, may have cells in common, and "
                f"more than {MOST_COMPARED:,} aren't compared; write them so that one is smaller, or as two shots"
            )
        if self.count <= earlier.count:
            mine = (rank for rank in range(self.count) if any(True for _ in earlier.ranks_of(self.cell(rank))))
        else:
            mine = (rank for at in range(earlier.count) for rank in self.ranks_of(earlier.cell(at)))
        dropped = {self._kept(rank) if self._dropped else rank for rank in mine}
        self._dropped = sorted({*self._dropped, *dropped})
        self.count = self.diagram.total - len(self._dropped)

    def weighed(self) -> Diagram | None:
        """The cells by their weights, or None when there are none."""
        if all(each.weights is None for each in self.dimensions):
            return None
        return Diagram([Lengths(each.count, each.weights) for each in self.dimensions], *self._rules)

    def parts(self, by: str) -> Iterator[dict[str, tuple[tuple[Loc, AxisValue], ...]]]:
        at = next((at for at, each in enumerate(self.dimensions) if by in each.names), None)
        if at is None or (self._plain and isinstance(self.dimensions[at], Single)):
            yield self._part(None if self._plain else self.diagram.occurring())
            return
        for loc, value in {as_text(each[1]): each for each in self.dimensions[at].samples(by, None)}.values():
            given: list[tuple[tuple[int, int], ...] | None] = [None] * len(self.dimensions)
            given[at] = self.dimensions[at].picks({by: (value,)})
            occurring = self.diagram.occurring(tuple(given))
            if all(occurring):
                yield {**self._part(occurring), by: ((loc, value),)}

    def _part(
        self, occurring: Sequence[tuple[tuple[int, int], ...]] | None
    ) -> dict[str, tuple[tuple[Loc, AxisValue], ...]]:
        found: dict[str, tuple[tuple[Loc, AxisValue], ...]] = {}
        for at, dimension in enumerate(self.dimensions):
            picks = None if occurring is None or occurring[at] == ((0, dimension.count),) else occurring[at]
            for name in dimension.names:
                found[name] = tuple(dimension.samples(name, picks))
        return {name: found[name] for name in self._order}

    def tally(self, names: Sequence[str]) -> Counter[tuple[tuple[str, AxisValue], ...]] | None:
        keys: list[Callable[[int], Hashable] | None] = []
        combinations = 1
        for dimension in self.dimensions:
            mine = [name for name in names if name in dimension.names]
            if not mine:
                keys.append(None)
                continue
            if dimension.count > MOST_STEPS:
                return None
            values = [projected(_at(dimension, place), mine) for place in range(dimension.count)]
            combinations *= len(set(values))
            keys.append(values.__getitem__)
        if combinations > MOST_LAID_OUT:
            return None
        found: Counter[tuple[tuple[str, AxisValue], ...]] = Counter()
        for key, count in self.diagram.tally(keys).items():
            found[tuple(each for part in key for each in part)] += count  # type: ignore[attr-defined]
        for rank in self._dropped:
            cell = self.at(self.places(rank))
            found[
                tuple(each for dim in self.dimensions for each in projected(cell, [n for n in names if n in dim.names]))
            ] -= 1
        return found

    def _kept(self, rank: int) -> int:
        """The rank in the diagram of what has `rank` among what isn't dropped."""
        low, high = 0, len(self._dropped)
        while low < high:
            middle = (low + high) // 2
            if self._dropped[middle] - middle <= rank:
                low = middle + 1
            else:
                high = middle
        return rank + low

    def _boxes(self, rules: Sequence[Wanted]) -> list[Box]:
        return [
            tuple(each.picks(rule) for each in self.dimensions)
            for rule in rules
            if all(name in self.names for name in rule)
        ]


def projected(cell: Mapping[str, AxisValue], names: Sequence[str]) -> tuple[tuple[str, AxisValue], ...]:
    """What a cell has of `names`, with their names."""
    return tuple((name, cell[name]) for name in names if name in cell)


def _tails(counts: Sequence[int]) -> list[int]:
    """For each how many cells those after it have together."""
    found = [1]
    for count in reversed(counts[1:]):
        found.append(found[-1] * count)
    return found[::-1] if counts else []


def _at(dimension: Dimension, place: int) -> dict[str, AxisValue]:
    found: dict[str, AxisValue] = {}
    dimension.fill(place, found)
    return found
