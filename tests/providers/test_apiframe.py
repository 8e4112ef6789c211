"""Apiframe's wire: its page's example, and answer by answer what its OpenAPI document has.

`apiframe_openapi_excerpt.json` holds the schemas of that document, unchanged, that requests and answers are held
against here.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import SecretStr
from wire_answers import answer

from jobs.takes import Asked
from workers.providers import adapter
from workers.providers.apiframe import LONGEST_KEY, Apiframe
from workers.providers.errors import (
    AuthRefused,
    Cancelled,
    Expired,
    InDoubt,
    InputRefused,
    Invalid,
    KeyTaken,
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
    Queued,
    Rendered,
    Request,
    Running,
)

KEY = "afk_0123456789abcdef"
ACCESS = Access("https://api.apiframe.ai", SecretStr(KEY))
ATTEMPT = Attempt("night/opening/0007-wheat-seed3", 2, "5f" * 32)
ID = "7b6d0a8e-5a38-4f0e-8f5e-0c4a1d1f2b3c"
JOB = Job(ID)
STATUS = Request("GET", f"https://api.apiframe.ai/v2/jobs/{ID}")
VIDEO = "https://cdn2.apiframe.ai/videos/7b6d0a8e.mp4"
NGINX = b"<html><head><title>502 Bad Gateway</title></head></html>"
EXCERPT = json.loads((Path(__file__).parent / "apiframe_openapi_excerpt.json").read_text())

apiframe: Adapter = Apiframe()
formats = FormatChecker()


@formats.checks("uri")
def is_uri(text: object) -> bool:
    return not isinstance(text, str) or re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", text) is not None


def fits(name: str, value: Any) -> None:
    schema = {**EXCERPT["schemas"][name], "components": EXCERPT}
    problems = [error.message for error in Draft202012Validator(schema, format_checker=formats).iter_errors(value)]
    assert problems == []


def record(status: str, **more: Any) -> dict[str, Any]:
    """A job as the OpenAPI document has it."""
    job = {
        "id": ID,
        "status": status,
        "model": "seedance-2-fast",
        "progress": None,
        "result": None,
        "error": None,
        "creditCost": 8,
        "webhookStatus": None,
        "createdAt": "2026-11-21T06:00:00.000Z",
        "completedAt": None,
        "expired": False,
        "input": None,
        **more,
    }
    fits("Job", job)
    return job


# What is asked

FLOWER = "A timelapse of a flower blooming in a garden, close up macro shot"
PAGE = {
    "prompt": FLOWER,
    "model": "seedance-2-fast",
    "seedanceParams": {"duration": 4, "resolution": "720p", "generate_audio": False},
}


def test_the_example_of_apiframes_page():
    asked = Asked(model="seedance-2.0-fast", prompt=FLOWER, duration=4, resolution="720p", generate_audio=False)
    request = apiframe.submission(asked, ACCESS, ATTEMPT)
    assert (request.method, request.url) == ("POST", "https://api.apiframe.ai/v2/videos/generate")
    assert request.json == PAGE
    assert request.headers == {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Idempotency-Key": "5f" * 32,
        "X-API-Key": KEY,
    }
    assert len(request.headers["Idempotency-Key"]) <= EXCERPT["parameters"]["IdempotencyKey"]["schema"]["maxLength"]


A, B, ASSET = "https://a/1.png", "https://a/2.png", "asset://asset-1"


@pytest.mark.parametrize("model", ["seedance-2.0", "seedance-2.0-fast"])
@pytest.mark.parametrize(
    ("asked", "params"),
    [
        ({}, None),
        ({"duration": 15, "resolution": "480p", "aspect_ratio": "21:9", "seed": 0}, {}),
        ({"aspect_ratio": "auto"}, {"aspect_ratio": "adaptive"}),
        ({"generate_audio": False, "camera_fixed": True}, {}),
        ({"web_search": True, "return_last_frame": True}, {}),
        ({"web_search": False, "return_last_frame": False}, {}),
        ({"start_image": A}, {}),
        ({"start_image": ASSET, "end_image": B}, {}),
        (
            {"reference_images": (A, ASSET), "reference_videos": ("https://a/1.mp4",), "reference_audio": (ASSET,)},
            {
                "reference_image_urls": [A, ASSET],
                "reference_video_urls": ["https://a/1.mp4"],
                "reference_audio_urls": [ASSET],
            },
        ),
    ],
)
def test_a_request_holds_what_was_asked_and_fits_the_openapi_document(model, asked, params):
    body = apiframe.submission(Asked(model=model, prompt="a dog", **asked), ACCESS, ATTEMPT).json
    fits("GenerateVideoRequest", body)
    named = {"seedance-2.0": "seedance-2", "seedance-2.0-fast": "seedance-2-fast"}[model]
    expected = {} if params is None else {"seedanceParams": params or asked}
    assert body == {"model": named, "prompt": "a dog", **expected}


def test_the_openapi_document_refuses_what_it_should():
    for unfit in ({**PAGE, "seed": 1}, {**PAGE, "seedanceParams": {"duration": "4"}}, {**PAGE, "prompt": ""}):
        with pytest.raises(AssertionError):
            fits("GenerateVideoRequest", unfit)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"model": "seedance-9"}, "no model 'seedance-9'; it has seedance-2.0 and seedance-2.0-fast"),
        ({"duration": "auto"}, "a duration in seconds, not 'auto'"),
        ({"watermark": False}, "has no watermark"),
        ({"start_image": "data:image/png;base64,AAAA"}, "not 'data:image/png;base64,AAAA'"),
        ({"reference_audio": ("input:0123.mp3",)}, r"http\(s\) URLs and asset:// ids, not 'input:0123.mp3'"),
        ({"provider_options": {"aspect_ratio": "1:1"}}, "provider_options.aspect_ratio is aspect_ratio in a manifest"),
        ({"provider_options": {"reference_image_urls": [A]}}, "is reference_images in a manifest"),
        ({"provider_options": {"webhookUrl": "https://a"}}, "provider_options.webhookUrl: .* documents no field"),
    ],
)
def test_what_apiframe_has_no_words_for_is_not_left_out_silently(asked, said):
    with pytest.raises(Invalid, match=said):
        apiframe.submission(Asked(**{"model": "seedance-2.0", "prompt": "a dog", **asked}), ACCESS, ATTEMPT)


@pytest.mark.parametrize("key", ["", "k" * (LONGEST_KEY + 1)])
def test_no_request_goes_out_without_a_key_that_counts(key):
    with pytest.raises(ValueError, match="1 to 255 characters"):
        apiframe.submission(Asked(model="seedance-2.0", prompt="a"), ACCESS, Attempt("b/t", 1, key))


def test_the_same_attempt_is_the_same_request():
    asked = Asked(model="seedance-2.0", prompt="a dog", seed=3)
    first, second = (apiframe.submission(asked, ACCESS, ATTEMPT) for _ in range(2))
    assert (first.headers, first.json) == (second.headers, second.json)


# What the submission is answered


@pytest.mark.parametrize("status", ["QUEUED", "PROCESSING", "COMPLETED", "FAILED"])
@pytest.mark.parametrize("code", [202, 200])
def test_an_accepted_submission_names_its_job_whatever_became_of_it_meanwhile(code, status):
    body = {"jobId": ID, "status": status}
    fits("JobAccepted", body)
    assert apiframe.accepted(answer(code, body)) == JOB


SHORT = {"error": "Insufficient credits", "creditsRequired": 60, "creditsAvailable": 12}
DETAILS = {"error": "Validation failed", "details": {"seedanceParams.duration": ["Number must be at least 4"]}}


@pytest.mark.parametrize(
    ("response", "kind", "said"),
    [
        (answer(400, DETAILS), Invalid, "Validation failed; seedanceParams.duration: Number must be at least 4"),
        (answer(400, {"error": "Prompt was blocked by policy"}), InputRefused, "blocked by policy"),
        (answer(400, {"error": "copyright"}), OutputRefused, "copyright"),
        (answer(400, {**DETAILS, "error": "policy"}), Invalid, "duration"),
        (answer(400, NGINX), Invalid, "refused the request"),
        (answer(413, {"error": "too large"}), Invalid, "too large"),
        (answer(401, {"error": "Invalid API key"}), AuthRefused, "check APIFRAME_API_KEY: Invalid API key"),
        (answer(403, {"error": "API key is inactive"}), AuthRefused, "inactive"),
        (answer(402, SHORT), QuotaExhausted, "60 credits are required, 12 available"),
        (answer(402), QuotaExhausted, "out of credits"),
        (answer(429, {"error": "Rate limit exceeded"}), RateLimited, "Rate limit"),
        # That the key is known already is no refusal: it says that a job was made.
        (answer(409, {"error": "Key reused"}), KeyTaken, "a job was made of it: Key reused"),
        (answer(503, {"error": "queue outage"}), InDoubt, "HTTP 503"),
        (answer(500, {"error": "x"}), InDoubt, "may have accepted"),
        (answer(502, NGINX), InDoubt, "HTTP 502"),
        (answer(408), InDoubt, "HTTP 408"),
        (answer(202, b'{"jobId": "7b'), InDoubt, "without naming a job"),
        (answer(202, {"status": "QUEUED"}), InDoubt, "without naming a job"),
        (answer(202, {"jobId": ""}), InDoubt, "without naming a job"),
        (answer(202, {"jobId": 7}), InDoubt, "without naming a job"),
        (answer(200, []), InDoubt, "without naming a job"),
        (answer(204), InDoubt, "without naming a job"),
        (answer(404, {"error": "Not found"}), Unknown, "HTTP 404: Not found"),
        (answer(302), Unknown, "HTTP 302"),
    ],
)
def test_every_answer_to_a_submission_has_its_class(response, kind, said):
    with pytest.raises(ProviderError, match=said) as caught:
        apiframe.accepted(response)
    assert type(caught.value) is kind
    assert caught.value.status == response.status
    assert caught.value.body == response.body.decode()


def test_the_documented_errors_are_those_of_the_document():
    fits("ValidationError", DETAILS)
    fits("InsufficientCredits", SHORT)


def test_retry_after_is_kept():
    with pytest.raises(RateLimited) as caught:
        apiframe.accepted(answer(429, {"error": "x"}, retry_after="30"))
    assert caught.value.retry_after == 30.0


# What the job is said to be


def test_the_status_is_asked_for_at_the_base():
    request = apiframe.status(Job("a/../b"), Access("http://127.0.0.1:8080/x", SecretStr(KEY)))
    assert (request.method, request.url) == ("GET", "http://127.0.0.1:8080/x/v2/jobs/a%2F..%2Fb")
    assert request.headers == {"Accept": "application/json", "X-API-Key": KEY}


@pytest.mark.parametrize(
    ("job", "verdict"),
    [
        (record("QUEUED"), Queued()),
        (record("PROCESSING", progress=40), Running()),
    ],
)
def test_a_job_under_way(job, verdict):
    assert apiframe.verdict(JOB, STATUS, answer(200, job), ACCESS) == verdict


FRAME = "https://cdn2.apiframe.ai/frames/7b6d0a8e.png"


@pytest.mark.parametrize(
    ("result", "frame", "seed"),
    [
        ({"videoUrl": VIDEO}, None, None),
        ({"videos": [VIDEO, "https://other"]}, None, None),
        ({"videos": [{"url": VIDEO}]}, None, None),
        ({"videos": [{"videoUrl": VIDEO}]}, None, None),
        ({"videoUrl": VIDEO, "videos": []}, None, None),
        ({"videoUrl": VIDEO, "lastFrameUrl": FRAME}, FRAME, None),
        ({"videoUrl": VIDEO, "last_frame_url": FRAME, "seed": 42}, FRAME, 42),
        ({"videoUrl": VIDEO, "lastFrame": {"url": FRAME}}, FRAME, None),
        ({"videoUrl": VIDEO, "last_frame": True, "seed": "42"}, None, None),
    ],
)
def test_a_finished_job(result, frame, seed):
    job = record("COMPLETED", progress=100, result=result, completedAt="2026-11-21T06:02:00.000Z")
    verdict = apiframe.verdict(JOB, STATUS, answer(200, job), ACCESS)
    assert verdict == Rendered(VIDEO, frame, seed=seed, answer=job)
    assert isinstance(verdict, Rendered)
    assert verdict.answer["creditCost"] == 8


@pytest.mark.parametrize(
    ("job", "kind", "said"),
    [
        (record("COMPLETED", result={"videoUrl": VIDEO}, expired=True), Expired, "no longer has the video"),
        (record("COMPLETED", expired=True), Expired, "no longer has the video"),
        (record("COMPLETED"), Unknown, "without a video"),
        (record("COMPLETED", result=[VIDEO]), Unknown, "without a video"),
        (record("COMPLETED", result={"videoUrl": "videos/1.mp4"}), Unknown, "without a video"),
        (record("CANCELLED"), Cancelled, "was cancelled, and not by Rushes"),
        (record("FAILED"), Transient, "failed"),
        (record("FAILED", error="Upstream timeout"), Transient, "Upstream timeout"),
        (record("FAILED", error="audio copyright"), OutputRefused, "audio copyright"),
        (record("FAILED", error="Content policy violation"), OutputRefused, "policy"),
        (record("FAILED", error="NSFW content"), OutputRefused, "NSFW"),
        (record("FAILED", error="The input image was blocked"), InputRefused, "input image"),
        (record("FAILED", error="InputTextSensitiveContentDetected"), InputRefused, "Sensitive"),
        (record("FAILED", error="The prompt's generated video was moderated"), OutputRefused, "moderated"),
        (record("FAILED", error="policy", expired=True), OutputRefused, "policy"),
    ],
)
def test_a_job_that_ended_without_a_video(job, kind, said):
    verdict = apiframe.verdict(JOB, STATUS, answer(200, job), ACCESS)
    assert isinstance(verdict, Ended)
    assert type(verdict.error) is kind
    assert re.search(said, str(verdict.error))
    assert json.loads(str(verdict.error.body)) == job


def test_a_job_that_apiframe_does_not_know():
    verdict = apiframe.verdict(JOB, STATUS, answer(404, {"error": "Job not found"}), ACCESS)
    assert isinstance(verdict, Gone)
    assert re.search(f"no job {ID}: Job not found", str(verdict.error))


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer(429, {"error": "Rate limit"}, retry_after="5"), RateLimited),
        (answer(401, {"error": "Invalid API key"}), AuthRefused),
        (answer(403, {"error": "inactive"}), AuthRefused),
        (answer(500, {"error": "x"}), Transient),
        (answer(503, NGINX), Transient),
        (answer(408), Transient),
        (answer(400, {"error": "id is not a valid UUID"}), Unknown),
        (answer(200, NGINX), Unknown),
        (answer(200, b'{"status": "COMP'), Unknown),
        (answer(200, {"id": ID}), Unknown),
        (answer(200, {"id": ID, "status": "succeeded"}), Unknown),
        (answer(202, {"jobId": ID, "status": "COMPLETED"}), Unknown),
        (answer(302), Unknown),
    ],
)
def test_what_says_nothing_about_the_job_is_no_verdict(response, kind):
    with pytest.raises(ProviderError) as caught:
        apiframe.verdict(JOB, STATUS, response, ACCESS)
    assert type(caught.value) is kind


def test_an_echoed_key_is_in_no_error():
    secret = Access(ACCESS.base_url, SecretStr("a plain key of no known look"))
    response = answer(400, {"error": "a plain key of no known look"})
    with pytest.raises(Unknown) as caught:
        apiframe.verdict(JOB, STATUS, response, secret)
    assert "a plain key" not in f"{caught.value}{caught.value.body}"
    with pytest.raises(Invalid) as refused:
        apiframe.accepted(answer(400, {"error": f"X-API-Key: {KEY}"}))
    assert KEY not in f"{refused.value}{refused.value.body}"
    assert KEY not in repr(apiframe.submission(Asked(model="seedance-2.0", prompt="a"), ACCESS, ATTEMPT))


def test_how_it_is_settled():
    found = adapter("apiframe")
    assert isinstance(found, Apiframe)
    assert (found.settling, found.settling_seconds) == ("again", 23 * 3600.0)
