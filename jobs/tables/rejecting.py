"""Rows that are left out because something is wrong with them, and the file in which a person finds them again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from jobs.reading.document import Document
from jobs.tables.rows import Cell, Table
from jobs.tables.shots import TableShots

REASON = "#reason"
"""The column that says why. As it begins with #, the file can be mended and read again as it is."""


class _Draft(Protocol):
    document: Document
    table: TableShots | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """`reasons` are those of each rejected row of `table`, by its number."""

    table: Table
    reasons: Mapping[int, str]

    @property
    def name(self) -> str:
        """What the file is called: `night.rejected.csv`."""
        return f"{self.table.name.rpartition('.')[0]}.rejected.csv"

    def csv(self) -> str:
        """The rejected rows as they were, with a column that says why, in CSV."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        # What has been rejected before is told anew.
        kept = [at for at, column in enumerate(self.table.columns) if column != REASON]
        writer.writerow([REASON, *(self.table.columns[at] for at in kept)])
        for row in self.table.rows:
            if row.number in self.reasons:
                writer.writerow([self.reasons[row.number], *(_written(row.cells[at]) for at in kept)])
        return text.getvalue()


def bad_rows(draft: _Draft) -> dict[int, str]:
    """What is wrong with each row of the draft's table, by its number. Empty when something else is wrong, too."""
    if draft.table is None:
        return {}
    reasons: dict[int, list[str]] = {}
    for loc, problem in draft.document.problems.items():
        if len(loc) < 2 or loc[0] != "shots" or not isinstance(loc[1], int):
            return {}
        number = draft.table.rows[loc[1]].number
        _, comma, column = problem.place.partition(", ")
        reasons.setdefault(number, []).append(f"{column}: {problem.message}" if comma else problem.message)
    return {number: "; ".join(said) for number, said in reasons.items()}


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
