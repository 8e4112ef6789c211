"""The command line's front door: the commands, and how every error ends: one message, one exit code, no traceback."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from jobs.errors import RushesError
from rushes.batches import run, submit
from rushes.comparing import diff
from rushes.costs import costs
from rushes.decisions import cancel, pause, priority, resolve, resume, retry, waive
from rushes.exits import Exit
from rushes.looking import list_doubts, status, watch
from rushes.planning import plan
from rushes.recovering import recover
from rushes.services import flower, sandbox, worker
from rushes.starting import init, schema
from workers.context import VERSION
from workers.settings import environment


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="rushes")
def cli() -> None:
    """Render shot manifests overnight: every take once, inside its limits, with a receipt."""


_STARTING = (init, schema)
_MAKING = (run, submit, plan, diff, recover)
_LOOKING = (status, watch, costs, list_doubts)
_DECIDING = (pause, resume, cancel, retry, waive, priority, resolve)
_SERVING = (worker, flower, sandbox)

for _command in (*_STARTING, *_MAKING, *_LOOKING, *_DECIDING, *_SERVING):
    cli.add_command(_command)


def main() -> None:
    """Run the command, and end with its exit code."""
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
