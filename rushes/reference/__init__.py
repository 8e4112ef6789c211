"""Writes the reference from what the code has: `python -m rushes.reference docs/reference`.

Each page is a text in `pages/`, with what comes from the code where it says `{{so}}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rushes.reference.commands import commands
from rushes.reference.exit_codes import exit_codes
from rushes.reference.manifest import manifest
from rushes.reference.settings import settings

__all__ = ["PAGES", "commands", "exit_codes", "main", "manifest", "settings"]

PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands,
    "exit-codes.md": exit_codes,
    "manifest.md": manifest,
    "settings.md": settings,
}


def main(arguments: list[str]) -> None:
    """Write all pages into the folder that is named."""
    for name, page in PAGES.items():
        (Path(arguments[0]) / name).write_text(page(), encoding="utf-8")
