"""Rows written as CSV, as JSON lines, and as Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from jobs.errors import RushesError
from workers.exports.rows import AXIS, FRACTIONS, NUMBERS, YES_OR_NO, Row, Value

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 10_000
LARGEST_WHOLE = 2**63 - 1

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With these a spreadsheet takes text for a formula (OWASP, "CSV Injection")."""


class ParquetMissing(RushesError):
    """Parquet is written by pyarrow, which is not installed."""

    exit_code = 2


def write_csv(rows: Iterable[Row], columns: Sequence[str], out: IO[str]) -> int:
    """Write the rows as CSV (RFC 4180) with a head; how many there were.

    Text that a spreadsheet would take for a formula gets a `'` in front, and that is the only change: numbers stay
    what they are, and an empty cell is what isn't known.
    """
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow(_cell(row[name]) for name in columns)
        count += 1
    return count


def write_jsonl(rows: Iterable[Row], out: IO[str]) -> int:
    """Write the rows as JSON, one in each line; how many there were."""
    count = 0
    for row in rows:
        out.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
    return count


def prove_parquet() -> None:
    """Raise `ParquetMissing` unless Parquet can be written."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise ParquetMissing(
            "Parquet wants pyarrow, which isn't installed: pip install 'rushes[parquet]', or take --csv or --jsonl"
        ) from error


def write_parquet(rows: Iterable[Row], columns: Sequence[str], path: Path, spool: IO[str]) -> int:
    """Write the rows to `path` as Parquet; how many there were. `spool` is a file to lay them in meanwhile.

    An axis has the type of its values: whole numbers, fractions or truths where all of them are, else text. Raises
    `ParquetMissing`, and OSError.
    """
    prove_parquet()
    import pyarrow as pa
    import pyarrow.parquet as pq

    axes = [name for name in columns if name.startswith(AXIS)]
    kinds: dict[str, set[type]] = {name: set() for name in axes}
    count = 0
    for row in rows:
        for name in axes:
            if (value := row[name]) is not None:
                # Larger than any column's numbers: then its digits are text.
                kinds[name].add(str if type(value) is int and abs(value) > LARGEST_WHOLE else type(value))
        spool.write(json.dumps(row) + "\n")
        count += 1
    spool.seek(0)
    schema = pa.schema([(name, _type(name, kinds.get(name, set()))) for name in columns])
    lines = iter(spool)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while together := [json.loads(line) for line in islice(lines, AT_ONCE)]:
            writer.write_table(pa.Table.from_pylist(list(_fitting(together, schema)), schema=schema))
    return count


def _type(name: str, kinds: set[type]) -> pa.DataType:
    import pyarrow

    if name in YES_OR_NO or kinds == {bool}:
        return pyarrow.bool_()
    if name in NUMBERS or kinds == {int}:
        return pyarrow.int64()
    if name in FRACTIONS or (kinds and kinds <= {int, float}):
        return pyarrow.float64()
    return pyarrow.string()


def _fitting(rows: Iterable[Row], schema: pa.Schema) -> Iterator[Row]:
    texts = {field.name for field in schema if str(field.type) == "string"}
    for row in rows:
        yield {name: value if value is None or name not in texts else _text(value) for name, value in row.items()}


def _text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _cell(value: Value) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
