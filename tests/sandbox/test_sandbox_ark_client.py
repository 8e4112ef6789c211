"""BytePlus's own Python client (`byteplus-python-sdk-v2`), unchanged, believes that it speaks to Ark."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from byteplussdkarkruntime import Ark
from byteplussdkarkruntime._exceptions import (
    ArkAPIConnectionError,
    ArkAPIStatusError,
    ArkAuthenticationError,
    ArkBadRequestError,
    ArkInternalServerError,
    ArkNotFoundError,
    ArkPermissionDeniedError,
    ArkRateLimitError,
)
from PIL import Image

from workers.clock import Clock
from workers.sandbox.burn import read_number
from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox

MODEL = "dreamina-seedance-2-0-fast-260128"
URL = "https://example.com/input"
CAT = [{"type": "text", "text": "a cat"}]
SMALL = {"resolution": "480p", "ratio": "1:1", "duration": 4}

Make = Callable[..., Ark]


@pytest.fixture
def sandbox(cache: Path, clock: Clock) -> Iterator[Sandbox]:
    options = SandboxOptions(cache=cache, key="key", queue_seconds=1, render_seconds=3, jitter=0)
    with running_sandbox(options, clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def make(sandbox: Sandbox) -> Make:
    def made(**more: Any) -> Ark:
        return Ark(**{"base_url": f"{sandbox.url}/api/v3", "api_key": "key", "max_retries": 0, **more})

    return made


@pytest.fixture
def tasks(make: Make) -> Any:
    return make().content_generation.tasks


def image(role: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": URL}, "role": role}


@pytest.mark.parametrize(
    "content",
    [
        CAT,
        [*CAT, image("first_frame")],
        [*CAT, image("first_frame"), image("last_frame")],
        [
            *CAT,
            image("reference_image"),
            {"type": "video_url", "video_url": {"url": URL}, "role": "reference_video"},
            {"type": "audio_url", "audio_url": {"url": URL}, "role": "reference_audio"},
        ],
    ],
    ids=["text", "first", "first and last", "references"],
)
def test_a_task_from_create_to_its_files(tasks, sandbox, clock, content):
    created = tasks.create(model=MODEL, content=content, seed=7, return_last_frame=True, **SMALL)
    assert created.id.startswith("cgt-")
    words = []
    for pause in (0, 1, 3):
        clock.time += pause
        task = tasks.get(task_id=created.id)
        words.append(task.status)
    assert words == ["queued", "running", "succeeded"]
    assert (task.model, task.seed, task.resolution, task.ratio, task.duration) == (MODEL, 7, "480p", "1:1", 4)
    assert (task.created_at, task.updated_at) == (1_800_000_000, 1_800_000_004)
    assert (task.service_tier, task.execution_expires_after, task.generate_audio) == ("default", 172_800, True)
    assert task.usage.completion_tokens == 38_400
    assert httpx.get(task.content.video_url).headers["Content-Type"] == "video/mp4"
    with Image.open(io.BytesIO(httpx.get(task.content.last_frame_url).content)) as picture:
        assert read_number(picture) == 95
    # The client sends every parameter that it has, null where it was not set.
    (billed,) = sandbox.account.billed()
    assert billed.body["callback_url"] is None
    assert billed.body["camera_fixed"] is None


def test_every_parameter_that_the_models_have(tasks, sandbox):
    tasks.create(
        model=MODEL,
        content=CAT,
        safety_identifier="me",
        callback_url="https://me.example/hook",
        return_last_frame=True,
        service_tier="default",
        execution_expires_after=3600,
        priority=1,
        generate_audio=False,
        watermark=True,
        seed=-1,
        resolution="720p",
        ratio="adaptive",
        duration=-1,
        output_format="mp4",
        omni_reference_task_type="auto",
        extra_body={"tools": [{"type": "web_search"}]},
    )
    assert len(sandbox.account.billed()) == 1


@pytest.mark.parametrize(
    "fields", [{"camera_fixed": True}, {"frames": 121}, {"draft": True}, {"service_tier": "flex"}, {"duration": 3}]
)
def test_a_parameter_that_the_models_have_not(tasks, sandbox, fields):
    with pytest.raises(ArkBadRequestError) as caught:
        tasks.create(model=MODEL, content=CAT, **fields)
    assert (caught.value.code, caught.value.param, caught.value.type) == (
        "InvalidParameter",
        next(iter(fields)),
        "BadRequest",
    )
    assert sandbox.account.submissions() == ()


def test_the_list(tasks, clock):
    ids = []
    for number in range(5):
        ids.append(tasks.create(model=MODEL, content=[{"type": "text", "text": f"cat {number}"}], **SMALL).id)
        clock.time += 1
    newest_first = ids[::-1]

    def listed(**query: Any) -> tuple[int, list[str]]:
        found = tasks.list(**query)
        return found.total, [item.id for item in found.items]

    assert listed() == (5, newest_first)
    assert listed(page_num=2, page_size=2) == (5, newest_first[2:4])
    assert listed(status="succeeded") == (2, ids[1::-1])
    assert listed(task_ids=ids[1:3]) == (2, [ids[2], ids[1]])
    assert listed(task_ids=ids[0], model=MODEL, service_tier="default") == (1, ids[:1])
    (item,) = tasks.list(task_ids=ids[0]).items
    assert (item.status, item.content.video_url[-4:], item.usage.completion_tokens) == ("succeeded", ".mp4", 38_400)


def test_delete(tasks, clock, sandbox):
    waiting, over = (tasks.create(model=MODEL, content=CAT, seed=seed, **SMALL).id for seed in (1, 2))
    tasks.delete(waiting)
    assert tasks.get(task_id=waiting).status == "cancelled"
    clock.time += 1
    for neither in (over, waiting):
        with pytest.raises(ArkPermissionDeniedError) as caught:
            tasks.delete(neither)
        assert caught.value.code == "OperationDenied.UnsupportedPhase"
    assert tasks.get(task_id=over).status == "running"
    clock.time += 3
    tasks.delete(over)
    for call in (tasks.get, tasks.delete):
        with pytest.raises(ArkNotFoundError):
            call(task_id=over)
    assert len(sandbox.account.billed()) == 1


@pytest.mark.parametrize(("fault", "code"), [("moderation", "OutputVideoSensitiveContentDetected"), ("fail", "Int")])
def test_a_task_that_fails(tasks, clock, fault, code):
    id = tasks.create(model=MODEL, content=[{"type": "text", "text": f"[sandbox: {fault}]"}]).id
    clock.time += 10
    task = tasks.get(task_id=id)
    assert task.status == "failed"
    assert task.error.code.startswith(code)
    assert task.error.message


@pytest.mark.parametrize(
    ("prompt", "options", "kind", "code"),
    [
        ("[sandbox: moderation-input]", {}, ArkBadRequestError, "InputTextSensitiveContentDetected"),
        ("[sandbox: 429]", {}, ArkRateLimitError, "ModelAccountRpmRateLimitExceeded"),
        ("[sandbox: saturated]", {}, ArkRateLimitError, "ServerOverloaded"),
        ("[sandbox: 500]", {}, ArkInternalServerError, "InternalServiceError"),
        ("a cat", {"locked": True}, ArkPermissionDeniedError, "AccountOverdueError"),
        ("a cat", {"key": "another"}, ArkAuthenticationError, "AuthenticationError"),
    ],
)
def test_errors_are_known_to_the_client(tasks, sandbox, prompt, options, kind, code):
    sandbox.change(**options)
    with pytest.raises(ArkAPIStatusError) as caught:
        tasks.create(model=MODEL, content=[{"type": "text", "text": prompt}])
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert sandbox.account.submissions() == ()


def test_an_answer_that_is_lost(tasks, sandbox):
    with pytest.raises(ArkAPIConnectionError):
        tasks.create(model=MODEL, content=[{"type": "text", "text": "[sandbox: drop]"}])
    assert len(sandbox.account.billed()) == 1


def test_the_client_pays_twice_when_an_answer_is_lost_and_the_account_shows_it(make, sandbox):
    tasks = make(max_retries=1).content_generation.tasks
    tasks.create(model=MODEL, content=[{"type": "text", "text": "[sandbox: drop]"}])
    first, second = sandbox.account.billed()
    assert first.digest == second.digest
    assert first.id != second.id
