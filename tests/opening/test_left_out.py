"""What --only and --limit leave out: it waits, whatever becomes of Redis, and the next run without them renders it."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_fal import ScriptedFal
from taken_up import done, edited, finish, go_back, opened, shot, snapshot
from workbench import Bench, Make

from jobs.manifest import Manifest
from jobs.reading.loading import load_text
from jobs.takes.choosing import Choice
from workers.chains.answering import parents_from
from workers.decisions import Target, cancel, pause, pick, resume, retry, waive
from workers.engine.states import State, Step
from workers.opening import Opening, open_batch, reopen_batch
from workers.steps import submit

OTHER: dict[str, Any] = {"name": "other", "prompt": "a cat", "sweep": {"seed": [1, 2]}}
TWO = edited(shot(seed=[1, 2, 3]), OTHER)
"""Takes 0 to 2 of `s`, 3 and 4 of `other`."""

DRAFTS = """\
batch: b
provider: fal
model: seedance-2.0-fast
defaults: {duration: 4, resolution: 480p}
shots:
  - {name: s, prompt: a dog, sweep: {seed: 1..2}}
  - {name: final, promote: s, model: seedance-2.0}
"""

FOLLOW: dict[str, Any] = {"name": "follow", "for_each": "s", "prompt": "it leaps", "start_image": "s.last_frame"}


@pytest.fixture
def bench(make: Make, fal: ScriptedFal) -> Bench:
    return make(fal.url, RUSHES_FAL_SEATS="9")


def chosen(bench: Bench, *only: str, limit: int | None = None, of: Manifest = TWO) -> Opening:
    opening = open_batch(bench.context, of, (), Choice(only, limit))
    for provider in bench.context.settings.providers:
        bench.room.set_limits(provider, bench.context.limits(provider))
    return opening


def admitted(bench: Bench) -> list[int]:
    """The takes that are handed out to be submitted now, once parents that are asked for were told."""
    found: list[int] = []
    for _ in range(10):
        asked = bench.all_due(Step.PARENTS)
        found += [work.index for work in bench.all_due(Step.SUBMIT)]
        if not asked:
            return sorted(found)
        for work in asked:
            bench.room.parents(work.batch, parents_from(bench.context, work.batch, work.index))
    raise AssertionError("it asks without end")


def finished(bench: Bench, *indices: int) -> None:
    """They are done, and Redis knows."""
    done(bench, *indices)
    bench.room.mark_done("b", list(indices), gone_back=True)


def deferred(bench: Bench) -> tuple[int, int]:
    """How many takes are told as left out, and how many are open."""
    standing = bench.room.standing("b")
    assert standing is not None
    return standing.deferred, standing.open


def test_what_is_left_out_waits_until_a_run_without(bench: Bench) -> None:
    assert chosen(bench, "other").deferred == 3
    assert deferred(bench) == (3, 2)
    assert admitted(bench) == [3, 4]
    assert opened(bench, TWO).deferred == 0
    assert deferred(bench) == (0, 5)
    assert admitted(bench) == [0, 1, 2]


def test_the_same_limit_again_begins_nothing_more(bench: Bench) -> None:
    chosen(bench, limit=2)
    assert admitted(bench) == [0, 1]
    finished(bench, 0, 1)
    assert chosen(bench, limit=2).deferred == 3
    assert admitted(bench) == []
    standing = bench.room.standing("b")
    assert standing is not None and standing.open == 0
    chosen(bench, limit=3)
    assert admitted(bench) == [2]


def test_what_is_under_way_goes_on_and_what_waits_is_left_out_then(make: Make, fal: ScriptedFal) -> None:
    bench = make(fal.url, RUSHES_FAL_SEATS="1")
    opened(bench, TWO)
    submit(bench.context, bench.due(Step.SUBMIT))
    assert chosen(bench, "other").deferred == 2
    assert deferred(bench) == (2, 3)
    finish(bench, 0)
    assert bench.state(0) is State.DONE
    assert admitted(bench) == [3]


def test_it_outlives_redis_and_a_redis_that_went_back(bench: Bench) -> None:
    opened(bench, TWO)
    before = snapshot(bench)
    chosen(bench, "other", limit=1)
    go_back(bench, before)
    assert [work.batch for work in bench.all_due(Step.RECOVER)] == ["b"]
    reopen_batch(bench.context, "b", unless_trusted=True)
    assert deferred(bench) == (4, 1)
    bench.forget()
    assert reopen_batch(bench.context, "b") is not None
    bench.room.set_limits("fal", bench.context.limits("fal"))
    assert deferred(bench) == (4, 1)
    assert admitted(bench) == [3]


def test_a_crash_between_the_store_and_redis_submits_nothing_that_the_store_holds_back(bench: Bench) -> None:
    bench.store.before = lambda key: (_ for _ in ()).throw(KeyboardInterrupt) if key.endswith("manifest.json") else None
    with pytest.raises(KeyboardInterrupt):
        chosen(bench, "other")
    bench.store.before = lambda key: None
    bench.forget()
    chosen(bench, "other")
    assert admitted(bench) == [3, 4]


def test_decisions_about_other_things_leave_it_as_it_is(bench: Bench) -> None:
    chosen(bench, "other")
    pause(bench.context, Target.parse("b/other"))
    assert admitted(bench) == []
    outcome = resume(bench.context, Target.parse("b"))
    assert outcome.stand == {"waiting": 2, "deferred": 3}
    assert outcome.notes == ("part of it was left out by --only or --limit, and waits for a run without them",)
    assert admitted(bench) == [3, 4]
    pause(bench.context, Target.parse("b/s"))
    resume(bench.context, Target.parse("b/s/0001"))
    assert admitted(bench) == []
    assert deferred(bench) == (1, 4)
    opened(bench, TWO)
    assert admitted(bench) == [0]


def test_what_is_left_out_can_be_given_up_and_taken_back(bench: Bench) -> None:
    chosen(bench, "other")
    cancel(bench.context, Target.parse("b/s"))
    standing = bench.room.standing("b")
    assert standing is not None and dict(standing.held) == {"cancelled": 3}
    retry(bench.context, Target.parse("b/s"))
    assert deferred(bench) == (3, 2)
    waive(bench.context, Target.parse("b/s/0001"))
    assert admitted(bench) == [3, 4]


def test_chains_bring_what_they_follow_upon_and_what_was_blocked_is_left_out(bench: Bench) -> None:
    chain = edited(shot(seed=[1, 2]), FOLLOW, OTHER)
    opened(bench, chain)
    assert admitted(bench) == [0, 1, 4, 5]
    assert bench.state(2) is bench.state(3) is State.BLOCKED
    chosen(bench, "s", of=chain)
    assert deferred(bench) == (2, 4)
    finished(bench, 0, 1)
    chosen(bench, "s", of=chain)
    assert admitted(bench) == []
    chosen(bench, "follow", of=chain)
    assert admitted(bench) == [2, 3]


def test_an_only_that_names_what_follows_begins_with_what_it_follows_upon(bench: Bench) -> None:
    chain = edited(shot(seed=[1, 2]), FOLLOW, OTHER)
    chosen(bench, "follow", limit=2, of=chain)
    assert admitted(bench) == [0]
    finished(bench, 0)
    chosen(bench, "follow", limit=2, of=chain)
    assert admitted(bench) == [2]


def test_of_what_waits_for_a_pick_only_what_is_chosen_is_told(bench: Bench) -> None:
    drafts = load_text(DRAFTS, "b.yaml")
    chosen(bench, "s", of=drafts)
    assert deferred(bench) == (2, 2)
    pick(bench.context, [Target.parse("b/s/0001")])
    assert admitted(bench) == [0, 1]
    chosen(bench, "final", of=drafts)
    assert admitted(bench) == [2]
    standing = bench.room.standing("b")
    assert standing is not None and dict(standing.held) == {"unpicked": 1, "deferred": 0}


def test_an_edit_with_a_choice_withdraws_nothing_of_what_is_left_out(bench: Bench) -> None:
    opened(bench, TWO)
    admitted(bench)
    done(bench, 0)
    found = chosen(bench, "other", of=edited(shot(seed=[1, 2, 3]), {**OTHER, "prompt": "a cow"}))
    assert (found.grown, found.done, found.deferred) == (True, 1, 0)
    assert [bench.state(index) for index in (1, 2)] == [State.ADMITTED, State.ADMITTED]
    assert admitted(bench) == [5, 6]
