from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from workers.errors import SettingsError
from workers.sandbox.server import SandboxOptions

RUN = "/accounts/023e105f/ai/run"
BEARER = {"Authorization": "Bearer token"}
USUAL = {"aspect_ratio": "16:9", "duration": 5, "resolution": "720p"}
SMALL = {"aspect_ratio": "1:1", "duration": 4, "resolution": "480p"}
FAST, STANDARD = "bytedance/seedance-2.0-fast", "bytedance/seedance-2.0"
URL = "https://a.example/1.png"
PNG = "data:image/png;base64,AAAA"
MP4 = "data:video/mp4;base64,AAAA"


def run(talk: Any, given: Any, *, model: str = FAST, path: str = RUN, **headers: str) -> httpx.Response:
    """Ask for a render of `given` besides a prompt and the fields that must be there."""
    body = {"model": model, "input": {"prompt": "a cat", **USUAL, **given}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{talk.sandbox.url}{path}", json=body, headers={**BEARER, **named}, timeout=300)


@pytest.fixture
def prompt_talk(start):
    """A sandbox that renders in no time."""
    return start(queue_seconds=0.0, render_seconds=0.0)


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    # The examples of the two pages.
    (FAST, {}),
    (FAST, {"aspect_ratio": "9:16"}),
    (STANDARD, {}),
    (STANDARD, {"duration": 10, "resolution": "1080p"}),
    (STANDARD, {"image": PNG}),
    (STANDARD, {"resolution": "4k"}),
    # Every bound.
    *((FAST, {"duration": seconds}) for seconds in range(4, 13)),
    *((FAST, {"aspect_ratio": ratio}) for ratio in ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "9:21")),
    (FAST, {"resolution": "480p", "fps": 24, "camera_fixed": True, "watermark": True, "generate_audio": False}),
    (FAST, {"prompt": "x" * 2000, "fps": 24.0}),
    (FAST, {"seed": 2**53 - 1}),
    (FAST, {"seed": -(2**53) + 1}),
    (FAST, {"image": URL, "last_frame_image": PNG}),
    (FAST, {"reference_images": [URL, PNG, URL, URL]}),
    (FAST, {"reference_video": MP4}),
    (FAST, {"reference_video": "https://a.example/1.mp4", "reference_images": [URL]}),
    (STANDARD, {"reference_images": [URL], "resolution": "4k"}),
]


@pytest.mark.parametrize(("model", "given"), ACCEPTED)
def test_accepted(prompt_talk, model, given):
    answer = run(prompt_talk, given, model=model)
    assert answer.status_code == 200, answer.text
    (job,) = prompt_talk.sandbox.account.billed()
    assert (job.endpoint, job.body) == (model, {"prompt": "a cat", **USUAL, **given})


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (FAST, {"resolution": "1080p"}, "resolution"),
    (FAST, {"resolution": "4k"}, "resolution"),
    (STANDARD, {"resolution": "2k"}, "resolution"),
    (FAST, {"duration": 3}, "duration"),
    (FAST, {"duration": 13}, "duration"),
    (FAST, {"duration": "5"}, "duration"),
    (FAST, {"duration": 5.5}, "duration"),
    (FAST, {"aspect_ratio": "adaptive"}, "aspect_ratio"),
    (FAST, {"aspect_ratio": "auto"}, "aspect_ratio"),
    (FAST, {"fps": 30}, "fps"),
    (FAST, {"camera_fixed": "false"}, "camera_fixed"),
    (FAST, {"watermark": None}, "watermark"),
    (FAST, {"generate_audio": 1}, "generate_audio"),
    (FAST, {"seed": 2**53}, "seed"),
    (FAST, {"seed": True}, "seed"),
    (FAST, {"prompt": "x" * 2001}, "prompt"),
    (FAST, {"prompt": None}, "prompt"),
    (FAST, {"prompt": "[sandbox: flood]"}, "[sandbox: flood] is no fault"),
    (FAST, {"image": "asset://a"}, "image"),
    (FAST, {"image": "cat.png"}, "image"),
    (FAST, {"image": MP4}, "base64 data URI of the image"),
    (FAST, {"image": "data:image/png;base64,%%%%"}, "base64 can't be read"),
    (FAST, {"image": "data:image/png,AAAA"}, "image"),
    (FAST, {"reference_video": PNG}, "base64 data URI of the video"),
    (FAST, {"reference_videos": [URL]}, "reference_videos"),
    (FAST, {"reference_images": []}, "reference_images"),
    (FAST, {"reference_images": [URL] * 5}, "reference_images"),
    (FAST, {"reference_images": URL}, "reference_images"),
    (FAST, {"reference_images": None}, "reference_images"),
    (FAST, {"reference_images": [URL, "no"]}, "reference_images.1"),
    (FAST, {"reference_images": [URL], "image": URL}, "cannot be used with first/last frame"),
    (STANDARD, {"reference_images": [URL], "resolution": "1080p"}, "cannot be used with 1080p"),
    (FAST, {"last_frame_image": URL}, "only works if an image start frame is also given"),
    (FAST, {"reference_audio": [URL]}, "reference_audio"),
    (FAST, {"negative_prompt": "x"}, "negative_prompt"),
    (FAST, {"ratio": "16:9"}, "ratio"),
    (FAST, {"return_last_frame": True}, "return_last_frame"),
]


