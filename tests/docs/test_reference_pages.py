"""docs/reference is what the code has."""

from __future__ import annotations

from pathlib import Path

import pytest
from documents import REFERENCE, ROOT, spans, table, tables

from jobs.schema import schema
from rushes.command import cli
from rushes.exits import Exit
from rushes.reference import PAGES, commands, main
from rushes.reference.writing import filled
from workers.settings import _OWN


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_pages_are_written_from_the_code_as_it_is(name: str) -> None:
    text = (ROOT / "docs/reference" / name).read_text(encoding="utf-8")
    assert text == PAGES[name](), "run: python -m rushes.reference docs/reference"


def test_every_command_and_setting_is_there(tmp_path: Path) -> None:
    main([str(tmp_path)])
    written = {name: (tmp_path / name).read_text(encoding="utf-8") for name in PAGES}
    assert all(f"\n### {name}\n" in written["commands.md"] for name in cli.commands)
    assert all(f"`{variable}`" in written["settings.md"] for variable in _OWN.values())
    assert written["commands.md"] == commands()


def test_every_key_of_the_schema_is_there_with_what_it_means() -> None:
    told = {spans(row[0])[0]: row for each in tables(REFERENCE / "manifest.md") for row in each.rows}
    made = schema()
    parts = [made, *(made["$defs"][name] for name in ("Defaults", "Shot", "Look"))]
    assert set(told) == {name for part in parts for name in part["properties"]}
    assert all(written and said.endswith(".") for _, written, _, said in told.values())


def test_every_code_is_there() -> None:
    assert [row[0] for row in table(REFERENCE / "exit-codes.md", "code").rows] == [str(int(code)) for code in Exit]


def test_a_page_whose_gaps_and_text_do_not_match_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        filled("exit-codes.md", codes="", nothing="")
