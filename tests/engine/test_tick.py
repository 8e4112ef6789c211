"""What a tick hands out, and what it holds back."""

from __future__ import annotations

import itertools
import threading
from collections import Counter

import pytest
import redis
from hand_time import LEASES, QUEUES, Hall, HandTime

from workers.broker.connection import connect
from workers.broker.embedded import EmbeddedRedis
from workers.engine.limits import Limits
from workers.engine.room import WaitingRoom
from workers.engine.states import State, Step
from workers.engine.work import Work


def finish(hall: Hall, work: Work) -> None:
    """Carry an admitted take to its end."""
    hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=1000.0)
    hall.accept(work, f"job-{work.batch}-{work.index}")
    poll = next(each for each in hall.room.tick() if each.step is Step.POLL and each.index == work.index)
    hall.room.move(poll, State.RENDERING, State.COLLECTING)
    collect = next(each for each in hall.room.tick() if each.step is Step.COLLECT and each.index == work.index)
    assert hall.room.move(collect, State.COLLECTING, State.DONE)


class TestOrder:
    def test_takes_are_admitted_in_the_manifests_order(self, hall: Hall) -> None:
        hall.open(total=12)
        works = hall.room.tick()
        assert [work.index for work in works] == list(range(12))
        assert {(work.step, work.batch, work.fence, work.attempt) for work in works} == {(Step.SUBMIT, "b", 1, 1)}
        assert hall.room.tick() == []

    def test_no_more_is_handed_out_than_is_asked_for(self, hall: Hall) -> None:
        hall.open(total=12)
        assert [work.index for work in hall.room.tick(most=5)] == [0, 1, 2, 3, 4]
        assert [work.index for work in hall.room.tick(most=5)] == [5, 6, 7, 8, 9]

    def test_what_is_done_already_is_passed_over(self, hall: Hall) -> None:
        hall.open(total=6, begin=False)
        hall.room.mark_done("b", [0, 1, 4])
        hall.room.begin("b")
        assert [work.index for work in hall.room.tick()] == [2, 3, 5]

    def test_a_take_that_came_back_goes_before_those_that_were_never_admitted(self, hall: Hall) -> None:
        hall.open(total=9, limits=Limits(seats=1, queues=True))
        hall.room.move(hall.admitted(), State.ADMITTED, State.WAITING)
        assert [work.index for work in hall.room.tick()] == [0]

    def test_a_take_that_came_back_waits_its_delay(self, hall: Hall) -> None:
        hall.open(total=1)
        hall.room.move(hall.submitting(), State.SUBMITTING, State.WAITING, delay=5.0, fields={"attempt": 2})
        assert hall.room.tick() == []
        hall.time.forward(4.999)
        assert hall.room.tick() == []
        hall.time.forward(0.001)
        (work,) = hall.room.tick()
        assert (work.index, work.attempt, work.fence) == (0, 2, 2)

    def test_a_batch_that_left_the_lane_comes_back_with_its_take(self, hall: Hall) -> None:
        hall.open(total=1)
        work = hall.submitting()
        assert hall.room.tick() == []
        assert hall.client.zcard(f"{hall.namespace}:lane:fal:batches") == 0, "nothing of it waits"
        hall.room.move(work, State.SUBMITTING, State.WAITING, delay=5.0)
        hall.time.forward(5)
        assert [again.index for again in hall.room.tick()] == [0]

    def test_a_take_that_failed_is_admitted_again_when_it_is_sent_back(self, hall: Hall) -> None:
        hall.open(total=1)
        work = hall.failed()
        assert hall.room.tick() == []
        assert hall.room.move(work, State.FAILED, State.WAITING, fields={"attempt": 2})
        assert [(again.index, again.attempt) for again in hall.room.tick()] == [(0, 2)]


