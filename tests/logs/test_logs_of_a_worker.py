"""The log of a real `rushes worker` that renders a batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from workers.broker.embedded import EmbeddedRedis
from workers.sandbox.server import SandboxOptions, running_sandbox

RUSHES = (sys.executable, "-P", "-m", "rushes")
KEY = "falid9876543210:falsecret9876543210"
MANIFEST = """
batch: night
provider: fal
model: seedance-2.0-fast
defaults: {duration: 4, resolution: 480p, aspect_ratio: "1:1"}
shots:
  - {name: opening, prompt: A dog in the snow}
"""


@pytest.fixture(scope="module")
def lines(redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """What a worker has logged of a take that moderation refuses."""
    folder = tmp_path_factory.mktemp("logs")
    (folder / "night.yaml").write_text(MANIFEST)
    options = SandboxOptions(
        cache=folder / "clips", render_seconds=0.2, jitter=0.0, queue_seconds=0.0, moderation_rate=1.0
    )
    with running_sandbox(options) as sandbox, (folder / "log").open("wb") as log:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUSHES_", "FAL_", "AWS_"))}
        environ = {
            **kept,
            "RUSHES_REDIS_URL": redis_server.url,
            "RUSHES_NAMESPACE": f"l{uuid.uuid4().hex[:12]}",
            "RUSHES_STORE": str(folder / "renders"),
            "RUSHES_SPOOL": str(folder / "spool"),
            "RUSHES_FAL_URL": sandbox.url,
            "RUSHES_FAL_FIRST_POLL": "0.2",
            "RUSHES_LOG_FORMAT": "json",
            "FAL_KEY": KEY,
        }
        worker = subprocess.Popen([*RUSHES, "worker"], env=environ, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            submit = [*RUSHES, "submit", "--wait", "night.yaml"]
            ended = subprocess.run(submit, env=environ, cwd=folder, capture_output=True, timeout=120, check=False)
            assert ended.returncode == 3, ended.stderr
        finally:
            worker.terminate()
            worker.wait(60)
    read = (folder / "log").read_text().splitlines()
    yield [json.loads(line) for line in read if line.startswith("{")]


def test_the_failure_names_batch_shot_take_and_attempt(lines: list[dict[str, Any]]) -> None:
    # The sandbox refuses what is asked for either at once or when it is polled.
    told = [line for line in lines if line["logger"].startswith("workers.steps") and line["level"] == "WARNING"]
    assert told, [line["message"] for line in lines]
    for line in told:
        assert (line["batch"], line["shot"], line["take"]) == ("night", "opening", "opening/0001"), line
        assert line["attempt"] == 1


def test_what_celery_says_of_each_step_names_the_take(lines: list[dict[str, Any]]) -> None:
    steps = [line for line in lines if line["message"].startswith("Task ")]
    assert {line["message"].partition("[")[0] for line in steps} >= {"Task submit", "Task poll"}
    assert all(line["take"] == "opening/0001" for line in steps)
    assert not [line for line in lines if KEY.partition(":")[2] in json.dumps(line)]
