"""Ark's wire, answer by answer, and the list by which an attempt in doubt is found again."""

from __future__ import annotations

import hashlib
import traceback
from typing import Any

import pytest
from pydantic import SecretStr
from wire_answers import FRAME, NGINX, PRIVACY, VIDEO, answer

from jobs.takes import Asked
from workers.providers import PROVIDERS, adapter
from workers.providers.ark import Ark, fingerprint
from workers.providers.ark_errors import class_of_code, class_of_text
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

KEY = "5b0f9c1e-1111-2222-3333-0123456789ab"
BASE = "https://ark.ap-southeast.bytepluses.com/api/v3"
ACCESS = Access(BASE, SecretStr(KEY))
TASKS = f"{BASE}/contents/generations/tasks"
ID = "cgt-20260514183217-t8rzv"
JOB = Job(ID)
STATUS = Request("GET", f"{TASKS}/{ID}")
MODEL = "dreamina-seedance-2-0-260128"
NOW = 1_800_000_000.0

ark = Ark()


def attempt(name: str) -> Attempt:
    return Attempt(f"night/{name}", 1, hashlib.sha256(name.encode()).hexdigest())


OURS = attempt("a/0001")


def error(code: str, message: str = "No. Request id: 02177872492196700000", kind: str = "BadRequest") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "param": "content", "type": kind}}


# What is asked


@pytest.mark.parametrize(
    "base, model, named",
    [
        (BASE, "seedance-2.0", "dreamina-seedance-2-0-260128"),
        (BASE, "seedance-2.0-fast", "dreamina-seedance-2-0-fast-260128"),
        ("https://ark.cn-beijing.volces.com/api/v3", "seedance-2.0", "doubao-seedance-2-0-260128"),
        ("https://ark.cn-beijing.volces.com/api/v3", "seedance-2.0-fast", "doubao-seedance-2-0-fast-260128"),
        ("https://ark.volces.com.evil.test/api/v3", "seedance-2.0", "dreamina-seedance-2-0-260128"),
        ("http://127.0.0.1:8080", "seedance-2.0", "dreamina-seedance-2-0-260128"),
    ],
)
def test_a_submission_is_a_task_of_the_regions_model(base, model, named):
    request = ark.submission(Asked(model=model, prompt="a dog"), Access(base, SecretStr(KEY)), OURS)
    assert (request.method, request.url) == ("POST", f"{base}/contents/generations/tasks")
    assert request.json == {
        "model": named,
        "content": [{"type": "text", "text": "a dog"}],
        "execution_expires_after": fingerprint(OURS),
    }
    assert request.headers == {
        "Accept": "application/json",
        "Authorization": f"Bearer {KEY}",
        "Content-Type": "application/json",
    }


def test_all_that_ark_has_words_for():
    asked = Asked(
        model="seedance-2.0",
        prompt="a dog",
        reference_images=("https://a/1.png", "asset://x"),
        reference_videos=("https://a/1.mp4",),
        reference_audio=("https://a/1.mp3",),
        duration="auto",
        resolution="1080p",
        aspect_ratio="auto",
        seed=7,
        generate_audio=False,
        watermark=True,
        return_last_frame=True,
        provider_options={"priority": 2, "safety_identifier": "me", "execution_expires_after": 3600},
    )
    assert ark.submission(asked, ACCESS, OURS).json == {
        "model": MODEL,
        "content": [
            {"type": "text", "text": "a dog"},
            {"type": "image_url", "image_url": {"url": "https://a/1.png"}, "role": "reference_image"},
            {"type": "image_url", "image_url": {"url": "asset://x"}, "role": "reference_image"},
            {"type": "video_url", "video_url": {"url": "https://a/1.mp4"}, "role": "reference_video"},
            {"type": "audio_url", "audio_url": {"url": "https://a/1.mp3"}, "role": "reference_audio"},
        ],
        "duration": -1,
        "resolution": "1080p",
        "ratio": "adaptive",
        "seed": 7,
        "generate_audio": False,
        "watermark": True,
        "return_last_frame": True,
        "priority": 2,
        "safety_identifier": "me",
        "execution_expires_after": 3600,
    }


