"""Opening a batch: what the store holds decides, and nothing is paid for twice, whatever Redis has forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from scripted_fal import Answer, Asked, ScriptedFal
from workbench import Bench, Make, manifest

from workers import providers
from workers.engine.states import ALIVE, State, Step
from workers.engine.work import Work
from workers.errors import StoreError
from workers.ledger import Ending
from workers.opening import Opening, open_batch
from workers.providers.fal import Fal
from workers.steps import poll, submit

ATTEMPTS = "b/.rushes/attempts/"


def root(bench: Bench) -> Path:
    return Path(bench.context.settings.store)


def receipt(bench: Bench, name: str = "s/0001") -> None:
    """A take is done if and only if its receipt exists; what it says doesn't matter here."""
    bench.store.put_bytes(f"b/{name}.receipt.json", b"{}", content_type="application/json")


def remove(folder: Path) -> None:
    """Every object below `folder`; the store keeps its folders in mind."""
    for path in folder.rglob("*.*"):
        if path.is_file():
            path.unlink()


def opened(total: int = 1, **found: int | bool) -> Opening:
    nothing = {"new": False, "total": total, "done": 0, "followed": 0, "doubted": 0, "retried": 0, "lost": 0}
    return Opening(**nothing | found)  # type: ignore[arg-type]


def end(bench: Bench, kind: str, *, attempt: int = 1) -> None:
    ending = Ending(take="s/0001", attempt=attempt, kind=kind, message="why", body="raw", at=bench.clock.now())
    bench.context.ledger("b").end(ending)


class TestNew:
    def test_a_new_batch_is_frozen_and_its_takes_wait(self, bench: Bench, fal: ScriptedFal) -> None:
        assert bench.open(takes=3) == opened(3, new=True)
        assert bench.store.puts == ["b/.rushes/manifest.json.sha256", "b/.rushes/manifest.json"]
        assert bench.room.manifest("b") == bench.context.ledger("b").frozen()
        standing = bench.room.standing("b")
        assert standing is not None
        assert (standing.total, standing.states[State.WAITING], standing.objects) == (3, 3, 0)
        assert fal.asked == [], "nothing is sent by opening"

    def test_the_frozen_manifest_gives_the_same_takes_again(self, bench: Bench) -> None:
        bench.open(takes=3)
        takes = bench.context.expansion("b")
        assert [take.name for take in takes] == ["s/0001-seed1", "s/0002-seed2", "s/0003-seed3"]
        assert [take.asked.seed for take in takes] == [1, 2, 3]


