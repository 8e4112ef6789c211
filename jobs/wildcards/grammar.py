"""The grammar of wildcards, as that of the package dynamicprompts 0.31, taken apart in one pass over the text.

`{name}` alone is a variable of the prompt, as it is everywhere in a manifest; with `|`, `::` or `$$` in it, it is a
wildcard. `{{` and `}}` are the braces themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from jobs.faults import shown

DEEPEST = 12
"""How deep wildcards may stand in one another."""

MOST_WILDCARDS = 200
"""In one text, those within others among them."""

LONGEST = 200_000
"""How many characters a text with wildcards may have."""

_WEIGHT = re.compile(r"\s*(\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})::", re.ASCII)
_BOUND = re.compile(r"\s*(?:(\d{1,4})\s*(-)?\s*(\d{1,4})?|-\s*(\d{1,4}))\s*\$\$", re.ASCII)
_SEPARATOR = re.compile(r"([^$}{|]*)\$\$")
_FILE = re.compile(r"__([~@!]?)([\w*?./\\-]{0,200}?[\w*?])__(?!_)")
_WAYS = "~@"
_SEVERAL = ("|", "::", "$$")


class WildcardError(ValueError):
    """A wildcard can't be read, or not be laid out. The message says why."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Text as a prompt's template has it: a variable in its braces, literal braces doubled."""

    text: str


@dataclass(frozen=True, slots=True)
class FileWildcard:
    """One of the lines of a file: `__folder/file__`."""

    path: str


@dataclass(frozen=True, slots=True)
class Option:
    """One of what a choice chooses among. `weight` is None where none is written, which counts as 1."""

    parts: Parts
    weight: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """`least` to `most` of the options, no one twice, in every order, put together with the separator."""

    options: tuple[Option, ...]
    least: int = 1
    most: int | None = 1
    separator: str = ","


Part = Literal | FileWildcard | Choice
Parts = tuple[Part, ...]


def parse(text: str) -> Parts:
    """Take a prompt apart. Braces that are no wildcard's are left for the template. Raises `WildcardError`."""
    if len(text) > LONGEST:
        raise WildcardError(f"{len(text):,} characters are too many for a text with wildcards; {LONGEST:,} is the most")
    parts, end = _Parser(text).sequence(0, 0)
    assert end == len(text)
    return parts


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._partners = _partners(text)
        self._found = 0

    def sequence(self, at: int, depth: int, stop: int | None = None) -> tuple[Parts, int]:
        """The parts from `at` to `stop`, or within a choice to the next `|` of its own."""
        end = len(self._text) if stop is None else stop
        parts: list[Part] = []
        plain = at
        while at < end:
            if self._text.startswith(("{{", "}}"), at) and at not in self._partners:
                at += 2
                continue
            sign = self._text[at]
            if sign == "|" and depth:
                break
            found: Part | None = None
            after = at
            if sign == "_":
                found, after = self._file(at, end)
            elif sign == "{" and at in self._partners:
                close = self._partners[at]
                if self._is_choice(at + 1, close):
                    found, after = self._choice(at, close, depth + 1), close + 1
                else:
                    at = close + 1
                    continue
            if found is None:
                at += 1
                continue
            self._found += 1
            if self._found > MOST_WILDCARDS:
                raise WildcardError(f"it has more than {MOST_WILDCARDS} wildcards")
            if plain < at:
                parts.append(Literal(self._text[plain:at]))
            parts.append(found)
            at = plain = after
        if plain < at:
            parts.append(Literal(self._text[plain:at]))
        return tuple(parts), at

    def _is_choice(self, start: int, end: int) -> bool:
        inside = self._text[start:end]
        return any(sign in inside for sign in _SEVERAL) or _FILE.fullmatch(inside.strip()) is not None

    def _choice(self, opening: int, close: int, depth: int) -> Choice:
        if depth > DEEPEST:
            raise WildcardError(f"wildcards stand more than {DEEPEST} deep in one another")
        at = opening + 1
        before = self._text[opening - 1 : opening]
        if before in ("$", "%") and before:
            raise WildcardError(f"{before}{{...}} isn't taken; write a variable as an axis of the sweep")
        if self._text[at] in _WAYS:
            raise WildcardError(f"{{{self._text[at]}...}} isn't taken: how wildcards are sampled, sample says")
        if self._text[at] == "!":
            at += 1
        least, most, separator = 1, 1, ","
        ranged: tuple[int, int | None] | None = None
        bound = _BOUND.match(self._text, at, close)
        if bound is not None:
            ranged = _ranged(bound)
            at = bound.end()
            apart = _SEPARATOR.match(self._text, at, close)
            if apart is not None:
                separator, at = apart[1], apart.end()
        options = []
        while True:
            weight = _WEIGHT.match(self._text, at, close)
            if weight is not None:
                at = weight.end()
            parts, at = self.sequence(at, depth, close)
            options.append(Option(_stripped(parts), None if weight is None else _weighed(weight[1])))
            if at >= close:
                break
            at += 1
        if ranged is None:
            return Choice(tuple(options), least, most, separator)
        return Choice(tuple(options), ranged[0], ranged[1], separator)

    def _file(self, at: int, end: int) -> tuple[FileWildcard | None, int]:
        found = _FILE.match(self._text, at, end)
        if found is None:
            return None, at
        if found[1] in ("~", "@"):
            raise WildcardError(f"{shown(found[0])} isn't taken: how wildcards are sampled, sample says")
        return FileWildcard(found[2]), found.end()


