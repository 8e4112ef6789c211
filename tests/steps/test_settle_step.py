"""Settle: an attempt in doubt is looked for among the jobs that a provider lists."""

from __future__ import annotations

import pytest
from scripted_fal import ScriptedFal
from workbench import Bench, Make

from jobs.takes import Asked
from workers import providers
from workers.engine.states import State, Step
from workers.providers.errors import RateLimited
from workers.providers.fal import Fal
from workers.providers.protocol import Access, Attempt, Job, Request, Response
from workers.steps import settle, submit
from workers.steps.settle import LOOKS


class Listed(Fal):
    """A provider that lists the jobs of an attempt, page by page."""

    settling = "listing"
    settling_seconds = 86_400.0

    def listing(self, attempt: Attempt, asked: Asked, submitted_at: float, access: Access) -> Request:
        return Request("GET", f"{access.base_url}/jobs?page=1", {"Authorization": "Key k"})

    def listed(
        self,
        attempt: Attempt,
        asked: Asked,
        submitted_at: float,
        response: Response,
        access: Access,
        request: Request,
    ) -> tuple[list[Job], Request | None]:
        if response.status != 200:
            raise RateLimited("less often", status=response.status)
        page = response.parsed()
        following = Request("GET", f"{access.base_url}/jobs?page=2") if page.get("more") else None
        return [Job(name) for name in page["jobs"]], following


@pytest.fixture
def doubted(bench: Bench, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A worker whose one take is in doubt at a provider that lists its jobs."""
    monkeypatch.setitem(providers._ADAPTERS, "fal", Listed())
    fal.posts = [lambda asked: asked.hang_up()]
    bench.open()
    bench.submit()
    assert bench.state() is State.DOUBT
    return bench


def test_a_job_that_is_listed_is_followed(doubted: Bench, fal: ScriptedFal) -> None:
    fal.results = [
        lambda asked: asked.say(200, {"jobs": [], "more": True}),
        lambda asked: asked.say(200, {"jobs": ["job-9"]}),
    ]
    doubted.settle()
    record = doubted.record()
    assert record.state is State.RENDERING
    assert record.job is not None
    assert record.job["id"] == "job-9"
    assert doubted.context.ledger("b").acceptance("s/0001", 1).job_id == "job-9"
    assert fal.count("POST") == 1


def test_what_is_not_listed_is_left_to_a_person_at_last(doubted: Bench, fal: ScriptedFal) -> None:
    fal.results = [lambda asked: asked.say(200, {"jobs": []})]
    looks = 0
    while doubted.delay() is not None:
        doubted.settle(after=1000.0)
        looks += 1
        assert looks < 20
    assert looks >= len(LOOKS)
    assert doubted.state() is State.DOUBT
    doubted.clock.forward(1e6)
    assert doubted.room.tick() == []
    assert [record.index for record in doubted.room.held("b", State.DOUBT)] == [0]
    assert fal.count("POST") == 1


def test_of_two_that_match_none_is_taken(doubted: Bench, fal: ScriptedFal) -> None:
    fal.results = [lambda asked: asked.say(200, {"jobs": ["job-8", "job-9"]})]
    doubted.settle()
    record = doubted.record()
    assert (record.state, record.job) == (State.DOUBT, None)
    assert "2 jobs match: job-8, job-9" in record.fields["waits_for"]


def test_a_job_that_another_take_has_is_not_taken(
    make: Make, fal: ScriptedFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(providers._ADAPTERS, "fal", Listed())
    bench = make(fal.url)
    fal.posts = [fal.accept, lambda asked: asked.hang_up()]
    bench.open(takes=2)
    first, second = bench.all_due(Step.SUBMIT)
    for work in (first, second):
        submit(bench.context, work)
    taken = bench.record(0).job
    assert taken is not None
    fal.results = [lambda asked: asked.say(200, {"jobs": [taken["id"]]})]
    bench.settle()
    assert bench.state(1) is State.DOUBT
    assert bench.record(1).job is None
    fal.results = [lambda asked: asked.say(200, {"jobs": [taken["id"], "job-9"]})]
    bench.settle(after=1000.0)
    assert (bench.record(1).job or {})["id"] == "job-9", "of two, only one can be this one"


@pytest.mark.parametrize("answer", ["429", "hung up"])
def test_a_look_that_failed_is_made_again(doubted: Bench, fal: ScriptedFal, answer: str) -> None:
    fal.results = [
        # A GET that finds its connection dead is sent once more, so it takes two.
        *[(lambda asked: asked.say(429, {})) if answer == "429" else (lambda asked: asked.hang_up())] * 2,
        lambda asked: asked.say(200, {"jobs": ["job-9"]}),
    ]
    doubted.settle()
    assert doubted.state() is State.DOUBT
    assert doubted.record().fields["waits_for"]
    while fal.results[1:]:
        doubted.settle(after=1000.0)
    doubted.settle(after=1000.0)
    assert doubted.state() is State.RENDERING


def test_a_stale_hand_looks_for_nothing(doubted: Bench, fal: ScriptedFal) -> None:
    doubted.clock.forward(60)
    stale = doubted.due(Step.SETTLE)
    doubted.clock.forward(1000)
    doubted.due(Step.SETTLE)
    settle(doubted.context, stale)
    assert fal.count("GET") == 0
