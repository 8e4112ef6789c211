"""What tests of decisions ask of a bench."""

from __future__ import annotations

from workbench import Bench

from workers.decisions import Target
from workers.engine.states import State, Step
from workers.opening import reopen_batch
from workers.steps import submit


def named(written: str) -> Target:
    return Target.parse(written)


def admitted(bench: Bench) -> list[int]:
    """The takes that are handed out to be submitted now."""
    return sorted(work.index for work in bench.all_due(Step.SUBMIT))


def submit_all(bench: Bench) -> list[int]:
    """Submit what can be submitted now; which takes those were."""
    works = bench.all_due(Step.SUBMIT)
    for work in works:
        submit(bench.context, work)
    return sorted(work.index for work in works)


def lose_redis(bench: Bench, batch: str) -> None:
    """Lose what Redis holds, and take the batch up from the store alone."""
    bench.forget()
    assert reopen_batch(bench.context, batch) is not None
    for provider in bench.context.settings.providers:
        bench.room.set_limits(provider, bench.context.limits(provider))


def states(bench: Bench, batch: str, count: int) -> list[State]:
    return [bench.state(index, batch) for index in range(count)]
