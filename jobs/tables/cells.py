"""What a cell means in its column: text as spreadsheets write it, read as the manifest would have it.

A cell that can be read in two ways is not guessed at: its text stays, and the field's own reader says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from jobs.faults import shown
from jobs.tables.rows import Cell, plain

_BAR = re.compile(r"(?<!\\)\|")
_WHOLE = re.compile(r"([+-]?\d{1,60})(?:[.,]0{1,6})?", re.ASCII)
_ROUNDED = re.compile(r"[+-]?\d(?:[.,]\d+)?[eE]\+?\d+", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::00)?", re.ASCII)
_COMMA = re.compile(r"\d{1,12},(\d{1,2}|\d{4,12})", re.ASCII)
_GROUPED = re.compile(r"\d{1,3}(?:\.\d{3})+,\d{1,12}", re.ASCII)
_AMBIGUOUS = re.compile(r"\d{1,3},\d{3}", re.ASCII)
_ERRORS = frozenset({"#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#NV"})
_YES = {"true": True, "yes": True, "false": False, "no": False}

Reading = Callable[[Cell], object]
"""From a cell in which something is written to what the manifest holds. Raises ValueError."""


def said(cell: Cell) -> Cell:
    """The cell without what was never meant; None when nothing is written. Raises ValueError."""
    if cell is None or not isinstance(cell, str):
        return cell
    text = plain(cell)
    if "\0" in text:
        raise ValueError(f"{shown(text)} holds a NUL, the character of no text; take it away")
    if text[:1] == "#" and text in _ERRORS:
        raise ValueError(f"{text} is a spreadsheet's error and no value; mend the formula")
    return text or None


def as_text(cell: Cell) -> object:
    """Text; a number of JSON or XLSX as it would be written."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell) if isinstance(cell, int | float) else cell


def whole(cell: Cell) -> object:
    """A whole number, also as `5.0` or `5,0`."""
    if not isinstance(cell, str):
        return int(cell) if isinstance(cell, float) and cell.is_integer() else cell
    if found := _WHOLE.fullmatch(cell):
        return int(found[1])
    if _ROUNDED.fullmatch(cell):
        raise ValueError(f"{shown(cell)} was rounded by the spreadsheet; give the column the format 'number' or 'text'")
    return cell


def boolean(cell: Cell) -> object:
    return _YES.get(cell.lower(), cell) if isinstance(cell, str) else cell


def aspect(cell: Cell) -> object:
    """`16:9`, also where a spreadsheet took it for the time of day: `16:09:00`."""
    if isinstance(cell, str) and (found := _TIME.fullmatch(cell)):
        return f"{int(found[1])}:{int(found[2])}"
    return as_text(cell)


def amount(cell: Cell) -> object:
    """An amount of money as `jobs.fields.amounts` reads it, also with a decimal comma where it can be nothing else."""
    if not isinstance(cell, str):
        return cell
    number, _, currency = cell.partition(" ")
    if _AMBIGUOUS.fullmatch(number):
        raise ValueError(f"{shown(cell)} may have a decimal comma or thousands; write it with a point, or without any")
    if _GROUPED.fullmatch(number):
        number = number.replace(".", "").replace(",", ".")
    elif _COMMA.fullmatch(number):
        number = number.replace(",", ".")
    return f"{number} {currency}".strip()


def option(cell: Cell) -> object:
    """One of the provider's own fields: a boolean, a number, or text."""
    if not isinstance(cell, str):
        return cell
    if cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if re.fullmatch(r"-?(?:0|[1-9]\d{0,17})", cell, re.ASCII):
        return int(cell)
    return float(cell) if re.fullmatch(r"-?\d{1,15}\.\d{1,15}", cell, re.ASCII) else cell


def several(cell: Cell, one: Reading) -> list[object]:
    """The values that `|` stands between (`\\|` is the sign itself), or those of a list of JSON."""
    if isinstance(cell, list):
        return [one(each) for each in cell]
    if not isinstance(cell, str) or "|" not in cell:
        return [one(cell)]
    parts = [part.strip().replace("\\|", "|") for part in _BAR.split(cell)]
    if not all(parts):
        raise ValueError(f"{shown(cell)} has nothing beside a |; write  a|b  and \\| for the sign itself")
    return [one(part) for part in parts]
