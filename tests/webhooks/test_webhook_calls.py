"""Calls of providers, and of others: each is a hint and nothing more."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from scripted_fal import Asked, ScriptedFal
from workbench import Bench

from workers.engine.states import State
from workers.steps.poll import STRETCH
from workers.webhooks.server import MOST_BYTES


def address(bench: Bench) -> str:
    """Where the provider was told to call about the bench's take."""
    webhook = bench.record().fields["webhook"]
    assert webhook.startswith("https://hooks.example/r/b/0/")
    return urlsplit(webhook).path.removeprefix("/r")


def call(server: str, path: str, body: Any = None) -> int:
    return httpx.post(server + path, json=body or {"request_id": "job-1"}, trust_env=False).status_code


def doubt(bench: Bench, fal: ScriptedFal, *, settle: bool = True) -> None:
    def drop(asked: Asked) -> None:
        asked.handler.close_connection = True

    fal.posts = [drop]
    bench.open()
    bench.submit()
    assert bench.state() is State.DOUBT
    if settle:
        bench.settle()
        assert bench.delay() is None  # held for a person


def know_only(fal: ScriptedFal, job: str) -> None:
    """Let the provider know this job and no other."""

    def status(asked: Asked) -> None:
        if f"/{job}/" in asked.path:
            asked.say(202, {"status": "IN_PROGRESS"})
        else:
            asked.say(404, {"detail": "Request not found"})

    fal.statuses = [status]


class TestAHint:
    def test_the_provider_is_told_where_to_call(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        bench.submit()
        told = parse_qs(urlsplit(fal.asked[0].path).query)["fal_webhook"]
        assert told == [bench.record().fields["webhook"]]

    def test_it_brings_the_next_poll_about_at_once(self, bench: Bench, fal: ScriptedFal, server: str) -> None:
        bench.open()
        bench.submit()
        bench.poll()
        assert call(server, address(bench)) == 204
        assert bench.delay() == 0.0
        fal.rendered()
        bench.poll(after=0.0)
        assert bench.state() is State.COLLECTING

    def test_it_is_never_the_truth(self, bench: Bench, fal: ScriptedFal, server: str) -> None:
        bench.open()
        bench.submit()
        call(
            server,
            address(bench),
            {"request_id": "job-9", "status": "OK", "payload": {"video": {"url": "http://evil"}}},
        )
        bench.poll(after=0.0)
        assert bench.state() is State.RENDERING
        assert bench.record().fields["job_id"] == "job-1"

    def test_a_flood_brings_about_one_poll_a_second(self, bench: Bench, server: str) -> None:
        bench.open()
        bench.submit()
        for _ in range(30):
            assert call(server, address(bench)) == 204
        bench.poll(after=0.0)
        for _ in range(30):
            call(server, address(bench))
        assert bench.delay() == 1.0
        assert [work for work in bench.room.tick() if work.index == 0] == []

    def test_one_that_comes_late_or_about_another_attempt_does_nothing(self, bench: Bench, server: str) -> None:
        bench.open()
        bench.submit()
        path = address(bench)
        bench.client.hset(f"{bench.context.settings.namespace}:take:b:0", "attempt", 2)
        before = bench.delay()
        assert call(server, path) == 204
        assert bench.delay() == before
        bench.forget()
        assert call(server, path) == 204

    def test_polls_are_rarer_while_calls_come_through(self, bench: Bench, server: str) -> None:
        bench.open()
        bench.submit()
        bench.poll()
        without = bench.delay()
        assert without is not None
        call(server, address(bench))
        bench.client.hset(f"{bench.context.settings.namespace}:take:b:0", "polls", 0)
        bench.poll(after=0.0)
        assert bench.delay() == without * STRETCH


class TestInDoubt:
    def test_a_job_that_a_call_names_is_adopted_when_the_provider_knows_it(
        self, bench: Bench, fal: ScriptedFal, server: str
    ) -> None:
        doubt(bench, fal)
        know_only(fal, "job-7")
        assert call(server, address(bench), {"request_id": "job-7", "status": "OK"}) == 204
        bench.settle(after=0.0)
        assert bench.state() is State.RENDERING
        assert bench.record().fields["job_id"] == "job-7"
        assert bench.context.ledger("b").acceptance("s/0001", 1).job_id == "job-7"

    def test_a_call_that_comes_before_the_doubt_is_kept_for_it(
        self, bench: Bench, fal: ScriptedFal, server: str
    ) -> None:
        doubt(bench, fal, settle=False)
        know_only(fal, "job-7")
        call(server, address(bench), {"request_id": "job-7"})
        bench.settle(after=0.0)
        assert bench.record().fields["job_id"] == "job-7"

    def test_a_forged_job_is_not_adopted_and_does_not_hide_the_true_one(
        self, bench: Bench, fal: ScriptedFal, server: str
    ) -> None:
        doubt(bench, fal)
        know_only(fal, "job-7")
        path = address(bench)
        call(server, path, {"request_id": "forged"})
        bench.settle(after=0.0)
        assert bench.state() is State.DOUBT
        call(server, path, {"request_id": "job-7"})
        bench.settle(after=1.0)
        assert bench.record().fields["job_id"] == "job-7"

    def test_a_job_of_another_take_is_not_adopted(self, bench: Bench, fal: ScriptedFal, server: str) -> None:
        doubt(bench, fal)
        bench.open(batch="other")
        fal.posts = [fal.accept]
        bench.submit()
        assert bench.state(batch="other") is State.RENDERING
        call(server, address(bench), {"request_id": "job-1"})
        bench.settle(after=0.0)
        assert bench.state() is State.DOUBT

    @pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"request_id": 7}', b'{"request_id": "../../x"}'])
    def test_a_body_that_names_no_job_changes_nothing(
        self, bench: Bench, fal: ScriptedFal, server: str, body: bytes
    ) -> None:
        doubt(bench, fal)
        assert httpx.post(server + address(bench), content=body, trust_env=False).status_code == 204
        assert bench.delay() is None
        assert "called" not in bench.record().fields

    def test_no_more_than_a_few_names_are_kept(self, bench: Bench, fal: ScriptedFal, server: str) -> None:
        doubt(bench, fal)
        for number in range(20):
            call(server, address(bench), {"request_id": f"job-{number}"})
        assert len(json.loads(bench.record().fields["called"])) == 4