def test_the_mark_of_an_attempt():
    marks = [fingerprint(attempt(str(number))) for number in range(2000)]
    assert all(86_400 <= mark <= 172_799 for mark in marks)
    assert len(set(marks)) > 1950
    assert fingerprint(OURS) == fingerprint(attempt("a/0001"))
    for key in ("0" * 64, "f" * 64, f"{86_399:016x}" + "0" * 48, f"{86_400:016x}" + "0" * 48):
        assert 86_400 <= fingerprint(Attempt("x", 1, key)) < 172_800


# What the submission is answered


def test_an_accepted_submission_names_its_task():
    assert ark.accepted(answer(200, {"id": ID})) == JOB
    assert ark.accepted(answer(200, {"id": ID, "safety_identifier": None})) == JOB
    assert ark.status(Job("a/b"), ACCESS) == Request(
        "GET", f"{TASKS}/a%2Fb", {"Accept": "application/json", "Authorization": f"Bearer {KEY}"}
    )


@pytest.mark.parametrize(
    "response, kind, said",
    [
        (answer(401, error("AuthenticationError")), AuthRefused, "check ARK_API_KEY"),
        (answer(401, NGINX), AuthRefused, "HTTP 401"),
        (answer(403, error("AccessDenied")), AuthRefused, "AccessDenied: No"),
        (answer(404, error("ModelNotOpen")), AuthRefused, "ModelNotOpen"),
        (answer(403, error("OperationDenied.ServiceNotOpen")), AuthRefused, "ServiceNotOpen"),
        (answer(403, error("OperationDenied.Whatever")), AuthRefused, "HTTP 403"),
        (answer(403, error("AccountOverdueError")), QuotaExhausted, "AccountOverdueError"),
        (answer(403, error("OperationDenied.ServiceOverdue")), QuotaExhausted, "money or quota"),
        (answer(429, error("QuotaExceeded")), QuotaExhausted, "QuotaExceeded"),
        (answer(429, error("SetLimitExceeded")), QuotaExhausted, "SetLimitExceeded"),
        (answer(402), QuotaExhausted, "HTTP 402"),
        (answer(429, error("RateLimitExceeded.EndpointRPMExceeded")), RateLimited, "too much to do"),
        (answer(429, error("ModelAccountRpmRateLimitExceeded")), RateLimited, "Rpm"),
        (answer(429, error("APIAccountRpmRateLimitExceeded")), RateLimited, "Rpm"),
        (answer(429, error("ServerOverloaded")), RateLimited, "ServerOverloaded"),
        (answer(429, error("ModelLoadingError")), RateLimited, "ModelLoadingError"),
        (answer(429, error("RequestBurstTooFast")), RateLimited, "Burst"),
        (answer(429, NGINX), RateLimited, "HTTP 429"),
        (answer(400, error("MissingParameter")), Invalid, "refused the request: MissingParameter: No"),
        (answer(400, error("InvalidParameter")), Invalid, "InvalidParameter"),
        (answer(400, error("InvalidParameter.TaskTypeConstraint")), Invalid, "TaskTypeConstraint"),
        (answer(404, error("InvalidEndpoint.NotFound")), Invalid, "InvalidEndpoint.NotFound"),
        (answer(404, error("InvalidEndpointOrModel.NotFound")), Invalid, "InvalidEndpointOrModel"),
        (answer(400, error("SomethingNew")), Invalid, "SomethingNew"),
        (answer(400, NGINX), Invalid, "refused"),
        (answer(413), Invalid, "refused"),
        (answer(400, error("InputTextSensitiveContentDetected")), InputRefused, "Detected: No"),
        (answer(400, error(PRIVACY)), InputRefused, PRIVACY),
        (answer(400, error("InputVideoSensitiveContentDetected.PolicyViolation")), InputRefused, "Policy"),
        (answer(400, error("SensitiveContentDetected.Violence")), InputRefused, "Violence"),
        (answer(400, error("OutputVideoSensitiveContentDetected")), OutputRefused, "Output"),
        (answer(400, error("ContentSecurityDetectionError")), Transient, "ContentSecurity"),
        (answer(500, error("InternalServiceError")), InDoubt, "HTTP 500"),
        (answer(503, error("ServerOverloaded")), InDoubt, "HTTP 503"),
        (answer(500, error("InvalidParameter")), Invalid, "InvalidParameter"),
        (answer(502, NGINX), InDoubt, "HTTP 502"),
        (answer(408), InDoubt, "HTTP 408"),
        (answer(200, {"id": ""}), InDoubt, "without naming a task"),
        (answer(200, {"id": 7}), InDoubt, "without naming a task"),
        (answer(200, b'{"id": "cgt'), InDoubt, "without naming a task"),
        (answer(200, []), InDoubt, "without naming a task"),
        (answer(204), InDoubt, "without naming a task"),
        (answer(409, error("SomethingNew")), Unknown, "HTTP 409: SomethingNew"),
        (answer(302, location="https://elsewhere/"), Unknown, "HTTP 302"),
    ],
)
def test_a_submission_that_was_not_accepted(response, kind, said):
    with pytest.raises(ProviderError) as caught:
        ark.accepted(response)
    assert type(caught.value) is kind
    assert said in str(caught.value)
    assert caught.value.status == response.status


