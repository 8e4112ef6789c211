"""Decisions about batches that are being rendered, by one command while another is at work."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from person import Desk

from rushes.exits import Exit
from workers.broker.connection import connect
from workers.broker.embedded import socket_path

MANIFEST = """\
batch: night
provider: fal
model: seedance-2.0-fast
defaults: {duration: 4, resolution: 480p, aspect_ratio: '16:9'}
shots:
  - name: sweep
    prompt: A dog in the field
    sweep: {seed: 1..%d}
"""


def until(true: Callable[[], object], *, within: float = 300.0) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, f"not so within {within:g} s"
        time.sleep(0.05)


def rehearsed(desk: Desk) -> Path:
    return desk.folder / "renders/rehearsal"


def submitted(desk: Desk) -> int:
    return len(list(rehearsed(desk).glob("night/.rushes/attempts/*/*/*.intent.json")))


def private_url(desk: Desk) -> str:
    return f"unix://{socket_path(rehearsed(desk) / '.rushes/state/redis')}"


def write(desk: Desk, takes: int) -> None:
    """A batch of so many takes, each of 3 s, one after the other: whoever wants to step in has the time."""
    (desk.folder / "night.yaml").write_text(MANIFEST % takes)
    desk.environ |= {"RUSHES_FAL_SEATS": "1", "RUSHES_FAL_LEAD": "0"}


def hurry(desk: Desk) -> None:
    """Let the next command render all that is left at once."""
    desk.environ["RUSHES_FAL_SEATS"] = "20"


@pytest.mark.long
def test_a_batch_is_paused_from_beside_ends_with_7_and_goes_on(alone: Desk) -> None:
    write(alone, 12)
    running = alone.start("run", "--sandbox", "night.yaml")
    until(lambda: submitted(alone) >= 2)
    told = json.loads(alone.run("pause", "night", "--reason", "lunch", "--sandbox", "--json").output)
    assert told["stand"]["paused"] > 0
    ended = alone.end(running)
    assert ended.code == Exit.STOPPED, ended.output
    assert "stopped: it is paused: lunch" in ended.output
    assert "Let it go on: rushes resume night" in ended.output
    before = submitted(alone)
    assert before < 12
    assert alone.run("run", "--sandbox", "night.yaml").code == Exit.STOPPED
    assert submitted(alone) == before
    assert alone.run("resume", "night", "--sandbox").code == 0
    hurry(alone)
    ended = alone.run("run", "--sandbox", "night.yaml")
    assert (ended.code, submitted(alone)) == (Exit.DONE, 12), ended.output


@pytest.mark.long
def test_a_redis_that_is_emptied_in_mid_run_is_filled_from_the_store(alone: Desk) -> None:
    write(alone, 6)
    running = alone.start("run", "--sandbox", "night.yaml")
    until(lambda: list(rehearsed(alone).glob("night/sweep/*.receipt.json")))
    client = connect(private_url(alone))
    client.flushall()
    client.close()
    ended = alone.end(running)
    # What was between its intent and its acceptance at that moment is in doubt, and everything else is done.
    assert ended.code in (Exit.DONE, Exit.DOUBT), ended.output
    done = len(list(rehearsed(alone).glob("night/sweep/*.receipt.json")))
    told = json.loads(alone.run("status", "night", "--sandbox", "--json").output)
    assert done + told["states"]["doubt"] == 6
    assert submitted(alone) == 6


@pytest.mark.long
def test_another_machine_goes_on_without_the_manifest(alone: Desk) -> None:
    write(alone, 8)
    running = alone.start("run", "--sandbox", "night.yaml")
    until(lambda: list(rehearsed(alone).glob("night/sweep/*.receipt.json")))
    running.terminate()
    assert alone.end(running).code == Exit.INTERRUPTED
    # The store is all that another machine has; the provider has not forgotten anything, either.
    for path in (rehearsed(alone) / ".rushes/state/redis").glob("**/*"):
        if path.is_file():
            path.unlink()
    (alone.folder / "night.yaml").unlink()
    hurry(alone)
    ended = alone.run("recover", "night", "--sandbox")
    assert ended.code == Exit.DONE, ended.output
    assert "night: taken up from the store: " in ended.output
    assert len(list(rehearsed(alone).glob("night/sweep/*.receipt.json"))) == 8
    assert submitted(alone) == 8


def test_looking_where_nothing_was_rendered_leaves_nothing_behind(alone: Desk) -> None:
    assert alone.run("status").code == Exit.DONE
    assert alone.run("status", "night").code == Exit.WRONG_INPUT
    assert list(alone.folder.iterdir()) == []
