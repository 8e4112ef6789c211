"""Where takes go of a batch that several providers may render."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hand_time import Hall

from workers.engine.limits import Limits, Terms
from workers.engine.states import State, Step
from workers.engine.work import Work

SEATS = Limits(seats=10)
BOTH = "fal=10,;ark=20,"


@pytest.fixture
def two(hall: Hall) -> Hall:
    """A batch of five takes that fal and ark may render, fal first, and of which that is told."""
    opened(hall)
    hall.room.quote("b", dict.fromkeys(range(5), BOTH))
    return hall


def opened(hall: Hall, *, total: int = 5, seats: Limits = SEATS, terms: Terms | None = None) -> None:
    hall.room.open(
        "b",
        digest="digest of b",
        live=total,
        provider=("fal", "ark"),
        manifest=b"{}",
        spans=f"[[0,{total},0,null]]",
        terms=terms,
    )
    for provider in ("fal", "ark"):
        hall.room.set_limits(provider, seats)
    hall.room.begin("b")


def handed(hall: Hall) -> dict[int, str | None]:
    """Where the takes go that are handed out to be submitted now."""
    works = [work for work in hall.room.tick() if work.step is Step.SUBMIT]
    return {work.index: hall.room.lane_of("b", work.index) for work in works}


def admitted(hall: Hall) -> Work:
    return next(work for work in hall.room.tick() if work.step is Step.SUBMIT)


def submitting(hall: Hall) -> Work:
    work = admitted(hall)
    assert hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=100.0)
    return work


def seats(hall: Hall) -> Mapping[str, int]:
    return {lane.provider: lane.seats_taken for lane in hall.room.lanes()}


class TestWhereATakeGoes:
    def test_it_is_asked_before_anything_is_admitted(self, hall: Hall) -> None:
        opened(hall)
        assert {(work.step, work.index) for work in hall.room.tick()} == {(Step.QUOTE, 0)}

    def test_the_first_of_its_route_gets_it(self, two: Hall) -> None:
        assert handed(two) == dict.fromkeys(range(5), "fal")
        assert seats(two) == {"fal": 5, "ark": 0}

    def test_full_seats_are_waited_for(self, hall: Hall) -> None:
        opened(hall, seats=Limits(seats=2))
        hall.room.quote("b", dict.fromkeys(range(5), BOTH))
        assert handed(hall) == {0: "fal", 1: "fal"}
        assert handed(hall) == {}

    def test_each_take_has_a_route_of_its_own(self, hall: Hall) -> None:
        opened(hall)
        hall.room.quote("b", {0: BOTH, 1: "ark=20,;fal=10,", 2: "ark=20,", 3: BOTH, 4: "fal=10,"})
        assert handed(hall) == {0: "fal", 1: "ark", 2: "ark", 3: "fal", 4: "fal"}

    def test_those_that_were_passed_over_are_found_again(self, hall: Hall) -> None:
        opened(hall, seats=Limits(seats=1))
        hall.room.quote("b", {0: BOTH, 1: BOTH, 2: "ark=20,", 3: BOTH, 4: BOTH})
        assert handed(hall) == {0: "fal", 2: "ark"}
        hall.room.pause("fal", kind="quota", reason="no money")
        hall.room.set_limits("ark", SEATS)
        assert handed(hall) == {1: "ark", 3: "ark", 4: "ark"}

    def test_a_lane_for_which_there_is_nothing_yet_is_told_when_there_is(self, two: Hall) -> None:
        assert len(handed(two)) == 5
        assert handed(two) == {}
        hall = two
        work = Work(Step.SUBMIT, "b", 0, int(hall.room.take("b", 0).fence), 1)  # type: ignore[union-attr]
        hall.room.pause("fal", kind="auth", reason="no key")
        assert hall.room.move(work, State.ADMITTED, State.WAITING)
        hall.room.quote("b", {0: BOTH})
        assert handed(hall) == {0: "ark"}


class TestWhoTakesNothing:
    @pytest.mark.parametrize("kind", ["auth", "quota"])
    def test_one_that_is_paused_is_passed_over_until_it_is_not(self, hall: Hall, kind: str) -> None:
        opened(hall, total=4, seats=Limits(seats=2))
        hall.room.quote("b", dict.fromkeys(range(4), BOTH))
        hall.room.pause("fal", kind=kind, reason="no")
        assert handed(hall) == {0: "ark", 1: "ark"}
        hall.room.set_limits("fal", Limits(seats=2))
        assert handed(hall) == {2: "fal", 3: "fal"}

    def test_an_open_breaker_passes_it_over_and_one_take_tries_it_afterwards(self, hall: Hall) -> None:
        opened(hall, total=6, seats=Limits(seats=2))
        hall.room.quote("b", dict.fromkeys(range(6), BOTH))
        for _ in range(5):
            hall.room.came_to_nothing("fal", reason="502")
        assert handed(hall) == {0: "ark", 1: "ark"}
        hall.room.set_limits("ark", SEATS)
        hall.time.forward(30.0)
        # Which of the two is looked at first in a round isn't said.
        assert (handed(hall) | handed(hall))[2] == "fal"
        assert [hall.room.lane_of("b", index) for index in (3, 4, 5)] == ["ark"] * 3

    def test_a_short_wait_is_waited_for_and_a_long_one_is_not(self, two: Hall) -> None:
        two.room.slow_down("fal", seconds=20.0, reason="429")
        assert handed(two) == {}
        two.room.slow_down("fal", seconds=600.0, reason="429")
        assert handed(two) == dict.fromkeys(range(5), "ark")

    def test_where_nobody_is_left_the_batch_says_so(self, hall: Hall) -> None:
        opened(hall, total=1)
        hall.room.quote("b", {0: "fal=10,"})
        hall.room.pause("fal", kind="auth", reason="the key is wrong")
        assert handed(hall) == {}
        standing = hall.room.standing("b")
        assert standing is not None
        assert standing.stopped is not None
        assert standing.stopped.kind == "provider"
        assert "fal is paused: the key is wrong" in standing.stopped.told
        hall.room.set_limits("fal", SEATS)
        assert handed(hall) == {0: "fal"}

    def test_seats_that_doubts_hold_for_a_person_are_not_waited_for(self, hall: Hall) -> None:
        opened(hall, total=3, seats=Limits(seats=1))
        hall.room.quote("b", dict.fromkeys(range(3), BOTH))
        work = submitting(hall)
        assert hall.room.move(work, State.SUBMITTING, State.DOUBT, delay=60.0)
        assert handed(hall) == {}  # it may be settled yet
        hall.time.forward(60.0)
        (settling,) = [each for each in hall.room.tick() if each.step is Step.SETTLE]
        assert hall.room.move(settling, State.DOUBT, State.DOUBT)
        assert handed(hall) == {1: "ark"}


class TestAfterAnAttempt:
    def test_one_that_was_refused_goes_to_the_next_and_never_back(self, two: Hall) -> None:
        work = submitting(two)
        fields = {"attempt": 2, "refused": "fal"}
        assert two.room.move(work, State.SUBMITTING, State.WAITING, fields=fields)
        two.room.quote("b", {work.index: BOTH})
        two.room.pause("ark", kind="auth", reason="no key")
        assert work.index not in handed(two)
        two.room.set_limits("ark", SEATS)
        assert handed(two)[work.index] == "ark"

    def test_one_that_was_failed_goes_to_the_next_or_back_where_there_is_no_next(self, two: Hall) -> None:
        work = submitting(two)
        assert two.room.move(work, State.SUBMITTING, State.WAITING, fields={"attempt": 2, "tried": "fal"})
        assert two.room.lane_of("b", work.index) is None
        two.room.quote("b", {work.index: BOTH})
        two.room.pause("ark", kind="auth", reason="no key")
        assert handed(two)[work.index] == "fal"

    def test_one_that_is_bound_stays(self, two: Hall) -> None:
        work = submitting(two)
        fields = {"attempt": 2, "bound": "fal"}
        assert two.room.move(work, State.SUBMITTING, State.WAITING, fields=fields)
        two.room.quote("b", {work.index: BOTH})
        two.room.pause("fal", kind="auth", reason="no key")
        assert work.index not in handed(two)

    def test_a_doubt_holds_its_lane_and_its_seat(self, two: Hall) -> None:
        work = submitting(two)
        assert two.room.move(work, State.SUBMITTING, State.DOUBT)
        two.room.pause("fal", kind="auth", reason="no key")
        assert work.index not in handed(two)
        assert two.room.lane_of("b", work.index) == "fal"

    def test_one_that_is_sent_again_under_its_key_goes_where_it_went(self, hall: Hall) -> None:
        opened(hall, total=1, seats=Limits(seats=10, again_seconds=1e6))
        hall.room.quote("b", {0: BOTH})
        work = submitting(hall)
        assert hall.room.move(work, State.SUBMITTING, State.WAITING, fields={"again_since": hall.time.ms})
        hall.room.pause("fal", kind="auth", reason="no key")
        assert handed(hall) == {}
        hall.room.set_limits("fal", Limits(seats=10, again_seconds=1e6))
        assert handed(hall) == {0: "fal"}


class TestJobs:
    def accept(self, hall: Hall, work: Work, job: str, provider: str, attempt: int) -> str:
        return hall.room.accept(
            "b", work.index, attempt=attempt, job_id=job, first_poll=1.0, fields={}, provider=provider
        )

    def test_a_late_answer_of_the_one_before_is_followed_there_besides_the_take(self, two: Hall) -> None:
        work = submitting(two)
        assert two.room.move(work, State.SUBMITTING, State.WAITING, fields={"attempt": 2, "refused": "fal"})
        two.room.quote("b", {work.index: BOTH})
        assert handed(two)[work.index] == "ark"
        assert self.accept(two, work, "late", "fal", 1) == "orphan"
        besides = [index for index in two.room.alive("b") if index > 10**12]
        assert [two.room.lane_of("b", index) for index in besides] == ["fal"]
        assert two.room.lane_of("b", work.index) == "ark"

    def test_a_job_of_another_provider_under_the_same_number_is_not_the_takes(self, two: Hall) -> None:
        work = submitting(two)
        assert self.accept(two, work, "theirs", "ark", 1) == "orphan"
        assert self.accept(two, work, "ours", "fal", 1) == "rendering"

    def test_an_answer_for_a_take_that_redis_has_forgotten_takes_a_seat_where_the_job_is(self, two: Hall) -> None:
        work = Work(Step.SUBMIT, "b", 0, 0, 1)
        assert self.accept(two, work, "job", "ark", 1) == "rendering"
        assert seats(two) == {"fal": 0, "ark": 1}


class TestMoney:
    def test_what_is_reserved_is_the_price_where_it_goes(self, hall: Hall) -> None:
        opened(hall, total=3, terms=Terms(currency="USD", budget=100, budget_stop=40, budget_cancel=100))
        hall.room.quote("b", {0: BOTH, 1: "ark=20,", 2: "ark=20,"})
        assert handed(hall) == {0: "fal", 1: "ark"}
        standing = hall.room.standing("b")
        assert standing is not None
        assert (standing.money.reserved, standing.stopped and standing.stopped.kind) == (30, "budget")

    def test_a_day_is_the_providers_own(self, hall: Hall) -> None:
        opened(hall, total=4, seats=Limits(seats=9, day_budget=25))
        hall.room.quote("b", {0: "fal=,10;ark=,20", 1: "fal=,10", 2: "ark=,20", 3: "ark=,20"})
        assert handed(hall) == {0: "fal", 1: "fal", 2: "ark"}
