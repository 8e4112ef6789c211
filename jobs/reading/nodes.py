"""YAML text as plain nodes: libyaml reads what is written as usual, and ruamel.yaml the rest, and what is wrong.

libyaml is fifty times as fast, and ruamel.yaml knows YAML 1.2 better and says better what is wrong. So a document with
anchors, aliases or tags, and one that libyaml refuses, is read again. Aliases share a node, so a small file can stand
for a large one, and even for one without end: who walks over the nodes has to count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode as RuamelMapping
from ruamel.yaml.nodes import Node as RuamelNode
from ruamel.yaml.nodes import ScalarNode as RuamelScalar
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.resolver import VersionedResolver

DEEPEST = 100
"""How deep what libyaml read may be nested. Far more than a manifest is, and far less than Python can follow."""

LARGEST_READ_AGAIN = 2_000_000
"""In characters. What libyaml refuses and is longer isn't read again: ruamel.yaml needs 5 seconds for a million."""

_TAG = "tag:yaml.org,2002:"


@dataclass(slots=True)
class Scalar:
    """`kind` is YAML 1.2's (`str`, `int`, `float`, `bool`, `null` and so on), or another tag in full."""

    text: str
    kind: str
    line: int


@dataclass(slots=True)
class Sequence:
    line: int
    kind: str = "seq"
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    line: int
    kind: str = "map"
    items: list[tuple[Node, Node]] = field(default_factory=list)


Node = Scalar | Sequence | Mapping
"""`line` counts from 1."""


class NotYaml(ValueError):
    """The text is no YAML. The message says why; `line` is 1-based, or None where it isn't known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def compose(text: str) -> Node | None:
    """The document in `text`, or None when there is none. Raises `NotYaml`."""
    refused: Exception | None = None
    if yaml.__with_libyaml__:
        try:
            return _by_libyaml(text)
        except (_Unusual, UnicodeEncodeError):
            pass
        except yaml.YAMLError as error:
            refused = error
    if refused is not None and len(text) > LARGEST_READ_AGAIN:
        raise _refusal(refused, text)
    return _by_ruamel(text)


class _Unusual(Exception):
    """Something that is left to ruamel.yaml."""


_RESOLVERS: dict[str, list[tuple[str, Any]]] = {
    first: [(str(tag).removeprefix(_TAG), pattern) for tag, pattern in found]
    for first, found in VersionedResolver().versioned_resolver.items()
}


def _kind_of(text: str) -> str:
    for kind, pattern in _RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            return kind
    return "str"


def _by_libyaml(text: str) -> Node | None:
    loader = yaml.CBaseLoader(text)
    try:
        return _from_events(loader.get_event)
    finally:
        loader.dispose()


def _from_events(get_event: Any) -> Node | None:
    """The one document that the events tell. It keeps its own stack: text may be nested deeper than Python can call."""
    top: Node | None = None
    documents = 0
    open_nodes: list[Sequence | Mapping] = []
    keys: list[Node | None] = []
    while True:
        event = get_event()
        match event:
            case yaml.ScalarEvent():
                if event.anchor or event.tag:
                    raise _Unusual
                value: str = event.value
                kind = _kind_of(value) if event.implicit[0] else "str"
                node: Node = Scalar(value, kind, event.start_mark.line + 1)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                line = event.start_mark.line + 1
                if len(open_nodes) >= DEEPEST:
                    raise NotYaml(f"it is nested more than {DEEPEST} deep", line)
                if event.anchor or event.tag:
                    raise _Unusual
                opened = Mapping(line) if isinstance(event, yaml.MappingStartEvent) else Sequence(line)
                open_nodes.append(opened)
                keys.append(None)
                continue
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                node = open_nodes.pop()
                keys.pop()
            case yaml.AliasEvent():
                raise _Unusual
            case yaml.DocumentStartEvent():
                documents += 1
                if documents > 1 or event.version or event.tags:
                    raise _Unusual
                continue
            case yaml.StreamEndEvent():
                return top
            case _:
                continue
        if not open_nodes:
            top = node
            continue
        around = open_nodes[-1]
        if isinstance(around, Sequence):
            around.items.append(node)
            continue
        key = keys[-1]
        if key is None:
            keys[-1] = node
        else:
            around.items.append((key, node))
            keys[-1] = None


def _by_ruamel(text: str) -> Node | None:
    try:
        top: RuamelNode | None = YAML(typ="rt", pure=True).compose(text)
        return None if top is None else _plain(top, {})
    except ReaderError as error:
        # Its position counts characters, and its own text names no line.
        line = text.count("\n", 0, error.position) + 1
        raise NotYaml(f"the character U+{ord(text[error.position]):04X} can't stand here", line) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotYaml(_plainly(error.problem or error.context), mark.line + 1 if mark else None) from None
    except YAMLError as error:
        raise NotYaml(" ".join(str(error).split())) from None


def _plain(node: RuamelNode, known: dict[int, Node]) -> Node:
    found = known.get(id(node))
    if found is not None:
        return found
    kind, line = str(node.tag).removeprefix(_TAG), node.start_mark.line + 1
    if isinstance(node, RuamelScalar):
        known[id(node)] = scalar = Scalar(node.value, kind, line)
        return scalar
    if isinstance(node, RuamelMapping):
        known[id(node)] = mapping = Mapping(line, kind)
        mapping.items.extend((_plain(key, known), _plain(value, known)) for key, value in node.value)
        return mapping
    known[id(node)] = sequence = Sequence(line, kind)
    sequence.items.extend(_plain(each, known) for each in node.value)
    return sequence


def _refusal(error: Exception, text: str) -> NotYaml:
    """What libyaml says is wrong."""
    if isinstance(error, yaml.reader.ReaderError):
        # Its position counts bytes of UTF-8.
        line = text.encode(errors="replace").count(b"\n", 0, error.position) + 1
        return NotYaml(f"a character can't stand here: {error.reason}", line)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = getattr(error, "problem", None) or getattr(error, "context", None) or " ".join(str(error).split())
    return NotYaml(_plainly(said), mark.line + 1 if mark else None)


def _plainly(problem: str | None) -> str:
    said = problem or "it can't be read"
    if "mapping values are not allowed" in said:
        return f"{said} (text with ': ' in it needs quotes around it)"
    if "'\\t'" in said:
        return f"{said} (indent with blanks, not with tabs)"
    if "found another document" in said:
        return "a second document begins here, and a manifest is one document (take the '---' away)"
    if "cannot start any token" in said:
        return f"{said} (text that begins with it needs quotes around it)"
    if "expected <block end>" in said:
        return f"{said} (text that begins with a brace, a bracket or a quote needs quotes around the whole)"
    return said
