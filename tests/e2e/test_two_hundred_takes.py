"""The night that Rushes is judged by: 200 takes, a worker killed halfway, and a second run that sends nothing."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import subprocess
from pathlib import Path

import pytest
from desk import manifest, pointed_at, until
from front_door import Desk
from imitation import Imitation, imitation
from PIL import Image

from workers.sandbox.burn import read_number

FRAMES = 4 * 24


@pytest.mark.long
def test_two_hundred_takes_with_a_worker_killed_halfway(desk: Desk, clips: Path) -> None:
    desk.write(
        "night.yaml",
        manifest(
            """
  - name: sweep
    prompt: A {thing} in the {place}
    sweep:
      thing: [dog, cat, fox, owl, hen]
      place: [field, city, sea, sky]
      seed: 1..10
"""
        ),
    )
    with imitation(clips, render_seconds=lambda ordinal: 0.5 + ordinal * 37 % 10 / 10, ends=110) as provider:
        desk.environ |= pointed_at(provider.url)
        running = desk.start("run", "night.yaml")
        until(lambda: provider.billed >= 100)
        killed = kill_workers(running.pid)
        provider.ends = math.inf
        ended = desk.end(running)
        assert killed >= 2
        # A kill that strikes between an intent and its answer leaves that take in doubt, whether or not it was sent:
        # held, and never sent again.
        done = len(desk.files("night/**/*.receipt.json"))
        assert ended.code == (0 if done == 200 else 6), ended.output
        assert f"{200 - done} in doubt" in ended.output or done == 200
        assert done >= 190, ended.output
        posts = provider.posts
        assert done <= provider.billed <= posts <= 200
        assert set(provider.billed_by_request().values()) == {1}
        assert provider.refused == []
        assert provider.keys_sent_with_downloads == 0
        every_take_is_whole(desk, provider, takes=done)

        objects = {path: path.stat().st_mtime_ns for path in desk.files("night/**/*")}
        again = desk.run("run", "night.yaml")
        assert again.code == ended.code
        assert "0 submissions, 0 objects written" in again.output
        assert provider.posts == posts
        assert {path: path.stat().st_mtime_ns for path in desk.files("night/**/*")} == objects


def every_take_is_whole(desk: Desk, provider: Imitation, *, takes: int) -> None:
    receipts = desk.files("night/**/*.receipt.json")
    assert len(receipts) == takes
    jobs = set()
    for path in receipts:
        receipt = json.loads(path.read_text())
        jobs.add(receipt["job_id"])
        video = (desk.folder / "renders" / receipt["video"]["key"]).read_bytes()
        assert hashlib.sha256(video).hexdigest() == receipt["video"]["sha256"] == provider.sha256(receipt["job_id"])
        with Image.open(desk.folder / "renders" / receipt["last_frame"]["key"]) as last:
            assert read_number(last) == FRAMES - 1
    assert len(jobs) == takes
    assert jobs <= set(provider.jobs)


def kill_workers(command: int) -> int:
    """`kill -9` every Celery process that `rushes run` has brought along; how many there were."""
    supervisors = children(command)
    victims = [child for supervisor in supervisors for child in children(supervisor) if is_celery(child)]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    return len(victims)


def children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in listed.stdout.split()]


def is_celery(pid: int) -> bool:
    return b"workers" in Path(f"/proc/{pid}/cmdline").read_bytes()
