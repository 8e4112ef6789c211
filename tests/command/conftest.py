"""The command as a person runs it, at a Redis and a store of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from person import Desk
from scripted_fal import ScriptedFal
from workbench import KEY, Bench, Make

from workers.broker.embedded import EmbeddedRedis


@pytest.fixture
def bench(make: Make, fal: ScriptedFal) -> Bench:
    """A worker before a scripted fal, at the Redis and the store of the desk."""
    return make(fal.url)


@pytest.fixture
def desk(tmp_path: Path, redis_server: EmbeddedRedis, namespace: str, fal: ScriptedFal) -> Iterator[Desk]:
    """A desk at the Redis and the store of `bench`; whatever it started is ended with it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("RUSHES_", "FAL_", "AWS_"))}
    environ |= {
        "HOME": str(tmp_path / "home"),
        "COLUMNS": "200",
        "RUSHES_SPOOL": str(tmp_path / "spool"),
        "RUSHES_REDIS_URL": redis_server.url,
        "RUSHES_NAMESPACE": namespace,
        "RUSHES_STORE": str(tmp_path / "store"),
        "RUSHES_FAL_URL": fal.url,
        "RUSHES_PATIENCE": "5",
        "FAL_KEY": KEY,
    }
    here = Desk(tmp_path / "desk", environ)
    here.folder.mkdir()
    yield here
    for process in here.started:
        if process.poll() is None:
            process.terminate()
            process.wait(300)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def alone(desk: Desk) -> Desk:
    """A desk without a Redis: the store's private one is used."""
    for name in ("RUSHES_REDIS_URL", "RUSHES_NAMESPACE", "RUSHES_STORE", "RUSHES_FAL_URL", "FAL_KEY"):
        del desk.environ[name]
    desk.environ["RUSHES_PATIENCE"] = "60"  # a worker takes its time to start
    return desk
