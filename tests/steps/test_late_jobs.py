"""Jobs that are named too late: Redis was emptied meanwhile, or the take has gone on without them."""

from __future__ import annotations

import pytest
from scripted_fal import Asked, ScriptedFal
from workbench import Bench

from workers.engine.states import ORPHANS, State, Step
from workers.engine.work import Work
from workers.errors import StoreError
from workers.ledger import orphan_token
from workers.providers.protocol import Job, Response
from workers.receipts import read_receipt
from workers.sandbox.server import Sandbox
from workers.steps import collect, poll, submit
from workers.steps.answer import accepted

LATE = orphan_token("late")
ORPHANED = f"b/.rushes/attempts/s/0001/1.orphan-{LATE}"


def emptied(bench: Bench, fal: ScriptedFal) -> None:
    """Redis is emptied while the POST is under way."""

    def lost(asked: Asked) -> None:
        bench.forget()
        fal.accept(asked)

    fal.posts = [lost]


class TestRedisEmptied:
    def test_the_acceptance_is_in_the_store_before_the_step_ends(self, bench: Bench, fal: ScriptedFal) -> None:
        emptied(bench, fal)
        bench.open()
        bench.submit()
        assert bench.context.ledger("b").acceptance("s/0001", 1).job_id == "job-1"
        assert bench.room.batches() == [], "half a batch would be taken for the whole of it"
        assert bench.open().followed == 1
        assert fal.count("POST") == 1

    def test_it_is_tried_until_the_store_takes_it(self, bench: Bench, fal: ScriptedFal) -> None:
        emptied(bench, fal)
        bench.open()
        left = iter(range(4))

        def failing(key: str) -> StoreError | None:
            if key.endswith(".accepted.json") and next(left, None) is not None:
                return StoreError("the disk is on strike")
            return None

        bench.store.refuse = failing
        bench.submit()
        assert bench.clock.slept == [1.0] * 4
        assert bench.context.ledger("b").acceptance("s/0001", 1).job_id == "job-1"


def late(bench: Bench, fal: ScriptedFal) -> Work:
    """A hand on a job that was named when its take had been given to another one."""

    def second(asked: Asked) -> None:
        record = bench.record()
        hand = Work(Step.SUBMIT, "b", 0, record.fence, record.attempt)
        bench.room.accept(
            "b", 0, attempt=hand.attempt, job_id="job-1", first_poll=500.0, fields={"job": {"id": "job-1", "urls": {}}}
        )
        fal.accept(asked, "late")

    fal.posts = [second]
    bench.open()
    bench.submit()
    assert bench.record().job == {"id": "job-1", "urls": {}}
    bench.clock.forward(60)
    (work,) = bench.all_due(Step.POLL)
    assert work.index == ORPHANS + 1
    return work


