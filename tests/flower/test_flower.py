"""Flower as `rushes flower` starts it, watching a real worker render a batch."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from workers.broker.embedded import EmbeddedRedis
from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox

USER, PASSWORD = "night", "flowerpassword9876543210"
FAL_KEY = "falid9876543210:falsecret9876543210"
RENDER_SECONDS = 0.5
TAKES = ["opening/0001-wheat", "opening/0002-snow"]

MANIFEST = """
batch: {batch}
provider: fal
model: seedance-2.0-fast
defaults: {{duration: 4, resolution: 480p, aspect_ratio: "1:1"}}
shots:
  - name: opening
    prompt: A dog in the {{place}}
    sweep: {{place: [wheat, snow]}}
"""


@dataclass
class Answer:
    """What Flower answers."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Stage:
    """A worker, a Flower that watches it, and a person who submits."""

    def __init__(self, folder: Path, environ: dict[str, str], sandbox: Sandbox) -> None:
        self.folder, self.environ, self.sandbox = folder, environ, sandbox
        self.port = free_port()
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
        """Start a command and leave it running until the end."""
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                arguments, env={**self.environ, **environ}, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT
            )
        self.processes.append(process)
        return process

    def submit(self, batch: str) -> int:
        """Submit a batch of two takes, wait for its end, and return the exit code."""
        manifest = self.folder / f"{batch}.yaml"
        manifest.write_text(MANIFEST.format(batch=batch))
        ended = subprocess.run(
            [*RUSHES, "submit", "--wait", str(manifest)],
            env=self.environ,
            cwd=self.folder,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return ended.returncode

    def get(self, path: str, *, credentials: str | None = f"{USER}:{PASSWORD}", method: str = "GET") -> Answer:
        """Ask Flower."""
        return ask(f"http://127.0.0.1:{self.port}{path}", credentials=credentials, method=method)

    def found(self, words: str) -> dict[str, Any]:
        """The tasks that Flower finds for these words, by their uuid."""
        found: dict[str, Any] = self.get(f"/api/tasks?{urlencode({'search': words})}").json
        return found


RUSHES = (sys.executable, "-P", "-m", "rushes")


def ask(url: str, *, credentials: str | None = None, method: str = "GET") -> Answer:
    request = urllib.request.Request(url, method=method, data=b"" if method == "POST" else None)
    if credentials is not None:
        request.add_header("Authorization", f"Basic {base64.b64encode(credentials.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Answer(response.status, response.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read().decode())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            if condition():
                return
        except OSError:
            pass  # it does not listen yet
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture(scope="module")
def stage(redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything started, and one batch rendered."""
    folder = tmp_path_factory.mktemp("flower")
    options = SandboxOptions(cache=folder / "clips", render_seconds=RENDER_SECONDS, jitter=0.0, queue_seconds=0.0)
    with running_sandbox(options) as sandbox:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUSHES_", "FAL_", "AWS_"))}
        environ = {
            **kept,
            "RUSHES_REDIS_URL": redis_server.url,
            "RUSHES_NAMESPACE": f"f{uuid.uuid4().hex[:12]}",
            "RUSHES_STORE": str(folder / "renders"),
            "RUSHES_SPOOL": str(folder / "spool"),
            "RUSHES_FAL_URL": sandbox.url,
            "RUSHES_FAL_FIRST_POLL": "0.2",
            "RUSHES_FLOWER_AUTH": f"{USER}:{PASSWORD}",
            "FAL_KEY": FAL_KEY,
        }
        stage = Stage(folder, environ, sandbox)
        try:
            worker = stage.start(*RUSHES, "worker")
            stage.start(*RUSHES, "flower", f"--port={stage.port}", f"--data={folder / 'flower'}")
            # Flower sees what happens while it listens: it does when it has heard both of the worker's processes.
            names = [f"{name}@{socket.gethostname()}-{worker.pid}" for name in ("steps", "collect")]
            online = [f'flower_worker_online{{worker="{name}"}} 1.0' for name in names]
            until(lambda: all(line in stage.get("/metrics").text for line in online), "Flower hears no worker")
            assert stage.submit("night") == 0
            yield stage
        finally:
            for process in reversed(stage.processes):
                process.terminate()
                process.wait(60)


@pytest.mark.parametrize("take", TAKES)
@pytest.mark.parametrize("step", ["submit", "poll", "collect"])
def test_a_step_is_found_by_the_name_of_its_take(stage: Stage, take: str, step: str) -> None:
    def steps() -> list[dict[str, Any]]:
        return [task for task in stage.found(f"night/{take}").values() if task["name"] == step]

    until(lambda: any(task["state"] == "SUCCESS" for task in steps()), f"{step} of {take}")
    assert all(f"night/{take}" in task["args"] for task in steps())


@pytest.mark.parametrize("take", TAKES)
def test_a_take_is_a_row_of_its_own(stage: Stage, take: str) -> None:
    def row() -> dict[str, Any]:
        found: dict[str, Any] = stage.found(f"night/{take}").get(f"night/{take}", {})
        return found

    until(lambda: row().get("state") == "SUCCESS", f"{take} is not shown as done")
    assert row()["name"] == "take · seedance-2.0-fast"
    assert row()["args"] == f"place={take.rpartition('-')[2]}"
    assert Path(row()["result"]) == stage.folder / "renders" / "night" / f"{take}.mp4"
    assert Path(row()["result"]).is_file()
    assert row()["runtime"] >= RENDER_SECONDS, "it is the render's duration, and not that of a step"
    assert row()["received"] <= row()["started"] <= row()["succeeded"]


def test_a_take_that_fails_is_shown_with_its_reason(stage: Stage) -> None:
    plain = stage.sandbox.options
    stage.sandbox.options = replace(plain, moderation_rate=1.0)
    try:
        assert stage.submit("refused") == 3
    finally:
        stage.sandbox.options = plain
    for take in TAKES:

        def row(take: str = take) -> dict[str, Any]:
            found: dict[str, Any] = stage.found(f"refused/{take}").get(f"refused/{take}", {})
            return found

        until(lambda row=row: row().get("state") == "FAILURE", f"{take} is not shown as failed")
        receipt = stage.folder / "renders" / "refused" / f"{take}.receipt.json"
        assert row()["exception"] and not receipt.exists()


@pytest.mark.parametrize("path", ["/", "/tasks", "/workers", "/broker", "/api/tasks", "/api/workers"])
@pytest.mark.parametrize("credentials", [None, "night:wrong", PASSWORD, "night", ":"])
def test_nobody_looks_in_without_the_password(stage: Stage, path: str, credentials: str | None) -> None:
    assert stage.get(path, credentials=credentials).status == 401
    assert stage.get(path).status == 200


def test_looking_is_all_that_can_be_done(stage: Stage) -> None:
    def mine() -> list[str]:
        # Flower asks the workers once as it starts; one that was slower than Flower is listed when it is asked again.
        listed = stage.get("/api/workers?refresh=true").json
        return [name for name in listed if name.endswith(f"-{stage.processes[0].pid}")]

    until(lambda: bool(mine()), "Flower never hears of the worker")
    worker = mine()[0]
    for path in (
        f"/api/worker/shutdown/{worker}",
        f"/api/worker/pool/shrink/{worker}?n=1",
        f"/api/task/revoke/{quote('night/opening/0001-wheat:submit:1.1')}?terminate=true",
        "/api/task/send-task/submit",
    ):
        assert stage.get(path, method="POST").status == 403, path
    assert stage.processes[0].poll() is None


def test_no_secret_stands_on_a_command_line(stage: Stage) -> None:
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            lines.append((process / "cmdline").read_text(errors="replace"))
        except OSError:
            continue  # it has ended meanwhile
    assert any(f"--port={stage.port}" in line for line in lines)
    assert not [line for line in lines if PASSWORD in line or FAL_KEY.partition(":")[2] in line]


def test_no_secret_stands_in_an_answer(stage: Stage) -> None:
    workers = stage.get("/api/workers?refresh=1").json
    pages = ["/tasks", "/workers", "/broker", "/metrics", "/api/tasks", "/api/workers", "/api/task/types"]
    pages += [f"/worker/{quote(name)}" for name in workers]
    pages += [f"/task/{quote(name, safe='')}" for name in stage.get("/api/tasks").json]
    assert len(pages) > 10
    for page in pages:
        answer = stage.get(page)
        assert answer.status == 200, page
        for secret in (PASSWORD, *FAL_KEY.split(":")):
            assert secret not in answer.text, page


def test_rows_read_well(stage: Stage) -> None:
    columns = re.findall(r'data-column="(\w+)"', stage.get("/tasks").text)
    assert columns[:4] == ["uuid", "name", "state", "args"]
    asked = {"draw": 1, "start": 0, "length": 100, "search[value]": "night/opening/0001-wheat"}
    asked |= {"order[0][column]": 0, "order[0][dir]": "asc", "columns[0][data]": "name"}

    def rows() -> dict[str, dict[str, Any]]:
        return {row["uuid"]: row for row in stage.get(f"/tasks/datatable?{urlencode(asked)}").json["data"]}

    take, submit = "night/opening/0001-wheat", "night/opening/0001-wheat:submit:1.1"
    until(lambda: {take, submit} <= set(rows()), "the rows are not there")
    assert rows()[submit]["name"] == "submit · attempt 1"
    assert rows()[submit]["result"] == ""
    assert rows()[take]["name"] == "take · seedance-2.0-fast"
    assert rows()[take]["result"].endswith("/night/opening/0001-wheat.mp4")


def test_plain_celery_shows_the_same(stage: Stage) -> None:
    port = free_port()
    celery = Path(sysconfig.get_path("scripts")) / "celery"
    stage.start(
        *(str(celery), "-A", "workers", "flower", "--address=127.0.0.1", f"--port={port}"),
        FLOWER_BASIC_AUTH=f"{USER}:{PASSWORD}",
    )
    url = f"http://127.0.0.1:{port}"
    until(lambda: ask(f"{url}/healthcheck").status == 200, "Flower does not start")
    assert ask(f"{url}/api/workers").status == 401
    mine = f"-{stage.processes[0].pid}"
    until(
        lambda: any(name.endswith(mine) for name in ask(f"{url}/api/workers", credentials=f"{USER}:{PASSWORD}").json),
        "it finds no worker",
    )
