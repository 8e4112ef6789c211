"""When Redis goes back, fences come again: two hands may have the same one, and only one of them submits."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_fal import ScriptedFal
from taken_up import edited, go_back, opened, restarted, shot, snapshot
from workbench import Bench

from workers import providers
from workers.engine.states import State, Step
from workers.engine.work import Work
from workers.opening import reopen_batch
from workers.providers.fal import Fal
from workers.providers.protocol import Request
from workers.steps import submit

ONE = edited(shot())


def held_against_the_store(bench: Bench) -> None:
    assert reopen_batch(bench.context, "b", unless_trusted=True) is not None


def test_a_hand_of_before_neither_sends_nor_takes_back_what_another_is_sending(bench: Bench, fal: ScriptedFal) -> None:
    opened(bench, ONE)
    before = snapshot(bench)
    first = bench.due(Step.SUBMIT)
    others: list[Work] = []

    def gone_back(key: str) -> None:
        # The first hand is about to write its intent, of which nobody can know therefore.
        if key.endswith(".intent.json"):
            bench.store.before = lambda key: None
            go_back(bench, before)
            held_against_the_store(bench)
            others.append(bench.due(Step.SUBMIT))
            assert bench.room.move(others[0], State.ADMITTED, State.SUBMITTING, delay=500.0, fields={"hand": "another"})

    bench.store.before = gone_back
    submit(bench.context, first)
    assert (others[0].fence, others[0].attempt) == (first.fence, first.attempt)
    assert fal.count("POST") == 0
    assert bench.state() is State.SUBMITTING, "the other hand has it"
    bench.clock.forward(60)
    assert bench.all_due(Step.SUBMIT) == []
    assert bench.room.may_send(others[0], lease=100.0, hand="another")


def test_a_hand_that_knows_the_take_by_another_redis_does_not_begin(
    bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Fal):
        def submission(self, *args: Any) -> Request:
            # Between what the hand read of the take and its beginning.
            monkeypatch.setitem(providers._ADAPTERS, "fal", Fal())
            restarted(bench)
            held_against_the_store(bench)
            return super().submission(*args)

    monkeypatch.setitem(providers._ADAPTERS, "fal", Interrupted())
    opened(bench, ONE)
    bench.submit()
    assert fal.count("POST") == 0
    assert bench.state() is State.ADMITTED
    bench.clock.forward(60)
    bench.submit()
    assert fal.count("POST") == 1
    assert bench.state() is State.RENDERING


@pytest.mark.parametrize("at", [State.ADMITTED, State.WAITING])
def test_an_intent_of_a_hand_that_redis_knows_nothing_of_is_a_doubt(bench: Bench, fal: ScriptedFal, at: State) -> None:
    """Redis has gone back to where the take was about to be submitted, or had come back unsent from another hand."""
    opened(bench, ONE)
    work = bench.due(Step.SUBMIT)
    if at is State.WAITING:
        assert bench.room.move(work, State.ADMITTED, State.WAITING)
    before = snapshot(bench)
    fal.posts = [lambda asked: asked.hang_up()]
    if at is State.WAITING:
        work = bench.due(Step.SUBMIT)
    submit(bench.context, work)
    assert fal.count("POST") == 1
    go_back(bench, before)
    assert bench.state() is at
    held_against_the_store(bench)
    assert bench.state() is State.DOUBT
    bench.settle()
    bench.clock.forward(1e6)
    assert bench.room.tick() == []
    assert fal.count("POST") == 1
