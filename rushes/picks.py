"""`rushes picks`: what was picked on the page, listed, exported, and read back from a file that the page exported."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import IO, Any

import click
from rich.table import Table

from jobs.errors import RushesError
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from rushes.follow import plain_console
from rushes.galleries import onlooker_of
from workers.errors import StoreRefused
from workers.gallery.looking import Onlooker
from workers.ledger import Ledger
from workers.picks import Pick, Picks, add_picks, read_picks

_FORMULA = re.compile(r"[=+\-@\t\r]")
_ORPHAN = re.compile(r"(.+)\.orphan-[0-9a-f]{16}")

COLUMNS = ("take", "star", "rating", "rejected", "note", "at")


class NotPicks(RushesError):
    """The file holds no picks, or those of another batch."""

    exit_code = 2


class _Picking(click.Group):
    """A group that lists where no other word is said: `rushes picks night`."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["list", *args]
        return super().resolve_command(context, args)


@click.group(cls=_Picking, context_settings={"ignore_unknown_options": True})
def picks() -> None:
    """List what was picked of a batch, or read it from a file.

    \b
    rushes picks night                     the takes that are starred, rated, rejected or noted
    rushes picks night --picked --json     those to go on with
    rushes picks import night-picks.json   what the page exported
    """


@picks.command(name="list")
@click.argument("batch")
@click.option("--picked", is_flag=True, help="Only those with a star that were not rejected.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, as the page exports it.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, for a spreadsheet.")
@click.option("--names", is_flag=True, help="Only the names, BATCH/SHOT/TAKE, one a line: for xargs.")
@click.option("--sandbox", "rehearsed", is_flag=True, help="Of the rehearsal of BATCH.")
def list_picks(batch: str, picked: bool, as_json: bool, as_csv: bool, names: bool, rehearsed: bool) -> None:
    """List what is said of the takes of BATCH."""
    if as_json + as_csv + names > 1:
        raise click.UsageError("--json, --csv and --names exclude each other")
    found = read_picks(onlooker_of(batch, rehearsed=rehearsed).store, batch)
    rows = [(take, pick) for take, pick in found.said() if pick.picked or not picked]
    if as_json:
        told = found.model_copy(update={"picks": dict(rows)})
        click.echo(told.to_json().decode(), nl=False)
    elif as_csv:
        click.echo(_csv(rows), nl=False)
    elif names:
        for take, _ in rows:
            click.echo(f"{batch}/{take}")
    else:
        _print(batch, rows)


@picks.command(name="import")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--sandbox", "rehearsed", is_flag=True, help="Into the rehearsal.")
def import_picks(file: IO[str], rehearsed: bool) -> None:
    """Read picks from FILE (JSON), as the page exports them. Of a take that has picks already, the later word holds."""
    given = _read(file)
    onlooker = onlooker_of(given.batch, rehearsed=rehearsed)
    known, strangers = _sorted_out(onlooker, given)
    before = read_picks(onlooker.store, given.batch)
    after = add_picks(onlooker.store, given.batch, known)
    changed = sum(before.picks.get(take) != pick for take, pick in after.picks.items())
    console = plain_console()
    console.print(f"{given.batch}: {len(known):,} picks read, {changed:,} of them new or changed", soft_wrap=True)
    if strangers:
        shown = ", ".join(strangers[:5]) + (f" and {len(strangers) - 5} more" if len(strangers) > 5 else "")
        console.print(f"  passed over, as the batch has no such takes: {shown}", soft_wrap=True)


def _read(file: IO[str]) -> Picks:
    try:
        return Picks.from_json(file.read().encode(), file.name)
    except UnicodeDecodeError as error:
        raise NotPicks(f"{file.name} is not text in UTF-8; export the picks as JSON once more") from error
    except StoreRefused as error:
        raise NotPicks(f"{error}. Export the picks as JSON on the page, and import that file") from error


def _sorted_out(onlooker: Onlooker, given: Picks) -> tuple[dict[str, Pick], list[str]]:
    """The picks of takes that the batch has, and the names of the others."""
    frozen = Ledger(onlooker.store, given.batch).frozen()
    assert frozen is not None, "it was there a moment ago"
    expansion = Expansion(Lineage.from_json(frozen))

    def is_there(take: str) -> bool:
        orphan = _ORPHAN.fullmatch(take)
        return expansion.find(orphan[1] if orphan else take) is not None

    known = {take: pick for take, pick in given.picks.items() if is_there(take)}
    return known, sorted(given.picks.keys() - known.keys())


def _print(batch: str, rows: list[tuple[str, Pick]]) -> None:
    console = plain_console()
    if not rows:
        console.print(f"{batch}: nothing is picked yet; rushes gallery {batch} --serve is the place", soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for heading in ("take", "", "rating", "note"):
        table.add_column(heading, overflow="fold")
    for take, pick in rows:
        word = "rejected" if pick.rejected else "starred" if pick.star else ""
        table.add_row(take, word, "" if pick.rating is None else str(pick.rating), pick.note)
    if not console.is_terminal:
        console.width = max(console.width, console.measure(table, options=console.options.update(width=5_000)).maximum)
    console.print(table)
    starred = sum(pick.picked for _, pick in rows)
    console.print(f"{batch}: {starred:,} picked", soft_wrap=True)


def _csv(rows: Iterable[tuple[str, Pick]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for take, pick in rows:
        values: dict[str, Any] = {"take": take, **pick.model_dump(mode="json")}
        writer.writerow([_cell(values[name]) for name in COLUMNS])
    return text.getvalue()


def _cell(value: object) -> object:
    """A value that no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value
