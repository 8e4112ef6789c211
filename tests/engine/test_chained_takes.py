"""Takes that take up files of others: they wait for these at no cost, and start when these are done."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import redis
from hand_time import Hall

from workers.engine.limits import Limits
from workers.engine.states import State, Step
from workers.engine.work import Work

# Takes 0 to 2 are rendered from text; 3 to 5 each take up one of them, 6 takes up 3 and 4.
PARENTS: Mapping[int, list[int]] = {3: [0], 4: [1], 5: [2], 6: [3, 4]}


def opened(hall: Hall, *, seats: int = 9, spans: str = "[[0,7,0,null]]", total: int = 7) -> None:
    hall.room.open("b", digest="d", live=total, provider="fal", manifest=b"{}", spans=spans, chains="[[3,6],[6,7]]")
    hall.room.set_limits("fal", Limits(seats=seats, queues=True))
    hall.room.begin("b")


KEPT: dict[str, list[Work]] = {}
"""What was handed out and not taken yet, by namespace."""


def ticked(hall: Hall) -> list[Work]:
    """What is handed out and not taken yet, once the hall has been told what it asked for."""
    kept = KEPT.setdefault(hall.namespace, [])
    for _ in range(10):
        works = hall.room.tick()
        kept += [work for work in works if work.step is not Step.PARENTS]
        asked = [work.index for work in works if work.step is Step.PARENTS]
        if not asked:
            return kept
        hall.room.parents("b", {index: PARENTS[index] for index in asked})
    raise AssertionError("it asks without end")


def taken(hall: Hall, step: Step) -> dict[int, Work]:
    kept = ticked(hall)
    found = {work.index: work for work in kept if work.step is step}
    kept[:] = [work for work in kept if work.step is not step]
    return found


def admitted(hall: Hall) -> dict[int, Work]:
    return taken(hall, Step.SUBMIT)


def finish(hall: Hall, work: Work, end: State = State.DONE) -> None:
    assert hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=100)
    if end is State.FAILED:
        assert hall.room.move(work, State.SUBMITTING, State.FAILED)
        return
    hall.accept(work, f"job-{work.index}-{work.attempt}")
    assert hall.room.move(taken(hall, Step.POLL)[work.index], State.RENDERING, State.COLLECTING)
    assert hall.room.move(taken(hall, Step.COLLECT)[work.index], State.COLLECTING, State.DONE)


def test_a_take_waits_for_its_parent_and_starts_when_that_is_done(hall: Hall) -> None:
    opened(hall)
    first = admitted(hall)
    assert sorted(first) == [0, 1, 2]
    assert hall.states() == {State.ADMITTED: 3, State.BLOCKED: 4}
    finish(hall, first[1])
    assert hall.state(4) is State.WAITING
    assert sorted(admitted(hall)) == [4]


def test_one_with_two_parents_waits_for_both(hall: Hall) -> None:
    opened(hall)
    first = admitted(hall)
    finish(hall, first[0])
    second = admitted(hall)
    finish(hall, second[3])
    assert admitted(hall) == {}
    assert hall.state(6) is State.BLOCKED, "the other one isn't done"
    finish(hall, first[1])
    finish(hall, admitted(hall)[4])
    assert sorted(admitted(hall)) == [6]


def test_what_a_failed_parent_holds_is_freed_when_it_is_tried_again(hall: Hall) -> None:
    opened(hall)
    first = admitted(hall)
    finish(hall, first[0], State.FAILED)
    assert admitted(hall) == {}
    record = hall.room.take("b", 3)
    assert record is not None
    assert (record.state, record.fields["blocked_on"]) == (State.BLOCKED, "0")
    failed = hall.room.take("b", 0)
    assert failed is not None
    again = Work(Step.SUBMIT, "b", 0, failed.fence, 1)
    assert hall.room.move(again, State.FAILED, State.WAITING, fields={"attempt": 2})
    finish(hall, admitted(hall)[0])
    assert sorted(admitted(hall)) == [3]


@pytest.mark.parametrize("to", [State.CANCELLED, State.WAIVED])
def test_what_is_given_up_holds_its_children_until_it_is_taken_back(hall: Hall, to: State) -> None:
    opened(hall, seats=1)
    only = admitted(hall)
    assert sorted(only) == [0]
    assert hall.room.withdraw("b", 1, to) == to  # type: ignore[arg-type]
    finish(hall, only[0])
    order = []
    while handed := admitted(hall):
        for work in handed.values():
            order.append(work.index)
            finish(hall, work)
    assert sorted(order) == [2, 3, 5]
    assert hall.states() == {State.DONE: 4, to: 1, State.BLOCKED: 2}


def test_a_blocked_take_can_be_given_up_and_is_freed_by_nobody(hall: Hall) -> None:
    opened(hall)
    first = admitted(hall)
    assert hall.room.withdraw("b", 3, State.CANCELLED) == State.CANCELLED
    finish(hall, first[0])
    assert hall.state(3) is State.CANCELLED
    assert admitted(hall) == {}


def test_what_is_taken_back_before_its_parent_is_done_is_blocked_again(hall: Hall) -> None:
    opened(hall)
    admitted(hall)
    hall.room.withdraw("b", 3, State.CANCELLED)
    record = hall.room.take("b", 3)
    assert record is not None
    assert hall.room.move(Work(Step.SUBMIT, "b", 3, record.fence, 1), State.CANCELLED, State.WAITING)
    assert admitted(hall) == {}
    assert hall.state(3) is State.BLOCKED


def test_a_receipt_that_turns_up_frees_what_waited_for_it(hall: Hall) -> None:
    opened(hall)
    admitted(hall)
    hall.room.mark_done("b", [2], gone_back=True)
    assert sorted(admitted(hall)) == [5]


def test_children_that_come_first_wait_without_harm(hall: Hall) -> None:
    opened(hall, spans="[[3,7,5,null],[0,3,0,null]]", seats=2)
    order: list[int] = []
    while handed := admitted(hall):
        for work in handed.values():
            order.append(work.index)
            finish(hall, work)
    assert sorted(order) == list(range(7))


def test_what_waits_for_the_paused_says_so(hall: Hall) -> None:
    opened(hall, spans='[[0,3,0,"paused"],[3,7,0,null]]')
    assert admitted(hall) == {}
    standing = hall.room.standing("b")
    assert standing is not None
    assert standing.stopped is not None and standing.stopped.kind == "paused"


def test_a_late_answer_finds_a_take_that_redis_believes_to_be_blocked(hall: Hall) -> None:
    """Redis has gone back to before the parent was done; the take was submitted since."""
    opened(hall)
    admitted(hall)
    assert hall.accept(Work(Step.SUBMIT, "b", 3, 0, 1), "job-3") == "rendering"
    assert hall.state(3) is State.RENDERING
    assert hall.set_of("blocked") == {"4", "5", "6"}


def test_a_million_waiting_takes_cost_nothing(hall: Hall, redis_client: redis.Redis) -> None:
    hall.room.open(
        "b", digest="d", live=1_000_000, provider="fal", manifest=b"{}", chains="[[500000,1000000]]",
        spans="[[500000,1000000,5,null],[0,500000,0,null]]",
    )  # fmt: skip
    hall.room.set_limits("fal", Limits(seats=5, queues=True))
    hall.room.begin("b")
    for _ in range(40):
        for work in hall.room.tick():
            if work.step is Step.PARENTS:
                hall.room.parents("b", {at: [at - 500_000] for at in range(work.index, work.index + 2000)})
    assert len(hall.set_of("blocked")) <= 10_000
    assert hall.states()[State.ADMITTED] == 5
