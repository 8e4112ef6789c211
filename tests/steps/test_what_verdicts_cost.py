"""What a batch's budget is charged: nothing for what the provider does not bill, all of it for what it may have."""

from __future__ import annotations

import json

import pytest
from scripted_fal import Answer, ScriptedFal
from workbench import Bench, Make, manifest

from workers.engine.limits import Terms
from workers.engine.standing import Money
from workers.engine.states import ORPHANS, State, Step
from workers.holds import Holds
from workers.ledger import Ending
from workers.money import quotes, terms_of
from workers.sandbox.server import Sandbox
from workers.steps import collect, poll

PRICE = 300_000


def say(status: int, body: object) -> Answer:
    return lambda asked: asked.say(status, body)


def quoted(bench: Bench) -> None:
    """What the pump does when the script asks for prices."""
    bench.room.tick()
    bench.room.quote("b", quotes(bench.context, "b", 0))


def money(bench: Bench) -> Money:
    standing = bench.room.standing("b")
    assert standing is not None
    return standing.money


@pytest.mark.parametrize(
    ("answer", "kind", "spent"),
    [
        (say(422, {"detail": [{"type": "content_policy_violation", "msg": "no"}]}), "output-moderation", PRICE),
        (say(200, {"seed": 3}), "unknown", PRICE),
        (say(422, {"detail": [{"type": "literal_error", "msg": "17", "loc": ["body", "duration"]}]}), "invalid", 0),
    ],
)
def test_a_verdict_without_a_video(bench: Bench, fal: ScriptedFal, answer: Answer, kind: str, spent: int) -> None:
    bench.open(budget="2 USD", price="0.30 USD")
    quoted(bench)
    bench.submit()
    assert (money(bench).spent, money(bench).reserved) == (0, PRICE)
    fal.completed()
    fal.results = [answer]
    bench.poll()
    assert (money(bench).spent, money(bench).reserved) == (spent, 0)
    ending = json.loads(bench.store.get("b/.rushes/attempts/s/0001/1.ended.json"))
    assert (ending["kind"], ending["maybe_billed"]) == (kind, spent > 0)


def test_a_refusal_of_the_submission_costs_nothing(bench: Bench, fal: ScriptedFal) -> None:
    bench.open(budget="2 USD", price="0.30 USD")
    quoted(bench)
    fal.posts = [say(422, {"detail": [{"type": "missing", "msg": "prompt", "loc": ["body", "prompt"]}]})]
    bench.submit()
    assert bench.state() is State.FAILED
    assert (money(bench).spent, money(bench).reserved) == (0, 0)


def test_the_first_threshold_of_the_manifest_stops_the_batch(make: Make, fal: ScriptedFal) -> None:
    bench = make(fal.url, RUSHES_FAL_SEATS="9")
    bench.open(takes=4, budget={"limit": "2 USD", "stop": "0.65 USD"}, price="0.30 USD")
    quoted(bench)
    assert sorted(work.index for work in [*bench.works, *bench.room.tick()]) == [0, 1]
    standing = bench.room.standing("b")
    assert standing is not None
    assert standing.stopped is not None
    assert standing.stopped.kind == "budget"
    assert (standing.money.spent, standing.money.reserved) == (0, 2 * PRICE)


def test_both_thresholds_reach_the_script_as_they_are_written() -> None:
    written = {"limit": "2 USD", "stop": "50%", "cancel": "110%"}
    terms = terms_of(manifest(budget=written, max_failures=3, on_doubt="resubmit"), Holds(deadline=7.0))
    assert terms == Terms(
        currency="USD",
        budget=2_000_000,
        budget_stop=1_000_000,
        budget_cancel=2_200_000,
        max_failures=3,
        deadline=7.0,
        on_doubt="resubmit",
    )


@pytest.mark.parametrize("given_up", [True, False])
def test_a_job_besides_costs_nothing_more_where_its_attempt_counts_already(
    rehearsal: tuple[Bench, Sandbox], *, given_up: bool
) -> None:
    bench, _ = rehearsal
    bench.open(budget="2 USD", price="0.30 USD")
    quoted(bench)
    bench.submit()
    job = bench.record().job
    assert job is not None
    # Its take is at another attempt by now, and at another job.
    bench.client.hset(f"{bench.context.settings.namespace}:take:b:0", mapping={"attempt": 2, "job_id": "another"})
    if given_up:
        now = bench.clock.now()
        bench.context.ledger("b").end(Ending(take="s/0001", attempt=1, kind="resubmitted", message="in doubt", at=now))
    bench.room.accept("b", 0, attempt=1, job_id=job["id"], first_poll=0.0, fields={"job": job})
    bench.clock.forward(1000)
    poll(bench.context, [work for work in bench.all_due(Step.POLL) if work.index > ORPHANS])
    (work,) = bench.all_due(Step.COLLECT)
    collect(bench.context, work)
    assert bench.room.orphans("b") == {job["id"]: "done"}
    assert (money(bench).spent == 0) is given_up
