"""AnyFast's wire: its page's examples, and answer by answer what its pages and its clients have seen."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from pydantic import SecretStr
from wire_answers import FRAME, NGINX, PRIVACY, VIDEO, answer

from jobs.takes import Asked
from workers.providers import PROVIDERS, adapter
from workers.providers.anyfast import AnyFast
from workers.providers.errors import (
    AuthRefused,
    Cancelled,
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
from workers.providers.protocol import (
    Access,
    Adapter,
    Attempt,
    Ended,
    Gone,
    Job,
    Listing,
    Queued,
    Rendered,
    Request,
    Running,
)

KEY = "sk-0123456789abcdef0123456789abcdef0123456789abcdef"
ATTEMPT = Attempt("night/a/0001", 1, "5f" * 32)
ACCESS = Access("https://www.anyfast.ai", SecretStr(KEY))
URL = "https://www.anyfast.ai/v1/video/generations"
ID = "asyntask_01JX3Q9C5Y"
JOB = Job(ID)
STATUS = Request("GET", f"{URL}/{ID}")

anyfast: Adapter = AnyFast()


def documented(code: str, message: str = "No") -> dict[str, Any]:
    return {"error": {"message": message, "type": "anyfast_error", "code": code}}


def ark(code: str, message: str = "No") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "param": "", "type": "BadRequest"}}


def relayed(inner: object) -> dict[str, Any]:
    message = inner if isinstance(inner, str) else json.dumps(inner)
    return {"code": "fail_to_fetch_task", "message": message, "data": None}


def task(status: str | None, inner: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    data = {"task_id": ID, "action": "generate", "status": status, "fail_reason": "", "progress": "50%", **more}
    return {"code": "success", "message": "", "data": {**data, "data": inner}}


def failing(code: str, message: str = "No") -> dict[str, Any]:
    return {"id": "cgt-1", "status": "failed", "error": {"code": code, "message": message}}


# What is asked

PIANO = "A cat playing piano in a sunlit room, cinematic lighting"
EXTEND = "Extend the video with a smooth camera pan, festive atmosphere"
REPLACE = "Replace the water bottle in the video with the perfume bottle from the image, keep camera movement unchanged"
CHERRY = "Macro shot of cherry blossoms in spring, petals falling slowly"

# The four requests of the page, as they stand there.
PAGE: list[tuple[str, dict[str, Any], str]] = [
    (
        "text-to-video",
        {"prompt": PIANO, "generate_audio": True, "aspect_ratio": "16:9", "duration": 8},
        """{
            "model": "seedance-fast",
            "content": [
              {
                "type": "text",
                "text": "A cat playing piano in a sunlit room, cinematic lighting"
              }
            ],
            "generate_audio": true,
            "ratio": "16:9",
            "duration": 8
          }""",
    ),
    (
        "multimodal reference",
        {
            "prompt": EXTEND,
            "reference_images": ("https://example.com/character.jpg",),
            "reference_videos": ("https://example.com/clip.mp4",),
            "reference_audio": ("https://example.com/bgm.mp3",),
            "generate_audio": True,
            "aspect_ratio": "16:9",
            "duration": 11,
        },
        """{
            "model": "seedance-fast",
            "content": [
              {
                "type": "text",
                "text": "Extend the video with a smooth camera pan, festive atmosphere"
              },
              {
                "type": "image_url",
                "image_url": {"url": "https://example.com/character.jpg"},
                "role": "reference_image"
              },
              {
                "type": "video_url",
                "video_url": {"url": "https://example.com/clip.mp4"},
                "role": "reference_video"
              },
              {
                "type": "audio_url",
                "audio_url": {"url": "https://example.com/bgm.mp3"},
                "role": "reference_audio"
              }
            ],
            "generate_audio": true,
            "ratio": "16:9",
            "duration": 11
          }""",
    ),
    (
        "video editing",
        {
            "prompt": REPLACE,
            "reference_images": ("https://example.com/perfume.jpg",),
            "reference_videos": ("https://example.com/original.mp4",),
            "generate_audio": True,
            "aspect_ratio": "16:9",
            "duration": 5,
        },
        """{
            "model": "seedance-fast",
            "content": [
              {
                "type": "text",
                "text": "Replace the water bottle in the video with the perfume bottle from the image, """
        """keep camera movement unchanged"
              },
              {
                "type": "image_url",
                "image_url": {"url": "https://example.com/perfume.jpg"},
                "role": "reference_image"
              },
              {
                "type": "video_url",
                "video_url": {"url": "https://example.com/original.mp4"},
                "role": "reference_video"
              }
            ],
            "generate_audio": true,
            "ratio": "16:9",
            "duration": 5
          }""",
    ),
    (
        "web search",
        {"prompt": CHERRY, "generate_audio": True, "aspect_ratio": "16:9", "duration": 11, "web_search": True},
        """{
            "model": "seedance-fast",
            "content": [
              {
                "type": "text",
                "text": "Macro shot of cherry blossoms in spring, petals falling slowly"
              }
            ],
            "generate_audio": true,
            "ratio": "16:9",
            "duration": 11,
            "tools": [{"type": "web_search"}]
          }""",
    ),
]


@pytest.mark.parametrize("asked, body", [case[1:] for case in PAGE], ids=[case[0] for case in PAGE])
def test_the_examples_of_anyfasts_page(asked, body):
    request = anyfast.submission(Asked(model="seedance-2.0-fast", **asked), ACCESS, ATTEMPT)
    assert (request.method, request.url) == ("POST", URL)
    assert request.json == json.loads(body)
    assert request.headers == {
        "Accept": "application/json",
        "Authorization": f"Bearer {KEY}",
        "Content-Type": "application/json",
    }


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def image(url: str, role: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, "role": role}


A, B = "https://a.example/1.png", "https://a.example/2.png"
DOG = [text("a dog")]


@pytest.mark.parametrize(
    "asked, body",
    [
        ({}, {"content": DOG}),
        ({"duration": "auto", "aspect_ratio": "auto"}, {"content": DOG, "duration": -1, "ratio": "adaptive"}),
        ({"aspect_ratio": "adaptive"}, {"content": DOG, "ratio": "adaptive"}),
        (
            {"duration": 4, "resolution": "480p", "seed": 0},
            {"content": DOG, "duration": 4, "resolution": "480p", "seed": 0},
        ),
        ({"generate_audio": False, "watermark": True}, {"content": DOG, "generate_audio": False, "watermark": True}),
        ({"watermark": False}, {"content": DOG, "watermark": False}),
        ({"return_last_frame": True}, {"content": DOG, "return_last_frame": True}),
        ({"return_last_frame": False, "web_search": False}, {"content": DOG, "return_last_frame": False}),
        ({"camera_fixed": False}, {"content": DOG}),
        ({"start_image": A}, {"content": [*DOG, image(A, "first_frame")]}),
        (
            {"start_image": A, "end_image": B},
            {"content": [*DOG, image(A, "first_frame"), image(B, "last_frame")]},
        ),
        ({"start_image": A, "prompt": " "}, {"content": [image(A, "first_frame")]}),
        (
            {"reference_images": (A, "asset://x-1")},
            {"content": [*DOG, image(A, "reference_image"), image("asset://x-1", "reference_image")]},
        ),
        (
            {"reference_videos": (A, B)},
            {
                "content": [
                    *DOG,
                    {"type": "video_url", "video_url": {"url": A}, "role": "reference_video"},
                    {"type": "video_url", "video_url": {"url": B}, "role": "reference_video"},
                ]
            },
        ),
        (
            {"provider_options": {"priority": 3, "safety_identifier": "me"}},
            {"content": DOG, "priority": 3, "safety_identifier": "me"},
        ),
    ],
)
def test_a_request_holds_what_was_asked_and_nothing_else(asked, body):
    request = anyfast.submission(Asked(**{"model": "seedance-2.0", "prompt": "a dog", **asked}), ACCESS, ATTEMPT)
    assert request.json == {"model": "seedance-2.0", **body}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"model": "seedance-9"}, "no model 'seedance-9'; it has seedance-2.0 and seedance-2.0-fast"),
    ({"camera_fixed": True}, "can't fix the camera; leave camera_fixed out"),
    ({"end_image": B}, "end_image only together with a start_image"),
    ({"start_image": A, "reference_images": (B,)}, "not both"),
    ({"start_image": A, "reference_videos": (B,)}, "not both"),
    ({"end_image": A, "reference_audio": (B,)}, "not both"),
    ({"web_search": True, "start_image": A}, "text-to-video only"),
    ({"web_search": True, "start_image": A, "prompt": ""}, "text-to-video only"),
    ({"web_search": True, "reference_images": (A,)}, "text-to-video only"),
    ({"prompt": "  "}, "needs a prompt"),
    ({"provider_options": {"ratio": "1:1"}}, "'ratio', which is set by aspect_ratio; set that"),
    ({"provider_options": {"model": "seedance-2.0-ultra"}}, "'model', which is set by model"),
    ({"provider_options": {"content": []}}, "'content', which is set by prompt"),
    ({"provider_options": {"tools": []}}, "'tools', which is set by web_search"),
    ({"provider_options": {"camera_fixed": True}}, "'camera_fixed'"),
]


