"""Pausing, resuming and putting first."""

from __future__ import annotations

import threading

from decided import admitted, lose_redis, named, submit_all
from scripted_fal import ScriptedFal
from workbench import Bench

from workers.decisions import cancel, pause, prioritize, resume
from workers.engine.states import State
from workers.errors import StoreError


def test_a_paused_batch_submits_nothing_until_it_is_resumed(night: Bench) -> None:
    assert pause(night.context, named("night"), "over lunch").stand == {"paused": 5}
    assert admitted(night) == []
    standing = night.room.standing("night")
    assert standing is not None and standing.stopped is not None
    assert standing.stopped.told == "it is paused: over lunch"
    assert resume(night.context, named("night")).stand == {"waiting": 5}
    assert admitted(night) == [0, 1]


def test_what_is_under_way_goes_on_and_is_told(night: Bench) -> None:
    assert submit_all(night) == [0, 1]
    outcome = pause(night.context, named("night"))
    assert outcome.stand == {"rendering": 2, "paused": 3}
    assert "2 takes are under way and go on" in outcome.notes[0]
    night.clock.forward(60)
    assert [work.step for work in night.room.tick()] == ["poll", "poll"]


def test_a_paused_shot_is_passed_over(night: Bench) -> None:
    assert pause(night.context, named("night/first")).stand == {"paused": 3}
    assert admitted(night) == [3, 4]


def test_a_paused_take_is_passed_over(night: Bench) -> None:
    outcome = pause(night.context, named("night/first/0001"))
    assert outcome.stand == {"paused": 1}
    assert outcome.target == "night/first/0001-seed1"
    assert admitted(night) == [1, 2]


def test_a_paused_take_that_came_back_is_passed_over_too(night: Bench, fal: ScriptedFal) -> None:
    fal.posts = [lambda asked: asked.say(429, {"detail": "later"}, retry_after="0")]
    submit_all(night)
    pause(night.context, named("night/first"))
    night.clock.forward(60)
    assert admitted(night) == [3, 4]


def test_resuming_a_batch_resumes_its_parts(night: Bench) -> None:
    pause(night.context, named("night/first"))
    pause(night.context, named("night/second/0002"))
    assert resume(night.context, named("night")).stand == {"waiting": 5}
    assert night.room.spans("night") == "[[0,5,0,null]]"


def test_pausing_and_resuming_leave_what_is_cancelled(night: Bench) -> None:
    cancel(night.context, named("night/second"))
    assert pause(night.context, named("night/second")).stand == {"cancelled": 2}
    outcome = resume(night.context, named("night"))
    assert outcome.stand == {"waiting": 3, "cancelled": 2}
    assert outcome.notes == ("part of it is cancelled; rushes retry night takes it up again",)
    cancel(night.context, named("night"))
    for decision in (pause, resume):
        assert "night is cancelled" in decision(night.context, named("night")).notes[-1]
    assert night.room.hold_on("night")[0] == "cancelled"


def test_it_outlives_redis(night: Bench) -> None:
    prioritize(night.context, named("night/second"), 5)
    pause(night.context, named("night/first"))
    lose_redis(night, "night")
    assert admitted(night) == [3, 4]
    assert night.room.spans("night") == '[[3,5,5,null],[0,3,0,"paused"]]'
    pause(night.context, named("night"), "for good")
    prioritize(night.context, named("night"), 7)
    lose_redis(night, "night")
    assert night.room.hold_on("night") == ("paused", "for good")
    standing = night.room.standing("night")
    assert standing is not None and standing.priority == 7
    resume(night.context, named("night"))
    lose_redis(night, "night")
    assert night.room.hold_on("night") == (None, "")


def test_it_holds_at_once_though_the_store_fails(night: Bench) -> None:
    night.store.fail("holds.json")
    try:
        pause(night.context, named("night"))
    except StoreError as error:
        assert "strike" in str(error)
    else:
        raise AssertionError("nobody was told that it isn't on record")
    assert admitted(night) == []
    night.store.mend()
    pause(night.context, named("night"))
    lose_redis(night, "night")
    assert admitted(night) == []


def test_deciding_twice_changes_nothing(night: Bench) -> None:
    first = pause(night.context, named("night/first"))
    puts = list(night.store.puts)
    assert pause(night.context, named("night/first")) == first
    assert night.store.puts == puts


def test_two_people_at_once_both_get_what_they_decided(night: Bench) -> None:
    targets = ["night/first/0001", "night/first/0003", "night/second/0001", "night/second/0002"]
    people = [threading.Thread(target=pause, args=(night.context, named(each))) for each in targets]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert admitted(night) == [1]
    lose_redis(night, "night")
    assert admitted(night) == [1]


def test_a_shot_that_comes_first_is_submitted_first(night: Bench) -> None:
    prioritize(night.context, named("night/second"), 5)
    assert admitted(night) == [3, 4]


def test_a_take_that_comes_first_is_submitted_first(night: Bench) -> None:
    prioritize(night.context, named("night/second/0002"), 5)
    prioritize(night.context, named("night/first/0003"), 9)
    assert admitted(night) == [2, 4]


def test_a_priority_that_is_taken_back_leaves_the_order_of_the_manifest(night: Bench) -> None:
    before = night.room.spans("night")
    prioritize(night.context, named("night/second"), 5)
    prioritize(night.context, named("night/second"), 0)
    assert night.room.spans("night") == before


def test_a_batch_that_comes_first_is_served_first(night: Bench) -> None:
    night.open(batch="late", takes=3)
    prioritize(night.context, named("late"), 3)
    assert [(work.batch, work.index) for work in night.room.tick()] == [("late", 0), ("late", 1)]


def test_what_does_not_wait_is_not_put_first(night: Bench) -> None:
    submit_all(night)
    outcome = prioritize(night.context, named("night/first/0001"), 5)
    assert outcome.stand == {"rendering": 1}
    assert outcome.notes == ("none of it waits, so nothing comes earlier or later for it",)
    assert night.state(0, "night") is State.RENDERING
