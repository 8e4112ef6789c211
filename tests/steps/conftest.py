from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from scripted_fal import ScriptedFal, scripted_fal
from workbench import Bench, Make, benches

from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox


@pytest.fixture
def make(redis_client: redis.Redis, namespace: str, tmp_path: Path) -> Iterator[Make]:
    """Makes the parts of a worker that is to speak to a provider at a given address."""
    yield from benches(redis_client, namespace, tmp_path)


@pytest.fixture
def fal() -> Iterator[ScriptedFal]:
    with scripted_fal() as each:
        yield each


@pytest.fixture
def bench(make: Make, fal: ScriptedFal) -> Bench:
    """A worker before a scripted fal."""
    return make(fal.url)


@pytest.fixture
def rehearsal(make: Make, clips: Path) -> Iterator[tuple[Bench, Sandbox]]:
    """A worker before the real sandbox, both by the same clock."""
    bench = make("http://127.0.0.1:9")
    with running_sandbox(SandboxOptions(cache=clips, jitter=0.0), clock=bench.clock) as sandbox:
        yield make(sandbox.url), sandbox


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
