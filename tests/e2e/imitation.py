"""A provider of our own for the judging tests: fal's queue by its pages alone, sharing nothing with the sandbox.

It keeps a count of what it billed, which is the judge of whether anything was paid for twice.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from workers.sandbox.clips import ClipMaker

SUBMIT = re.compile(r"/bytedance/seedance-2\.0(/fast)?/(text|image|reference)-to-video")
STATUS = re.compile(r"/bytedance/seedance-2\.0/requests/([0-9a-f-]+)/status")
RESULT = re.compile(r"/bytedance/seedance-2\.0/requests/([0-9a-f-]+)")
KEY = "imitation-key-id:imitation-key-secret"

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Imitation:
    """What the provider knows. `interfere` may answer, or drop (by returning "drop"), a submission in its place.

    Renders of the first so many submissions come to an end, which `ends` says; the others go on until it is raised.
    """

    clips: ClipMaker
    url: str = ""
    render_seconds: Callable[[int], float] = lambda ordinal: 1.0
    ends: float = math.inf
    interfere: Callable[[int, dict[str, Any]], Answer | str | None] = lambda ordinal, body: None
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    posts: int = 0
    refused: list[str] = field(default_factory=list)
    keys_sent_with_downloads: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def billed(self) -> int:
        """How many submissions were accepted, and so cost money."""
        return len(self.jobs)

    def billed_by_request(self) -> Counter[str]:
        """How often each different request was accepted."""
        return Counter(json.dumps(job["body"], sort_keys=True) for job in self.jobs.values())

    def is_over(self, job: dict[str, Any]) -> bool:
        """Whether a render has come to its end."""
        return bool(job["ready"] <= time.monotonic() and job["ordinal"] <= self.ends)

    def submit(self, path: str, body: dict[str, Any]) -> Answer | str:
        """Accept, refuse, or be interfered with."""
        with self.lock:
            self.posts += 1
            ordinal = self.posts
        wrong = _wrong(path, body)
        if wrong:
            self.refused.append(wrong)
            return 422, {}, json.dumps({"detail": [{"loc": ["body"], "msg": wrong, "type": "value_error"}]}).encode()
        answer = self.interfere(ordinal, body)
        if answer is not None and answer != "drop":
            return answer
        name = str(uuid.uuid4())
        with self.lock:
            ready = time.monotonic() + self.render_seconds(ordinal)
            self.jobs[name] = {"body": body, "ready": ready, "ordinal": ordinal}
        if answer == "drop":
            return "drop"
        base = f"{self.url}/bytedance/seedance-2.0/requests/{name}"
        return _json(
            200,
            {
                "status": "IN_QUEUE",
                "request_id": name,
                "response_url": base,
                "status_url": f"{base}/status",
                "cancel_url": f"{base}/cancel",
                "logs": None,
                "metrics": {},
                "queue_position": 0,
            },
        )

    def status(self, name: str) -> Answer:
        """How a job is: 202 until it is done."""
        job = self.jobs.get(name)
        if job is None:
            return _json(404, {"status": "NOT_FOUND"})
        base = f"{self.url}/bytedance/seedance-2.0/requests/{name}"
        about = {"request_id": name, "response_url": base, "status_url": f"{base}/status", "logs": None}
        if not self.is_over(job):
            return _json(202, {"status": "IN_PROGRESS", **about})
        return _json(200, {"status": "COMPLETED", "metrics": {"inference_time": 1.0}, **about})

    def result(self, name: str) -> Answer:
        """The video, once it is there."""
        job = self.jobs.get(name)
        if job is None:
            return _json(404, {"status": "NOT_FOUND"})
        if not self.is_over(job):
            return _json(400, {"detail": "Request is still in progress"})
        video = {"url": f"{self.url}/media/{name}.mp4", "content_type": "video/mp4", "file_name": f"{name}.mp4"}
        return _json(200, {"video": video, "seed": job["body"].get("seed", 7)})

    def video(self, name: str) -> bytes:
        """The bytes of a job's video: always the same, and like no other job's."""
        seconds = self.jobs[name]["body"].get("duration", "5")
        return self.clips.clip(name, self.clips.master(256, 144, 5 if seconds == "auto" else int(seconds)))

    def sha256(self, name: str) -> str:
        """What a stored video must hash to."""
        return hashlib.sha256(self.video(name)).hexdigest()


def _wrong(path: str, body: dict[str, Any]) -> str | None:
    match = SUBMIT.fullmatch(path)
    if match is None:
        return f"no such endpoint: {path}"
    allowed = {"prompt", "resolution", "duration", "aspect_ratio", "generate_audio", "seed", "end_user_id"}
    allowed |= {"image": {"image_url", "end_image_url"}, "text": set()}.get(
        match[2], {"image_urls", "video_urls", "audio_urls"}
    )
    for name in body:
        if name not in allowed:
            return f"extra field {name}"
    if not isinstance(body.get("prompt"), str):
        return "prompt is required"
    if match[2] == "image" and not isinstance(body.get("image_url"), str):
        return "image_url is required"
    if body.get("duration", "auto") not in {"auto", *(str(n) for n in range(4, 16))}:
        return f"duration {body['duration']!r}"
    if body.get("resolution", "720p") not in {"480p", "720p"}:
        return f"resolution {body['resolution']!r}"
    if body.get("aspect_ratio", "auto") not in {"auto", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16"}:
        return f"aspect_ratio {body['aspect_ratio']!r}"
    if "seed" in body and type(body["seed"]) is not int:
        return "seed"
    return None


def _json(status: int, value: Any) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    imitation: Imitation

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get("Authorization") != f"Key {KEY}":
            self._answer(_json(401, {"detail": "Invalid API key"}))
            return
        answer = self.imitation.submit(self.path, body)
        if isinstance(answer, str):
            self.close_connection = True
            self.connection.shutdown(2)
            return
        self._answer(answer)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/media/"):
            self.imitation.keys_sent_with_downloads += "Authorization" in self.headers
            body = self.imitation.video(path.removeprefix("/media/").removesuffix(".mp4"))
            self._answer((200, {"Content-Type": "video/mp4"}, body))
        elif self.headers.get("Authorization") != f"Key {KEY}":
            self._answer(_json(401, {"detail": "Invalid API key"}))
        elif match := STATUS.fullmatch(path):
            self._answer(self.imitation.status(match[1]))
        elif match := RESULT.fullmatch(path):
            self._answer(self.imitation.result(match[1]))
        else:
            self._answer(_json(404, {"detail": f"Path {path} not found"}))

    def _answer(self, answer: Answer) -> None:
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed in mid-answer is part of the play."""


@contextmanager
def imitation(cache: Path, **play: Any) -> Iterator[Imitation]:
    """The provider at `.url`, while the block runs."""
    it = Imitation(ClipMaker(cache), **play)
    handler = type("Handler", (_Handler,), {"imitation": it})
    with _Server(("127.0.0.1", 0), handler) as server:
        it.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield it
        finally:
            server.shutdown()
            thread.join()
