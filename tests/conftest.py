"""What several test folders need: a real Redis, and names of one's own in it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from workers.broker.connection import connect
from workers.broker.embedded import EmbeddedRedis
from workers.clock import SystemClock
from workers.engine.room import WaitingRoom


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """The embedded Redis, for the whole session."""
    data: Path = tmp_path_factory.mktemp("redis")
    with EmbeddedRedis(data, clock=SystemClock(), environ=os.environ) as server:
        yield server


@pytest.fixture
def redis_client(redis_server: EmbeddedRedis) -> Iterator[redis.Redis]:
    """A client of the session's Redis."""
    client = connect(redis_server.url)
    yield client
    client.close()


@pytest.fixture
def namespace() -> str:
    """A namespace that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def room(redis_client: redis.Redis, namespace: str) -> WaitingRoom:
    """An empty waiting room."""
    return WaitingRoom(redis_client, namespace)
