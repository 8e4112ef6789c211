"""`rushes report`: what became of a batch, and what to do next."""

from __future__ import annotations

import json
from typing import IO

import click

from rushes.follow import plain_console
from rushes.reaching import AS_JSON, SANDBOX, at_hand
from workers.decisions import Target
from workers.decisions.targets import aim_at
from workers.reports import gather
from workers.reports.page import report_page
from workers.reports.writing import report_lines


@click.command()
@click.argument("batch")
@AS_JSON
@click.option("--html", "as_html", is_flag=True, help="As a page by itself, to keep or to send.")
@click.option(
    "--out",
    type=click.File("w", encoding="utf-8", lazy=True, atomic=True),
    help="Write it to this file.",
)
@SANDBOX
def report(batch: str, as_json: bool, as_html: bool, out: IO[str] | None, rehearsed: bool) -> None:
    """Print what became of BATCH: done, failed by class, in doubt, costs, times, and what to do next.

    For instance: rushes report night --html --out night.html
    """
    if as_json and as_html:
        raise click.UsageError("--json and --html exclude each other")
    with at_hand(rehearsed) as here:
        name = aim_at(here.context, Target(Target.parse(batch).batch)).batch
        told = gather(here.context, name, rehearsed=rehearsed)
    if as_html:
        click.echo(report_page(told), file=out, nl=False)
    elif as_json:
        click.echo(json.dumps(told.to_json(), indent=2, ensure_ascii=False), file=out)
    elif out is not None:
        click.echo("\n".join(report_lines(told)), file=out)
    else:
        console = plain_console()
        for line in report_lines(told):
            console.print(line, soft_wrap=True)
