"""A Redis that was started anew may have less in it than before: nothing is sent until the store has been read."""

from __future__ import annotations

import pytest
from hand_time import LEASES, QUEUES, Hall

from workers.engine.limits import Limits
from workers.engine.room import WaitingRoom
from workers.engine.states import State, Step


def recoveries(hall: Hall) -> list[str]:
    works = hall.room.tick()
    assert {work.step for work in works} <= {Step.RECOVER}
    return [work.batch for work in works]


def test_a_batch_is_trusted_until_redis_is_started_anew(hall: Hall) -> None:
    hall.open(total=1)
    assert hall.room.trusts("b")
    hall.server = "the second"
    assert not hall.room.trusts("b")
    assert not hall.room.trusts("nowhere")


def test_nothing_is_admitted_before_it_was_held_against_the_store(hall: Hall) -> None:
    hall.open("one", total=2)
    hall.open("two", total=2)
    hall.server = "the second"
    assert sorted(recoveries(hall)) == ["one", "two"]
    standing = hall.room.standing("one")
    assert standing is not None
    assert standing.recovering
    hall.room.begin("one")
    assert [(work.step, work.batch) for work in hall.room.tick()] == [(Step.SUBMIT, "one")] * 2
    assert hall.room.trusts("one")
    after = hall.room.standing("one")
    assert after is not None
    assert not after.recovering


def test_the_store_is_read_by_one_at_a_time_and_again_when_that_one_falls_silent(hall: Hall) -> None:
    hall.open(total=1)
    hall.server = "the second"
    assert recoveries(hall) == ["b"]
    hall.time.forward(LEASES.recover - 0.001)
    assert recoveries(hall) == []
    hall.time.forward(0.001)
    assert recoveries(hall) == ["b"]


def test_a_submission_that_is_about_to_go_out_does_not(hall: Hall) -> None:
    """What it goes by may have been done before Redis went back."""
    hall.open(total=1)
    work = hall.admitted()
    hall.server = "the second"
    assert not hall.room.move(work, State.ADMITTED, State.SUBMITTING)
    assert hall.states() == {State.ADMITTED: 1}
    hall.room.begin("b")
    assert hall.room.move(work, State.ADMITTED, State.SUBMITTING)


def test_one_that_was_admitted_is_not_handed_out_again(hall: Hall) -> None:
    hall.open(total=1)
    hall.admitted()
    hall.server = "the second"
    hall.time.forward(LEASES.admitted)
    assert recoveries(hall) == ["b"]
    hall.room.begin("b")
    hall.time.forward(LEASES.admitted)
    assert [(work.step, work.index) for work in hall.room.tick()] == [(Step.SUBMIT, 0)]


@pytest.mark.parametrize(
    ("state", "step"), [(State.RENDERING, Step.POLL), (State.COLLECTING, Step.COLLECT), (State.DOUBT, Step.SETTLE)]
)
def test_what_is_paid_for_is_followed_all_the_same(hall: Hall, state: State, step: Step) -> None:
    hall.open(total=2, limits=Limits(seats=1, queues=True), begin=False)
    hall.room.adopt("b", 0, state, {"attempt": 1, "job_id": "job-1"})
    hall.room.begin("b")
    hall.server = "the second"
    assert step in [work.step for work in hall.room.tick()]


def test_a_silent_submission_is_in_doubt_and_no_job_is_refused(hall: Hall) -> None:
    hall.open(total=2)
    first, second = hall.room.tick()
    for work in (first, second):
        hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=100.0)
    hall.server = "the second"
    assert hall.accept(first, "job-1") == "rendering"
    hall.time.forward(100)
    hall.room.tick()
    assert hall.states() == {State.RENDERING: 1, State.DOUBT: 1}


def test_a_batch_with_nothing_left_to_lose_is_not_read(hall: Hall) -> None:
    """There may be many of them, and each would be a listing of the store at every restart."""
    hall.open(total=1)
    hall.room.mark_done("b", [0])
    assert hall.room.tick() == []
    hall.server = "the second"
    assert recoveries(hall) == []


def test_a_batch_that_has_not_begun_is_somebody_elses_affair(hall: Hall) -> None:
    hall.open(total=1, begin=False)
    hall.server = "the second"
    assert recoveries(hall) == []


def test_the_run_id_is_redis_own_where_nobody_tells_another(hall: Hall) -> None:
    room = WaitingRoom(hall.client, hall.namespace)
    room.open("b", digest="d", live=1, provider="fal", manifest=b"{}", spans="[[0,1,0,null]]")
    room.set_limits("fal", QUEUES)
    room.begin("b")
    assert room.trusts("b")
    kept = hall.client.hget(f"{hall.namespace}:batch:b", "server")
    assert kept.decode() == hall.client.info("server")["run_id"]
    assert [work.step for work in room.tick()] == [Step.SUBMIT]
