"""What `rushes run` brings along: the sandbox, a private Redis and a worker, each ended in its order."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from workers.broker.addresses import state_folder
from workers.broker.embedded import EmbeddedRedis
from workers.clock import Clock
from workers.errors import RedisError, SettingsError
from workers.settings import CONVENTIONS, REHEARSAL, Settings
from workers.supervisor import PARENT_VARIABLE

__all__ = ["REHEARSAL", "private_redis", "rehearsal", "rehearsal_store", "sandbox", "worker"]

START_SECONDS = 30.0
DRAIN_SECONDS = 1000.0
"""A synchronous provider may take 15 minutes to answer, and a call that is cut off is in doubt."""


@contextmanager
def private_redis(settings: Settings, environ: Mapping[str, str], clock: Clock) -> Iterator[Callable[[], None]]:
    """The Redis that is configured, or a private one for as long as the block runs. Yields what tends it."""
    if settings.redis_url is not None:
        yield lambda: None
        return
    with EmbeddedRedis(state_folder(settings.store, environ) / "redis", clock=clock, environ=environ) as embedded:
        yield embedded.tend


@contextmanager
def sandbox(settings: Settings, environ: Mapping[str, str], clock: Clock) -> Iterator[dict[str, str]]:
    """A sandbox in a process of its own; yields the environment in which every provider is that sandbox.

    Its accepted jobs outlive it, so that a batch that was interrupted carries on with the next one.
    """
    store = rehearsal_store(settings.store)
    folder = state_folder(store, environ)
    folder.mkdir(parents=True, exist_ok=True)
    announced = folder / "sandbox.url"
    port = _port_of(announced)
    announced.unlink(missing_ok=True)
    log = (folder / "sandbox.log").open("ab")
    arguments = ["sandbox", "--port", str(port), "--state", str(folder / "sandbox.jsonl"), "--announce", str(announced)]
    process = _start(arguments, {**environ, PARENT_VARIABLE: str(os.getpid())}, log)
    try:
        deadline = clock.monotonic() + START_SECONDS
        while not announced.exists() or not announced.read_text().strip():
            if process.poll() is not None:
                raise SettingsError(f"the sandbox did not start; see {log.name}")
            if clock.monotonic() > deadline:
                raise SettingsError(f"the sandbox did not answer within {START_SECONDS:.0f} s; see {log.name}")
            clock.sleep(0.02)
        yield {**environ, **rehearsal(announced.read_text().strip(), store)}
    finally:
        process.terminate()
        process.wait()
        log.close()


def _port_of(announced: Path) -> int:
    """The port of the sandbox before this one, if it is free: jobs that it accepted have addresses with it in them."""
    try:
        port = urlsplit(announced.read_text().strip()).port or 0
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, ValueError):
        return 0
    return port


def rehearsal(url: str, store: str) -> dict[str, str]:
    """The settings under which every provider is the sandbox at `url`, and nothing mixes with what is real."""
    values = {"RUSHES_STORE": store, "RUSHES_NAMESPACE": REHEARSAL}
    for provider, convention in CONVENTIONS.items():
        values[f"RUSHES_{provider.upper()}_URL"] = url
        # A real key has no business in a rehearsal, and the sandbox lets any in.
        values[convention.key_variable] = "rushes-sandbox:takes-any-key"
        if convention.account_variable is not None:
            values[convention.account_variable] = "rehearsal"
        values.setdefault(f"RUSHES_{provider.upper()}_FIRST_POLL", "1")
        values.setdefault(f"RUSHES_{provider.upper()}_SLOWEST_POLL", "2")
    return values


def rehearsal_store(store: str) -> str:
    """The part of a store that rehearsals go to."""
    return store.rstrip("/") + "/" + REHEARSAL


@contextmanager
def worker(settings: Settings, environ: Mapping[str, str], clock: Clock) -> Iterator[Callable[[], None]]:
    """One worker for as long as the block runs, which then finishes the steps in hand. Yields what tends it."""
    folder = state_folder(settings.store, environ)
    folder.mkdir(parents=True, exist_ok=True)
    log = (folder / "worker.log").open("ab")
    process = _start(["worker"], {**environ, PARENT_VARIABLE: str(os.getpid())}, log)

    def tend() -> None:
        code = process.poll()
        if code is not None:
            raise RedisError(f"the worker ended with {code}: {_last_line(Path(log.name))} (log: {log.name})")

    try:
        yield tend
    finally:
        _drain(process, clock)
        log.close()


def _drain(process: subprocess.Popen[bytes], clock: Clock) -> None:
    """Ask for the end, wait for what is in hand; a second Ctrl-C ends it at once."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    deadline = clock.monotonic() + DRAIN_SECONDS
    try:
        while process.poll() is None and clock.monotonic() < deadline:
            clock.sleep(0.05)
    except KeyboardInterrupt:
        deadline = 0.0
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)  # the second one ends its children
        process.wait()


def _start(arguments: list[str], environ: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    # In a session of its own: Ctrl-C is for the command, which then ends its parts in order.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "rushes", *arguments],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing"
