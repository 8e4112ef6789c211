"""Stores for inputs, and a worker to hand them over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from workers.store import Store, open_store


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of an S3 server with the bucket `films`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
    ).create_bucket(Bucket="films")
    yield endpoint
    server.stop()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Credentials for S3, and no others."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "rushes-access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "rushes-very-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@pytest.fixture
def bucket(moto: str, keys: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    """An empty store in a bucket."""
    keys.setenv("AWS_ENDPOINT_URL_S3", moto)
    return open_store(f"s3://films/{tmp_path.parent.name}/{tmp_path.name}")


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each kind of store in turn, empty."""
    if request.param == "folder":
        return open_store(str(tmp_path / "renders"))
    found: Store = request.getfixturevalue("bucket")
    return found
