"""What holds a batch back, or parts of it, and in which order its takes come up."""

from __future__ import annotations

from collections import Counter

import pytest
from hand_time import Hall

from workers.engine.limits import Limits, Terms
from workers.engine.standing import Standing
from workers.engine.states import State, Step
from workers.engine.work import Work

ONE_SEAT = Limits(seats=1, queues=True)


def standing(hall: Hall, batch: str = "b") -> Standing:
    found = hall.room.standing(batch)
    assert found is not None
    return found


def stopped(hall: Hall, batch: str = "b") -> str | None:
    why = standing(hall, batch).stopped
    return None if why is None else why.kind


def failed(hall: Hall) -> Work:
    work = hall.submitting()
    assert hall.room.move(work, State.SUBMITTING, State.FAILED)
    return work


def indices(works: list[Work]) -> list[int]:
    return [work.index for work in works]


class TestBatches:
    @pytest.mark.parametrize("kind", ["paused", "cancelled"])
    def test_nothing_of_a_batch_that_is_held_is_admitted_until_it_may_go_on(self, hall: Hall, kind: str) -> None:
        hall.open(total=9, limits=Limits(seats=3, queues=True))
        works = hall.room.tick(most=2)
        hall.room.move(works[0], State.ADMITTED, State.WAITING)
        hall.room.hold("b", kind, "a look first")  # type: ignore[arg-type]
        assert hall.room.tick() == []
        assert stopped(hall) == kind
        told = standing(hall).stopped
        assert told is not None
        assert told.told.endswith(": a look first")
        hall.room.hold("b", None)
        assert stopped(hall) is None
        expected = {"paused": [0, 2], "cancelled": [0, 1, 2]}[kind]
        assert indices(hall.room.tick()) == expected, "it goes on where it stopped"

    def test_what_is_alive_goes_on_when_the_batch_is_paused(self, hall: Hall) -> None:
        hall.open(total=3, limits=ONE_SEAT)
        poll = hall.rendering()
        assert hall.room.hold("b", "paused") == 0
        assert hall.room.move(poll, State.RENDERING, State.COLLECTING)
        collect = hall.handed(Step.COLLECT)
        assert hall.room.move(collect, State.COLLECTING, State.DONE)
        assert hall.states() == {State.DONE: 1, State.WAITING: 2}

    def test_what_comes_back_meanwhile_waits_with_the_rest(self, hall: Hall) -> None:
        hall.open(total=3, limits=ONE_SEAT)
        work = hall.submitting()
        hall.room.hold("b", "paused")
        hall.room.move(work, State.SUBMITTING, State.WAITING)
        assert hall.room.tick() == []
        hall.room.hold("b", None)
        assert indices(hall.room.tick()) == [0]

    def test_a_batch_that_is_held_holds_up_no_other(self, hall: Hall) -> None:
        hall.open("held", total=3)
        hall.room.hold("held", "paused")
        hall.open("other", total=1)
        assert [work.batch for work in hall.room.tick()] == ["other"]

    def test_cancelling_asks_for_the_end_of_what_is_under_way(self, hall: Hall) -> None:
        hall.open(total=5, limits=Limits(seats=4, queues=True))
        works = hall.room.tick()
        for work in works[:3]:
            hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=1000.0)
        for work in works[:2]:
            hall.accept(work, f"job-{work.index}")
        polls = hall.room.tick()
        hall.room.move(polls[0], State.RENDERING, State.COLLECTING, delay=500.0)

        assert hall.room.hold("b", "cancelled") == 2

        assert hall.states() == {State.COLLECTING: 1, State.RENDERING: 1, State.SUBMITTING: 1, State.WAITING: 2}
        assert hall.due()["b:1"] == 0.0, "it is asked about at once"
        assert not hall.room.move(polls[1], State.RENDERING, State.COLLECTING), "by a new hand"
        assert not hall.room.move(works[3], State.ADMITTED, State.SUBMITTING), "what is not sent yet isn't sent"
        record = hall.room.take("b", 0)
        assert record is not None
        assert "cancelling" not in record.fields, "its video is there: it is brought home"


