"""Doubts: listed, and decided about."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from decided import lose_redis, named, submit_all
from scripted_fal import ScriptedFal
from workbench import Bench

from workers.decisions import Target, doubts, resolve, resubmission
from workers.decisions.doubting import NotAdopted
from workers.engine.limits import Limits
from workers.engine.states import State, Step
from workers.errors import StoreError
from workers.ledger import Acceptance
from workers.providers.errors import Invalid
from workers.steps import settle

TAKE = named("b/s/0001")


def known_at_fal(fal: ScriptedFal) -> None:
    fal.statuses = [lambda asked: asked.say(202, {"status": "IN_QUEUE", "queue_position": 3})]


def test_a_doubt_says_what_it_may_have_cost_and_how_it_could_be_found(doubted: Bench) -> None:
    (doubt,) = doubts(doubted.context, "b")
    intent = doubted.context.ledger("b").intent("s/0001", 1)
    assert intent.highest_price is not None and intent.highest_price > Decimal(0)
    assert (doubt.take, doubt.attempt, doubt.provider) == ("s/0001", 1, "fal")
    assert (doubt.highest_price, doubt.currency) == (intent.highest_price, "USD")
    assert doubt.since == pytest.approx(doubted.clock.now() - 60, abs=1)
    assert (doubt.prompt, doubt.settling) == ("a dog", False)
    assert "connection broke" in doubt.message
    assert doubt.to_json()["highest_price"] == doubt.price.removesuffix(" USD")


def test_one_that_will_still_be_asked_about_says_so(bench: Bench, fal: ScriptedFal) -> None:
    fal.posts = [lambda asked: asked.hang_up()]
    bench.open()
    bench.submit()
    assert [doubt.settling for doubt in doubts(bench.context, "b")] == [True]


def test_doubts_are_known_from_the_store_alone(doubted: Bench) -> None:
    (before,) = doubts(doubted.context, "b")
    doubted.forget()
    (after,) = doubts(doubted.context, "b")
    assert (after.take, after.highest_price, after.since) == (before.take, before.highest_price, before.since)


def test_a_doubt_is_submitted_once_more(doubted: Bench, fal: ScriptedFal) -> None:
    assert resubmission(doubted.context, TAKE).takes == 1
    doubted.room.note("b", 0, None, {"cancelling": "wanted"})  # it had been cancelled while it was being submitted
    assert resolve(doubted.context, TAKE, "resubmit").takes == {"s/0001": "waiting, for attempt 2"}
    assert "cancelling" not in doubted.record().fields, "it is wanted again"
    assert submit_all(doubted) == [0]
    assert fal.count("POST") == 2
    assert doubted.record().job == {"id": "job-1", "urls": doubted.record().job["urls"]}  # type: ignore[index]
    assert doubted.context.ledger("b").ending("s/0001", 1).kind == "resubmitted"


def test_deciding_once_more_about_what_is_no_doubt_changes_nothing(doubted: Bench, fal: ScriptedFal) -> None:
    resolve(doubted.context, TAKE, "resubmit")
    for how in ("resubmit", "waive"):
        (told,) = resolve(doubted.context, TAKE, how).takes.values()  # type: ignore[arg-type]
        assert told == "not in doubt, but waiting; nothing was changed"
    assert submit_all(doubted) == [0]
    assert fal.count("POST") == 2


def test_one_whose_acceptance_the_store_knows_is_followed_and_not_paid_again(doubted: Bench, fal: ScriptedFal) -> None:
    late = Acceptance(
        take="s/0001", attempt=1, provider="fal", job_id="late", urls={}, status=200, at=doubted.clock.now()
    )
    doubted.context.ledger("b").accept(late)
    assert resolve(doubted.context, TAKE, "resubmit").takes == {
        "s/0001": "rendering: the store knew that it was accepted"
    }
    assert doubted.record().job == {"id": "late", "urls": {}}
    assert fal.count("POST") == 1


def test_nothing_is_submitted_again_that_is_not_on_record_as_given_up(doubted: Bench) -> None:
    doubted.store.fail(".ended.json")
    with pytest.raises(StoreError):
        resolve(doubted.context, TAKE, "resubmit")
    assert doubted.state() is State.DOUBT


def test_a_job_that_a_person_found_is_followed(doubted: Bench, fal: ScriptedFal) -> None:
    known_at_fal(fal)
    assert resolve(doubted.context, TAKE, "adopt", "found-1").takes == {"s/0001": "rendering, as job found-1"}
    acceptance = doubted.context.ledger("b").acceptance("s/0001", 1)
    assert (acceptance.job_id, acceptance.status, acceptance.answer) == ("found-1", 0, None)
    lose_redis(doubted, "b")
    assert doubted.record().job == {"id": "found-1", "urls": dict(acceptance.urls)}
    fal.rendered()
    doubted.poll()
    assert doubted.state() is State.COLLECTING
    assert fal.count("POST") == 1


def test_a_job_that_the_provider_does_not_know_is_refused_unless_it_is_forced(doubted: Bench, fal: ScriptedFal) -> None:
    fal.statuses = [lambda asked: asked.say(404, {"detail": "Not found"})]
    with pytest.raises(NotAdopted, match="fal knows no job no-such"):
        resolve(doubted.context, TAKE, "adopt", "no-such")
    assert doubted.state() is State.DOUBT
    resolve(doubted.context, TAKE, "adopt", "no-such", force=True)
    assert doubted.state() is State.RENDERING


def test_a_provider_that_says_nothing_of_the_job_lets_it_be_tried_later(doubted: Bench, fal: ScriptedFal) -> None:
    fal.statuses = [lambda asked: asked.say(502, b"<html>")]
    with pytest.raises(NotAdopted, match="fal doesn't say whether there is a job j-1"):
        resolve(doubted.context, TAKE, "adopt", "j-1")
    fal.statuses = [lambda asked: asked.hang_up()]
    with pytest.raises(NotAdopted, match="can't be asked about job j-1 just now"):
        resolve(doubted.context, TAKE, "adopt", "j-1")
    assert doubted.state() is State.DOUBT


def test_the_job_of_another_take_is_refused(bench: Bench, fal: ScriptedFal) -> None:
    known_at_fal(fal)
    fal.posts = [lambda asked: fal.accept(asked, "taken"), lambda asked: asked.hang_up()]
    bench.open(takes=2)
    submit_all(bench)
    (doubt,) = doubts(bench.context, "b")
    with pytest.raises(
        NotAdopted, match=r"job taken is that of b/s/000. already|job taken is that of b/s/000.-seed. already"
    ):
        resolve(bench.context, named(f"b/{doubt.take}"), "adopt", "taken")
    # When Redis knows nothing of the other one any more, the record does.
    other = next(index for index in (0, 1) if bench.state(index) is State.RENDERING)
    bench.room.mark_done("b", [other])
    bench.client.delete(f"{bench.context.settings.namespace}:take:b:{other}")
    with pytest.raises(NotAdopted, match="job taken is that of b/s/"):
        resolve(bench.context, named(f"b/{doubt.take}"), "adopt", "taken")


def test_what_can_be_no_job_is_refused(doubted: Bench) -> None:
    with pytest.raises(Invalid):
        resolve(doubted.context, TAKE, "adopt", "no/such id")


@pytest.mark.parametrize("target", ["b", "b/s"])
def test_a_job_is_adopted_for_a_single_take_alone(doubted: Bench, target: str) -> None:
    with pytest.raises(NotAdopted, match="for a single take alone"):
        resolve(doubted.context, named(target), "adopt", "j-1")


def test_all_doubts_of_a_batch_are_decided_about_together(bench: Bench, fal: ScriptedFal, tmp_path: Path) -> None:
    fal.posts = [lambda asked: asked.hang_up()]
    bench.open(takes=2)
    submit_all(bench)
    outcome = resolve(bench.context, Target("b"), "waive")
    assert outcome.takes == {"s/0001-seed1": "waived", "s/0002-seed2": "waived"}
    assert doubts(bench.context, "b") == []


def test_a_doubt_that_nobody_asks_for_any_more_is_not_submitted_again(doubted: Bench, fal: ScriptedFal) -> None:
    doubted.open("a cat")
    assert [doubt.take for doubt in doubts(doubted.context, "b")] == ["s/0001"]
    (told,) = resolve(doubted.context, named("b"), "resubmit").takes.values()
    assert told == "in doubt, and nobody asks for it any more: waive it, or adopt its job"
    assert resolve(doubted.context, named("b"), "waive").takes == {"s/0001": "waived"}


def test_doubts_that_hold_every_seat_are_told_as_what_holds_the_batch_up(bench: Bench, fal: ScriptedFal) -> None:
    fal.posts = [lambda asked: asked.hang_up()]
    bench.open(takes=3)
    bench.room.set_limits("fal", Limits(seats=2, queues=False))
    assert submit_all(bench) == [0, 1]

    def seats_in_doubt() -> int:
        standing = bench.room.standing("b")
        assert standing is not None
        return standing.lane.seats_in_doubt

    assert seats_in_doubt() == 0  # they may still be settled
    bench.clock.forward(60)
    for work in bench.all_due(Step.SETTLE):
        settle(bench.context, work)
    assert seats_in_doubt() == 2
    resolve(bench.context, named("b"), "waive")
    assert seats_in_doubt() == 0
    assert submit_all(bench) == [2]