def test_retry_after_is_kept():
    with pytest.raises(RateLimited) as caught:
        ark.accepted(answer(429, error("ServerOverloaded"), retry_after="7"))
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize(
    "text, kind",
    [
        ("The request failed because the output video may be related to copyright restrictions.", OutputRefused),
        ("The request failed because the output may contain sensitive information.", OutputRefused),
        ("The request failed because the input image 'content[1]' may contain real person.", InputRefused),
        ("The request failed because the input text may contain violence information.", InputRefused),
        ("error: InvalidParameter.TaskTypeConstraint", Invalid),
        ("The input was read. The output is late.", None),
        ("NothingKnown.Here", None),
    ],
)
def test_the_class_of_what_is_left_of_an_error(text, kind):
    assert class_of_text(text) is kind


@pytest.mark.parametrize("code", [None, 7, "", "invalidparameter", "Sensitive", "RateLimit", "XInvalidParameter"])
def test_what_is_no_code(code):
    assert class_of_code(code) is None


# What the task says

DONE = {
    "id": ID,
    "model": MODEL,
    "status": "succeeded",
    "content": {"video_url": VIDEO},
    "usage": {"completion_tokens": 108900, "total_tokens": 108900},
    "created_at": 1778754737,
    "updated_at": 1778755025,
    "seed": 1276,
    "resolution": "720p",
    "ratio": "16:9",
    "duration": 5,
    "framespersecond": 24,
    "service_tier": "default",
    "execution_expires_after": 172800,
    "generate_audio": True,
    "draft": False,
}


@pytest.mark.parametrize(
    "body, verdict",
    [
        ({"id": ID, "status": "queued"}, Queued()),
        ({"id": ID, "status": "running"}, Running()),
        (DONE, Rendered(VIDEO, None, 1276, DONE)),
    ],
)
def test_a_task_on_its_way(body, verdict):
    assert ark.verdict(JOB, STATUS, answer(200, body), ACCESS) == verdict


def test_the_last_frame_comes_along():
    body = {**DONE, "content": {"video_url": VIDEO, "last_frame_url": FRAME, "file_url": ""}, "error": None}
    verdict = ark.verdict(JOB, STATUS, answer(200, body), ACCESS)
    assert verdict == Rendered(VIDEO, last_frame_url=FRAME, seed=1276, answer=body)


def failed(code: str | None) -> dict[str, Any]:
    return {"id": ID, "model": MODEL, "status": "failed", "error": {"code": code, "message": "No"}}


