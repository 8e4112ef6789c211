"""Takes that may have been accepted, and are sent again under the key that brings the same job back."""

from __future__ import annotations

import pytest
from hand_time import Hall

from workers.engine.limits import Limits, Terms
from workers.engine.states import State, Step
from workers.engine.work import Work

TWO = Limits(seats=2, queues=False, again_seconds=80_000.0)
"""Like Apiframe: what is over its limit is refused."""


def silent(hall: Hall, *, total: int = 4, limits: Limits = TWO, terms: Terms | None = None) -> list[Work]:
    """Two takes on two seats; nobody comes back from the POST of the first, and the second one renders."""
    hall.open(total=total, limits=limits, terms=terms)
    works = submits(hall)
    for work, lease in zip(works, (1.0, 100.0), strict=True):
        assert hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=lease)
    hall.room.accept("b", 1, attempt=1, job_id="job-1", first_poll=1e6, fields={})
    hall.time.forward(1)
    return works


def submits(hall: Hall) -> list[Work]:
    return [work for work in hall.room.tick() if work.step is Step.SUBMIT]


def waits(hall: Hall, *, total: int = 4, limits: Limits = TWO, terms: Terms | None = None) -> Work:
    """The first of them waits to be sent again, for its provider is paused."""
    works = silent(hall, total=total, limits=limits, terms=terms)
    hall.room.pause("fal", kind="auth", reason="why")
    assert submits(hall) == []
    assert hall.state(0) is State.WAITING
    return works[0]


def goes_on(hall: Hall, limits: Limits = TWO) -> list[int]:
    """The provider is paused no more: which takes are admitted."""
    hall.room.set_limits("fal", limits)
    return [work.index for work in submits(hall)]


class TestSeats:
    def test_it_keeps_its_seat_and_is_admitted_to_no_other(self, hall: Hall) -> None:
        silent(hall)
        for _ in range(3):
            (again,) = submits(hall)
            assert (again.index, again.attempt) == (0, 1)
            assert hall.seats() == {"b:0", "b:1"}, "its job may be rendered there"
            assert hall.room.move(again, State.ADMITTED, State.SUBMITTING, delay=1.0)
            hall.time.forward(1)

    def test_while_it_waits_no_other_take_has_its_seat(self, hall: Hall) -> None:
        waits(hall)
        assert hall.seats() == {"b:0", "b:1"}
        assert goes_on(hall) == [0]
        assert hall.states() == {State.ADMITTED: 1, State.RENDERING: 1, State.WAITING: 2}

    def test_the_first_answer_that_comes_late_takes_no_seat_besides(self, hall: Hall) -> None:
        work = waits(hall)
        assert hall.accept(work, "job-0") == "rendering"
        assert hall.seats() == {"b:0", "b:1"}
        assert goes_on(hall) == []

    def test_where_the_provider_queues_it_gives_the_seat_back(self, hall: Hall) -> None:
        limits = Limits(seats=2, queues=True, again_seconds=80_000.0)
        waits(hall, limits=limits)
        assert hall.seats() == {"b:1"}
        assert goes_on(hall, limits) == [0]

    def test_given_up_it_gives_the_seat_back(self, hall: Hall) -> None:
        waits(hall)
        assert hall.room.withdraw("b", 0, State.WAIVED) == "waived"
        assert hall.seats() == {"b:1"}
        assert goes_on(hall) == [2]

    def test_refused_while_it_waits_for_its_turn_it_keeps_it_too(self, hall: Hall) -> None:
        """429: it can't be sent now, which says nothing of the first time."""
        silent(hall)
        (again,) = submits(hall)
        hall.room.move(again, State.ADMITTED, State.SUBMITTING, delay=100.0)
        hall.room.move(again, State.SUBMITTING, State.WAITING, delay=5.0)
        assert hall.seats() == {"b:0", "b:1"}
        assert submits(hall) == []
        standing = hall.room.standing("b")
        assert standing is not None and standing.again == (0 if standing.alive else 1)
        hall.time.forward(5)
        assert [work.index for work in submits(hall)] == [0]

    @pytest.mark.parametrize("queues", [False, True])
    def test_taken_over_from_the_record_it_has_one(self, hall: Hall, queues: bool) -> None:
        limits = Limits(seats=1, queues=queues, again_seconds=80_000.0)
        hall.open(total=2, limits=limits, begin=False)
        hall.room.adopt("b", 1, State.WAITING, {"attempt": 1, "again_since": hall.time.ms})
        assert hall.seats() == (set() if queues else {"b:1"})
        hall.room.begin("b")
        standing = hall.room.standing("b")
        assert standing is not None and (standing.alive, standing.again) == (0, 1)
        assert [work.index for work in submits(hall)] == [1]
        assert hall.seats() == {"b:1"}

    def test_a_batch_that_goes_to_another_provider_leaves_no_seat_behind(self, hall: Hall) -> None:
        waits(hall, total=2)
        hall.room.open("b", digest="another", live=3, provider="ark", manifest=b"{}", spans="[[2,5,0,null]]")
        hall.room.set_limits("ark", Limits(seats=9))
        for index in (0, 1):
            hall.room.adopt("b", 3 + index, State.BLOCKED, {"attempt": 1, "blocked_on": index})
        hall.room.begin("b")
        again, other = sorted(submits(hall), key=lambda work: work.index)
        assert (again.index, other.index) == (0, 2)
        assert (hall.seats("fal"), hall.seats("ark")) == ({"b:0", "b:1"}, {"b:2"})
        hall.room.move(again, State.ADMITTED, State.SUBMITTING, delay=100.0)
        hall.room.move(again, State.SUBMITTING, State.FAILED)
        assert (hall.seats("fal"), hall.seats("ark")) == ({"b:1"}, {"b:2"})


