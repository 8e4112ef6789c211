"""Takes that wait for another one which asks for the same, and are given what it brings."""

from __future__ import annotations

import pytest
from hand_time import Hall

from workers.engine.limits import Limits, Terms
from workers.engine.states import State, Step
from workers.engine.work import Work

TWIN = 7
"""A take that was withdrawn when the manifest was edited, and is followed to its end."""


def blocked(hall: Hall, twin: State = State.RENDERING) -> Work:
    """A batch of two takes, the first of which waits for its twin; a hand on the twin."""
    hall.open(total=2, limits=Limits(seats=1, queues=True))
    assert hall.room.adopt("b", TWIN, twin, {"attempt": 1, "job_id": "job-7"}, withdrawn=True)
    assert hall.room.adopt("b", 0, State.BLOCKED, {"attempt": 1, "blocked_on": TWIN})
    hall.room.tick()
    record = hall.room.take("b", TWIN)
    assert record is not None
    return Work(Step.POLL, "b", TWIN, record.fence, record.attempt)


def test_a_take_that_waits_for_its_twin_is_not_admitted(hall: Hall) -> None:
    blocked(hall)
    assert hall.states() == {State.BLOCKED: 1, State.RENDERING: 1, State.WAITING: 1}
    standing = hall.room.standing("b")
    assert standing is not None
    assert standing.open == 3
    hall.room.set_limits("fal", Limits(seats=9, queues=True))
    assert [work.index for work in hall.room.tick()] == [1]
    assert hall.room.tick() == []
    assert [record.index for record in hall.room.held("b", State.BLOCKED)] == [0]


def test_it_is_given_what_the_twin_brings(hall: Hall) -> None:
    poll = blocked(hall)
    hall.room.move(poll, State.RENDERING, State.COLLECTING)
    collect = hall.handed(Step.COLLECT)
    assert hall.room.move(collect, State.COLLECTING, State.DONE)
    hall.room.set_limits("fal", Limits(seats=9, queues=True))
    works = hall.room.tick()
    assert 0 in [work.index for work in works]
    record = hall.room.take("b", 0)
    assert record is not None
    assert record.fields["reuse"] == str(TWIN)
    assert "blocked_on" not in record.fields


@pytest.mark.parametrize("end", [State.FAILED, State.CANCELLED, State.WAITING])
def test_it_goes_on_by_itself_when_the_twin_brings_nothing(hall: Hall, end: State) -> None:
    poll = blocked(hall)
    assert hall.room.move(poll, State.RENDERING, end, fields={"attempt": 2})
    assert hall.states()[State.FAILED if end is State.FAILED else State.CANCELLED] == 1, "it isn't begun again"
    hall.room.set_limits("fal", Limits(seats=9, queues=True))
    assert sorted(work.index for work in hall.room.tick()) == [0, 1]
    record = hall.room.take("b", 0)
    assert record is not None
    assert "reuse" not in record.fields


@pytest.mark.parametrize("how", ["waived", "submitted again"])
def test_a_twin_in_doubt_is_waited_for_until_it_is_settled(hall: Hall, how: str) -> None:
    settle = blocked(hall, State.DOUBT)
    hall.room.move(settle, State.DOUBT, State.DOUBT)
    assert hall.states()[State.BLOCKED] == 1
    if how == "waived":
        hall.room.withdraw("b", TWIN, State.WAIVED)
    else:
        hall.room.move(settle, State.DOUBT, State.WAITING, fields={"attempt": 2})
    hall.room.set_limits("fal", Limits(seats=9, queues=True))
    admitted = {work.index for work in hall.room.tick()} | {
        index for index in (0, 1) if hall.state(index) is State.ADMITTED
    }
    assert admitted == {0, 1}
    assert hall.states()[State.WAIVED if how == "waived" else State.CANCELLED] == 1


def test_a_twin_whose_receipt_turns_up_releases_it(hall: Hall) -> None:
    blocked(hall, State.DOUBT)
    hall.room.mark_done("b", [TWIN])
    record = hall.room.take("b", 0)
    assert record is not None
    assert (record.state, record.fields["reuse"]) == (State.WAITING, str(TWIN))