@pytest.mark.parametrize(
    "body, kind, said",
    [
        (failed("OutputVideoSensitiveContentDetected"), OutputRefused, "OutputVideoSensitiveContentDetected: No"),
        (failed("OutputVideoSensitiveContentDetected.PolicyViolation"), OutputRefused, "Policy"),
        (failed("OutputAudioSensitiveContentDetected"), OutputRefused, "Audio"),
        (failed("InputImageSensitiveContentDetected"), InputRefused, "InputImage"),
        (failed("InvalidParameter.TaskTypeConstraint"), Invalid, "TaskType"),
        (failed("InternalServiceError"), Transient, "InternalServiceError"),
        (failed("ServerOverloaded"), Transient, "ServerOverloaded"),
        (failed("AccountOverdueError"), QuotaExhausted, "Overdue"),
        (failed("SomethingNew"), Unknown, "SomethingNew: No"),
        (failed(None), Unknown, "No"),
        ({"id": ID, "status": "failed"}, Unknown, "failed to render"),
        ({"id": ID, "status": "expired"}, Transient, "in time"),
        ({"id": ID, "status": "cancelled"}, Cancelled, "cancelled"),
        ({**DONE, "content": None}, Expired, "24 hours"),
        ({**DONE, "content": {}}, Expired, "24 hours"),
        ({**DONE, "content": {"video_url": ""}}, Expired, "24 hours"),
        ({"id": ID, "status": "succeeded"}, Expired, "24 hours"),
    ],
)
def test_a_task_that_ended_without_a_video(body, kind, said):
    verdict = ark.verdict(JOB, STATUS, answer(200, body), ACCESS)
    assert isinstance(verdict, Ended)
    assert type(verdict.error) is kind
    assert said in str(verdict.error)
    assert ID in str(verdict.error)


@pytest.mark.parametrize("response", [answer(404, error("NotFound.Task")), answer(404, NGINX), answer(404)])
def test_a_task_that_ark_does_not_know(response):
    verdict = ark.verdict(JOB, STATUS, response, ACCESS)
    assert isinstance(verdict, Gone)
    assert ID in str(verdict.error)


SILENT = [
    (answer(429, error("RateLimitExceeded.X"), retry_after="9"), RateLimited),
    (answer(429, None, retry_after="9"), RateLimited),
    (answer(401, error("AuthenticationError")), AuthRefused),
    (answer(403, error("AccessDenied")), AuthRefused),
    (answer(403, error("AccountOverdueError")), QuotaExhausted),
    (answer(404, error("ModelNotOpen")), AuthRefused),
    (answer(403, NGINX), AuthRefused),
    (answer(500, error("InternalServiceError")), Transient),
    (answer(502, NGINX), Transient),
    (answer(408), Transient),
    (answer(400, error("InvalidParameter")), Unknown),
    (answer(200, NGINX), Unknown),
    (answer(200, b'{"id"'), Unknown),
    (answer(200, []), Unknown),
    (answer(202, DONE), Unknown),
    (answer(302, location="/"), Unknown),
]


@pytest.mark.parametrize(
    "response, kind",
    [*SILENT, (answer(200, {"id": ID, "status": "paused"}), Unknown), (answer(200, {"id": ID}), Unknown)],
)
def test_what_says_nothing_about_the_task_leaves_it_alive(response, kind):
    with pytest.raises(ProviderError) as caught:
        ark.verdict(JOB, STATUS, response, ACCESS)
    assert type(caught.value) is kind
    assert caught.value.retry_after == (9.0 if response.status == 429 else None)


# The list

ASKED = Asked(
    model="seedance-2.0",
    prompt="a dog",
    duration=5,
    resolution="720p",
    aspect_ratio="16:9",
    seed=7,
    generate_audio=True,
    watermark=False,
)


def listed_task(id: str = "cgt-ours", **more: Any) -> dict[str, Any]:
    """A task as Ark lists ours, but for what `more` says."""
    return {
        "id": id,
        "model": MODEL,
        "status": "queued",
        "created_at": int(NOW) + 2,
        "updated_at": int(NOW) + 2,
        "seed": 7,
        "resolution": "720p",
        "ratio": "16:9",
        "duration": 5,
        "framespersecond": 24,
        "service_tier": "default",
        "execution_expires_after": fingerprint(OURS),
        "generate_audio": True,
        "draft": False,
        **more,
    }


def found(items: list[Any], asked: Asked = ASKED) -> list[str]:
    page = answer(200, {"total": len(items), "items": items})
    first = ark.listing(OURS, asked, NOW, ACCESS)
    jobs, following = ark.listed(OURS, asked, NOW, page, ACCESS, first)
    assert following is None
    return [job.id for job in jobs]


def test_the_list_is_asked_for_by_the_hundred():
    request = ark.listing(OURS, ASKED, NOW, ACCESS)
    assert (request.method, request.url) == ("GET", f"{TASKS}?page_num=1&page_size=100")
    assert request.headers == {"Accept": "application/json", "Authorization": f"Bearer {KEY}"}
    listing: Listing = ark
    assert isinstance(listing, Listing)
    assert ark.settling == "listing"


