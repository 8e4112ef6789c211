"""Jobs that came besides their take's own: paid for like any other, and followed to their end."""

from __future__ import annotations

import pytest
from hand_time import Hall

from workers.engine.limits import Limits, Terms
from workers.engine.standing import Standing
from workers.engine.states import ORPHANS, State, Step
from workers.engine.work import Work


def standing(hall: Hall) -> Standing:
    found = hall.room.standing("b")
    assert found is not None
    return found


def besides(hall: Hall, *, lists: bool = False) -> Work:
    """A hand on a job that was named when its take was done already."""
    hall.open(total=2, limits=Limits(seats=9, queues=True, lists=lists))
    hall.room.mark_done("b", [0, 1])
    assert hall.accept(Work(Step.SUBMIT, "b", 0, 1, 3), "late") == "orphan"
    return hall.handed(Step.POLL)


def test_it_has_a_record_of_its_own(hall: Hall) -> None:
    poll = besides(hall)
    assert poll.index == ORPHANS + 1
    record = hall.room.take("b", poll.index)
    assert record is not None
    assert (record.orphan_of, record.attempt, record.state) == (0, 3, State.RENDERING)
    assert record.job == {"id": "late", "urls": {}}
    assert hall.seats() == {f"b:{poll.index}"}, "the provider is rendering it for us"
    assert hall.room.alive("b") == [poll.index]


def test_it_is_counted_besides_the_takes(hall: Hall) -> None:
    besides(hall)
    assert hall.states() == {State.DONE: 2}
    assert (standing(hall).orphans, standing(hall).orphans_alive, standing(hall).open) == (1, 1, 1)


@pytest.mark.parametrize("answer", ["orphan", "over"])
def test_told_again_it_is_not_followed_twice(hall: Hall, answer: str) -> None:
    poll = besides(hall)
    if answer == "over":
        hall.room.move(poll, State.RENDERING, State.FAILED)
    before = hall.keys()
    assert hall.accept(Work(Step.SUBMIT, "b", 0, 1, 3), "late") == answer
    assert hall.keys() == before


def test_each_has_an_index_of_its_own(hall: Hall) -> None:
    first = besides(hall)
    hall.accept(Work(Step.SUBMIT, "b", 1, 1, 1), "later")
    second = hall.handed(Step.POLL)
    assert (first.index, second.index) == (ORPHANS + 1, ORPHANS + 2)
    assert hall.room.orphans("b") == {"late": str(first.index), "later": str(second.index)}


def test_it_is_followed_until_it_is_stored(hall: Hall) -> None:
    poll = besides(hall)
    assert hall.room.move(poll, State.RENDERING, State.RENDERING, delay=5.0)
    hall.time.forward(5)
    poll = hall.handed(Step.POLL)
    assert hall.room.move(poll, State.RENDERING, State.COLLECTING)
    assert standing(hall).orphans_alive == 1
    collect = hall.handed(Step.COLLECT)
    assert hall.room.move(collect, State.COLLECTING, State.DONE, counters={"objects": 3})

    assert hall.room.orphans("b") == {"late": "done"}
    assert hall.states() == {State.DONE: 2}
    assert (standing(hall).orphans, standing(hall).orphans_alive, standing(hall).open) == (1, 0, 0)
    assert standing(hall).objects == 3
    assert hall.seats() == set()
    assert hall.due() == {}
    assert hall.room.take("b", poll.index) is None
    hall.time.forward(1e6)
    assert hall.room.tick() == []


def test_a_second_hand_that_has_stored_it_is_told_that_it_is_done(hall: Hall) -> None:
    hall.room.move(besides(hall), State.RENDERING, State.COLLECTING)
    collect = hall.handed(Step.COLLECT)
    assert hall.room.move(collect, State.COLLECTING, State.DONE)
    assert hall.room.move(collect, State.COLLECTING, State.DONE), "it is, whoever did it"
    assert (standing(hall).orphans, standing(hall).orphans_alive) == (1, 0)


