"""Failover, step by step: what an attempt comes to at one provider, and whether another one is asked then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_fal import Answer, ScriptedFal
from workbench import Bench, Make

from workers.engine.states import State, Step
from workers.engine.work import TakeRecord
from workers.errors import StoreError
from workers.money import quotes
from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox
from workers.steps import collect, poll, settle, submit

REFUSED = {"detail": [{"loc": ["body", "prompt"], "msg": "no", "type": "value_error"}]}
MODERATED = {"detail": [{"loc": ["body", "prompt"], "msg": "flagged", "type": "content_policy_violation"}]}


def say(status: int, body: Any = None, **headers: str) -> Answer:
    return lambda asked: asked.say(status, body, **headers)


@pytest.fixture
def two(make: Make, fal: ScriptedFal, clips: Path) -> Iterator[tuple[Bench, ScriptedFal, Sandbox]]:
    """A worker before a scripted fal, and a sandbox for whom fal doesn't render."""
    bench = make(fal.url)
    with running_sandbox(SandboxOptions(cache=clips, jitter=0.0), clock=bench.clock) as sandbox:
        keys = {"RUSHES_ANYFAST_URL": sandbox.url, "ANYFAST_API_KEY": "their-key"}
        yield make(fal.url, **keys), fal, sandbox


def go_on(bench: Bench) -> list[tuple[str, str | None]]:
    """Do all that can be done now; which takes were submitted where."""
    sent = []
    for _ in range(12):
        bench.works += bench.room.tick()
        works, bench.works = bench.works, []
        for work in works:
            match work.step:
                case Step.QUOTE:
                    bench.room.quote("b", quotes(bench.context, "b", work.index))
                case Step.SUBMIT:
                    sent.append((bench.context.take("b", work.index).name, bench.room.lane_of("b", work.index)))
                    submit(bench.context, work)
                case Step.POLL:
                    poll(bench.context, [work])
                case Step.COLLECT:
                    collect(bench.context, work)
                case Step.SETTLE:
                    settle(bench.context, work)
                case _:
                    raise AssertionError(work)
    return sent


def finish(bench: Bench) -> list[tuple[str, str | None]]:
    sent = []
    for _ in range(40):
        sent += go_on(bench)
        if bench.state() in (State.DONE, State.FAILED):
            return sent
        bench.clock.forward(30.0)
    raise AssertionError(f"it has not ended, but is {bench.state()}")


def open_both(bench: Bench, **fields: Any) -> None:
    bench.open(provider=["fal", "anyfast"], **fields)


def record(bench: Bench) -> TakeRecord:
    return bench.record()


def recovered(bench: Bench) -> None:
    """Lose Redis, and take the batch up from the store."""
    from workers.opening import reopen_batch

    bench.forget()
    reopen_batch(bench.context, "b")
    for provider in bench.context.settings.providers:
        bench.room.set_limits(provider, bench.context.limits(provider))


Two = tuple[Bench, ScriptedFal, Sandbox]


class TestAtNoCost:
    def test_what_one_refuses_the_other_renders(self, two: Two) -> None:
        bench, fal, sandbox = two
        fal.posts = [say(422, REFUSED)]
        open_both(bench)
        assert finish(bench) == [("s/0001", "fal"), ("s/0001", "anyfast")]
        assert bench.state() is State.DONE
        assert len(sandbox.account.submissions()) == 1
        ledger = bench.context.ledger("b")
        assert [ledger.intent("s/0001", attempt).provider for attempt in (1, 2)] == ["fal", "anyfast"]
        assert (ledger.ending("s/0001", 1).kind, ledger.ending("s/0001", 1).decided) == ("invalid", "carried")
        assert b'"provider": "anyfast"' in bench.store.get("b/s/0001.receipt.json")

    def test_what_both_refuse_has_failed(self, two: Two) -> None:
        bench, fal, _ = two
        fal.posts = [say(422, REFUSED)]
        open_both(bench, prompt="a dog [sandbox: moderation-input]")
        finish(bench)
        assert bench.state() is State.FAILED
        assert fal.count("POST") == 1

    def test_one_that_can_not_be_reached_is_passed_over_at_once(self, two: Two, make: Make, nobody: str) -> None:
        _, _, sandbox = two
        bench = make(nobody, RUSHES_ANYFAST_URL=sandbox.url, ANYFAST_API_KEY="their-key")
        open_both(bench)
        assert finish(bench) == [("s/0001", "fal"), ("s/0001", "anyfast")]
        assert bench.context.ledger("b").ending("s/0001", 1).kind == "unsent"

    def test_without_a_key_the_other_one_gets_it(self, two: Two, make: Make) -> None:
        _, fal, sandbox = two
        bench = make(fal.url, RUSHES_ANYFAST_URL=sandbox.url, ANYFAST_API_KEY="their-key", FAL_KEY="")
        open_both(bench)
        assert finish(bench)[-1] == ("s/0001", "anyfast")
        assert fal.count("POST") == 0

    @pytest.mark.parametrize(
        "answer",
        [say(401, {"detail": "no such key"}), say(403, {"detail": "User is locked. Reason: Exhausted balance"})],
    )
    def test_one_that_is_paused_is_passed_over(self, two: Two, answer: Answer) -> None:
        bench, fal, _ = two
        fal.posts = [answer]
        open_both(bench)
        assert finish(bench) == [("s/0001", "fal"), ("s/0001", "anyfast")]

    def test_a_limit_is_waited_for(self, two: Two) -> None:
        bench, fal, sandbox = two
        fal.posts = [say(429, {}, retry_after="5"), fal.accept]
        open_both(bench)
        assert go_on(bench) == [("s/0001", "fal")]
        bench.clock.forward(6.0)
        assert go_on(bench) == [("s/0001", "fal")]
        assert sandbox.account.submissions() == ()


