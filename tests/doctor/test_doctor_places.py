"""What the doctor says of Redis, stores, clocks and disks, and how `rushes doctor` ends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from moto.server import ThreadedMotoServer

from rushes.command import cli
from workers.broker.embedded import EmbeddedRedis
from workers.clock import SystemClock
from workers.doctor import places
from workers.doctor.finding import Level
from workers.http import Wire
from workers.settings import load_settings
from workers.store.s3 import connect


class WrongClock(SystemClock):
    """A machine whose clock is off by `by` seconds."""

    def __init__(self, by: float) -> None:
        self.by = by

    def now(self) -> float:
        return super().now() + self.by


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire(user_agent="rushes/test") as wire:
        yield wire


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "doctor-access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "doctor-very-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    connect().create_bucket(Bucket="films-doctor")
    yield "films-doctor"
    server.stop()


def test_redis_is_written_to_and_left_as_it_was(redis_server: EmbeddedRedis, redis_client, tmp_path: Path) -> None:
    settings = load_settings({"RUSHES_REDIS_URL": redis_server.url, "RUSHES_NAMESPACE": "doctored"}, tmp_path)
    found = list(places.redis_server(settings, {}, SystemClock()))
    assert [each.level for each in found] == [Level.FINE, Level.FINE]
    assert redis_client.keys("doctored:*") == []


@pytest.mark.parametrize(("by", "level"), [(60.0, Level.WARNING), (-3600.0, Level.PROBLEM)])
def test_a_clock_that_is_off_is_told(redis_server: EmbeddedRedis, tmp_path: Path, by: float, level: Level) -> None:
    settings = load_settings({"RUSHES_REDIS_URL": redis_server.url}, tmp_path)
    [clock] = [each for each in places.redis_server(settings, {}, WrongClock(by)) if each.subject == "clock"]
    assert clock.level is level
    assert "NTP" in clock.mend


def test_a_redis_that_forgets_is_a_warning(redis_server: EmbeddedRedis, redis_client, tmp_path: Path) -> None:
    settings = load_settings({"RUSHES_REDIS_URL": redis_server.url}, tmp_path)
    redis_client.config_set("appendfsync", "everysec")
    try:
        found = list(places.redis_server(settings, {}, SystemClock()))
    finally:
        redis_client.config_set("appendfsync", "always")
    [warned] = [each for each in found if each.level is Level.WARNING]
    assert warned.mend == "set appendfsync always"


def test_a_bucket_is_tried_and_left_as_it_was(bucket: str, wire: Wire, tmp_path: Path) -> None:
    settings = load_settings({"RUSHES_STORE": f"s3://{bucket}/renders"}, tmp_path)
    found = list(places.store(settings, wire, SystemClock()))
    told = " ".join(each.told for each in found)
    assert {each.level for each in found} <= {Level.FINE, Level.NOTE}, found
    assert "conditional write" in told and "presigned URL can be fetched" in told
    assert "Signature" not in told
    assert connect().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_bucket_that_is_not_there_is_a_problem_of_the_store(bucket: str, wire: Wire, tmp_path: Path) -> None:
    settings = load_settings({"RUSHES_STORE": "s3://films-elsewhere"}, tmp_path)
    [finding] = places.store(settings, wire, SystemClock())
    assert (finding.level, finding.exit_code) == (Level.PROBLEM, 5)


def test_little_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings({"RUSHES_STORE": str(tmp_path / "not" / "yet")}, tmp_path)
    monkeypatch.setattr(places, "LITTLE_BYTES", 10**18)
    assert {each.level for each in places.disks(settings, {})} == {Level.WARNING}
    monkeypatch.setattr(places, "TOO_LITTLE_BYTES", 10**18)
    assert {each.level for each in places.disks(settings, {})} == {Level.PROBLEM}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_server: EmbeddedRedis):
    monkeypatch.chdir(tmp_path)

    def run(**environ: str):
        for name, value in {"RUSHES_REDIS_URL": redis_server.url, "RUSHES_STORE": "./renders", **environ}.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(cli, ["doctor", "--json"])

    return run


def test_the_command_ends_with_0_though_there_are_warnings(run) -> None:
    ended = run()
    told = json.loads(ended.stdout)
    assert ended.exit_code == told["exit"] == 0
    assert {"versions", "redis", "store", "clock", "disk"} <= {each["subject"] for each in told["findings"]}


def test_it_ends_with_5_for_redis_and_2_for_a_setting(run) -> None:
    gone = "redis://:doctorsecret@127.0.0.1:9/0"
    ended = run(RUSHES_REDIS_URL=gone)
    assert ended.exit_code == 5
    assert "doctorsecret" not in ended.output
    assert run(RUSHES_REDIS_URL=gone, CLOUDFLARE_API_TOKEN="t").exit_code == 2
