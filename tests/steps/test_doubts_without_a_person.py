"""Doubts that end without a person: by the store's record, or by the manifest's `on_doubt: resubmit`."""

from __future__ import annotations

import pytest
from scripted_fal import ScriptedFal
from workbench import Bench, Make

from workers.engine.states import State, Step
from workers.errors import StoreError
from workers.ledger import Acceptance
from workers.steps import submit


def hang_up(fal: ScriptedFal, *, times: int) -> None:
    fal.posts = [*[lambda asked: asked.hang_up()] * times, fal.accept]


def doubted(bench: Bench, fal: ScriptedFal, *, times: int = 99, **fields: object) -> Bench:
    hang_up(fal, times=times)
    bench.open(**fields)  # type: ignore[arg-type]
    bench.submit()
    assert bench.state() is State.DOUBT
    return bench


def accept(bench: Bench, job: str = "job-7") -> None:
    bench.context.ledger("b").accept(
        Acceptance(take="s/0001", attempt=1, provider="fal", job_id=job, urls={}, status=200, at=bench.clock.now())
    )


class TestByTheRecord:
    def test_an_acceptance_that_only_the_store_has_heard_of_settles_it(self, bench: Bench, fal: ScriptedFal) -> None:
        doubted(bench, fal)
        accept(bench)
        bench.settle()
        record = bench.record()
        assert record.state is State.RENDERING
        assert record.job is not None
        assert record.job["id"] == "job-7"
        assert fal.count("POST") == 1

    def test_until_the_store_has_been_looked_into_it_is_being_settled(self, bench: Bench, fal: ScriptedFal) -> None:
        doubted(bench, fal)
        standing = bench.room.standing("b")
        assert standing is not None
        assert (standing.settling, standing.open) == (1, 1)
        bench.settle()
        after = bench.room.standing("b")
        assert after is not None
        assert (after.settling, after.open) == (0, 0)

    def test_a_store_that_fails_is_looked_into_again(
        self, bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        doubted(bench, fal, on_doubt="resubmit")
        accept(bench)

        def failing(key: str) -> bytes:
            raise StoreError("the bucket does not answer")

        with monkeypatch.context() as patch:
            patch.setattr(bench.store, "get", failing)
            bench.settle()
        assert bench.state() is State.DOUBT, "it isn't submitted again: it may be on record"
        assert "bucket does not answer" in bench.record().fields["waits_for"]
        bench.settle()
        assert bench.state() is State.RENDERING
        assert fal.count("POST") == 1

    def test_of_which_there_is_no_intent_nothing_was_sent(self, bench: Bench, fal: ScriptedFal) -> None:
        """The worker fell silent between Redis and the store."""
        bench.open()
        work = bench.due(Step.SUBMIT)
        bench.room.move(work, State.ADMITTED, State.SUBMITTING, delay=1.0, counters={"submissions": 1})
        bench.clock.forward(1)
        bench.room.tick()
        assert bench.state() is State.DOUBT
        bench.settle()
        assert bench.state() is State.WAITING
        standing = bench.room.standing("b")
        assert standing is not None
        assert standing.submissions == 0
        assert bench.submit().attempt == 1
        assert fal.count("POST") == 1

    def test_the_silent_hand_does_not_send_late(self, bench: Bench, fal: ScriptedFal) -> None:
        """It was stopped while it wrote its intent, and goes on when the take is another's."""
        bench.open()
        work = bench.due(Step.SUBMIT)

        def stopped(key: str) -> None:
            if key.endswith(".intent.json"):
                bench.store.before = lambda key: None
                bench.clock.forward(1000)
                bench.room.tick()
                assert bench.state() is State.DOUBT
                bench.settle()
                assert bench.state() is State.WAITING

        bench.store.before = stopped
        submit(bench.context, work)
        assert fal.asked == []
        assert bench.state() is State.WAITING


class TestResubmitting:
    def test_it_is_held_unless_the_manifest_says_otherwise(self, bench: Bench, fal: ScriptedFal) -> None:
        doubted(bench, fal, times=1)
        bench.settle()
        assert bench.state() is State.DOUBT
        bench.clock.forward(1e6)
        assert bench.room.tick() == []
        assert fal.count("POST") == 1

    def test_a_new_attempt_is_made_and_the_first_is_on_record_as_given_up(self, bench: Bench, fal: ScriptedFal) -> None:
        doubted(bench, fal, times=1, on_doubt="resubmit")
        bench.settle()
        assert bench.state() is State.WAITING
        ending = bench.context.ledger("b").ending("s/0001", 1)
        assert (ending.kind, ending.message) == ("resubmitted", "in doubt, and the manifest says on_doubt: resubmit")
        assert bench.submit().attempt == 2
        record = bench.record()
        assert (record.state, record.attempt) == (State.RENDERING, 2)
        assert "error" not in record.fields
        assert fal.count("POST") == 2

    def test_it_is_done_no_more_often_than_there_are_attempts(self, bench: Bench, fal: ScriptedFal) -> None:
        doubted(bench, fal, on_doubt="resubmit")
        for _ in range(bench.context.settings.attempts - 1):
            bench.settle()
            bench.submit()
        bench.settle()
        assert bench.state() is State.DOUBT
        bench.clock.forward(1e6)
        assert bench.room.tick() == []
        assert fal.count("POST") == bench.context.settings.attempts
        kinds = [bench.context.ledger("b").ending("s/0001", attempt).kind for attempt in (1, 2)]
        assert kinds == ["resubmitted"] * 2

    def test_each_attempt_that_may_have_been_paid_for_counts(self, make: Make, fal: ScriptedFal) -> None:
        bench = make(fal.url)
        hang_up(fal, times=2)
        bench.open(on_doubt="resubmit", budget="2 USD", price="0.30 USD")
        for _ in range(2):
            bench.room.quote("b", {0: "300000,"})
            bench.submit()
            bench.settle()
        standing = bench.room.standing("b")
        assert standing is not None
        assert (standing.money.spent, standing.money.reserved) == (600_000, 0)

    def test_a_store_that_fails_leaves_it_in_doubt(self, bench: Bench, fal: ScriptedFal) -> None:
        doubted(bench, fal, times=1, on_doubt="resubmit")
        bench.store.fail(".ended.json")
        bench.settle()
        assert bench.state() is State.DOUBT
        assert fal.count("POST") == 1
        bench.store.mend()
        bench.settle()
        assert bench.state() is State.WAITING

    def test_one_that_nobody_asks_for_any_more_is_given_up_instead(self, bench: Bench, fal: ScriptedFal) -> None:
        doubted(bench, fal, on_doubt="resubmit")
        bench.open("a cat", on_doubt="resubmit")
        bench.settle()
        assert bench.state(0) is State.WAIVED
        assert bench.context.ledger("b").ending("s/0001", 1).kind == "waived"
        assert fal.count("POST") == 1

    def test_what_the_first_attempt_brings_all_the_same_is_kept_besides(self, bench: Bench, fal: ScriptedFal) -> None:
        doubted(bench, fal, times=1, on_doubt="resubmit")
        bench.settle()
        bench.submit()
        answer = bench.room.accept(
            "b", 0, attempt=1, job_id="late", first_poll=0.0, fields={"job": {"id": "late", "urls": {}}}
        )
        assert answer == "orphan"
        assert bench.record().job["id"] == "job-1"  # type: ignore[index]