class TestSeats:
    def test_no_more_are_admitted_than_there_are_seats(self, hall: Hall) -> None:
        hall.open(total=9, limits=Limits(seats=3, queues=True))
        works = hall.room.tick()
        assert len(works) == 3
        assert hall.room.tick() == []
        for work in works:
            hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=1000.0)
        assert hall.room.tick() == [], "submitting holds the seat"
        hall.accept(works[0], "job-0")
        assert [work.step for work in hall.room.tick()] == [Step.POLL], "rendering holds the seat"

    def test_a_seat_is_free_when_the_render_is_over(self, hall: Hall) -> None:
        hall.open(total=2, limits=Limits(seats=1, queues=True))
        poll = hall.rendering()
        hall.room.move(poll, State.RENDERING, State.COLLECTING, delay=60.0)
        assert [(work.step, work.index) for work in hall.room.tick()] == [(Step.SUBMIT, 1)]

    def test_what_was_taken_over_counts_and_may_be_too_much(self, hall: Hall) -> None:
        hall.open(total=6, limits=Limits(seats=2, queues=True))
        for index in range(3):
            hall.room.adopt("b", index, State.RENDERING, {"attempt": 1})
        assert {work.step for work in hall.room.tick()} == {Step.POLL}
        standing = hall.room.standing("b")
        assert standing is not None
        assert (standing.lane.seats, standing.lane.seats_taken) == (2, 3)

    def test_a_lane_without_limits_admits_nothing(self, hall: Hall) -> None:
        hall.open(total=1, limits=None)
        assert hall.room.tick() == []

    def test_providers_do_not_share_their_seats(self, hall: Hall) -> None:
        hall.open("one", total=5, provider="fal", limits=Limits(seats=2))
        hall.open("two", total=5, provider="ark", limits=Limits(seats=1))
        assert Counter(work.batch for work in hall.room.tick()) == {"one": 2, "two": 1}

    def test_no_more_are_admitted_and_not_begun_than_is_allowed(self, hall: Hall) -> None:
        hall.open(total=20)
        works = hall.room.tick(most_unstarted=4)
        assert len(works) == 4
        assert hall.room.tick(most_unstarted=4) == []
        hall.room.move(works[0], State.ADMITTED, State.SUBMITTING, delay=1000.0)
        assert len(hall.room.tick(most_unstarted=4)) == 1


class TestRate:
    def test_requests_keep_their_distance(self, hall: Hall) -> None:
        hall.open(total=10, limits=Limits(seats=10, requests_per_minute=60, queues=True))
        admitted = []
        for _ in range(40):
            admitted += [(hall.time.ms, work.index) for work in hall.room.tick() if work.step is Step.SUBMIT]
            hall.time.forward(0.1)
        moments = [moment for moment, _ in admitted]
        assert [index for _, index in admitted] == [0, 1, 2, 3]
        assert {later - earlier for earlier, later in itertools.pairwise(moments)} == {1000}

    def test_an_idle_hour_earns_no_burst(self, hall: Hall) -> None:
        hall.open(total=10, limits=Limits(seats=10, requests_per_minute=60, queues=True))
        hall.time.forward(3600)
        assert len(hall.room.tick()) == 1

    def test_a_take_that_is_handed_out_again_spends_nothing(self, hall: Hall) -> None:
        hall.open(total=2, limits=Limits(seats=10, requests_per_minute=1, queues=True))
        hall.room.tick()
        hall.time.forward(LEASES.admitted)
        assert [work.index for work in hall.room.tick()] == [0]
        hall.time.forward(LEASES.admitted)
        assert [work.index for work in hall.room.tick()] == [0, 1]


class TestHoldingBack:
    def test_a_paused_provider_is_given_nothing_and_goes_on_being_polled(self, hall: Hall) -> None:
        hall.open(total=2, limits=Limits(seats=1, queues=True))
        poll = hall.rendering()
        hall.room.pause("fal", kind="auth", reason="the key was refused")
        standing = hall.room.standing("b")
        assert standing is not None
        assert (standing.lane.paused, standing.lane.paused_kind) == ("the key was refused", "auth")
        hall.room.move(poll, State.RENDERING, State.COLLECTING)
        assert [work.step for work in hall.room.tick()] == [Step.COLLECT]
        hall.time.forward(86_400)
        assert [work.step for work in hall.room.tick()] == [Step.COLLECT]

        hall.room.set_limits("fal", QUEUES)
        assert [work.index for work in hall.room.tick()] == [1]
        lifted = hall.room.standing("b")
        assert lifted is not None
        assert lifted.lane.paused is None

    def test_a_provider_that_is_slowed_down_is_given_nothing_meanwhile(self, hall: Hall) -> None:
        hall.open(total=1)
        hall.room.slow_down("fal", seconds=30, reason="429")
        hall.room.slow_down("fal", seconds=10, reason="a shorter one takes nothing back")
        hall.time.forward(29.9)
        assert hall.room.tick() == []
        standing = hall.room.standing("b")
        assert standing is not None
        assert (standing.lane.slowed, round(standing.lane.slowed_for, 1)) == ("429", 0.1)
        hall.time.forward(0.1)
        assert len(hall.room.tick()) == 1
        over = hall.room.standing("b")
        assert over is not None
        assert over.lane.slowed is None

    def test_nothing_is_admitted_while_the_store_fails(self, hall: Hall) -> None:
        hall.open(total=1)
        hall.room.store_fails("no room", seconds=10)
        assert hall.room.tick() == []
        hall.time.forward(9)
        hall.room.store_fails("no room", seconds=10)
        standing = hall.room.standing("b")
        assert standing is not None
        assert (standing.store_trouble, standing.store_trouble_for) == ("no room", 9.0)
        hall.time.forward(9)
        assert hall.room.tick() == []
        hall.time.forward(1)
        assert len(hall.room.tick()) == 1


