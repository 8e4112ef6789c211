"""XLSX workbooks as rows. openpyxl comes with the extra `rushes[xlsx]`."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from jobs.tables.rows import MOST_COLUMNS, MOST_ROWS, Cell, Row, TableError

LARGEST_UNPACKED = 512 * 1024 * 1024
"""In bytes. A zip file can say that it holds far more than it has."""


def rows_of_workbook(body: bytes) -> Iterator[Row]:
    """The rows of the first sheet. Of a formula, what it last came to. Raises `TableError`."""
    try:
        import openpyxl
    except ImportError:
        raise TableError("a workbook of Excel needs openpyxl: pip install 'rushes[xlsx]', or save it as CSV") from None
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            unpacked = sum(each.file_size for each in packed.infolist())
        if unpacked > LARGEST_UNPACKED:
            raise TableError(f"it unpacks to {unpacked:,} bytes, which no list of shots has")
        book = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
    except TableError:
        raise
    # What a broken file makes openpyxl and the XML parser raise isn't documented.
    except Exception as error:  # noqa: BLE001
        raise TableError(f"it is no workbook of Excel ({type(error).__name__}); save it again as .xlsx") from None
    rows = sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS + 1, max_row=MOST_ROWS * 2)
    number = 0
    while True:
        number += 1
        try:
            values = next(rows, None)
        except Exception as error:  # noqa: BLE001
            raise TableError(f"its row {number} can't be read ({type(error).__name__}); save it again") from None
        if values is None:
            return
        yield Row(number, [_cell(value) for value in values])


def _cell(value: object) -> Cell:
    """What a cell holds, as a CSV of the same sheet would have it; numbers and booleans as they are."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, timedelta):
        minutes = int(value.total_seconds()) // 60
        return f"{minutes // 60}:{minutes % 60:02d}"
    if isinstance(value, time):
        return value.strftime("%H:%M:%S")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
