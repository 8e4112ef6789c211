"""Reaching a Redis, and proving that it keeps what it is told."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from workbench import until

from workers.broker.connection import celery_url, connect, prove
from workers.broker.embedded import find_server
from workers.errors import RedisError, SettingsError

PASSWORD = "a-password-nobody-may-see"


@dataclass
class Tcp:
    """A Redis on TCP with a password, as one that people run themselves."""

    port: int
    client: redis.Redis

    def url(self, password: str | None = PASSWORD) -> str:
        secret = "" if password is None else f":{password}@"
        return f"redis://{secret}127.0.0.1:{self.port}/0"


@pytest.fixture(scope="module")
def tcp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tcp]:
    folder = tmp_path_factory.mktemp("tcp")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    arguments = [
        "--port",
        str(port),
        "--requirepass",
        PASSWORD,
        "--dir",
        str(folder),
        "--save",
        "",
        "--appendonly",
        "yes",
    ]
    process = subprocess.Popen([str(find_server({})), *arguments, "--appendfsync", "always"], stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port, password=PASSWORD)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    until(answers)
    yield Tcp(port, client)
    client.close()
    process.kill()  # asked to end, it would first finish writing what a test had switched on
    process.wait()


@pytest.fixture
def configured(tcp: Tcp) -> Iterator[Tcp]:
    """A Redis whose settings a test may change."""
    yield tcp
    tcp.client.config_set("maxmemory", 0)
    tcp.client.config_set("maxmemory-policy", "noeviction")
    tcp.client.config_set("appendonly", "yes")
    tcp.client.config_set("appendfsync", "always")


def proved(url: str) -> list[str]:
    client = connect(url, retries=0)
    try:
        return prove(client, url)
    finally:
        client.close()


def test_a_redis_that_keeps_everything_is_not_complained_about(configured: Tcp) -> None:
    assert proved(configured.url()) == []


def test_one_that_may_evict_is_refused(configured: Tcp) -> None:
    configured.client.config_set("maxmemory", "64mb")
    configured.client.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(RedisError, match=r"evicts keys .+allkeys-lru.+ set maxmemory-policy noeviction"):
        proved(configured.url())


def test_one_that_would_rather_refuse_than_evict_is_taken(configured: Tcp) -> None:
    configured.client.config_set("maxmemory", "64mb")
    assert proved(configured.url()) == []


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("appendonly", "no", "forgets everything when it stops; set appendonly yes"),
        ("appendfsync", "everysec", "may forget the last second when its machine fails; set appendfsync always"),
    ],
)
def test_one_that_may_forget_is_warned_of(configured: Tcp, setting: str, value: str, told: str) -> None:
    configured.client.config_set(setting, value)
    (warning,) = proved(configured.url())
    assert told in warning
    assert PASSWORD not in warning


def test_one_that_keeps_its_settings_to_itself_is_warned_of(configured: Tcp) -> None:
    configured.client.execute_command("ACL", "SETUSER", "quiet", "on", ">word", "~*", "+@all", "-config")
    (warning,) = proved(f"redis://quiet:word@127.0.0.1:{configured.port}/0")
    assert "doesn't tell its settings" in warning
    assert "quiet" not in warning


@pytest.mark.parametrize(
    ("password", "told"), [("wrong", "refuses the password"), (None, "wants a password|refuses the password")]
)
def test_a_password_that_does_not_fit(tcp: Tcp, password: str | None, told: str) -> None:
    with pytest.raises(RedisError, match=told) as caught:
        proved(tcp.url(password))
    assert "RUSHES_REDIS_URL" in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_nobody_listening(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"redis://:{PASSWORD}@127.0.0.1:{probe.getsockname()[1]}/0"
    with pytest.raises(RedisError, match=r"redis://\*\*\*@127.0.0.1:\d+/0 can't be reached: .*refused") as caught:
        proved(url)
    assert PASSWORD not in str(caught.value)
    with pytest.raises(RedisError, match=f"unix://{tmp_path}/no.sock can't be reached"):
        proved(f"unix://{tmp_path}/no.sock")


@pytest.mark.parametrize(
    "url", ["http://localhost:6379", "localhost:6379", "redis", "", "amqp://:a-password-nobody-may-see@h"]
)
def test_what_is_no_address_of_a_redis(url: str) -> None:
    with pytest.raises(SettingsError, match="is not a Redis address; write redis://") as caught:
        connect(url)
    assert PASSWORD not in str(caught.value)


def test_a_port_that_is_none(tcp: Tcp) -> None:
    with pytest.raises(SettingsError, match="can't be read") as caught:
        connect(f"redis://:{PASSWORD}@localhost:many/0")
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "spelt"),
    [
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock"),
        ("redis://:p@h:1/2", "redis://:p@h:1/2"),
        ("rediss://h", "rediss://h"),
    ],
)
def test_celery_spells_it_its_own_way(url: str, spelt: str) -> None:
    assert celery_url(url) == spelt


class Old:
    """A Redis as it was years ago."""

    def ping(self) -> bool:
        return True

    def info(self, section: str) -> dict[str, str]:
        return {"redis_version": "6.0.16"}


def test_one_that_is_too_old_is_refused() -> None:
    with pytest.raises(RedisError, match=r"is 6.0.16; 6.2 or newer is needed"):
        prove(Old(), "redis://h")  # type: ignore[arg-type]
