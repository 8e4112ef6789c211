"""A fal that says what it is told to, on a real socket, and looks around when it is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Asked"], None]


@dataclass
class Asked:
    """One request, and the means to answer it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    handler: BaseHTTPRequestHandler = field(repr=False)

    def say(self, status: int, body: Any = None, **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.handler.send_response(status)
        kind = {"content-type": "application/json", "content-length": str(len(raw))}
        for name, value in {**kind, **{name.replace("_", "-"): value for name, value in headers.items()}}.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.write(raw)

    def hang_up(self) -> None:
        self.handler.close_connection = True


@dataclass
class ScriptedFal:
    """Answers POSTs, cancellations, statuses and results each by what stands in its list next, the last for ever."""

    url: str = ""
    posts: list[Answer] = field(default_factory=list)
    statuses: list[Answer] = field(default_factory=list)
    results: list[Answer] = field(default_factory=list)
    files: list[Answer] = field(default_factory=list)
    cancels: list[Answer] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.posts = [self.accept]
        self.statuses = [lambda asked: asked.say(202, {"status": "IN_PROGRESS"})]
        self.results = [lambda asked: asked.say(400, {"detail": "Request is still in progress"})]
        self.files = [lambda asked: asked.say(404, {})]
        self.cancels = [lambda asked: asked.say(202, {"status": "CANCELLATION_REQUESTED"})]

    def accept(self, asked: Asked, job: str = "job-1") -> None:
        asked.say(
            200,
            {
                "request_id": job,
                "status_url": f"{self.url}/jobs/{job}/status",
                "response_url": f"{self.url}/jobs/{job}",
                "queue_position": 0,
            },
        )

    def completed(self) -> None:
        """Say from now on that the job is over, and answer with `results`."""
        self.statuses = [lambda asked: asked.say(200, {"status": "COMPLETED"})]

    def rendered(self) -> None:
        self.completed()
        self.results = [lambda asked: asked.say(200, {"video": {"url": f"{self.url}/files/v.mp4"}, "seed": 7})]

    def count(self, method: str) -> int:
        return sum(asked.method == method for asked in self.asked)

    def answer(self, asked: Asked) -> None:
        self.asked.append(asked)
        if asked.method == "POST":
            script = self.posts
        elif asked.method == "PUT":
            script = self.cancels
        elif asked.path.endswith("/status"):
            script = self.statuses
        elif asked.path.startswith("/files/"):
            script = self.files
        else:
            script = self.results
        (script.pop(0) if len(script) > 1 else script[0])(asked)


@contextmanager
def scripted_fal() -> Iterator[ScriptedFal]:
    """A scripted fal for as long as the block runs."""
    fal = ScriptedFal()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: else the second waits for the first one's acknowledgement

        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            fal.answer(Asked(self.command, self.path, headers, self.rfile.read(length), self))

        do_POST = do_GET
        do_PUT = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fal.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fal
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