@pytest.mark.parametrize("end", [State.FAILED, State.CANCELLED])
def test_without_a_video_it_is_over_and_no_failure_of_a_take(hall: Hall, end: State) -> None:
    poll = besides(hall)
    assert hall.room.move(poll, State.RENDERING, end)
    assert hall.room.orphans("b") == {"late": end}
    assert hall.states() == {State.DONE: 2}
    assert hall.members(end) == set()
    assert (standing(hall).orphans, standing(hall).orphans_alive) == (1, 0)


def test_it_never_waits_to_be_rendered_again(hall: Hall) -> None:
    poll = besides(hall)
    assert hall.room.move(poll, State.RENDERING, State.WAITING)
    assert hall.room.orphans("b") == {"late": "cancelled"}
    hall.time.forward(1e6)
    assert hall.room.tick() == []


def test_it_ends_with_its_batch(hall: Hall) -> None:
    poll = besides(hall)
    assert hall.room.hold("b", "cancelled") == 1
    record = hall.room.take("b", poll.index)
    assert record is not None
    assert record.fields["cancelling"] == "wanted"


def test_where_jobs_are_listed_it_is_nobody_elses(hall: Hall) -> None:
    besides(hall, lists=True)
    assert hall.room.known_jobs("fal", ["late", "another"]) == {"late"}


def test_what_it_cost_counts(hall: Hall) -> None:
    hall.open(total=1, terms=Terms(currency="USD", budget=100, budget_stop=100, budget_cancel=100))
    hall.room.mark_done("b", [0])
    hall.accept(Work(Step.SUBMIT, "b", 0, 1, 1), "late")
    hall.room.move(hall.handed(Step.POLL), State.RENDERING, State.COLLECTING)
    hall.room.move(hall.handed(Step.COLLECT), State.COLLECTING, State.DONE, spend=(21, None))
    assert standing(hall).money.spent == 21


def test_a_batch_that_grows_keeps_it(hall: Hall) -> None:
    poll = besides(hall)
    answer = hall.room.open("b", digest="another", live=5, provider="fal", manifest=b"{}", spans="[[0,5,0,null]]")
    assert answer == "grown"
    assert standing(hall).orphans_alive == 1
    assert sum(standing(hall).states.values()) == standing(hall).total == 5
    assert hall.room.move(poll, State.RENDERING, State.COLLECTING)


@pytest.mark.parametrize("known", ["alive", "collecting", "over"])
def test_one_that_turns_out_to_be_its_takes_own_is_followed_as_that(hall: Hall, known: str) -> None:
    """It was named while Redis had gone back to before its attempt, which is open again by now."""
    hall.open(total=1, limits=Limits(seats=1, queues=False))
    work = hall.submitting()
    hall.room.move(work, State.SUBMITTING, State.WAITING, fields={"attempt": 2}, delay=1e6)
    assert hall.accept(work, "job-1") == "orphan"
    poll = hall.handed(Step.POLL)
    if known != "alive":
        hall.room.move(poll, State.RENDERING, State.FAILED if known == "over" else State.COLLECTING)
    assert hall.room.adopt("b", 0, State.DOUBT, {"attempt": 1}, older=True)

    assert hall.accept(work, "job-1") == "rendering"

    assert hall.states() == {State.RENDERING: 1}
    assert hall.room.orphans("b") == {}
    assert (standing(hall).orphans, standing(hall).orphans_alive) == (0, 0)
    assert (hall.room.alive("b"), hall.seats(), hall.due()) == ([0], {"b:0"}, {"b:0": 0.0})
    assert hall.room.take("b", poll.index) is None
    assert not hall.room.move(poll, State.RENDERING, State.COLLECTING), "nobody goes on with it besides"
    late = Work(Step.SUBMIT, "b", 0, 1, 9)
    assert hall.accept(late, "another") == "orphan"
    assert hall.room.orphans("b") == {"another": str(poll.index + 1)}, "no index is used twice"
