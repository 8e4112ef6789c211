"""Files as rows of cells, whatever wrote them: what is in which cell, and where a spreadsheet shows it.

    .csv .txt   RFC 4180, with `,` `;` or a tab between the cells; UTF-8 or, as Excel saves "Unicode text", UTF-16
    .tsv .tab   the same, with tabs
    .jsonl      one mapping a line
    .xlsx       the first sheet of a workbook; needs openpyxl

A row's number is the one that a spreadsheet shows: the names of the columns are in row 1, a blank row counts, and text
with line breaks in a cell is one row.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.faults import choice, shown

LARGEST_FILE = 64 * 1024 * 1024
"""In bytes."""

MOST_ROWS = 200_000
MOST_COLUMNS = 200
LONGEST_CELL = 1_000_000
"""In characters. Far more than any provider takes as a prompt."""

Cell = object
"""Text, or of JSON and XLSX what it holds by itself; "" or None where nothing is written."""

_BLANKS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2007": " ", "\ufeff": None, "\u200b": None})
"""What word processors put for a blank, and marks that nobody sees."""


class TableError(ValueError):
    """The file is no table. The message says why, and where."""


@dataclass(frozen=True, slots=True)
class Row:
    """`number` is the row as a spreadsheet shows it, from 1; `cells` what is written in it, one for each column.

    `fault` is what is wrong with the row as a whole, or None.
    """

    number: int
    cells: Sequence[Cell]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is the file's name; `columns` are as they are written, "" for a column that has no name."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def is_table(path: Path) -> bool:
    """Whether the file's ending says that it is a table."""
    return path.suffix.lower() in _KINDS


def read_table(path: Path) -> Table:
    """The table in the file at `path`. Rows in which nothing is written are left out. Raises `TableError`."""
    read = _KINDS.get(path.suffix.lower())
    if read is None:
        raise TableError(f"{shown(path.name)} is no table; the file's name ends in {choice(_KINDS)}")
    body = _body(path)
    numbered = read(body)
    columns: tuple[str, ...] | None = None
    rows: list[Row] = []
    for row in numbered:
        if columns is None:
            if any(_said(cell) for cell in row.cells):
                columns = tuple(plain(str(cell)) if cell is not None else "" for cell in row.cells)
                while not columns[-1]:
                    columns = columns[:-1]
                if len(columns) > MOST_COLUMNS:
                    raise TableError(f"it has {len(columns):,} columns, and {MOST_COLUMNS} is the most")
            continue
        if row.fault is None and not any(_said(cell) for cell in row.cells):
            continue
        rows.append(_fitted(row, len(columns)))
        if len(rows) > MOST_ROWS:
            raise TableError(f"it has more than {MOST_ROWS:,} rows; make several batches of it")
    if columns is None:
        raise TableError("it is empty; its first row names the columns, as  name,prompt,seed")
    return Table(path.name, columns, tuple(rows))


def plain(text: str) -> str:
    """`text` as it was meant: non-breaking blanks are blanks, marks without a width are nothing, and the ends bare."""
    return text.strip() if text.isascii() else text.translate(_BLANKS).strip()


def column_letter(at: int) -> str:
    """What a spreadsheet calls the column at `at` (from 0): A, B, ... Z, AA."""
    letters = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _said(cell: Cell) -> bool:
    return plain(cell) != "" if isinstance(cell, str) else cell is not None


def _fitted(row: Row, width: int) -> Row:
    """The row with as many cells as there are columns."""
    cells = row.cells
    if len(cells) == width:
        return row
    if len(cells) < width:
        return Row(row.number, [*cells, *[""] * (width - len(cells))], row.fault)
    over = next((at for at in range(width, len(cells)) if _said(cells[at])), None)
    if over is None:
        return Row(row.number, cells[:width], row.fault)
    told = f"{shown(cells[over])} stands in column {column_letter(over)}, which has no name"
    return Row(row.number, cells[:width], row.fault or f"{told}; text with a separator in it needs quotes around it")


def _body(path: Path) -> bytes:
    try:
        # A pipe without a writer would be waited for, for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise TableError("it is not a file")
            body = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise TableError("there is no such file") from None
    except (OSError, ValueError) as error:
        if isinstance(error, TableError):
            raise
        raise TableError(f"it can't be read: {getattr(error, 'strerror', None) or error}") from None
    if len(body) > LARGEST_FILE:
        raise TableError(f"it is larger than {LARGEST_FILE // 1024 // 1024} MiB")
    return body


