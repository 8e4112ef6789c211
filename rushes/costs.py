"""`rushes costs`: what a batch has cost, from the store alone."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any

import click
from rich.console import Console
from rich.table import Table

from jobs.errors import RushesError
from jobs.takes.naming import name_fault
from rushes.follow import plain_console
from rushes.session import REHEARSAL, rehearsal_store
from rushes.summary import MOST_NAMED
from workers.accounts import AttemptCost, CostLine, CostReport, Sums, attempt_costs
from workers.accounts.report import NOT_SUBMITTED, exact, money
from workers.settings import load_settings
from workers.store import Store, open_store

COLUMNS = (
    "take",
    "shot",
    "attempt",
    "provider",
    "job_id",
    "outcome",
    "kind",
    "estimated",
    "estimated_currency",
    "actual",
    "currency",
    "basis",
    "at",
)
"""The columns of the CSV, and the fields of an attempt in the JSON. `at` is when it was submitted, in UTC."""

WIDEST = 1000
"""Columns of text; a shot's name has 64 at most."""

_WITHOUT_VIDEO = ("failed", "discarded", "cancelled", "in doubt", "orphan")


class NoSuchBatch(RushesError):
    """There is nothing of this batch in the store."""

    exit_code = 2


@click.command()
@click.argument("batch")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for a program to read.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, one row an attempt, for a spreadsheet.")
@click.option(
    "--out",
    type=click.File("w", encoding="utf-8", lazy=True, atomic=True),
    help="Write the JSON or CSV to this file.",
)
@click.option("--sandbox", "rehearsed", is_flag=True, help="Look at the rehearsal of BATCH.")
def costs(batch: str, as_json: bool, as_csv: bool, out: IO[str] | None, rehearsed: bool) -> None:
    """Print what BATCH has cost so far: estimated, actual, and at most.

    It is read from the store, from any machine. What is not known is called unknown; "at most" counts it with the
    highest price that it may have.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    if out is not None and not (as_json or as_csv):
        raise click.UsageError("--out needs --json or --csv, to say what to write")
    settings = load_settings(os.environ, Path.cwd())
    place = rehearsal_store(settings.store) if rehearsed else settings.store
    store = open_store(place)
    found = attempt_costs(store, batch) if name_fault(batch) is None else []
    if not found:
        prove_there(store, batch, place)
    report = CostReport.of(batch, found)
    if as_json or as_csv:
        click.echo(_json(report, found) if as_json else _csv(found), file=out, nl=False)
    else:
        _print(plain_console(), report, found)


def prove_there(store: Store, batch: str, place: str) -> None:
    """Raise `NoSuchBatch` when nothing of `batch` is in `store`, with the names that could have been meant."""
    if name_fault(batch) is None and next(store.keys(f"{batch}/"), None) is not None:
        return
    there = [name for name in store.folders("") if name != REHEARSAL]
    near = get_close_matches(batch, there, n=1)
    if near:
        advice = f"Did you mean {near[0]}?"
    elif there:
        more = f", and {len(there) - MOST_NAMED} more" if len(there) > MOST_NAMED else ""
        advice = f"It holds {', '.join(there[:MOST_NAMED])}{more}"
    else:
        advice = "It holds no batch at all. Is RUSHES_STORE right, or was it a rehearsal (--sandbox)?"
    raise NoSuchBatch(f"there is no batch {batch!r} in the store {place}. {advice}")


def _print(console: Console, report: CostReport, found: Sequence[AttemptCost]) -> None:
    total = report.total
    if not found:
        console.print(f"{report.batch}: no attempt is on record, so nothing was paid for", soft_wrap=True)
        return
    head = f"{report.batch}: {_count(total.attempts, 'attempt')} at {_count(total.takes, 'take')}"
    console.print(head, soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for heading in ("", "takes", "attempts", "estimated", "actual", "at most"):
        table.add_column(heading, justify="right" if heading else "left", overflow="fold")
    for lines in (report.shots, report.providers, report.outcomes):
        _add(table, lines)
    _add(table, [total])
    if not console.is_terminal:
        # A pipe has no width to fit into, and what reads it wants a row in one line.
        console.width = max(console.width, console.measure(table, options=console.options.update(width=WIDEST)).maximum)
    console.print(table)
    _name_without_video(console, found)


def _add(table: Table, lines: Sequence[CostLine]) -> None:
    table.add_section()
    for line in lines:
        sums = (_cell(each) for each in (line.estimated, line.actual, line.at_most))
        table.add_row(line.name, f"{line.takes:,}", f"{line.attempts:,}", *sums)


def _cell(sums: Sums) -> str:
    return "\n".join(sums.parts())


def _name_without_video(console: Console, found: Sequence[AttemptCost]) -> None:
    """Name the attempts that may have been billed, and for which there is nothing to show."""
    billed = [cost for cost in found if cost.outcome in _WITHOUT_VIDEO and cost.actual is None]
    if not billed:
        return
    console.print(f"{_count(len(billed), 'attempt')} brought no video and may have been billed:", soft_wrap=True)
    for cost in billed[:MOST_NAMED]:
        why = cost.outcome if cost.kind is None else f"{cost.outcome}, {cost.kind}"
        job = "" if cost.job_id is None else f", job {cost.job_id}"
        most = "unknown" if cost.estimated is None else f"at most {money(cost.estimated)} {cost.estimated_currency}"
        who = cost.provider or NOT_SUBMITTED
        console.print(f"  {cost.take}, attempt {cost.attempt} at {who}{job}: {most} [{why}]", soft_wrap=True)
    if len(billed) > MOST_NAMED:
        console.print(f"  and {len(billed) - MOST_NAMED:,} more", soft_wrap=True)


def _json(report: CostReport, found: Sequence[AttemptCost]) -> str:
    attempts = [_row(cost) for cost in found]
    return json.dumps(report.to_json() | {"attempts_on_record": attempts}, indent=2, ensure_ascii=False) + "\n"


def _csv(found: Sequence[AttemptCost]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for cost in found:
        values = _row(cost)
        # An empty cell is a zero to most spreadsheets.
        values |= {name: "unknown" for name in ("estimated", "actual") if values[name] is None}
        writer.writerow(values.values())
    return text.getvalue()


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _row(cost: AttemptCost) -> dict[str, Any]:
    values = {name: getattr(cost, name) for name in COLUMNS}
    # JSON's numbers aren't exact.
    exactly = {name: exact(value) for name, value in values.items() if isinstance(value, Decimal)}
    at = None if cost.at is None else datetime.fromtimestamp(cost.at, UTC).isoformat(timespec="seconds")
    return values | exactly | {"at": at and at.replace("+00:00", "Z")}