def _partners(text: str) -> dict[int, int]:
    """Which brace closes which. Doubled ones are literal, but where one of two closes what is open."""
    found: dict[int, int] = {}
    opened: list[int] = []
    literal: list[int] = []
    """How many doubled braces are open in each of what is open."""
    at = 0
    while at < len(text):
        sign = text[at]
        # `{{a|b}|c}` opens two: then a single brace closes the inner one.
        if text.startswith("{{", at) and not _opens_two(text, at):
            if literal:
                literal[-1] += 1
            at += 2
            continue
        if text.startswith("}}", at) and (not opened or literal[-1]):
            if literal:
                literal[-1] -= 1
            at += 2
            continue
        if sign == "{":
            opened.append(at)
            literal.append(0)
        elif sign == "}" and opened:
            found[opened.pop()] = at
            literal.pop()
        at += 1
    return found


def _opens_two(text: str, at: int) -> bool:
    """Whether `{{` at `at` is two wildcards and no literal brace: a single brace closes the first, and more follows."""
    closing = re.compile(r"[{}]").search(text, at + 2)
    if closing is None or closing[0] != "}" or text.startswith("}}", closing.start()):
        return False
    return text.find("}", closing.end()) >= 0 and any(sign in text[at + 2 : closing.start()] for sign in _SEVERAL)


def _ranged(bound: re.Match[str]) -> tuple[int, int | None]:
    if bound[4] is not None:
        return 1, int(bound[4])
    least = int(bound[1])
    if bound[2] is None:
        return least, least
    most = None if bound[3] is None else int(bound[3])
    if most is not None and most < least:
        raise WildcardError(f"{shown(bound[0])} runs backwards; write {most}-{least}$$")
    return least, most


def _weighed(text: str) -> Fraction:
    weight = Fraction(text)
    if not weight:
        raise WildcardError("a weight of 0 is never chosen; take the option away")
    return weight


def _stripped(parts: Parts) -> Parts:
    """The blanks around an option count for nothing."""
    found = list(parts)
    if found and isinstance(found[0], Literal):
        found[0] = Literal(found[0].text.lstrip())
    if found and isinstance(found[-1], Literal):
        found[-1] = Literal(found[-1].text.rstrip())
    return tuple(part for part in found if part != Literal(""))
