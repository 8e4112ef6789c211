"""What Ark's twin and AnyFast's take and refuse."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

TEXT = {"type": "text", "text": "a cat"}
PNG = "data:image/png;base64," + base64.b64encode(b"not really").decode()
WAV = "data:audio/wav;base64," + base64.b64encode(b"not really").decode()
URL = "https://example.com/clip"
ARK = ("ark", "/contents/generations/tasks", "dreamina-seedance-2-0-260128")
ARK_FAST = ("ark", "/api/v3/contents/generations/tasks", "doubao-seedance-2-0-fast-260128")
ANYFAST = ("anyfast", "/v1/video/generations", "seedance-2.0")
ANYFAST_FAST = ("anyfast", "/v1/video/generations", "seedance-fast")
BOTH = [ARK, ANYFAST]
ALL = [ARK, ARK_FAST, ANYFAST, ANYFAST_FAST]


def image(role: str | None = "reference_image", url: str = URL) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, **({} if role is None else {"role": role})}


def video(url: str = URL) -> dict[str, Any]:
    return {"type": "video_url", "video_url": {"url": url}, "role": "reference_video"}


def audio(url: str = URL) -> dict[str, Any]:
    return {"type": "audio_url", "audio_url": {"url": url}, "role": "reference_audio"}


def post(talk, where, body) -> httpx.Response:
    _, path, model = where
    body = {"model": model, **body} if isinstance(body, dict) and "model" not in body else body
    return talk.client.post(path, json=body, headers={"Authorization": "Bearer key"})


@pytest.mark.parametrize("where", ALL, ids=lambda where: f"{where[0]}-{where[2]}")
@pytest.mark.parametrize(
    "body",
    [
        {"content": [TEXT]},
        # Each mode of AnyFast's page
        {"content": [TEXT, image("first_frame")]},
        {"content": [TEXT, image(None)]},
        {"content": [image("first_frame", PNG)]},
        {"content": [TEXT, image("first_frame"), image("last_frame", "asset://a-1")]},
        {"content": [image(None), image("last_frame")]},
        {"content": [TEXT, *[image()] * 9, *[video()] * 3, *[audio()] * 3]},
        {"content": [image(), video()]},
        {"content": [TEXT, video("asset://v_1.x")]},
        {"content": [video(), audio(WAV)]},
        {"content": [TEXT], "tools": [{"type": "web_search"}]},
        {"content": [TEXT], "tools": []},
        # Each parameter
        *({"content": [TEXT], "duration": seconds} for seconds in (-1, 4, 15)),
        *({"content": [TEXT], "ratio": ratio} for ratio in ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive")),
        *({"content": [TEXT], "resolution": resolution} for resolution in ("480p", "720p")),
        {"content": [TEXT], "generate_audio": False, "watermark": True, "return_last_frame": True},
        *({"content": [TEXT], "seed": seed} for seed in (-1, 0, 2**32 - 1)),
        *({"content": [TEXT], "execution_expires_after": seconds} for seconds in (3600, 259_200)),
        {"content": [TEXT], "service_tier": "default", "priority": 9, "safety_identifier": "x" * 64},
        {"content": [TEXT], "output_format": "mp4"},
    ],
)
def test_accepted(talk, where, body):
    answer = post(talk, where, body)
    assert answer.status_code == 200, answer.text
    assert [(job.provider, job.body) for job in talk.sandbox.account.billed()] == [
        (where[0], {"model": where[2], **body})
    ]


REFUSED: list[tuple[Any, str, str]] = [
    ({}, "content", "MissingParameter"),
    ({"content": []}, "content", "InvalidParameter"),
    ({"content": "a cat"}, "content", "InvalidParameter"),
    ({"content": [{"text": "a cat"}]}, "content[0].type", "MissingParameter"),
    ({"content": [{"type": "text"}]}, "content[0].text", "MissingParameter"),
    ({"content": [{"type": "text", "text": " "}]}, "content[0].text", "InvalidParameter"),
    ({"content": [{"type": "text", "text": 7}]}, "content[0].text", "InvalidParameter"),
    ({"content": [{**TEXT, "role": "first_frame"}]}, "content[0].role", "InvalidParameter"),
    ({"content": [{"type": "draft_task", "draft_task": {"id": "cgt-1"}}]}, "content[0]", "InvalidParameter"),
    ({"content": [TEXT, TEXT]}, "content", "InvalidParameter"),
    ({"content": [TEXT, image("reference_video")]}, "content[1].role", "InvalidParameter"),
    ({"content": [TEXT, {**video(), "role": "first_frame"}]}, "content[1].role", "InvalidParameter"),
    (
        {"content": [TEXT, {name: value for name, value in video().items() if name != "role"}]},
        "content[1].role",
        "MissingParameter",
    ),
    ({"content": [{"type": "image_url", "image_url": URL}]}, "content[0].image_url", "InvalidParameter"),
    ({"content": [{"type": "image_url", "image_url": {}}]}, "content[0].image_url.url", "MissingParameter"),
    *(
        ({"content": [image(url=url)]}, "content[0].image_url.url", "InvalidParameter")
        for url in (
            "",
            "cat.jpg",
            "file:///cat.jpg",
            "https://",
            "input:abc.png",
            "asset://",
            "data:image/svg+xml;base64,AAAA",
            "data:image/png;base64,%%%",
            "data:image/png,AAAA",
        )
    ),
    ({"content": [video("data:video/mp4;base64,AAAA")]}, "content[0].video_url.url", "InvalidParameter"),
    ({"content": [image(), audio("data:audio/ogg;base64,AAAA")]}, "content[1].audio_url.url", "InvalidParameter"),
    ({"content": [image()] * 10}, "content", "InvalidParameter"),
    ({"content": [video()] * 4}, "content", "InvalidParameter"),
    ({"content": [image(), *[audio()] * 4]}, "content", "InvalidParameter"),
    ({"content": [TEXT, audio()]}, "content", "InvalidParameter"),
    ({"content": [TEXT, image("last_frame")]}, "content", "InvalidParameter"),
    ({"content": [TEXT, image(None), image("first_frame")]}, "content", "InvalidParameter"),
    ({"content": [TEXT, image("first_frame"), image()]}, "content", "InvalidParameter"),
    ({"content": [TEXT, image(None), video()]}, "content", "InvalidParameter"),
    ({"content": [TEXT, image("last_frame"), audio()]}, "content", "InvalidParameter"),
    ({"content": [TEXT, image()], "tools": [{"type": "web_search"}]}, "content", "InvalidParameter"),
    ({"content": [TEXT], "tools": [{"type": "image_search"}]}, "tools[0].type", "InvalidParameter"),
    ({"content": [TEXT], "tools": ["web_search"]}, "tools[0]", "InvalidParameter"),
    *(
        ({"content": [TEXT], "duration": duration}, "duration", "InvalidParameter")
        for duration in (0, 3, 16, "5", 5.5, True, "auto")
    ),
    ({"content": [TEXT], "resolution": "540p"}, "resolution", "InvalidParameter"),
    ({"content": [TEXT], "ratio": "9:21"}, "ratio", "InvalidParameter"),
    ({"content": [TEXT], "ratio": "auto"}, "ratio", "InvalidParameter"),
    ({"content": [TEXT], "aspect_ratio": "16:9"}, "aspect_ratio", "InvalidParameter"),
    ({"content": [TEXT], "prompt": "a cat"}, "prompt", "InvalidParameter"),
    ({"content": [TEXT], "generate_audio": "true"}, "generate_audio", "InvalidParameter"),
    ({"content": [TEXT], "generate_audio": 1}, "generate_audio", "InvalidParameter"),
    *(({"content": [TEXT], "seed": seed}, "seed", "InvalidParameter") for seed in (-2, 2**32, "7", 1.5, True)),
    ({"content": [TEXT], "execution_expires_after": 3599}, "execution_expires_after", "InvalidParameter"),
    ({"content": [TEXT], "execution_expires_after": 259_201}, "execution_expires_after", "InvalidParameter"),
    ({"content": [TEXT], "service_tier": "flex"}, "service_tier", "InvalidParameter"),
    ({"content": [TEXT], "camera_fixed": False}, "camera_fixed", "InvalidParameter"),
    ({"content": [TEXT], "frames": 121}, "frames", "InvalidParameter"),
    ({"content": [TEXT], "draft": False}, "draft", "InvalidParameter"),
    ({"content": [TEXT], "safety_identifier": "x" * 65}, "safety_identifier", "InvalidParameter"),
    ({"content": [{"type": "text", "text": "[sandbox: flood]"}]}, "content[0].text", "InvalidParameter"),
    (["a cat"], "content", "InvalidParameter"),
]


def ark_error(where, answer: httpx.Response) -> dict[str, Any]:
    """Ark's error, as AnyFast relays it."""
    body = answer.json()
    if where is not ANYFAST:
        return body["error"]
    assert (body["code"], body["data"]) == ("fail_to_fetch_task", None)
    return json.loads(body["message"])["error"]


