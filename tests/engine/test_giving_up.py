"""Takes that a person gives up: cancelled before they could be paid for, waived after."""

from __future__ import annotations

from typing import Literal

import pytest
from hand_time import Hall

from workers.engine.limits import Limits
from workers.engine.states import State, Step
from workers.engine.work import Work
from workers.errors import RedisError

GivenUp = Literal[State.CANCELLED, State.WAIVED]

CANCELLED_FROM = {
    State.WAITING: "cancelled",
    State.ADMITTED: "cancelled",
    State.SUBMITTING: "asked",
    State.RENDERING: "asked",
    State.COLLECTING: "collecting",
    State.DOUBT: "doubt",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
    State.WAIVED: "waived",
}
WAIVED_FROM = {
    State.WAITING: "waived",
    State.ADMITTED: "admitted",
    State.SUBMITTING: "submitting",
    State.RENDERING: "rendering",
    State.COLLECTING: "collecting",
    State.DOUBT: "waived",
    State.FAILED: "waived",
    State.CANCELLED: "waived",
    State.WAIVED: "waived",
}


def outcomes(to: State, table: dict[State, str]) -> list[tuple[State, State, str]]:
    return [(to, start, answer) for start, answer in table.items()]


@pytest.mark.parametrize(
    ("to", "start", "answer"), outcomes(State.CANCELLED, CANCELLED_FROM) + outcomes(State.WAIVED, WAIVED_FROM)
)
def test_what_may_be_given_up_is_and_what_may_be_paid_for_goes_on(
    hall: Hall, to: GivenUp, start: State, answer: str
) -> None:
    hall.open(total=1)
    work = hall.reached(start)
    assert hall.room.withdraw("b", 0, to, {"waits_for": "a person said so"}) == answer
    end = State(answer) if answer != "asked" else start
    assert hall.states() == {end: 1}
    if answer == to != start:
        record = hall.room.take("b", 0)
        assert record is not None
        assert record.fence > work.fence, "whoever had it in hand has it no more"
        assert record.fields["waits_for"] == "a person said so"
        assert hall.due() == {}
        assert hall.seats() == set()
        hall.time.forward(1e6)
        assert hall.room.tick() == []


@pytest.mark.parametrize("to", [State.CANCELLED, State.WAIVED])
def test_one_that_was_never_admitted_never_is(hall: Hall, to: GivenUp) -> None:
    hall.open(total=3)
    assert hall.room.withdraw("b", 1, to) == to
    assert hall.states() == {State.WAITING: 2, to: 1}
    assert [work.index for work in hall.room.tick()] == [0, 2]
    assert [record.index for record in hall.room.held("b", to)] == [1]


@pytest.mark.parametrize("to", [State.CANCELLED, State.WAIVED])
def test_one_that_is_done_stays_done(hall: Hall, to: GivenUp) -> None:
    hall.open(total=1)
    hall.room.mark_done("b", [0])
    assert hall.room.withdraw("b", 0, to) == "done"
    assert hall.states() == {State.DONE: 1}
    assert hall.room.take("b", 0) is None


@pytest.mark.parametrize("to", [State.CANCELLED, State.WAIVED])
def test_a_redis_that_may_have_gone_back_is_no_ground_to_give_anything_up(hall: Hall, to: GivenUp) -> None:
    """It may have been accepted since, and the decision on record would hide the job."""
    hall.open(total=2)
    hall.server = "the second"
    before = hall.keys()
    with pytest.raises(RedisError, match="held against the store"):
        hall.room.withdraw("b", 0, to)
    assert hall.keys() == before
    hall.server = "the first"
    assert hall.room.withdraw("b", 0, to) == to


@pytest.mark.parametrize("to", [State.CANCELLED, State.WAIVED])
def test_it_can_be_taken_back(hall: Hall, to: GivenUp) -> None:
    hall.open(total=1)
    hall.room.withdraw("b", 0, to)
    record = hall.room.take("b", 0)
    assert record is not None
    hand = Work(Step.SUBMIT, "b", 0, record.fence, record.attempt)
    assert hall.room.move(hand, to, State.WAITING)
    assert [work.index for work in hall.room.tick()] == [0]


def test_a_job_that_is_to_end_is_asked_about_at_once_by_a_new_hand(hall: Hall) -> None:
    hall.open(total=1)
    work = hall.submitting()
    hall.accept(work, "job-1")
    poll = hall.handed(Step.POLL)
    hall.room.move(poll, State.RENDERING, State.RENDERING, delay=500.0)
    assert hall.room.withdraw("b", 0, State.CANCELLED) == "asked"
    again = hall.handed(Step.POLL)
    assert not hall.room.move(poll, State.RENDERING, State.WAITING)
    record = hall.room.take("b", 0)
    assert record is not None
    assert record.fields["cancelling"] == "wanted"
    assert hall.seats() == {"b:0"}, "until the provider has said that it is over"
    assert hall.room.move(again, State.RENDERING, State.COLLECTING), "it was finished before: it is kept"


def test_asking_twice_does_not_ask_the_provider_anew(hall: Hall) -> None:
    hall.open(total=1)
    poll = hall.rendering()
    hall.room.move(poll, State.RENDERING, State.RENDERING, fields={"cancelling": "asked"})
    assert hall.room.withdraw("b", 0, State.CANCELLED) == "asked"
    record = hall.room.take("b", 0)
    assert record is not None
    assert record.fields["cancelling"] == "asked"


@pytest.mark.parametrize("state", [State.SUBMITTING, State.RENDERING])
def test_what_ends_at_no_cost_when_nobody_wants_it_any_more_does_not_wait_again(hall: Hall, state: State) -> None:
    hall.open(total=1)
    work = hall.reached(state)
    hall.room.withdraw("b", 0, State.CANCELLED)
    if state is State.RENDERING:
        work = hall.handed(Step.POLL)
    assert hall.room.move(work, state, State.WAITING, fields={"attempt": 2})
    assert hall.states() == {State.CANCELLED: 1}
    record = hall.room.take("b", 0)
    assert record is not None
    assert "cancelling" not in record.fields, "taken back, it is rendered like any other"
    hall.time.forward(1e6)
    assert hall.room.tick() == []


def test_a_submission_that_is_accepted_after_all_is_cancelled_there(hall: Hall) -> None:
    hall.open(total=1)
    work = hall.submitting()
    hall.room.withdraw("b", 0, State.CANCELLED)
    assert hall.accept(work, "job-1") == "rendering"
    record = hall.room.take("b", 0)
    assert record is not None
    assert record.fields["cancelling"] == "wanted"


def test_what_may_have_been_accepted_is_not_cancelled_while_it_waits_to_be_sent_again(hall: Hall) -> None:
    hall.open(total=1, limits=Limits(seats=1, again_seconds=300.0))
    hall.submitting(lease=1.0)
    hall.time.forward(1)
    hall.room.pause("fal", kind="auth", reason="why")
    hall.room.tick()
    assert hall.states() == {State.WAITING: 1}
    assert hall.room.withdraw("b", 0, State.CANCELLED) == "waiting"
    assert hall.room.withdraw("b", 0, State.WAIVED) == "waived"