class TestASecondJob:
    def test_it_has_an_acceptance_of_its_own_and_is_asked_about(self, bench: Bench, fal: ScriptedFal) -> None:
        work = late(bench, fal)
        acceptance = bench.context.ledger("b").acceptance("s/0001", 1, orphan=LATE)
        assert (acceptance.job_id, acceptance.take) == ("late", "s/0001")
        assert bench.context.take("b", work.index).name == f"s/0001.orphan-{LATE}"
        poll(bench.context, [work])
        assert fal.asked[-1].path == "/jobs/late/status"
        assert bench.state(work.index) is State.RENDERING

    def test_one_that_the_store_did_not_take_is_filed_before_its_first_poll(
        self, bench: Bench, fal: ScriptedFal
    ) -> None:
        bench.store.fail(f"{ORPHANED}.accepted.json")
        work = late(bench, fal)
        poll(bench.context, [work])
        assert fal.count("GET") == 0
        bench.store.mend()
        bench.clock.forward(60)
        poll(bench.context, bench.all_due(Step.POLL))
        assert fal.count("GET") == 1
        assert f"{ORPHANED}.accepted.json" in bench.store.puts

    def test_one_hand_writes_its_acceptance(self, bench: Bench, fal: ScriptedFal) -> None:
        work = late(bench, fal)
        poll(bench.context, [work])
        assert bench.store.puts.count(f"{ORPHANED}.accepted.json") == 1

    def test_a_poll_leaves_that_to_the_hand_that_is_still_at_it(self, bench: Bench, fal: ScriptedFal) -> None:
        asked: list[int] = []

        def slow(key: str) -> None:
            if key == f"{ORPHANED}.accepted.json" and not asked:
                bench.clock.forward(60)
                poll(bench.context, bench.all_due(Step.POLL))
                asked.append(fal.count("GET"))

        bench.store.before = slow
        work = late(bench, fal)
        assert asked == [0], "nothing is asked before it is on record"
        poll(bench.context, [work])
        assert fal.count("GET") == 1
        assert bench.store.puts.count(f"{ORPHANED}.accepted.json") == 1

    @pytest.mark.parametrize("over", [False, True])
    def test_told_again_it_is_not_taken_for_the_takes_own(self, bench: Bench, fal: ScriptedFal, *, over: bool) -> None:
        # Redis had heard of it, and its answer to that was lost.
        work = late(bench, fal)
        poll(bench.context, [work])
        if over:
            bench.clock.forward(60)
            fal.completed()
            fal.results = [
                lambda asked: asked.say(422, {"detail": [{"msg": "no", "type": "content_policy_violation"}]})
            ]
            poll(bench.context, [one for one in bench.all_due(Step.POLL) if one.index == work.index])
            assert bench.room.orphans("b") == {"late": "failed"}
        told = Response(200, {}, b"{}")
        before = list(bench.store.puts)
        accepted(bench.context, "b", 0, 1, bench.context.take("b", 0), Job("late", {}), told)
        assert bench.store.puts == [*before, *([] if over else [f"{ORPHANED}.accepted.json"])]

    def test_without_a_video_it_has_an_ending_of_its_own(self, bench: Bench, fal: ScriptedFal) -> None:
        work = late(bench, fal)
        fal.completed()
        fal.results = [lambda asked: asked.say(422, {"detail": [{"msg": "no", "type": "content_policy_violation"}]})]
        poll(bench.context, [work])
        assert f"{ORPHANED}.ended.json" in bench.store.puts
        assert bench.room.orphans("b") == {"late": "failed"}
        assert bench.state() is State.RENDERING, "the take's own job goes on"
        (record,) = bench.context.ledger("b").attempts()
        assert (record.ended, record.orphans) == (False, {LATE: True})

    def test_its_video_is_kept_beside_the_takes_own(self, rehearsal: tuple[Bench, Sandbox]) -> None:
        bench, sandbox = rehearsal
        bench.open()
        bench.submit()
        job = bench.record().job
        assert job is not None
        token = orphan_token(job["id"])
        # Redis is emptied, the record of the attempt is lost, and somebody's answer names the job after all.
        namespace = bench.context.settings.namespace
        bench.client.hset(f"{namespace}:take:b:0", mapping={"attempt": 2, "job_id": "another"})
        bench.room.accept("b", 0, attempt=1, job_id=job["id"], first_poll=0.0, fields={"job": job})
        bench.clock.forward(1000)
        own = next(work for work in bench.all_due(Step.POLL) if work.index > ORPHANS)
        poll(bench.context, [own])
        (work,) = bench.all_due(Step.COLLECT)
        collect(bench.context, work)
        receipt = read_receipt(bench.store, "b", f"s/0001.orphan-{token}")
        assert receipt.job_id == job["id"]
        assert bench.store.exists(receipt.video.key)
        assert receipt.video.key == f"b/s/0001.orphan-{token}.mp4"
        assert bench.room.orphans("b") == {job["id"]: "done"}
        assert bench.state() is State.RENDERING
        assert len(sandbox.account.submissions()) == 1


@pytest.mark.parametrize("times", [1, 3])
def test_a_message_that_comes_again_submits_nothing(bench: Bench, fal: ScriptedFal, times: int) -> None:
    bench.open()
    work = bench.submit()
    for _ in range(times):
        submit(bench.context, work)
    assert fal.count("POST") == 1
