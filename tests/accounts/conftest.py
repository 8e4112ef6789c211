"""Stores to keep accounts in: a folder, and a bucket at moto's S3."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from account_books import Books
from botocore.config import Config
from moto.server import ThreadedMotoServer

from workers.store import Store, open_store


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="rushes-access",
        aws_secret_access_key="rushes-secret",
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket="films")
    yield endpoint
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a store of each kind, empty; the environment has what it needs."""
    if request.param == "folder":
        return str(tmp_path / "renders")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", request.getfixturevalue("s3_endpoint"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "rushes-access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "rushes-secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    return f"s3://films/{tmp_path.parent.name}/{tmp_path.name}"


@pytest.fixture
def store(place: str) -> Store:
    return open_store(place)


@pytest.fixture
def books(store: Store) -> Books:
    return Books(store)
