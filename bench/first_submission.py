"""How soon `rushes run` submits the first of a million takes, and what the others cost Redis meanwhile.

    python bench/first_submission.py

A server on loopback takes the place of fal: it accepts everything and finishes nothing. Seconds are counted from when
the command is started to when its first POST arrives there; what an interpreter needs to start, and to import what the
command imports, is told beside it. A Redis of the bench's own is measured before and after, with all but the few takes
that are under way still waiting.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import redis

from workers.broker.embedded import EmbeddedRedis
from workers.clock import SystemClock

PATIENCE = 120.0
SEATS = 4

MANIFEST = """
batch: bench
provider: fal
model: seedance-2.0
defaults: {{duration: 5, resolution: 720p, aspect_ratio: "16:9"}}
shots:
  - name: grid
    prompt: A golden retriever running through {{place}} at {{light}}, golden hour
    sweep:
      place: {places}
      light: {lights}
      seed: 1..{side}
"""


class Provider(ThreadingHTTPServer):
    """fal, as far as a first submission needs it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.first: float | None = None
        self.posts = 0
        self.came = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        arrived = time.perf_counter()
        if self.server.first is None:
            self.server.first = arrived
        self.server.posts += 1
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer({"request_id": f"bench-{self.server.posts}"})
        if self.server.posts >= SEATS:
            self.server.came.set()

    def do_GET(self) -> None:
        self._answer({"status": "IN_QUEUE", "queue_position": 1})

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: it would be in the way of the figures."""

    def _answer(self, fields: dict[str, object]) -> None:
        body = json.dumps(fields).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def provider() -> Iterator[Provider]:
    server = Provider()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def best_start(code: str) -> float:
    """Seconds in which an interpreter starts and runs `code`: the best of five."""
    figures = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-P", "-c", code], check=True)
        figures.append(time.perf_counter() - begun)
    return min(figures)


def written(side: int) -> str:
    places = json.dumps([f"place {at}" for at in range(side)])
    lights = json.dumps([f"light {at}" for at in range(side)])
    return MANIFEST.format(places=places, lights=lights, side=side).replace("{{", "{").replace("}}", "}")


def run(folder: Path, side: int) -> dict[str, float]:
    """One run, in a folder of its own. Seconds, and bytes of Redis for each take that waits."""
    manifest = folder / "million.yaml"
    manifest.write_text(written(side))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RUSHES_")}
    with provider() as fal, EmbeddedRedis(folder / "redis", clock=SystemClock(), environ=environ) as embedded:
        client = redis.Redis.from_url(embedded.url)
        before = used(client)
        environ |= {
            "RUSHES_REDIS_URL": embedded.url,
            "RUSHES_STORE": str(folder / "renders"),
            "RUSHES_FAL_URL": fal.url,
            "RUSHES_FAL_SEATS": str(SEATS),
            "FAL_KEY": "none:needed",
        }
        begun = time.perf_counter()
        log = (folder / "log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rushes", "run", str(manifest)],
            cwd=folder,
            env=environ,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            if not fal.came.wait(PATIENCE):
                raise SystemExit(f"no submission came: {(folder / 'log').read_text()[-2000:]}")
            waiting = side**3 - fal.posts
            held = used(client) - before
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
            log.close()
        assert fal.first is not None
        return {"seconds": fal.first - begun, "bytes": held / waiting, "all": held}


def used(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory_dataset"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=100, help="values of each of the three axes (100: 10^6 takes)")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    found = []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory(prefix="rushes-bench-") as folder:
            found.append(run(Path(folder), given.side))
    figures = {
        "takes": given.side**3,
        "first submission, seconds from the start of the command": [round(each["seconds"], 2) for each in found],
        "of it: an interpreter starts, seconds": round(best_start("pass"), 2),
        "of it: the command is imported, seconds": round(best_start("import rushes.batches"), 2),
        "of it: the worker is imported, seconds": round(best_start("import workers.celery, workers.tasks"), 2),
        "Redis, bytes for each take that waits": round(max(each["bytes"] for each in found), 4),
        "Redis, bytes for the batch": max(round(each["all"]) for each in found),
    }
    json.dump(figures, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
