"""The pump: hands out what is due, whatever happens to it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import redis
from hand_time import QUEUES, Hall
from kombu.exceptions import OperationalError
from workbench import until

from workers.engine import pump as module
from workers.engine.pump import Pump
from workers.engine.room import WaitingRoom
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
    pump.wake()
    assert [work.batch for work in room.tick()] == ["later"], "it was left for another pump"


def test_a_pump_that_never_started_can_be_stopped(room: WaitingRoom) -> None:
    Pump(room, Post()).stop()


def test_it_is_woken_when_something_has_become_possible(room: WaitingRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK_SECONDS", 3600.0)
    post = Post()
    pump = Pump(room, post)
    pump.start()
    until(lambda: len(post.works) == 3)
    room.open("later", digest="d", live=1, provider="fal", manifest=b"{}", spans="[[0,1,0,null]]")
    room.begin("later")

    def woken() -> bool:
        pump.wake()
        return len(post.works) == 4

    until(woken)
    pump.stop()


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
        pump.wake()
        return len(post.works) >= 2

    until(in_time)
    pump.stop()
    assert {work.index for work in post.works} == {0, 1}
    assert all(work.fence >= 3 for work in post.works)
