"""Distributed: one Redis with a password, one bucket, any number of workers, and a submit from anywhere."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
import redis
from desk import SWEEP, manifest, pointed_at, until
from front_door import Desk
from imitation import imitation
from moto.server import ThreadedMotoServer

from workers.broker.embedded import find_server

PASSWORD = "very-hush-hush"


@dataclass
class Server:
    """A Redis on a TCP port, which can be killed and started again."""

    data: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        settings = {
            "port": self.port,
            "bind": "127.0.0.1",
            "requirepass": PASSWORD,
            "dir": self.data,
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
        }
        arguments = [str(part) for name, value in settings.items() for part in (f"--{name}", value)]
        self.process = subprocess.Popen(
            [str(find_server(os.environ)), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        client = redis.Redis.from_url(self.url)
        until(lambda: answers(client), what="Redis")
        client.close()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    data = tmp_path / "redis"
    data.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(data, port)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def bucket() -> Iterator[dict[str, str]]:
    """The environment in which `s3://night/out` is a bucket."""
    s3 = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    s3.start()
    host, port = s3.get_host_and_port()
    environ = {
        "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "access",
        "AWS_SECRET_ACCESS_KEY": "quite-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    client = s3_client(environ)
    client.create_bucket(Bucket="night")
    yield {**environ, "RUSHES_STORE": "s3://night/out"}
    s3.stop()


def s3_client(environ: dict[str, str]):  # type: ignore[no-untyped-def]
    return boto3.client(
        "s3",
        endpoint_url=environ["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id="access",
        aws_secret_access_key="quite-secret",
        region_name="us-east-1",
    )


def objects(environ: dict[str, str]) -> dict[str, bytes]:
    client = s3_client(environ)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="night")
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    return {key: client.get_object(Bucket="night", Key=key)["Body"].read() for key in keys}


@pytest.mark.long
def test_workers_die_redis_restarts_and_every_take_is_in_the_bucket(
    desk: Desk, clips: Path, server: Server, bucket: dict[str, str]
) -> None:
    desk.write("night.yaml", manifest(SWEEP.replace("1..3", "1..10")))
    desk.environ |= bucket | {"RUSHES_REDIS_URL": server.url, "RUSHES_FAL_SEATS": "6"}
    with imitation(clips, render_seconds=lambda ordinal: 0.5, ends=8) as provider:
        desk.environ |= pointed_at(provider.url)
        first = desk.start("worker")
        plain = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "workers", "worker", "-c", "4", "-l", "warning"],
            cwd=desk.folder,
            env=desk.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        try:
            submitted = desk.ask("submit", "night.yaml")
            assert submitted.code == 0, submitted.output
            assert "40 takes, 40 to render, 0 done already" in submitted.output

            until(lambda: provider.billed >= 8)
            server.kill()
            server.start()
            provider.ends = 18
            until(lambda: provider.billed >= 18)
            first.send_signal(signal.SIGKILL)
            desk.start("worker")
            provider.ends = 24
            until(lambda: provider.billed >= 24)
            provider.ends = math.inf
            assert plain.poll() is None, "celery's own worker survives the restart of Redis"
            waited = desk.end(desk.start("submit", "--wait", "night.yaml"))
        finally:
            plain.terminate()
            plain.wait(300)
        assert waited.code == 0, waited.output
        assert provider.billed == 40
        assert set(provider.billed_by_request().values()) == {1}

    stored = objects(bucket)
    receipts = [json.loads(body) for key, body in stored.items() if key.endswith(".receipt.json")]
    assert len(receipts) == 40
    for receipt in receipts:
        assert hashlib.sha256(stored["out/" + receipt["video"]["key"]]).hexdigest() == receipt["video"]["sha256"]
    everything = b"".join(stored.values()) + waited.output.encode()
    for secret in (PASSWORD, "quite-secret", "imitation-key-secret"):
        assert secret.encode() not in everything

    before = stored.keys()
    again = desk.run("run", "night.yaml")
    assert again.code == 0, again.output
    assert "0 submissions, 0 objects written" in again.output
    assert objects(bucket).keys() == before


def test_a_bucket_that_is_missing(desk: Desk, server: Server, bucket: dict[str, str]) -> None:
    desk.write("night.yaml", manifest(SWEEP))
    desk.environ |= bucket | {"RUSHES_REDIS_URL": server.url, "FAL_KEY": "any:key"}
    ended = desk.ask("run", "night.yaml", RUSHES_STORE="s3://no-such-bucket/out")
    assert ended.code == 5, ended.output
    assert "no-such-bucket" in ended.output
    assert "quite-secret" not in ended.output


def test_submit_without_a_redis_says_what_to_do(desk: Desk) -> None:
    desk.write("night.yaml", manifest(SWEEP))
    ended = desk.ask("submit", "night.yaml", FAL_KEY="any:key")
    assert ended.code == 2
    assert "RUSHES_REDIS_URL is not set" in ended.output
