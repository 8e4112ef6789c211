"""The pump: hands out what is due, whatever happens to it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import redis
from hand_time import LEASES, QUEUES, Hall
from kombu.exceptions import OperationalError
from workbench import until

from workers.engine import pump as module
from workers.engine.limits import Limits
from workers.engine.pump import Pump
from workers.engine.room import WaitingRoom
from workers.engine.states import State
from workers.engine.work import Work
from workers.errors import RedisError


class Post:
    """What a pump dispatches to; it fails as often as it is told to."""

    def __init__(self, *troubles: Exception) -> None:
        self.troubles = list(troubles)
        self.works: list[Work] = []
        self.calls = 0

    def __call__(self, works: Sequence[Work]) -> None:
        self.calls += 1
        if self.troubles:
            raise self.troubles.pop(0)
        self.works += works


@pytest.fixture
def room(redis_client: redis.Redis, namespace: str) -> WaitingRoom:
    """A waiting room with a batch of three takes in it, by the real time."""
    room = WaitingRoom(redis_client, namespace)
    room.open("b", digest="d", live=3, provider="fal", manifest=b"{}", spans="[[0,3,0,null]]")
    room.set_limits("fal", QUEUES)
    room.begin("b")
    return room


def test_one_round_hands_out_what_is_due(hall: Hall) -> None:
    hall.open(total=2)
    post = Post()
    pump = Pump(hall.room, post)
    assert pump.once() == 2
    assert [work.index for work in post.works] == [0, 1]
    assert pump.once() == 0
    assert post.calls == 1, "with nothing to hand out, nobody is troubled"


def test_a_running_pump_hands_out_and_stops_when_it_is_told_to(room: WaitingRoom) -> None:
    post = Post()
    pump = Pump(room, post)
    pump.start()
    until(lambda: len(post.works) == 3)
    pump.stop()
    room.open("later", digest="d", live=1, provider="fal", manifest=b"{}", spans="[[0,1,0,null]]")
    room.begin("later")
    assert [work.batch for work in room.tick()] == ["later"], "it was left for another pump"


def test_a_pump_that_never_started_can_be_stopped(room: WaitingRoom) -> None:
    Pump(room, Post()).stop()


def test_it_is_woken_when_something_has_become_possible(room: WaitingRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_SLEEP", 14.0)
    post = Post()
    pump = Pump(room, post)
    pump.start()
    until(lambda: len(post.works) == 3)
    room.open("later", digest="d", live=1, provider="fal", manifest=b"{}", spans="[[0,1,0,null]]")
    room.begin("later")
    until(lambda: len(post.works) == 4)
    pump.stop()


def test_a_freed_seat_is_given_on_without_a_tick_to_wait_for(
    redis_client: redis.Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_SLEEP", 14.0)
    room = WaitingRoom(redis_client, namespace)
    room.open("b", digest="d", live=2, provider="fal", manifest=b"{}", spans="[[0,2,0,null]]")
    room.set_limits("fal", Limits(seats=1))
    room.begin("b")
    post = Post()
    pump = Pump(room, post)
    pump.start()
    until(lambda: len(post.works) == 1)
    assert room.move(post.works[0], State.ADMITTED, State.FAILED)
    until(lambda: len(post.works) == 2)
    pump.stop()
    assert [work.index for work in post.works] == [0, 1]


class TestWhenToAskAgain:
    """What the script tells a pump, so that it can sleep."""

    def test_nothing_is_known_of_an_empty_room(self, hall: Hall) -> None:
        assert hall.room.ask() == ([], None)

    def test_when_a_lease_ends(self, hall: Hall) -> None:
        hall.open(total=1)
        works, again = hall.room.ask()
        assert (len(works), again) == (1, LEASES.admitted)

    def test_at_once_when_there_is_more_than_was_asked_for(self, hall: Hall) -> None:
        hall.open(total=9)
        assert hall.room.ask(most=3)[1] == 0

    def test_when_the_next_request_may_be_sent(self, hall: Hall) -> None:
        hall.open(total=9, limits=Limits(seats=9, requests_per_minute=60))
        assert hall.room.ask()[1] == 1.0
        hall.time.forward(0.25)
        assert hall.room.ask() == ([], 0.75)

    def test_when_a_provider_that_is_slowed_down_may_be_asked(self, hall: Hall) -> None:
        hall.open(total=9)
        hall.room.slow_down("fal", seconds=7, reason="429")
        assert hall.room.ask() == ([], 7.0)

    def test_when_a_take_that_came_back_may_begin(self, hall: Hall) -> None:
        hall.open(total=1)
        hall.room.move(hall.submitting(), State.SUBMITTING, State.WAITING, delay=5.0)
        assert hall.room.ask() == ([], 5.0)

    def test_when_the_store_is_tried_again(self, hall: Hall) -> None:
        hall.open(total=1)
        hall.room.store_fails("no room", seconds=10)
        assert hall.room.ask() == ([], 10.0)

    def test_what_is_due_sooner_than_was_told_rings(self, hall: Hall) -> None:
        hall.open(total=1)
        work = hall.submitting(lease=100.0)
        hall.room.ask()
        hall.client.delete(f"{hall.namespace}:bell")
        assert hall.room.renew(work, lease=200.0)
        assert not hall.room.await_bell(0.01), "that is later"
        assert hall.room.renew(work, lease=3.0)
        assert hall.room.renew(work, lease=2.0)
        assert hall.room.await_bell(0.01)
        assert not hall.room.await_bell(0.01), "once for all that has become possible"


@pytest.mark.parametrize(
    "trouble",
    [RedisError("Redis can't be reached"), OperationalError("broken pipe"), ValueError("a defect in dispatch")],
    ids=["redis", "broker", "defect"],
)
def test_trouble_does_not_end_it_and_what_was_lost_comes_back_by_its_lease(hall: Hall, trouble: Exception) -> None:
    hall.open(total=2)
    post = Post(trouble, trouble)
    pump = Pump(hall.room, post)
    pump.start()

    def in_time() -> bool:
        hall.time.forward(31)
        hall.room.ring()
        return len(post.works) >= 2

    until(in_time)
    pump.stop()
    assert {work.index for work in post.works} == {0, 1}
    assert all(work.fence >= 3 for work in post.works)
