"""Stopped anywhere, by anything: the same command carries on, and nothing is paid for twice."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
from pathlib import Path

import pytest
from desk import SWEEP, manifest, pointed_at, until
from front_door import Desk
from imitation import imitation


def redis_pid(desk: Desk) -> int:
    """The private Redis of this desk's store."""
    return int((desk.folder / "renders/.rushes/state/redis/redis.pid").read_text())


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def done(desk: Desk) -> int:
    return len(desk.files("night/**/*.receipt.json"))


@pytest.mark.long
def test_ctrl_c_drains_and_the_next_run_carries_on(desk: Desk, clips: Path) -> None:
    desk.write("night.yaml", manifest(SWEEP))
    with imitation(clips, ends=4) as provider:
        desk.environ |= pointed_at(provider.url) | {"RUSHES_FAL_SEATS": "4"}
        running = desk.start("run", "night.yaml")
        until(lambda: done(desk) == 4)
        redis = redis_pid(desk)
        running.send_signal(signal.SIGINT)
        provider.ends = math.inf
        stopped = desk.end(running)
        assert stopped.code == 130, stopped.output
        assert "carry on: rushes run night.yaml" in stopped.output
        assert not lives(redis), "the private Redis is stopped with its command"
        assert "Traceback" not in desk.log(), "workers close what they have open when they end"

        assert desk.run("run", "night.yaml").code == 0
        assert done(desk) == provider.billed == 12


def test_the_command_itself_is_killed(desk: Desk, clips: Path) -> None:
    desk.write("night.yaml", manifest(SWEEP))
    with imitation(clips, ends=4) as provider:
        desk.environ |= pointed_at(provider.url) | {"RUSHES_FAL_SEATS": "4"}
        running = desk.start("run", "night.yaml")
        until(lambda: done(desk) >= 2)
        redis = redis_pid(desk)
        running.kill()
        running.communicate()
        provider.ends = math.inf
        until(lambda: desk.log().count("Warm shutdown") >= 2, what="the orphaned workers' end")

        assert desk.run("run", "night.yaml").code == 0
        assert done(desk) == provider.billed == 12
        assert not lives(redis), "the next command takes the private Redis over, and stops it"


@pytest.mark.long
def test_the_private_redis_dies_and_comes_back(desk: Desk, clips: Path) -> None:
    desk.write("night.yaml", manifest(SWEEP))
    with imitation(clips, ends=3) as provider:
        desk.environ |= pointed_at(provider.url) | {"RUSHES_FAL_SEATS": "3"}
        running = desk.start("run", "night.yaml")
        for takes in (3, 6):
            provider.ends = takes
            until(lambda takes=takes: done(desk) == takes)  # type: ignore[misc]
            os.kill(redis_pid(desk), signal.SIGKILL)
        provider.ends = math.inf
        ended = desk.end(running)
        assert ended.code == 0, ended.output
        assert done(desk) == provider.billed == 12


def test_all_state_is_lost_and_taken_up_from_the_store(desk: Desk, clips: Path) -> None:
    desk.write("night.yaml", manifest(SWEEP))
    with imitation(clips, render_seconds=lambda ordinal: 0.1, ends=4) as provider:
        desk.environ |= pointed_at(provider.url) | {"RUSHES_FAL_SEATS": "4", "RUSHES_FAL_LEAD": "0"}
        running = desk.start("run", "night.yaml")
        until(lambda: done(desk) == 4 and len(accepted(desk)) == 8)
        running.send_signal(signal.SIGINT)
        desk.end(running)
        provider.ends = math.inf
        shutil.rmtree(desk.folder / "renders/.rushes/state")

        ended = desk.run("run", "night.yaml")
        assert ended.code == 0, ended.output
        assert "4 takes accepted before and followed again" in ended.output
        assert "4 submissions" in ended.output
        assert done(desk) == provider.billed == 12
        assert set(provider.billed_by_request().values()) == {1}


def accepted(desk: Desk) -> list[Path]:
    return list((desk.folder / "renders/night/.rushes/attempts").glob("**/*.accepted.json"))


def test_a_receipt_that_was_deleted_costs_nothing_while_the_provider_has_the_video(desk: Desk, clips: Path) -> None:
    desk.write("night.yaml", manifest(SWEEP))
    with imitation(clips, render_seconds=lambda ordinal: 0.1) as provider:
        desk.environ |= pointed_at(provider.url)
        assert desk.run("run", "night.yaml").code == 0
        for path in desk.files("night/sweep/0003*"):
            path.unlink()
        ended = desk.run("run", "night.yaml")
        assert ended.code == 0, ended.output
        assert "0 submissions, 4 objects written" in ended.output
        assert done(desk) == provider.billed == 12


def test_two_people_run_the_same_batch_at_once(desk: Desk, clips: Path) -> None:
    desk.write("night.yaml", manifest(SWEEP))
    with imitation(clips, render_seconds=lambda ordinal: 0.5) as provider:
        desk.environ |= pointed_at(provider.url) | {"RUSHES_FAL_SEATS": "5"}
        first = desk.start("run", "night.yaml")
        second = desk.start("run", "night.yaml")
        ends = desk.end(first), desk.end(second)
        assert [ended.code for ended in ends] == [0, 0], ends
        assert done(desk) == provider.billed == 12


@pytest.mark.long
def test_a_rehearsal_that_was_interrupted_carries_on(desk: Desk) -> None:
    desk.write("night.yaml", manifest(SWEEP))
    # One after the other: what is left of it takes half a minute, and nobody looks so late.
    running = desk.start("run", "--sandbox", "night.yaml", RUSHES_FAL_SEATS="1", RUSHES_FAL_LEAD="0")
    until(lambda: len(desk.files("rehearsal/night/**/*.receipt.json")) >= 1)
    running.send_signal(signal.SIGTERM)
    stopped = desk.end(running)
    assert stopped.code == 130, stopped.output

    ended = desk.run("run", "--sandbox", "night.yaml")
    assert ended.code == 0, ended.output
    account = (desk.folder / "renders/rehearsal/.rushes/state/sandbox.jsonl").read_text()
    accepted = [json.loads(line) for line in account.splitlines()]
    assert len(desk.files("rehearsal/night/**/*.receipt.json")) == 12
    assert len({json.dumps(entry["body"], sort_keys=True) for entry in accepted if "body" in entry}) == 12
    assert len([entry for entry in accepted if "body" in entry]) == 12
