"""A family of processes for the tests of the supervisor: run as `python family.py ROLE FOLDER`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from workers.clock import SystemClock
from workers.supervisor import PARENT_VARIABLE, Supervisor, end_when_orphaned

CHILD = """
import os, signal, sys, time
from pathlib import Path

how, folder = sys.argv[1], Path(sys.argv[2])

def ended(*_):
    if how == "stubborn":
        (folder / f"asked-{os.getpid()}").touch()
        return
    (folder / f"ended-{os.getpid()}").touch()
    sys.exit(0)

signal.signal(signal.SIGTERM, ended)
(folder / f"started-{os.getpid()}").touch()
if how == "dies":
    sys.exit(3)
while True:
    time.sleep(60)
"""
"""What stands in for `python -m workers`."""


def stand_in(folder: Path) -> Path:
    """A folder to put on PYTHONPATH: in it, `workers` is the child above."""
    package = folder / "stand-in" / "workers"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(CHILD)
    return package.parent


def supervisor(folder: Path, *hows: str) -> Supervisor:
    """A supervisor of one such child for each of `hows`."""
    children = {f"{how}-{number}": [how, str(folder)] for number, how in enumerate(hows)}
    environ = {**os.environ, "PYTHONPATH": str(stand_in(folder))}
    return Supervisor(children, clock=SystemClock(), environ=environ)


def main(role: str, folder: Path) -> None:
    (folder / f"{role}-{os.getpid()}").touch()
    if role == "grandparent":  # of a worker under its supervisor, as a command is
        environ = {**os.environ, PARENT_VARIABLE: str(os.getpid())}
        subprocess.Popen([sys.executable, __file__, "supervisor", str(folder)], env=environ)
        signal.pause()
    elif role == "parent":  # of a process that watches it
        environ = {**os.environ, PARENT_VARIABLE: str(os.getpid())}
        subprocess.Popen([sys.executable, __file__, "watcher", str(folder)], env=environ)
        signal.pause()
    elif role == "supervisor":
        family = supervisor(folder, "stays", "stays")

        def stop(*_: int | FrameType | None) -> None:
            family.stop()

        signal.signal(signal.SIGTERM, stop)
        family.run()
        (folder / f"over-{os.getpid()}").touch()
    elif role == "watcher":

        def ended(*_: int | FrameType | None) -> None:
            (folder / f"ended-{os.getpid()}").touch()
            sys.exit(0)

        signal.signal(signal.SIGTERM, ended)
        end_when_orphaned(os.environ, SystemClock())
        (folder / f"watching-{os.getpid()}").touch()
        signal.pause()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
