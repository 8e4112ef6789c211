"""Submit: what is written before the POST, and what each answer to it leads to."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from scripted_fal import Answer, Asked, ScriptedFal
from workbench import KEY, Bench, Make

from workers import providers
from workers.engine.limits import Limits
from workers.engine.standing import Standing
from workers.engine.states import State, Step
from workers.engine.work import Work
from workers.errors import RedisError, StoreFull
from workers.ledger import AttemptRecord
from workers.providers.apiframe import Apiframe
from workers.providers.errors import Invalid
from workers.providers.fal import Fal
from workers.steps import submit
from workers.steps.submit import BEGIN_SECONDS

FOLDER = "b/.rushes/attempts/s/0001"
INTENT, ACCEPTED, ENDED = f"{FOLDER}/1.intent.json", f"{FOLDER}/1.accepted.json", f"{FOLDER}/1.ended.json"


def attempts(bench: Bench) -> list[AttemptRecord]:
    return list(bench.context.ledger("b").attempts())


def standing(bench: Bench) -> Standing:
    found = bench.room.standing("b")
    assert found is not None
    return found


def say(status: int, body: Any = None, **headers: str) -> Answer:
    return lambda asked: asked.say(status, body, **headers)


class TestTheOrderOfWrites:
    def test_the_intent_is_in_the_store_and_redis_says_submitting_when_the_post_arrives(
        self, bench: Bench, fal: ScriptedFal
    ) -> None:
        seen: dict[str, Any] = {}

        def look(asked: Asked) -> None:
            seen["intent"] = json.loads(bench.store.get(INTENT))
            seen["puts"] = list(bench.store.puts)
            seen["state"] = bench.record().state
            seen["lease"] = bench.delay()
            fal.accept(asked)

        fal.posts = [look]
        bench.open()
        bench.submit()
        assert seen["state"] is State.SUBMITTING
        assert seen["puts"][-1] == INTENT
        assert seen["lease"] > Fal.submit_timeout + BEGIN_SECONDS, (
            "nobody may take it to be silent while it is answered"
        )
        assert (seen["intent"]["take"], seen["intent"]["attempt"], seen["intent"]["provider"]) == ("s/0001", 1, "fal")
        assert bench.state() is State.RENDERING

    def test_the_job_is_in_redis_before_it_is_in_the_store_and_in_both_before_the_first_poll(
        self, bench: Bench, fal: ScriptedFal
    ) -> None:
        at_put: dict[str, Any] = {}
        bench.store.before = lambda key: at_put.update({key: bench.room.take("b", 0)})
        bench.open()
        bench.submit()
        assert at_put[ACCEPTED].state is State.RENDERING
        assert at_put[ACCEPTED].job == bench.record().job
        assert attempts(bench) == [AttemptRecord("s/0001", 1, intended=True, accepted=True, ended=False)]
        acceptance = bench.context.ledger("b").acceptance("s/0001", 1)
        assert acceptance.job_id == "job-1"
        assert acceptance.urls["status"] == f"{fal.url}/jobs/job-1/status"
        assert fal.count("GET") == 0
        assert bench.delay() == bench.context.settings.provider("fal").first_poll

    def test_an_acceptance_that_the_store_did_not_take_is_filed_before_the_first_poll(
        self, bench: Bench, fal: ScriptedFal
    ) -> None:
        bench.open()
        bench.store.fail(".accepted.json")
        bench.submit()
        assert bench.record().job is not None
        bench.poll()
        assert fal.count("GET") == 0, "the job must be in the store first"
        assert bench.state() is State.RENDERING
        bench.store.mend()
        bench.poll()
        assert fal.count("GET") == 1
        assert attempts(bench)[0].accepted
        before = len(bench.store.puts)
        bench.poll()
        assert len(bench.store.puts) == before, "what is filed is not filed again at every poll"

    def test_a_job_id_outlives_a_redis_that_is_away_when_it_comes(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        bench.room.away = 5
        bench.submit()
        assert bench.state() is State.RENDERING
        assert bench.record().job == {"id": "job-1", "urls": bench.record().job["urls"]}  # type: ignore[index]
        assert len(bench.clock.slept) == 5
        assert fal.count("POST") == 1
        assert attempts(bench)[0].accepted

    def test_the_store_is_told_while_redis_is_away(self, bench: Bench) -> None:
        """So that the job is known even if this worker doesn't live to see Redis again."""
        bench.open()
        bench.room.away = 1
        known = []
        bench.store.before = lambda key: known.append((key, bench.record().state)) if "accepted" in key else None
        bench.submit()
        assert known[0] == (ACCEPTED, State.SUBMITTING)

    def test_counters_tell_what_was_sent_and_written(self, bench: Bench) -> None:
        bench.open()
        bench.submit()
        assert (standing(bench).submissions, standing(bench).objects) == (1, 2)


