"""AnyFast's twin on the wire, and Rushes' own adapter against it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from ark_cases import FAILED, REFUSED, URL, modes
from at_the_twin import AtTwin, asks

from workers.errors import SettingsError
from workers.http import Broken, Wire
from workers.providers.anyfast import AnyFast
from workers.providers.errors import (
    ProviderError,
    RateLimited,
    Transient,
    Unknown,
)
from workers.providers.protocol import Attempt, Ended, Gone, Job, Queued, Rendered, Running

PATH = "/v1/video/generations"
KEY = {"Authorization": "Bearer sk-key"}


def create(talk: Any, prompt: str = "a cat", **fields: Any) -> httpx.Response:
    content = [{"type": "text", "text": prompt}]
    body = {"model": "seedance-fast", "content": content, "resolution": "480p", "duration": 4, **fields}
    return talk.client.post(PATH, json=body, headers=KEY)


def created(talk: Any, prompt: str = "a cat", **fields: Any) -> str:
    answer = create(talk, prompt, **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def query(talk: Any, id: str) -> dict[str, Any]:
    answer = talk.client.get(f"{PATH}/{id}", headers=KEY)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["code"], body["message"], set(body)) == ("success", "", {"code", "message", "data"})
    return body["data"]


# The twin


def test_a_submission_is_answered_as_anyfast_does(talk):
    answer = create(talk).json()
    id = answer["id"]
    assert id.startswith("asyntask_")
    assert answer == {
        "id": id,
        "task_id": id,
        "object": "video",
        "model": "seedance-fast",
        "status": "queued",
        "progress": 0,
        "created_at": int(talk.clock.time),
    }


def test_a_task_is_told_of_twice(start):
    talk = start(queue_seconds=2, render_seconds=10)
    begun = int(talk.clock.time)
    id = created(talk, seed=7, return_last_frame=True)
    words = []
    for pause in (0, 2, 10):
        talk.clock.time += pause
        task = query(talk, id)
        words.append((task["status"], task["data"]["status"], task["progress"], task["start_time"]))
        assert (task["task_id"], task["action"], task["submit_time"]) == (id, "generate", begun)
        assert ("result_url" in task) == ("content" in task["data"]) == (task["finish_time"] != 0)
    assert words == [
        ("QUEUED", "queued", "10%", 0),
        ("IN_PROGRESS", "running", "50%", begun + 2),
        ("SUCCESS", "succeeded", "100%", begun + 2),
    ]
    inner = task["data"]
    assert task["result_url"] == task["fail_reason"] == inner["content"]["video_url"]
    assert (inner["id"], inner["model"], inner["seed"]) == (
        f"cgt-{id.removeprefix('asyntask_')}",
        "doubao-seedance-2-0-fast-260128",
        7,
    )
    assert talk.client.get(inner["content"]["last_frame_url"]).headers["Content-Type"] == "image/png"
    assert len(talk.sandbox.account.billed()) == 1


@pytest.mark.parametrize(
    ("inputs", "action"),
    [
        ([], "generate"),
        (["first_frame"], "generate"),
        (["first_frame", "last_frame"], "firstTailGenerate"),
        (["reference_image"], "referenceGenerate"),
        (["reference_image", "reference_video"], "omniGenerate"),
        (["reference_video"], "omniGenerate"),
    ],
)
def test_the_mode_has_a_name(talk, inputs, action):
    content = [{"type": "text", "text": "a cat"}]
    for role in inputs:
        kind = "video_url" if role == "reference_video" else "image_url"
        content.append({"type": kind, kind: {"url": URL}, "role": role})
    assert query(talk, created(talk, content=content))["action"] == action


@pytest.mark.parametrize(
    ("fault", "code"),
    [("moderation", "OutputVideoSensitiveContentDetected"), ("fail", "InternalServiceError")],
)
def test_a_task_that_fails(talk, fault, code):
    id = created(talk, f"[sandbox: {fault}]")
    talk.finish()
    task = query(talk, id)
    assert (task["status"], task["data"]["status"], task["data"]["error"]["code"]) == ("FAILURE", "failed", code)
    assert task["fail_reason"].startswith(f"{code}: The ")
    assert "result_url" not in task
    assert talk.sandbox.account.billed() == ()


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("429", 429, "rate_limit_exceeded"),
        ("saturated", 403, "upstream_load_saturated"),
        ("500", 500, "internal_error"),
    ],
)
def test_a_submission_that_is_refused(talk, fault, status, code):
    answer = create(talk, f"[sandbox: {fault}]")
    body = answer.json()
    assert (answer.status_code, body.get("code") or body["error"]["code"]) == (status, code)
    assert talk.sandbox.account.submissions() == ()
    assert create(talk, f"[sandbox: {fault}]").status_code == 200


def test_arks_errors_are_relayed_in_a_string(talk):
    answer = create(talk, "[sandbox: moderation-input]")
    body = answer.json()
    assert (answer.status_code, body["code"], body["data"]) == (400, "fail_to_fetch_task", None)
    assert json.loads(body["message"])["error"]["code"] == "InputTextSensitiveContentDetected"
    assert talk.sandbox.account.submissions() == ()


@pytest.mark.parametrize(("fault", "accepted"), [("hangup", 0), ("drop", 1)])
def test_a_submission_that_breaks_off(talk, fault, accepted):
    with pytest.raises(httpx.RemoteProtocolError):
        create(talk, f"[sandbox: {fault}]")
    assert len(talk.sandbox.account.billed()) == accepted


@pytest.mark.parametrize("sent", ["Bearer", "Key sk-key", "Bearer other"])
def test_the_key(start, sent):
    talk = start(key="sk-key")
    id = created(talk)
    for method, path in (("POST", PATH), ("GET", f"{PATH}/{id}")):
        answer = talk.client.request(method, path, headers={"Authorization": sent})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
    assert len(talk.sandbox.account.submissions()) == 1


def test_without_quota_nothing_is_accepted_and_tasks_are_still_told_of(talk):
    id = created(talk)
    talk.sandbox.change(locked=True)
    answer = create(talk, "a dog")
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_user_quota")
    assert query(talk, id)["status"] == "QUEUED"


def test_a_task_that_is_not_known(talk):
    fal, known = talk.accepted()["request_id"], created(talk)
    for id in ("asyntask_nobody", f"asyntask_{fal}", known.removeprefix("asyntask_")):
        assert talk.client.get(f"{PATH}/{id}", headers=KEY).status_code == 404
    talk.clock.time += 7 * 86_400
    assert talk.client.get(f"{PATH}/{known}", headers=KEY).status_code == 404


def test_the_gateway_gives_a_dead_link_out_after_a_day(start):
    talk = start(link_seconds=86_400)
    id = created(talk)
    talk.clock.time += 2 * 86_400
    task = query(talk, id)
    assert (task["status"], task["data"]["content"]) == ("SUCCESS", None)
    assert talk.client.get(task["result_url"]).status_code == 403


def test_a_task_that_somebody_cancelled_is_a_failure_to_the_gateway(start):
    talk = start(queue_seconds=60)
    id = created(talk)
    talk.clock.time += 5
    talk.sandbox.cancel(talk.sandbox.account.submissions()[0])
    now = int(talk.clock.time)
    talk.clock.time += 600
    task = query(talk, id)
    assert (task["status"], task["data"]["status"], task["fail_reason"]) == ("FAILURE", "cancelled", "")
    assert (task["start_time"], task["finish_time"], task["data"]["updated_at"]) == (0, now, now)
    assert talk.sandbox.account.billed() == ()


def test_seconds_below_zero_are_none(start):
    with pytest.raises(SettingsError, match="anyfast_hang_seconds"):
        start(anyfast_hang_seconds=-1.0)


# Rushes' adapter, over real HTTP


class Rushes(AtTwin):
    def __init__(self, talk: Any, wire: Wire) -> None:
        super().__init__("anyfast", talk, wire)
        self.anyfast = AnyFast()


MODES = modes(execution_expires_after=7200)


@pytest.mark.parametrize("model", ["seedance-2.0", "seedance-2.0-fast"])
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_renders(start, wire, mode, model):
    rushes = Rushes(start(queue_seconds=1, render_seconds=10), wire)
    job = rushes.submit(asks(**{"model": model, **MODES[mode]}))
    assert rushes.poll(job) == Queued()
    rushes.talk.clock.time += 1
    assert rushes.poll(job) == Running()
    rushes.talk.clock.time += 10
    verdict = rushes.poll(job)
    assert isinstance(verdict, Rendered)
    assert verdict.video_url.endswith(".mp4")
    assert (verdict.last_frame_url is not None) == ("return_last_frame" in MODES[mode])
    assert verdict.seed == MODES[mode].get("seed", verdict.seed)
    assert len(rushes.talk.sandbox.account.billed()) == 1


@pytest.mark.parametrize(("prompt", "options", "kind"), REFUSED)
def test_a_refused_submission_is_read_by_class(start, wire, prompt, options, kind):
    rushes = Rushes(start(**options), wire)
    with pytest.raises(ProviderError) as caught:
        rushes.submit(asks(prompt))
    assert type(caught.value) is kind


@pytest.mark.parametrize(("prompt", "kind"), FAILED)
def test_a_failed_task_is_read_by_class(talk, wire, prompt, kind):
    rushes = Rushes(talk, wire)
    job = rushes.submit(asks(prompt))
    talk.finish()
    verdict = rushes.poll(job)
    assert isinstance(verdict, Ended)
    assert type(verdict.error) is kind


def test_a_poll_that_fails_leaves_the_task_alive(talk, wire):
    rushes = Rushes(talk, wire)
    job = rushes.submit(asks("[sandbox: poll-429] [sandbox: poll-500] [sandbox: garbage]"))
    for kind in (RateLimited, Transient, Unknown):
        with pytest.raises(ProviderError) as caught:
            rushes.poll(job)
        assert type(caught.value) is kind
    assert rushes.poll(job) == Queued()
    assert isinstance(rushes.poll(Job("asyntask_nobody")), Gone)


def test_a_create_that_hangs_is_in_doubt_when_it_is_cut_off_and_paid_for(start, wire):
    rushes = Rushes(start(anyfast_hang_seconds=90.0), wire)
    with pytest.raises(Broken):
        rushes.submit(asks(), timeout=1.5)
    assert len(rushes.talk.sandbox.account.billed()) == 1
    rushes.talk.clock.time += 90


def test_a_create_that_hangs_is_answered_to_those_who_wait(start, wire):
    talk = start(anyfast_hang_seconds=90.0)
    rushes = Rushes(talk, wire)
    request = rushes.anyfast.submission(asks(), rushes.access, Attempt("night/a/0001", 1, "0" * 64))
    answer = wire.begin(request, timeout=rushes.anyfast.submit_timeout)
    while not talk.sandbox.account.billed():
        assert not answer.done()
    talk.clock.time += 90
    job = rushes.anyfast.accepted(answer.result(timeout=300))
    talk.finish()
    assert isinstance(rushes.poll(job), Rendered)
