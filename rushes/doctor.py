"""`rushes doctor`: what is wrong before a night begins, and how to mend it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from rushes.follow import plain_console
from rushes.reaching import AS_JSON
from workers.clock import SystemClock
from workers.context import VERSION
from workers.doctor import Finding, Level, examine
from workers.http import Wire
from workers.settings import environment, load_settings

_STYLES = {Level.FINE: "green", Level.NOTE: "dim", Level.WARNING: "yellow", Level.PROBLEM: "red"}


@click.command()
@AS_JSON
def doctor(as_json: bool) -> None:
    """Look whether keys, Redis, the store, clocks and disks are fit for a night, and say how to mend what isn't.

    It makes no job, costs nothing and leaves nothing behind. It ends with 2 when a key or a setting is wrong, with 5
    when Redis or the store fails, else with 0: what is only a warning changes nothing of that.
    """
    environ = environment(os.environ, Path.cwd())
    settings = load_settings(environ, Path.cwd())
    console = plain_console()
    found: list[Finding] = []
    with Wire(user_agent=f"rushes/{VERSION}") as wire:
        for finding in examine(settings, environ, wire=wire, clock=SystemClock()):
            found.append(finding)
            if not as_json:
                console.print(f"{finding.level:8}", style=_STYLES[finding.level], end="")
                mend = f"\n{'':8}  -> {finding.mend}" if finding.mend else ""
                console.print(f"{finding.subject}: {finding.told}{mend}", soft_wrap=True, markup=False, highlight=False)
    problems = [finding.exit_code for finding in found if finding.level is Level.PROBLEM]
    code = min(problems, default=0)
    if as_json:
        told = {"findings": [finding.to_json() for finding in found], "exit": code}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    raise SystemExit(code)
