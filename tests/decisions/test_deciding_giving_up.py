"""Cancelling and waiving."""

from __future__ import annotations

import pytest
from decided import admitted, lose_redis, named, states, submit_all
from scripted_fal import ScriptedFal
from workbench import Bench

from workers.decisions import cancel, retry, waive
from workers.engine.states import State
from workers.errors import ObjectMissing
from workers.ledger import Acceptance, Ending
from workers.steps import poll, submit

WAITING, CANCELLED, WAIVED = State.WAITING, State.CANCELLED, State.WAIVED


def ending(bench: Bench, take: str, attempt: int = 1, batch: str = "night") -> Ending:
    return bench.context.ledger(batch).ending(take, attempt)


def test_a_cancelled_batch_begins_nothing_more_and_asks_for_the_end_of_the_rest(night: Bench) -> None:
    submit_all(night)
    outcome = cancel(night.context, named("night"), "wrong dog")
    assert outcome.stand == {"rendering": 2, "cancelled": 3}
    assert outcome.notes == ("fal is asked to cancel 2 takes at the next poll; what it finishes all the same is kept",)
    assert [night.record(index, "night").fields["cancelling"] for index in (0, 1)] == ["wanted", "wanted"]
    assert [work.step for work in night.room.tick()] == ["poll", "poll"]  # at once, whenever they were due


def test_a_cancelled_job_that_completes_anyway_is_kept(night: Bench, fal: ScriptedFal) -> None:
    submit_all(night)
    cancel(night.context, named("night/first/0001"))
    fal.rendered()
    poll(night.context, [work for work in night.room.tick() if work.step == "poll"])
    assert night.state(0, "night") is State.COLLECTING


def test_a_cancelled_batch_outlives_redis(night: Bench) -> None:
    submit_all(night)
    cancel(night.context, named("night"))
    lose_redis(night, "night")
    assert night.room.hold_on("night")[0] == "cancelled"
    assert night.record(0, "night").fields["cancelling"] == "wanted"
    assert admitted(night) == []


def test_a_cancelled_shot_leaves_the_others_alone(night: Bench) -> None:
    assert submit_all(night) == [0, 1]
    outcome = cancel(night.context, named("night/first"))
    assert outcome.stand == {"rendering": 2, "cancelled": 1}
    assert outcome.takes == dict.fromkeys(
        ("first/0001-seed1", "first/0002-seed2"), "under way; the provider is asked to end it where it can"
    )
    assert cancel(night.context, named("night/second/0001")).takes == {"second/0001-cat": "cancelled"}
    lose_redis(night, "night")
    assert states(night, "night", 5) == [State.RENDERING, State.RENDERING, WAITING, CANCELLED, WAITING]
    assert admitted(night) == []  # both seats are taken


def test_a_take_that_is_cancelled_is_on_record_as_that(night: Bench) -> None:
    cancel(night.context, named("night/first/0001"), "no")
    assert (ending(night, "first/0001-seed1").kind, ending(night, "first/0001-seed1").message) == ("cancelled", "no")
    lose_redis(night, "night")
    assert night.state(0, "night") is CANCELLED
    assert admitted(night) == [1, 2]


def test_an_admitted_take_is_cancelled_and_its_message_comes_to_nothing(night: Bench, fal: ScriptedFal) -> None:
    works = [work for work in night.room.tick() if work.index == 0]
    assert cancel(night.context, named("night/first/0001")).stand == {"cancelled": 1}
    for work in works:
        submit(night.context, work)
    assert fal.count("POST") == 0
    assert ending(night, "first/0001-seed1").kind == "cancelled"


def test_what_may_have_been_sent_is_not_called_cancelled_on_record(night: Bench) -> None:
    submit_all(night)
    cancel(night.context, named("night/first/0001"))
    with pytest.raises(ObjectMissing):
        ending(night, "first/0001-seed1")


def test_a_doubt_is_not_cancelled(doubted: Bench) -> None:
    (told,) = cancel(doubted.context, named("b/s/0001")).takes.values()
    assert "rushes resolve" in told
    assert doubted.state() is State.DOUBT


def test_cancelling_a_done_take_says_that_it_is_done(night: Bench) -> None:
    night.room.mark_done("night", [0])
    assert cancel(night.context, named("night/first/0001")).takes == {"first/0001-seed1": "done, and stays so"}


