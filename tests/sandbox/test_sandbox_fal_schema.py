from __future__ import annotations

import base64
from typing import Any

import pytest

APP = "/bytedance/seedance-2.0"
IMAGE = "https://v3b.fal.media/files/b/0a8eba37/Cqg-4Uwzyz4DELfceT1CF_a17e588773ec45b1a9e6f100a787b80b.jpg"
PNG = "data:image/png;base64," + base64.b64encode(b"not really").decode()
OCTOPUS = (
    "An octopus finds a football in the ocean and excitedly calls its octopus friends to come and play. "
    "Cut scene to an octopus football game under the sea."
)
# The three "Input Example"s of fal's page, and its quick starts.
EXAMPLE = {
    "prompt": OCTOPUS,
    "resolution": "720p",
    "duration": "auto",
    "aspect_ratio": "auto",
    "generate_audio": True,
}


@pytest.mark.parametrize("tier", ["", "/fast"])
@pytest.mark.parametrize(
    ("task", "body"),
    [
        ("text-to-video", EXAMPLE),
        ("text-to-video", {"prompt": OCTOPUS}),
        ("text-to-video", {"prompt": OCTOPUS, "seed": 42, "end_user_id": "someone"}),
        *(("text-to-video", {"prompt": "x", "duration": str(seconds)}) for seconds in range(4, 16)),
        *(
            ("text-to-video", {"prompt": "x", "aspect_ratio": ratio})
            for ratio in ("auto", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
        ),
        ("text-to-video", {"prompt": "x", "resolution": "480p"}),
        ("image-to-video", {**EXAMPLE, "image_url": IMAGE}),
        ("image-to-video", {"prompt": OCTOPUS, "image_url": IMAGE}),
        ("image-to-video", {"prompt": OCTOPUS, "image_url": PNG, "end_image_url": IMAGE}),
        ("reference-to-video", {**EXAMPLE, "image_urls": [IMAGE]}),
        ("reference-to-video", {"prompt": OCTOPUS}),
        (
            "reference-to-video",
            {"prompt": "x", "image_urls": [IMAGE] * 9, "video_urls": [IMAGE] * 3, "audio_urls": []},
        ),
        (
            "reference-to-video",
            {"prompt": "x", "image_urls": [IMAGE] * 6, "video_urls": [IMAGE] * 3, "audio_urls": [IMAGE] * 3},
        ),
        ("reference-to-video", {"prompt": "x", "video_urls": [IMAGE], "audio_urls": [IMAGE]}),
    ],
)
def test_accepted(talk, tier, task, body):
    answer = talk.client.post(f"{APP}{tier}/{task}", json=body)
    assert answer.status_code == 200, answer.text
    assert [job.body for job in talk.sandbox.account.billed()] == [body]


REFUSED: list[tuple[str, Any, list[Any], str]] = [
    ("text-to-video", {}, ["body", "prompt"], "missing"),
    ("text-to-video", {"prompt": 7}, ["body", "prompt"], "string_type"),
    ("text-to-video", {"prompt": None}, ["body", "prompt"], "string_type"),
    ("text-to-video", {"prompt": "x", "duration": 5}, ["body", "duration"], "literal_error"),
    ("text-to-video", {"prompt": "x", "duration": "3"}, ["body", "duration"], "literal_error"),
    ("text-to-video", {"prompt": "x", "duration": "16"}, ["body", "duration"], "literal_error"),
    ("text-to-video", {"prompt": "x", "duration": "5s"}, ["body", "duration"], "literal_error"),
    ("text-to-video", {"prompt": "x", "resolution": "1080p"}, ["body", "resolution"], "literal_error"),
    ("text-to-video", {"prompt": "x", "aspect_ratio": "9:21"}, ["body", "aspect_ratio"], "literal_error"),
    ("text-to-video", {"prompt": "x", "aspect_ratio": "adaptive"}, ["body", "aspect_ratio"], "literal_error"),
    ("text-to-video", {"prompt": "x", "generate_audio": "true"}, ["body", "generate_audio"], "bool_type"),
    ("text-to-video", {"prompt": "x", "generate_audio": 1}, ["body", "generate_audio"], "bool_type"),
    ("text-to-video", {"prompt": "x", "seed": "42"}, ["body", "seed"], "int_type"),
    ("text-to-video", {"prompt": "x", "seed": 4.2}, ["body", "seed"], "int_type"),
    ("text-to-video", {"prompt": "x", "seed": True}, ["body", "seed"], "int_type"),
    ("text-to-video", {"prompt": "x", "seed": None}, ["body", "seed"], "int_type"),
    ("text-to-video", {"prompt": "x", "end_user_id": 1}, ["body", "end_user_id"], "string_type"),
    ("text-to-video", {"prompt": "x", "ratio": "16:9"}, ["body", "ratio"], "extra_forbidden"),
    ("text-to-video", {"prompt": "x", "watermark": False}, ["body", "watermark"], "extra_forbidden"),
    ("text-to-video", {"prompt": "x", "image_url": IMAGE}, ["body", "image_url"], "extra_forbidden"),
    ("text-to-video", {"prompt": "[sandbox: flood]"}, ["body", "prompt"], "unknown_sandbox_fault"),
    ("text-to-video", {"prompt": "[sandbox: cut twice]"}, ["body", "prompt"], "unknown_sandbox_fault"),
    ("text-to-video", ["x"], ["body"], "model_type"),
    ("image-to-video", {"prompt": "x"}, ["body", "image_url"], "missing"),
    ("image-to-video", {"prompt": "x", "image_url": ""}, ["body", "image_url"], "url_parsing"),
    ("image-to-video", {"prompt": "x", "image_url": "cat.jpg"}, ["body", "image_url"], "url_parsing"),
    ("image-to-video", {"prompt": "x", "image_url": "file:///cat.jpg"}, ["body", "image_url"], "url_parsing"),
    ("image-to-video", {"prompt": "x", "image_url": "https://"}, ["body", "image_url"], "url_parsing"),
    ("image-to-video", {"prompt": "x", "image_url": "s3://b/cat.jpg"}, ["body", "image_url"], "url_parsing"),
    (
        "image-to-video",
        {"prompt": "x", "image_url": "data:image/gif;base64,AAAA"},
        ["body", "image_url"],
        "unsupported_image_format",
    ),
    (
        "image-to-video",
        {"prompt": "x", "image_url": "data:image/png;base64,%%%"},
        ["body", "image_url"],
        "file_download_error",
    ),
    (
        "image-to-video",
        {"prompt": "x", "image_url": PNG, "end_image_url": "there"},
        ["body", "end_image_url"],
        "url_parsing",
    ),
    (
        "image-to-video",
        {"prompt": "x", "image_url": IMAGE, "image_urls": []},
        ["body", "image_urls"],
        "extra_forbidden",
    ),
    ("reference-to-video", {"prompt": "x", "image_urls": IMAGE}, ["body", "image_urls"], "list_type"),
    ("reference-to-video", {"prompt": "x", "image_urls": [IMAGE] * 10}, ["body", "image_urls"], "too_long"),
    ("reference-to-video", {"prompt": "x", "video_urls": [IMAGE] * 4}, ["body", "video_urls"], "too_long"),
    (
        "reference-to-video",
        {"prompt": "x", "image_urls": [IMAGE], "audio_urls": [IMAGE] * 4},
        ["body", "audio_urls"],
        "too_long",
    ),
    (
        "reference-to-video",
        {"prompt": "x", "image_urls": [IMAGE] * 9, "video_urls": [IMAGE] * 3, "audio_urls": [IMAGE]},
        ["body"],
        "too_many_references",
    ),
    ("reference-to-video", {"prompt": "x", "audio_urls": [IMAGE]}, ["body"], "audio_without_reference"),
    (
        "reference-to-video",
        {"prompt": "x", "image_urls": [IMAGE, "no"]},
        ["body", "image_urls", 1],
        "url_parsing",
    ),
    ("reference-to-video", {"prompt": "x", "image_url": IMAGE}, ["body", "image_url"], "extra_forbidden"),
]


@pytest.mark.parametrize(("task", "body", "loc", "type"), REFUSED)
def test_refused(talk, task, body, loc, type):
    answer = talk.client.post(f"{APP}/fast/{task}", json=body)
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert (problem["loc"], problem["type"]) == (loc, type)
    assert problem["msg"]
    assert problem["url"] == f"https://docs.fal.ai/errors#{type}"
    assert "input" in problem
    assert talk.sandbox.account.submissions() == ()


def test_audio_of_more_than_15_megabytes_is_refused(talk):
    large = "data:audio/wav;base64," + base64.b64encode(bytes(15_000_001)).decode()
    body = {"prompt": "x", "image_urls": [PNG], "audio_urls": [large]}
    answer = talk.client.post(f"{APP}/reference-to-video", json=body)
    assert answer.status_code == 422
    assert [problem["type"] for problem in answer.json()["detail"]] == ["file_too_large"]


def test_every_problem_is_named_at_once(talk):
    answer = talk.client.post(f"{APP}/text-to-video", json={"duration": 5, "ratio": "1:1"})
    assert {problem["loc"][1] for problem in answer.json()["detail"]} == {"prompt", "duration", "ratio"}


def test_a_body_that_is_no_json(talk):
    answer = talk.client.post(f"{APP}/text-to-video", content=b"{prompt: x}")
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "json_invalid")


def test_late_validation_accepts_and_refuses_in_the_result(start):
    talk = start(late_validation=True)
    job = talk.accepted(ratio="16:9")
    talk.finish()
    status = talk.client.get(job["status_url"])
    assert (status.status_code, status.json()["status"]) == (200, "COMPLETED")
    result = talk.client.get(job["response_url"])
    assert result.status_code == 422
    assert result.headers["x-fal-retryable"] == "false"
    assert [problem["loc"] for problem in result.json()["detail"]] == [["body", "ratio"]]
    assert talk.sandbox.account.billed() == ()