@pytest.mark.parametrize(("model", "given", "said"), REFUSED)
def test_refused(prompt_talk, model, given, said):
    answer = run(prompt_talk, given, model=model)
    assert answer.status_code == 400
    body = answer.json()
    assert (body["success"], body["result"], body["messages"]) == (False, None, [])
    assert [error["code"] for error in body["errors"]] == [5004]
    assert said in body["errors"][0]["message"]
    assert prompt_talk.sandbox.account.submissions() == ()


@pytest.mark.parametrize("missing", ["prompt", "duration", "resolution", "aspect_ratio"])
def test_what_every_example_has_must_be_there(prompt_talk, missing):
    given = {"prompt": "a cat", **USUAL}
    del given[missing]
    body = {"model": FAST, "input": given}
    answer = httpx.post(f"{prompt_talk.sandbox.url}{RUN}", json=body, headers=BEARER)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, 5004)
    assert missing in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{model: x}", 400, 5004),
        (b"[]", 400, 3003),
        (b'{"model": "bytedance/seedance-2.0"}', 400, 3003),
        (b'{"input": {}}', 400, 3003),
        (b'{"model": "openai/sora", "input": {}}', 400, 5007),
        (b'{"model": ["x"], "input": {}}', 400, 5007),
        (b'{"model": "bytedance/seedance-2.0", "input": {}, "stream": true}', 400, 5004),
        (b'{"model": "bytedance/seedance-2.0", "input": "a cat"}', 400, 5004),
    ],
)
def test_bodies_that_are_none(prompt_talk, content, status, code):
    answer = httpx.post(f"{prompt_talk.sandbox.url}{RUN}", content=content, headers=BEARER)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
    assert prompt_talk.sandbox.account.submissions() == ()


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({"cf_aig_metadata": json.dumps({"take": "a", "attempt": 1, "key": "k", "d": True, "e": 1.5})}, True),
        ({"cf_aig_metadata": json.dumps(dict.fromkeys("abcdef", 1))}, False),
        ({"cf_aig_metadata": json.dumps({"take": {"name": "a"}})}, False),
        ({"cf_aig_metadata": json.dumps(["a"])}, False),
        ({"cf_aig_metadata": "{"}, False),
        ({"cf_aig_max_attempts": "1", "cf_aig_skip_cache": "true"}, True),
        ({"cf_aig_max_attempts": "6"}, False),
        ({"cf_aig_max_attempts": "0"}, False),
        ({"cf_aig_skip_cache": "yes"}, False),
    ],
)
def test_the_gateways_headers(prompt_talk, headers, accepted):
    answer = run(prompt_talk, SMALL, **headers)
    assert answer.status_code == (200 if accepted else 400)
    assert len(prompt_talk.sandbox.account.submissions()) == accepted


@pytest.mark.parametrize(
    ("key", "sent", "status"),
    [
        (None, None, 401),
        (None, "Bearer", 401),
        (None, "Key token", 401),
        (None, "Bearer anything", 200),
        ("token", "Bearer token", 200),
        ("token", "Bearer other", 401),
    ],
)
def test_the_token(start, key, sent, status):
    talk = start(key=key, queue_seconds=0.0, render_seconds=0.0)
    headers = {} if sent is None else {"Authorization": sent}
    body = {"model": FAST, "input": {"prompt": "a cat", **SMALL}}
    answer = httpx.post(f"{talk.sandbox.url}{RUN}", json=body, headers=headers)
    assert answer.status_code == status
    assert len(talk.sandbox.account.submissions()) == (status == 200)


