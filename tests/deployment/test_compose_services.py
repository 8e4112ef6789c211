"""Every service of docker-compose.yml run by hand: its command and its health check, in its environment.

What a container would give is put in place: names and ports of this machine for those of the network, a folder for
each volume. The S3 server is moto's, for Versity's is to be had as an image alone.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import redis
from compose_file import SECRETS, Command, command, health_check, read
from moto.server import ThreadedMotoServer

from workers.broker.connection import prove
from workers.broker.embedded import find_server

MANIFEST = """
batch: night
provider: fal
model: seedance-2.0-fast
defaults: {duration: 4, resolution: 480p, aspect_ratio: "1:1"}
shots: [{name: opening, prompt: A dog in the snow}]
"""


@dataclass
class Machine:
    """This machine in the place of the containers."""

    folder: Path
    here: dict[str, str]
    started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def compose(self) -> dict[str, Any]:
        given = {**SECRETS, "RUSHES_FAL_URL": "http://sandbox:8787", "RUSHES_NAMESPACE": "rehearsal"}
        services: dict[str, Any] = read(given)["services"]
        return services

    def start(self, name: str) -> subprocess.Popen[bytes]:
        process = self._popen(command(self.compose()[name]), (self.folder / f"{name}.log").open("wb"))
        self.started[name] = process
        return process

    def run(self, what: Command) -> tuple[int, str]:
        process = self._popen(what, subprocess.PIPE)
        output, _ = process.communicate(timeout=300)
        return process.returncode, output.decode()

    def is_healthy(self, name: str) -> bool:
        return self.run(health_check(self.compose()[name]))[0] == 0

    def await_health(self, name: str) -> None:
        until(lambda: self.is_healthy(name), f"{name}: {self.log(name)}")

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _popen(self, what: Command, output: Any) -> subprocess.Popen[bytes]:
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
        path = f"{self.folder / 'bin'}:{sysconfig.get_path('scripts')}:/usr/bin:/bin"
        environ = {**kept, "PATH": path, "HOME": str(self.folder), "RUSHES_SPOOL": str(self.folder / "spool")}
        environ |= {name: self._put_here(value) for name, value in what.environ.items()}
        return subprocess.Popen(
            [self._put_here(part) for part in what.argv],
            env=environ,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def _put_here(self, text: str) -> str:
        for there, here in self.here.items():
            text = text.replace(there, here)
        return text


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("compose")
    for name in ("bin", "data", "spool"):
        (folder / name).mkdir()
    ports = {name: free_port() for name in ("6379", "5555", "8787")}
    (folder / "bin" / "valkey-server").symlink_to(find_server(os.environ))
    # No package brings valkey-cli; of it, the health check uses the password's variable and `ping`.
    client = folder / "bin" / "valkey-cli"
    client.write_text(
        f"#!{sys.executable}\nimport os, sys, redis, redis.backoff, redis.retry\nassert sys.argv[1:] == ['ping']\n"
        "once = redis.retry.Retry(redis.backoff.NoBackoff(), 0)\n"
        f"server = redis.Redis(port={ports['6379']}, password=os.environ['VALKEYCLI_AUTH'], retry=once)\n"
        "print('PONG' if server.ping() else '')\n"
    )
    client.chmod(0o755)
    s3 = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    s3.start()
    host, port = s3.get_host_and_port()
    here = {
        "http://s3:7070": f"http://{host}:{port}",
        "redis:6379": f"127.0.0.1:{ports['6379']}",
        "sandbox:8787": f"127.0.0.1:{ports['8787']}",
        "0.0.0.0": "127.0.0.1",
        "/var/spool/rushes": str(folder / "spool"),
        "dir /data": f"dir {folder / 'data'}",
        **ports,
    }
    machine = Machine(folder, here)
    yield machine
    for process in reversed(machine.started.values()):
        if process.poll() is None:
            process.terminate()
            process.wait(300)
    s3.stop()


@pytest.fixture(scope="module")
def redis_service(machine: Machine) -> str:
    machine.start("redis")
    machine.await_health("redis")
    return f"redis://:{SECRETS['REDIS_PASSWORD']}@{machine.here['redis:6379']}/0"


@pytest.fixture(scope="module")
def bucket(machine: Machine) -> Any:
    for _ in range(2):  # a second `up` finds it there
        code, output = machine.run(command(machine.compose()["bucket"]))
        assert code == 0, output
    return boto3.client(
        "s3",
        endpoint_url=machine.here["http://s3:7070"],
        aws_access_key_id="any",
        aws_secret_access_key="any",
        region_name="us-east-1",
    )


@pytest.fixture(scope="module")
def sandbox(machine: Machine) -> str:
    machine.start("sandbox")
    machine.await_health("sandbox")
    return "sandbox"


@pytest.fixture(scope="module")
def worker(machine: Machine, redis_service: str, bucket: Any, sandbox: str) -> subprocess.Popen[bytes]:
    process = machine.start("worker")
    machine.await_health("worker")
    return process


@pytest.fixture(scope="module")
def flower(machine: Machine, redis_service: str) -> str:
    machine.start("flower")
    machine.await_health("flower")
    return "flower"


def test_redis_forgets_nothing_and_wants_its_password(redis_service: str) -> None:
    with redis.Redis.from_url(redis_service) as client:
        assert prove(client, redis_service) == []
    stranger = redis.Redis.from_url(redis_service.replace(f":{SECRETS['REDIS_PASSWORD']}@", ""))
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_redis_is_unhealthy_with_another_password(machine: Machine, redis_service: str) -> None:
    check = health_check(machine.compose()["redis"])
    code, _ = machine.run(Command(check.argv, {"REDIS_PASSWORD": "another"}))
    assert code != 0


def test_the_bucket_is_made(bucket: Any) -> None:
    assert "rushes" in [found["Name"] for found in bucket.list_buckets()["Buckets"]]


def test_a_worker_that_is_not_there_is_unhealthy(machine: Machine, redis_service: str) -> None:
    check = health_check(machine.compose()["worker"])
    elsewhere = {**check.environ, "RUSHES_REDIS_URL": redis_service.removesuffix("0") + "1"}
    code, output = machine.run(Command(check.argv, elsewhere))
    assert (code, output.startswith("no answer from steps@")) == (1, True), output


def test_the_worker_carries_a_batch_through(machine: Machine, worker: subprocess.Popen[bytes], bucket: Any) -> None:
    manifest = machine.folder / "night.yaml"
    manifest.write_text(MANIFEST)
    environ = command(machine.compose()["worker"]).environ
    code, output = machine.run(Command(["rushes", "submit", "--wait", str(manifest)], environ))
    assert code == 0, output
    keys = [found["Key"] for found in bucket.list_objects_v2(Bucket="rushes", Prefix="renders/night/")["Contents"]]
    assert {"renders/night/opening/0001.mp4", "renders/night/opening/0001.receipt.json"} <= set(keys)


def test_no_secret_stands_on_a_command_line(machine: Machine, worker: subprocess.Popen[bytes], flower: str) -> None:
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            lines.append((process / "cmdline").read_text(errors="replace"))
        except OSError:
            continue  # it has ended meanwhile
    assert any("workers\0flower" in line for line in lines)
    for name, value in SECRETS.items():
        assert not [line for line in lines if value in line], name


def test_a_worker_ends_by_itself_when_it_is_stopped(machine: Machine, worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    assert worker.wait(300) == 0


def test_a_worker_without_redis_is_unhealthy(machine: Machine, redis_service: str) -> None:
    check = health_check(machine.compose()["worker"])
    nowhere = {**check.environ, "RUSHES_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    code, output = machine.run(Command(check.argv, nowhere))
    assert (code, output.startswith("Redis can't be reached")) == (1, True), output


def test_what_does_not_answer_is_unhealthy(machine: Machine) -> None:
    check = health_check(machine.compose()["sandbox"])
    nowhere = [*check.argv[:-1], f"http://127.0.0.1:{free_port()}/sandbox/health"]
    code, output = machine.run(Command(nowhere, {}))
    assert (code, "doesn't answer" in output) == (1, True), output
