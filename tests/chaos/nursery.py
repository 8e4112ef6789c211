"""Starts processes by forking one that has imported everything and done nothing yet.

A worker takes a second of CPU to import what it needs, and a scenario starts half a dozen. A forked one is as real: it
has a process, a session and an environment of its own, reads its settings itself, and dies of kill -9 alone.

    python nursery.py SOCKET

Each connection to SOCKET is one process: a line of JSON says what it is to be, a line with its id comes back, and one
with its exit code when it has ended. Whoever hangs up before that kills it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_SETTINGS = frozenset({"workers.celery", "workers.tasks"})
"""What reads the settings as soon as it is imported, so it may be imported in the fork only."""

_BESIDES = (
    "boto3.session",
    "botocore.httpsession",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.thread",
    "celery.events.dispatcher",
    "celery.loaders.app",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer",
    "celery.worker.strategy",
    "kombu.transport.redis",
    "launcher",
)


class Child:
    """A process that a nursery has started, with what a scenario needs of `subprocess.Popen`."""

    def __init__(self, told: socket.socket, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._told = told

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self._ended(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended. Raises `subprocess.TimeoutExpired`."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return code

    def kill(self) -> None:
        """kill -9."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], timeout)[0]:
            said = self._told.makefile().readline()
            assert said, f"the nursery is gone, and with it process {self.pid}"
            self.returncode = int(said)
            self._told.close()
        return self.returncode


class Nursery:
    """A nursery, and the only one who speaks to it."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "nursery"
        self._process = subprocess.Popen([sys.executable, __file__, str(self._socket)], stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 300
        while not self._socket.exists():
            assert self._process.poll() is None and time.monotonic() < deadline, "the nursery doesn't begin"
            time.sleep(0.02)

    def start(self, arguments: Sequence[str], *, folder: Path, environ: Mapping[str, str], output: Path) -> Child:
        """Start `launcher.py ARGUMENTS` in `folder`, with an environment of its own, writing to `output`."""
        told = socket.socket(socket.AF_UNIX)
        told.connect(str(self._socket))
        order = {"arguments": list(arguments), "folder": str(folder), "environ": dict(environ), "output": str(output)}
        told.sendall(json.dumps(order).encode() + b"\n")
        # Byte by byte: the exit code may follow at once, and is to be left where it can be waited for.
        pid = b""
        while not pid.endswith(b"\n"):
            came = told.recv(1)
            assert came, f"the nursery has not started {' '.join(arguments)}"
            pid += came
        return Child(told, int(pid))

    def close(self) -> None:
        """End it. What it has started ends when its `Child` is gone."""
        self._process.kill()
        self._process.wait()


def _import_everything() -> None:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    for package in ("jobs", "rushes", "workers"):
        found = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
        for name in sorted({module.name for module in found} - _SETTINGS):
            if not name.endswith("__main__"):
                importlib.import_module(name)
    for name in _BESIDES:
        importlib.import_module(name)
    assert not _SETTINGS & set(sys.modules), f"imported too early: {_SETTINGS & set(sys.modules)}"
    gc.collect()
    gc.freeze()


def _serve(place: str) -> dict[str, Any]:
    """Start a process for each connection. Returns only in such a process, with what it is to be."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{place}.soon")
    listening.listen(64)
    Path(f"{place}.soon").rename(place)
    # Nobody waits for the guardians.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    parent = os.getppid()
    while True:
        if not select.select([listening], [], [], 1.0)[0]:
            if os.getppid() != parent:
                sys.exit()  # whoever it was for was killed
            continue
        told, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _guard(told)
        told.close()


def _guard(told: socket.socket) -> dict[str, Any]:
    order: dict[str, Any] = json.loads(told.makefile().readline())
    pid = os.fork()
    if pid == 0:
        told.close()
        return order
    told.sendall(b"%d\n" % pid)
    ended = os.pidfd_open(pid)
    if told in select.select([told, ended], [], [])[0]:
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        told.sendall(b"%d\n" % code)
    finally:
        os._exit(0)


def _become(order: Mapping[str, Any]) -> None:
    os.setsid()
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environ"])
    for place, flags, number in ((os.devnull, os.O_RDONLY, 0), (order["output"], os.O_WRONLY, 1)):
        opened = os.open(place, flags)
        os.dup2(opened, number)
        os.close(opened)
    os.dup2(1, 2)
    sys.argv = ["launcher.py", *order["arguments"]]


if __name__ == "__main__":
    _import_everything()
    _become(_serve(sys.argv[1]))
    importlib.import_module("launcher").main()
