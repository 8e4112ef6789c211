"""What the benches that render are put together from: a sandbox, a Redis and a worker of their own, and their use.

Everything listens on loopback or on a Unix socket, lies in one temporary folder, and ends with its context.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.broker.embedded import EmbeddedRedis
from workers.clock import SystemClock
from workers.context import make_context
from workers.opening import open_batch
from workers.settings import CONVENTIONS, load_settings
from workers.supervisor import PARENT_VARIABLE

START_SECONDS = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLE_SECONDS = 0.5


def tree(root: int) -> list[int]:
    """`root` and all processes below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue  # it has ended meanwhile
            children.setdefault(parent, []).append(int(entry.name))
    found, left = [], [root]
    while left:
        pid = left.pop()
        found.append(pid)
        left += children.get(pid, [])
    return found


def cpu(pids: list[int]) -> float:
    """Seconds of processor time that these processes, and those of their children that have ended, have used."""
    total = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15]) / TICKS
    return total


def resident(pid: int) -> float:
    """Resident memory of one process, in MB."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6
    except (OSError, IndexError):
        return 0.0


@dataclass
class Used:
    """What some trees of processes have used: `cpu` in seconds, `memory` the most of any one process at once, in MB."""

    cpu: float = 0.0
    memory: float = 0.0


@contextmanager
def measured(roots: Mapping[str, int]) -> Iterator[dict[str, Used]]:
    """Measure the trees below `roots` for as long as the block runs; what it yields is filled in at its end."""
    used = {name: Used() for name in roots}
    ended = threading.Event()

    def sample() -> None:
        while True:
            for name, root in roots.items():
                used[name].memory = max(used[name].memory, *(resident(pid) for pid in tree(root)))
            if ended.wait(SAMPLE_SECONDS):
                return

    before = {name: cpu(tree(root)) for name, root in roots.items()}
    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield used
    finally:
        for name, root in roots.items():
            used[name].cpu = cpu(tree(root)) - before[name]
        ended.set()
        sampler.join()


@dataclass(frozen=True)
class Twin:
    """A sandbox in a process of its own."""

    url: str
    pid: int

    def told(self, what: str) -> Any:
        """`account` or `requests`, as it stands now."""
        with urllib.request.urlopen(f"{self.url}/sandbox/{what}", timeout=60) as answer:
            return json.load(answer)


@contextmanager
def twin(folder: Path, *, cache: Path, **options: object) -> Iterator[Twin]:
    """A sandbox with these options; `cache` is kept between runs, so that no clip is drawn while it is measured."""
    announced = folder / "sandbox.url"
    announced.unlink(missing_ok=True)
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items() if value is not None]
    with started(
        [
            *(sys.executable, "-P", "-m", "rushes", "sandbox", "--port", "0"),
            *("--cache", str(cache), "--announce", str(announced), *arguments),
        ],
        folder / "sandbox.log",
    ) as process:
        until(lambda: announced.exists() and announced.read_text() != "", process, "the sandbox")
        yield Twin(announced.read_text().strip(), process.pid)


@contextmanager
def started(
    command: list[str], log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is asked to end, and then waited for, when the block is left."""
    with log.open("ab") as written:
        process = subprocess.Popen(
            command,
            # So it ends by itself when the bench is ended before it could do so.
            env={**(os.environ if environ is None else environ), PARENT_VARIABLE: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.terminate()  # a worker's second one ends it at once
                process.wait(30)


def until(
    true: Callable[[], bool], process: subprocess.Popen[bytes], what: str, seconds: float = START_SECONDS
) -> None:
    """Wait for something that `process` brings about. Ends the bench when it doesn't come."""
    deadline = time.monotonic() + seconds
    while not true():
        if process.poll() is not None:
            raise SystemExit(f"{what} ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: nothing within {seconds:.0f} s")
        time.sleep(0.02)


@contextmanager
def private_redis(folder: Path) -> Iterator[tuple[str, int]]:
    """A Redis of the bench's own: its URL, and its process."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RUSHES_")}
    with EmbeddedRedis(folder / "redis", clock=SystemClock(), environ=environ) as embedded:
        yield embedded.url, int((folder / "redis" / "redis.pid").read_text())


def environment_for(folder: Path, redis_url: str, url: str, **more: object) -> dict[str, str]:
    """The environment in which every provider is the sandbox at `url`, and the store a folder."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RUSHES_")}
    environ |= {"RUSHES_REDIS_URL": redis_url, "RUSHES_STORE": str(folder / "renders")}
    for provider, convention in CONVENTIONS.items():
        environ[f"RUSHES_{provider.upper()}_URL"] = url
        environ[convention.key_variable] = "id:secret"
        if convention.account_variable is not None:
            environ[convention.account_variable] = "bench"
    return environ | {f"RUSHES_{name.upper()}": str(value) for name, value in more.items()}


@contextmanager
def worker(folder: Path, environ: Mapping[str, str], *arguments: str) -> Iterator[int]:
    """A worker that is ready; its process, below which are the others."""
    log = folder / "worker.log"
    told = log.stat().st_size if log.exists() else 0
    with started(
        [sys.executable, "-P", "-m", "rushes", "worker", "--loglevel", "warning", *arguments], log, environ
    ) as process:
        context = make_context(load_settings(environ, folder), environ)
        try:
            queues = ("steps", "collect")
            until(lambda: ready(context, queues), process, f"the worker (log: {log}, from {told})")
        finally:
            context.close()
        yield process.pid


def ready(context: Any, queues: tuple[str, ...]) -> bool:
    """Whether a process waits for messages of each queue, by what the broker's clients are blocked in."""
    blocked = [each for each in context.room.scripts.client.client_list() if each["cmd"] in ("brpop", "BRPOP")]
    return len(blocked) >= len(queues)


def opened(folder: Path, environ: Mapping[str, str], manifest: Any) -> Any:
    """Open a batch as `rushes submit` does; the context to watch it by, which the caller closes."""
    context = make_context(load_settings(environ, folder), environ)
    context.room.set_limits(manifest.provider, context.limits(manifest.provider))
    open_batch(context, manifest)
    return context


def finished(context: Any, batch: str, *, within: float) -> dict[str, int]:
    """Wait until nothing of a batch is open; its takes by state. Ends the bench after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        standing = context.room.standing(batch)
        if standing.open == 0:
            return {state.value: count for state, count in standing.states.items() if count}
        if time.monotonic() > deadline:
            raise SystemExit(f"{batch} has not ended within {within:.0f} s: {standing}")
        time.sleep(0.25)