@pytest.mark.parametrize(
    "changed",
    [
        {},
        *({"status": status} for status in ("running", "succeeded", "failed", "cancelled", "expired")),
        {"created_at": int(NOW) - 300},
        {"created_at": int(NOW) + 3600},
        # What Ark doesn't tell, or not yet, is no contradiction
        {"seed": None, "resolution": None, "generate_audio": None},
        {"watermark": False},
        {"tools": [{"type": "web_search"}]},
    ],
)
def test_the_task_of_the_attempt_is_known_again(changed):
    assert found([listed_task(**changed)]) == ["cgt-ours"]


LOOKALIKES = [
    listed_task("cgt-default", execution_expires_after=172_800),
    listed_task("cgt-other-attempt", execution_expires_after=fingerprint(attempt("a/0002"))),
    listed_task("cgt-no-mark", execution_expires_after=None),
    listed_task("cgt-text-mark", execution_expires_after=str(fingerprint(OURS))),
    listed_task("cgt-fast", model="dreamina-seedance-2-0-fast-260128"),
    listed_task("cgt-other-region", model="doubao-seedance-2-0-260128"),
    listed_task("cgt-too-early", created_at=int(NOW) - 301),
    listed_task("cgt-too-late", created_at=int(NOW) + 3601),
    listed_task("cgt-no-time", created_at=None),
    listed_task("cgt-text-time", created_at=str(int(NOW))),
    listed_task("cgt-seed", seed=8),
    listed_task("cgt-resolution", resolution="480p"),
    listed_task("cgt-ratio", ratio="9:16"),
    listed_task("cgt-duration", duration=6),
    listed_task("cgt-sound", generate_audio=False),
    {**listed_task(), "id": None},
    {"id": "cgt-empty"},
    "cgt-no-task",
    None,
]


@pytest.mark.parametrize("lookalike", LOOKALIKES)
def test_a_lookalike_is_not_taken_for_it(lookalike):
    assert found([lookalike]) == []


def test_one_lost_task_is_found_among_lookalikes():
    assert found([*LOOKALIKES, listed_task(), *LOOKALIKES]) == ["cgt-ours"]


def test_several_matches_are_all_told():
    assert found([listed_task("cgt-1"), *LOOKALIKES, listed_task("cgt-2")]) == ["cgt-1", "cgt-2"]


def test_what_was_left_to_ark_is_told_as_what_ark_made_of_it():
    asked = Asked(model="seedance-2.0", prompt="a dog", duration="auto", aspect_ratio="auto")
    assert found([listed_task(ratio="21:9", duration=11, seed=99, resolution="480p")], asked) == ["cgt-ours"]


def test_options_that_ark_tells_again_must_agree():
    asked = ASKED.model_copy(update={"provider_options": {"safety_identifier": "me", "priority": 0}})
    assert found([listed_task(safety_identifier="me", priority=0)], asked) == ["cgt-ours"]
    assert found([listed_task(safety_identifier="you", priority=0)], asked) == []
    assert found([listed_task(priority=3)], asked) == []


def test_without_the_mark_nothing_ever_matches():
    asked = ASKED.model_copy(update={"provider_options": {"execution_expires_after": 172_800}})
    assert ark.submission(asked, ACCESS, OURS).json["execution_expires_after"] == 172_800
    assert found([listed_task(execution_expires_after=172_800), listed_task()], asked) == []


def pages(
    tasks: list[dict[str, Any]], *, total: int | None = None, size: int = 100, named: bool = True
) -> tuple[list[str], int]:
    """What is found on the pages of a list, and how many of them were read."""
    jobs: list[Job] = []
    request: Request | None = ark.listing(OURS, ASKED, NOW, ACCESS)
    read = 0
    while request is not None:
        read += 1
        assert f"page_num={read}&page_size=100" in request.url
        page = tasks[(read - 1) * size : read * size]
        body = {"items": page, "total": len(tasks) if total is None else total} if named else {"items": page}
        more, request = ark.listed(OURS, ASKED, NOW, answer(200, body), ACCESS, request)
        jobs += more
    return [job.id for job in jobs], read


