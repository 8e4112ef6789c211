"""Keeping worker processes alive: started, started again when they die, and ended with their work done."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workers.clock import Clock

log = logging.getLogger(__name__)

PARENT_VARIABLE = "RUSHES_PARENT_PID"
"""Names the process without which a child has no reason to run on."""

WATCH_SECONDS = 0.5
RESTART_SECONDS = 1.0
SLOWEST_RESTART_SECONDS = 30.0
STEADY_SECONDS = 60.0


@dataclass
class _Child:
    name: str
    arguments: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0
    due: float = field(default=0.0)
    told: int = 0
    """How often it was asked to end."""


class Supervisor:
    """Runs `python -m workers ...` once for each entry of `children`, until it is told to stop or is orphaned.

    A child that dies is started again after a second, then after ever longer up to 30, until it has run steadily for
    a minute. `stop` asks the children to finish the steps in hand and end; a second `stop` ends them at once, which
    costs nothing but time: their leases bring the work back.
    """

    def __init__(self, children: Mapping[str, Sequence[str]], *, clock: Clock, environ: Mapping[str, str]) -> None:
        self._children = [_Child(name, arguments) for name, arguments in children.items()]
        self._clock = clock
        self._environ = {**environ, PARENT_VARIABLE: str(os.getpid())}
        self._parent = _expected_parent(environ)
        self._stops = 0

    def stop(self) -> None:
        """Ask the children to end; a second time, end them at once. Safe in a signal handler."""
        # `run` does it: a child that is being started at this very moment can't be reached from here.
        self._stops += 1

    def run(self) -> None:
        """Keep the children running. Returns when all have ended after a `stop`."""
        while True:
            if self._stops == 0 and is_orphan(self._parent):
                log.warning("the command that started this worker is gone; finishing what is in hand")
                self.stop()
            for child in self._children:
                self._tend(child)
            if self._stops and all(child.process is None for child in self._children):
                return
            self._clock.sleep(0.1)

    def _tend(self, child: _Child) -> None:
        now = self._clock.monotonic()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                if child.told < self._stops:
                    child.told = self._stops
                    child.process.send_signal(signal.SIGTERM if self._stops == 1 else signal.SIGKILL)
                return
            child.process = None
            if self._stops:
                return
            child.restarts = 0 if now - child.started > STEADY_SECONDS else child.restarts + 1
            wait = min(SLOWEST_RESTART_SECONDS, RESTART_SECONDS * 2 ** max(0, child.restarts - 1))
            child.due = now + wait
            log.error("worker process %s ended with %s; starting it again in %.0f s", child.name, code, wait)
        if not self._stops and now >= child.due:
            child.started = now
            child.process = subprocess.Popen(
                # -P: the folder that a person works in must not shadow our packages.
                [sys.executable, "-P", "-m", "workers", *child.arguments],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )


def end_when_orphaned(environ: Mapping[str, str], clock: Clock) -> None:
    """Watch the parent that the environment names, and end this process gracefully when it is gone."""
    parent = _expected_parent(environ)
    if parent is None:
        return

    def watch() -> None:
        while not is_orphan(parent):
            clock.sleep(WATCH_SECONDS)
        log.warning("the supervisor is gone; finishing what is in hand")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="rushes-orphan-watch", daemon=True).start()


def is_orphan(parent: int | None) -> bool:
    """Whether the process that is expected as our parent no longer is."""
    return parent is not None and os.getppid() != parent


def _expected_parent(environ: Mapping[str, str]) -> int | None:
    named = environ.get(PARENT_VARIABLE, "")
    parent = int(named) if named.isdigit() else None
    # Inherited from further up, it says nothing about us.
    return parent if parent == os.getppid() else None
