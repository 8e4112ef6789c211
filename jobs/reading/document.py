"""YAML text, taken apart: plain values, the line of each, and everything that is wrong with the writing.

YAML is 1.2, so `16:9`, `yes` and `2024-01-01` are text. Only what JSON has too comes out: mappings, lists,
text, numbers and booleans; tags, dates and binary data don't.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jobs.errors import ManifestError, Problem
from jobs.faults import Loc, place, shown
from jobs.reading.nodes import Mapping, Node, NotYaml, Scalar, compose

MOST_NODES = 500_000
MOST_CHARACTERS = 50_000_000
DEEPEST = 16

_PLAIN = frozenset({"map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge"})


@dataclass
class Document:
    """`data` is the top of the document, `lines` the 1-based line of every value by its way.

    `blanks` are the places at which nothing is written; each is among the `problems` too.
    `damaged` are the shots with a problem, by their place. `named` is what messages call a place that isn't in this
    file, and `where` says it of all places, if it is there. `file` is what the file is called where it is included by
    another one, and `origins` tells, of a document that is put together from several, the file of a place (`""` for
    the manifest itself) and the place in it.
    """

    source: str
    data: Any = None
    lines: dict[Loc, int] = field(default_factory=dict)
    problems: dict[Loc, Problem] = field(default_factory=dict)
    blanks: set[Loc] = field(default_factory=set)
    damaged: set[int] = field(default_factory=set)
    named: dict[Loc, str] = field(default_factory=dict)
    where: Callable[[Loc], str] | None = None
    file: str = ""
    origins: dict[Loc, tuple[str, Loc]] = field(default_factory=dict)

    def line(self, loc: Loc) -> int | None:
        """The line of the value at `loc`, or of the nearest thing around it that is written."""
        while loc not in self.lines:
            if not loc:
                return None
            loc = loc[:-1]
        return self.lines[loc]

    def blame(self, loc: Loc, message: str) -> None:
        """Note what is wrong at `loc`; only the first thing said of a place is kept."""
        self.add(loc, Problem(self._place(loc), message, self.line(loc), self.origin(loc)[0] or None))

    def add(self, loc: Loc, problem: Problem) -> None:
        """Note a problem at `loc`, unless there is one."""
        self.problems.setdefault(loc, problem)
        if len(loc) > 1 and loc[0] == "shots" and isinstance(loc[1], int):
            self.damaged.add(loc[1])

    def origin(self, loc: Loc) -> tuple[str, Loc]:
        """In which file the place is, and where there."""
        for length in (2, 1):
            if loc[:length] in self.origins:
                file, own = self.origins[loc[:length]]
                return file, (*own, *loc[length:])
        return self.file, loc

    def called(self, loc: Loc) -> str:
        """The place in the words of a message about another one: with its file, where that isn't the manifest."""
        file, _ = self.origin(loc)
        return f"{self._place(loc)} of {file}" if file else self._place(loc)

    def _place(self, loc: Loc) -> str:
        if self.where is not None:
            return self.where(loc)
        return self.named.get(loc) or place(self.origin(loc)[1])

    def blame_whole(self, loc: Loc, message: str) -> None:
        """As `blame`, of a value that is wrong as a whole: a blank within it is not worth a word then.

        `prompt: {place}` without quotes is a mapping with a blank in it, and one mistake.
        """
        self.blame(loc, message)
        for blank in [blank for blank in self.blanks if blank[: len(loc)] == loc and blank != loc]:
            self.blanks.remove(blank)
            del self.problems[blank]


def parse(text: str, source: str, *, as_written: Callable[[Loc], bool]) -> Document:
    """Take `text` apart. Where `as_written` says so, a number or boolean stays the text it was written as.

    A problem with one value is noted in the document's `problems`, and None stands in its place. Raises
    `ManifestError` when there is no document to speak of: not YAML, empty, or without end.
    """
    document = Document(source)
    top = _compose(text, source)
    if top is None or (isinstance(top, Scalar) and top.kind == "null"):
        raise ManifestError(source, [Problem("", "the file is empty; a manifest begins with  batch: NAME")])
    try:
        document.data = _Reading(document, as_written).value(top, ())
    except _TooMuch as error:
        raise ManifestError(source, [Problem("", str(error))]) from None
    return document


def _compose(text: str, source: str) -> Node | None:
    try:
        return compose(text)
    except NotYaml as error:
        problem = Problem("", f"not YAML: {error}", error.line)
    except RecursionError:
        problem = Problem("", "not a manifest: it is nested without end")
    raise ManifestError(source, [problem])


class _TooMuch(Exception):
    """Aliases can make a small file as large as they like; this one went beyond reason."""


class _Reading:
    """One walk over the composed nodes."""

    def __init__(self, document: Document, as_written: Callable[[Loc], bool]) -> None:
        self._document = document
        self._as_written = as_written
        self._nodes = 0
        self._characters = 0

    def value(self, node: Node, loc: Loc) -> Any:
        self._document.lines.setdefault(loc, node.line)
        self._nodes += 1
        if isinstance(node, Scalar):
            self._characters += len(node.text)
        if self._nodes > MOST_NODES or self._characters > MOST_CHARACTERS or len(loc) > DEEPEST:
            raise _TooMuch(f"{place(loc[:4])}: the manifest is too large or nested too deeply (aliases count in full)")
        if node.kind not in _PLAIN:
            return self._blame(loc, f"the tag {shown(node.kind)} means nothing here; take it away")
        if isinstance(node, Scalar):
            return self._scalar(node, loc)
        if isinstance(node, Mapping):
            return self._mapping(node, loc)
        return [self.value(item, (*loc, at)) for at, item in enumerate(node.items)]

    def _mapping(self, node: Mapping, loc: Loc) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.items:
            line = key_node.line
            key = key_node.text if isinstance(key_node, Scalar) else None
            if key is None or not _is_unicode(key):
                self._document.lines.setdefault(loc, line)
                self._blame(loc, "a key here is not plain text")
                continue
            here = (*loc, key)
            if key in mapping:
                earlier = self._document.lines[here]
                message = f"written twice, first in line {earlier}; keep one of the two"
                self._document.add(here, Problem(place(here), message, line))
                continue
            self._document.lines[here] = line
            mapping[key] = self.value(value_node, here)
        return mapping

    def _scalar(self, node: Scalar, loc: Loc) -> str | int | float | bool | None:
        text, kind = node.text, node.kind
        if not _is_unicode(text):
            self._blame(loc, f"{shown(text)} holds half a character (a lone surrogate), which can't be sent")
            return None
        if "\0" in text:
            self._blame(loc, f"{shown(text)} holds a NUL, the character of no text; take it away")
            return None
        if kind == "null":
            self._document.blanks.add(loc)
            self._blame(loc, "nothing is written here; give a value or take the key away")
            return None
        if kind in ("str", "timestamp", "merge") or self._as_written(loc):
            return text
        return _plain_value(text, kind)

    def _blame(self, loc: Loc, message: str) -> None:
        self._document.blame(loc, message)


def _plain_value(text: str, kind: str) -> str | int | float | bool:
    """The number or boolean of YAML 1.2's core schema; what it doesn't know (1.1's 16:30, yes) is text."""
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        if kind == "float":
            return float(text.replace(".inf", "inf").replace(".nan", "nan"))
        digits = text.replace("_", "")
        return int(digits, 0) if digits.lstrip("+-")[:2].lower() in ("0x", "0o", "0b") else int(digits)
    except ValueError:
        return text


def _is_unicode(text: object) -> bool:
    if not isinstance(text, str):
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