class TestWhatHoldsTheOthersBack:
    @pytest.mark.parametrize("what", ["batch", "span", "deadline", "failures", "budget"])
    def test_does_not_hold_it_back(self, hall: Hall, what: str) -> None:
        """It may be at the provider, and its key brings the same job back for a day only."""
        limits = Limits(seats=9, again_seconds=80_000.0)
        terms = {
            "deadline": Terms(deadline=hall.time.ms / 1000 + 1),
            "failures": Terms(max_failures=1),
            "budget": Terms(currency="USD", budget=30, budget_stop=30, budget_cancel=90),
        }.get(what)
        hall.open(total=2, limits=limits, terms=terms)
        hall.room.hold("b", "paused")
        hall.room.adopt("b", 0, State.WAITING, {"attempt": 1, "again_since": hall.time.ms}, reserved=(30, None))
        hall.room.hold("b", None)
        if what == "batch":
            hall.room.hold("b", "paused")
        elif what == "span":
            hall.room.set_spans("b", hall.room.spans("b"), '[[0,2,0,"paused"]]')
        elif what == "failures":
            hall.room.adopt("b", 7, State.FAILED, {"attempt": 1}, withdrawn=True)
        elif what == "budget":
            hall.room.quote("b", {1: "30,"})
        hall.time.forward(1)
        assert [work.index for work in submits(hall)] == [0]
        assert submits(hall) == []
        standing = hall.room.standing("b")
        assert standing is not None
        assert standing.stopped is not None

    @pytest.mark.parametrize("what", ["paused", "slowed down", "the store"])
    def test_what_nothing_can_be_sent_by_does(self, hall: Hall, what: str) -> None:
        silent(hall)
        if what == "paused":
            hall.room.pause("fal", kind="quota", reason="no money")
        elif what == "slowed down":
            hall.room.slow_down("fal", seconds=10, reason="429")
        else:
            hall.room.store_fails("full", seconds=10)
        assert submits(hall) == []
        hall.time.forward(10)
        assert goes_on(hall) == [0]

    def test_it_is_found_behind_many_that_are_held(self, hall: Hall) -> None:
        hall.open(total=301, limits=Limits(seats=400, again_seconds=80_000.0))
        hall.room.hold("b", "paused")
        for index in range(300):
            hall.room.adopt("b", index, State.WAITING, {"attempt": 1})
        hall.room.adopt("b", 300, State.WAITING, {"attempt": 1, "again_since": hall.time.ms})
        assert [work.index for work in submits(hall)] == [300]


class TestCancelled:
    @pytest.mark.parametrize("what", ["batch", "span", "span of a paused batch", "take"])
    def test_it_is_left_to_a_person_who_can_see_whether_it_was_accepted(self, hall: Hall, what: str) -> None:
        if what == "take":
            silent(hall)
            hall.time.forward(-1)
            assert hall.room.withdraw("b", 0, State.CANCELLED) == "asked"
            hall.time.forward(1)
        else:
            waits(hall)
        if what == "batch":
            hall.room.hold("b", "cancelled")
        elif what != "take":
            hall.room.set_spans("b", hall.room.spans("b"), '[[0,1,0,"cancelled"],[1,4,0,"paused"]]')
        if what == "span of a paused batch":
            hall.room.hold("b", "paused")
        assert goes_on(hall) == []
        assert hall.state(0) is State.DOUBT
        assert hall.seats() == {"b:0", "b:1"}
        record = hall.room.take("b", 0)
        assert record is not None
        assert "cancelled before it was known" in record.value("error")["message"]
        hall.time.forward(1)
        assert Step.SETTLE in [work.step for work in hall.room.tick()], "the ledger is looked into"

    def test_what_it_may_have_cost_stays_reserved_until_somebody_decides(self, hall: Hall) -> None:
        hall.open(total=1, limits=TWO, terms=Terms(currency="USD", budget=50, budget_stop=50, budget_cancel=90))
        hall.room.adopt("b", 0, State.WAITING, {"attempt": 1, "again_since": hall.time.ms}, reserved=(30, None))
        hall.room.hold("b", "cancelled")
        assert hall.room.tick() == []
        assert hall.states() == {State.DOUBT: 1}
        standing = hall.room.standing("b")
        assert standing is not None
        assert (standing.money.spent, standing.money.reserved) == (0, 30)
        hall.room.withdraw("b", 0, State.WAIVED)
        standing = hall.room.standing("b")
        assert standing is not None
        assert (standing.money.spent, standing.money.reserved) == (30, 0)
