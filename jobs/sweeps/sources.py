"""Axes whose values lie in files: lines of text, rows of a CSV, the files of a folder.

They are read when the manifest is, and what they held is what the manifest holds from then on: a worker has no such
files. A path counts from the manifest's folder and never leads out of it.
"""

from __future__ import annotations

import csv
import io
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from jobs.faults import choice, did_you_mean, listing, shown
from jobs.fields.readers import NUMBERS, READERS, UNSWEPT
from jobs.fields.references import MEDIA
from jobs.sweeps.axes import Entry
from jobs.sweeps.keys import VALUE, WEIGHT
from jobs.takes import AxisValue

LARGEST_FILE = 32 * 1024 * 1024
"""In bytes."""

MOST_VALUES = 200_000
"""How many lines, rows or files one axis may have."""

MOST_COLUMNS = 100
TOLD = 5
"""How many wrong rows of a file are told one by one."""

_WHOLE = re.compile(r"\s*[+-]?\d{1,60}\s*", re.ASCII)
_DECIMAL = re.compile(r"\s*\d{1,12}(?:\.\d{1,12})?\s*", re.ASCII)
_DRIVE = re.compile(r"[A-Za-z]:")


class SourceError(ValueError):
    """A file that an axis names can't give its values. The message says why."""


def is_source(written: object) -> bool:
    """Whether `written`, under a name of a sweep, says where the values lie."""
    return isinstance(written, Mapping) and not written.keys().isdisjoint(_KINDS)


def read_source(name: str, written: Mapping[str, object], folder: Path | None) -> tuple[Entry, ...]:
    """The values of the axis `name` from the file that `written` names, relative to `folder`. Raises `SourceError`.

    `folder` is None where there is none to look in.
    """
    if len(written) != 1:
        known = listing(_KINDS)
        raise SourceError(f"an axis from a file has one of {known} and nothing beside it")
    kind, path = next(iter(written.items()))
    if not isinstance(path, str) or not path.strip():
        raise SourceError(f"{shown(path)} is no path; write  {{{kind}: FILE}}")
    if folder is None:
        raise SourceError(f"{shown(path)} is a file, and there is no folder here to look for it in")
    return _KINDS[kind](name, path, folder)


def _lines(name: str, path: str, folder: Path) -> tuple[Entry, ...]:
    found: list[AxisValue] = []
    faults: list[str] = []
    first: dict[str, int] = {}
    for number, line in enumerate(file_text(path, folder).split("\n"), 1):
        line = line.strip()
        if not line:
            continue
        if line in first:
            faults.append(f"line {number} is the same as line {first[line]}")
            continue
        first[line] = number
        try:
            found.append(_cell(name, line))
        except ValueError as error:
            faults.append(f"line {number}: {error}")
    return _values(found, faults, path)


def _rows(name: str, path: str, folder: Path) -> tuple[Entry, ...]:
    text = file_text(path, folder)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    found: list[dict[str, AxisValue]] = []
    faults: list[str] = []
    columns: list[str] = []
    try:
        for cells in rows:
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = _columns([cell.strip() for cell in cells], path)
                continue
            while len(cells) > len(columns) and not cells[-1].strip():
                cells.pop()
            if len(cells) > len(columns):
                faults.append(f"line {rows.line_num} has {len(cells)} cells, and there are {len(columns)} columns")
                continue
            cells += [""] * (len(columns) - len(cells))
            row: dict[str, AxisValue] = {}
            for column, cell in zip(columns, cells, strict=True):
                try:
                    row[column] = _weight(cell) if column == WEIGHT else _cell(column, cell.strip())
                except ValueError as error:
                    faults.append(f"line {rows.line_num}, {column}: {error}")
            found.append(row)
            if len(found) > MOST_VALUES:
                break
    except csv.Error as error:
        faults.append(f"line {rows.line_num}: not CSV: {error}")
    return _values(found, faults, path)


def _files(name: str, path: str, folder: Path) -> tuple[Entry, ...]:
    if name not in MEDIA:
        raise SourceError(f"files are images, videos or audio, and {name} holds none; name the axis {choice(MEDIA)}")
    return files_like(path, folder)


def files_like(path: str, folder: Path) -> tuple[str, ...]:
    """The files in `folder` that the pattern `path` leads to, sorted, relative to it. Raises `SourceError`."""
    if "**" in path:
        raise SourceError(f"{shown(path)} has ** in it; name the folders, with * for one of them")
    root = folder.resolve()
    # A pattern is a path with stars in it, and goes by the same rules.
    steps = _steps(path)
    found = [""]
    for at, step in enumerate(steps):
        found = [each for before in found for each in _matching(folder, before, step, last=at == len(steps) - 1)]
        if len(found) > MOST_VALUES:
            raise SourceError(f"{shown(path)} leads to more than {MOST_VALUES:,} files")
    for each in found:
        if not (folder / each).resolve().is_relative_to(root):
            raise SourceError(f"{shown(each)} leads out of the manifest's folder")
    if not found:
        raise SourceError(f"no file is called {shown(path)} (looked in {folder})")
    return tuple(sorted(found))


_KINDS: Mapping[str, Callable[[str, str, Path], tuple[Entry, ...]]] = {"lines": _lines, "csv": _rows, "files": _files}