class TestLimits:
    def test_after_so_many_failures_nothing_more_is_admitted(self, hall: Hall) -> None:
        hall.open(total=9, limits=ONE_SEAT, terms=Terms(max_failures=2))
        failed(hall)
        assert stopped(hall) is None
        failed(hall)
        assert hall.room.tick() == []
        told = standing(hall).stopped
        assert told is not None
        assert (told.kind, told.told) == ("failures", "2 takes have failed, and max_failures is 2")

    def test_failures_are_counted_from_the_last_opening(self, hall: Hall) -> None:
        hall.open(total=9, limits=ONE_SEAT, terms=Terms(max_failures=2))
        for _ in range(2):
            failed(hall)
        hall.open(total=9, limits=None, terms=Terms(max_failures=2))
        failed(hall)
        failed(hall)
        assert hall.room.tick() == []
        assert stopped(hall) == "failures"
        hall.room.begin("b", again=False)
        assert hall.room.tick() == [], "Redis was started anew, and nobody has looked at the failures"

    def test_failures_of_takes_that_are_tried_again_make_no_room_for_more(self, hall: Hall) -> None:
        hall.open(total=9, limits=ONE_SEAT, terms=Terms(max_failures=2))
        works = [failed(hall) for _ in range(2)]
        hall.open(total=9, limits=None, terms=Terms(max_failures=2))
        for work in works:
            hall.room.move(work, State.FAILED, State.WAITING)
        for _ in range(2):
            failed(hall)
        assert hall.room.tick() == []
        assert stopped(hall) == "failures"

    def test_what_is_alive_goes_on(self, hall: Hall) -> None:
        hall.open(total=3, limits=Limits(seats=2, queues=True), terms=Terms(max_failures=1))
        works = hall.room.tick()
        for work in works:
            hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=1000.0)
        hall.room.move(works[0], State.SUBMITTING, State.FAILED)
        hall.accept(works[1], "job-1")
        assert [(work.step, work.index) for work in hall.room.tick()] == [(Step.POLL, 1)]

    def test_after_the_deadline_nothing_more_is_admitted(self, hall: Hall) -> None:
        deadline = hall.time.ms / 1000 + 60
        hall.open(total=9, limits=ONE_SEAT, terms=Terms(deadline=deadline))
        work = hall.submitting()
        hall.time.forward(59.999)
        hall.room.move(work, State.SUBMITTING, State.FAILED)
        work = hall.submitting()
        hall.room.move(work, State.SUBMITTING, State.FAILED)
        hall.time.forward(0.001)
        assert hall.room.tick() == []
        assert stopped(hall) == "deadline"
        hall.open(total=9, limits=None, terms=Terms(deadline=deadline + 60))
        assert stopped(hall) is None
        assert indices(hall.room.tick()) == [2]

    def test_a_batch_of_which_nothing_waits_is_not_stopped(self, hall: Hall) -> None:
        hall.open(total=1, terms=Terms(max_failures=5))
        hall.admitted()
        hall.room.tick()
        assert stopped(hall) is None