def test_cancelling_twice_is_cancelling_once(night: Bench) -> None:
    assert cancel(night.context, named("night/first/0001")) == cancel(night.context, named("night/first/0001"))
    assert cancel(night.context, named("night/second")) == cancel(night.context, named("night/second"))


def test_a_job_that_was_accepted_after_its_take_was_given_up_is_followed_though_redis_is_lost(doubted: Bench) -> None:
    """Its answer came late, and the decision was made without knowing of it: it is paid for."""
    waive(doubted.context, named("b/s/0001"))
    doubted.clock.forward(5)
    late = Acceptance(
        take="s/0001", attempt=1, provider="fal", job_id="late", urls={}, status=200, at=doubted.clock.now()
    )
    doubted.context.ledger("b").accept(late)
    lose_redis(doubted, "b")
    assert doubted.record().job == {"id": "late", "urls": {}}


def test_a_waived_doubt_counts_as_spent_and_settled(doubted: Bench) -> None:
    assert waive(doubted.context, named("b")).takes == {"s/0001": "waived"}
    standing = doubted.room.standing("b")
    assert standing is not None and standing.open == 0
    assert ending(doubted, "s/0001", batch="b").kind == "waived"
    lose_redis(doubted, "b")
    assert doubted.state() is WAIVED


def test_a_waived_failure_keeps_what_it_failed_of(night: Bench, fal: ScriptedFal) -> None:
    fal.posts = [lambda asked: asked.say(422, {"detail": [{"type": "content_policy_violation", "msg": "no"}]})]
    submit_all(night)
    assert night.state(0, "night") is State.FAILED
    kind = ending(night, "first/0001-seed1").kind
    assert waive(night.context, named("night/first/0001")).takes == {"first/0001-seed1": "waived"}
    assert (ending(night, "first/0001-seed1").kind, ending(night, "first/0001-seed1").decided) == (kind, "waived")
    lose_redis(night, "night")
    assert states(night, "night", 2) == [WAIVED, State.FAILED]


def test_a_waived_take_that_was_never_sent_has_cost_nothing(night: Bench) -> None:
    waive(night.context, named("night/first/0001"))
    assert ending(night, "first/0001-seed1").kind == "cancelled"
    lose_redis(night, "night")
    assert states(night, "night", 2) == [WAIVED, WAITING]


def test_what_waits_of_a_waived_shot_is_given_up_and_the_rest_goes_on(night: Bench) -> None:
    assert waive(night.context, named("night/first")).stand == {"waived": 3}
    assert admitted(night) == [3, 4]
    standing = night.room.standing("night")
    assert standing is not None
    assert (standing.open, standing.held) == (2, {"waived": 3})
    lose_redis(night, "night")
    assert admitted(night) == [3, 4]


def test_a_waived_batch_is_not_held_any_more(night: Bench) -> None:
    cancel(night.context, named("night"))
    assert waive(night.context, named("night")).stand == {"waived": 5}
    assert night.room.hold_on("night") == (None, "")
    standing = night.room.standing("night")
    assert standing is not None and standing.open == 0


def test_what_is_under_way_is_not_waived(night: Bench) -> None:
    submit_all(night)
    outcome = waive(night.context, named("night"))
    assert outcome.stand == {"rendering": 2, "waived": 3}
    assert "2 under way can't be waived" in outcome.notes[0]
    assert waive(night.context, named("night/first/0001")).takes == {"first/0001-seed1": "rendering, and stays so"}


def test_what_was_given_up_is_taken_up_again(night: Bench) -> None:
    cancel(night.context, named("night/first/0001"))
    waive(night.context, named("night/first/0002"))
    cancel(night.context, named("night/second"))
    cancel(night.context, named("night"))
    outcome = retry(night.context, named("night"))
    assert outcome.stand == {"waiting": 5}
    assert outcome.takes == dict.fromkeys(("first/0001-seed1", "first/0002-seed2"), "waiting, for attempt 2")
    lose_redis(night, "night")
    assert night.room.hold_on("night") == (None, "")
    assert states(night, "night", 5) == [WAITING] * 5
    assert [night.record(index, "night").attempt for index in (0, 1)] == [2, 2]
    assert len(admitted(night)) == 2
