"""Cloudflare's wire: the model pages' examples, and answer by answer what AI Gateway and Workers AI document."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from pydantic import SecretStr
from wire_answers import answer

from jobs.takes import Asked
from workers.errors import SettingsError
from workers.providers import adapter
from workers.providers.cloudflare import Cloudflare
from workers.providers.errors import (
    AuthRefused,
    InDoubt,
    InputRefused,
    Invalid,
    OutputRefused,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Unknown,
)
from workers.providers.protocol import Access, Adapter, Attempt, Delivered, Job, Request

KEY = "v1.0-abcdefabcdef-0123456789"
ACCOUNT = "023e105f4ecef8ad9ca31a8372d0c353"
ACCESS = Access("https://api.cloudflare.com/client/v4", SecretStr(KEY), ACCOUNT)
ATTEMPT = Attempt("night/opening/0007-wheat-seed3", 2, "5f" * 32)
VIDEO = "https://examples.aig.cloudflare.com/bytedance/seedance-2.0-fast/quick-video.mp4"
RAW = {"state": "Completed", "result": {"video": VIDEO}, "gatewayMetadata": {"keySource": "Unified"}}
WRAPPED = {"result": RAW, "success": True, "errors": [], "messages": []}
NGINX = b"<html><head><title>524: A timeout occurred</title></head></html>"
# The "Image to Video" example has this very image.
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAYAAABzenr0AAAAnklEQVR42u2XQRLAIAgD8/839i/26qFCACm0ozPe1KwcQsAo"
    "XvgcAABxpwFowl4QWITHxW0LCBhxVngF4gKIirMQyBRnIJAtrkE8AuwWnyFEgKzfS1UA+3sWTju3BGAu7gKYIfBW+Q/AAQgBeMCkt1wVsLZjcwUYG2Z9wGLH"
    "ZitWk1DEisubUYt2XB5IWkSyFqG0RSxvMZi0Gc1+Ox3fm00ZJ5mGVtkAAAAASUVORK5CYII="
)

cloudflare: Adapter = Cloudflare()


def failed(*codes: int, message: str = "AiError") -> dict[str, Any]:
    errors = [{"code": code, "message": message} for code in codes]
    return {"success": False, "errors": errors, "messages": [], "result": None}


# What is asked

GOLDEN = "A golden retriever running through a field of sunflowers on a sunny day"
PAGE: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("seedance-2.0-fast", GOLDEN, {}, {}),
    (
        "seedance-2.0-fast",
        "A barista pouring latte art in a cozy coffee shop, close-up with shallow depth of field",
        {"aspect_ratio": "9:16"},
        {"aspect_ratio": "9:16"},
    ),
    ("seedance-2.0", GOLDEN, {}, {}),
    (
        "seedance-2.0",
        "A dramatic drone shot flying through misty mountain peaks at sunrise, cinematic lighting with volumetric fog",
        {"duration": 10, "resolution": "1080p"},
        {"duration": 10, "resolution": "1080p"},
    ),
    (
        "seedance-2.0",
        "The character begins walking forward through the scene",
        {"start_image": PNG},
        {"image": PNG},
    ),
    (
        "seedance-2.0",
        "Abstract ink drops spreading through water, vivid colors mixing in slow motion",
        {"aspect_ratio": "9:16"},
        {"aspect_ratio": "9:16"},
    ),
    (
        "seedance-2.0",
        "A sweeping cinematic shot of a futuristic city skyline at dusk, flying past glass towers with neon "
        "reflections and dramatic clouds",
        {"resolution": "4k"},
        {"resolution": "4k"},
    ),
]
USUAL = {"aspect_ratio": "16:9", "duration": 5, "resolution": "720p"}


@pytest.mark.parametrize(("model", "prompt", "asked", "fields"), PAGE)
def test_the_examples_of_cloudflares_pages(model, prompt, asked, fields):
    request = cloudflare.submission(Asked(model=model, prompt=prompt, **{**USUAL, **asked}), ACCESS, ATTEMPT)
    assert request.method == "POST"
    assert request.url == f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/run"
    assert request.json == {"model": f"bytedance/{model}", "input": {"prompt": prompt, **USUAL, **fields}}


def test_the_headers_name_the_take_and_forbid_the_cache_and_repetitions():
    headers = dict(cloudflare.submission(Asked(model="seedance-2.0", prompt="a dog"), ACCESS, ATTEMPT).headers)
    metadata = json.loads(headers.pop("cf-aig-metadata"))
    assert metadata == {"take": "night/opening/0007-wheat-seed3", "attempt": 2, "key": "5f" * 32}
    assert headers == {
        "Accept": "application/json",
        "Authorization": f"Bearer {KEY}",
        "Content-Type": "application/json",
        "cf-aig-max-attempts": "1",
        "cf-aig-skip-cache": "true",
    }


def test_a_long_take_name_is_cut_in_the_metadata_and_the_key_is_not():
    attempt = Attempt("ä/" * 1000, 1, "a" * 64)
    request = cloudflare.submission(Asked(model="seedance-2.0", prompt="a dog"), ACCESS, attempt)
    header = request.headers["cf-aig-metadata"]
    assert header.isascii()
    assert len(header) < 2000
    assert json.loads(header)["key"] == "a" * 64


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ({}, {}),
        ({"duration": 12, "resolution": "480p", "aspect_ratio": "9:21"}, None),
        ({"seed": 0, "generate_audio": False}, None),
        ({"camera_fixed": True, "watermark": True}, None),
        ({"camera_fixed": False, "watermark": False}, None),
        ({"web_search": False, "return_last_frame": False}, {}),
        (
            {"start_image": "https://a/1.png", "end_image": "https://a/2.png"},
            {"image": "https://a/1.png", "last_frame_image": "https://a/2.png"},
        ),
        ({"reference_images": ("https://a/1.png", PNG)}, {"reference_images": ["https://a/1.png", PNG]}),
        ({"reference_videos": ("https://a/1.mp4",)}, {"reference_video": "https://a/1.mp4"}),
        ({"provider_options": {"fps": 24}}, {"fps": 24}),
    ],
)
def test_a_request_holds_what_was_asked_and_what_the_page_requires(asked, fields):
    request = cloudflare.submission(Asked(model="seedance-2.0", prompt="a dog", **asked), ACCESS, ATTEMPT)
    assert request.json["input"] == {"prompt": "a dog", **USUAL, **(asked if fields is None else fields)}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"model": "seedance-9"}, "no model 'seedance-9'; it has seedance-2.0 and seedance-2.0-fast"),
        ({"duration": "auto"}, "a duration in seconds, not 'auto'"),
        ({"aspect_ratio": "auto"}, "an aspect ratio, not 'auto'"),
        ({"reference_audio": ("https://a/1.mp3",)}, "takes no reference_audio"),
        ({"reference_videos": ("https://a/1.mp4", "https://a/2.mp4")}, "one reference video, not 2"),
        ({"end_image": "https://a/2.png"}, "end_image only together with a start_image"),
        ({"web_search": True}, "has no web_search"),
        ({"return_last_frame": True}, "has no return_last_frame"),
        ({"start_image": "asset://a1"}, r"http\(s\) URLs and data URIs, not 'asset://a1'"),
        ({"reference_images": ("input:0123.png",)}, "not 'input:0123.png'"),
        ({"provider_options": {"resolution": "720p"}}, "provider_options.resolution is resolution in a manifest"),
        ({"provider_options": {"image": PNG}}, "provider_options.image is start_image in a manifest"),
        ({"provider_options": {"negative_prompt": "x"}}, "no such field; besides a manifest's own it has fps"),
        ({"provider_options": {"fps": 30}}, "renders 24, not 30"),
    ],
)
def test_what_cloudflare_has_no_words_for_is_not_left_out_silently(asked, said):
    with pytest.raises(Invalid, match=said):
        cloudflare.submission(Asked(**{"model": "seedance-2.0", "prompt": "a dog", **asked}), ACCESS, ATTEMPT)


def test_all_that_is_unsaid_is_said_at_once():
    asked = Asked(model="seedance-2.0", prompt="a dog", duration="auto", web_search=True)
    with pytest.raises(Invalid, match=r"(?s)duration.*web_search"):
        cloudflare.submission(asked, ACCESS, ATTEMPT)


def test_no_request_without_an_account():
    with pytest.raises(SettingsError, match="set CLOUDFLARE_ACCOUNT_ID"):
        cloudflare.submission(Asked(model="seedance-2.0", prompt="a dog"), Access(ACCESS.base_url, ACCESS.key), ATTEMPT)


def test_an_account_can_not_lead_elsewhere():
    access = Access("http://127.0.0.1:8080", ACCESS.key, "../zones?x#y")
    request = cloudflare.submission(Asked(model="seedance-2.0", prompt="a dog"), access, ATTEMPT)
    assert request.url == "http://127.0.0.1:8080/accounts/..%2Fzones%3Fx%23y/ai/run"


# What it is answered


@pytest.mark.parametrize(
    "body",
    [
        RAW,
        WRAPPED,
        {"result": WRAPPED, "success": True, "errors": [], "messages": []},
        {"result": {"video": VIDEO}, "success": True, "errors": [], "messages": []},
        {"state": "completed", "video": VIDEO},
        {"video": VIDEO},
    ],
    ids=["raw", "wrapped", "twice", "without a state", "flat", "bare"],
)
def test_the_video_in_every_envelope(body):
    delivered = cloudflare.accepted(answer(200, body, cf_aig_log_id="01JLOG"))
    assert isinstance(delivered, Delivered)
    assert delivered.job == Job("01JLOG")
    assert delivered.rendered.video_url == VIDEO
    assert delivered.rendered.answer == body
    assert (delivered.rendered.last_frame_url, delivered.rendered.seed) == (None, None)


@pytest.mark.parametrize(
    ("headers", "id"),
    [
        ({"cf_aig_log_id": "01JLOG", "cf_ray": "8f-FRA"}, "01JLOG"),
        ({"cf_aig_log_id": " ", "cf_ray": "8f-FRA"}, "8f-FRA"),
        ({}, "sha256-" + hashlib.sha256(json.dumps(RAW).encode()).hexdigest()),
    ],
)
def test_what_a_call_is_called(headers, id):
    delivered = cloudflare.accepted(answer(200, RAW, **headers))
    assert isinstance(delivered, Delivered)
    assert delivered.job.id == id


BANNED = {"state": "Failed", "error": "The output video was blocked by moderation"}


@pytest.mark.parametrize(
    ("response", "kind", "said"),
    [
        # A success without a video: it came after the render, so it may be billed.
        (answer(200, {"state": "Failed"}), InDoubt, "the state 'Failed', which no page explains"),
        (answer(200, {"state": "Running", "result": {"video": VIDEO}}), InDoubt, "the state 'Running'"),
        (answer(200, {"result": {"state": "Queued"}, "success": True}), InDoubt, "the state 'Queued'"),
        (answer(200, {"state": "Completed", "result": {}}), InDoubt, "HTTP 200 without a video"),
        (answer(200, {"state": "Completed", "result": {"video": "/a.mp4"}}), InDoubt, "without a video"),
        (answer(200, {"result": {"result": {"result": {"result": {"video": VIDEO}}}}}), InDoubt, "without a video"),
        (answer(200, b'{"state": "Compl'), InDoubt, "without a video"),
        (answer(200, NGINX), InDoubt, "without a video"),
        (answer(200, []), InDoubt, "without a video"),
        (answer(204), InDoubt, "HTTP 204 without a video"),
        (answer(200, failed(9999, message="Who knows")), InDoubt, "9999 Who knows"),
        (answer(200, failed(3007)), InDoubt, "broke off the render"),
        (answer(200, BANNED), OutputRefused, "blocked by moderation"),
        (answer(200, failed(5004, message="Bad input")), Invalid, "5004 Bad input"),
        (answer(200, failed(3036)), QuotaExhausted, "used up what it may spend"),
        # Workers AI's table.
        (answer(400, failed(5007, message="No such model")), Invalid, "5007 No such model"),
        (answer(400, failed(5004)), Invalid, "refused the request"),
        (answer(400, failed(3039)), Invalid, "3039"),
        (answer(400, failed(3003)), Invalid, "3003"),
        (answer(403, failed(5018)), AuthRefused, "CLOUDFLARE_API_TOKEN"),
        (answer(403, failed(5016)), AuthRefused, "5016"),
        (answer(403, failed(3023)), AuthRefused, "3023"),
        (answer(403, failed(3041)), AuthRefused, "3041"),
        (answer(405, failed(5019)), Invalid, "5019"),
        (answer(405, failed(5005)), Invalid, "5005"),
        (answer(404, failed(3042)), Invalid, "3042"),
        (answer(413, failed(3006)), Invalid, "3006"),
        (answer(408, failed(3007)), InDoubt, "HTTP 408"),
        (answer(408, failed(3008)), InDoubt, "HTTP 408"),
        (answer(429, failed(3036)), QuotaExhausted, "3036"),
        (answer(429, failed(3040)), RateLimited, "too much to do"),
        # The gateway's own.
        (answer(400, failed(2016)), InputRefused, "refused what was asked"),
        (answer(400, failed(2017)), OutputRefused, "refused what was rendered"),
        (answer(401, {"name": "AiGatewayError", "internalCode": 2009, "message": "Unauthorized"}), AuthRefused, "2009"),
        (answer(402, {"error": "Payment error"}), QuotaExhausted, "Payment error"),
        (answer(402), QuotaExhausted, "may spend"),
        (answer(403, failed(1, message="Insufficient credits")), QuotaExhausted, "Insufficient credits"),
        (answer(400, failed(1, message="not enough account balance")), QuotaExhausted, "balance"),
        # The API's.
        (answer(401, failed(10000, message="Authentication error")), AuthRefused, "Authentication error"),
        (answer(403, failed(10000)), AuthRefused, "CLOUDFLARE_ACCOUNT_ID"),
        (answer(403, failed(9109, message="Invalid access token")), AuthRefused, "Invalid access token"),
        (
            answer(
                400, {"success": False, "errors": [{"code": 6003, "error_chain": [{"code": 6111, "message": "M"}]}]}
            ),
            AuthRefused,
            "6111 M",
        ),
        (answer(400, failed(7003, message="Could not route")), AuthRefused, "Could not route"),
        (answer(401, NGINX), AuthRefused, "CLOUDFLARE_API_TOKEN"),
        (answer(403, NGINX), AuthRefused, "CLOUDFLARE_API_TOKEN"),
        # What a partner says of a request, passed on.
        (answer(400, {"error": {"code": "InputTextSensitiveContentDetected", "message": "No"}}), InputRefused, "No"),
        (answer(400, {"error": {"code": "OutputVideoSensitiveContentDetected"}}), OutputRefused, "OutputVideo"),
        (answer(400, failed(1, message="blocked due to copyright")), OutputRefused, "copyright"),
        (answer(400, failed(1, message="prompt is too long")), Invalid, "prompt is too long"),
        (answer(422, {"error": "nope"}), Invalid, "nope"),
        (answer(413), Invalid, "refused the request"),
        (answer(429), RateLimited, "too much to do"),
        # After the POST, nobody knows.
        (answer(500, failed(7000)), InDoubt, "HTTP 500"),
        (answer(502, NGINX), InDoubt, "HTTP 502"),
        (answer(503, failed(3040)), InDoubt, "HTTP 503"),
        (answer(504), InDoubt, "HTTP 504"),
        (answer(524, NGINX), InDoubt, "HTTP 524: it may have been rendered, and billed"),
        (answer(404, failed(1, message="nothing here")), Unknown, "HTTP 404: 1 nothing here"),
        (answer(302), Unknown, "HTTP 302"),
        (answer(418, {"teapot": True}), Unknown, "HTTP 418"),
    ],
)
def test_every_answer_has_its_class(response, kind, said):
    with pytest.raises(ProviderError, match=said) as caught:
        cloudflare.accepted(response)
    assert type(caught.value) is kind
    assert caught.value.status == response.status
    assert caught.value.body == response.body.decode()


def test_retry_after_is_kept():
    with pytest.raises(RateLimited) as caught:
        cloudflare.accepted(answer(429, failed(3040), retry_after="17"))
    assert caught.value.retry_after == 17.0


def test_an_answer_that_is_nested_without_end_is_in_doubt():
    body = b'{"result":' * 100_000
    with pytest.raises(InDoubt):
        cloudflare.accepted(answer(200, body))


def test_an_echoed_token_is_in_no_error():
    body = {"success": False, "errors": [{"code": 5004, "message": f"no such token: Bearer {KEY}"}]}
    with pytest.raises(Invalid) as caught:
        cloudflare.accepted(answer(400, body))
    assert KEY not in f"{caught.value}{caught.value.body}"
    assert KEY not in repr(cloudflare.submission(Asked(model="seedance-2.0", prompt="a"), ACCESS, ATTEMPT))


def test_there_is_no_job_to_ask_about():
    for ask in (
        lambda: cloudflare.status(Job("01J"), ACCESS),
        lambda: cloudflare.verdict(Job("01J"), Request("GET", "https://a"), answer(200), ACCESS),
    ):
        with pytest.raises(RuntimeError, match="delivers with its answer: there is nothing to ask about 01J"):
            ask()


def test_how_it_is_settled():
    found = adapter("cloudflare")
    assert isinstance(found, Cloudflare)
    assert (found.settling, found.settling_seconds, found.submit_timeout) == ("held", 0.0, 900.0)
