"""Who writes the acceptance of a job to the store: one hand, and another only when that one can't be at it any more."""

from __future__ import annotations

import pytest
from scripted_fal import ScriptedFal
from workbench import Bench

from workers.engine.states import State, Step
from workers.steps import poll
from workers.steps.answer import FILING_SECONDS

ACCEPTED = "b/.rushes/attempts/s/0001/1.accepted.json"


class _Killed(BaseException):
    """The hand is gone, as with kill -9."""


def test_a_poll_leaves_it_to_the_hand_that_is_still_writing_it(bench: Bench, fal: ScriptedFal) -> None:
    asked: list[State] = []

    def slow(key: str) -> None:
        # The store is slow, and the first poll is due while the submitting hand waits for it.
        if key == ACCEPTED and not asked:
            asked.append(bench.state())
            bench.clock.forward(60)
            poll(bench.context, bench.all_due(Step.POLL))
            asked.append(bench.state())

    bench.store.before = slow
    bench.open()
    bench.submit()
    assert asked == [State.RENDERING] * 2
    assert bench.store.puts.count(ACCEPTED) == 1
    assert fal.count("GET") == 0, "nothing is asked before it is on record"
    bench.poll()
    assert fal.count("GET") == 1
    assert bench.store.puts.count(ACCEPTED) == 1


def test_a_hand_that_died_over_it_is_not_waited_for_for_ever(bench: Bench, fal: ScriptedFal) -> None:
    def killed(key: str) -> None:
        if key == ACCEPTED:
            bench.store.before = lambda key: None
            raise _Killed

    bench.store.before = killed
    bench.open()
    with pytest.raises(_Killed):
        bench.submit()
    bench.poll()
    assert ACCEPTED not in bench.store.puts
    bench.poll(after=FILING_SECONDS)
    assert bench.store.puts.count(ACCEPTED) == 1
    assert fal.count("GET") == 1


def test_one_that_the_store_refused_is_written_by_the_first_poll(bench: Bench, fal: ScriptedFal) -> None:
    bench.store.fail(".accepted.json")
    bench.open()
    bench.submit()
    bench.store.mend()
    bench.poll()
    assert bench.store.puts.count(ACCEPTED) == 1
    assert fal.count("GET") == 1
