"""`combine: (place, light) * seed`: how the axes of a sweep are put together.

`*` is every cell of one with every cell of the other, the last turning fastest; `(a, b)` goes through both at once;
`+` is what one has and then what the other has. `*` goes before `+`, and brackets without a comma only put together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from jobs.faults import choice, did_you_mean, listing, shown

MOST_TERMS = 64
"""How many terms a union has at most, multiplied out."""

MOST_CHARACTERS = 4_000
DEEPEST = 16

_TOKEN = re.compile(r"\s*(?:(?P<name>\w+)|(?P<sign>[()*+,]))")


class CombineError(ValueError):
    """What is written under `combine` can't be followed. The message says where and what to write instead."""


@dataclass(frozen=True, slots=True)
class Named:
    """One axis."""

    name: str


@dataclass(frozen=True, slots=True)
class Together:
    """Several through which one goes at once; each is a product."""

    members: tuple[Term, ...]


Part = Named | Together
Term = tuple[Part, ...]
"""A product of parts, the last turning fastest."""


def parse(text: str) -> tuple[Term, ...]:
    """The terms of the union that `text` is, each with its parts. Raises `CombineError`."""
    if len(text) > MOST_CHARACTERS:
        raise CombineError(f"it is longer than {MOST_CHARACTERS:,} characters")
    return _Parser(text).parsed()


def product_of_all(names: Sequence[str]) -> tuple[Term, ...]:
    """What holds where nothing is written: the product of all axes, in their order."""
    return (tuple(Named(name) for name in names),)


def names_of(term: Term) -> list[str]:
    """The axes of a term, in the order in which they stand there."""
    found = []
    for part in term:
        if isinstance(part, Named):
            found.append(part.name)
        else:
            found += [name for member in part.members for name in names_of(member)]
    return found


def together(term: Term) -> list[str]:
    """The axes of a term that it goes through, as they are, at once with others."""
    members = [member for part in term if isinstance(part, Together) for member in part.members]
    return [name for member in members if len(member) == 1 for name in names_of(member)]


def written(term: Term) -> str:
    """A term as it is written."""
    return " * ".join(
        part.name if isinstance(part, Named) else f"({', '.join(written(member) for member in part.members)})"
        for part in term
    )


def check(terms: Sequence[Term], counts: Mapping[str, int]) -> None:
    """Make sure that each term uses known axes, each once, that together they use all, and that what is gone through at
    once is equally long. `counts` is how many values each axis of the sweep has. Raises `CombineError`."""
    used: dict[str, None] = {}
    for term in terms:
        names = names_of(term)
        for name in names:
            if name not in counts:
                hint = did_you_mean(name, counts) or (f"; there are {listing(counts)}" if counts else "")
                raise CombineError(f"the sweep has no axis {shown(name)}{hint}")
        twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
        if twice is not None:
            raise CombineError(f"{twice} stands twice in {written(term)}; an axis goes into a product once")
        used |= dict.fromkeys(names)
        _check_lengths(term, counts)
    left = [name for name in counts if name not in used]
    if left:
        raise CombineError(f"{listing(left)} {'is' if len(left) == 1 else 'are'} left out; add  * {' * '.join(left)}")


def _check_lengths(term: Term, counts: Mapping[str, int]) -> int:
    """How many cells it has."""
    total = 1
    for part in term:
        if isinstance(part, Named):
            total *= counts[part.name]
            continue
        lengths = {written(member): _check_lengths(member, counts) for member in part.members}
        if len(set(lengths.values())) > 1:
            told = listing(f"{name} has {length:,}" for name, length in lengths.items())
            raise CombineError(f"what stands in ( , ) must be equally long: {told}; use * for every one with every one")
        total *= next(iter(lengths.values()))
    return total


class _Parser:
    """By recursive descent; each method returns the terms of what it read, multiplied out."""

    def __init__(self, text: str) -> None:
        self._text = text.rstrip()
        self._at = 0
        self._depth = 0

    def parsed(self) -> tuple[Term, ...]:
        if not self._text:
            raise CombineError("nothing is combined here; write it as (place, light) * seed")
        terms = self._union()
        if self._at < len(self._text):
            raise self._wrong("expected *, + or the end")
        return tuple(terms)

    def _union(self) -> list[Term]:
        terms = self._product()
        while self._taken("+"):
            terms += self._product()
            self._bounded(terms)
        return terms

    def _product(self) -> list[Term]:
        terms = self._atom()
        while self._taken("*"):
            factor = self._atom()
            if len(terms) * len(factor) > MOST_TERMS:
                raise CombineError(f"multiplied out it has more than {MOST_TERMS} terms")
            terms = [one + other for one, other in product(terms, factor)]
        return terms

    def _atom(self) -> list[Term]:
        if self._taken("("):
            self._depth += 1
            if self._depth > DEEPEST:
                raise CombineError(f"it has more than {DEEPEST} brackets within each other")
            members = [self._union()]
            while self._taken(","):
                members.append(self._union())
            if not self._taken(")"):
                raise self._wrong("expected a comma or ')'")
            self._depth -= 1
            return members[0] if len(members) == 1 else [(self._together(members),)]
        found = _TOKEN.match(self._text, self._at)
        if found is None or found["name"] is None:
            raise self._wrong("expected the name of an axis or '('")
        self._at = found.end()
        return [(Named(found["name"]),)]

    def _together(self, members: Sequence[Sequence[Term]]) -> Together:
        flat: list[Term] = []
        for terms in members:
            if len(terms) > 1:
                told = " + ".join(written(term) for term in terms)
                raise CombineError(f"a + can't stand within ( , ): take {told} apart, into a union of two ( , )")
            # ((a, b), c) is (a, b, c).
            term = terms[0]
            flat += term[0].members if len(term) == 1 and isinstance(term[0], Together) else (term,)
        return Together(tuple(flat))

    def _bounded(self, terms: Sequence[Term]) -> None:
        if len(terms) > MOST_TERMS:
            raise CombineError(f"it has more than {MOST_TERMS} terms")

    def _taken(self, sign: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found["sign"] != sign:
            return False
        self._at = found.end()
        return True

    def _wrong(self, expected: str) -> CombineError:
        rest = self._text[self._at :].strip()
        if not rest:
            return CombineError(f"it ends too early: {expected}")
        at = self._at + len(self._text[self._at :]) - len(self._text[self._at :].lstrip()) + 1
        which = choice([shown(rest[:12])])
        return CombineError(f"{expected} at character {at}, where {which} stands")