def _text(body: bytes) -> str:
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            text = body.decode("utf-16")
        except UnicodeDecodeError:
            raise TableError("it begins as UTF-16 and is not; save it as CSV UTF-8") from None
    else:
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = body.count(b"\n", 0, error.start) + 1
            told = f"not UTF-8 text: byte 0x{body[error.start]:02x} in line {line}"
            raise TableError(f"{told}; in Excel, save it as 'CSV UTF-8'") from None
    if "\0" in text:
        raise TableError(f"it is no text: it has a NUL byte in line {text.count(chr(10), 0, text.index(chr(0))) + 1}")
    return text


def _separated(text: str, separator: str) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    try:
        for number, cells in enumerate(rows, 1):
            yield Row(number, cells)
    except csv.Error as error:
        if "field larger" in str(error):
            told = f"a cell is longer than {LONGEST_CELL:,} characters; is a closing quote missing?"
        elif "unexpected end" in str(error):
            told = 'a quote (") is opened and never closed'
        elif "expected after" in str(error):
            told = 'there is text after a closing quote; within quotes, a quote is written twice ("")'
        else:
            told = str(error)
        raise TableError(f"row {number + 1} (line {rows.line_num}) is not CSV: {told}") from None


def _csv(body: bytes) -> Iterator[Row]:
    text = _text(body)
    head, _, rest = text.partition("\n")
    head = head.strip("\r\n")
    # Excel's own way to name the separator; it shows no row for it.
    if len(head) == 5 and head.lower().startswith("sep="):
        return _separated(rest, head[4])
    return _separated(text, _separator(text))


def _tsv(body: bytes) -> Iterator[Row]:
    return _separated(_text(body), "\t")


def _separator(text: str) -> str:
    """What stands between the cells: of the first line that says something, what it has most of outside of quotes."""
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    bare = "".join(first.split('"')[::2])
    return max(",;\t", key=bare.count)


def _json_lines(body: bytes) -> Iterator[Row]:
    """The columns are all keys, in the order in which they come first; what JSON knows keeps its kind."""
    mappings: list[tuple[int, dict[str, object] | str]] = []
    columns: dict[str, int] = {}
    for number, line in enumerate(_text(body).split("\n"), 1):
        if not line.strip():
            continue
        read = _json_line(line)
        if isinstance(read, dict):
            read = _flat(read)
            for key in read:
                columns.setdefault(key, len(columns))
        mappings.append((number, read))
        if len(columns) > MOST_COLUMNS or len(mappings) > MOST_ROWS:
            break
    # The names are of no row of the file.
    yield Row(0, list(columns))
    for number, read in mappings:
        if isinstance(read, str):
            yield Row(number, [""] * len(columns), read)
            continue
        cells: list[Cell] = [None] * len(columns)
        for key, value in read.items():
            cells[columns[key]] = value
        yield Row(number, cells)


def _flat(read: dict[str, object]) -> dict[str, object]:
    """The mapping with `vars: {place: x}` as `vars.place`, and the same for the provider's own fields."""
    flat: dict[str, object] = {}
    for key, value in read.items():
        if key in ("vars", "provider_options") and isinstance(value, dict):
            flat |= {f"{key}.{name}": each for name, each in value.items()}
        else:
            flat[key] = value
    return flat


def _json_line(line: str) -> dict[str, object] | str:
    """The mapping in a line, or what is wrong with it."""
    twice: list[str] = []

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in pairs:
            if key in found:
                twice.append(key)
            found[key] = value
        return found

    def no_number(text: str) -> object:
        raise ValueError(f"{text} is no number of JSON")

    try:
        read = json.loads(line, object_pairs_hook=once, parse_constant=no_number)
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg} at character {error.pos + 1}"
    except RecursionError:
        return "nested without end"
    except ValueError as error:
        return f"not JSON: {error}"
    if not isinstance(read, dict):
        return f'{shown(read)} is no shot; every line is one mapping, as  {{"name": ..., "prompt": ...}}'
    if twice:
        return f"{shown(twice[0])} is written twice; keep one of the two"
    return read


def _xlsx(body: bytes) -> Iterator[Row]:
    from jobs.tables.workbooks import rows_of_workbook

    return rows_of_workbook(body)


_KINDS: Mapping[str, Callable[[bytes], Iterator[Row]]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".tab": _tsv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".xlsx": _xlsx,
}
