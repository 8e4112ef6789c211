"""The page of the exit codes."""

from __future__ import annotations

from rushes.exits import Exit
from rushes.reference.writing import docstrings, filled, table


def exit_codes() -> str:
    """The page of how commands end, in the order in which one code hides another."""
    said = docstrings(Exit)
    rows = [(str(int(code)), f"`{code.name}`", said[code.name]) for code in Exit]
    return filled("exit-codes.md", codes=table(("code", "name", ""), rows))