class TestAgain:
    def test_it_writes_nothing_and_knows_what_is_done(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open(takes=2)
        receipt(bench, "s/0001-seed1")
        puts = len(bench.store.puts)
        assert bench.open(takes=2) == opened(2, done=1)
        assert bench.open(takes=2) == opened(2, done=1)
        assert len(bench.store.puts) == puts
        assert [work.index for work in bench.all_due(Step.SUBMIT)] == [1]
        assert fal.asked == []

    @pytest.mark.parametrize("state", ALIVE)
    def test_what_is_alive_is_not_touched(self, bench: Bench, fal: ScriptedFal, state: State) -> None:
        bench.open()
        if state is State.SUBMITTING:
            bench.room.move(bench.due(Step.SUBMIT), State.ADMITTED, State.SUBMITTING, delay=100.0)
        elif state is State.ADMITTED:
            bench.due(Step.SUBMIT)
        else:
            bench.submit()
        if state is State.COLLECTING:
            fal.rendered()
            bench.poll()
        before = bench.record()
        assert before.state is state
        assert bench.open() == opened()
        assert bench.record() == before

    def test_a_take_that_is_collected_meanwhile_is_not_lost(self, bench: Bench, fal: ScriptedFal) -> None:
        """Its receipt came after the listing."""
        bench.open()
        bench.submit()
        fal.rendered()
        bench.poll()
        work = bench.due(Step.COLLECT)
        keys = bench.store.keys

        def late(prefix: str) -> Iterator[str]:
            found = list(keys(prefix))
            if prefix == "b/":
                receipt(bench)
                assert bench.room.move(work, State.COLLECTING, State.DONE)
            return iter(found)

        bench.store.keys = late  # type: ignore[method-assign]
        assert bench.open() == opened()
        assert bench.state() is State.DONE
        bench.clock.forward(1e6)
        assert bench.room.tick() == []

    @pytest.mark.parametrize(
        ("kind", "state", "attempt"),
        [
            ("transient", State.WAITING, 2),
            ("rate", State.WAITING, 2),
            ("auth", State.WAITING, 2),
            ("quota", State.WAITING, 2),
            ("damaged", State.RENDERING, 1),
            ("invalid", State.FAILED, 1),
            ("input-moderation", State.FAILED, 1),
            ("output-moderation", State.FAILED, 1),
            ("expired", State.FAILED, 1),
            ("unknown", State.FAILED, 1),
        ],
    )
    @pytest.mark.parametrize("forgotten", [False, True], ids=["redis kept", "redis lost"])
    def test_what_failed_at_no_cost_is_tried_again_and_the_rest_is_not(
        self, bench: Bench, fal: ScriptedFal, kind: str, state: State, attempt: int, forgotten: bool
    ) -> None:
        bench.open()
        bench.submit()
        error = {"kind": kind, "message": "why", "status": None, "body": "raw"}
        fal.rendered()
        bench.poll()
        work = bench.due(Step.COLLECT)
        bench.room.move(work, State.COLLECTING, State.FAILED, fields={"error": error})
        end(bench, kind)
        if forgotten:
            bench.forget()
        puts = len(bench.store.puts)

        found = bench.open()

        assert found.retried == (state is not State.FAILED and not (forgotten and state is State.WAITING))
        record = bench.record()
        assert (record.state, record.attempt) == (state, attempt)
        assert len(bench.store.puts) == puts
        if state is State.WAITING:
            assert [each.attempt for each in bench.all_due(Step.SUBMIT)] == [2]
        elif state is State.RENDERING:
            assert record.job is not None
            bench.poll()
            assert bench.state() is State.COLLECTING
            assert fal.count("POST") == 1
        else:
            assert record.value("error")["kind"] == kind
            assert bench.room.tick() == []

    def test_a_doubt_whose_acceptance_reached_the_store_alone_is_settled_by_it(
        self, bench: Bench, fal: ScriptedFal
    ) -> None:
        """Redis was away when the job was named, and the worker didn't live to see it come back."""

        class Killed(BaseException):
            pass

        def killed(seconds: float) -> None:
            raise Killed

        bench.open()
        work = bench.due(Step.SUBMIT)
        bench.room.away = 1
        bench.clock.sleep = killed  # type: ignore[method-assign]
        with pytest.raises(Killed):
            submit(bench.context, work)
        bench.clock.forward(1000)
        bench.room.tick()
        assert bench.state() is State.DOUBT
        assert bench.open() == opened(followed=1)
        record = bench.record()
        assert record.state is State.RENDERING
        assert record.job is not None
        assert record.job["id"] == "job-1"
        bench.poll()
        assert fal.asked[-1].path == "/jobs/job-1/status"
        assert fal.count("POST") == 1

    def test_a_doubt_without_an_acceptance_stays_one(self, bench: Bench, fal: ScriptedFal) -> None:
        fal.posts = [lambda asked: asked.hang_up()]
        bench.open()
        bench.submit()
        assert bench.open() == opened()
        assert bench.state() is State.DOUBT
        assert fal.count("POST") == 1


class TestReceipts:
    @pytest.mark.parametrize("state", [State.WAITING, State.FAILED, State.DOUBT])
    def test_a_receipt_settles_what_is_not_alive(self, bench: Bench, fal: ScriptedFal, state: State) -> None:
        bench.open()
        work = bench.due(Step.SUBMIT)
        if state is State.DOUBT:
            bench.room.move(work, State.ADMITTED, State.SUBMITTING)
            bench.room.move(work, State.SUBMITTING, State.DOUBT)
        else:
            bench.room.move(work, State.ADMITTED, state, fields={"error": {"kind": "transient"}})
        receipt(bench)
        assert bench.open() == opened(done=1)
        assert bench.state() is State.DONE
        bench.clock.forward(1e6)
        assert bench.room.tick() == []
        assert fal.asked == []

    def test_a_receipt_that_was_deleted_has_the_paid_video_fetched_again(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        bench.submit()
        fal.rendered()
        bench.poll()
        bench.room.move(bench.due(Step.COLLECT), State.COLLECTING, State.DONE)
        receipt(bench)
        assert bench.open().done == 1
        (root(bench) / "b/s/0001.receipt.json").unlink()
        assert bench.open() == opened(lost=1, followed=1)
        bench.poll()
        assert bench.state() is State.COLLECTING
        assert fal.count("POST") == 1

    def test_without_a_record_of_it_a_take_is_rendered_again(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        bench.submit()
        fal.rendered()
        bench.poll()
        bench.room.move(bench.due(Step.COLLECT), State.COLLECTING, State.DONE)
        remove(root(bench) / ATTEMPTS)
        assert bench.open() == opened(lost=1)
        assert bench.submit().attempt == 1
        assert fal.count("POST") == 2

    def test_files_of_other_names_are_nobodys(self, bench: Bench) -> None:
        bench.open(takes=2)
        for name in ("s/0009-seed9", "other/0001", "s/0001-seed2", "notes"):
            receipt(bench, name)
        assert bench.open(takes=2) == opened(2)


class TestRedisLost:
    def test_receipts_alone_say_what_is_done(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open(takes=3)
        receipt(bench, "s/0001-seed1")
        receipt(bench, "s/0003-seed3")
        bench.forget()
        assert bench.open(takes=3) == opened(3, new=True, done=2)
        assert [work.index for work in bench.all_due(Step.SUBMIT)] == [1]

    def test_each_take_is_taken_up_where_the_record_left_it(self, make: Make, fal: ScriptedFal) -> None:
        bench = make(fal.url, RUSHES_FAL_SEATS="9")
        jobs = count()

        def in_turn(asked: Asked) -> None:
            number = next(jobs)
            answers: list[Answer] = [
                lambda asked: fal.accept(asked, "job-0"),
                lambda asked: asked.hang_up(),
                lambda asked: asked.say(429, {"detail": "later"}),
                lambda asked: asked.say(422, {"detail": [{"msg": "no", "type": "x"}]}),
            ]
            answers[number](asked)

        fal.posts = [in_turn]
        bench.open(takes=6)
        works = bench.all_due(Step.SUBMIT)
        for work in works[:4]:
            submit(bench.context, work)
        receipt(bench, "s/0005-seed5")
        assert [bench.state(index) for index in range(4)] == [
            State.RENDERING,
            State.DOUBT,
            State.WAITING,
            State.FAILED,
        ]
        bench.forget()

        found = bench.open(takes=6)

        assert found == opened(6, new=True, done=1, followed=1, doubted=1)
        standing = bench.room.standing("b")
        assert standing is not None
        assert {state: number for state, number in standing.states.items() if number} == {
            State.RENDERING: 1,
            State.DOUBT: 1,
            State.WAITING: 2,
            State.FAILED: 1,
            State.DONE: 1,
        }
        assert [(record.index, record.value("error")["kind"]) for record in bench.room.held("b", State.DOUBT)] == [
            (1, "in-doubt")
        ]
        assert bench.record(3).value("error")["kind"] == "invalid"
        handed = {(work.step, work.index, work.attempt) for work in bench.room.tick()}
        assert handed == {(Step.POLL, 0, 1), (Step.SETTLE, 1, 1), (Step.SUBMIT, 2, 2), (Step.SUBMIT, 5, 1)}
        assert fal.count("POST") == 4

    def test_a_job_is_followed_under_the_addresses_that_it_was_given(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        bench.submit()
        bench.forget()
        bench.open()
        assert bench.record().job == {
            "id": "job-1",
            "urls": {"status": f"{fal.url}/jobs/job-1/status", "response": f"{fal.url}/jobs/job-1"},
        }
        work = bench.due(Step.POLL)
        poll(bench.context, [work])
        assert fal.asked[-1].path == "/jobs/job-1/status"

    def test_the_latest_attempt_counts(self, bench: Bench, fal: ScriptedFal) -> None:
        fal.posts = [lambda asked: asked.say(429, {}), lambda asked: fal.accept(asked, "job-2")]
        bench.open()
        bench.submit()
        bench.clock.forward(60)
        bench.submit()
        bench.forget()
        assert bench.open() == opened(new=True, followed=1)
        assert bench.record().attempt == 2
        assert bench.record().job["id"] == "job-2"  # type: ignore[index]

    def test_no_pump_admits_anything_while_the_record_is_being_read(
        self, bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The workers' pumps don't rest while a batch is opened; a take admitted now could be paid for already."""
        bench.open()
        bench.submit()
        bench.forget()
        bench.room.set_limits("fal", bench.context.limits("fal"))
        meanwhile: list[Work] = []
        keys = bench.store.keys

        def listed(prefix: str) -> Iterator[str]:
            meanwhile.extend(bench.room.tick())
            yield from keys(prefix)
            meanwhile.extend(bench.room.tick())

        monkeypatch.setattr(bench.store, "keys", listed)
        assert bench.open() == opened(new=True, followed=1)
        assert [work.step for work in meanwhile if work.step is Step.SUBMIT] == []
        assert fal.count("POST") == 1

    def test_no_pump_admits_a_take_between_its_receipt_being_missed_and_its_job_being_followed(
        self, bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.open()
        bench.submit()
        receipt(bench)
        bench.forget()
        assert bench.open().done == 1
        (root(bench) / "b/s/0001.receipt.json").unlink()
        adopt = bench.room.adopt
        meanwhile: list[Work] = []

        def adopted(*args: object, **named: object) -> bool:
            meanwhile.extend(bench.room.tick())
            return adopt(*args, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(bench.room, "adopt", adopted)
        assert bench.open() == opened(lost=1, followed=1)
        assert meanwhile == []

    def test_an_opening_that_was_cut_short_admits_nothing_until_it_is_made_whole(
        self, bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.open()
        bench.submit()
        bench.forget()
        bench.room.set_limits("fal", bench.context.limits("fal"))

        def failing(prefix: str) -> Iterator[str]:
            raise StoreError("the bucket does not answer")

        with monkeypatch.context() as patch:
            patch.setattr(bench.store, "keys", failing)
            with pytest.raises(StoreError):
                open_batch(bench.context, manifest())
        assert bench.room.tick() == []
        assert bench.open() == opened(followed=1)
        assert fal.count("POST") == 1

    def test_a_submission_under_way_when_redis_was_lost_is_followed_when_it_is_accepted(
        self, bench: Bench, fal: ScriptedFal
    ) -> None:
        def lost(asked: Asked) -> None:
            bench.forget()
            bench.open()
            assert bench.state() is State.DOUBT
            fal.accept(asked)

        fal.posts = [lost]
        bench.open()
        bench.submit()
        assert bench.state() is State.RENDERING
        assert fal.count("POST") == 1

    def test_a_job_accepted_while_redis_knew_nothing_is_followed_from_the_store(
        self, bench: Bench, fal: ScriptedFal
    ) -> None:
        def lost(asked: Asked) -> None:
            bench.forget()
            fal.accept(asked)

        fal.posts = [lost]
        bench.open()
        bench.submit()
        assert bench.open() == opened(new=True, followed=1)
        assert bench.record().job["id"] == "job-1"  # type: ignore[index]
        assert fal.count("POST") == 1

    def test_what_may_be_sent_again_under_its_key_is(
        self, bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Renowned(Fal):
            settling = "again"
            settling_seconds = 1000.0

        monkeypatch.setitem(providers._ADAPTERS, "fal", Renowned())
        fal.posts = [lambda asked: asked.hang_up(), fal.accept]
        bench.open()
        bench.submit()
        bench.forget()
        bench.open()
        assert (bench.state(), bench.record().attempt) == (State.WAITING, 1)
        bench.forget()
        bench.clock.forward(1000)
        assert bench.open() == opened(new=True, doubted=1)
        assert bench.state() is State.DOUBT


def test_a_name_that_was_wiped_and_used_again_stands_for_the_new_takes(bench: Bench) -> None:
    bench.open("a dog")
    assert bench.context.take("b", 0).asked.prompt == "a dog"
    bench.forget()
    remove(root(bench) / "b")
    bench.open("a cat")
    assert bench.context.take("b", 0).asked.prompt == "a cat", "a worker that stayed up has not kept the old one"