def _matching(folder: Path, before: str, step: str, *, last: bool) -> Iterator[str]:
    """The entries of one folder that a step of a pattern leads to."""
    here = folder / before
    if not any(sign in step for sign in "*?["):
        if (here / step).is_file() if last else (here / step).is_dir():
            yield f"{before}{step}" if last else f"{before}{step}/"
        return
    try:
        names = sorted(each.name for each in here.iterdir())
    except OSError as error:
        raise SourceError(f"{shown(str(here))} can't be looked through: {error.strerror}") from None
    for name in names:
        hidden = name.startswith(".") and not step.startswith(".")
        if not hidden and fnmatchcase(name, step) and ((here / name).is_file() if last else (here / name).is_dir()):
            yield f"{before}{name}" if last else f"{before}{name}/"


def _steps(path: str) -> tuple[str, ...]:
    """The steps of a path that stays where it is. Raises `SourceError`."""
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in path):
        raise SourceError(f"{shown(path)} has a control character in it; take it away")
    plain = path.replace("\\", "/")
    if plain.startswith(("/", "~")) or _DRIVE.match(plain):
        raise SourceError(f"{shown(path)} is not relative; files lie in the manifest's folder, or one within it")
    steps = PurePosixPath(plain).parts
    if ".." in steps:
        raise SourceError(f"{shown(path)} leads out with '..'; files lie in the manifest's folder, or one within it")
    return steps


def path_within(path: str, folder: Path) -> Path:
    """Where the file lies that `path` leads to from `folder`, which is in it. Raises `SourceError`."""
    try:
        found = folder.joinpath(*_steps(path)).resolve(strict=True)
    except FileNotFoundError:
        raise _not_there(path, folder) from None
    except (OSError, RuntimeError) as error:
        raise SourceError(f"{shown(path)} can't be read: {getattr(error, 'strerror', None) or error}") from None
    if not found.is_relative_to(folder.resolve()):
        raise SourceError(f"{shown(path)} leads out of the manifest's folder")
    return found


def _not_there(path: str, folder: Path) -> SourceError:
    beside = sorted(each.name for each in folder.iterdir() if each.is_file())[:1_000]
    return SourceError(f"{shown(path)} is not there (looked in {folder}){did_you_mean(path, beside)}")


def file_text(path: str, folder: Path) -> str:
    """The text of a file in `folder`: UTF-8, with or without a byte order mark. Raises `SourceError`."""
    found = path_within(path, folder)
    try:
        # A pipe without a writer would be waited for, for ever.
        with os.fdopen(os.open(found, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SourceError(f"{shown(path)} is not a file")
            body = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise _not_there(path, folder) from None
    except (OSError, RuntimeError) as error:
        raise SourceError(f"{shown(path)} can't be read: {getattr(error, 'strerror', None) or error}") from None
    if len(body) > LARGEST_FILE:
        raise SourceError(f"{shown(path)} is larger than {LARGEST_FILE // 1024 // 1024} MiB")
    if b"\0" in body:
        raise SourceError(f"{shown(path)} is no text: it has a NUL byte in line {body.count(10, 0, body.index(0)) + 1}")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise SourceError(f"{shown(path)} is not UTF-8 text: byte 0x{body[error.start]:02x} in line {line}") from None


def _columns(names: list[str], path: str) -> list[str]:
    faults = [f"{shown(name)} is no name of a column" for name in names if not name.isidentifier()]
    faults += [f"{name} can't be swept" for name in names if name in UNSWEPT]
    faults += [f"{name} stands there twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    if VALUE in names:
        faults.append(f"{VALUE!r} can't be a column; give the variable's name")
    if not [name for name in names if name != WEIGHT]:
        faults.append("it has no column of values")
    if len(names) > MOST_COLUMNS:
        faults.append(f"it has more than {MOST_COLUMNS} columns")
    if faults:
        raise SourceError(f"the first line of {shown(path)} names the columns: {_told(faults)}")
    return names


def _delimiter(text: str) -> str:
    """What stands between the cells: of the first line, what it has most of."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)


def _cell(name: str, text: str) -> AxisValue:
    """What a cell or a line means for `name`. Raises ValueError."""
    reader = READERS.get(name)
    if reader is None:
        return text
    if not text:
        raise ValueError("it is empty")
    if name in NUMBERS and _WHOLE.fullmatch(text):
        return reader(int(text))
    if text.lower() in ("true", "false"):
        return reader(text.lower() == "true")
    return reader(text)


def _weight(text: str) -> AxisValue:
    if not text.strip():
        return 1
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{shown(text)} is no weight")
    return float(text) if "." in text else int(text)


def _values(found: list[AxisValue] | list[dict[str, AxisValue]], faults: list[str], path: str) -> tuple[Entry, ...]:
    if faults:
        raise SourceError(f"in {shown(path)}, {_told(faults)}")
    if not found:
        raise SourceError(f"{shown(path)} holds no values")
    if len(found) > MOST_VALUES:
        raise SourceError(f"{shown(path)} holds more than {MOST_VALUES:,} values")
    return tuple(found)


def _told(faults: list[str]) -> str:
    rest = len(faults) - TOLD
    return "; ".join(faults[:TOLD]) + (f"; and {rest:,} more" if rest > 0 else "")