class TestLeases:
    def test_an_admitted_take_is_handed_out_again_under_a_new_fence(self, hall: Hall) -> None:
        hall.open(total=1)
        silent = hall.admitted()
        hall.time.forward(LEASES.admitted - 0.001)
        assert hall.room.tick() == []
        hall.time.forward(0.001)
        other = hall.admitted()
        assert (other.index, other.fence, other.attempt) == (0, 2, 1)
        assert not hall.room.move(silent, State.ADMITTED, State.SUBMITTING)
        assert hall.room.move(other, State.ADMITTED, State.SUBMITTING)

    def test_a_submission_that_nobody_came_back_from_is_in_doubt(self, hall: Hall) -> None:
        hall.open(total=1)
        silent = hall.submitting(lease=100.0)
        hall.time.forward(99.999)
        assert hall.room.tick() == []
        assert hall.states() == {State.SUBMITTING: 1}
        hall.time.forward(0.001)
        assert hall.room.tick() == []
        assert hall.states() == {State.DOUBT: 1}
        (record,) = hall.room.held("b", State.DOUBT)
        assert record.value("error")["kind"] == "in-doubt"
        assert not hall.room.move(silent, State.SUBMITTING, State.FAILED)
        hall.time.forward(1)
        settle = hall.handed(Step.SETTLE)
        assert hall.room.move(settle, State.DOUBT, State.DOUBT)
        hall.time.forward(1e6)
        assert hall.room.tick() == [], "it is never sent again by itself"

    @pytest.mark.parametrize(
        ("state", "step", "lease"),
        [(State.RENDERING, Step.POLL, LEASES.poll), (State.COLLECTING, Step.COLLECT, LEASES.collect)],
    )
    def test_what_a_silent_hand_had_is_given_to_another(
        self, hall: Hall, state: State, step: Step, lease: float
    ) -> None:
        hall.open(total=1)
        silent = hall.reached(state)
        hall.time.forward(lease)
        other = hall.handed(step)
        assert other.fence == silent.fence + 1
        assert not hall.room.move(silent, state, State.FAILED)
        assert hall.states() == {state: 1}

    def test_a_take_that_is_done_is_handed_out_no_more(self, hall: Hall) -> None:
        hall.open(total=1)
        finish(hall, hall.admitted())
        assert hall.states() == {State.DONE: 1}
        assert hall.due() == {}
        hall.time.forward(1e6)
        assert hall.room.tick() == []
        assert hall.room.take("b", 0) is None

    def test_what_is_due_of_a_take_that_is_gone_is_dropped(self, hall: Hall) -> None:
        hall.open(total=2, begin=False)
        hall.client.zadd(f"{hall.namespace}:due", {"b:1": 0})
        assert hall.room.tick() == []
        assert hall.due() == {}

    def test_a_batch_may_have_colons_and_digits_in_its_name(self, hall: Hall) -> None:
        hall.open("b:12", total=1)
        hall.admitted()
        hall.time.forward(LEASES.admitted)
        again = hall.admitted()
        assert (again.batch, again.index) == ("b:12", 0)


class TestSettling:
    """Providers with whom an attempt in doubt can be settled without a person."""

    def test_a_doubt_is_looked_into_where_the_provider_lists_its_jobs(self, hall: Hall) -> None:
        hall.open(total=1, limits=Limits(seats=5, lists=True))
        work = hall.submitting()
        hall.room.move(work, State.SUBMITTING, State.DOUBT, delay=5.0)
        assert hall.room.tick() == []
        standing = hall.room.standing("b")
        assert standing is not None
        assert (standing.settling, standing.open) == (1, 1)
        hall.time.forward(5)
        settle = hall.handed(Step.SETTLE)
        hall.time.forward(LEASES.settle)
        again = hall.handed(Step.SETTLE)
        assert not hall.room.move(settle, State.DOUBT, State.DOUBT)
        assert hall.room.move(again, State.DOUBT, State.DOUBT, delay=0.0)
        hall.time.forward(1e6)
        assert hall.room.tick() == [], "it is left to a person"
        left = hall.room.standing("b")
        assert left is not None
        assert (left.settling, left.open) == (0, 0)
        assert hall.states() == {State.DOUBT: 1}
        assert hall.members(State.DOUBT) == {"0"}

    def test_a_silent_submission_is_sent_again_under_its_key_while_the_provider_remembers_it(self, hall: Hall) -> None:
        hall.open(total=1, limits=Limits(seats=5, again_seconds=300.0))
        for _ in range(2):
            work = hall.admitted()
            assert work.attempt == 1
            hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=100.0)
            hall.time.forward(100)
            assert hall.room.tick()[0].step is Step.SUBMIT
            hall.time.forward(LEASES.admitted)
        work = hall.admitted()
        hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=100.0)
        hall.time.forward(100)
        assert hall.room.tick() == []
        assert hall.states() == {State.DOUBT: 1}, "300 seconds after the first submission"

    def test_a_worker_whose_clock_is_ahead_makes_no_difference(self, hall: Hall) -> None:
        """It told the time of its submission once, and where no key stands for anything the take was sent again."""
        hall.open(total=1)
        ahead = {"submitted_at": hall.time.ms + 3_600_000}
        hall.room.move(hall.admitted(), State.ADMITTED, State.SUBMITTING, delay=100.0, fields=ahead)
        record = hall.room.take("b", 0)
        assert record is not None
        assert record.time("submitted_at") == hall.time.ms / 1000
        hall.time.forward(100)
        hall.room.tick()
        assert hall.states() == {State.DOUBT: 1}


