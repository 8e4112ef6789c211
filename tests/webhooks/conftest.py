from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from called_server import called
from scripted_fal import ScriptedFal
from workbench import Bench, benches

SECRET = "a secret of the tests"


@pytest.fixture
def bench(redis_client: redis.Redis, namespace: str, tmp_path: Path, fal: ScriptedFal) -> Iterator[Bench]:
    """A worker that asks to be called back."""
    for make in benches(redis_client, namespace, tmp_path):
        yield make(fal.url, RUSHES_WEBHOOKS_URL="https://hooks.example/r/", RUSHES_WEBHOOKS_SECRET=SECRET)


@pytest.fixture
def server(bench: Bench) -> Iterator[str]:
    """The address at which calls to that worker are received."""
    with called(bench.context) as url:
        yield url
