from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_fal import ScriptedFal
from workbench import Bench, Make

from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox


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
