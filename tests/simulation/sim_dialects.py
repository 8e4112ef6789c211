"""How four providers speak: what a request to each asks for, and each one's words for what there is to say.

One for every way in which a doubt can be settled: fal (held), Apiframe (asked again under its key), Ark (looked for in
its list), and Cloudflare, which answers a submission with the video itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from workers.providers.protocol import Request, Response

Saying = Literal["queued", "running", "ready", "transient", "moderation", "cancelled", "gone", "busy", "shut-out"]
Refusal = Literal["rate", "auth", "quota", "invalid", "input-moderation", "broken"]
"""Classes of a refusal; `broken` is a 5xx, which says nothing certain."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read. `what` is `submit`, `status`, `result` or `list`."""

    what: Literal["submit", "status", "result", "list", "cancel"]
    job: str = ""
    prompt: str = ""
    key: str = ""
    page: int = 1


@dataclass
class JobFacts:
    """What a dialect tells of a job."""

    id: str
    video_url: str
    created: float
    body: Mapping[str, Any]


class Dialect(Protocol):
    """One provider's words."""

    keys: bool
    keyed_seconds: float

    def read(self, request: Request) -> Asked: ...
    def accepted(self, job: JobFacts) -> Response: ...
    def refused(self, kind: Refusal, retry_after: int | None) -> Response: ...
    def told(self, job: JobFacts, saying: Saying, what: str) -> Response: ...
    def listed(self, jobs: Sequence[tuple[JobFacts, Saying]], page: int) -> Response: ...
    def cancelled(self, done: bool) -> Response: ...


def answer(status: int, body: Any, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"content-type": "application/json", **named}, json.dumps(body).encode())


