"""What several test folders need: a real Redis, names of one's own in it, and an order that lets nobody wait."""

from __future__ import annotations

import functools
import os
import ssl
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import httpx
import httpx._transports.default as transports
import pytest
import redis
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from scripted_fal import ScriptedFal, scripted_fal
from workbench import Make, benches

from workers.broker.connection import connect
from workers.broker.embedded import EmbeddedRedis
from workers.clock import SystemClock
from workers.engine.room import WaitingRoom


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the tests that mostly wait, an equal share of them on each of xdist's workers.

    Under `--dist worksteal` a worker begins with a stretch of the list as it stands, so each stretch gets its share at
    its head. One that is begun last would be waited for alone.
    """
    workers = int(getattr(config, "workerinput", {"workercount": 1})["workercount"])
    long = [item for item in items if item.get_closest_marker("long")]
    short = [item for item in items if not item.get_closest_marker("long")]
    total, at = len(items), 0
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        share = long[worker::workers]
        until = total * (worker + 1) // workers - len(ordered) - len(share)
        ordered += share + short[at : at + until]
        at += until
    items[:] = ordered + short[at:]


@pytest.fixture(scope="session", autouse=True)
def made_once() -> Iterator[None]:
    """Have TLS contexts and the description of S3 made once: 25 ms and more, which hundreds of tests would take each.

    And have httpx wait longer than its 5 s for an answer: these machines may be busy.
    """
    with pytest.MonkeyPatch.context() as patch:
        make = functools.cache(lambda _, make=httpx.create_ssl_context, **given: make(**given))

        def trust(**given: Any) -> ssl.SSLContext:
            return make(os.environ.get("SSL_CERT_FILE"), **given)

        patch.setattr(httpx, "create_ssl_context", trust)
        patch.setattr(transports, "create_ssl_context", trust)
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        for waited_for in ("connect", "read", "write", "pool"):
            patch.setattr(DEFAULT_TIMEOUT_CONFIG, waited_for, 300.0)
        yield


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """The embedded Redis, for the whole session."""
    data: Path = tmp_path_factory.mktemp("redis")
    with EmbeddedRedis(data, clock=SystemClock(), environ=os.environ) as server:
        yield server


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The videos that providers here deliver, made once for all of xdist's workers."""
    base = tmp_path_factory.getbasetemp()
    together = base.parent if hasattr(request.config, "workerinput") else base
    (together / "clips").mkdir(exist_ok=True)
    return together / "clips"


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


@pytest.fixture
def make(redis_client: redis.Redis, namespace: str, tmp_path: Path) -> Iterator[Make]:
    """Makes the parts of a worker that is to speak to a provider at a given address."""
    yield from benches(redis_client, namespace, tmp_path)


@pytest.fixture
def fal() -> Iterator[ScriptedFal]:
    """A fal that says what it is told to."""
    with scripted_fal() as each:
        yield each
