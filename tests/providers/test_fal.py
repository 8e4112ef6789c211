"""fal's wire, answer by answer, as its pages give them."""

from __future__ import annotations

import traceback

import pytest
from pydantic import SecretStr
from wire_answers import NGINX, answer

from jobs.takes import Asked
from workers.errors import SettingsError
from workers.providers import PROVIDERS, adapter
from workers.providers.errors import (
    AuthRefused,
    Cancelled,
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
from workers.providers.fal import Fal
from workers.providers.protocol import (
    Access,
    Adapter,
    AskNext,
    Attempt,
    Ended,
    Gone,
    Job,
    Queued,
    Rendered,
    Request,
    Running,
)

KEY = "11112222-3333-4444-5555-666677778888:0123456789abcdef0123456789abcdef"
ATTEMPT = Attempt("night/a/0001", 1, "0" * 64)
ACCESS = Access("https://queue.fal.run", SecretStr(KEY))
OCTOPUS = (
    "An octopus finds a football in the ocean and excitedly calls its octopus friends to come and play. "
    "Cut scene to an octopus football game under the sea."
)
CAT = "https://v3b.fal.media/files/b/0a8eba37/Cqg-4Uwzyz4DELfceT1CF_a17e588773ec45b1a9e6f100a787b80b.jpg"
VIDEO = "https://storage.googleapis.com/falserverless/example_outputs/bytedance/seedance_2/output.mp4"
REQUESTS = "https://queue.fal.run/bytedance/seedance-2.0/requests"
ID = "764cabcf-b745-4b3e-ae38-1200304cf45b"
URLS = {
    "status": f"{REQUESTS}/{ID}/status",
    "response": f"{REQUESTS}/{ID}",
    "cancel": f"{REQUESTS}/{ID}/cancel",
}
JOB = Job(ID, URLS)
STATUS = Request("GET", URLS["status"])
RESULT = Request("GET", URLS["response"])
LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."

fal: Adapter = Fal()


def failed(kind: str, *, msg: str = "Nope", loc: tuple[object, ...] = ("body", "prompt"), **more: object) -> dict:
    return {"detail": [{"loc": list(loc), "msg": msg, "type": kind, "url": "https://docs.fal.ai/errors", **more}]}


def reasoned(reason: str) -> dict:
    return failed("content_policy_violation", ctx={"extra_info": {"reason": reason}})


# What is asked


@pytest.mark.parametrize(
    "asked, path, body",
    [
        (
            {"duration": "auto", "resolution": "720p", "aspect_ratio": "auto", "generate_audio": True},
            "fast/text-to-video",
            {"resolution": "720p", "duration": "auto", "aspect_ratio": "auto", "generate_audio": True},
        ),
        (
            {
                "start_image": CAT,
                "duration": "auto",
                "resolution": "720p",
                "aspect_ratio": "auto",
                "generate_audio": True,
            },
            "fast/image-to-video",
            {
                "image_url": CAT,
                "resolution": "720p",
                "duration": "auto",
                "aspect_ratio": "auto",
                "generate_audio": True,
            },
        ),
        (
            {
                "reference_images": (CAT,),
                "duration": "auto",
                "resolution": "720p",
                "aspect_ratio": "auto",
                "generate_audio": True,
            },
            "fast/reference-to-video",
            {
                "image_urls": [CAT],
                "resolution": "720p",
                "duration": "auto",
                "aspect_ratio": "auto",
                "generate_audio": True,
            },
        ),
    ],
    ids=["text", "image", "reference"],
)
def test_the_examples_of_fals_page(asked, path, body):
    request = fal.submission(Asked(model="seedance-2.0-fast", prompt=OCTOPUS, **asked), ACCESS, ATTEMPT)
    assert (request.method, request.url) == ("POST", f"https://queue.fal.run/bytedance/seedance-2.0/{path}")
    assert request.json == {"prompt": OCTOPUS, **body}
    assert request.headers == {
        "Accept": "application/json",
        "Authorization": f"Key {KEY}",
        "Content-Type": "application/json",
    }


@pytest.mark.parametrize(
    "asked, task, body",
    [
        ({}, "text-to-video", {}),
        ({"duration": 4}, "text-to-video", {"duration": "4"}),
        ({"duration": 15, "seed": 0}, "text-to-video", {"duration": "15", "seed": 0}),
        ({"generate_audio": False}, "text-to-video", {"generate_audio": False}),
        (
            {"start_image": "https://a/1.png", "end_image": "https://a/2.png"},
            "image-to-video",
            {"image_url": "https://a/1.png", "end_image_url": "https://a/2.png"},
        ),
        (
            {"reference_videos": ("https://a/1.mp4",), "reference_audio": ("https://a/1.mp3", "https://a/2.mp3")},
            "reference-to-video",
            {"video_urls": ["https://a/1.mp4"], "audio_urls": ["https://a/1.mp3", "https://a/2.mp3"]},
        ),
    ],
)
def test_a_request_holds_what_was_asked_and_nothing_else(asked, task, body):
    request = fal.submission(Asked(model="seedance-2.0", prompt="a dog", **asked), ACCESS, ATTEMPT)
    assert request.url == f"https://queue.fal.run/bytedance/seedance-2.0/{task}"
    assert request.json == {"prompt": "a dog", **body}


@pytest.mark.parametrize(
    "asked, said",
    [
        ({"model": "seedance-9"}, "no model 'seedance-9'; it has seedance-2.0 and seedance-2.0-fast"),
        ({"end_image": "https://a/2.png"}, "end_image only together with a start_image"),
        ({"start_image": "https://a/1.png", "reference_images": ("https://a/2.png",)}, "not both"),
        ({"end_image": "https://a/1.png", "reference_audio": ("https://a/2.mp3",)}, "not both"),
    ],
)
def test_what_fal_has_no_words_for_is_not_left_out_silently(asked, said):
    with pytest.raises(Invalid, match=said):
        fal.submission(Asked(**{"model": "seedance-2.0", "prompt": "a dog", **asked}), ACCESS, ATTEMPT)


def test_the_base_url_may_be_another():
    access = Access("http://127.0.0.1:8080/fal", SecretStr("k:s"))
    request = fal.submission(Asked(model="seedance-2.0", prompt="a dog"), access, ATTEMPT)
    assert request.url == "http://127.0.0.1:8080/fal/bytedance/seedance-2.0/text-to-video"
    assert request.headers["Authorization"] == "Key k:s"


# What the submission is answered


def test_an_accepted_submission_names_its_request_and_its_urls():
    response = answer(
        200,
        {
            "status": "IN_QUEUE",
            "request_id": ID,
            "response_url": URLS["response"],
            "status_url": URLS["status"],
            "cancel_url": URLS["cancel"],
            "logs": None,
            "metrics": {},
            "queue_position": 0,
        },
    )
    assert fal.accepted(response) == JOB


@pytest.mark.parametrize("missing", [{}, {"status_url": None, "response_url": 5, "cancel_url": "/relative"}])
def test_urls_that_are_missing_are_made_from_the_base(missing):
    job = fal.accepted(answer(200, {"request_id": "a/b", **missing}))
    assert job == Job("a/b", {})
    assert fal.status(job, ACCESS).url == f"{REQUESTS}/a%2Fb/status"
    done = answer(200, {"status": "COMPLETED"})
    assert fal.verdict(job, fal.status(job, ACCESS), done, ACCESS) == AskNext(
        Request("GET", f"{REQUESTS}/a%2Fb", {"Accept": "application/json", "Authorization": f"Key {KEY}"})
    )


@pytest.mark.parametrize(
    "response, kind, said",
    [
        (answer(401, {"detail": "Invalid key"}), AuthRefused, "check FAL_KEY: Invalid key"),
        (answer(401, NGINX), AuthRefused, "HTTP 401"),
        (answer(403, {"detail": LOCKED}), QuotaExhausted, "Exhausted balance"),
        (answer(403, {"detail": "User is locked. Reason: TOP_UP."}), QuotaExhausted, "TOP_UP"),
        (answer(403, {"detail": "User is locked. Reason: Admin lock."}), QuotaExhausted, "Admin lock"),
        (answer(403, {"detail": "Forbidden"}), AuthRefused, "Forbidden"),
        (answer(403, NGINX), AuthRefused, "HTTP 403"),
        (answer(402, {"detail": "Pay"}), QuotaExhausted, "Pay"),
        (answer(429, {"detail": "Too many"}), RateLimited, "Too many"),
        (answer(503, {"detail": "d", "error_type": "runner_scheduling_failure"}), RateLimited, "no runner"),
        (answer(503, {"detail": "d", "error_type": "runner_connection_timeout"}), RateLimited, "no runner"),
        (answer(503, {"detail": "d", "error_type": "runner_connection_refused"}), RateLimited, "no runner"),
        (answer(503, {"detail": "d"}, x_fal_error_type="runner_connection_error"), RateLimited, "no runner"),
        (answer(503, {"detail": "d", "error_type": "runner_disconnected"}), InDoubt, "may have accepted"),
        (answer(502, {"detail": "d", "error_type": "runner_incomplete_response"}), InDoubt, "HTTP 502"),
        (answer(500, {"detail": "d", "error_type": "internal_error"}), InDoubt, "HTTP 500"),
        (answer(504, {"detail": "Request timed out", "error_type": "request_timeout"}), InDoubt, "HTTP 504"),
        (answer(502, NGINX), InDoubt, "HTTP 502"),
        (answer(503, NGINX), InDoubt, "HTTP 503"),
        (answer(408, {"detail": "slow"}), InDoubt, "HTTP 408"),
        (answer(499, {"detail": "d", "error_type": "client_disconnected"}), InDoubt, "HTTP 499"),
        (answer(200, b'{"request_id": "76'), InDoubt, "without naming a request"),
        (answer(200, b""), InDoubt, "without naming a request"),
        (answer(200, NGINX), InDoubt, "without naming a request"),
        (answer(200, []), InDoubt, "without naming a request"),
        (answer(200, {"status": "IN_QUEUE"}), InDoubt, "without naming a request"),
        (answer(200, {"request_id": ""}), InDoubt, "without naming a request"),
        (answer(200, {"request_id": 7}), InDoubt, "without naming a request"),
        (answer(204), InDoubt, "without naming a request"),
        (answer(422, failed("content_policy_violation")), InputRefused, "body.prompt: Nope"),
        (answer(422, reasoned("partner_validation_failed")), InputRefused, "content_policy_violation"),
        (
            answer(
                422,
                failed(
                    "image_load_error",
                    msg="Failed to load the image",
                    loc=("body", "image_url"),
                    input="https://a/1.png?X-Amz-Signature=hush",
                ),
            ),
            Invalid,
            r"^fal refused the request: body\.image_url: Failed to load the image \(image_load_error\), given",
        ),
        (
            answer(422, failed("literal_error", msg="Input should be '5'", loc=("body", "duration"), input=3)),
            Invalid,
            r"body\.duration: Input should be '5' \(literal_error\), given 3$",
        ),
        (
            answer(422, failed("image_too_small", loc=("body", "image_urls", 2))),
            Invalid,
            r"body\.image_urls\[2\]: Nope",
        ),
        (answer(422, {"detail": "Something is wrong"}), Invalid, "Something is wrong"),
        (answer(400, {"detail": "Bad", "error_type": "bad_request"}), Invalid, r"Bad \(bad_request\)"),
        (answer(422, failed("downstream_service_error")), Transient, "downstream_service_error"),
        (answer(422, failed("image_load_error"), x_fal_retryable="true"), Transient, "image_load_error"),
        (answer(413, NGINX), Invalid, "refused"),
        (answer(404, {"detail": "Path /x not found"}), Unknown, "HTTP 404: Path /x not found"),
        (answer(405, {"detail": "Method Not Allowed"}), Unknown, "HTTP 405"),
        (answer(409), Unknown, "HTTP 409"),
        (answer(302, location="https://elsewhere/"), Unknown, "HTTP 302"),
    ],
)
def test_a_submission_that_was_not_accepted(response, kind, said):
    with pytest.raises(ProviderError, match=said) as caught:
        fal.accepted(response)
    assert type(caught.value) is kind
    assert caught.value.status == response.status
    assert "hush" not in f"{caught.value}{caught.value.body}"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": " 1.5 "}, 1.5),
        (
            {"retry_after": "Fri, 20 Nov 2026 10:00:30 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"},
            30.0,
        ),
        ({"retry_after": "Fri, 20 Nov 2026 09:00:00 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"retry_after": "Fri, 20 Nov 2026 10:00:30 -0000", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry_after": "Fri, 20 Nov 2026 10:00:30 GMT"}, None),
        ({"retry_after": "soon", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, None),
        ({"retry_after": "-5"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "9" * 400}, None),
        ({"retry_after": "Fri, 99 Nov 2026 10:00:30 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_in_seconds_or_relative_to_the_answers_own_date(headers, seconds):
    with pytest.raises(RateLimited) as caught:
        fal.accepted(answer(429, None, **headers))
    assert caught.value.retry_after == seconds


# What the status and the result are answered


@pytest.mark.parametrize(
    "response, verdict",
    [
        (answer(202, {"status": "IN_QUEUE", "request_id": ID, "queue_position": 3}), Queued(3)),
        (answer(202, {"status": "IN_QUEUE", "queue_position": 0}), Queued(0)),
        (answer(202, {"status": "IN_QUEUE", "queue_position": None}), Queued()),
        (answer(202, {"status": "IN_QUEUE", "queue_position": True}), Queued()),
        (answer(200, {"status": "IN_QUEUE"}), Queued()),
        (answer(202, {"status": "IN_PROGRESS", "logs": None}), Running()),
        (answer(202, {"status": "IN_PROGRESS", "logs": [{"message": "m"}]}), Running()),
    ],
)
def test_a_status_that_says_where_the_job_is(response, verdict):
    assert fal.verdict(JOB, STATUS, response, ACCESS) == verdict


@pytest.mark.parametrize("more", [{}, {"error": "Invalid status code: 422", "error_type": "bad_request"}])
def test_completed_means_that_the_result_decides(more):
    response = answer(200, {"status": "COMPLETED", "metrics": {"inference_time": 12.3}, **more})
    verdict = fal.verdict(JOB, STATUS, response, ACCESS)
    assert verdict == AskNext(
        Request("GET", URLS["response"], {"Accept": "application/json", "Authorization": f"Key {KEY}"})
    )


def test_the_urls_are_used_as_they_were_given():
    urls = {"status": "https://queue.fal.run/x%2Fy/status?a=b", "response": "https://queue.fal.run/r/response"}
    job = Job(ID, urls)
    status = fal.status(job, ACCESS)
    assert (status.method, status.url, status.json) == ("GET", urls["status"], None)
    next_one = fal.verdict(job, status, answer(200, {"status": "COMPLETED", "response_url": "https://other/"}), ACCESS)
    assert isinstance(next_one, AskNext)
    assert next_one.request.url == urls["response"]


@pytest.mark.parametrize(
    "body, seed",
    [
        ({"video": {"url": VIDEO}, "seed": 42}, 42),
        (
            {
                "video": {"url": VIDEO, "content_type": "video/mp4", "file_name": "output.mp4", "file_size": 9},
                "seed": 0,
            },
            0,
        ),
        ({"video": {"url": VIDEO}}, None),
        ({"video": {"url": VIDEO}, "seed": "42"}, None),
    ],
)
def test_a_finished_video(body, seed):
    assert fal.verdict(JOB, RESULT, answer(200, body), ACCESS) == Rendered(VIDEO, None, seed, body)


@pytest.mark.parametrize(
    "response",
    [
        answer(400, {"detail": "Request is still in progress"}),
        answer(200, {"status": "IN_PROGRESS", "request_id": ID}),
    ],
)
def test_a_result_that_is_not_there_yet(response):
    assert fal.verdict(JOB, RESULT, response, ACCESS) == Running()


@pytest.mark.parametrize("request_", [STATUS, RESULT], ids=["status", "result"])
@pytest.mark.parametrize("body", [{"status": "NOT_FOUND"}, {"detail": "Path /x not found"}, NGINX])
def test_a_job_that_fal_does_not_know(request_, body):
    verdict = fal.verdict(JOB, request_, answer(404, body), ACCESS)
    assert isinstance(verdict, Gone)
    assert ID in str(verdict.error)
    assert verdict.error.status == 404


@pytest.mark.parametrize(
    "response, kind, said",
    [
        (answer(422, reasoned("partner_validation_failed")), InputRefused, "Nope"),
        (answer(422, reasoned("something_else")), OutputRefused, "Nope"),
        (answer(422, failed("content_policy_violation")), OutputRefused, "Nope"),
        (answer(422, failed("content_policy_violation", ctx=None)), OutputRefused, "Nope"),
        (answer(422, reasoned("x"), x_fal_retryable="true"), OutputRefused, "Nope"),
        (answer(422, failed("no_media_generated")), OutputRefused, "no_media_generated"),
        (answer(422, failed("file_download_error")), Invalid, "file_download_error"),
        (answer(422, failed("file_download_error"), x_fal_retryable="true"), Transient, "Nope"),
        (answer(422, failed("file_download_error"), x_fal_needs_retry="1"), Transient, "Nope"),
        (answer(422, failed("file_download_error"), x_fal_retryable="false"), Invalid, "Nope"),
        (answer(422, failed("downstream_service_unavailable")), Transient, "Nope"),
        (answer(422, {"detail": "The image is no image"}), Invalid, "The image is no image"),
        (answer(422, {"detail": []}), Invalid, ID),
        (answer(422, {"detail": ["odd", {"loc": 5}]}), Invalid, "no reason given"),
        (answer(400, {"detail": "Bad", "error_type": "bad_request"}), Invalid, "Bad"),
        (answer(500, failed("internal_server_error")), Transient, "internal_server_error"),
        (answer(504, failed("generation_timeout")), Transient, "generation_timeout"),
        (answer(500, {"detail": "d", "error_type": "runner_server_error"}), Transient, "runner_server_error"),
        (answer(502, {"detail": "d", "error_type": "runner_incomplete_response"}), Transient, "d"),
        (answer(503, {"detail": "d", "error_type": "runner_disconnected"}), Transient, "d"),
        (answer(503, {"detail": "d", "error_type": "runner_scheduling_failure"}), Transient, "d"),
        (answer(504, {"detail": "d", "error_type": "startup_timeout"}), Transient, "d"),
        (answer(504, {"detail": "d"}, x_fal_error_type="request_timeout"), Transient, "request_timeout"),
        (answer(500, {"detail": "Oops"}, x_fal_retryable="false"), Transient, "Oops"),
        (answer(499, {"detail": "d", "error_type": "client_cancelled"}), Cancelled, "was cancelled at fal: d"),
        (answer(499, {"detail": "d"}, x_fal_error_type="client_cancelled"), Cancelled, "client_cancelled"),
        (answer(499, {"detail": "d", "error_type": "client_disconnected"}), Unknown, "client_disconnected"),
        (answer(200, {"seed": 42}), Unknown, "without a video"),
        (answer(200, {"video": {"url": None}}), Unknown, "without a video"),
        (answer(200, {"video": "https://a/v.mp4"}), Unknown, "without a video"),
        (answer(200, failed("no_media_generated")), OutputRefused, "without a video"),
    ],
)
def test_a_job_that_ended_without_a_video(response, kind, said):
    verdict = fal.verdict(JOB, RESULT, response, ACCESS)
    assert isinstance(verdict, Ended)
    assert type(verdict.error) is kind
    assert said in str(verdict.error)
    assert ID in str(verdict.error)


@pytest.mark.parametrize(
    "request_, response, kind",
    [
        (STATUS, answer(429, None, retry_after="9"), RateLimited),
        (RESULT, answer(429, None, retry_after="9"), RateLimited),
        (STATUS, answer(401, {"detail": "Invalid key"}), AuthRefused),
        (RESULT, answer(403, {"detail": "Forbidden"}), AuthRefused),
        (RESULT, answer(403, {"detail": LOCKED}), QuotaExhausted),
        (STATUS, answer(500, failed("internal_server_error")), Transient),
        (STATUS, answer(503, {"detail": "d", "error_type": "runner_disconnected"}), Transient),
        (STATUS, answer(502, NGINX), Transient),
        (STATUS, answer(408), Transient),
        (RESULT, answer(502, NGINX), Transient),
        (RESULT, answer(504, b"upstream request timeout"), Transient),
        (RESULT, answer(500, {"detail": "Internal Server Error"}), Transient),
        (RESULT, answer(503, {"error": "gateway"}), Transient),
        (RESULT, answer(408), Transient),
        (STATUS, answer(200, {"status": "FAILED"}), Unknown),
        (STATUS, answer(200, {"status": 5}), Unknown),
        (STATUS, answer(200, {"state": "COMPLETED"}), Unknown),
        (STATUS, answer(200, NGINX), Unknown),
        (STATUS, answer(200, b""), Unknown),
        (STATUS, answer(200, []), Unknown),
        (STATUS, answer(302, None, location="/"), Unknown),
        (STATUS, answer(422, failed("content_policy_violation")), Unknown),
        (RESULT, answer(200, NGINX), Unknown),
        (RESULT, answer(200, b'{"video": {"url"'), Unknown),
        (RESULT, answer(400, NGINX), Unknown),
        (RESULT, answer(422, NGINX), Unknown),
        (RESULT, answer(302, None, location="/"), Unknown),
        (RESULT, answer(405, {"detail": "Method Not Allowed"}), Unknown),
    ],
)
def test_what_says_nothing_about_the_job_leaves_it_alive(request_, response, kind):
    with pytest.raises(ProviderError) as caught:
        fal.verdict(JOB, request_, response, ACCESS)
    assert type(caught.value) is kind
    assert caught.value.retry_after == (9.0 if response.status == 429 else None)


# What must stay secret


@pytest.mark.parametrize(
    "base, url, seen",
    [
        ("https://queue.fal.run", f"{REQUESTS}/1/status", True),
        ("https://queue.fal.run", "https://fal.run/x", True),
        ("https://queue.fal.run", "https://QUEUE.FAL.RUN:443/x", True),
        ("https://queue.fal.run", "https://queue.falrun.com/x", True),
        ("https://gate.example", "https://gate.example/x", True),
        ("https://gate.example", f"{REQUESTS}/1/status", True),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/x", True),
        ("https://queue.fal.run", "http://queue.fal.run/x", False),
        ("https://queue.fal.run", "https://queue.fal.run.evil.test/x", False),
        ("https://queue.fal.run", "https://evilfal.run/x", False),
        ("https://queue.fal.run", "https://queue.fal.run@evil.test/x", False),
        ("https://queue.fal.run", "https://evil.test/fal.run", False),
        ("https://queue.fal.run", "https://evil.test\\.fal.run/x", False),
        ("https://queue.fal.run", "https://[fal.run/x", False),
        ("https://gate.example", "http://gate.example/x", False),
        ("http://127.0.0.1:8000", "http://fal.run/x", False),
    ],
)
def test_the_key_is_shown_to_fal_and_the_base_url_only(base, url, seen):
    access = Access(base, SecretStr(KEY))
    status = fal.status(Job(ID, {"status": url}), access)
    assert status.url == url
    assert ("Authorization" in status.headers) is seen

    done = fal.verdict(
        Job(ID, {"response": url}), fal.status(Job(ID), access), answer(200, {"status": "COMPLETED"}), access
    )
    assert isinstance(done, AskNext)
    assert ("Authorization" in done.request.headers) is seen


def test_an_echoed_key_is_in_no_error():
    echo = {"detail": f"Bad header Authorization: Key {KEY}", "headers": {"authorization": f"Key {KEY}"}}
    for ask in (
        lambda: fal.accepted(answer(401, echo)),
        lambda: fal.verdict(JOB, STATUS, answer(401, echo), ACCESS),
        lambda: fal.verdict(JOB, RESULT, answer(200, f"<p>{KEY}".encode() * 1000), ACCESS),
    ):
        with pytest.raises(ProviderError) as caught:
            ask()
        error = caught.value
        text = f"{error}{error!r}{error.body}{error.__dict__}{''.join(traceback.format_exception(error))}"
        assert KEY not in text
        assert KEY.partition(":")[2] not in text
    assert len(str(caught.value.body)) <= 4000
    assert KEY not in repr(fal.submission(Asked(model="seedance-2.0", prompt="a"), ACCESS, ATTEMPT))
    assert KEY not in repr(ACCESS)


def test_providers_are_found_by_name():
    assert "fal" in PROVIDERS
    assert isinstance(adapter("fal"), Fal)
    assert adapter("fal").submit_timeout == 60.0
    with pytest.raises(SettingsError, match="no provider 'fall'; there is: fal"):
        adapter("fall")
