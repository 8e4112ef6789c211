"""All that one wildcard may say, each with its weight, in an order that is always the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice, permutations

from jobs.faults import shown
from jobs.sweeps.sources import MOST_VALUES
from jobs.wildcards.files import WildcardFiles
from jobs.wildcards.grammar import DEEPEST, Choice, FileWildcard, Literal, Option, Part, Parts, WildcardError, parse

MOST_CHARACTERS = 20_000_000
"""How much text the values of one wildcard may hold together."""

Values = dict[str, Fraction]
"""What a wildcard may say, and how much each weighs."""


class LayingOut:
    """Lays wildcards out. `weighed` says whether any of them had weights."""

    def __init__(self, files: WildcardFiles) -> None:
        self._files = files
        self._way: list[str] = []
        self.weighed = False

    def values(self, parts: Parts) -> Values:
        """What `parts` may say, all of their wildcards laid out. Raises `WildcardError` for too much of it."""
        found: Values = {"": Fraction(1)}
        for part in parts:
            after = self._part(part)
            found = _bounded(
                (before + text, weight * more) for before, weight in found.items() for text, more in after.items()
            )
        return found

    def _part(self, part: Part) -> Values:
        match part:
            case Literal(text):
                return {text: Fraction(1)}
            case FileWildcard(path):
                return self._choice(Choice(self._options_of(path)), (path,))
            case Choice():
                return self._choice(part)

    def _choice(self, choice: Choice, way: Sequence[str] = ()) -> Values:
        options = choice.options
        picked = choice.most != 1 or choice.least != 1
        if picked and len(options) == 1 and len(options[0].parts) == 1:
            # `{2$$__colours__}` is two of the lines.
            only = options[0].parts[0]
            if isinstance(only, FileWildcard):
                way = (only.path,)
                options = self._options_of(only.path)
        self._way += way
        try:
            laid_out = [(self.values(each.parts), each.weight) for each in options]
        finally:
            del self._way[len(self._way) - len(way) :]
        self.weighed = self.weighed or any(weight is not None for _, weight in laid_out)
        if not picked:
            return _bounded(pair for values, weight in laid_out for pair in _shared(values, weight))
        most = len(options) if choice.most is None else min(choice.most, len(options))
        if choice.least > len(options):
            raise WildcardError(f"{choice.least} of {len(options)} options can't be chosen; there are too few")
        return _bounded(_several(laid_out, choice.least, most, choice.separator))

    def _options_of(self, path: str) -> tuple[Option, ...]:
        if path in self._way:
            raise WildcardError(f"__{path}__ leads back to itself: {' > '.join([*self._way, path])}")
        if len(self._way) >= DEEPEST:
            raise WildcardError(f"files of wildcards name one another more than {DEEPEST} deep")
        options: list[Option] = []
        for line in self._files.lines(path):
            # A line is an option, weight and all; within braces it is read as one.
            read = parse(f"{{{line}|}}")
            one = read[0] if len(read) == 1 else None
            if not isinstance(one, Choice) or len(one.options) != 2:
                raise WildcardError(f"__{path}__: the line {shown(line)} has a brace or a | too many")
            options.append(one.options[0])
        return tuple(options)


def _shared(values: Values, weight: Fraction | None) -> Iterator[tuple[str, Fraction]]:
    """The values of one option, which share its weight among them."""
    whole = sum(values.values()) or Fraction(1)
    for text, share in values.items():
        yield text, (Fraction(1) if weight is None else weight) * share / whole


def _several(
    laid_out: Sequence[tuple[Values, Fraction | None]], least: int, most: int, separator: str
) -> Iterator[tuple[str, Fraction]]:
    shared = [list(_shared(*each)) for each in laid_out]
    for number in range(least, most + 1):
        for order in permutations(shared, number):
            found: list[tuple[tuple[str, ...], Fraction]] = [((), Fraction(1))]
            for pairs in order:
                if len(found) * len(pairs) > MOST_VALUES:
                    raise _too_many()
                found = [((*texts, text), before * each) for texts, before in found for text, each in pairs]
            # The same option twice says the same twice.
            yield from ((separator.join(texts), weight) for texts, weight in found if len(set(texts)) == len(texts))


def _bounded(pairs: Iterator[tuple[str, Fraction]]) -> Values:
    found: Values = {}
    characters = 0
    # What is the same is one value, so a choice may be looked through further than it is long.
    for text, weight in islice(pairs, 4 * MOST_VALUES):
        if text in found:
            found[text] += weight
            continue
        found[text] = weight
        characters += len(text)
        if len(found) > MOST_VALUES or characters > MOST_CHARACTERS:
            raise _too_many()
    if next(pairs, None) is not None:
        raise _too_many()
    return found


def _too_many() -> WildcardError:
    return WildcardError(
        f"a wildcard here has more than {MOST_VALUES:,} values, or {MOST_CHARACTERS:,} characters; "
        "take it apart into several, each of which is an axis of its own"
    )
