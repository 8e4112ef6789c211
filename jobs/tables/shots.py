"""Rows of a table as shots, each as a manifest would have it, and from which cell what came."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from jobs.faults import Fault, Loc, did_you_mean, nearest, place, shown
from jobs.fields.readers import NUMBERS, READERS, REFERENCES
from jobs.fields.spellings import OTHER_SPELLINGS
from jobs.tables import cells
from jobs.tables.rows import Row, Table, column_letter
from jobs.takes.naming import LONGEST_NAME

VARS = "vars."
OPTIONS = "provider_options."
_TEXTS = ("name", "prompt", "last_frame", "combine", "for_each", "promote")
_WHOLES = ("priority", "retry_moderated", "takes", "repeat", "sample")
_FIELDS = ("resolution", "start_image", "end_image", "model", "look")
_COLUMNS = (*_TEXTS, *_WHOLES, "price", "pick", "look", *(name for name in READERS if name != "prompt"))
_OF_THE_BATCH = ("batch", "provider", "budget", "max_failures", "deadline", "on_doubt", "reuse")
_WORDS = re.compile(r"[a-z0-9]+", re.ASCII)
_HASHED = 10
"""Hex digits of the content in a row's own name: among 200,000 rows two are alike once in 50 batches, and then one
of them has a number behind it."""


@dataclass(frozen=True, slots=True)
class TableHead:
    """What a table doesn't say of its batch. `defaults` is a file of YAML; None is what isn't said."""

    batch: str | None = None
    provider: str | None = None
    model: str | None = None
    defaults: Path | None = None

    def __bool__(self) -> bool:
        return any(each is not None for each in (self.batch, self.provider, self.model, self.defaults))


@dataclass
class TableShots:
    """The shots of a table. `data` has one mapping for each of `rows`; `faults` count from the manifest's top.

    `unfit` are the faults of its columns, for which no row can be blamed: where, and what.
    """

    table: Table
    rows: list[Row] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unfit: list[tuple[str, str]] = field(default_factory=list)
    beside: bool = False
    """Whether the table is named by a manifest, so that its own name belongs to a place in it."""

    def place(self, loc: Loc) -> str | None:
        """Where a spreadsheet shows what is at `loc`: `row 7, column C (seed)`; None for what no row holds."""
        match loc:
            case ("shots", int(at), *rest) if at < len(self.rows):
                name = f"{self.table.name} " if self.beside else ""
                column = self._column(tuple(rest) if rest != ["sweep"] else ("sweep", *list(self._axes(at))[:1]))
                return f"{name}row {self.rows[at].number}{f', column {column}' if column else ''}"
        return None

    def _axes(self, at: int) -> Mapping[str, object]:
        found: Mapping[str, object] = self.data[at].get("sweep", {})
        return found

    def _column(self, rest: Loc) -> str | None:
        match rest:
            case ("sweep", str(name), *_) if name not in READERS:
                wanted = f"{VARS}{name}"
            case ("sweep" | "provider_options", str(name), *_):
                wanted = name if rest[0] == "sweep" else f"{OPTIONS}{name}"
            case (str(name), *_):
                wanted = name
            case _:
                return None
        at = next((at for at, column in enumerate(self.table.columns) if _normal(column) == wanted), None)
        return wanted if at is None else f"{column_letter(at)} ({wanted})"


def shots_of(table: Table, *, without: Mapping[int, object], beside: bool = False) -> TableShots:
    """The rows of `table` as shots, but for those with a number in `without`."""
    found = TableShots(table, beside=beside)
    found.unfit += _column_faults(table)
    if found.unfit:
        return found
    fillers = [_filler(_normal(column)) if column and column[0] != "#" else None for column in table.columns]
    names: dict[str, int] = {}
    for row in table.rows:
        if row.number in without:
            continue
        loc: Loc = ("shots", len(found.rows))
        data: dict[str, Any] = {}
        faulty = row.fault is not None
        if row.fault is not None:
            found.faults.append(Fault(loc, row.fault))
        for at, (cell, fill) in enumerate(zip(row.cells, fillers, strict=True)):
            if cell is None or cell == "":
                continue
            try:
                meant = cells.said(cell)
                if meant is None:
                    continue
                if fill is not None:
                    fill(data, meant)
                elif not table.columns[at]:
                    raise ValueError(f"{shown(cell)} stands in column {column_letter(at)}, which has no name")
            except ValueError as error:
                faulty = True
                here = (*loc, *_loc(_normal(table.columns[at])))
                found.faults.append(Fault(here, str(error)))
        if "name" not in data:
            name = _own_name(data)
            if not faulty and name in names:
                same = f"the same as row {found.rows[names[name]].number}"
                found.faults.append(Fault(loc, f"this row is {same}; take it away, or give each of the two a name"))
            if name in names:
                name = f"{name}-{row.number}"
            names[name] = len(found.rows)
            data = {"name": name, **data}
        found.rows.append(row)
        found.data.append(data)
    return found


def _normal(column: str) -> str:
    """A column's name as the manifest has it: `Aspect Ratio` is aspect_ratio. Variables keep their case."""
    for before in (VARS, OPTIONS):
        if column[: len(before)].lower() == before:
            return f"{before}{column[len(before) :].strip()}"
    return column.lower().replace(" ", "_").replace("-", "_")


def _loc(column: str) -> Loc:
    if column.startswith(VARS):
        return ("sweep", column.removeprefix(VARS))
    if column.startswith(OPTIONS):
        return ("provider_options", column.removeprefix(OPTIONS))
    return (column,) if column else ()


