"""What refusals teach, what a provider says of its quota, and when the breaker opens."""

from __future__ import annotations

import pytest
from hand_time import Hall

from workers.engine.limits import Limits
from workers.engine.standing import Lane
from workers.engine.states import State, Step
from workers.engine.work import Work


def lane_of(hall: Hall) -> Lane:
    (lane,) = hall.room.lanes()
    return lane


def send(hall: Hall, works: list[Work]) -> list[Work]:
    for work in works:
        assert hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=1000.0)
    return works


def submitted(hall: Hall, most: int = 200) -> list[Work]:
    """All that is admitted now, submitted."""
    return send(hall, [work for work in hall.room.tick(most=most) if work.step is Step.SUBMIT])


def refuse(hall: Hall, work: Work, *, sent_at: float | None = None, told: bool = False) -> None:
    at = hall.time.ms / 1000 if sent_at is None else sent_at
    hall.room.refused("ark", sent_at=at, seconds=10.0, told=told, reason="429: too many")
    hall.room.move(work, State.SUBMITTING, State.WAITING)


def finish(hall: Hall, work: Work) -> None:
    """Accepted, and over at once."""
    assert hall.accept(work, f"job-{work.index}-{work.fence}") == "rendering"
    record = hall.room.take("b", work.index)
    assert record is not None
    poll = Work(Step.POLL, "b", work.index, record.fence, work.attempt)
    assert hall.room.move(poll, State.RENDERING, State.COLLECTING, delay=1e6)


class TestSeats:
    def test_a_refusal_costs_seats_and_quiet_success_brings_them_back_one_by_one(self, hall: Hall) -> None:
        hall.open(total=500, provider="ark", limits=Limits(seats=10))
        works = submitted(hall)
        assert len(works) == 10
        hall.time.forward(1)
        refuse(hall, works[0])
        assert (lane_of(hall).seats, lane_of(hall).learned) == (7, 7.0)
        for work in works[1:]:
            finish(hall, work)
        assert lane_of(hall).learned == 7.0, "those were sent before it"
        hall.time.forward(61)
        seats = []
        for _ in range(4):
            works = submitted(hall)
            seats.append(len(works))
            for work in works:
                assert hall.accept(work, f"job-{work.index}-{work.fence}") == "rendering"
            for work in works:
                record = hall.room.take("b", work.index)
                assert record is not None
                poll = Work(Step.POLL, "b", work.index, record.fence, work.attempt)
                hall.room.move(poll, State.RENDERING, State.COLLECTING, delay=1e6)
        assert seats[0] == 7
        assert seats == sorted(seats), "never fewer"
        assert 8 <= seats[-1] <= 10
        assert seats[-1] - seats[0] <= 4

    def test_a_burst_of_refusals_counts_once(self, hall: Hall) -> None:
        hall.open(total=50, provider="ark", limits=Limits(seats=10))
        works = submitted(hall)
        sent = hall.time.ms / 1000
        hall.time.forward(1)
        for work in works[:5]:
            refuse(hall, work, sent_at=sent)
        assert lane_of(hall).seats == 7
        hall.time.forward(11)
        refuse(hall, submitted(hall)[0])
        assert lane_of(hall).seats == 4, "seven tenths of what there were, and one sent later"

    def test_there_are_never_fewer_than_was_set(self, hall: Hall) -> None:
        hall.open(total=50, provider="ark", limits=Limits(seats=5, least_seats=3))
        for _ in range(6):
            refused, *others = submitted(hall)
            hall.time.forward(1)
            refuse(hall, refused)
            for work in others:
                finish(hall, work)
            hall.time.forward(11)
        assert lane_of(hall).seats == 3

    def test_no_more_seats_come_back_than_are_set(self, hall: Hall) -> None:
        hall.open(total=900, provider="ark", limits=Limits(seats=4))
        refused, *others = submitted(hall)
        refuse(hall, refused)
        for work in others:
            finish(hall, work)
        assert lane_of(hall).seats == 2
        for _ in range(30):
            hall.time.forward(70)
            for work in submitted(hall):
                finish(hall, work)
        assert (lane_of(hall).seats, lane_of(hall).learned) == (4, None)

    def test_where_the_provider_says_how_long_that_is_tried_before_seats_are_given_up(self, hall: Hall) -> None:
        hall.open(total=50, provider="ark", limits=Limits(seats=10))
        refuse(hall, submitted(hall)[0], told=True)
        assert lane_of(hall).seats == 10
        assert hall.room.ask()[1] == 10.0, "its word holds"
        hall.time.forward(11)
        refuse(hall, submitted(hall)[0], told=True)
        assert lane_of(hall).seats == 7

    def test_what_was_learned_survives_a_worker_and_keeps_within_new_settings(self, hall: Hall) -> None:
        hall.open(total=50, provider="ark", limits=Limits(seats=10))
        refuse(hall, submitted(hall)[0])
        hall.room.set_limits("ark", Limits(seats=10))
        assert lane_of(hall).seats == 7
        hall.room.set_limits("ark", Limits(seats=10, least_seats=9))
        assert lane_of(hall).seats == 9
        hall.room.set_limits("ark", Limits(seats=6))
        assert (lane_of(hall).seats, lane_of(hall).learned) == (6, None)