def others(count: int, *, first: float, step: int) -> list[dict[str, Any]]:
    return [
        listed_task(f"cgt-{number}", execution_expires_after=172_800, created_at=int(first) + step * number)
        for number in range(count)
    ]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    "before, after, read",
    [
        (0, 0, 1),
        (99, 0, 1),
        (99, 1, 2),
        (100, 0, 2),
        (250, 0, 3),
        # Newest first, and reached back beyond the submission: what follows is older still
        (20, 900, 1),
        (120, 900, 2),
    ],
)
def test_pages_are_read_to_the_last_or_to_before_the_submission(before, after, read, named):
    newer = others(before, first=NOW + 3000, step=-10)
    older = others(after, first=NOW - 400, step=-10)
    if not named and (before + 1 + after) % 100 == 0:
        read += 1  # Without a total, a full page may have another behind it.
    assert pages([*newer, listed_task(), *older], named=named) == (["cgt-ours"], read)


@pytest.mark.parametrize(
    "tasks",
    [
        others(450, first=NOW - 9000, step=10),
        others(450, first=NOW - 9000, step=0),
        sorted(others(450, first=NOW - 9000, step=10), key=lambda task: task["id"]),
    ],
    ids=["oldest first", "all of one second", "in no order"],
)
def test_in_another_order_every_page_is_read(tasks):
    assert pages([*tasks, listed_task()]) == (["cgt-ours"], 5)


def test_the_last_page_that_can_be_asked_for():
    last = ark.listing(OURS, ASKED, NOW, ACCESS).url.replace("page_num=1&", "page_num=500&")
    body = {"total": 60_000, "items": others(100, first=NOW, step=0)}
    with pytest.raises(Unknown, match="page 500 of Ark's list of tasks stops short of its total"):
        ark.listed(OURS, ASKED, NOW, answer(200, body), ACCESS, Request("GET", last))


def test_pages_that_are_shorter_than_they_should_be():
    with pytest.raises(Unknown, match="page 1 of Ark's list of tasks stops short"):
        pages(others(120, first=NOW + 3000, step=-1), size=50)
    assert pages([listed_task(), *others(120, first=NOW + 3000, step=-1)], size=50) == (["cgt-ours"], 1)
    assert pages([], total=7) == ([], 1)


def test_without_the_request_the_page_is_read_and_no_other_named():
    body = {"total": 300, "items": [listed_task(), *others(99, first=NOW, step=0)]}
    assert ark.listed(OURS, ASKED, NOW, answer(200, body), ACCESS) == ([Job("cgt-ours")], None)


@pytest.mark.parametrize(
    "response, kind",
    [
        *(case for case in SILENT if case[0].status != 404),
        (answer(404, error("NotFound.Task")), Unknown),
        (answer(404, error("ModelNotOpen")), AuthRefused),
        (answer(200, {"total": 0}), Unknown),
        (answer(200, {"total": 1, "items": {"id": "cgt"}}), Unknown),
    ],
)
def test_what_is_no_list(response, kind):
    with pytest.raises(ProviderError) as caught:
        ark.listed(OURS, ASKED, NOW, response, ACCESS, ark.listing(OURS, ASKED, NOW, ACCESS))
    assert type(caught.value) is kind


# What is said of it


def test_an_echoed_key_is_in_no_error():
    echo = error("AuthenticationError", f"Bad header Authorization: Bearer {KEY}")
    for ask in (
        lambda: ark.verdict(JOB, STATUS, answer(401, echo), ACCESS),
        lambda: ark.verdict(JOB, STATUS, answer(200, f"<p>{KEY}".encode() * 1000), ACCESS),
        lambda: ark.listed(OURS, ASKED, NOW, answer(401, echo), ACCESS),
        lambda: ark.accepted(answer(401, echo)),
    ):
        with pytest.raises(ProviderError) as caught:
            ask()
        said = caught.value
        assert KEY not in f"{said}{said!r}{said.body}{''.join(traceback.format_exception(said))}"
    assert KEY not in repr(ark.submission(ASKED, ACCESS, OURS))


def test_ark_is_found_by_its_name():
    assert "ark" in PROVIDERS
    assert isinstance(adapter("ark"), Ark)
