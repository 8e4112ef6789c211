"""The space of a shot: its takes by their place, whatever its sweep is made of. No take is laid out for another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from jobs.faults import Loc
from jobs.fields.templates import as_text
from jobs.sweeps import combining
from jobs.sweeps.axes import Axis, Listed, Range, Seeds
from jobs.sweeps.dimensions import Dimension, Nested, Single, Wanted, Zipped
from jobs.sweeps.keys import Key
from jobs.sweeps.sampling import Sample, chosen, running, span
from jobs.sweeps.terms import MOST_LAID_OUT, NoSpace, Term, projected
from jobs.takes import AxisValue

COULD_BE = "reckoned for the whole sweep, whichever of it is taken: it is too large to look at each take"
"""What is said of a fault that is sure only of what could be taken."""

NOBODY = ""
"""No name at all: the parts by it hold what occurs, whatever it stands beside."""

Samples = Mapping[str, tuple[tuple[Loc, AxisValue], ...]]
"""For each name the values that stand for all that it has, with the way to each from the shot."""


class Space:
    """The cells of a sweep, in order, the last axis turning fastest; each is a value for every name.

    `include` and `exclude` are rules: partial cells, of which a cell must match any and may match none. `each`
    comes before all axes and turns slowest; `seeds` and `repeat` come after everything else, and turn fastest. Raises
    `NoSpace`, and ValueError where a rule names a value that isn't there.
    """

    def __init__(
        self,
        axes: Mapping[str, Axis | Key],
        *,
        combine: Sequence[combining.Term] | None = None,
        include: Sequence[Wanted] = (),
        exclude: Sequence[Wanted] = (),
        sample: Sample | None = None,
        seeds: Seeds | None = None,
        repeat: int | None = None,
        each: Dimension | None = None,
    ) -> None:
        keys = {name: _key(name, each) for name, each in axes.items()}
        self._keys = keys
        self._of_each = () if each is None else each.names
        order = [*self._of_each, *(name for key in keys.values() for name in key.columns)]
        before = [] if each is None else [each]
        terms = combining.product_of_all(list(keys)) if combine is None else combine
        made = [Term([*before, *_dimensions(term, keys)], order, include, exclude) for term in terms]
        for at, term in enumerate(made):
            for earlier in made[:at]:
                term.leave_out(earlier)
        self.terms = [term for term in made if term.count]
        self._starts = running(term.count for term in self.terms)
        self.cells = self._starts.pop()
        """How many cells there are before any is sampled or dealt more than once."""
        if not self.cells:
            raise NoSpace("nothing is left of the sweep, and so the shot would have no takes")
        self._sample = sample
        self._chosen = None if sample is None else chosen(self.terms, self._starts, self.cells, sample)
        self.taken = self.cells if sample is None else sample.n
        """How many cells are taken, before `seeds` and `repeat`."""
        last: dict[str, Axis] = {}
        if seeds is not None:
            last["seed"] = seeds
        if repeat is not None:
            last[REPEAT] = Range(1, repeat)
        self._last = list(last.items())
        self._each = 1
        for axis in last.values():
            self._each *= axis.count
        self.count = self.taken * self._each
        """How many takes there are. Unlike `len()`, good for any number."""

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, AxisValue]:
        """The values in cell `index`, in the order of the manifest. Raises IndexError outside 0 to `count` - 1."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        if not self._last:
            return self.cell(index)
        index, rest = divmod(index, self._each)
        steps = []
        for name, axis in reversed(self._last):
            rest, step = divmod(rest, axis.count)
            steps.append((name, axis[step]))
        return {**self.cell(index), **dict(reversed(steps))}

    def cell(self, index: int) -> dict[str, AxisValue]:
        """What the sweep gives to the cell at `index`, without `seeds` and `repeat`."""
        rank = index if self._chosen is None else self._chosen[index]
        if len(self.terms) == 1:
            return self.terms[0].cell(rank)
        at = span(self._starts, rank)
        return self.terms[at].cell(rank - self._starts[at])

    @property
    def is_product(self) -> bool:
        """Whether every value of each axis stands with every value of all the others."""
        if self._sample is not None or len(self.terms) != 1:
            return False
        term = self.terms[0]
        return term.whole and all(isinstance(each, Single) for each in term.dimensions)

    @property
    def sampled(self) -> bool:
        """Whether only some of the cells are taken."""
        return self._sample is not None

    def unsampled(self) -> Space:
        """This space with every cell taken, each once."""
        space = Space.__new__(Space)
        space.__dict__.update(self.__dict__)
        space._sample, space._chosen, space._last, space._each = None, None, [], 1
        space.taken = space.count = self.cells
        return space

    def parts(self, by: str) -> Iterator[Samples]:
        """The space in parts, in each of which every value that a name has stands beside the value of `by` that it has.

        Each is the values of its names. Of a sampled space it is what could be taken.
        """
        for term in self.terms:
            for part in term.parts(by):
                found = {name: tuple((self._loc(name, loc), value) for loc, value in part[name]) for name in part}
                for name, axis in self._last:
                    if name != REPEAT:
                        found[name] = tuple((("takes",), value) for _, value in axis.samples())
                yield found

    def parts_taken(self, by: str) -> Iterator[Samples]:
        """As `parts`, of what is taken alone. Each cell is looked at, so there may be `MOST_LAID_OUT` of them."""
        seen: dict[str | None, dict[str, set[str]]] = {}
        for index in range(self.taken):
            cell = self.cell(index)
            here = seen.setdefault(as_text(cell[by]) if by in cell else None, {})
            for name, value in cell.items():
                here.setdefault(name, set()).add(as_text(value))
        for part in self.parts(by):
            for given in {as_text(value) for _, value in part[by]} if by in part else {None}:
                if given in seen:
                    yield {name: self._taken(name, values, seen[given]) for name, values in part.items()}

    def tally(self, names: Sequence[str]) -> list[tuple[dict[str, AxisValue], int]] | None:
        """How many takes there are by their values of `names`, exactly; None when there are too many to tell.

        Where a term of a union lacks a name, its takes do too.
        """
        found: list[tuple[dict[str, AxisValue], int]] = []
        if self._sample is not None:
            if self.taken > MOST_LAID_OUT:
                return None
            counted = Counter(projected(self.cell(index), names) for index in range(self.taken))
            return [(dict(key), count * self._each) for key, count in counted.items()]
        for term in self.terms:
            counts = term.tally(names)
            if counts is None:
                return None
            found += ((dict(key), count * self._each) for key, count in counts.items() if count)
        return found

    def _taken(
        self, name: str, values: Sequence[tuple[Loc, AxisValue]], seen: Mapping[str, set[str]]
    ) -> tuple[tuple[Loc, AxisValue], ...]:
        if name not in seen:
            return tuple(values)
        if name in self._of_each:
            return tuple((loc, value) for loc, value in values if as_text(value) in seen[name])
        axis = next(key.columns[name] for key in self._keys.values() if name in key.columns)
        if isinstance(axis, Listed):
            return tuple((loc, value) for loc, value in values if as_text(value) in seen[name])
        texts = sorted(seen[name], key=float)
        return tuple(
            (self._loc(name, ()), axis[axis.matching([text])[0][0]]) for text in dict.fromkeys((texts[0], texts[-1]))
        )

    def _loc(self, name: str, loc: Loc) -> Loc:
        if name in self._of_each:
            return ("for_each",)
        key = next(key for key, each in self._keys.items() if name in each.columns)
        return ("sweep", key, *loc)


REPEAT = "repeat"
"""What the takes' axes call the number of a cell's repetition."""


def _key(name: str, given: Axis | Key) -> Key:
    return given if isinstance(given, Key) else Key({name: given}, given.count)


def _dimensions(term: combining.Term, keys: Mapping[str, Key]) -> list[Dimension]:
    found: list[Dimension] = []
    for part in term:
        if isinstance(part, combining.Named):
            found.append(_dimension(keys[part.name]))
            continue
        members = [_dimensions(member, keys) for member in part.members]
        found.append(Zipped([each[0] if len(each) == 1 else Nested(each) for each in members]))
    return found


def _dimension(key: Key) -> Dimension:
    columns = [Single(name, axis) for name, axis in key.columns.items()]
    if len(columns) == 1:
        columns[0].weights = key.weights
        return columns[0]
    return Zipped(columns, key.weights)
