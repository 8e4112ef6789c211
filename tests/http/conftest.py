"""Servers that misbehave on purpose, on real sockets."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from workers.http import Wire


@dataclass
class Arrived:
    """One request as it came in: `connection` counts the connections from 0."""

    connection: int
    head: str
    body: bytes

    @property
    def method(self) -> str:
        return self.head.split(" ", 1)[0]

    @property
    def target(self) -> str:
        return self.head.split(" ", 2)[1]

    def header(self, name: str) -> str | None:
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None


@dataclass
class Exchange:
    """A request and the socket on which to answer it, or not."""

    request: Arrived
    socket: socket.socket
    released: threading.Event
    """Set when the server is stopped: what hangs on purpose waits for it."""

    def say(self, status: str, body: bytes = b"", **headers: str) -> None:
        lines = {"content_length": str(len(body)), **headers}
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items() if value)
        self.socket.sendall(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)

    def hang_up(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Close so that the other side sees a reset and not an end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@dataclass
class Server:
    """Reads whole HTTP/1.1 requests, on as many connections as come, and lets `answer` do what it likes."""

    answer: Callable[[Exchange], None]
    arrived: list[Arrived] = field(default_factory=list)
    listening: socket.socket = field(init=False)
    released: threading.Event = field(default_factory=threading.Event)
    connections: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    def stop(self) -> None:
        self.released.set()
        self.listening.close()
        for connection in self.connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.connections.append(connection)
            number = len(self.connections) - 1
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            while (request := read_request(connection, number)) is not None:
                self.arrived.append(request)
                self.answer(Exchange(request, connection, self.released))
        except OSError:
            return


def read_request(connection: socket.socket, number: int) -> Arrived | None:
    """The next whole request, or None when there is none."""
    held = b""
    while b"\r\n\r\n" not in held:
        piece = connection.recv(65536)
        if not piece:
            return None
        held += piece
    head, _, body = held.partition(b"\r\n\r\n")
    arrived = Arrived(number, head.decode("latin-1"), b"")
    length = int(arrived.header("content-length") or 0)
    while len(body) < length:
        body += connection.recv(65536)
    arrived.body = body
    return arrived


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Exchange], None]], Server]]:
    """Starts servers that answer as they are told, and stops them."""
    servers: list[Server] = []

    def start(answer: Callable[[Exchange], None]) -> Server:
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire(user_agent="rushes/test") as each:
        yield each


@pytest.fixture
def refused() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
