"""Poll: what is said of a job, and what is merely a poll that failed."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_fal import Answer, Asked, ScriptedFal, scripted_fal
from workbench import KEY, Bench, Make

from workers.engine.limits import SHUT_OUT
from workers.engine.states import State, Step
from workers.polling.placing import FIXED_SLOWEST
from workers.steps import poll, submit
from workers.steps.poll import GONE_BELIEVED


def say(status: int, body: Any = None, **headers: str) -> Answer:
    return lambda asked: asked.say(status, body, **headers)


def cut(asked: Asked) -> None:
    asked.say(200, b'{"status": "COMP', content_length="500")
    asked.handler.close_connection = True


@pytest.fixture
def rendering(bench: Bench) -> Bench:
    """A worker whose one take is being rendered."""
    bench.open()
    bench.submit()
    assert bench.state() is State.RENDERING
    return bench


class TestGettingOn:
    def test_a_finished_video_is_collected_next(self, rendering: Bench, fal: ScriptedFal) -> None:
        fal.rendered()
        rendering.poll()
        record = rendering.record()
        assert record.state is State.COLLECTING
        assert record.value("rendered")["video_url"] == f"{fal.url}/files/v.mp4"
        assert record.value("rendered")["seed"] == 7
        standing = rendering.room.standing("b")
        assert standing is not None
        assert standing.lane.seats_taken == 0
        assert rendering.delay() == 0.0

    def test_polls_come_ever_more_slowly_but_never_more_slowly_than_is_set(self, rendering: Bench) -> None:
        delays = []
        for _ in range(8):
            rendering.poll()
            delays.append(rendering.delay())
        assert delays == sorted(delays)  # type: ignore[type-var]
        assert delays[0] == 3.0
        assert delays[-1] == FIXED_SLOWEST

    def test_a_place_in_the_queue_is_kept_to_be_shown(self, rendering: Bench, fal: ScriptedFal) -> None:
        fal.statuses = [say(202, {"status": "IN_QUEUE", "queue_position": 4})]
        rendering.poll()
        assert rendering.record().fields["position"] == "4"

    def test_many_are_asked_about_at_once(self, make: Make, fal: ScriptedFal) -> None:
        bench = make(fal.url, RUSHES_FAL_SEATS="20")
        jobs = iter(range(20))
        fal.posts = [lambda asked: fal.accept(asked, f"job-{next(jobs)}")]
        bench.open(takes=20)
        bench.works = bench.room.tick()
        for work in bench.all_due(Step.SUBMIT):
            submit(bench.context, work)
        bench.clock.forward(2)
        works = bench.all_due(Step.POLL)
        assert len(works) == 20
        poll(bench.context, works)
        asked = sorted(each.path for each in fal.asked if each.method == "GET")
        assert asked == sorted(f"/jobs/job-{number}/status" for number in range(20))

    def test_a_stale_hand_asks_nothing(self, rendering: Bench, fal: ScriptedFal) -> None:
        rendering.clock.forward(60)
        stale = rendering.due(Step.POLL)
        rendering.clock.forward(75)
        fresh = rendering.due(Step.POLL)
        poll(rendering.context, [stale])
        assert fal.count("GET") == 0
        poll(rendering.context, [fresh, fresh])
        assert fal.count("GET") == 2, "asking twice is harmless"
        assert rendering.record().fields["polls"] == "1"


class TestNoVerdict:
    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(lambda asked: asked.hang_up(), id="hung up"),
            pytest.param(cut, id="cut"),
            pytest.param(say(500, {"detail": "Internal server error"}), id="500"),
            pytest.param(say(502, b"<html>Bad gateway</html>"), id="502"),
            pytest.param(say(200, b'{"status": "\xff'), id="garbage"),
            pytest.param(say(200, {"status": "FAILED"}), id="a word fal has not"),
            pytest.param(say(200, []), id="a list"),
            pytest.param(say(429, {"detail": "less often"}, retry_after="77"), id="429"),
            pytest.param(say(401, {"detail": "Unauthorized"}), id="401"),
            pytest.param(say(404, {"detail": "no such request"}), id="404"),
        ],
    )
    def test_a_poll_that_fails_keeps_the_job(self, rendering: Bench, fal: ScriptedFal, answer: Answer) -> None:
        def ended(asked: Asked) -> None:
            answer(asked)

        fal.statuses = [ended]
        job = rendering.record().job
        rendering.poll()
        record = rendering.record()
        assert (record.state, record.job, record.attempt) == (State.RENDERING, job, 1)
        assert record.fields["waits_for"]
        fal.rendered()
        rendering.poll(after=100)
        assert rendering.state() is State.COLLECTING
        assert fal.count("POST") == 1

    def test_a_provider_that_is_away_keeps_the_job(self, rendering: Bench, fal: ScriptedFal, nobody: str) -> None:
        rendering.room.note("b", 0, "job-1", {"job": {"id": "job-1", "urls": {"status": f"{nobody}/status"}}})
        rendering.poll()
        assert rendering.state() is State.RENDERING
        assert "no connection" in rendering.record().fields["waits_for"]

    def test_retry_after_is_kept_to(self, rendering: Bench, fal: ScriptedFal) -> None:
        fal.statuses = [say(429, {}, retry_after="77")]
        rendering.poll()
        assert rendering.delay() == 77.0

    def test_a_revoked_key_pauses_admission_and_the_job_is_followed(self, rendering: Bench, fal: ScriptedFal) -> None:
        fal.statuses = [say(401, {"detail": "revoked"}), say(202, {"status": "IN_PROGRESS"})]
        rendering.poll()
        standing = rendering.room.standing("b")
        assert standing is not None
        assert standing.lane.paused_kind == SHUT_OUT
        rendering.poll()
        assert "waits_for" not in rendering.record().fields

    def test_being_sent_from_one_answer_to_the_next_ends(self, rendering: Bench, fal: ScriptedFal) -> None:
        status = f"{fal.url}/jobs/job-1/status"
        rendering.room.note("b", 0, "job-1", {"job": {"id": "job-1", "urls": {"status": status, "response": status}}})
        fal.completed()
        rendering.poll()
        assert rendering.state() is State.RENDERING
        assert fal.count("GET") <= 3

    def test_one_that_fails_takes_no_other_along(self, make: Make, fal: ScriptedFal) -> None:
        bench = make(fal.url)
        jobs = iter(("job-0", "job-1"))
        fal.posts = [lambda asked: fal.accept(asked, next(jobs))]
        fal.statuses = [
            lambda asked: asked.hang_up() if "job-0" in asked.path else asked.say(200, {"status": "COMPLETED"})
        ]
        fal.results = [say(200, {"video": {"url": f"{fal.url}/files/v.mp4"}})]
        bench.open(takes=2)
        bench.works = bench.room.tick()
        for work in bench.all_due(Step.SUBMIT):
            submit(bench.context, work)
        bench.clock.forward(60)
        poll(bench.context, bench.all_due(Step.POLL))
        assert sorted((bench.state(0), bench.state(1))) == [State.COLLECTING, State.RENDERING]


FAILED = say(500, {"detail": [{"type": "internal_server_error", "msg": "it broke"}]}, x_fal_retryable="true")


class TestEnded:
    def test_a_render_that_the_provider_failed_is_made_anew_once_it_was_said_twice(
        self, rendering: Bench, fal: ScriptedFal
    ) -> None:
        fal.completed()
        fal.results = [FAILED]
        rendering.poll()
        assert rendering.state() is State.RENDERING, "a gateway may say the same once"
        rendering.poll()
        record = rendering.record()
        assert (record.state, record.attempt, record.failures, record.job) == (State.WAITING, 2, 1, None)
        assert rendering.context.ledger("b").ending("s/0001", 1).kind == "transient"

    def test_what_another_answer_contradicts_is_not_believed(self, rendering: Bench, fal: ScriptedFal) -> None:
        fal.completed()
        fal.results = [FAILED, say(400, {"detail": "Request is still in progress"}), FAILED]
        rendering.poll()
        rendering.poll()
        rendering.poll()
        assert rendering.state() is State.RENDERING
        assert fal.count("POST") == 1

    def test_the_second_attempt_too_is_given_up_only_when_it_was_said_twice(
        self, rendering: Bench, fal: ScriptedFal
    ) -> None:
        fal.completed()
        fal.results = [FAILED]
        rendering.poll()
        rendering.poll()
        fal.posts = [lambda asked: fal.accept(asked, "job-2")]
        rendering.clock.forward(5)
        assert rendering.submit().attempt == 2
        rendering.poll()
        assert rendering.state() is State.RENDERING
        rendering.poll()
        assert rendering.record().attempt == 3

    def test_attempts_are_bounded(self, make: Make, fal: ScriptedFal) -> None:
        bench = make(fal.url, RUSHES_ATTEMPTS="2")
        jobs = iter(range(9))
        fal.posts = [lambda asked: fal.accept(asked, f"job-{next(jobs)}")]
        fal.completed()
        fal.results = [FAILED]
        bench.open()
        for _ in range(2):
            bench.clock.forward(60)
            bench.submit()
            bench.poll()
            bench.poll()
        record = bench.record()
        assert (record.state, record.attempt, record.failures) == (State.FAILED, 2, 2)
        assert fal.count("POST") == 2
        assert bench.room.standing("b").submissions == 2  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (say(422, {"detail": [{"type": "content_policy_violation", "msg": "no"}]}), "output-moderation"),
            (say(422, {"detail": [{"type": "literal_error", "msg": "17", "loc": ["body", "duration"]}]}), "invalid"),
            (say(200, {"seed": 3}), "unknown"),
        ],
    )
    def test_a_verdict_without_a_video_is_final(
        self, rendering: Bench, fal: ScriptedFal, answer: Answer, kind: str
    ) -> None:
        fal.completed()
        fal.results = [answer]
        rendering.poll()
        record = rendering.record()
        assert (record.state, record.value("error")["kind"]) == (State.FAILED, kind)
        assert rendering.context.ledger("b").ending("s/0001", 1).kind == kind
        assert fal.count("POST") == 1

    def test_a_verdict_that_can_not_be_put_on_record_is_asked_for_again(
        self, rendering: Bench, fal: ScriptedFal
    ) -> None:
        fal.completed()
        fal.results = [say(422, {"detail": [{"type": "content_policy_violation", "msg": "no"}]})]
        rendering.store.fail()
        rendering.poll()
        assert rendering.state() is State.RENDERING
        standing = rendering.room.standing("b")
        assert standing is not None
        assert standing.store_trouble is not None
        rendering.store.mend()
        rendering.poll()
        assert rendering.state() is State.FAILED


class TestGone:
    def test_a_job_that_is_not_found_is_believed_gone_after_a_while(self, rendering: Bench, fal: ScriptedFal) -> None:
        fal.statuses = [say(404, {"detail": "no such request"})]
        for _ in range(GONE_BELIEVED - 1):
            rendering.poll()
            assert rendering.state() is State.RENDERING
        rendering.poll()
        record = rendering.record()
        assert (record.state, record.value("error")["kind"]) == (State.FAILED, "expired")
        assert fal.count("POST") == 1, "it was paid for, so no other is made by itself"

    def test_a_job_that_is_found_again_was_never_gone(self, rendering: Bench, fal: ScriptedFal) -> None:
        gone = say(404, {"detail": "no such request"})
        fal.statuses = [
            *[gone] * 5,
            say(202, {"status": "IN_PROGRESS"}),
            *[gone] * 5,
            say(202, {"status": "IN_PROGRESS"}),
        ]
        for _ in range(12):
            rendering.poll()
        assert rendering.state() is State.RENDERING


class TestTheKey:
    def test_it_is_sent_to_the_provider(self, rendering: Bench, fal: ScriptedFal) -> None:
        rendering.poll()
        assert fal.asked[-1].headers["authorization"] == f"Key {KEY}"

    @pytest.mark.parametrize("name", ["status", "response"])
    def test_it_is_sent_to_no_other_host(self, bench: Bench, fal: ScriptedFal, name: str) -> None:
        with scripted_fal() as foreign:
            foreign.rendered()
            elsewhere = foreign.url.replace("127.0.0.1", "localhost")
            named = {
                "request_id": "job-1",
                "status_url": f"{fal.url}/jobs/job-1/status",
                "response_url": f"{fal.url}/jobs/job-1",
                f"{name}_url": f"{elsewhere}/{'jobs/job-1/status' if name == 'status' else 'jobs/job-1'}",
            }
            fal.posts = [say(200, named)]
            fal.rendered()
            bench.open()
            bench.submit()
            bench.poll()
            assert foreign.asked, "the address is used as it was given"
            assert all("authorization" not in asked.headers for asked in foreign.asked)
            assert KEY not in repr([asked.headers for asked in foreign.asked])

    def test_without_it_the_job_is_kept(self, make: Make, fal: ScriptedFal) -> None:
        bench = make(fal.url)
        bench.open()
        bench.submit()
        keyless = make(fal.url, FAL_KEY="")
        keyless.poll()
        assert keyless.state() is State.RENDERING
        assert "FAL_KEY" in keyless.record().fields["waits_for"]
        assert fal.count("GET") == 0
