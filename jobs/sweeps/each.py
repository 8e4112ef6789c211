"""The dimension of a shot that is rendered once for each take of another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING

from jobs.faults import Loc
from jobs.fields.templates import as_text
from jobs.sweeps.axes import MOST_STEPS, Axis, Listed
from jobs.sweeps.dimensions import Dimension, Wanted
from jobs.sweeps.picks import Picks, of_places, places, size
from jobs.takes import AxisValue

if TYPE_CHECKING:
    from jobs.sweeps.space import Space


class ForEach(Dimension):
    """Goes through the takes of `space`, with what they have of `names`."""

    def __init__(self, space: Space, names: tuple[str, ...]) -> None:
        self.space = space
        self.names = names
        self.count = space.count
        self.weights = None

    def __eq__(self, other: object) -> bool:
        """Two are alike that give the same names: whether of the same shot, the manifests around them tell."""
        return isinstance(other, ForEach) and (self.names, self.count) == (other.names, other.count)

    def __hash__(self) -> int:
        return hash((self.names, self.count))

    def fill(self, place: int, into: MutableMapping[str, AxisValue]) -> None:
        cell = self.space[place]
        into.update((name, cell[name]) for name in self.names)

    def picks(self, wanted: Wanted) -> Picks | None:
        mine = {name: {as_text(value) for value in wanted[name]} for name in self.names if name in wanted}
        if not mine or self.count > MOST_STEPS:
            return None
        cells = ((place, self.space[place]) for place in range(self.count))
        return of_places(
            place for place, cell in cells if all(as_text(cell[name]) in values for name, values in mine.items())
        )

    def samples(self, name: str, picks: Picks | None) -> Iterator[tuple[Loc, AxisValue]]:
        found: dict[str, AxisValue] = {}
        if picks is None or size(picks) > MOST_STEPS:
            for part in self.space.parts(""):
                found |= {as_text(value): value for _, value in part.get(name, ())}
        else:
            values = (self.space[place][name] for place in places(picks))
            found = {as_text(value): value for value in values}
        return (((), value) for value in found.values())

    def axes(self) -> Mapping[str, Axis]:
        """The values that stand for all that each of its names has, as axes."""
        return {name: Listed(tuple(value for _, value in self.samples(name, None))) for name in self.names}