@pytest.mark.parametrize("where", BOTH, ids=lambda where: where[0])
@pytest.mark.parametrize(("body", "place", "code"), REFUSED)
def test_refused(talk, where, body, place, code):
    answer = post(talk, where, body)
    assert answer.status_code == 400, answer.text
    error = ark_error(where, answer)
    assert (error["code"], error["param"], error["type"]) == (code, place, "BadRequest")
    assert f"`{place}`" in error["message"]
    assert talk.sandbox.account.submissions() == ()


def test_the_resolutions_of_each_model(talk):
    for where, statuses in (
        (ARK, [200, 400]),
        (ANYFAST, [200, 400]),
        (ARK_FAST, [400, 400]),
        (ANYFAST_FAST, [400, 400]),
    ):
        answers = [post(talk, where, {"content": [TEXT], "resolution": name}) for name in ("1080p", "4k")]
        assert [answer.status_code for answer in answers] == statuses
    assert len(talk.sandbox.account.billed()) == 2


def test_a_model_that_is_not_there(talk):
    for model in ("seedance-2.0", "doubao-seedance-1-5-pro-251215"):
        answer = post(talk, ARK, {"model": model, "content": [TEXT]})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "InvalidEndpoint.NotFound")
    for model in ("seedance-2.5", "dreamina-seedance-2-0-260128"):
        answer = post(talk, ANYFAST, {"model": model, "content": [TEXT]})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "model_not_found")
    assert talk.sandbox.account.submissions() == ()


