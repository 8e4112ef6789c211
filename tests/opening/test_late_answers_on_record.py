"""An answer that came when its attempt had been submitted once more, and that only the store has heard of."""

from __future__ import annotations

from decimal import Decimal

import pytest
from scripted_fal import ScriptedFal
from taken_up import edited, end, opened, restarted, shot
from workbench import Bench

from workers.engine.states import ORPHANS, State, Step
from workers.ledger import Acceptance, Ending, Intent, orphan_token
from workers.opening import reopen_batch
from workers.steps import poll

ONE = edited(shot())


def attempted(bench: Bench, attempt: int, *, job: str) -> None:
    take = bench.context.take("b", 0)
    ledger, now = bench.context.ledger("b"), bench.clock.now()
    ledger.intend(
        Intent(
            take=take.name,
            attempt=attempt,
            provider="fal",
            identity=take.asked.identity(),
            request_digest="0" * 64,
            highest_price=Decimal("0.30"),
            currency="USD",
            at=now,
        )
    )
    ledger.accept(Acceptance(take=take.name, attempt=attempt, provider="fal", job_id=job, urls={}, status=200, at=now))


def twice(bench: Bench, kind: str) -> None:
    """Two attempts on record, each with a job; the first is over for this reason."""
    opened(bench, ONE)
    attempted(bench, 1, job="late")
    end(bench, kind)
    attempted(bench, 2, job="job-2")


@pytest.mark.parametrize("lost", ["emptied", "gone back"])
def test_its_job_is_followed_besides_the_take(bench: Bench, fal: ScriptedFal, lost: str) -> None:
    twice(bench, "resubmitted")
    if lost == "emptied":
        bench.forget()
        opened(bench, ONE)
    else:
        restarted(bench)
        assert reopen_batch(bench.context, "b", unless_trusted=True) is not None
    assert (bench.record().job or {})["id"] == "job-2"
    assert bench.room.orphans("b") == {"late": str(ORPHANS + 1)}
    works = bench.all_due(Step.POLL)
    assert {work.index for work in works} == {0, ORPHANS + 1}
    poll(bench.context, works)
    assert all(any(job in asked.path for asked in fal.asked) for job in ("late", "job-2"))
    opened(bench, ONE)
    assert bench.room.orphans("b") == {"late": str(ORPHANS + 1)}, "once, however often it is opened"


@pytest.mark.parametrize("over", ["ended", "stored"])
def test_one_that_is_over_is_not(bench: Bench, over: str) -> None:
    twice(bench, "resubmitted")
    if over == "ended":
        ending = Ending(take="s/0001", attempt=1, kind="expired", message="why", at=bench.clock.now())
        bench.context.ledger("b").end(ending, orphan="late")
    else:
        key = f"b/s/0001.orphan-{orphan_token('late')}.receipt.json"
        bench.store.put_bytes(key, b"{}", content_type="application/json")
    bench.forget()
    opened(bench, ONE)
    assert bench.room.orphans("b") == {}
    assert bench.state() is State.RENDERING


def test_the_job_of_an_attempt_that_failed_is_over(bench: Bench) -> None:
    twice(bench, "transient")
    bench.forget()
    opened(bench, ONE)
    assert bench.room.orphans("b") == {}
    assert (bench.record().job or {})["id"] == "job-2"


@pytest.mark.parametrize(("kind", "spent"), [("resubmitted", 300_000), ("expired", 600_000)])
def test_what_it_cost_counts_once(bench: Bench, kind: str, spent: int) -> None:
    """What was submitted once more was taken to have been paid for; a job besides one that failed is another."""
    manifest = edited(shot(), budget="2 USD", price="0.30 USD")
    opened(bench, manifest)
    attempted(bench, 1, job="first")
    end(bench, kind)
    bench.context.ledger("b").accept(
        Acceptance(take="s/0001", attempt=1, provider="fal", job_id="late", urls={}, status=200, at=bench.clock.now()),
        orphan=True,
    )
    ending = Ending(take="s/0001", attempt=1, kind="expired", message="why", at=bench.clock.now())
    bench.context.ledger("b").end(ending, orphan="late")
    attempted(bench, 2, job="job-2")
    bench.forget()
    opened(bench, manifest)
    standing = bench.room.standing("b")
    assert standing is not None
    assert (standing.money.spent, standing.money.reserved) == (spent, 300_000)
