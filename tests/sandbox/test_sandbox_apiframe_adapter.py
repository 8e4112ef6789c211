"""Apiframe's adapter against Apiframe's twin, over the wire that Rushes has."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from jobs.takes import Asked
from workers.http import Broken, Wire
from workers.providers.apiframe import Apiframe
from workers.providers.errors import (
    AuthRefused,
    Expired,
    InDoubt,
    InputRefused,
    Invalid,
    OutputRefused,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Transient,
    Unknown,
)
from workers.providers.protocol import Access, Attempt, Ended, Gone, Job, Queued, Rendered, Response, Running, Verdict

IMAGE, VIDEO, SOUND = "https://a.example/1.png", "https://a.example/1.mp4", "asset://sound-1"
SMALL = {"duration": 4, "resolution": "480p", "aspect_ratio": "1:1"}

apiframe = Apiframe()


def access(talk: Any, key: str = "afk_key") -> Access:
    return Access(talk.sandbox.url, SecretStr(key))


def send(wire: Wire, talk: Any, asked: dict[str, Any], *, number: int = 1) -> Response:
    take = Asked(**{"model": "seedance-2.0-fast", "prompt": "a cat", **SMALL, **asked})
    attempt = Attempt("night/opening/0001", number, f"{number:064x}")
    return wire.send(apiframe.submission(take, access(talk), attempt), timeout=300)


def ask(wire: Wire, talk: Any, job: Job) -> Verdict:
    request = apiframe.status(job, access(talk))
    return apiframe.verdict(job, request, wire.send(request, timeout=300), access(talk))


@pytest.mark.parametrize("model", ["seedance-2.0", "seedance-2.0-fast"])
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"duration": None, "resolution": None, "aspect_ratio": None},
        {"aspect_ratio": "auto", "return_last_frame": True},
        {"start_image": IMAGE},
        {"start_image": IMAGE, "end_image": "asset://image-1"},
        {"reference_images": (IMAGE,), "reference_videos": (VIDEO,), "reference_audio": (SOUND,)},
        {"web_search": True},
        {"camera_fixed": True, "seed": 7, "generate_audio": False},
    ],
    ids=["text", "defaults", "adaptive", "start", "start and end", "references", "web search", "switches"],
)
def test_every_mode_is_rendered(wire, start, model, asked):
    talk = start(queue_seconds=1.0, render_seconds=10.0)
    job = apiframe.accepted(send(wire, talk, {"model": model, **asked}))
    assert ask(wire, talk, job) == Queued()
    talk.clock.time += 5
    assert ask(wire, talk, job) == Running()
    talk.clock.time += 6
    rendered = ask(wire, talk, job)
    assert isinstance(rendered, Rendered)
    assert rendered.answer["status"] == "COMPLETED"
    assert httpx.get(rendered.video_url).status_code == 200
    assert [job.id for job in talk.sandbox.account.billed()] == [job.id]


@pytest.mark.parametrize(("fault", "billed"), [("drop", 1), ("hangup", 0)])
def test_a_lost_answer_is_settled_by_the_same_key(wire, talk, fault, billed):
    asked = {"prompt": f"a cat [sandbox: {fault}]"}
    with pytest.raises(Broken):
        send(wire, talk, asked)
    assert len(talk.sandbox.account.billed()) == billed
    job = apiframe.accepted(send(wire, talk, asked))
    assert [each.id for each in talk.sandbox.account.billed()] == [job.id]
    assert ask(wire, talk, job) == Queued()


@pytest.mark.parametrize("fault", ["garbage-submit", "500"])
def test_an_answer_in_doubt_is_settled_by_the_same_key(wire, talk, fault):
    asked = {"prompt": f"a cat [sandbox: {fault}]"}
    with pytest.raises(InDoubt):
        apiframe.accepted(send(wire, talk, asked))
    job = apiframe.accepted(send(wire, talk, asked))
    assert [each.id for each in talk.sandbox.account.billed()] == [job.id]


def test_another_attempt_is_another_job(wire, talk):
    first, second = (apiframe.accepted(send(wire, talk, {}, number=number)) for number in (1, 2))
    assert first != second
    assert len(talk.sandbox.account.billed()) == 2


def test_a_key_that_holds_another_body_is_in_doubt(wire, talk):
    apiframe.accepted(send(wire, talk, {}))
    with pytest.raises(InDoubt, match="a job was made of it"):
        apiframe.accepted(send(wire, talk, {"seed": 1}))


@pytest.mark.parametrize(
    ("options", "asked", "kind", "said"),
    [
        ({}, {"prompt": "a cat [sandbox: 429]"}, RateLimited, "too much"),
        ({"locked": True}, {}, QuotaExhausted, "4 credits are required, 0 available"),
        ({"key": "another"}, {}, AuthRefused, "APIFRAME_API_KEY"),
        ({}, {"duration": 16}, Invalid, "seedanceParams.duration: Input should be less than or equal to 15"),
    ],
)
def test_submissions_that_are_refused(wire, start, options, asked, kind, said):
    talk = start(**options)
    with pytest.raises(ProviderError, match=said) as caught:
        apiframe.accepted(send(wire, talk, asked))
    assert type(caught.value) is kind
    assert talk.sandbox.account.submissions() == ()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("fail", Transient), ("moderation", OutputRefused), ("moderation-input", InputRefused)],
)
def test_jobs_that_fail(wire, talk, fault, kind):
    job = apiframe.accepted(send(wire, talk, {"prompt": f"a cat [sandbox: {fault}]"}))
    talk.finish()
    verdict = ask(wire, talk, job)
    assert isinstance(verdict, Ended)
    assert type(verdict.error) is kind


@pytest.mark.parametrize(("fault", "kind"), [("poll-429", RateLimited), ("poll-500", Transient), ("garbage", Unknown)])
def test_asking_goes_wrong_and_the_job_is_well(wire, talk, fault, kind):
    job = apiframe.accepted(send(wire, talk, {"prompt": f"a cat [sandbox: {fault}]"}))
    with pytest.raises(ProviderError) as caught:
        ask(wire, talk, job)
    assert type(caught.value) is kind
    talk.finish()
    assert isinstance(ask(wire, talk, job), Rendered)


def test_a_result_that_expired_and_a_job_that_there_is_not(wire, start):
    talk = start(link_seconds=60.0)
    job = apiframe.accepted(send(wire, talk, {}))
    talk.finish()
    verdict = ask(wire, talk, job)
    assert isinstance(verdict, Ended)
    assert type(verdict.error) is Expired
    assert isinstance(ask(wire, talk, Job("00000000-0000-4000-8000-000000000000")), Gone)
