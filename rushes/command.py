"""The command line's front door: the commands, and how every error ends: one message, one exit code, no traceback."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import click

from jobs.errors import RushesError
from rushes.exits import Exit
from rushes.lazily import Commands
from workers.settings import environment

_STARTING = {"init": "rushes.starting", "schema": "rushes.starting"}
_MAKING = {
    "run": "rushes.batches",
    "submit": "rushes.batches",
    "plan": "rushes.planning",
    "diff": "rushes.comparing",
    "recover": "rushes.recovering",
}
_LOOKING = {
    "status": "rushes.looking",
    "watch": "rushes.looking",
    "show": "rushes.looking",
    "costs": "rushes.costs",
    "report": "rushes.reporting",
    "export": "rushes.exporting",
    "download": "rushes.exporting",
    "doubts": "rushes.looking:list_doubts",
    "limits": "rushes.limits",
    "gallery": "rushes.galleries",
    "picks": "rushes.picks",
    "sheet": "rushes.sheets",
}
_DECIDING = dict.fromkeys(("pause", "resume", "cancel", "retry", "waive", "priority", "resolve"), "rushes.decisions")
_PICKING = dict.fromkeys(("pick", "unpick"), "rushes.picking")
_MINDING = {"doctor": "rushes.doctor", "completion": "rushes.completing"}
_SERVING = dict.fromkeys(("worker", "flower", "webhooks", "sandbox"), "rushes.services")

GROUPS = {
    "To begin with, and to render": (*_STARTING, *_MAKING),
    "To look": (*_LOOKING,),
    "To decide": (*_DECIDING, *_PICKING),
    "To keep running": (*_SERVING, *_MINDING),
}
"""All commands, by what people want of them."""


class _ByWant(click.Group):
    """Lists its commands by what people want of them."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in GROUPS.items():
            rows = [(name, self.commands[name].get_short_help_str(200)) for name in names]
            with formatter.section(title):
                formatter.write_dl(rows)


@click.group(cls=_ByWant, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rushes", prog_name="rushes")
def cli() -> None:
    """Render shot manifests overnight: every take once, inside its limits, with a receipt.

    \b
      rushes init night                 write night.yaml, and change it
      rushes run --sandbox night.yaml   rehearse it, without a key or money
      rushes run night.yaml             render it
      rushes gallery night --serve      look, compare and pick

    rushes COMMAND --help tells of each command, with examples. Settings stand in the environment, a .env file or
    rushes.toml. With NO_COLOR set, nothing is coloured.
    """


cli.commands = Commands({**_STARTING, **_MAKING, **_LOOKING, **_DECIDING, **_PICKING, **_MINDING, **_SERVING})


def main() -> None:
    """Run the command, and end with its exit code."""
    try:
        try:
            _run()
        finally:
            sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as ended:
        # click ends with 1 when nobody reads what it prints; what it hasn't printed itself breaks at the flush.
        if (isinstance(ended, SystemExit) and ended.code != 1) or not _unread():
            raise
        # Who was to read this has seen enough, as `head` has. Python would try to write the rest when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.INTERRUPTED)


def _run() -> None:
    # boto3 and the processes that we start read the environment itself; a .env file counts for them too.
    os.environ.update(environment(os.environ, Path.cwd()))
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(Exit.WRONG_INPUT)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(Exit.INTERRUPTED)
    except RushesError as error:
        click.echo(f"rushes: {error}", err=True)
        sys.exit(error.exit_code)


def _unread() -> bool:
    """Whether nobody can read any more what is printed."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))