def test_ark_takes_nulls_for_what_is_left_out_and_anyfast_does_not(talk):
    unset = {"content": [TEXT], "seed": None, "camera_fixed": None, "frames": None, "callback_url": None}
    assert post(talk, ARK, unset).status_code == 200
    assert post(talk, ANYFAST, {"content": [TEXT], "seed": None}).status_code == 400
    assert post(talk, ARK, {"content": None}).json()["error"]["code"] == "MissingParameter"
    assert len(talk.sandbox.account.billed()) == 1


def test_what_ark_alone_takes(talk):
    for fields in ({"callback_url": "https://me.example/hook"}, {"omni_reference_task_type": "edit"}):
        assert post(talk, ARK, {"content": [TEXT], **fields}).status_code == 200
        assert post(talk, ANYFAST, {"content": [TEXT], **fields}).status_code == 400
    assert post(talk, ARK, {"content": [TEXT], "callback_url": "me"}).status_code == 400


def test_the_length_of_anyfasts_prompt(talk):
    for words, status in (("dog " * 1000, 200), ("dog " * 1001, 400), ("狗" * 500, 200), ("狗" * 501, 400)):
        content = [{"type": "text", "text": words}]
        assert post(talk, ANYFAST, {"content": content}).status_code == status
        assert post(talk, ARK, {"content": content}).status_code == 200


@pytest.mark.parametrize("where", BOTH, ids=lambda where: where[0])
def test_a_body_that_is_too_large_or_no_json(talk, where):
    url, headers = f"{talk.sandbox.url}{where[1]}", {"Authorization": "Bearer key"}
    assert httpx.post(url, content=b" " * 64_000_001, headers=headers, timeout=300).status_code == 413
    assert httpx.post(url, content=b'{"model": ', headers=headers).status_code == 400
    large = "data:image/png;base64," + base64.b64encode(bytes(30_000_001)).decode()
    assert post(talk, where, {"content": [image(url=large)]}).status_code == 400
    assert talk.sandbox.account.submissions() == ()
