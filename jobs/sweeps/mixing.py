"""What a shot says of its sweep, put together, and what of it doesn't go together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.faults import Fault, did_you_mean, listing, shown
from jobs.fields.templates import as_text
from jobs.sweeps import combining
from jobs.sweeps.axes import Axis, Listed, Seeds, Written
from jobs.sweeps.diagram import TooManyPieces
from jobs.sweeps.dimensions import Dimension, Wanted
from jobs.sweeps.keys import Key, columns_of, count_of, key
from jobs.sweeps.sampling import How, Sample
from jobs.sweeps.space import REPEAT, Space
from jobs.sweeps.terms import NoSpace
from jobs.takes import AxisValue


@dataclass(frozen=True, slots=True)
class Mix:
    """What a shot says of its sweep, as `jobs.sweeps.reading` has read it."""

    sweep: Mapping[str, Written]
    combine: str | None = None
    include: Sequence[Wanted] | None = None
    exclude: Sequence[Wanted] | None = None
    sample: Mapping[str, AxisValue] | None = None
    sample_seed: str | int | None = None
    takes: Mapping[str, AxisValue] | None = None
    repeat: int | None = None
    each: Dimension | None = None
    """What the shot is rendered once for each of."""

    def keys(self) -> dict[str, Key]:
        """What each key of the sweep stands for."""
        return {name: key(name, written) for name, written in self.sweep.items()}

    def axes(self) -> dict[str, Axis]:
        """Its axes, by the name that each sets."""
        return axes_of(self.sweep)

    @property
    def plain(self) -> bool:
        """Whether it is nothing but axes of which each value goes with every other."""
        if self.combine is not None or self.include or self.exclude or self.sample is not None:
            return False
        if self.each is not None:
            return False
        return not any(_is_of_mappings(written) for written in self.sweep.values())

    def swept(self) -> set[str]:
        """What every take has from an axis."""
        if self.plain:
            return {*self.sweep, *(["seed"] if self.takes is not None else [])}
        names = [
            {name for key_name in combining.names_of(term) for name in self._sets(key_name)} for term in self.terms()
        ]
        of_each = set() if self.each is None else set(self.each.names)
        return set.intersection(*names) | of_each | ({"seed"} if self.takes is not None else set())

    def beside_the_sweep(self) -> dict[str, object]:
        """All that is said but the sweep itself, by name; what isn't said leaves no trace."""
        said = {
            "combine": self.combine,
            "include": self.include,
            "exclude": self.exclude,
            "sample": self.sample,
            "sample_seed": self.sample_seed,
            "takes": self.takes,
            "repeat": self.repeat,
        }
        return {name: value for name, value in said.items() if value is not None}

    def told(self) -> str | None:
        """What is said beside the sweep, in a line for a person; None for nothing."""
        said = [] if self.combine is None else [self.combine]
        for name, rules in (("include", self.include), ("exclude", self.exclude)):
            if rules:
                said.append(f"{name} {len(rules)} rule{'' if len(rules) == 1 else 's'}")
        if self.sample is not None:
            said.append(f"sample {self.sample['n']:,}{' spread' if 'how' in self.sample else ''}")
        if self.takes is not None:
            said.append(f"takes {self.takes['n']:,}")
        if self.repeat is not None:
            said.append(f"repeat {self.repeat:,}")
        return ", ".join(said) or None

    def _sets(self, key_name: str) -> list[str]:
        return columns_of(key_name, self.sweep[key_name])

    def terms(self) -> tuple[combining.Term, ...]:
        """How its keys go together. Raises `CombineError`."""
        return combining.product_of_all(list(self.sweep)) if self.combine is None else combining.parse(self.combine)

    def count(self) -> int:
        """How many takes it comes to. Raises as `space` does."""
        if self.combine is None and not self.include and not self.exclude and self.sample is None:
            cells = math.prod(count_of(written) for written in self.sweep.values())
            return cells * self._each() * (1 if self.each is None else self.each.count)
        if self.sample is not None:
            return int(self.sample["n"]) * self._each()
        return self.space("").count

    def space(self, chosen_by: str) -> Space:
        """Its space; `chosen_by` decides what is chosen where it gives no seed of its own. Raises ValueError."""
        sample = seeds = None
        if self.sample is not None:
            given = self.sample.get("seed", self.sample_seed)
            how: How = "spread" if self.sample.get("how") == "spread" else "random"
            sample = Sample(int(self.sample["n"]), how, f"sample:{chosen_by if given is None else given}")
        if self.takes is not None:
            seeds = Seeds(f"takes:{self.takes.get('seed', chosen_by)}", int(self.takes["n"]))
        try:
            return Space(
                self.keys(),
                combine=None if self.combine is None else self.terms(),
                include=self.include or (),
                exclude=self.exclude or (),
                sample=sample,
                seeds=seeds,
                repeat=self.repeat,
                each=self.each,
            )
        except TooManyPieces:
            raise NoSpace(
                "include and exclude cut the sweep into too many pieces; write fewer or simpler rules"
            ) from None

    def _each(self) -> int:
        return (1 if self.takes is None else int(self.takes["n"])) * (self.repeat or 1)


