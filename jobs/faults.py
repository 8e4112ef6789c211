"""How something wrong is said: where it is, what it is, and what was probably meant.

A `Fault` is found deep inside, where only the nearest surroundings are known; its `loc` counts from there.
`jobs.reading.manifests` puts the way to it in front, finds the line, and makes it a `jobs.errors.Problem`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import NamedTuple

Loc = tuple[str | int, ...]
"""The way to a value: `("shots", 2, "duration")`."""

SHOWN = 60
"""How many characters of a value a message shows at most."""

MOST_CANDIDATES = 500
"""Among how many words the one that was meant is looked for."""

MOST_COMPARISONS = 20_000
"""Of two words each. About a tenth of a second."""


class Fault(NamedTuple):
    """One thing wrong. `loc` leads to it from whatever was being looked at."""

    loc: Loc
    message: str


class Faults(ValueError):
    """Everything wrong with one value. A ValueError, so that pydantic carries it along whole."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{place(fault.loc)}: {fault.message}" for fault in self.faults))


def place(loc: Loc) -> str:
    """`loc` as a person would write it: `shots[2].sweep.duration[1]`."""
    written = ""
    for step in loc:
        if isinstance(step, int):
            written += f"[{step}]"
        else:
            written += f".{step}" if written else step
    return written


def shown(value: object) -> str:
    """`value` for a message: text in quotes, one line, cut to what a person can take in."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    text = str(value) if isinstance(value, int | float) else repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def choice(values: Iterable[object]) -> str:
    """The values as something to choose from: `480p, 720p or 1080p`."""
    return _joined(values, "or")


def listing(values: Iterable[object]) -> str:
    """The values as all that there are: `anyfast, ark and fal`."""
    return _joined(values, "and")


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that was probably meant by `word`, or None when none is near.

    Only the first `MOST_CANDIDATES` of them are looked at, and within `few_guesses` none once those are used up.
    """
    by_lower = {candidate.lower(): candidate for candidate in islice(words, MOST_CANDIDATES)}
    guesses = _guesses.get()
    return _nearest(word, by_lower) if guesses is None else guesses.nearest(word, by_lower)


@contextmanager
def few_guesses() -> Iterator[None]:
    """In here, what was meant is guessed of the first mistakes alone, in `MOST_COMPARISONS` in all.

    A file with more mistakes than a person can read isn't made better by guesses, and they cost far more than reading.
    """
    if _guesses.get() is not None:
        yield
        return
    token = _guesses.set(_Guesses(MOST_COMPARISONS))
    try:
        yield
    finally:
        _guesses.reset(token)


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`; did you mean 'prompt'?`, or nothing when no word is near."""
    meant = nearest(word, words)
    return f"; did you mean {meant!r}?" if meant is not None else ""


def _joined(values: Iterable[object], last: str) -> str:
    words = [str(value) for value in values]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _nearest(word: str, by_lower: Mapping[str, str]) -> str | None:
    found = difflib.get_close_matches(word.lower()[:SHOWN], by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


class _Guesses:
    """What was guessed so far, and how many words may still be compared."""

    def __init__(self, comparisons: int) -> None:
        self._left = comparisons
        self._made: dict[tuple[str, ...], str | None] = {}

    def nearest(self, word: str, by_lower: Mapping[str, str]) -> str | None:
        asked = (word, *by_lower)
        if asked not in self._made:
            if self._left <= 0:
                return None
            self._left -= len(by_lower)
            self._made[asked] = _nearest(word, by_lower)
        return self._made[asked]


_guesses: ContextVar[_Guesses | None] = ContextVar("guesses", default=None)
