"""Flower as it is started again: what it had seen is there, and never more than it may keep."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.takes import Asked, Take
from workers.broker.embedded import EmbeddedRedis
from workers.celery import make_app
from workers.monitoring.flower_rows import FlowerRows
from workers.settings import load_settings

MOST = 50
PATIENCE_SECONDS = 200.0
"""For a busy machine; it takes two or three where there is nothing else to do."""

TAKE = Take(
    batch="night",
    shot="opening",
    index=0,
    number=1,
    name="opening/0001",
    provider="fal",
    asked=Asked(model="seedance-2.0-fast", prompt="A dog"),
    axes={},
)


class Flower:
    """A `rushes flower` with a password that it has made up itself."""

    def __init__(self, port: int, data: Path) -> None:
        self.port, self.data = port, data

    def tasks(self) -> dict[str, Any]:
        """What it shows, by the names of takes."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/tasks")
        password = (self.data / "password").read_text().strip()
        request.add_header("Authorization", f"Basic {base64.b64encode(f'rushes:{password}'.encode()).decode()}")
        with urllib.request.urlopen(request, timeout=60) as response:
            return {uuid.removeprefix("night/"): task for uuid, task in json.load(response).items()}


def until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        assert process.poll() is None, "Flower has ended by itself"
        try:
            if condition():
                return
        except OSError:
            pass  # it doesn't listen yet
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def flower(environ: dict[str, str], folder: Path) -> Iterator[tuple[Flower, subprocess.Popen[bytes]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    data = folder / "flower"
    command = [
        sys.executable,
        "-P",
        "-m",
        "rushes",
        "flower",
        f"--port={port}",
        f"--data={data}",
        f"--max_tasks={MOST}",
    ]
    with (folder / "flower.log").open("ab") as log:
        process = subprocess.Popen(command, env=environ, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield Flower(port, data), process
    finally:
        process.terminate()
        process.wait(120)


@pytest.mark.long
def test_what_it_has_seen_outlives_it_and_stays_bounded(redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUSHES_", "FLOWER_"))}
    environ = {**kept, "RUSHES_REDIS_URL": redis_server.url}
    app = make_app(load_settings({}, tmp_path), redis_server.url)
    rows = FlowerRows(app, "steps@here-1")
    last = "opening/0120"

    with flower(environ, tmp_path) as (first, process):

        def seen() -> bool:
            # It hears only what is said while it listens, so it is said until it has heard.
            for number in range(1, 121):
                rows.done(replace(TAKE, name=f"opening/{number:04d}"), f"s3://rushes/night/{number}.mp4", 80.0)
            return last in first.tasks()

        until(seen, process)
        before = first.tasks()
        assert len(before) <= MOST and before[last]["result"] == "s3://rushes/night/120.mp4"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"http://127.0.0.1:{first.port}/api/tasks", timeout=60)
    app.close()

    with flower(environ, tmp_path) as (second, process):
        until(lambda: last in second.tasks(), process)
        after = second.tasks()
    assert len(after) <= MOST and after[last]["result"] == before[last]["result"]
