"""The command as a person gives it: in a folder of their own, in a process, or by its front door in this one.

What a process would add to a command that starts no other is its start alone.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
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


@dataclass
class Ended:
    """How a command ended."""

    code: int
    output: str

    def __post_init__(self) -> None:
        assert "Traceback" not in self.output, self.output


@dataclass
class Desk:
    """A folder that a person works in, and the environment they have set."""

    folder: Path
    environ: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def write(self, name: str, text: str) -> Path:
        """Write a file in the folder."""
        path = self.folder / name
        path.write_text(text)
        return path

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start `rushes ...` and leave it running."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rushes", *arguments],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, **environ: str) -> Ended:
        """Run `rushes ...` to its end."""
        return self.end(self.start(*arguments, **environ))

    def ask(self, *arguments: str, **environ: str) -> Ended:
        """Run a `rushes ...` that starts no other process, in this one."""
        said = at_the_front_door(*arguments, folder=self.folder, environ={**self.environ, **environ})
        return Ended(said.code, said.out + said.err)

    def end(self, process: subprocess.Popen[str], *, timeout: float = 600) -> Ended:
        """Wait for the end of what was started."""
        output, _ = process.communicate(timeout=timeout)
        return Ended(process.returncode, output)

    def files(self, pattern: str) -> list[Path]:
        """Files in the store, without what is hidden."""
        store = self.folder / "renders"
        return sorted(path for path in store.glob(pattern) if ".rushes" not in path.parts)

    def log(self) -> str:
        """What the workers of this folder's store have logged."""
        return (self.folder / "renders/.rushes/state/worker.log").read_text()