def cut(response: Response) -> Response:
    """The same answer, with the second half of its body missing."""
    return Response(response.status, response.headers, response.body[: len(response.body) // 3])


def _refused(statuses: Mapping[Refusal, tuple[int, Any]], kind: Refusal, retry_after: int | None) -> Response:
    status, body = statuses[kind]
    return answer(status, body) if retry_after is None else answer(status, body, retry_after=str(retry_after))


class FalDialect:
    """fal's queue."""

    keys = False
    keyed_seconds = 0.0
    base = "http://fal.test/bytedance/seedance-2.0/requests"

    def read(self, request: Request) -> Asked:
        if request.method == "POST":
            return Asked("submit", prompt=request.json["prompt"])
        path = request.url.removeprefix(f"{self.base}/")
        job, _, more = path.partition("/")
        if request.method == "PUT":
            return Asked("cancel", job)
        return Asked("status" if more == "status" else "result", job)

    def accepted(self, job: JobFacts) -> Response:
        own = f"{self.base}/{job.id}"
        named = {"status_url": f"{own}/status", "response_url": own, "cancel_url": f"{own}/cancel"}
        return answer(200, {"request_id": job.id, "queue_position": 0, **named})

    def refused(self, kind: Refusal, retry_after: int | None) -> Response:
        partner = {"reason": "partner_validation_failed"}
        denied = {"type": "content_policy_violation", "msg": "no", "ctx": {"extra_info": partner}}
        statuses: dict[Refusal, tuple[int, Any]] = {
            "rate": (429, {"detail": "too much"}),
            "auth": (401, {"detail": "no such key"}),
            "quota": (403, {"detail": "User is locked. Reason: Exhausted balance"}),
            "invalid": (422, {"detail": [{"type": "value_error", "msg": "no", "loc": ["body", "prompt"]}]}),
            "input-moderation": (422, {"detail": [denied]}),
            "broken": (502, {"detail": "bad gateway"}),
        }
        return _refused(statuses, kind, retry_after)

    def told(self, job: JobFacts, saying: Saying, what: str) -> Response:
        if saying == "gone":
            return answer(404, {"detail": "Request not found"})
        if saying == "busy":
            return answer(429, {"detail": "slowly"})
        if saying == "shut-out":
            return answer(401, {"detail": "no such key"})
        if what == "status":
            running = saying in ("queued", "running")
            return answer(202, {"status": "IN_PROGRESS"}) if running else answer(200, {"status": "COMPLETED"})
        if saying in ("queued", "running"):
            return answer(400, {"detail": "Request is still in progress"})
        if saying == "cancelled":
            return answer(499, {"detail": "cancelled", "error_type": "client_cancelled"})
        if saying == "ready":
            return answer(200, {"video": {"url": job.video_url}, "seed": 7})
        if saying == "moderation":
            return answer(422, {"detail": [{"type": "content_policy_violation", "msg": "no"}]})
        return answer(500, {"detail": [{"type": "internal_server_error", "msg": "sorry"}]})

    def listed(self, jobs: Sequence[tuple[JobFacts, Saying]], page: int) -> Response:
        raise AssertionError("fal has no list")

    def cancelled(self, done: bool) -> Response:
        return (
            answer(202, {"status": "CANCELLATION_REQUESTED"}) if done else answer(400, {"status": "ALREADY_COMPLETED"})
        )


class ApiframeDialect:
    """Apiframe's jobs."""

    keys = True
    keyed_seconds = 24 * 3600.0

    def read(self, request: Request) -> Asked:
        if request.method == "POST":
            return Asked("submit", prompt=request.json["prompt"], key=request.headers["Idempotency-Key"])
        return Asked("status", request.url.rpartition("/")[2])

    def accepted(self, job: JobFacts) -> Response:
        return answer(200, {"jobId": job.id, "status": "QUEUED"})

    def refused(self, kind: Refusal, retry_after: int | None) -> Response:
        statuses: dict[Refusal, tuple[int, Any]] = {
            "rate": (429, {"error": "too much"}),
            "auth": (401, {"error": "no such key"}),
            "quota": (402, {"error": "no credits", "creditsRequired": 3, "creditsAvailable": 0}),
            "invalid": (400, {"error": "no", "details": {"prompt": ["no"]}}),
            "input-moderation": (400, {"error": "The prompt was rejected by content moderation"}),
            "broken": (502, {"error": "bad gateway"}),
        }
        return _refused(statuses, kind, retry_after)

    def told(self, job: JobFacts, saying: Saying, what: str) -> Response:
        match saying:
            case "gone":
                return answer(404, {"error": "no such job"})
            case "busy":
                return answer(429, {"error": "slowly"})
            case "shut-out":
                return answer(401, {"error": "no such key"})
            case "queued" | "running":
                return answer(200, {"id": job.id, "status": "PROCESSING"})
            case "ready":
                return answer(200, {"id": job.id, "status": "COMPLETED", "result": {"videoUrl": job.video_url}})
            case "moderation":
                return answer(200, {"id": job.id, "status": "FAILED", "error": "rejected by content moderation"})
            case "transient":
                return answer(200, {"id": job.id, "status": "FAILED", "error": "internal error"})
        raise AssertionError(f"Apiframe has no word for {saying}")

    def listed(self, jobs: Sequence[tuple[JobFacts, Saying]], page: int) -> Response:
        raise AssertionError("nobody asks for Apiframe's list")

    def cancelled(self, done: bool) -> Response:
        raise AssertionError("Apiframe can't cancel a job")


class ArkDialect:
    """Ark's tasks."""

    keys = False
    keyed_seconds = 0.0
    words: Mapping[str, str] = {
        "queued": "queued",
        "running": "running",
        "cancelled": "cancelled",
        "ready": "succeeded",
        "transient": "failed",
        "moderation": "failed",
    }

    def read(self, request: Request) -> Asked:
        if request.method == "POST":
            return Asked("submit", prompt=request.json["content"][0]["text"])
        if request.method == "DELETE":
            return Asked("cancel", request.url.rpartition("/")[2])
        if "?" in request.url:
            return Asked("list", page=int(request.url.partition("page_num=")[2].partition("&")[0]))
        return Asked("status", request.url.rpartition("/")[2])

    def accepted(self, job: JobFacts) -> Response:
        return answer(200, {"id": job.id})

    def refused(self, kind: Refusal, retry_after: int | None) -> Response:
        statuses: dict[Refusal, tuple[int, Any]] = {
            "rate": (429, {"error": {"code": "RateLimitExceeded", "message": "too much"}}),
            "auth": (401, {"error": {"code": "AuthenticationError", "message": "no such key"}}),
            "quota": (403, {"error": {"code": "AccountOverdueError", "message": "pay"}}),
            "invalid": (400, {"error": {"code": "InvalidParameter", "message": "no"}}),
            "input-moderation": (400, {"error": {"code": "InputTextSensitiveContentDetected", "message": "no"}}),
            "broken": (502, {"oh": "no"}),
        }
        return _refused(statuses, kind, retry_after)

    def told(self, job: JobFacts, saying: Saying, what: str) -> Response:
        match saying:
            case "gone":
                return answer(404, {"error": {"code": "NotFound", "message": "no such task"}})
            case "busy":
                return answer(429, {"error": {"code": "RateLimitExceeded", "message": "slowly"}})
            case "shut-out":
                return answer(401, {"error": {"code": "AuthenticationError", "message": "no such key"}})
        return answer(200, self._task(job, saying))

    def listed(self, jobs: Sequence[tuple[JobFacts, Saying]], page: int) -> Response:
        return answer(200, {"items": [self._task(*each) for each in jobs] if page == 1 else [], "total": len(jobs)})

    def cancelled(self, done: bool) -> Response:
        refusal = {"error": {"code": "OperationDenied.UnsupportedPhase", "message": "it is being rendered"}}
        return answer(200, {}) if done else answer(400, refusal)

    def _task(self, job: JobFacts, saying: Saying) -> dict[str, Any]:
        task = {"id": job.id, "status": self.words[saying], "created_at": int(job.created)}
        task |= {name: value for name, value in job.body.items() if name != "content"}
        if saying == "ready":
            task["content"] = {"video_url": job.video_url}
        if saying == "transient":
            task["error"] = {"code": "InternalServiceError", "message": "sorry"}
        if saying == "moderation":
            task["error"] = {"code": "OutputVideoSensitiveContentDetected", "message": "no"}
        return task


class CloudflareDialect:
    """Cloudflare's one long call."""

    keys = False
    keyed_seconds = 0.0

    def read(self, request: Request) -> Asked:
        assert request.method == "POST", "Cloudflare can't be asked about a job"
        return Asked("submit", prompt=request.json["input"]["prompt"])

    def accepted(self, job: JobFacts) -> Response:
        return answer(200, {"state": "Completed", "result": {"video": job.video_url}}, cf_aig_log_id=job.id)

    def refused(self, kind: Refusal, retry_after: int | None) -> Response:
        statuses: dict[Refusal, tuple[int, Any]] = {
            "rate": (429, {"errors": [{"code": 3040, "message": "too much"}]}),
            "auth": (401, {"errors": [{"code": 10000, "message": "no such key"}]}),
            "quota": (429, {"errors": [{"code": 3036, "message": "used up"}]}),
            "invalid": (400, {"errors": [{"code": 5004, "message": "no"}]}),
            "input-moderation": (400, {"errors": [{"code": 2016, "message": "no"}]}),
            "broken": (502, {"oh": "no"}),
        }
        return _refused(statuses, kind, retry_after)

    def told(self, job: JobFacts, saying: Saying, what: str) -> Response:
        raise AssertionError("Cloudflare can't be asked about a job")

    def listed(self, jobs: Sequence[tuple[JobFacts, Saying]], page: int) -> Response:
        raise AssertionError("Cloudflare has no list")

    def cancelled(self, done: bool) -> Response:
        raise AssertionError("Cloudflare can't cancel a job")


DIALECTS: Mapping[str, type[Dialect]] = {
    "fal": FalDialect,
    "apiframe": ApiframeDialect,
    "ark": ArkDialect,
    "cloudflare": CloudflareDialect,
}