class TestDoubt:
    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(lambda asked: asked.hang_up(), id="hung up"),
            pytest.param(say(500, {"detail": "Internal server error"}), id="500"),
            pytest.param(say(502, b"<html>Bad gateway</html>"), id="502"),
            pytest.param(say(504, b""), id="504"),
            pytest.param(say(200, b'{"request_id": "'), id="half a JSON"),
            pytest.param(say(200, {"detail": "no name"}), id="no name"),
            pytest.param(say(200, b'{"request_id": "job-1"}', content_length="500"), id="cut"),
        ],
    )
    def test_what_may_have_been_accepted_is_held_and_never_sent_again(
        self, bench: Bench, fal: ScriptedFal, answer: Answer
    ) -> None:
        def cut(asked: Asked) -> None:
            answer(asked)
            asked.handler.close_connection = True

        fal.posts = [cut]
        bench.open()
        bench.submit()
        assert bench.state() is State.DOUBT
        error = bench.record().value("error")
        assert error["kind"] == "in-doubt"
        assert attempts(bench) == [AttemptRecord("s/0001", 1, intended=True, accepted=False, ended=False)]
        bench.clock.forward(1e6)
        assert bench.all_due(Step.SUBMIT) == []
        assert fal.count("POST") == 1
        assert standing(bench).lane.seats_taken == 0

    def test_a_job_that_is_named_after_all_is_taken_up(self, bench: Bench, fal: ScriptedFal) -> None:
        """The lease ended while the worker hung; then the answer came."""

        def late(asked: Asked) -> None:
            bench.clock.forward(1000)
            assert bench.room.tick() == []
            assert bench.state() is State.DOUBT
            fal.accept(asked)

        fal.posts = [late]
        bench.open()
        bench.submit()
        assert bench.state() is State.RENDERING
        assert bench.record().job is not None


