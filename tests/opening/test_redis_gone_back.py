"""A Redis that was started anew with an older state, or with none: the store says what has come since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from scripted_fal import ScriptedFal
from taken_up import admitted, done, edited, end, finish, go_back, opened, restarted, shot, snapshot, stored
from workbench import Bench, Make

from jobs.manifest import Manifest
from workers import providers
from workers.engine.states import State, Step
from workers.engine.work import Work
from workers.holds import Holds, write_holds
from workers.ledger import Acceptance, Ending, Intent, orphan_token
from workers.money import quotes
from workers.opening import reopen_batch
from workers.providers.fal import Fal
from workers.reconciling import Emptied
from workers.steps import poll, submit

ONE = edited(shot())
THREE = edited(shot(seed=[1, 2, 3]))


def intend(bench: Bench, index: int = 0, attempt: int = 1) -> None:
    take = bench.context.take("b", index)
    bench.context.ledger("b").intend(
        Intent(
            take=take.name,
            attempt=attempt,
            provider="fal",
            identity=take.asked.identity(),
            request_digest="0" * 64,
            highest_price=None,
            at=bench.clock.now(),
        )
    )


def accept(bench: Bench, index: int = 0, attempt: int = 1, job: str = "job-9", *, orphan: bool = False) -> None:
    take = bench.context.take("b", index)
    bench.context.ledger("b").accept(
        Acceptance(
            take=take.name, attempt=attempt, provider="fal", job_id=job, urls={}, status=200, at=bench.clock.now()
        ),
        orphan=orphan,
    )


def recovered(bench: Bench) -> None:
    """What a worker does with the step that is handed out."""
    work = bench.due(Step.RECOVER)
    assert reopen_batch(bench.context, work.batch, unless_trusted=True) is not None


class TestTakes:
    def test_what_was_accepted_meanwhile_is_followed(self, bench: Bench, fal: ScriptedFal) -> None:
        opened(bench, ONE)
        before = snapshot(bench)
        bench.submit()
        go_back(bench, before)
        assert bench.state() is State.WAITING
        recovered(bench)
        assert bench.state() is State.RENDERING
        assert bench.record().job["id"] == "job-1"  # type: ignore[index]
        bench.clock.forward(1e5)
        assert {work.step for work in bench.room.tick()} == {Step.POLL}
        assert fal.count("POST") == 1

    @pytest.mark.parametrize("at", [State.ADMITTED, State.SUBMITTING, State.DOUBT])
    def test_wherever_redis_has_gone_back_to(self, bench: Bench, fal: ScriptedFal, at: State) -> None:
        opened(bench, ONE)
        work = bench.due(Step.SUBMIT)
        intend(bench)
        if at is not State.ADMITTED:
            bench.room.move(work, State.ADMITTED, State.SUBMITTING, delay=1000.0)
        if at is State.DOUBT:
            bench.room.move(work, State.SUBMITTING, State.DOUBT)
        before = snapshot(bench)
        accept(bench)
        go_back(bench, before)
        assert bench.state() is at
        recovered(bench)
        assert bench.state() is State.RENDERING
        assert bench.record().job["id"] == "job-9"  # type: ignore[index]
        assert fal.asked == []

    @pytest.mark.parametrize("at", ["waiting", "admitted", "rendering", "collecting"])
    def test_what_is_done_is_done(self, bench: Bench, fal: ScriptedFal, at: str) -> None:
        opened(bench, ONE)
        if at == "admitted":
            bench.due(Step.SUBMIT)
        before = snapshot(bench)
        if at == "admitted":
            submit(bench.context, Work(Step.SUBMIT, "b", 0, bench.record().fence, 1))
        else:
            bench.submit()
        if at == "rendering":
            before = snapshot(bench)
        elif at == "collecting":
            fal.rendered()
            bench.poll()
            before = snapshot(bench)
        if at == "collecting":
            done(bench, 0)
        else:
            finish(bench)
        go_back(bench, before)
        recovered(bench)
        assert bench.state() is State.DONE
        standing = bench.room.standing("b")
        assert standing is not None
        assert (standing.alive, standing.lane.seats_taken) == (0, 0)
        bench.clock.forward(1e6)
        assert bench.room.tick() == []
        assert fal.count("POST") == 1

    def test_a_later_attempt_that_is_done_is_not_made_again(self, bench: Bench, fal: ScriptedFal) -> None:
        """Redis is back where the first attempt was rendering, and that one has ended at no cost since."""
        opened(bench, ONE)
        bench.submit()
        before = snapshot(bench)
        end(bench, "transient")
        intend(bench, attempt=2)
        accept(bench, attempt=2)
        done(bench, 0, attempt=2)
        go_back(bench, before)
        recovered(bench)
        assert bench.state() is State.DONE
        bench.clock.forward(1e6)
        assert bench.room.tick() == []

    def test_what_is_rendering_and_has_no_receipt_is_left_alone(self, bench: Bench) -> None:
        opened(bench, ONE)
        bench.submit()
        before = bench.record()
        restarted(bench)
        bench.due(Step.RECOVER)
        reopen_batch(bench.context, "b", unless_trusted=True)
        assert bench.record() == before

    def test_an_intent_without_an_acceptance_is_in_doubt(self, bench: Bench, fal: ScriptedFal) -> None:
        opened(bench, ONE)
        before = snapshot(bench)
        intend(bench)
        go_back(bench, before)
        recovered(bench)
        assert bench.state() is State.DOUBT
        assert bench.record().value("error")["kind"] == "in-doubt"
        bench.settle()
        bench.clock.forward(1e6)
        assert bench.room.tick() == []
        assert fal.asked == []

    @pytest.mark.parametrize(
        ("kind", "state", "attempt"),
        [
            ("waived", State.WAIVED, 1),
            ("cancelled", State.CANCELLED, 1),
            ("resubmitted", State.WAITING, 2),
            ("retried", State.WAITING, 2),
            ("transient", State.WAITING, 2),
            ("invalid", State.FAILED, 1),
        ],
    )
    @pytest.mark.parametrize("at", ["waiting", "admitted", "doubt"])
    def test_a_decision_on_record_holds(
        self, bench: Bench, fal: ScriptedFal, kind: str, state: State, attempt: int, at: str
    ) -> None:
        opened(bench, ONE)
        if at != "waiting":
            work = bench.due(Step.SUBMIT)
        if at == "doubt":
            bench.room.move(work, State.ADMITTED, State.DOUBT)
        before = snapshot(bench)
        intend(bench)
        end(bench, kind)
        go_back(bench, before)
        recovered(bench)
        assert (bench.state(), bench.record().attempt) == (state, attempt)
        submits = bench.all_due(Step.SUBMIT)
        assert [each.attempt for each in submits] == ([2] if state is State.WAITING else [])

    def test_what_may_be_sent_again_under_its_key_is_and_its_seat_is_no_other_takes(
        self, bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Renowned(Fal):
            settling = "again"
            settling_seconds = 1000.0

        monkeypatch.setitem(providers._ADAPTERS, "fal", Renowned())
        opened(bench, ONE)
        before = snapshot(bench)
        intend(bench)
        go_back(bench, before)
        recovered(bench)
        assert (bench.state(), bench.record().attempt) == (State.WAITING, 1)
        assert bench.record().time("again_since") == bench.clock.now()


class TestRecovering:
    def test_nothing_is_sent_between_the_restart_and_the_reading(self, bench: Bench, fal: ScriptedFal) -> None:
        opened(bench, THREE)
        works = bench.all_due(Step.SUBMIT)
        restarted(bench)
        submit(bench.context, works[0])
        assert fal.asked == []
        assert [path for path in stored(bench) if "attempts" in path] == []
        recovered(bench)
        submit(bench.context, works[0])
        assert fal.count("POST") == 1

    def test_one_that_was_restarted_while_the_intent_was_written_does_not_send(
        self, bench: Bench, fal: ScriptedFal
    ) -> None:
        opened(bench, ONE)
        bench.store.before = lambda key: restarted(bench) if key.endswith(".intent.json") else None
        bench.submit()
        assert fal.asked == []
        assert bench.state() is State.WAITING
        bench.store.before = lambda key: None
        recovered(bench)
        assert bench.state() is State.WAITING, "Redis knows the hand whose intent that is, so nothing was sent"
        bench.clock.forward(60)
        bench.submit()
        assert (bench.state(), bench.record().attempt) == (State.RENDERING, 1)
        assert fal.count("POST") == 1

    def test_who_comes_second_reads_nothing(self, bench: Bench) -> None:
        opened(bench, ONE)
        restarted(bench)
        assert reopen_batch(bench.context, "b", unless_trusted=True) is not None
        listed: list[str] = []
        keys = bench.store.keys
        bench.store.keys = lambda prefix: listed.append(prefix) or keys(prefix)  # type: ignore[method-assign,func-returns-value]
        assert reopen_batch(bench.context, "b", unless_trusted=True) is None
        assert listed == []

    def test_from_the_store_alone(self, bench: Bench, fal: ScriptedFal) -> None:
        opened(bench, THREE)
        submit(bench.context, bench.all_due(Step.SUBMIT)[0])
        done(bench, 2)
        bench.forget()
        found = reopen_batch(bench.context, "b")
        assert found is not None
        assert (found.new, found.total, found.done, found.followed) == (True, 3, 1, 1)
        bench.room.set_limits("fal", bench.context.limits("fal"))
        assert admitted(bench) == [1]
        poll(bench.context, bench.all_due(Step.POLL))
        assert fal.asked[-1].path == "/jobs/job-1/status"

    def test_a_batch_that_the_store_does_not_have_is_not_opened(self, bench: Bench) -> None:
        assert reopen_batch(bench.context, "nowhere") is None
        assert bench.room.batches() == []

    def test_what_failed_is_not_tried_again_by_nobodys_wish(self, bench: Bench) -> None:
        opened(bench, ONE)
        work = bench.due(Step.SUBMIT)
        error = {"error": {"kind": "transient", "message": "why"}}
        bench.room.move(work, State.ADMITTED, State.FAILED, fields=error)
        restarted(bench)
        found = reopen_batch(bench.context, "b")
        assert found is not None
        assert found.retried == 0
        assert bench.state() is State.FAILED
        assert opened(bench, ONE).retried == 1

    def test_it_is_taken_up_by_the_manifest_that_holds(self, bench: Bench) -> None:
        opened(bench, edited(shot(prompt="a dog")))
        opened(bench, edited(shot(prompt="a cat")))
        bench.forget()
        assert reopen_batch(bench.context, "b") is not None
        bench.room.set_limits("fal", bench.context.limits("fal"))
        assert admitted(bench) == [1]

    def test_a_take_that_nobody_asks_for_any_more_is_followed_from_the_store(
        self, bench: Bench, fal: ScriptedFal
    ) -> None:
        opened(bench, edited(shot(prompt="a dog")))
        bench.submit()
        opened(bench, edited(shot(prompt="a cat")))
        bench.forget()
        found = reopen_batch(bench.context, "b")
        assert found is not None
        assert (found.total, found.followed) == (1, 1)
        standing = bench.room.standing("b")
        assert standing is not None
        assert (standing.total, standing.states[State.RENDERING]) == (2, 1)
        assert bench.state(0) is State.RENDERING


class TestHolds:
    @pytest.mark.parametrize("lost", [True, False], ids=["lost", "gone back"])
    @pytest.mark.parametrize("kind", ["paused", "cancelled"])
    def test_a_batch_that_is_held_stays_held(self, bench: Bench, kind: str, lost: bool) -> None:
        opened(bench, THREE)
        before = snapshot(bench)
        write_holds(bench.context.ledger("b"), Holds(hold=kind, reason="a look first", priority=3))  # type: ignore[arg-type]
        if lost:
            bench.forget()
        else:
            go_back(bench, before)
        assert reopen_batch(bench.context, "b") is not None
        bench.room.set_limits("fal", bench.context.limits("fal"))
        assert admitted(bench) == []
        standing = bench.room.standing("b")
        assert standing is not None
        assert standing.stopped is not None
        assert (standing.stopped.kind, standing.priority) == (kind, 3)
        assert "a look first" in standing.stopped.told

    @pytest.mark.parametrize("lost", [True, False], ids=["lost", "gone back"])
    def test_a_part_that_is_held_stays_held(self, make: Make, fal: ScriptedFal, lost: bool) -> None:
        bench = make(fal.url, RUSHES_FAL_SEATS="9")
        opened(bench, THREE)
        before = snapshot(bench)
        write_holds(bench.context.ledger("b"), Holds(spans=((1, 2, 0, "cancelled"),)))
        if lost:
            bench.forget()
        else:
            go_back(bench, before)
        assert reopen_batch(bench.context, "b") is not None
        bench.room.set_limits("fal", bench.context.limits("fal"))
        assert admitted(bench) == [0, 2]

    def test_what_was_let_go_since_is_held_no_more(self, bench: Bench) -> None:
        opened(bench, ONE)
        bench.room.hold("b", "paused", "long ago")
        before = snapshot(bench)
        write_holds(bench.context.ledger("b"), Holds())
        go_back(bench, before)
        recovered(bench)
        assert admitted(bench) == [0]

    def test_what_was_found_under_way_of_a_cancelled_batch_is_cancelled(self, bench: Bench, fal: ScriptedFal) -> None:
        opened(bench, ONE)
        bench.submit()
        write_holds(bench.context.ledger("b"), Holds(hold="cancelled"))
        bench.forget()
        reopen_batch(bench.context, "b")
        assert bench.record().fields["cancelling"] == "wanted"

    def test_a_deadline_is_told_once_and_outlives_redis(self, bench: Bench) -> None:
        """`+1h` counts from when the manifest was opened, and not from when it is read again."""
        manifest = edited(shot(), deadline="1h")
        opened(bench, manifest)
        until = bench.clock.now() + 3600
        bench.clock.forward(3000)
        bench.forget()
        assert reopen_batch(bench.context, "b") is not None
        bench.room.set_limits("fal", bench.context.limits("fal"))
        bench.clock.forward(until - bench.clock.now())
        assert admitted(bench) == []
        standing = bench.room.standing("b")
        assert standing is not None
        assert standing.stopped is not None
        assert standing.stopped.kind == "deadline"

    def test_a_deadline_that_is_taken_back_is_gone(self, bench: Bench) -> None:
        opened(bench, edited(shot(), deadline="1h"))
        opened(bench, edited(shot()))
        bench.clock.forward(4000)
        assert admitted(bench) == [0]


class TestMoney:
    """seedance-2.0-fast at fal, 4 s of 480p, by a price that is told in the manifest."""

    def money(self, bench: Bench) -> tuple[int, int]:
        standing = bench.room.standing("b")
        assert standing is not None
        return standing.money.spent, standing.money.reserved

    def manifest(self, budget: str, takes: int = 6) -> Manifest:
        return edited(shot(seed=list(range(takes))), budget=budget, price="0.30 USD")

    @pytest.fixture
    def many(self, make: Make, fal: ScriptedFal) -> Bench:
        return make(fal.url, RUSHES_FAL_SEATS="9")

    def test_what_is_spent_and_reserved_is_rebuilt(self, many: Bench, fal: ScriptedFal) -> None:
        manifest = self.manifest("5 USD")
        opened(many, manifest)
        for index in range(5):
            intend_with_price(many, index)
        done(many, 0)  # 0.20 USD by its receipt
        accept(many, 1)
        end(many, "output-moderation", take="s/0003-seed2")
        end(many, "transient", take="s/0004-seed3")
        many.forget()
        opened(many, manifest)
        # done + moderated; rendering + in doubt (index 4)
        assert self.money(many) == (200_000 + 300_000, 2 * 300_000)

    def test_it_bounds_what_is_admitted_afterwards(self, many: Bench) -> None:
        manifest = self.manifest("1 USD")
        opened(many, manifest)
        for index in (0, 1):
            intend_with_price(many, index)
            accept(many, index, job=f"job-{index}")
        many.forget()
        opened(many, manifest)
        quote(many)
        assert len(admitted(many)) == 1
        assert self.money(many) == (0, 900_000)

    def test_a_budget_that_comes_later_counts_what_there_was_before(self, many: Bench) -> None:
        opened(many, edited(shot(seed=list(range(6))), price="0.30 USD"))
        intend_with_price(many, 0)
        done(many, 0)
        opened(many, edited(shot(seed=list(range(6))), price="0.30 USD"))
        submit(many.context, many.all_due(Step.SUBMIT)[0])
        assert self.money(many) == (0, 0)
        opened(many, self.manifest("1 USD"))
        spent, reserved = self.money(many)
        assert spent == 200_000
        assert reserved == 300_000 * 5, "the one that renders, and those that were admitted under no budget"

    def test_a_budget_that_comes_later_counts_what_is_to_be_sent_again(
        self, many: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Renowned(Fal):
            settling = "again"
            settling_seconds = 1000.0

        monkeypatch.setitem(providers._ADAPTERS, "fal", Renowned())
        opened(many, edited(shot(seed=list(range(6))), price="0.30 USD"))
        intend_with_price(many, 0)
        many.forget()
        opened(many, edited(shot(seed=list(range(6))), price="0.30 USD"))
        assert "again_since" in many.record().fields
        opened(many, self.manifest("1 USD"))
        assert self.money(many) == (0, 300_000)

    def test_what_is_done_while_the_record_is_read_is_not_forgotten(self, many: Bench, fal: ScriptedFal) -> None:
        manifest = self.manifest("5 USD")
        opened(many, manifest)
        intend_with_price(many, 0)
        accept(many, 0, job="job-1")
        many.forget()
        get = many.store.get
        finished = []

        def read(key: str) -> bytes:
            body = get(key)
            # The costs are being read, and this intent is one of theirs; a collector is at work meanwhile.
            if key.endswith("1.intent.json") and many.room.take("b", 0) is not None and not finished:
                finished.append(key)
                finish(many)
            return body

        many.store.get = read  # type: ignore[method-assign]
        opened(many, manifest)
        assert finished
        assert self.money(many) == (300_000, 0)

    def test_a_day_is_rebuilt_as_well(self, make: Make, fal: ScriptedFal) -> None:
        bench = make(fal.url, RUSHES_FAL_SEATS="9", RUSHES_FAL_DAILY_BUDGET="1 USD")
        manifest = edited(shot(seed=list(range(6))), price="0.30 USD")
        opened(bench, manifest)
        for index in (0, 1):
            intend_with_price(bench, index)
        done(bench, 0)
        accept(bench, 1)
        bench.forget()
        opened(bench, manifest)
        quote(bench)
        assert len(admitted(bench)) == 1, "0.20 are spent, 0.30 reserved and 0.50 left"


def intend_with_price(bench: Bench, index: int) -> None:
    take = bench.context.take("b", index)
    bench.context.ledger("b").intend(
        Intent(
            take=take.name,
            attempt=1,
            provider="fal",
            identity=take.asked.identity(),
            request_digest="0" * 64,
            highest_price=Decimal("0.30"),
            currency="USD",
            at=bench.clock.now(),
        )
    )


def quote(bench: Bench) -> None:
    """What the pump does with the step that is handed out."""
    for work in bench.all_due(Step.QUOTE):
        bench.room.quote(work.batch, quotes(bench.context, work.batch, work.index))


class TestBesides:
    def test_a_job_that_came_besides_is_followed_again(self, bench: Bench, fal: ScriptedFal) -> None:
        opened(bench, ONE)
        bench.submit()
        accept(bench, job="late", orphan=True)
        bench.forget()
        opened(bench, ONE)
        standing = bench.room.standing("b")
        assert standing is not None
        assert (standing.orphans, standing.orphans_alive, standing.states[State.RENDERING]) == (1, 1, 1)
        assert bench.record().job["id"] == "job-1"  # type: ignore[index]
        assert len(bench.all_due(Step.POLL)) == 2

    @pytest.mark.parametrize("over", ["ended", "stored"])
    def test_one_that_is_over_is_not(self, bench: Bench, over: str) -> None:
        opened(bench, ONE)
        bench.submit()
        accept(bench, job="late", orphan=True)
        if over == "ended":
            ending = Ending(take="s/0001", attempt=1, kind="expired", message="why", at=bench.clock.now())
            bench.context.ledger("b").end(ending, orphan="late")
        else:
            key = f"b/s/0001.orphan-{orphan_token('late')}.receipt.json"
            bench.store.put_bytes(key, b"{}", content_type="application/json")
        bench.forget()
        opened(bench, ONE)
        assert bench.room.orphans("b") == {}

    def test_one_of_an_attempt_that_has_no_other_job_is_the_takes_own(self, bench: Bench, fal: ScriptedFal) -> None:
        """It was named while Redis had gone back to before the attempt."""
        opened(bench, ONE)
        intend(bench)
        accept(bench, job="late", orphan=True)
        for _ in range(2):
            bench.forget()
            opened(bench, ONE)
            assert bench.state() is State.RENDERING
            assert bench.record().job["id"] == "late"  # type: ignore[index]
            assert bench.room.orphans("b") == {}
            assert len(bench.all_due(Step.POLL)) == 1
        assert bench.context.ledger("b").acceptance("s/0001", 1).job_id == "late"

    def test_once_that_take_is_done_nothing_of_it_is_followed_again(self, bench: Bench, fal: ScriptedFal) -> None:
        opened(bench, ONE)
        intend(bench)
        accept(bench, job="late", orphan=True)
        bench.forget()
        opened(bench, ONE)
        finish(bench)
        before = stored(bench)
        bench.forget()
        opened(bench, ONE)
        assert bench.state() is State.DONE
        assert bench.room.orphans("b") == {}
        assert bench.room.tick() == []
        assert stored(bench) == before

    def test_one_of_an_attempt_that_is_over_is_never_the_takes_own(self, bench: Bench) -> None:
        opened(bench, ONE)
        intend(bench)
        accept(bench, job="late", orphan=True)
        end(bench, "transient")
        bench.forget()
        opened(bench, ONE)
        assert (bench.state(), bench.record().attempt) == (State.WAITING, 2)
        standing = bench.room.standing("b")
        assert standing is not None
        assert standing.orphans_alive == 1


class TestInMidOpening:
    """Redis is emptied, or comes up with less in it, while a batch is being taken up."""

    @staticmethod
    def once(bench: Bench, what: str, then: Callable[[], None]) -> None:
        """Let something happen when the store begins to be listed, or Redis is asked for the spans."""
        of: Any = bench.store if what == "keys" else bench.room
        real = getattr(of, what)

        def first(*args: Any) -> Any:
            setattr(of, what, real)
            then()
            return real(*args)

        setattr(of, what, first)

    @pytest.mark.parametrize("at", ["spans", "keys"])
    def test_an_opening_over_an_emptied_redis_ends_and_is_done_once_more(
        self, bench: Bench, fal: ScriptedFal, at: str
    ) -> None:
        opened(bench, THREE)
        submit(bench.context, bench.all_due(Step.SUBMIT)[0])
        write_holds(bench.context.ledger("b"), Holds(spans=((1, 2, 0, "cancelled"),)))
        restarted(bench)
        self.once(bench, at, bench.forget)
        found = reopen_batch(bench.context, "b")
        assert found is not None
        assert (found.new, found.followed) == (True, 1)
        assert bench.room.trusts("b")
        bench.room.set_limits("fal", bench.context.limits("fal"))
        assert admitted(bench) == [2]
        assert fal.count("POST") == 1

    def test_what_redis_comes_up_with_meanwhile_is_not_believed(self, bench: Bench, fal: ScriptedFal) -> None:
        """What was asked before it was started anew says nothing of what it believes since."""
        opened(bench, ONE)
        before = snapshot(bench)
        bench.submit()
        finish(bench)
        self.once(bench, "keys", lambda: go_back(bench, before))
        assert opened(bench, ONE).done == 1
        assert bench.state() is State.DONE
        bench.clock.forward(1e6)
        assert bench.room.tick() == []

    def test_twice_in_a_row_it_is_said(self, bench: Bench) -> None:
        opened(bench, ONE)
        keys = bench.store.keys

        def emptied(prefix: str) -> Iterator[str]:
            bench.forget()
            return keys(prefix)

        bench.store.keys = emptied  # type: ignore[method-assign]
        with pytest.raises(Emptied, match="Redis was emptied while the batch 'b' was being opened"):
            opened(bench, ONE)
