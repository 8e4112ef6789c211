"""The documents, taken apart: their tables, their code, and what they say is not built yet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DESIGN = ROOT / "docs/design.md"
SANDBOX = ROOT / "docs/sandbox.md"
REFERENCE = ROOT / "docs/reference"
PAGES = (README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))

NOT_BUILT = "*(not built yet)*"

_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:(?<=\n\n)|\A)((?: {4,}\S.*\n)(?:(?: {4,}\S.*)?\n)*)")
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Table:
    """A table; cells are as they are written."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def tables(page: Path) -> list[Table]:
    """The tables of a page, in their order."""
    found = []
    for block in re.findall(r"(?:^\|.*\|\n)+", text_of(page), re.MULTILINE):
        lines = [_cells(line) for line in block.splitlines()]
        found.append(Table(lines[0], tuple(lines[2:])))
    return found


def table(page: Path, *header: str) -> Table:
    """The one table of a page whose header begins like this."""
    fitting = [each for each in tables(page) if each.header[: len(header)] == header]
    assert len(fitting) == 1, f"{page.name} has {len(fitting)} tables that begin with {header}"
    return fitting[0]


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))


def spans(text: str) -> list[str]:
    """What stands between backticks in `text`."""
    return _SPAN.findall(text)


def fenced(page: Path) -> list[tuple[str, str]]:
    """The fenced blocks of a page in their order, each with its language."""
    return [(named, body) for _, named, body in _FENCED.findall(text_of(page))]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in a language, without their fences."""
    return [body for named, body in fenced(page) if named == language]


def indented(page: Path) -> list[str]:
    """The indented blocks of a page."""
    return _INDENTED.findall(_FENCED.sub("", text_of(page)))


def code(page: Path) -> list[str]:
    """All code of a page: what is fenced, what is indented, and what stands between backticks."""
    text = text_of(page)
    rest = _FENCED.sub("", text)
    return [
        *(body for _, _, body in _FENCED.findall(text)),
        *_INDENTED.findall(rest),
        *spans(_INDENTED.sub("", rest)),
    ]


def links(page: Path) -> list[str]:
    """Where a page's links lead."""
    return _LINK.findall(text_of(page))


def anchors(page: Path) -> set[str]:
    """What a link may name within a page: its headings, as GitHub makes them into anchors."""
    headings = re.findall(r"^#+ +(.+?) *$", _FENCED.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