def _is_of_mappings(written: Written) -> bool:
    return not isinstance(written, str) and any(isinstance(entry, Mapping) for entry in written)


def axes_of(sweep: Mapping[str, Written]) -> dict[str, Axis]:
    """The axes of a sweep, by the name that each sets."""
    return {name: axis for key_name, written in sweep.items() for name, axis in key(key_name, written).columns.items()}


def mix_faults(mix: Mix, given: Mapping[str, object]) -> Iterator[Fault]:
    """What doesn't go together in it; `given` is what the shot itself sets."""
    if mix.plain and mix.takes is None and mix.repeat is None and mix.sample_seed is None:
        return
    keys = mix.keys()
    faults = [*_name_faults(mix, keys, given), *_seed_faults(mix, keys)]
    try:
        terms = mix.terms()
        combining.check(terms, {name: each.count for name, each in keys.items()})
    except combining.CombineError as error:
        yield from (*faults, Fault(("combine",), str(error)))
        return
    faults += _repeated_cells(terms, keys)
    axes = mix.axes()
    for kind, rules in (("include", mix.include), ("exclude", mix.exclude)):
        for at, rule in enumerate(rules or ()):
            faults += (Fault((kind, at, *fault.loc), fault.message) for fault in _rule_faults(rule, axes))
    yield from faults
    if faults:
        return
    try:
        mix.space("")
    except ValueError as error:
        blamed = [name for name in ("sample", "exclude", "include", "combine") if getattr(mix, name)]
        if "sample" in blamed and "sample" not in str(error):
            blamed.remove("sample")
        yield Fault((blamed[0] if blamed else "sweep",), str(error))


def _name_faults(mix: Mix, keys: Mapping[str, Key], given: Mapping[str, object]) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name, each in keys.items():
        for column in each.columns:
            if column in first:
                yield Fault(("sweep", name), f"{column} is set by {first[column]} already; keep one of the two")
            first.setdefault(column, name)
    if mix.takes is not None:
        if "seed" in first:
            yield Fault(("takes",), "takes deals seeds, and the sweep has a seed of its own; keep one of the two")
        elif "seed" in given:
            yield Fault(("takes",), "takes deals seeds, and the shot sets one; keep one of the two")
    if mix.repeat is not None and REPEAT in first:
        yield Fault(("repeat",), "the sweep has an axis of this name; call that something else")


def _seed_faults(mix: Mix, keys: Mapping[str, Key]) -> Iterator[Fault]:
    if mix.sample is None:
        if mix.sample_seed is not None:
            yield Fault(("sample_seed",), "there is no sample for it; write  sample: N,  or take it away")
        for name, each in keys.items():
            if each.weights is not None:
                yield Fault(
                    ("sweep", name), "weights say what a sample holds more of; write  sample: N,  or no weights"
                )
    elif mix.sample_seed is not None and "seed" in mix.sample:
        yield Fault(("sample_seed",), "sample has a seed of its own; keep one of the two")


def _repeated_cells(terms: Sequence[combining.Term], keys: Mapping[str, Key]) -> Iterator[Fault]:
    """Cells that stand twice in what is gone through at once: the same take twice, paid for twice."""
    for part in (part for term in terms for part in term if isinstance(part, combining.Together)):
        columns = [axis for name in combining.names_of((part,)) for axis in keys[name].columns.values()]
        # No cell of a product stands there twice, and no number of a range.
        if any(len(member) > 1 for member in part.members) or not all(isinstance(axis, Listed) for axis in columns):
            continue
        first: dict[tuple[str, ...], int] = {}
        for at in range(columns[0].count):
            cell = tuple(as_text(axis[at]) for axis in columns)
            if cell in first:
                told = combining.written((part,))
                yield Fault(
                    ("combine",), f"{told} has the same values at [{at}] as at [{first[cell]}], and so the same take"
                )
                break
            first[cell] = at


def _rule_faults(rule: Wanted, axes: Mapping[str, Axis]) -> Iterator[Fault]:
    for name, wanted in rule.items():
        if name not in axes:
            hint = did_you_mean(name, axes) or (f"; it has {listing(axes)}" if axes else "")
            yield Fault((name,), f"the sweep has nothing called {shown(name)}{hint}")
            continue
        for each in wanted:
            try:
                axes[name].matching((each,))
            except ValueError as error:
                yield Fault((name,), str(error))
                break
