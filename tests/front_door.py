"""The command as a person gives it, by its front door, in this process: what a process would add is its start alone."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from rushes.command import main


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it has said."""

    code: int
    out: str
    err: str


def at_the_front_door(*arguments: str, folder: Path, environ: Mapping[str, str]) -> Said:
    """`rushes ...` in `folder`, with `environ` for its environment and nothing to read from."""
    out, err = io.StringIO(), io.StringIO()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    before, given, code = dict(os.environ), dict(environ), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["rushes", *arguments])
        patch.setattr(sys, "stdin", io.StringIO())
        os.environ.clear()
        os.environ.update(given)
        try:
            main()
        except SystemExit as ended:
            code = _code(ended)
        finally:
            os.environ.clear()
            os.environ.update(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return Said(code, out.getvalue(), err.getvalue())


def _code(ended: SystemExit) -> int:
    if ended.code is None:
        return 0
    assert isinstance(ended.code, int), f"a message and no exit code: {ended.code}"
    return ended.code