@pytest.mark.parametrize("provider", ["anyfast", "ark"])
@pytest.mark.parametrize("asked, said", REFUSED)
def test_what_can_not_be_said_is_not_left_out_silently(provider, asked, said):
    access = Access("https://ark.ap-southeast.bytepluses.com/api/v3", SecretStr(KEY))
    with pytest.raises(Invalid, match=said) as caught:
        adapter(provider).submission(Asked(**{"model": "seedance-2.0", "prompt": "a dog", **asked}), access, ATTEMPT)
    assert str(caught.value).startswith(provider)


# What the submission is answered


def test_an_accepted_submission_names_its_task():
    queued = {
        "id": ID,
        "task_id": ID,
        "object": "video",
        "model": "seedance-fast",
        "status": "queued",
        "progress": 0,
        "created_at": 1_700_000_000,
    }
    assert anyfast.accepted(answer(200, queued)) == JOB
    assert anyfast.accepted(answer(201, {"id": ID, "task_id": ""})) == JOB
    assert anyfast.status(Job("a/b"), ACCESS).url == f"{URL}/a%2Fb"


CONSTRAINT = "InvalidParameter.TaskTypeConstraint: The parameter ratio specified in the request is not valid."


@pytest.mark.parametrize(
    "response, kind, said",
    [
        # As its introduction has them
        (answer(400, documented("invalid_request", "bad")), Invalid, "refused the request: invalid_request: bad"),
        (answer(401, documented("invalid_api_key")), AuthRefused, "check ANYFAST_API_KEY"),
        (answer(429, documented("rate_limit_exceeded")), RateLimited, "too much to do"),
        (answer(500, documented("internal_error")), InDoubt, "HTTP 500"),
        # The gateway's own
        (answer(403, {"code": "insufficient_user_quota", "message": "no", "data": None}), QuotaExhausted, "paid first"),
        (answer(403, {"code": "upstream_load_saturated", "message": "no", "data": None}), RateLimited, "too much"),
        (answer(403, documented("insufficient_user_quota")), QuotaExhausted, "paid first"),
        (answer(403, documented("something_else")), AuthRefused, "something_else"),
        (answer(403, NGINX), AuthRefused, "refused the key"),
        (answer(402), QuotaExhausted, "paid first"),
        # Ark's, as JSON in a string, however often it was wrapped
        (answer(400, relayed(ark(PRIVACY))), InputRefused, f"{PRIVACY}: No"),
        (answer(403, relayed(ark(PRIVACY))), InputRefused, PRIVACY),
        (answer(451, relayed(ark("InvalidParameter", "role must be specified"))), Invalid, "role must be specified"),
        (answer(400, relayed(ark("InputTextSensitiveContentDetected"))), InputRefused, "Detected: No"),
        (answer(400, relayed(ark("OutputVideoSensitiveContentDetected"))), OutputRefused, "Detected: No"),
        (answer(404, relayed(ark("ModelNotOpen"))), AuthRefused, "ModelNotOpen"),
        (answer(429, relayed(ark("ServerOverloaded"))), RateLimited, "ServerOverloaded"),
        (answer(403, relayed(ark("AccountOverdueError"))), QuotaExhausted, "AccountOverdueError"),
        (
            answer(403, relayed(json.dumps({"code": "upstream_load_saturated", "message": "x"}))),
            RateLimited,
            "too much",
        ),
        (answer(403, {"error": relayed({"code": "insufficient_user_quota", "message": "5.2"})}), QuotaExhausted, "5.2"),
        (
            answer(400, {"error": {"code": "upstream_error", "message": json.dumps(relayed(CONSTRAINT))}}),
            Invalid,
            "TaskType",
        ),
        (answer(400, relayed(relayed(relayed(ark(PRIVACY))))), InputRefused, PRIVACY),
        (answer(400, relayed("the input image 'content[1]' may contain real person")), InputRefused, "real person"),
        (answer(400, relayed("whatever")), Invalid, "whatever"),
        (answer(403, relayed("whatever")), Unknown, "HTTP 403: fail_to_fetch_task: whatever"),
        # A refusal in so many words leaves no doubt, whatever the status
        (answer(500, relayed(ark("InputTextSensitiveContentDetected"))), InputRefused, "Detected"),
        (answer(200, relayed(ark("InvalidParameter"))), Invalid, "InvalidParameter"),
        # What may have been accepted all the same
        (answer(500, relayed(ark("InternalServiceError"))), InDoubt, "HTTP 500"),
        (answer(503, relayed(ark("ServerOverloaded"))), InDoubt, "HTTP 503"),
        (answer(502, {"message": "InvalidParameter was seen somewhere"}), InDoubt, "HTTP 502"),
        (answer(502, NGINX), InDoubt, "HTTP 502"),
        (answer(524, NGINX), InDoubt, "HTTP 524"),
        (answer(408), InDoubt, "HTTP 408"),
        (answer(200, relayed("whatever")), InDoubt, "without naming a task"),
        (answer(200, {"status": "queued"}), InDoubt, "without naming a task"),
        (answer(200, {"id": 7, "task_id": None}), InDoubt, "without naming a task"),
        (answer(200, b'{"id": "asyn'), InDoubt, "without naming a task"),
        (answer(200, []), InDoubt, "without naming a task"),
        (answer(204), InDoubt, "without naming a task"),
        # The rest
        (answer(413, NGINX), Invalid, "refused"),
        (answer(409), Unknown, "HTTP 409"),
        (answer(302, location="https://elsewhere/"), Unknown, "HTTP 302"),
    ],
)
def test_a_submission_that_was_not_accepted(response, kind, said):
    with pytest.raises(ProviderError) as caught:
        anyfast.accepted(response)
    assert type(caught.value) is kind
    assert said in str(caught.value)
    assert caught.value.status == response.status