class TestNothingSent:
    def test_a_provider_that_is_not_there_costs_no_attempt(self, make: Make, nobody: str) -> None:
        bench = make(nobody)
        bench.open()
        bench.submit()
        record = bench.record()
        assert (record.state, record.attempt, record.failures) == (State.WAITING, 1, 0)
        assert "can't be reached" in record.fields["waits_for"]
        assert standing(bench).submissions == 0
        assert standing(bench).lane.slowed is not None
        assert bench.all_due(Step.SUBMIT) == []
        bench.clock.forward(5)
        assert [work.attempt for work in bench.all_due(Step.SUBMIT)] == [1]

    def test_the_store_failing_at_the_intent_stops_the_post(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        bench.store.fail(".intent.json", error=StoreFull("no room left on the disk"))
        bench.submit()
        assert fal.asked == []
        assert bench.state() is State.WAITING
        assert standing(bench).store_trouble == "no room left on the disk"
        assert bench.all_due(Step.SUBMIT) == [], "nothing is admitted meanwhile"
        bench.store.mend()
        bench.clock.forward(10)
        bench.submit()
        assert bench.state() is State.RENDERING
        assert fal.count("POST") == 1

    def test_a_process_that_was_paused_does_not_send(
        self, bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.open()
        may_send = bench.room.may_send

        def paused(work: Work, *, lease: float, hand: str) -> bool:
            allowed = may_send(work, lease=lease, hand=hand)
            bench.clock.forward(10.1)
            return allowed

        monkeypatch.setattr(bench.room, "may_send", paused)
        bench.submit()
        assert fal.asked == []
        record = bench.record()
        assert (record.state, record.attempt) == (State.WAITING, 1)
        assert standing(bench).submissions == 0

    def test_without_a_key_nothing_is_sent_and_the_provider_is_paused(self, make: Make, fal: ScriptedFal) -> None:
        bench = make(fal.url, FAL_KEY="")
        bench.open()
        bench.submit()
        assert fal.asked == []
        assert bench.state() is State.WAITING
        assert "FAL_KEY" in (standing(bench).lane.paused or "")
        assert not bench.store.puts[2:], "not even an intent"

    def test_what_can_not_be_said_to_the_provider_fails_unsent(
        self, bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(self: Fal, *_: object) -> None:
            raise Invalid("fal has no words for it")

        monkeypatch.setattr(Fal, "submission", refuse)
        bench.open()
        bench.submit()
        assert fal.asked == []
        assert bench.state() is State.FAILED
        assert bench.record().value("error")["kind"] == "invalid"


class TestOncePerFence:
    def test_the_same_message_twice_sends_once(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        work = bench.submit()
        submit(bench.context, work)
        assert fal.count("POST") == 1

    def test_two_workers_with_the_same_message_send_once(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        work = bench.due(Step.SUBMIT)
        threads = [threading.Thread(target=submit, args=(bench.context, work)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert fal.count("POST") == 1
        assert bench.state() is State.RENDERING
        assert standing(bench).submissions == 1

    def test_a_stale_message_sends_nothing(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        stale = bench.due(Step.SUBMIT)
        bench.clock.forward(30)
        fresh = bench.due(Step.SUBMIT)
        assert fresh.fence == stale.fence + 1
        submit(bench.context, stale)
        assert fal.asked == []
        assert INTENT not in bench.store.puts
        submit(bench.context, fresh)
        assert fal.count("POST") == 1

    def test_a_hand_that_goes_stale_while_it_writes_its_intent_sends_nothing(
        self, bench: Bench, fal: ScriptedFal
    ) -> None:
        bench.open()
        stale = bench.due(Step.SUBMIT)

        def overtaken(key: str) -> None:
            bench.store.before = lambda key: None
            bench.clock.forward(200)
            assert bench.all_due(Step.SETTLE) == [], "the silent hand has lost the take, which is in doubt"
            bench.settle()  # but there is no intent, so nothing was sent
            submit(bench.context, bench.due(Step.SUBMIT))

        bench.store.before = overtaken
        submit(bench.context, stale)
        assert fal.count("POST") == 1
        assert bench.state() is State.RENDERING


class TestRefused:
    def test_too_many_requests_wait_as_long_as_is_asked_for(self, bench: Bench, fal: ScriptedFal) -> None:
        fal.posts = [say(429, {"detail": "slow down"}, retry_after="42"), fal.accept]
        bench.open(takes=2)
        works = bench.all_due(Step.SUBMIT)
        submit(bench.context, works[0])
        record = bench.record()
        assert (record.state, record.attempt, record.failures) == (State.WAITING, 2, 0)
        assert bench.delay() == 42.0
        lane = standing(bench).lane
        assert (lane.slowed_for, lane.seats_taken) == (42.0, 1)
        assert "slow down" in (lane.slowed or "")
        assert attempts(bench)[0].ended
        bench.clock.forward(42)
        assert {(work.index, work.attempt) for work in bench.all_due(Step.SUBMIT)} == {(0, 2), (1, 1)}

    @pytest.mark.parametrize(
        ("status", "body", "kind"),
        [
            (401, {"detail": "Unauthorized"}, "auth"),
            (403, {"detail": "User is locked. Reason: Exhausted balance."}, "quota"),
            (402, {"detail": "pay first"}, "quota"),
        ],
    )
    def test_a_refused_key_pauses_the_provider_and_fails_no_take(
        self, bench: Bench, fal: ScriptedFal, status: int, body: Any, kind: str
    ) -> None:
        fal.posts = [say(status, body), fal.accept]
        bench.open()
        bench.submit()
        record = bench.record()
        assert (record.state, record.attempt, record.failures) == (State.WAITING, 2, 0)
        assert standing(bench).lane.paused_kind == kind
        bench.clock.forward(1e6)
        assert bench.all_due(Step.SUBMIT) == []
        bench.room.set_limits("fal", bench.context.limits("fal"))
        bench.submit()
        assert bench.state() is State.RENDERING

    def test_what_is_refused_for_good_fails_with_the_answer_as_it_came(self, bench: Bench, fal: ScriptedFal) -> None:
        problem = {"loc": ["body", "duration"], "msg": "not 17", "type": "literal_error", "input": KEY}
        fal.posts = [say(422, {"detail": [problem], "echo": f"Key {KEY}"})]
        bench.open()
        bench.submit()
        record = bench.record()
        error = record.value("error")
        assert (record.state, error["kind"], error["status"]) == (State.FAILED, "invalid", 422)
        assert json.loads(error["body"])["detail"][0]["msg"] == "not 17"
        ending = bench.context.ledger("b").ending("s/0001", 1)
        assert (ending.kind, ending.body) == ("invalid", error["body"])
        assert "secret-of-the-key" not in bench.everything_kept()
        assert standing(bench).lane.seats_taken == 0

    def test_a_refusal_that_can_not_be_put_on_record_is_asked_for_again(self, bench: Bench, fal: ScriptedFal) -> None:
        fal.posts = [say(429, {"detail": "slow down"}, retry_after="3"), fal.accept]
        bench.open()
        bench.store.fail(".ended.json")
        bench.submit()
        record = bench.record()
        assert (record.state, record.attempt) == (State.WAITING, 1)
        assert standing(bench).store_trouble is not None
        assert ENDED not in bench.store.puts
        bench.store.mend()
        bench.clock.forward(10)
        bench.submit()
        assert bench.state() is State.RENDERING

    def test_redis_away_while_a_refusal_is_dealt_with_leaves_a_doubt_and_no_second_post(
        self, bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fal.posts = [say(429, {"detail": "slow down"})]
        bench.open()
        work = bench.due(Step.SUBMIT)

        def away(*_: object, **__: object) -> None:
            raise RedisError("Redis can't be reached")

        with monkeypatch.context() as patch:
            patch.setattr(bench.room, "refused", away)
            with pytest.raises(RedisError):
                submit(bench.context, work)
        bench.clock.forward(1000)
        assert bench.all_due(Step.SUBMIT) == []
        assert bench.state() is State.DOUBT


class Renowned(Fal):
    """A provider that answers a key it has seen with the job of the first time, for so many seconds."""

    settling = "again"
    settling_seconds = 1000.0


@pytest.fixture
def renowned(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> Bench:
    monkeypatch.setitem(providers._ADAPTERS, "fal", Renowned())
    return bench


class TestAgainUnderTheSameKey:
    def test_a_doubt_is_settled_by_sending_the_same_attempt_again(self, renowned: Bench, fal: ScriptedFal) -> None:
        fal.posts = [lambda asked: asked.hang_up(), fal.accept]
        renowned.open()
        renowned.submit()
        record = renowned.record()
        assert (record.state, record.attempt) == (State.WAITING, 1)
        renowned.clock.forward(5)
        renowned.submit()
        assert renowned.state() is State.RENDERING
        assert "again_since" not in renowned.record().fields

    def test_the_record_keeps_the_time_of_the_first_submission(self, renowned: Bench, fal: ScriptedFal) -> None:
        """After a loss of Redis it says for how long the key still stands for the same job."""
        fal.posts = [lambda asked: asked.hang_up()]
        renowned.open()
        first = renowned.clock.now()
        for _ in range(3):
            renowned.submit()
            renowned.clock.forward(100)
        assert renowned.context.ledger("b").intent("s/0001", 1).at == first

    @pytest.mark.parametrize("status", [429, 401, 402])
    def test_a_refusal_of_the_second_says_nothing_about_the_first(
        self, renowned: Bench, fal: ScriptedFal, status: int
    ) -> None:
        """Under a new attempt, and so a new key, the take could be paid for twice."""
        fal.posts = [lambda asked: asked.hang_up(), say(status, {"detail": "no"}), fal.accept]
        renowned.open()
        renowned.submit()
        renowned.clock.forward(5)
        renowned.submit()
        record = renowned.record()
        assert (record.state, record.attempt) == (State.WAITING, 1)
        renowned.room.set_limits("fal", renowned.context.limits("fal"))
        renowned.clock.forward(20)
        assert renowned.submit().attempt == 1
        assert renowned.state() is State.RENDERING

    def test_a_refusal_for_good_of_the_second_leaves_it_to_a_person(self, renowned: Bench, fal: ScriptedFal) -> None:
        fal.posts = [lambda asked: asked.hang_up(), say(422, {"detail": [{"msg": "no", "type": "x"}]})]
        renowned.open()
        renowned.submit()
        renowned.clock.forward(5)
        renowned.submit()
        assert renowned.state() is State.DOUBT
        assert not attempts(renowned)[0].ended

    def test_it_is_sent_again_only_while_its_key_stands_for_the_same_job(
        self, renowned: Bench, fal: ScriptedFal
    ) -> None:
        fal.posts = [lambda asked: asked.hang_up(), fal.accept]
        renowned.open()
        renowned.submit()
        renowned.room.pause("fal", kind="auth", reason="for a night")
        renowned.clock.forward(1000)
        renowned.room.set_limits("fal", renowned.context.limits("fal"))
        renowned.submit()
        assert fal.count("POST") == 1
        assert renowned.state() is State.DOUBT
        renowned.clock.forward(1e6)
        assert renowned.all_due(Step.SUBMIT) == []

    def test_apiframe_is_such_a_provider(self) -> None:
        assert Apiframe().settling == "again"


def test_the_limits_of_the_settings_are_those_of_the_lane(make: Make, fal: ScriptedFal) -> None:
    bench = make(fal.url, RUSHES_FAL_SEATS="7", RUSHES_FAL_REQUESTS_PER_MINUTE="30", RUSHES_FAL_LEAD="1")
    assert bench.context.limits("fal") == Limits(seats=7, requests_per_minute=30.0, queues=True, lead=1)