class TestSpans:
    """`[[start, end, priority, hold], ...]`"""

    @pytest.mark.parametrize("hold", ["paused", "cancelled", "waived"])
    def test_what_is_held_of_a_batch_is_passed_over(self, hall: Hall, hold: str) -> None:
        hall.open(total=6, spans=f'[[0,2,0,null],[2,4,0,"{hold}"],[4,6,0,null]]')
        assert indices(hall.room.tick()) == [0, 1, 4, 5]
        assert hall.room.tick() == []
        assert stopped(hall) == hold
        assert hall.states() == {State.ADMITTED: 4, State.WAITING: 2}

    def test_it_goes_on_where_it_stopped(self, hall: Hall) -> None:
        hall.open(total=8, limits=Limits(seats=3, queues=True))
        assert indices(hall.room.tick()) == [0, 1, 2]
        held = '[[0,2,0,null],[2,6,0,"paused"],[6,8,0,null]]'
        assert hall.room.set_spans("b", hall.room.spans("b"), held)
        hall.room.set_limits("fal", Limits(seats=99, queues=True))
        assert indices(hall.room.tick()) == [6, 7]
        assert hall.room.tick() == []
        assert hall.room.set_spans("b", held, "[[0,8,0,null]]")
        assert stopped(hall) is None
        assert indices(hall.room.tick()) == [3, 4, 5]

    def test_how_far_it_has_come_outlives_a_new_cut(self, hall: Hall) -> None:
        """Or each cut of a batch of a million would begin from the start."""
        hall.open(total=1000, limits=Limits(seats=100, queues=True))
        hall.room.tick()
        assert hall.room.set_spans("b", "[[0,1000,0,null]]", "[[0,50,0,null],[50,300,5,null],[300,1000,0,null]]")
        kept = hall.client.hgetall(f"{hall.namespace}:batch:b:next")
        assert kept == {b"0": b"50", b"50": b"100", b"300": b"300"}
        assert hall.room.set_spans("b", hall.room.spans("b"), "[[0,1000,0,null]]")
        assert hall.client.hgetall(f"{hall.namespace}:batch:b:next") == {b"0": b"50"}
        hall.room.set_limits("fal", Limits(seats=101, queues=True))
        assert indices(hall.room.tick()) == [100]

    def test_two_who_change_them_at_once_do_not_undo_each_other(self, hall: Hall) -> None:
        hall.open(total=6)
        before = hall.room.spans("b")
        assert hall.room.set_spans("b", before, '[[0,3,0,"paused"],[3,6,0,null]]')
        assert not hall.room.set_spans("b", before, '[[0,3,0,null],[3,6,0,"paused"]]')
        assert hall.room.spans("b") == '[[0,3,0,"paused"],[3,6,0,null]]'

    def test_their_order_is_the_order_in_which_takes_come_up(self, hall: Hall) -> None:
        hall.open(total=6, spans="[[4,6,5,null],[0,4,0,null]]")
        assert indices(hall.room.tick()) == [4, 5, 0, 1, 2, 3]

    @pytest.mark.parametrize("due", [0.0, 5.0])
    def test_what_came_back_is_held_with_its_span(self, hall: Hall, due: float) -> None:
        hall.open(total=4, limits=Limits(seats=2, queues=True))
        works = hall.room.tick()
        hall.room.set_spans("b", hall.room.spans("b"), '[[0,1,0,"paused"],[1,4,0,null]]')
        for work in works:
            hall.room.move(work, State.ADMITTED, State.WAITING, delay=due)
        hall.time.forward(due)
        assert indices(hall.room.tick()) == [1, 2]
        hall.room.set_spans("b", hall.room.spans("b"), "[[0,4,0,null]]")
        hall.room.set_limits("fal", Limits(seats=9, queues=True))
        assert indices(hall.room.tick()) == [0, 3]

    def test_many_that_came_back_and_are_held_hide_none_that_is_not(self, hall: Hall) -> None:
        hall.open(total=700, limits=Limits(seats=700, queues=True))
        works = hall.room.tick(most=700, most_unstarted=700)
        hall.room.set_spans("b", hall.room.spans("b"), '[[0,699,0,"paused"],[699,700,0,null]]')
        for work in works:
            hall.room.move(work, State.ADMITTED, State.WAITING)
        assert indices(hall.room.tick()) == [699]
        assert hall.room.tick() == []
        assert stopped(hall) == "paused"


class TestPriority:
    def test_a_batch_that_is_preferred_goes_first(self, hall: Hall) -> None:
        for batch in ("one", "two", "three"):
            hall.open(batch, total=4, limits=Limits(seats=6, queues=True))
        hall.room.prefer("two", 5)
        assert standing(hall, "two").priority == 5
        assert Counter(work.batch for work in hall.room.tick()) == {"two": 4, "one": 1, "three": 1}

    def test_one_that_is_put_off_goes_last_and_its_turn_comes(self, hall: Hall) -> None:
        for batch in ("one", "two"):
            hall.open(batch, total=2, limits=Limits(seats=3, queues=True))
        hall.room.prefer("one", -1)
        assert [work.batch for work in hall.room.tick()] == ["two", "two", "one"]

    def test_it_is_kept_when_the_batch_comes_back_into_its_lane(self, hall: Hall) -> None:
        hall.open("one", total=1, limits=ONE_SEAT)
        hall.room.prefer("one", 5)
        work = hall.admitted()
        hall.room.tick()
        hall.open("two", total=5, limits=None)
        hall.room.move(work, State.ADMITTED, State.WAITING)
        assert [again.batch for again in hall.room.tick()] == ["one"]
