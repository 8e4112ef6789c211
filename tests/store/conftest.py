"""Stores to test against: a folder, moto's S3 in this process, and rclone's, which checks signatures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from s3_servers import S3Server, point_at, start_moto, start_rclone

from workers.store import Store, open_store, s3


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    server = start_moto()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = start_rclone(tmp_path_factory.mktemp("rclone"))
    yield server
    server.stop()


@pytest.fixture(params=["moto", "rclone"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """Each S3 server in turn, with the environment pointing at it."""
    server: S3Server = request.getfixturevalue(request.param)
    point_at(monkeypatch, server.endpoint)
    return server


@pytest.fixture
def pages_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have S3 list ten keys at a time, where it would list 1,000; for a store that is opened after this."""
    connect = s3.connect

    def ten(params: dict[str, Any], **_: object) -> None:
        params["MaxKeys"] = 10

    def connected() -> Any:
        client = connect()
        client.meta.events.register("before-parameter-build.s3.ListObjectsV2", ten)
        return client

    monkeypatch.setattr(s3, "connect", connected)


@pytest.fixture(params=["folder", "moto", "rclone"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    """Each kind of store in turn, empty."""
    if request.param == "folder":
        return open_store(str(tmp_path / "renders"))
    server: S3Server = request.getfixturevalue(request.param)
    point_at(monkeypatch, server.endpoint)
    # A prefix of its own keeps tests apart in the one bucket.
    return open_store(f"s3://{server.bucket}/{tmp_path.parent.name}/{tmp_path.name}")
