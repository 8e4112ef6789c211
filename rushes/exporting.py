"""`rushes export` and `rushes download`: a batch as a table, and as files at hand."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import click

from rushes.follow import plain_console
from rushes.reaching import SANDBOX, at_hand
from rushes.summary import MOST_NAMED
from workers.context import Context
from workers.decisions import Target
from workers.decisions.targets import aim_at
from workers.errors import StoreError
from workers.exports.downloading import download as bring
from workers.exports.rows import columns, done_receipts, rows
from workers.exports.tables import prove_parquet, write_csv, write_jsonl, write_parquet

PICKED = click.option("--picked", is_flag=True, help="Only the takes that have a star, and weren't rejected.")


@click.command()
@click.argument("batch")
@click.option("--csv", "form", flag_value="csv", help="As CSV, for a spreadsheet.")
@click.option("--jsonl", "form", flag_value="jsonl", help="As JSON, a take in each line.")
@click.option("--parquet", "form", flag_value="parquet", help="As Parquet; wants rushes[parquet].")
@click.option("--embed", "form", flag_value="embed", help="Copies of the MP4s with what is known written into them.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write, instead of printing.")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="The folder for --embed.")
@PICKED
@SANDBOX
def export(batch: str, form: str | None, out: Path | None, folder: Path | None, picked: bool, rehearsed: bool) -> None:
    """Write the takes of BATCH as a table: a row each, with axes, seeds, cost, hashes, places and picks.

    For instance: rushes export night --csv --out night.csv
    """
    if form is None:
        raise click.UsageError("say one of --csv, --jsonl, --parquet and --embed")
    if form == "parquet":
        prove_parquet()
        if out is None:
            raise click.UsageError("Parquet is no text: say where to write it, as --out night.parquet")
    if (form == "embed") != (folder is not None):
        raise click.UsageError("--embed and --to FOLDER go together: videos are written into copies, in that folder")
    with at_hand(rehearsed) as here:
        name = aim_at(here.context, Target(Target.parse(batch).batch)).batch
        if folder is not None:
            _embed(here.context, name, folder, picked=picked)
        elif out is None:
            _write(here.context, name, str(form), sys.stdout, None, picked=picked)
        else:
            with _whole(out) as part, part.open("w", encoding="utf-8", newline="") as file:
                count = _write(here.context, name, str(form), file, part, picked=picked)
            click.echo(f"{name}: {count:,} takes in {out}", err=True)


@click.command()
@click.argument("batch")
@PICKED
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Where to; else ./BATCH.")
@SANDBOX
def download(batch: str, picked: bool, folder: Path | None, rehearsed: bool) -> None:
    """Bring the videos, last frames and receipts of BATCH here: only what is missing, and under their names.

    For instance: rushes download night --picked --to selects
    """
    console = plain_console()
    fresh = kept = size = 0
    faults: list[str] = []
    with at_hand(rehearsed) as here:
        name = aim_at(here.context, Target(Target.parse(batch).batch)).batch
        place = folder or Path(name)
        try:
            for each in bring(here.context.store, done_receipts(here.context, name, picked=picked), place):
                if each.fault is not None:
                    faults.append(f"{each.path}: {each.fault}")
                elif each.fresh:
                    fresh, size = fresh + 1, size + each.bytes
                else:
                    kept += 1
        except OSError as error:
            raise StoreError(f"{place} can't be written: {error.strerror or error}. Make room, or say --to") from error
    console.print(
        f"{name}: {fresh:,} files brought to {place} ({size / 1e6:,.1f} MB), {kept:,} were there already",
        soft_wrap=True,
    )
    if faults:
        for fault in faults[:MOST_NAMED]:
            console.print(f"  {fault}", soft_wrap=True)
        if len(faults) > MOST_NAMED:
            console.print(f"  and {len(faults) - MOST_NAMED:,} more")
        raise StoreError(f"{len(faults):,} files could not be had; the same command brings what is missing")


def _write(context: Context, batch: str, form: str, file: IO[str], path: Path | None, *, picked: bool) -> int:
    found, names = rows(context, batch, picked=picked), columns(context.expansion(batch))
    if form == "csv":
        return write_csv(found, names, file)
    if form == "jsonl":
        return write_jsonl(found, file)
    assert path is not None, "Parquet goes to a file"
    with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
        return write_parquet(found, names, path, spool)


def _embed(context: Context, batch: str, folder: Path, *, picked: bool) -> None:
    from workers.exports.embedding import embed, prove_mutagen  # which is an extra

    prove_mutagen()
    console = plain_console()
    count = 0
    for receipt in done_receipts(context, batch, picked=picked):
        written = embed(context.store, receipt, folder)
        count += 1
        for warning in written.warnings:
            console.print(f"warning: {written.path}: {warning}", style="yellow", soft_wrap=True)
    console.print(f"{batch}: {count:,} copies with metadata in {folder}", soft_wrap=True)


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A file beside `out` that takes its place when the block is through."""
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(out)
    except OSError as error:
        raise StoreError(f"{out} can't be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