class TestStrangers:
    @pytest.mark.parametrize("change", ["b/1/", "c/0/", "b/00/", "b/0/2/"])
    def test_a_path_that_we_did_not_give_out_is_not_found(self, bench: Bench, server: str, change: str) -> None:
        bench.open()
        bench.submit()
        before = bench.delay()
        token = address(bench).rpartition("/")[2]
        whole = f"/{change}{token}" if change.endswith("2/") else f"/{change}1/{token}"
        assert call(server, whole) == 404
        assert call(server, address(bench)[:-1]) == 404
        assert bench.delay() == before

    def test_a_body_without_end_is_not_read(self, bench: Bench, server: str) -> None:
        bench.open()
        bench.submit()
        huge = httpx.post(server + address(bench), content=b"x" * (MOST_BYTES + 1), trust_env=False)
        assert huge.status_code == 413
        where = urlsplit(server)
        with socket.create_connection((where.hostname, where.port), timeout=10) as talk:
            # A stranger is answered before it has sent its gigabytes.
            talk.sendall(b"POST /b/0/1/none HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n")
            assert talk.recv(100).startswith(b"HTTP/1.1 404")

    def test_it_says_that_it_is_there(self, server: str) -> None:
        assert httpx.get(f"{server}/health", trust_env=False).json() == {"status": "ok"}


class TestSecrecy:
    def test_neither_the_path_nor_the_secret_is_kept_in_the_store(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        bench.submit()
        kept = "".join(path.read_text() for path in (bench.context.spool.parent / "store").rglob("*.json"))
        assert kept
        assert "hooks.example" not in kept
        assert bench.record().fields["webhook"].rpartition("/")[2] not in kept
        assert "a secret of the tests" not in bench.everything_kept()
