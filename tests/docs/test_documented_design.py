"""The documents agree with the code about states and words, and what they point at is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from documents import DESIGN, NOT_BUILT, PAGES, ROOT, links, table, text_of

from workers.engine.states import State

PRELUDE = ROOT / "workers/engine/scripts/_prelude.lua"
DECISIONS = ROOT / "docs/decisions"

# Paths of ours; not those in a store (`.rushes/`, `renders/`) or in a home.
_PATH = re.compile(
    r"(?<![\w./~<>-])(?:jobs|workers|rushes|tests|docs|manifests)/[\w./-]*|docker-compose\.yml|\bDockerfile"
)


def legal() -> set[tuple[str, str]]:
    """The transitions that the script lets pass."""
    [body] = re.findall(r"^local LEGAL = \{\n(.*?)^\}", PRELUDE.read_text(), re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^ *(\w+) = \{(.*)\},?$", body, re.MULTILINE)
    assert len(lines) == len(body.strip().splitlines()), "every line of the table is understood"
    return {(start, end) for start, ends in lines for end in re.findall(r"(\w+) = true", ends)}


def test_the_transitions_are_those_that_the_script_lets_pass() -> None:
    rows = [(start.strip("`"), end.strip("`")) for start, end, _ in table(DESIGN, "from", "to").rows]
    assert len(rows) == len(set(rows))
    assert set(rows) == legal()


def test_the_drawing_shows_no_transition_that_there_is_not() -> None:
    """`a -> b` and, on branches, `├-> b`, whose start is the state above the branch."""
    [drawing] = re.findall(r"^```\n(waiting -> .*?)^```", text_of(DESIGN), re.MULTILINE | re.DOTALL)
    lines = drawing.splitlines()
    columns = [(found.start(), found.end(), found[0]) for found in re.finditer(r"\w+", lines[0])]
    shown = set()
    for line in lines:
        plain = re.sub(r"\(.*?\)", "", line)
        shown |= set(re.findall(r"(?=\b(\w+) -> (\w+))", plain))
        branch = re.search(r"[├└]-> (\w+)", plain)
        if branch is not None:
            [start] = [name for begin, end, name in columns if begin <= branch.start() < end]
            shown.add((start, branch[1]))
    assert shown <= legal()
    assert {state for pair in shown for state in pair} == set(State)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_is_named_is_there(page: Path) -> None:
    for named in _PATH.findall(text_of(page)):
        assert (ROOT / named.rstrip(".")).exists(), named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_not_built_is_marked_in_one_way(page: Path) -> None:
    text = " ".join(text_of(page).split())
    assert len(re.findall(r"not (?:yet )?built|not (?:yet )?implemented|TODO", text)) == text.count(NOT_BUILT)


def test_every_decision_is_listed() -> None:
    listed = set(links(DECISIONS / "README.md"))
    assert listed == {path.name for path in DECISIONS.glob("*.md")} - {"README.md"}


def test_what_the_code_says_of_the_documents_is_there() -> None:
    for package in ("jobs", "workers", "rushes"):
        for path in (ROOT / package).rglob("*.py"):
            for named in re.findall(r"docs/[\w/-]+\.md", path.read_text()):
                assert (ROOT / named).exists(), f"{path}: {named}"


def test_the_changelog_has_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## [{version}]" in text_of(ROOT / "CHANGELOG.md")