class TestLargeBatches:
    def test_a_million_takes_that_wait_need_next_to_nothing(self, hall: Hall) -> None:
        hall.open(total=1_000_000, limits=Limits(seats=50, queues=True))
        works = hall.room.tick()
        assert len(works) == 50
        assert hall.states() == {State.ADMITTED: 50, State.WAITING: 999_950}
        assert hall.count_keys() < 50 + 17

    def test_a_long_stretch_of_finished_takes_is_passed_over_in_several_ticks(self, hall: Hall) -> None:
        hall.open(total=200_002, begin=False)
        key = f"{hall.namespace}:batch:b:done"
        hall.client.set(key, b"\xff" * 25_000)
        hall.room.begin("b")
        places = []
        while not (works := hall.room.tick()):
            places.append(int(hall.client.hget(f"{hall.namespace}:batch:b:next", "0") or 0))
            assert len(places) < 20
        assert [work.index for work in works] == [200_000, 200_001]
        assert places == sorted(set(places)), "every tick gets on"
        assert max(later - earlier for earlier, later in zip([0, *places], places, strict=False)) <= 20_000
        assert hall.room.tick() == []

    def test_a_batch_that_is_done_leaves_its_lane(self, hall: Hall) -> None:
        hall.open(total=40_000, begin=False)
        hall.client.set(f"{hall.namespace}:batch:b:done", b"\xff" * 5_000)
        hall.room.begin("b")
        for _ in range(4):
            assert hall.room.tick() == []
        assert hall.client.zcard(f"{hall.namespace}:lane:fal:batches") == 0


class TestSharing:
    def test_two_batches_take_turns(self, hall: Hall) -> None:
        hall.open("large", total=1000, limits=Limits(seats=10, queues=True))
        hall.open("small", total=5, limits=Limits(seats=10, queues=True))
        assert Counter(work.batch for work in hall.room.tick()) == {"large": 5, "small": 5}

    def test_a_batch_that_comes_later_shares_and_does_not_take_over(self, hall: Hall) -> None:
        hall.open("first", total=1000)
        assert len(hall.room.tick(most_unstarted=100)) == 100
        hall.open("second", total=1000)
        assert Counter(work.batch for work in hall.room.tick(most_unstarted=120)) == {"first": 10, "second": 10}

    def test_a_batch_of_which_nothing_is_ready_holds_up_no_other(self, hall: Hall) -> None:
        hall.open("first", total=1)
        hall.room.move(hall.admitted(), State.ADMITTED, State.WAITING, delay=60.0)
        hall.open("second", total=1)
        assert [work.batch for work in hall.room.tick()] == ["second"]
        hall.time.forward(60)
        assert "first" in [work.batch for work in hall.room.tick()]


class TestManyPumps:
    def test_no_step_is_handed_out_twice(self, redis_server: EmbeddedRedis, namespace: str) -> None:
        """Sixteen pumps at once: every take is handed out, each fence to one of them."""
        time = HandTime()
        clients: list[redis.Redis] = [connect(redis_server.url) for _ in range(16)]
        rooms = [WaitingRoom(client, namespace, clock=time) for client in clients]
        rooms[0].open("b", digest="d", live=400, provider="fal", manifest=b"{}", spans="[[0,400,0,null]]")
        rooms[0].set_limits("fal", Limits(seats=400, queues=True))
        rooms[0].begin("b")
        handed: list[list[Work]] = [[] for _ in rooms]
        barrier = threading.Barrier(len(rooms))

        def pump(number: int) -> None:
            barrier.wait()
            for _ in range(40):
                handed[number] += rooms[number].tick(most=7, most_unstarted=400)

        threads = [threading.Thread(target=pump, args=(number,)) for number in range(len(rooms))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in clients:
            client.close()

        everything = [work for some in handed for work in some]
        assert sorted(work.index for work in everything) == list(range(400))
        assert len({(work.index, work.fence) for work in everything}) == 400
        assert sum(1 for some in handed if some) > 1