def _column_faults(table: Table) -> Iterator[tuple[str, str]]:
    first: dict[str, int] = {}
    for at, column in enumerate(table.columns):
        name = _normal(column)
        if not column or column[0] == "#":
            continue
        here = f"row 1, column {column_letter(at)}"
        if name in first:
            yield here, f"{shown(column)} is the name of column {column_letter(first[name])} already"
        first.setdefault(name, at)
        if name.startswith((VARS, OPTIONS)):
            variable = name.partition(".")[2]
            if name.startswith(VARS) and variable in READERS:
                yield here, f"{shown(column)}: {variable} is a field, so its column is {variable!r}, without vars."
            elif name.startswith(VARS) and not variable.isidentifier():
                yield here, f"{shown(column)} can't be a variable: use letters, digits and _ behind vars."
            elif not variable:
                yield here, f"{shown(column)} names no field"
        elif name in _OF_THE_BATCH:
            yield here, f"{name} is one for the whole batch; give it with --{name} or in the file of --defaults"
        elif name not in _COLUMNS:
            hint = _column_hint(name, column, table)
            yield here, f"unknown column {shown(column)}{hint}"
    if "prompt" not in first and "promote" not in first:
        yield "row 1", "there is no column prompt; the first row names the columns, as  name,prompt,seed"


def _column_hint(name: str, column: str, table: Table) -> str:
    variable = f"; a variable of the prompts is {VARS + column!r}, and a column of notes {'#' + column!r}"
    braced = f"{{{column.lower()}}}"
    told = (str(cell) for row in table.rows[:1_000] for cell in row.cells)
    if (found := next((text for text in told if braced in text.lower()), None)) is not None:
        at = found.lower().index(braced)
        name = found[at + 1 : at + len(braced) - 1]
        return f"; the variable {{{name}}} of the prompts has the column {VARS + name!r}"
    other = OTHER_SPELLINGS.get(name)
    if other in _COLUMNS:
        return f"; did you mean {other!r}?"
    if nearest(name, _COLUMNS) is not None:
        return did_you_mean(name, _COLUMNS)
    if column.isidentifier():
        return variable
    return f"; a column of notes is {'#' + column!r}"


Filler = Callable[[dict[str, Any], Any], None]


def _filler(column: str) -> Filler:
    """What puts the value of a cell where it belongs in a shot."""
    if column.startswith(VARS):
        return partial(_fill_axis, column.removeprefix(VARS), cells.as_text)
    if column.startswith(OPTIONS):
        return partial(_fill_option, column.removeprefix(OPTIONS))
    if column in REFERENCES:
        return partial(_fill_list, column)
    if column in NUMBERS:
        return partial(_fill_number, column)
    if column in _TEXTS:
        return partial(_fill_text, column)
    if column in _WHOLES:
        return partial(_fill_one, column, cells.whole)
    if column == "price":
        return partial(_fill_one, column, cells.amount)
    if column == "aspect_ratio":
        return partial(_fill_field, column, cells.aspect)
    if column == "pick":
        return partial(_fill_one, column, cells.boolean)
    if column in _FIELDS:
        return partial(_fill_field, column, cells.as_text)
    return partial(_fill_field, column, cells.boolean)


def _fill_text(column: str, data: dict[str, Any], cell: Any) -> None:
    if column == "prompt" and isinstance(cell, list):
        data.setdefault("sweep", {})[column] = cell
    else:
        data[column] = cells.as_text(cell)


def _fill_one(column: str, one: cells.Reading, data: dict[str, Any], cell: Any) -> None:
    data[column] = one(cell)


def _fill_field(column: str, one: cells.Reading, data: dict[str, Any], cell: Any) -> None:
    values = cells.several(cell, one)
    if len(values) == 1 and not isinstance(cell, list):
        data[column] = values[0]
    else:
        data.setdefault("sweep", {})[column] = values


def _fill_number(column: str, data: dict[str, Any], cell: Any) -> None:
    if isinstance(cell, str) and ".." in cell:
        data.setdefault("sweep", {})[column] = cell
    else:
        _fill_field(column, cells.whole, data, cell)


def _fill_axis(column: str, one: cells.Reading, data: dict[str, Any], cell: Any) -> None:
    data.setdefault("sweep", {})[column] = cells.several(cell, one)


def _fill_list(column: str, data: dict[str, Any], cell: Any) -> None:
    data[column] = cells.several(cell, cells.as_text)


def _fill_option(column: str, data: dict[str, Any], cell: Any) -> None:
    data.setdefault("provider_options", {})[column] = cells.option(cell)


def _own_name(data: Mapping[str, Any]) -> str:
    """A name for a row that has none: the first words of its prompt, or the shot that it promotes, and the hash of what
    it says.

    It says nothing of where the row stands, so it stays when rows are added, sorted or taken away.
    """
    content = json.dumps(data, sort_keys=True, ensure_ascii=False, default=str)
    digest = hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()[:_HASHED]
    words = "-".join(_WORDS.findall(str(data.get("prompt") or data.get("promote") or "")[:80].lower()))
    before = words[:24].strip("-") or "row"
    return f"{before}-{digest}"[:LONGEST_NAME]


def where(shots: TableShots | None, named: Mapping[Loc, str], loc: Loc) -> str:
    """`loc` as a person finds it: in a row, on the command line, or in the manifest."""
    found = None if shots is None else shots.place(loc)
    return found or named.get(loc) or place(loc)
