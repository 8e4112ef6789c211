"""docs/reference is what the code has."""

from __future__ import annotations

import pytest
from documents import ROOT

from rushes.command import cli
from rushes.reference import PAGES, commands, main, settings
from workers.settings import _OWN


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_pages_are_written_from_the_code_as_it_is(name: str) -> None:
    text = (ROOT / "docs/reference" / name).read_text(encoding="utf-8")
    assert text == PAGES[name](), "run: python -m rushes.reference docs/reference"


def test_every_command_and_setting_is_there(tmp_path) -> None:
    main([str(tmp_path)])
    assert all(f"\n## {name}\n" in commands() for name in cli.commands)
    assert all(f"`{variable}`" in settings() for variable in _OWN.values())
    assert (tmp_path / "commands.md").read_text(encoding="utf-8") == commands()
