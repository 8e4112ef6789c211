"""The options that every command has which reads a manifest, in one place."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from jobs.reading.loading import Loaded, load_with_inputs
from jobs.reading.overrides import Override
from jobs.tables import TableHead
from jobs.takes.choosing import ALL, Choice

MANIFEST = click.argument("manifest", type=click.Path(path_type=Path))


@dataclass(frozen=True, slots=True)
class ManifestOptions:
    """What was said on the command line of a manifest, beside its path."""

    head: TableHead
    skip_bad_rows: bool = False
    overrides: tuple[Override, ...] = ()
    choice: Choice = ALL

    def written(self) -> str:
        """The options as they are to be written once more, with a blank at the end of each."""
        head = self.head
        given: Sequence[tuple[str, object]] = (
            ("--batch", head.batch),
            ("--provider", head.provider),
            ("--model", head.model),
            ("--defaults", head.defaults),
        )
        written = "".join(f"{name} {shlex.quote(str(value))} " for name, value in given if value is not None)
        written += "".join(f"{each.option} {shlex.quote(each.written)} " for each in self.overrides)
        written += "".join(f"--only {shlex.quote(each)} " for each in self.choice.only)
        written += "" if self.choice.limit is None else f"--limit {self.choice.limit} "
        return f"{written}--skip-bad-rows " if self.skip_bad_rows else written


def manifest_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of manifests; they come to it together, as `options`."""

    @click.option("--batch", metavar="NAME", help="The batch's name, of a table. Left out: the file's name.")
    @click.option("--provider", metavar="NAME", help="Who renders, of a table (CSV, TSV, JSON lines, XLSX).")
    @click.option("--model", metavar="NAME", help="The model, of a table.")
    @click.option(
        "--defaults",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="What holds for every row of a table: YAML with fields of a shot, a budget and so on.",
    )
    @click.option(
        "--skip-bad-rows",
        is_flag=True,
        help="Go on without the rows of a table that are wrong; they are written to NAME.rejected.csv, each with why.",
    )
    @click.option("--set", "values", metavar="PLACE=VALUE", multiple=True, help="As shots.opening.duration=8.")
    @click.option("--vary", "axes", metavar="AXIS=VALUES", multiple=True, help="An axis for every shot: seed=1..4.")
    @click.option(
        "--only", metavar="SHOT", multiple=True, help="Only these shots (* and ? are wildcards); the others wait."
    )
    @click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Only the first N takes; the others wait.")
    @wraps(command)
    def with_options(
        *args: Any,
        batch: str | None,
        provider: str | None,
        model: str | None,
        defaults: Path | None,
        skip_bad_rows: bool,
        values: Sequence[str],
        axes: Sequence[str],
        only: Sequence[str],
        limit: int | None,
        **others: Any,
    ) -> Any:
        head = TableHead(batch=batch, provider=provider, model=model, defaults=defaults)
        overrides = (*(Override("--set", each) for each in values), *(Override("--vary", each) for each in axes))
        choice = Choice(tuple(only), limit)
        return command(*args, options=ManifestOptions(head, skip_bad_rows, overrides, choice), **others)

    return with_options


def load(path: Path, options: ManifestOptions) -> Loaded:
    """The manifest or table at `path`; rows that are skipped are written to a file beside it, and that is said.

    Raises `jobs.errors.ManifestError`, and `click.UsageError` when the file for them can't be written.
    """
    loaded = load_with_inputs(path, options.head, skip_bad_rows=options.skip_bad_rows, overrides=options.overrides)
    rejected = loaded.rejected
    if rejected is None:
        return loaded
    into = path.parent / rejected.name
    try:
        # With a mark at its front, Excel knows UTF-8.
        into.write_text(rejected.csv(), encoding="utf-8-sig", newline="")
    except OSError as error:
        raise click.UsageError(f"the rows that are wrong can't be written to {into}: {error.strerror}") from None
    count = len(rejected.reasons)
    rows = "1 row is" if count == 1 else f"{count:,} rows are"
    click.echo(f"rushes: {rows} left out as wrong, and written to {into} with the reasons", err=True)
    return loaded
