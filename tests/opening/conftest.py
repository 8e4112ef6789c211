from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from scripted_fal import ScriptedFal, scripted_fal
from workbench import Bench, Make, benches


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
