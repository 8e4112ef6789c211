"""Chained batches that are opened again, edited, recovered, or whose Redis went back: nothing is sent twice."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_fal import ScriptedFal
from taken_up import done, edited, end, finish, go_back, opened, receipt, shot, snapshot
from workbench import Bench, Make

from workers.chains.answering import parents_from
from workers.chains.blockers import blocked
from workers.chains.files import parent_files
from workers.decisions import Target, cancel, retry
from workers.engine.states import State, Step
from workers.engine.work import Work
from workers.ledger import Acceptance, Intent
from workers.opening import reopen_batch
from workers.steps import submit

FOLLOW: dict[str, Any] = {
    "name": "follow",
    "for_each": "s",
    "prompt": "it leaps",
    "start_image": "s.last_frame",
}
CHAIN = edited(shot(seed=[1, 2]), FOLLOW)
"""Takes 0 and 1, and 2 and 3 that follow them."""


@pytest.fixture
def bench(make: Make, fal: ScriptedFal) -> Bench:
    return make(fal.url, RUSHES_FAL_SEATS="9")


def admitted(bench: Bench) -> list[int]:
    """Which takes are admitted now, once the parents that are asked for were told."""
    found: list[int] = []
    for _ in range(10):
        asked = bench.all_due(Step.PARENTS)
        found += [work.index for work in bench.all_due(Step.SUBMIT)]
        if not asked:
            return found
        for work in asked:
            bench.room.parents(work.batch, parents_from(bench.context, work.batch, work.index))
    raise AssertionError("it asks without end")


def on_record(bench: Bench, index: int, *, accepted: bool) -> None:
    take = bench.context.take("b", index)
    ledger = bench.context.ledger("b")
    ledger.intend(
        Intent(
            take=take.name,
            attempt=1,
            provider="fal",
            identity=take.asked.identity(),
            request_digest="0" * 64,
            highest_price=None,
            at=bench.clock.now(),
        )
    )
    if accepted:
        ledger.accept(
            Acceptance(
                take=take.name, attempt=1, provider="fal", job_id=f"j{index}", urls={}, status=200, at=bench.clock.now()
            )
        )


def test_a_batch_is_rebuilt_from_the_store_alone(bench: Bench) -> None:
    opened(bench, CHAIN)
    done(bench, 0)
    on_record(bench, 1, accepted=False)
    end(bench, "output-moderation", take="s/0002-seed2")
    on_record(bench, 2, accepted=True)
    bench.forget()
    assert reopen_batch(bench.context, "b") is not None
    bench.room.set_limits("fal", bench.context.limits("fal"))
    assert admitted(bench) == []
    assert [bench.state(index) for index in range(4)] == [State.DONE, State.FAILED, State.RENDERING, State.BLOCKED]
    assert [str(each) for each in blocked(bench.context, "b", most=5)] == [
        "follow/0002-seed2 waits for s/0002-seed2, which has failed: why"
    ]
    retry(bench.context, Target.parse("b/s/0002"))
    assert admitted(bench) == [1]


def test_a_redis_that_went_back_to_before_a_take_was_freed_does_not_send_it_again(bench: Bench) -> None:
    opened(bench, CHAIN)
    assert admitted(bench) == [0, 1]
    before = snapshot(bench)
    assert bench.state(2) is bench.state(3) is State.BLOCKED
    done(bench, 0, 1)
    on_record(bench, 2, accepted=True)
    on_record(bench, 3, accepted=False)
    go_back(bench, before)
    assert [work.batch for work in bench.all_due(Step.RECOVER)] == ["b"]
    reopen_batch(bench.context, "b", unless_trusted=True)
    assert admitted(bench) == []
    assert [bench.state(index) for index in range(4)] == [State.DONE, State.DONE, State.RENDERING, State.DOUBT]


def test_nor_where_the_receipt_of_its_parent_is_gone_by_then(bench: Bench) -> None:
    opened(bench, CHAIN)
    admitted(bench)
    before = snapshot(bench)
    on_record(bench, 3, accepted=True)
    go_back(bench, before)
    bench.all_due(Step.RECOVER)
    reopen_batch(bench.context, "b", unless_trusted=True)
    assert bench.state(3) is State.RENDERING


def test_what_hangs_on_an_edited_shot_is_copied_where_nothing_else_is_asked(bench: Bench) -> None:
    opened(bench, CHAIN)
    done(bench, 0, 1, 2, 3)
    opened(bench, CHAIN)
    found = opened(bench, edited(shot(seed=[1, 5, 2]), FOLLOW))
    assert (found.reused, found.done, found.total) == (4, 4, 6)
    expansion = bench.context.expansion("b")
    left = [expansion[index].name for index in range(4, 10) if bench.state(index) is not State.DONE]
    assert left == ["s.2/0002-seed5", "follow.2/0002-seed5"]
    assert admitted(bench) == [5]


def test_a_parent_whose_files_are_gone_costs_nothing_and_is_rendered_again(bench: Bench, fal: ScriptedFal) -> None:
    opened(bench, CHAIN)
    admitted(bench)
    done(bench, 0)
    opened(bench, CHAIN)
    bench.room.mark_done("b", [0], gone_back=True)
    bench.works.clear()
    told = bench.room.tick()
    [work] = [work for work in told if work.step is Step.SUBMIT and work.index == 2]
    files = parent_files(bench.context, bench.context.take("b", 2))
    assert [(file.taken_up.take, file.taken_up.sha256) for file in files] == [
        ("s/0001-seed1", receipt(bench, "s/0001-seed1").last_frame.sha256)
    ]
    (bench.store._root / "b/s/0001-seed1.receipt.json").unlink()
    submit(bench.context, work)
    assert fal.count("POST") == 0
    record = bench.record(2)
    assert record.state is State.FAILED
    assert record.value("error")["kind"] == "parent"
    assert "isn't whole in the store any more" in record.value("error")["message"]
    assert opened(bench, CHAIN).lost == 1
    assert 0 in admitted(bench)
    assert bench.state(2) is State.BLOCKED


def test_a_parent_that_is_done_frees_its_child_at_once(bench: Bench, fal: ScriptedFal) -> None:
    opened(bench, CHAIN)
    for work in bench.all_due(Step.SUBMIT):
        submit(bench.context, work)
    admitted(bench)
    assert bench.state(2) is State.BLOCKED
    finish(bench, 0)
    assert admitted(bench) == [2]


def test_what_was_cancelled_before_its_parent_was_done_is_rendered_and_given_no_other_video(bench: Bench) -> None:
    opened(bench, CHAIN)
    admitted(bench)
    assert bench.state(2) is State.BLOCKED
    cancel(bench.context, Target.parse("b/follow/0001"))
    assert bench.state(2) is State.CANCELLED
    done(bench, 0)
    opened(bench, CHAIN)
    bench.room.mark_done("b", [0], gone_back=True)
    assert retry(bench.context, Target.parse("b/follow/0001")).takes == {"follow/0001-seed1": "waiting, for attempt 2"}
    assert "reuse" not in bench.record(2).fields
    assert 2 in admitted(bench)


@pytest.mark.parametrize("brings", [True, False])
def test_what_waits_for_its_parent_waits_for_a_withdrawn_twin_instead(
    bench: Bench, fal: ScriptedFal, *, brings: bool
) -> None:
    """Two chains ask for the same, one is further, and it is that one which the manifest lets go of."""
    other = {**FOLLOW, "name": "other", "for_each": "t", "start_image": "t.last_frame"}
    opened(bench, edited(shot(seed=[1]), shot("t", seed=[1]), FOLLOW, other))
    index = {bench.context.take("b", at).name: at for at in range(4)}
    follow, awaiting = index["follow/0001-seed1"], index["other/0001-seed1"]
    parent, ahead = index["t/0001-seed1"], index["s/0001-seed1"]
    bench.room.pause("fal", kind="quota", reason="until the first is done")
    done(bench, ahead)
    bench.room.mark_done("b", [ahead])
    bench.room.set_limits("fal", bench.context.limits("fal"))
    assert sorted(admitted(bench)) == sorted([parent, follow])
    assert bench.record(awaiting).fields["blocked_on"] == str(parent)
    on_record(bench, follow, accepted=True)
    hand = Work(Step.SUBMIT, "b", follow, bench.record(follow).fence, 1)
    assert bench.room.move(hand, State.ADMITTED, State.SUBMITTING)
    bench.room.accept("b", follow, attempt=1, job_id="job-1", first_poll=1000.0, fields={})
    opened(bench, edited(shot("t", seed=[1]), other))
    assert bench.record(awaiting).fields["blocked_on"] == str(follow)
    if brings:
        finish(bench, follow)
        assert awaiting in admitted(bench)
        assert bench.record(awaiting).fields["reuse"] == str(follow)
    else:
        hand = Work(Step.POLL, "b", follow, bench.record(follow).fence, 1)
        assert bench.room.move(hand, State.RENDERING, State.FAILED)
        assert awaiting not in admitted(bench)
        assert bench.record(awaiting).fields["blocked_on"] == str(parent), "it is rendered when that is done"
