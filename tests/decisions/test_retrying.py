"""Trying again what has failed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from decided import admitted, lose_redis, named, submit_all
from scripted_fal import ScriptedFal
from workbench import Bench

from workers.decisions import cancel, retrial, retry
from workers.engine.states import State, Step
from workers.engine.work import Work

SUSPECT = {"detail": [{"type": "content_policy_violation", "msg": "no"}]}


def fail(bench: Bench, index: int, kind: str, *, batch: str = "night", **fields: object) -> None:
    """Let a take that is rendering have failed, as far as Redis knows."""
    record = bench.record(index, batch)
    work = Work(Step.POLL, batch, index, record.fence, record.attempt)
    error = {"kind": kind, "message": "why", "status": None, "body": None}
    assert bench.room.move(work, record.state, State.FAILED, fields={"error": error, **fields})


@pytest.fixture
def failed(night: Bench) -> Bench:
    """A batch of which two takes have failed, one at the provider's own fault and one perhaps at a price."""
    submit_all(night)
    fail(night, 0, "transient")
    fail(night, 1, "output-moderation")
    return night


def test_what_failed_is_submitted_anew_as_the_next_attempt(failed: Bench) -> None:
    outcome = retry(failed.context, named("night"))
    assert outcome.stand == {"waiting": 5}
    assert outcome.takes == dict.fromkeys(("first/0001-seed1", "first/0002-seed2"), "waiting, for attempt 2")
    assert submit_all(failed) == [0, 1]
    assert failed.record(0, "night").attempt == 2
    assert failed.context.ledger("night").intent("first/0001-seed1", 2).attempt == 2


def test_nothing_of_the_attempt_before_clings_to_it(failed: Bench) -> None:
    retry(failed.context, named("night"))
    fields = failed.record(0, "night").fields
    assert set(fields) <= {"state", "fence", "attempt", "lane", "last", "admitted_at"}


def test_the_record_agrees_and_keeps_what_it_failed_of(failed: Bench) -> None:
    retry(failed.context, named("night/first/0002"))
    ending = failed.context.ledger("night").ending("first/0002-seed2", 1)
    assert (ending.kind, ending.decided) == ("output-moderation", "retried")
    lose_redis(failed, "night")
    assert failed.record(1, "night").attempt == 2
    assert failed.state(1, "night") is State.WAITING


def test_only_the_kinds_that_are_asked_for(failed: Bench) -> None:
    assert list(retry(failed.context, named("night"), {"transient"}).takes) == ["first/0001-seed1"]
    assert failed.state(1, "night") is State.FAILED


def test_only_the_failed_ones(failed: Bench) -> None:
    cancel(failed.context, named("night/second/0001"))
    cancel(failed.context, named("night/second"))
    outcome = retry(failed.context, named("night"), only_failed=True)
    assert len(outcome.takes) == 2
    assert outcome.stand == {"waiting": 3, "cancelled": 2}
    assert outcome.notes == ("part of it is cancelled; rushes retry night takes it up again",)


def test_only_the_shot_that_is_asked_for(failed: Bench) -> None:
    assert retry(failed.context, named("night/second")).takes == {}
    assert failed.state(0, "night") is State.FAILED


def test_a_video_that_came_damaged_is_asked_for_again_and_not_paid_again(night: Bench, fal: ScriptedFal) -> None:
    submit_all(night)
    fail(night, 0, "damaged")
    assert retrial(night.context, named("night")).takes == 0
    (told,) = retry(night.context, named("night")).takes.values()
    assert told.startswith("rendering")
    assert night.record(0, "night").attempt == 1
    assert fal.count("POST") == 2


def test_a_doubt_is_never_tried_again(doubted: Bench) -> None:
    outcome = retry(doubted.context, named("b"))
    assert outcome.stand == {"doubt": 1}
    assert outcome.notes == ("1 in doubt are not tried again; rushes resolve b decides about them",)
    assert retry(doubted.context, named("b/s/0001")).takes == {"s/0001": "doubt, and stays so"}


def test_it_is_said_what_may_be_paid_twice(failed: Bench) -> None:
    bill = retrial(failed.context, named("night"))
    assert (bill.takes, bill.unknown) == (1, 0)
    assert set(bill.sums) == {"USD"}
    assert bill.sums["USD"] > Decimal(0)
    assert str(bill).endswith(" USD")
    assert retrial(failed.context, named("night"), {"transient"}).takes == 0


def test_retrying_twice_makes_one_attempt(failed: Bench) -> None:
    retry(failed.context, named("night"))
    assert retry(failed.context, named("night")).takes == {}
    assert failed.record(0, "night").attempt == 2
    assert admitted(failed) == [0, 1]


def test_a_cancellation_that_was_not_carried_out_yet_is_taken_back(night: Bench) -> None:
    submit_all(night)
    cancel(night.context, named("night"))
    retry(night.context, named("night"))
    assert "cancelling" not in night.record(0, "night").fields
