"""The simulation finds what it is there to find: each test takes one rule away, and a violation must come up soon."""

from __future__ import annotations

import hashlib
import importlib
from typing import Any

import pytest
from sim_schedule import Lean, Run

from workers.ledger import Intent, Ledger

SOON = 300

STALLS = frozenset({"the time jumps", "a worker is killed"})


def found(simulate: Run, *told: str, lean: Lean | None = None, first: int = 0) -> None:
    """Run schedules until one breaks a rule in words that hold one of `told`; `first` is a seed that is soon there."""
    seen = set()
    for seed in range(first, first + SOON):
        _, error = simulate(seed, lean)
        if error is not None:
            seen.add(str(error))
            if any(words in str(error) for words in told):
                return
    pytest.fail(f"no schedule of {SOON} found it; they found {seen or 'nothing'}")


@pytest.fixture
def mutate(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts other words into a script."""

    def put(script: str, *changes: tuple[str, str]) -> None:
        module = importlib.import_module("workers.engine.scripts")
        real = module._script
        source = real(script)[1]
        for before, after in changes:
            assert before in source, f"{script}.lua no longer says {before!r}"
            source = source.replace(before, after)
        digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        monkeypatch.setattr(module, "_script", lambda name: (digest, source) if name == script else real(name))

    return put


def test_an_intent_that_is_written_after_the_submission(simulate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    intend = Ledger.intend
    late: list[tuple[Ledger, Intent]] = []
    step = importlib.import_module("workers.steps.submit")
    settle = step.settle

    def settled(*args: Any) -> None:
        while late:
            intend(*late.pop())
        settle(*args)

    monkeypatch.setattr(Ledger, "intend", lambda ledger, intent: late.append((ledger, intent)))
    monkeypatch.setattr(step, "settle", settled)
    found(simulate, "its intent is not in the store")


def test_a_silent_submission_that_is_made_again_blindly(simulate: Run, mutate: Any) -> None:
    again = "if again > 0 and NOW - since < again then", "if true then"
    mutate("tick", again, ("'waiting', 0, {again_since = since}", "'waiting', 0, {}"))
    found(simulate, "paid twice", lean=Lean(provider="fal", rate=0.1, events=STALLS))


def test_a_state_that_is_not_compared(simulate: Run, mutate: Any) -> None:
    mutate("move", ("if take[1] ~= from or take[2] ~= fence then", "if take[2] ~= fence then"))
    found(simulate, "of its takes, which are", "paid twice", lean=Lean(rate=0.25, events=STALLS), first=290)


def test_a_seat_that_comes_back_by_time(simulate: Run, mutate: Any) -> None:
    mutate(
        "tick",
        (
            "    hand_out(batch, index, state)\n  elseif",
            "    redis.call('SREM', lane_key(lane_of(batch, take_key(batch, index)), 'seats'), who)\n"
            "    hand_out(batch, index, state)\n  elseif",
        ),
    )
    found(simulate, "are rendered at once")


def test_a_job_that_is_refused_when_its_take_has_moved_on(simulate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = importlib.import_module("workers.steps.answer")
    accepted = answer.accepted

    def refusing(context: Any, batch: str, index: int, *args: Any) -> None:
        record = context.room.take(batch, index)
        if record is not None and record.state == "submitting":
            accepted(context, batch, index, *args)

    monkeypatch.setattr(answer, "accepted", refusing)
    found(simulate, "is forgotten")


def test_an_acceptance_that_is_kept_in_redis_alone(simulate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "accept", lambda ledger, acceptance, **_: None)
    found(simulate, "is forgotten")


def test_an_intent_that_is_not_believed(simulate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "attempts", lambda ledger: iter(()))
    found(simulate, "paid twice")


def test_a_take_that_is_done_without_a_receipt(simulate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("workers.steps.collect"), "write_receipt", lambda store, receipt: None)
    found(simulate, "its receipt is not there")


def test_a_budget_that_is_not_looked_at(simulate: Run, mutate: Any) -> None:
    mutate("tick", ("then return 'budget' end", "then amount = amount end"))
    found(simulate, "and its budget is", "and the budget of", lean=Lean(budget=1, events=frozenset()))


def test_an_edited_manifest_that_forgets_what_is_rendered(simulate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("workers.reconciling"), "twins", lambda *_: ({}, {}))
    found(simulate, "paid twice", lean=Lean(events=frozenset({"a manifest is edited"})))


def test_a_cancellation_of_what_may_be_alive(simulate: Run, mutate: Any) -> None:
    mutate(
        "withdraw", ("if to == 'cancelled' and (state == 'submitting' or state == 'rendering') then", "if false then")
    )
    found(simulate, "its take is cancelled", lean=Lean(rate=0.0, events=frozenset({"a person cancels"})))
