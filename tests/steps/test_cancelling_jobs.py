"""Jobs that a person wants to end: asked for at the provider, and kept when they end otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_fal import Answer, ScriptedFal
from workbench import Bench

from workers import providers
from workers.engine.states import State, Step
from workers.providers.fal import Fal
from workers.steps import submit

QUEUED = (202, {"status": "IN_QUEUE", "queue_position": 3})
RUNNING = (202, {"status": "IN_PROGRESS"})
CANCELLED = {"detail": "Request was cancelled", "error_type": "client_cancelled"}


class OnlyQueued(Fal):
    """A provider that ends what is queued and nothing that is being rendered, as Ark does."""

    cancels = "queued"


def say(status: int, body: Any = None) -> Answer:
    return lambda asked: asked.say(status, body)


def wanted(bench: Bench, fal: ScriptedFal, told: tuple[int, Any], **fields: Any) -> Bench:
    """A worker whose one take renders, or waits for it, and is to end."""
    fal.statuses = [say(*told)]
    bench.open(**fields)
    for work in bench.all_due(Step.QUOTE):
        bench.room.quote("b", {work.index: "300000,"})
    bench.submit()
    assert bench.room.withdraw("b", 0, State.CANCELLED) == "asked"
    return bench


def ended(fal: ScriptedFal) -> None:
    """Say from now on that the job was cancelled."""
    fal.completed()
    fal.results = [say(499, CANCELLED)]


def money(bench: Bench) -> tuple[int, int]:
    standing = bench.room.standing("b")
    assert standing is not None
    return standing.money.spent, standing.money.reserved


@pytest.mark.parametrize("told", [QUEUED, RUNNING], ids=["queued", "running"])
def test_the_provider_is_asked_at_once_and_once(bench: Bench, fal: ScriptedFal, told: tuple[int, Any]) -> None:
    wanted(bench, fal, told)
    bench.poll(after=0.0)
    (asked,) = [each for each in fal.asked if each.method == "PUT"]
    assert asked.path.endswith("/cancel")
    assert bench.state() is State.RENDERING, "until the provider says that it is over"
    bench.poll()
    assert fal.count("PUT") == 1


@pytest.mark.parametrize(("told", "spent"), [(QUEUED, 0), (RUNNING, 300_000)], ids=["queued", "running"])
def test_what_had_begun_may_have_been_billed(bench: Bench, fal: ScriptedFal, told: tuple[int, Any], spent: int) -> None:
    wanted(bench, fal, told, budget="1 USD", price="0.30 USD")
    bench.poll(after=0.0)
    assert money(bench) == (0, 300_000)
    ended(fal)
    bench.poll()
    assert bench.state() is State.CANCELLED
    assert money(bench) == (spent, 0)
    ending = bench.context.ledger("b").ending("s/0001", 1)
    assert (ending.kind, ending.maybe_billed) == ("cancelled", spent > 0)
    standing = bench.room.standing("b")
    assert standing is not None
    assert (standing.open, standing.lane.seats_taken) == (0, 0)
    bench.clock.forward(1e6)
    assert bench.room.tick() == []


def test_one_that_completes_anyway_is_kept(bench: Bench, fal: ScriptedFal) -> None:
    wanted(bench, fal, RUNNING)
    bench.poll(after=0.0)
    fal.rendered()
    bench.poll()
    assert bench.state() is State.COLLECTING


def test_one_that_is_finished_before_it_could_be_asked_for_is_kept(bench: Bench, fal: ScriptedFal) -> None:
    wanted(bench, fal, RUNNING)
    fal.rendered()
    bench.poll(after=0.0)
    assert bench.state() is State.COLLECTING
    assert fal.count("PUT") == 0


def test_where_only_the_queued_can_be_cancelled_a_running_one_is_kept(
    bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(providers._ADAPTERS, "fal", OnlyQueued())
    wanted(bench, fal, RUNNING)
    bench.poll(after=0.0)
    record = bench.record()
    assert fal.count("PUT") == 0
    assert record.fields["cancelling"] == "kept"
    assert "it is paid for, and will be kept" in record.fields["waits_for"]
    fal.rendered()
    bench.poll()
    assert bench.state() is State.COLLECTING


def test_a_queued_one_is_cancelled_there(bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(providers._ADAPTERS, "fal", OnlyQueued())
    wanted(bench, fal, QUEUED)
    bench.poll(after=0.0)
    assert fal.count("PUT") == 1
    assert bench.record().fields["cancelling"] == "asked"


def test_where_nothing_can_be_cancelled_the_job_is_kept(
    bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Fal, "cancellation")
    monkeypatch.delattr(Fal, "cancelled")
    monkeypatch.delattr(Fal, "cancels")
    wanted(bench, fal, QUEUED)
    bench.poll(after=0.0)
    assert fal.count("PUT") == 0
    assert bench.record().fields["cancelling"] == "kept"


def test_one_that_the_provider_says_is_finished_is_kept(bench: Bench, fal: ScriptedFal) -> None:
    fal.cancels = [say(400, {"status": "ALREADY_COMPLETED"})]
    wanted(bench, fal, RUNNING)
    bench.poll(after=0.0)
    assert bench.record().fields["cancelling"] == "kept"


@pytest.mark.parametrize("answer", ["500", "429", "cut"])
def test_a_cancellation_that_failed_is_asked_for_again(bench: Bench, fal: ScriptedFal, answer: str) -> None:
    troubles: dict[str, Answer] = {
        "500": say(500, {"detail": "no"}),
        "429": say(429, {"detail": "later"}),
        "cut": lambda asked: asked.hang_up(),
    }
    # A connection that was kept and turns out to be dead may be tried once more below us.
    fal.cancels = [troubles[answer], troubles[answer], say(202, {"status": "CANCELLATION_REQUESTED"})]
    wanted(bench, fal, QUEUED)
    bench.poll(after=0.0)
    assert bench.record().fields["cancelling"] == "wanted"
    for _ in range(3):
        bench.poll()
    assert bench.record().fields["cancelling"] == "asked"


def test_one_that_ends_by_itself_at_no_cost_is_cancelled_and_not_made_again(bench: Bench, fal: ScriptedFal) -> None:
    wanted(bench, fal, QUEUED)
    bench.poll(after=0.0)
    fal.completed()
    fal.results = [say(500, {"detail": "no", "error_type": "runner_scheduling_failure"})]
    bench.poll()
    bench.poll()
    assert bench.state() is State.CANCELLED
    assert bench.context.ledger("b").ending("s/0001", 1).kind == "cancelled"
    bench.clock.forward(1e6)
    assert bench.room.tick() == []
    assert fal.count("POST") == 1


def test_one_that_was_cancelled_by_hand_is_not_made_again(bench: Bench, fal: ScriptedFal) -> None:
    bench.open()
    bench.submit()
    ended(fal)
    bench.poll()
    assert bench.state() is State.CANCELLED
    assert fal.count("POST") == 1


def test_a_submission_under_way_is_cancelled_as_soon_as_it_is_accepted(bench: Bench, fal: ScriptedFal) -> None:
    fal.posts = [lambda asked: (bench.room.withdraw("b", 0, State.CANCELLED), fal.accept(asked))[1]]
    fal.statuses = [say(*QUEUED)]
    bench.open()
    work = bench.due(Step.SUBMIT)
    submit(bench.context, work)
    assert bench.state() is State.RENDERING
    bench.poll()
    assert fal.count("PUT") == 1


def test_what_was_withdrawn_by_an_edit_is_followed_and_not_cancelled(bench: Bench, fal: ScriptedFal) -> None:
    """It is paid for: the same may be asked for again tomorrow."""
    bench.open("a dog")
    bench.submit()
    bench.open("a cat")
    bench.poll()
    assert fal.count("PUT") == 0
    assert bench.state(0) is State.RENDERING