@pytest.mark.parametrize("path", [RUN, f"/client/v4{RUN}"])
def test_the_raw_answer_is_that_of_the_page(prompt_talk, path):
    answer = run(prompt_talk, SMALL, path=path)
    (job,) = prompt_talk.sandbox.account.billed()
    assert answer.json() == {
        "state": "Completed",
        "result": {"video": f"{prompt_talk.sandbox.url}/files/{job.id}.mp4"},
        "gatewayMetadata": {"keySource": "Unified"},
    }
    assert answer.headers["cf-aig-log-id"] == job.id
    assert answer.headers["cf-ray"]


def test_the_wrapped_answer_holds_the_raw_one(prompt_talk):
    raw = run(prompt_talk, SMALL).json()
    prompt_talk.sandbox.change(cloudflare_envelope="wrapped")
    wrapped = run(prompt_talk, SMALL).json()
    assert {name: wrapped[name] for name in ("success", "errors", "messages")} == {
        "success": True,
        "errors": [],
        "messages": [],
    }
    assert wrapped["result"].keys() == raw.keys()


def test_there_is_no_third_envelope(cache):
    with pytest.raises(SettingsError, match="'json' is neither raw nor wrapped"):
        SandboxOptions(cache=cache, cloudflare_envelope="json")


def test_the_video_is_as_asked_and_there_at_once(prompt_talk):
    url = run(prompt_talk, {**SMALL, "generate_audio": False}).json()["result"]["video"]
    video = httpx.get(url)
    assert (video.status_code, video.headers["content-type"]) == (200, "video/mp4")
    (job,) = prompt_talk.sandbox.account.billed()
    assert job.footage is not None
    assert (job.footage.seconds, job.footage.width, job.footage.height, job.footage.audio) == (4, 640, 640, False)


def test_the_answer_is_held_until_the_render_is_over(start):
    talk = start(queue_seconds=1.0, render_seconds=60.0)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(run, talk, SMALL)
        while not talk.sandbox.account.billed():
            assert not answer.done()
        (job,) = talk.sandbox.account.billed()
        assert not answer.done()
        assert httpx.get(f"{talk.sandbox.url}/files/{job.id}.mp4").status_code == 404
        talk.clock.time += 61.0
        assert answer.result(timeout=300).json()["state"] == "Completed"


def test_renders_beyond_the_seats_wait_for_one(start):
    talk = start(queue_seconds=0.0, render_seconds=10.0, seats=1)
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(run, talk, {**SMALL, "seed": seed}) for seed in (1, 2)]
        while len(talk.sandbox.account.submissions()) < 2:
            assert not any(answer.done() for answer in answers)
        first, second = talk.sandbox.account.submissions()
        assert second.starts == first.ends
        talk.clock.time += 20.0
        assert {answer.result(timeout=300).status_code for answer in answers} == {200}


@pytest.mark.parametrize(
    ("fault", "status", "code", "accepted", "billed"),
    [
        ("429", 429, 3040, 0, 0),
        ("500", 500, 10013, 0, 0),
        ("moderation-input", 400, 2016, 0, 0),
        ("moderation", 400, 2017, 1, 0),
        ("fail", 500, 10013, 1, 0),
    ],
)
def test_faults_that_are_answered(prompt_talk, fault, status, code, accepted, billed):
    answer = run(prompt_talk, {**SMALL, "prompt": f"a cat [sandbox: {fault}]"})
    assert (answer.status_code, [error["code"] for error in answer.json()["errors"]]) == (status, [code])
    assert len(prompt_talk.sandbox.account.submissions()) == accepted
    assert len(prompt_talk.sandbox.account.billed()) == billed
    assert ("retry-after" in answer.headers) == (status == 429)


@pytest.mark.parametrize(("fault", "billed"), [("hangup", 0), ("drop", 1)])
def test_faults_that_break_off(prompt_talk, fault, billed):
    with pytest.raises(httpx.RemoteProtocolError):
        run(prompt_talk, {**SMALL, "prompt": f"a cat [sandbox: {fault}]"})
    assert len(prompt_talk.sandbox.account.billed()) == billed
    assert run(prompt_talk, {**SMALL, "prompt": f"a cat [sandbox: {fault}]"}).status_code == 200
    assert len(prompt_talk.sandbox.account.billed()) == billed + 1


def test_an_answer_that_is_no_json_is_billed(prompt_talk):
    answer = run(prompt_talk, {**SMALL, "prompt": "a cat [sandbox: garbage-submit]"})
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()
    assert len(prompt_talk.sandbox.account.billed()) == 1


def test_a_locked_account_accepts_nothing(start):
    talk = start(locked=True, queue_seconds=0.0, render_seconds=0.0)
    answer = run(talk, SMALL)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (429, 3036)
    assert talk.sandbox.account.submissions() == ()