class TestLead:
    def test_a_provider_that_queues_is_given_a_few_more_than_it_renders(self, hall: Hall) -> None:
        hall.open(total=50, provider="fal", limits=Limits(seats=4, queues=True, lead=2))
        assert len(hall.room.tick()) == 6
        assert hall.room.tick() == []
        assert (lane_of(hall).seats, lane_of(hall).seats_set) == (6, 4)

    def test_one_that_refuses_the_excess_is_not(self, hall: Hall) -> None:
        hall.open(total=50, provider="ark", limits=Limits(seats=4, lead=2))
        assert len(hall.room.tick()) == 4


class TestQuota:
    def test_no_more_is_sent_than_the_provider_says_it_takes(self, hall: Hall) -> None:
        hall.open(total=50, provider="ark", limits=Limits(seats=20))
        hall.room.quota("ark", 3, seconds=30.0)
        assert len(submitted(hall)) == 3
        assert hall.room.ask() == ([], 30.0)
        hall.time.forward(30)
        assert len(submitted(hall)) == 17

    def test_within_a_window_the_least_that_was_said_holds(self, hall: Hall) -> None:
        hall.open(total=50, provider="ark", limits=Limits(seats=20))
        hall.room.quota("ark", 2, seconds=30.0)
        hall.room.quota("ark", 5, seconds=30.0)
        assert len(submitted(hall)) == 2
        hall.time.forward(31)
        hall.room.quota("ark", 5, seconds=30.0)
        assert len(submitted(hall)) == 5


class TestBreaker:
    def test_it_opens_after_five_in_a_row_tries_one_and_stays_away_longer_each_time(self, hall: Hall) -> None:
        hall.open(total=50, provider="ark", limits=Limits(seats=20))
        works = submitted(hall)
        assert [hall.room.came_to_nothing("ark", reason="502") for _ in range(5)] == [0, 0, 0, 0, 30.0]
        for work in works[:5]:
            hall.room.move(work, State.SUBMITTING, State.WAITING)
        hall.time.forward(29)
        assert submitted(hall) == []
        hall.time.forward(1)
        (probe,) = submitted(hall)
        assert submitted(hall) == [], "one is tried"
        assert hall.room.came_to_nothing("ark", reason="502") == 60.0
        hall.room.move(probe, State.SUBMITTING, State.WAITING)
        hall.time.forward(60)
        (probe,) = submitted(hall)
        assert hall.accept(probe, "job") == "rendering"
        assert lane_of(hall).broken == 0
        assert len(submitted(hall)) == 4

    def test_something_that_is_accepted_in_between_begins_the_count_anew(self, hall: Hall) -> None:
        hall.open(total=50, provider="ark", limits=Limits(seats=20))
        works = submitted(hall)
        for work in works[:12]:
            if work.index % 4 == 3:
                assert hall.accept(work, f"job-{work.index}") == "rendering"
            else:
                assert hall.room.came_to_nothing("ark", reason="502") == 0


@pytest.mark.parametrize("provider", ["ark", "fal"])
def test_a_provider_of_which_nothing_is_known_can_be_refused_by(hall: Hall, provider: str) -> None:
    hall.room.refused(provider, sent_at=0.0, seconds=1.0, told=False, reason="429")
    assert hall.room.lanes() == []
