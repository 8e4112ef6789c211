"""A Redis that went back to before the manifest was edited: what it can't know of is followed all the same."""

from __future__ import annotations

from scripted_fal import Asked, ScriptedFal
from taken_up import edited, go_back, opened, shot, snapshot
from workbench import Bench

from workers.engine.states import State, Step
from workers.opening import reopen_batch
from workers.steps import poll, submit


def test_a_job_of_a_take_that_came_with_the_edit(bench: Bench, fal: ScriptedFal) -> None:
    opened(bench, edited(shot()))
    (first,) = bench.all_due(Step.SUBMIT)
    submit(bench.context, first)
    before = snapshot(bench)
    opened(bench, edited(shot(), shot("t", "a cat")))

    def gone_back(asked: Asked) -> None:
        go_back(bench, before)
        fal.accept(asked, "late")

    fal.posts = [gone_back]
    bench.submit()
    bench.clock.forward(60)
    works = bench.all_due(Step.POLL)
    assert len(works) == 2
    poll(bench.context, works)
    assert [asked.path for asked in fal.asked if asked.method == "GET"] == ["/jobs/job-1/status"], "the other is asked"
    assert "the store knows more" in bench.record(max(work.index for work in works)).fields["waits_for"]
    assert reopen_batch(bench.context, "b", unless_trusted=True) is not None
    assert (bench.record(1).job or {})["id"] == "late"
    assert bench.room.orphans("b") == {}
    bench.clock.forward(60)
    poll(bench.context, bench.all_due(Step.POLL))
    assert "/jobs/late/status" in [asked.path for asked in fal.asked]
    assert bench.state(1) is State.RENDERING
    assert fal.count("POST") == 2