class TestWhatMayHaveCostSomething:
    @pytest.mark.parametrize("answer", [lambda asked: asked.hang_up(), say(200, b"<html>"), say(502, {})])
    def test_a_doubt_is_never_carried_elsewhere(self, two: Two, answer: Answer) -> None:
        bench, fal, sandbox = two
        fal.posts = [answer]
        open_both(bench)
        for _ in range(10):
            go_on(bench)
            bench.room.pause("fal", kind="auth", reason="no key")
            bench.clock.forward(600.0)
        assert (bench.state(), record(bench).fields["lane"]) == (State.DOUBT, "fal")
        recovered(bench)
        go_on(bench)
        assert (bench.state(), record(bench).fields["lane"]) == (State.DOUBT, "fal")
        assert sandbox.account.submissions() == ()

    def test_what_is_submitted_once_more_after_a_doubt_stays_where_it_may_have_been_paid_for(self, two: Two) -> None:
        bench, fal, sandbox = two
        fal.posts = [lambda asked: asked.hang_up(), fal.accept]
        open_both(bench, on_doubt="resubmit")
        go_on(bench)
        bench.room.pause("fal", kind="auth", reason="no key")
        for _ in range(4):
            bench.clock.forward(600.0)
            go_on(bench)
        assert bench.state() is State.WAITING
        recovered(bench)
        bench.room.pause("fal", kind="auth", reason="no key")
        assert go_on(bench) == []
        assert sandbox.account.submissions() == ()
        bench.room.set_limits("fal", bench.context.limits("fal"))
        assert go_on(bench) == [("s/0001", "fal")]

    def test_a_job_that_was_accepted_is_followed_though_the_provider_is_paused(self, two: Two) -> None:
        bench, _, sandbox = two
        open_both(bench)
        go_on(bench)
        bench.room.pause("fal", kind="auth", reason="no key")
        for _ in range(5):
            bench.clock.forward(600.0)
            go_on(bench)
        assert bench.state() is State.RENDERING
        assert sandbox.account.submissions() == ()


class TestModeration:
    def test_a_refusal_stays_where_it_is_said(self, two: Two) -> None:
        bench, fal, sandbox = two
        fal.posts = [say(422, MODERATED)]
        open_both(bench)
        assert finish(bench) == [("s/0001", "fal")]
        assert bench.state() is State.FAILED
        assert sandbox.account.submissions() == ()

    def test_it_is_carried_where_the_manifest_says_so(self, two: Two) -> None:
        bench, fal, _ = two
        fal.posts = [say(422, MODERATED)]
        open_both(bench, moderation="carry", retry_moderated=1)
        assert finish(bench) == [("s/0001", "fal"), ("s/0001", "anyfast")]
        assert bench.state() is State.DONE


class TestTheRecord:
    def test_a_take_that_goes_on_elsewhere_does_so_after_redis_was_lost(self, two: Two) -> None:
        bench, fal, _ = two
        fal.posts = [say(422, REFUSED)]
        open_both(bench)
        bench.room.pause("anyfast", kind="auth", reason="no key")
        assert go_on(bench) == [("s/0001", "fal")]
        recovered(bench)
        assert record(bench).fields["refused"] == "fal"
        assert finish(bench) == [("s/0001", "anyfast")]
        assert fal.count("POST") == 1

    def test_an_intent_of_the_second_is_in_doubt_there(self, two: Two) -> None:
        bench, fal, sandbox = two
        fal.posts = [say(422, REFUSED)]
        open_both(bench, prompt="a dog [sandbox: drop]")
        go_on(bench)
        recovered(bench)
        assert (bench.state(), record(bench).attempt, record(bench).fields["lane"]) == (State.DOUBT, 2, "anyfast")
        for _ in range(5):
            bench.clock.forward(600.0)
            go_on(bench)
        assert len(sandbox.account.submissions()) == 1
        assert fal.count("POST") == 1

    def test_a_job_of_the_second_is_followed_there(self, two: Two) -> None:
        bench, fal, sandbox = two
        fal.posts = [say(422, REFUSED)]
        open_both(bench)
        go_on(bench)
        recovered(bench)
        assert (bench.state(), record(bench).fields["lane"]) == (State.RENDERING, "anyfast")
        finish(bench)
        assert bench.state() is State.DONE
        assert len(sandbox.account.submissions()) == 1

    def test_where_it_can_not_be_put_on_record_that_nothing_was_sent_the_take_stays(
        self, two: Two, make: Make, nobody: str
    ) -> None:
        _, _, sandbox = two
        bench = make(nobody, RUSHES_ANYFAST_URL=sandbox.url, ANYFAST_API_KEY="their-key")
        open_both(bench)
        bench.store.fail("1.ended.json", error=StoreError("the disk is on strike"))
        assert go_on(bench)[0] == ("s/0001", "fal")
        assert (record(bench).attempt, record(bench).fields["bound"]) == (1, "fal")
        assert sandbox.account.submissions() == ()
