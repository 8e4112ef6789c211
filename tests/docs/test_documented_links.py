"""Every link within the documents leads somewhere, and every promise to tests that hold it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import DESIGN, PAGES, README, ROOT, anchors, links, table, text_of

INDEX = ROOT / "docs/README.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_index() -> None:
    """But for the decisions, which have an index of their own."""
    found = {(INDEX.parent / link.partition("#")[0]).resolve() for link in links(INDEX)}
    pages = {page for page in PAGES if page.parent.name != "decisions" and page not in (README, INDEX)}
    assert pages - found == set()


def test_every_promise_is_in_the_readme_with_the_tests_that_hold_it() -> None:
    promised = re.findall(r"^\d\. \*\*(.+?)\.\*\*", text_of(DESIGN), re.MULTILINE)
    rows = table(README, "promise").rows
    assert [name for name, _, _ in rows] == promised
    for name, _, held in rows:
        tests = re.findall(r"\]\((tests/[^)]+)\)", held)
        assert len(tests) > 1, name
        for each in tests:
            found = [ROOT / each] if each.endswith(".py") else [*(ROOT / each).glob("test_*.py")]
            assert any("def test_" in path.read_text() for path in found), each


def test_an_anchor_is_made_as_github_makes_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# For once: --set and --vary\n\n## In `rushes.toml`\n\n```\n# no heading\n```\n")
    assert anchors(page) == {"for-once---set-and---vary", "in-rushestoml"}
