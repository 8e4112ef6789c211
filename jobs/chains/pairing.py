"""Pairing: which take of one shot goes with which take of another, by the values that their sweeps share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from jobs.chains.links import Link
from jobs.faults import did_you_mean, listing, shown
from jobs.fields.templates import as_text
from jobs.sweeps.axes import Axis, Listed
from jobs.sweeps.picks import size
from jobs.sweeps.space import REPEAT, Space
from jobs.sweeps.terms import MOST_LAID_OUT
from jobs.takes import AxisValue


class Unpaired(ValueError):
    """It can't be told which take goes with which. The message says why, and what to write."""


def names_of(space: Space) -> tuple[str, ...]:
    """The names that every take of `space` has a value for, but for what is dealt."""
    first, *others = (term.names for term in space.terms)
    return tuple(name for name in first if name != REPEAT and all(name in other for other in others))


def shared_names(parents: Space, cell: Mapping[str, AxisValue] | Sequence[str], link: Link) -> tuple[str, ...]:
    """The names by which a take finds its parent: those that both have, unless the link says which value is meant."""
    chosen = dict(link.where)
    return tuple(name for name in names_of(parents) if name in cell and name not in chosen)


class Finder:
    """Finds takes of one shot, whose space is `space`, by their values of `names`, at no cost that grows with it."""

    def __init__(self, space: Space, names: Sequence[str]) -> None:
        self._space = space
        self._names = tuple(names)

    def place(self, values: Mapping[str, str]) -> int:
        """The place of the one take that has these values (as text). It was made sure before that there is one."""
        if self._by_axis is None:
            return self._table[tuple(values[name] for name in self._names)]
        found = 0
        for name, axis, tail in self._by_axis:
            found += axis.matching((values[name],))[0][0] * tail if name in values else 0
        return found

    @cached_property
    def _by_axis(self) -> list[tuple[str, Axis, int]] | None:
        return product_axes(self._space)

    @cached_property
    def _table(self) -> dict[tuple[str, ...], int]:
        """For what is no plain product."""
        found: dict[tuple[str, ...], int] = {}
        for place in range(self._space.count):
            cell = self._space[place]
            found[tuple(as_text(cell[name]) for name in self._names)] = place
        return found


def product_axes(space: Space) -> list[tuple[str, Axis, int]] | None:
    """Of a space in which every value goes with every other, each axis with how many takes lie between two values."""
    if not space.is_product or space.taken != space.count:
        return None
    found, tail = [], 1
    for dimension in reversed(space.terms[0].dimensions):
        found.append((dimension.names[0], dimension.axis, tail))  # type: ignore[attr-defined]
        tail *= dimension.count
    return found[::-1]


def pairing_faults(link: Link, children: Space, parents: Space) -> Iterator[str]:
    """Why it can't be told for each take of `children` which one of `parents` it takes up; nothing when it can."""
    known = names_of(parents)
    for name, value in link.where:
        if name not in known:
            there = f"; it has {listing(known)}" if known else "; it has no axis at all"
            yield f"{link.shot} has no axis {shown(name)}{did_you_mean(name, known) or there}"
            return
        if parents.tally((name,)) is not None and not _has(parents, name, value):
            yield f"no take of {link.shot} has the {name} {shown(value)}"
            return
    try:
        _check(link, children, parents)
    except Unpaired as error:
        yield str(error)


def _check(link: Link, children: Space, parents: Space) -> None:
    shared = {shared_names(parents, term.names, link) for term in children.terms}
    for names in shared:
        keyed = (*names, *dict(link.where))
        theirs = parents.tally(keyed)
        mine = children.tally(names)
        if theirs is None or mine is None:
            _check_axes(link, names, children, parents)
            continue
        if product_axes(parents) is None and parents.count > MOST_LAID_OUT:
            raise Unpaired(_too_large(link))
        counts: dict[tuple[str, ...], int] = {}
        for cell, count in theirs:
            key = tuple(as_text(cell[name]) for name in keyed)
            counts[key] = counts.get(key, 0) + count
        where = tuple(value for _, value in link.where)
        for cell, _ in mine:
            if any(name not in cell for name in names):
                continue  # a part of a union that shares fewer names is looked at by those
            key = (*(as_text(cell[name]) for name in names), *where)
            found = counts.get(key, 0)
            if found != 1:
                raise Unpaired(_told(link, dict(zip(keyed, key, strict=True)), found, parents))


def _check_axes(link: Link, names: Sequence[str], children: Space, parents: Space) -> None:
    """For what is too large to be laid out: axis by axis, where each value goes with every other."""
    axes = product_axes(parents)
    mine = product_axes(children)
    if axes is None or mine is None:
        raise Unpaired(_too_large(link))
    own = {name: axis for name, axis, _ in mine}
    chosen = dict(link.where)
    for name, axis, _ in axes:
        if name in names:
            theirs = own[name]
            values = theirs.values if isinstance(theirs, Listed) else (theirs.written(),)
            try:
                matched = size(axis.matching(tuple(values)))  # type: ignore[arg-type]
            except ValueError as error:
                raise Unpaired(f"{link.shot}: {name}: {error}") from None
            if matched < theirs.count:
                raise Unpaired(f"{link.shot} doesn't have every {name} that stands here: it is {shown(axis.written())}")
        elif name not in chosen and axis.count > 1:
            raise Unpaired(_told(link, {}, axis.count, parents, of=name))


def _has(space: Space, name: str, value: str) -> bool:
    return any(as_text(cell[name]) == value for cell, count in space.tally((name,)) or () if name in cell and count)


def _told(link: Link, key: Mapping[str, str], found: int, parents: Space, *, of: str | None = None) -> str:
    which = f" with {', '.join(f'{name} {shown(value)}' for name, value in key.items())}" if key else ""
    if not found:
        return f"{link.shot} has no take{which}; give both shots the same values, or choose as {link.shot}[...]"
    free = [name for name in names_of(parents) if name not in key] if of is None else [of]
    each = f"or write  for_each: {link.shot}  to have one for each"
    if not free:
        told = f"{found:,} takes of {link.shot} would do{which}, and it can't be told which is meant"
        return f"{told}; write  for_each: {link.shot}"
    example = f"{link.shot}[{free[0]}={_first(parents, free[0])}].{link.file}"
    return (
        f"{found:,} takes of {link.shot} would do{which}; choose one by {listing(free)}, as in {example}, "
        f"sweep over {listing(free)} here too, {each}"
    )


def _first(space: Space, name: str) -> str:
    return as_text(space[0].get(name, "..."))


def _too_large(link: Link) -> str:
    return (
        f"{link.shot} is too large to find out which of its takes goes with which: beyond {MOST_LAID_OUT:,} takes that "
        f"is done for sweeps in which every value goes with every other; write  for_each: {link.shot}"
    )