def test_an_error_that_is_wrapped_without_end_is_read_to_some_depth():
    body: object = ark("InvalidParameter")
    for _ in range(12):
        body = relayed(body)
    with pytest.raises(Invalid):
        anyfast.accepted(answer(400, body))


def test_retry_after_is_kept():
    with pytest.raises(RateLimited) as caught:
        anyfast.accepted(answer(429, documented("rate_limit_exceeded"), retry_after="7"))
    assert caught.value.retry_after == 7.0


# What the query is answered

SUCCEEDED = {
    "id": "cgt-20260514183217-t8rzv",
    "model": "doubao-seedance-2-0-fast-260128",
    "status": "succeeded",
    "content": {"video_url": VIDEO, "last_frame_url": FRAME},
    "usage": {"completion_tokens": 108900, "total_tokens": 108900},
    "seed": 1276,
}


@pytest.mark.parametrize(
    "body, verdict",
    [
        (task("NOT_START"), Queued()),
        (task("QUEUED"), Queued()),
        (task("SUBMITTED"), Queued()),
        (task("IN_PROGRESS", {"status": "running"}), Running()),
        (task("queued"), Queued()),
        (task("in_progress"), Running()),
        (task("Running"), Running()),
        # The outer word counts
        (task("IN_PROGRESS", SUCCEEDED), Running()),
        (task("QUEUED", {"status": "running"}), Queued()),
        # Ark's where the gateway has none, or none that is known
        (task(None, {"status": "queued"}), Queued()),
        (task("", {"status": "RUNNING"}), Running()),
        (task("UNKNOWN", {"status": "running"}), Running()),
    ],
)
def test_a_task_that_is_not_over(body, verdict):
    assert anyfast.verdict(JOB, STATUS, answer(200, body), ACCESS) == verdict