@pytest.mark.parametrize("end", [State.DONE, State.FAILED])
def test_a_twin_that_ended_before_it_was_waited_for_is_not(hall: Hall, end: State) -> None:
    """Between being seen alive and this, it may come to its end, and nobody would release the take any more."""
    hall.open(total=2)
    if end is State.DONE:
        hall.room.mark_done("b", [TWIN])
    else:
        hall.room.adopt("b", TWIN, State.FAILED, {"attempt": 1}, withdrawn=True)
    assert hall.room.adopt("b", 0, State.BLOCKED, {"attempt": 1, "blocked_on": TWIN})
    record = hall.room.take("b", 0)
    assert record is not None
    assert record.state is State.WAITING
    assert record.fields.get("reuse") == (str(TWIN) if end is State.DONE else None)
    assert sorted(work.index for work in hall.room.tick()) == [0, 1]


@pytest.mark.parametrize("to", [State.CANCELLED, State.WAIVED])
def test_it_can_be_given_up_and_is_then_released_by_nobody(hall: Hall, to: State) -> None:
    poll = blocked(hall)
    assert hall.room.withdraw("b", 0, to) == to  # type: ignore[arg-type]
    hall.room.move(poll, State.RENDERING, State.FAILED)
    assert hall.state(0) is to


@pytest.mark.parametrize("end", [s for s in State if s not in (State.WAITING, State.CANCELLED, State.WAIVED)])
def test_nothing_else_becomes_of_it(hall: Hall, end: State) -> None:
    blocked(hall)
    record = hall.room.take("b", 0)
    assert record is not None
    hand = Work(Step.SUBMIT, "b", 0, record.fence, 1)
    before = hall.keys()
    with pytest.raises(Exception, match=f"blocked -> {end}"):
        hall.room.move(hand, State.BLOCKED, end)
    assert hall.keys() == before


def test_to_be_given_it_costs_nothing_of_the_budget(hall: Hall) -> None:
    terms = Terms(currency="USD", budget=10, budget_stop=10, budget_cancel=10)
    hall.open(total=1, terms=terms)
    hall.room.mark_done("b", [TWIN])
    hall.room.adopt("b", 0, State.BLOCKED, {"attempt": 1, "blocked_on": TWIN})
    assert [work.step for work in hall.room.tick()] == [Step.SUBMIT], "no price is asked for"
    standing = hall.room.standing("b")
    assert standing is not None
    assert (standing.money.spent, standing.money.reserved) == (0, 0)


@pytest.mark.parametrize("given_up", [State.CANCELLED, State.WAIVED])
def test_what_was_given_up_and_is_wanted_again_waits_for_its_twin_once_more(hall: Hall, given_up: State) -> None:
    poll = blocked(hall)
    hall.room.begin("b")
    assert hall.room.withdraw("b", 0, given_up) == given_up  # type: ignore[arg-type]
    record = hall.room.take("b", 0)
    assert record is not None
    hand = Work(Step.SUBMIT, "b", 0, record.fence, 1)
    assert hall.room.move(
        hand, given_up, State.BLOCKED, fields={"attempt": 2, "blocked_on": record.fields["blocked_on"]}
    )
    assert hall.state(0) is State.BLOCKED
    hall.room.move(poll, State.RENDERING, State.COLLECTING)
    assert hall.room.move(hall.handed(Step.COLLECT), State.COLLECTING, State.DONE)
    record = hall.room.take("b", 0)
    assert record is not None
    assert (record.state, record.fields["reuse"], record.attempt) == (State.WAITING, str(TWIN), 2)


def test_what_is_wanted_again_after_its_twin_is_done_is_given_its_files(hall: Hall) -> None:
    poll = blocked(hall)
    hall.room.begin("b")
    hall.room.withdraw("b", 0, State.CANCELLED)
    hall.room.move(poll, State.RENDERING, State.COLLECTING)
    assert hall.room.move(hall.handed(Step.COLLECT), State.COLLECTING, State.DONE)
    record = hall.room.take("b", 0)
    assert record is not None
    hand = Work(Step.SUBMIT, "b", 0, record.fence, 1)
    assert hall.room.move(hand, State.CANCELLED, State.BLOCKED, fields={"blocked_on": TWIN})
    record = hall.room.take("b", 0)
    assert record is not None
    assert (record.state, record.fields["reuse"]) == (State.WAITING, str(TWIN))