OTHER = "https://other.example/video.mp4"
PLAIN = {"status": "succeeded", "content": {"video_url": VIDEO}}


@pytest.mark.parametrize(
    "body, video, frame, seed",
    [
        (task("SUCCESS", SUCCEEDED, result_url=OTHER, fail_reason=OTHER), OTHER, FRAME, 1276),
        (task("SUCCESS", None, result_url=OTHER), OTHER, None, None),
        (task("SUCCESS", SUCCEEDED, fail_reason=OTHER), VIDEO, FRAME, 1276),
        (task("SUCCESS", None, fail_reason=OTHER), OTHER, None, None),
        (task("success", PLAIN), VIDEO, None, None),
        (task("succeeded", PLAIN), VIDEO, None, None),
        (task(None, PLAIN), VIDEO, None, None),
        (
            task("SUCCESS", {**PLAIN, "seed": "7", "content": {"video_url": VIDEO, "last_frame_url": ""}}),
            VIDEO,
            None,
            None,
        ),
    ],
)
def test_a_finished_video(body, video, frame, seed):
    verdict = anyfast.verdict(JOB, STATUS, answer(200, body), ACCESS)
    assert verdict == Rendered(video, last_frame_url=frame, seed=seed, answer=body)


@pytest.mark.parametrize(
    "body, kind, said",
    [
        (task("FAILURE", fail_reason="OutputVideoSensitiveContentDetected: No"), OutputRefused, "Detected: No"),
        (
            task("FAILURE", fail_reason="task failed, OutputVideoSensitiveContentDetected.PolicyViolation"),
            OutputRefused,
            "",
        ),
        (task("FAILURE", fail_reason=json.dumps(ark("OutputAudioSensitiveContentDetected"))), OutputRefused, "Audio"),
        (task("FAILURE", fail_reason=json.dumps(relayed(ark(PRIVACY)))), InputRefused, PRIVACY),
        # The gateway keeps Ark's message alone
        (
            task(
                "FAILURE", fail_reason="The request failed because the output video may contain sensitive information."
            ),
            OutputRefused,
            "the output video",
        ),
        (
            task("FAILURE", fail_reason="The request failed because the output audio may be related to copyright."),
            OutputRefused,
            "copyright",
        ),
        (
            task("FAILURE", fail_reason="The request failed because the input text may contain sensitive information."),
            InputRefused,
            "the input text",
        ),
        # Ark's code within says more than the gateway's reason
        (task("FAILURE", failing("OutputVideoSensitiveContentDetected"), fail_reason="task failed"), OutputRefused, ""),
        (task("FAILURE", failing("InputImageSensitiveContentDetected"), fail_reason="x"), InputRefused, "Detected: No"),
        (task("FAILURE", failing("InvalidParameter.TaskTypeConstraint"), fail_reason="x"), Invalid, "TaskType"),
        (task("FAILURE", failing("InternalServiceError"), fail_reason="x"), Transient, "InternalServiceError"),
        (task("FAILURE", failing("ServerOverloaded"), fail_reason="x"), Transient, "ServerOverloaded"),
        (task("FAILURE", fail_reason="mock moderation failure"), Transient, "mock moderation failure"),
        (task("FAILURE"), Transient, ID),
        (task("FAILED"), Transient, ID),
        (task("failure", SUCCEEDED), Transient, ID),
        (task(None, failing("OutputVideoSensitiveContentDetected")), OutputRefused, "Detected"),
        (task("EXPIRED"), Transient, "in time"),
        (task(None, {"status": "expired"}), Transient, "in time"),
        (task("CANCELLED"), Cancelled, "was cancelled at AnyFast"),
        (task(None, {"status": "cancelled"}), Cancelled, "was cancelled"),
        (task("FAILURE", {"status": "cancelled"}), Cancelled, "was cancelled"),
        (task("FAILURE", {"status": "CANCELLED"}, fail_reason="task failed"), Cancelled, "was cancelled"),
        (task("SUCCESS"), Expired, "24 hours"),
        (task("SUCCESS", {"status": "succeeded", "content": None}), Expired, "24 hours"),
        (task("SUCCESS", fail_reason="odd"), Expired, "24 hours"),
    ],
)
def test_a_task_that_ended_without_a_video(body, kind, said):
    verdict = anyfast.verdict(JOB, STATUS, answer(200, body), ACCESS)
    assert isinstance(verdict, Ended)
    assert type(verdict.error) is kind
    assert said in str(verdict.error)
    assert ID in str(verdict.error)
    assert verdict.error.body is not None and '"task_id"' in verdict.error.body


@pytest.mark.parametrize(
    "response",
    [
        answer(404, documented("task_not_found")),
        answer(404, NGINX),
        answer(400, {"code": "task_not_exist", "message": "task_not_exist", "data": None}),
    ],
)
def test_a_task_that_anyfast_does_not_know(response):
    verdict = anyfast.verdict(JOB, STATUS, response, ACCESS)
    assert isinstance(verdict, Gone)
    assert ID in str(verdict.error)


@pytest.mark.parametrize(
    "response, kind",
    [
        (answer(429, documented("x"), retry_after="9"), RateLimited),
        (answer(401, documented("invalid_api_key")), AuthRefused),
        (answer(403, documented("x")), AuthRefused),
        (answer(403, {"code": "insufficient_user_quota", "message": "no"}), QuotaExhausted),
        (answer(403, {"code": "upstream_load_saturated", "message": "no"}), RateLimited),
        (answer(403, relayed("x")), Unknown),
        (answer(500, documented("internal_error")), Transient),
        (answer(502, NGINX), Transient),
        (answer(408), Transient),
        (answer(400, relayed(ark("InvalidParameter"))), Unknown),
        (answer(200, relayed(ark("InternalServiceError"))), Unknown),
        (answer(200, task("PAUSED")), Unknown),
        (answer(200, task(None)), Unknown),
        (answer(200, {"code": "success", "data": []}), Unknown),
        (answer(200, NGINX), Unknown),
        (answer(200, b""), Unknown),
        (answer(202, task("SUCCESS", SUCCEEDED)), Unknown),
        (answer(302, location="/"), Unknown),
    ],
)
def test_what_says_nothing_about_the_task_leaves_it_alive(response, kind):
    with pytest.raises(ProviderError) as caught:
        anyfast.verdict(JOB, STATUS, response, ACCESS)
    assert type(caught.value) is kind
    assert caught.value.retry_after == (9.0 if response.status == 429 else None)


# What is said of it


def test_an_echoed_key_is_in_no_error():
    echo = relayed({"error": {"code": "AuthenticationError", "message": f"Bad header Authorization: Bearer {KEY}"}})
    for ask in (
        lambda: anyfast.accepted(answer(401, echo)),
        lambda: anyfast.verdict(JOB, STATUS, answer(401, echo), ACCESS),
        lambda: anyfast.verdict(JOB, STATUS, answer(200, f"<p>{KEY}".encode() * 1000), ACCESS),
    ):
        with pytest.raises(ProviderError) as caught:
            ask()
        error = caught.value
        assert KEY not in f"{error}{error!r}{error.body}{''.join(traceback.format_exception(error))}"
    assert KEY not in repr(anyfast.submission(Asked(model="seedance-2.0", prompt="a"), ACCESS, ATTEMPT))


def test_what_is_in_doubt_with_anyfast_is_held_and_its_creates_are_given_minutes():
    assert "anyfast" in PROVIDERS
    assert isinstance(adapter("anyfast"), AnyFast)
    assert (anyfast.settling, anyfast.submit_timeout) == ("held", 300.0)
    assert not isinstance(anyfast, Listing)
