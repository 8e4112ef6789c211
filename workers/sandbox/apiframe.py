"""The twin of Apiframe's API v2, as far as Seedance 2.0 goes: jobs, their listing, uploads and assets.

Sources: Apiframe's OpenAPI document 2.0.0 and its page of Seedance 2.0 Fast. That a key used for another body is a 409
is from its own SDK. Where no source gives Apiframe's words, they are ours: so those of a job that failed. No source
says whether a failed job gives its credits back; here it costs none. Nor does any say where the last frame of
`return_last_frame` is found, so there is none.

What it leaves out: webhooks (they are taken and never delivered), other models, teams and users. It takes any
`asset://` id, for a rehearsal may name those of the real account.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from workers.sandbox import apiframe_uploads
from workers.sandbox.account import Footage, Stage, Submission, digest
from workers.sandbox.apiframe_schema import Generate, credits, read_body
from workers.sandbox.clips import frame_size
from workers.sandbox.faults import Fault, asked_for
from workers.sandbox.twin import Sandbox, file_url, garbage, hang_up, look

PROVIDER = "apiframe"

KEY_SECONDS = 24 * 3600.0
"""How long an idempotency key is kept."""

LONGEST_KEY = 255

_GENERATE = "videos/generate"
_STATUSES = ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED")
_LISTING = {"status", "model", "limit", "cursor", "scope", "search", "include_models"}


def routes(sandbox: Sandbox) -> Iterable[web.RouteDef]:
    """The routes of Apiframe's host that Seedance 2.0 needs."""
    twin = _Apiframe(sandbox)
    return [
        web.post("/v2/videos/generate", twin.generate),
        web.get("/v2/me", twin.me),
        web.get("/v2/jobs", twin.jobs),
        web.get("/v2/jobs/{id}", twin.job),
        *apiframe_uploads.routes(sandbox, twin.refuse_key),
    ]


class _Apiframe:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def generate(self, request: web.Request) -> web.Response:
        sandbox = self._sandbox
        if (refusal := self.refuse_key(request)) is not None:
            return refusal
        key = request.headers.get("Idempotency-Key")
        if key is not None and not 0 < len(key) <= LONGEST_KEY:
            return _invalid({"Idempotency-Key": [f"must have 1 to {LONGEST_KEY} characters"]})
        try:
            body = json.loads(await request.read())
        except ValueError as error:
            return _invalid({"": [f"Invalid JSON: {error}"]})
        asked = read_body(body)
        if isinstance(asked, dict) and not sandbox.options.late_validation:
            return _invalid(asked)
        if (replayed := self._replay(key, body)) is not None:
            return replayed
        if isinstance(asked, dict):
            return self._accepted(sandbox.accept(PROVIDER, _GENERATE, body, outcome="invalid", key=key))
        if sandbox.options.locked:
            required = credits(asked) or asked.seedanceParams.duration
            answer = {"error": "Insufficient credits", "creditsRequired": required, "creditsAvailable": 0}
            return web.json_response(answer, status=402)
        return self._submit_valid(request, body, asked, key)

    def _submit_valid(self, request: web.Request, body: Any, asked: Generate, key: str | None) -> web.Response:
        sandbox, what = self._sandbox, digest(_GENERATE, body)

        def strikes(fault: Fault) -> bool:
            return sandbox.strikes(fault, what, asked.prompt)

        if strikes(Fault.RATE_LIMIT):
            return self._rate_limited()
        if strikes(Fault.ERROR):
            return _error(503, "Service temporarily unavailable")
        if strikes(Fault.HANGUP):
            return hang_up(request)
        params = asked.seedanceParams
        width, height = frame_size(params.resolution, params.aspect_ratio)
        footage = Footage(
            seconds=params.duration, width=width, height=height, audio=params.generate_audio, look=look(body)
        )
        job = sandbox.accept(PROVIDER, _GENERATE, body, prompt=asked.prompt, footage=footage, key=key)
        status = "COMPLETED" if job.outcome == "video" else "FAILED"
        sandbox.call_back(job, asked.webhookUrl, {"jobId": job.id, "status": status})
        if strikes(Fault.DROP):
            return hang_up(request)
        if strikes(Fault.GARBAGE_SUBMIT):
            return garbage()
        return self._accepted(job)

    def _replay(self, key: str | None, body: Any) -> web.Response | None:
        """The answer to a key that was used before; None for a new one."""
        before = None if key is None else self._sandbox.account.keyed(PROVIDER, key)
        if before is None or self._sandbox.clock.now() - before.accepted >= KEY_SECONDS:
            return None
        if before.digest != digest(_GENERATE, body):
            return _error(409, "Idempotency-Key was already used with a different request body")
        return self._accepted(before)

    def _accepted(self, job: Submission) -> web.Response:
        return web.json_response({"jobId": job.id, "status": self._status(job)}, status=202)

    async def job(self, request: web.Request) -> web.Response:
        if (refusal := self.refuse_key(request)) is not None:
            return refusal
        sandbox, id = self._sandbox, request.match_info["id"]
        if not _is_uuid(id):
            return _error(400, "Invalid job ID")
        job = sandbox.account.get(id)
        if job is None or job.provider != PROVIDER:
            return _error(404, "Job not found")
        if sandbox.strikes(Fault.POLL_RATE_LIMIT, job.id, job.prompt):
            return self._rate_limited()
        if sandbox.strikes(Fault.POLL_ERROR, job.id, job.prompt):
            return _error(500, "Internal server error")
        if sandbox.strikes(Fault.GARBAGE, job.id, job.prompt):
            return garbage()
        return web.json_response({**self._record(request, job), "input": job.body})

    async def jobs(self, request: web.Request) -> web.Response:
        if (refusal := self.refuse_key(request)) is not None:
            return refusal
        query = request.query
        details = {name: ["Unrecognized key"] for name in query if name not in _LISTING}
        limit = query.get("limit", "20")
        if not limit.isdecimal() or not 1 <= int(limit) <= 100:
            details["limit"] = ["Number must be from 1 to 100"]
        if query.get("status", _STATUSES[0]) not in _STATUSES:
            details["status"] = [f"must be one of {', '.join(_STATUSES)}"]
        if "search" in query and not _is_uuid(query["search"]):
            details["search"] = ["Invalid uuid"]
        after = _place(query["cursor"]) if "cursor" in query else None
        if "cursor" in query and after is None:
            details["cursor"] = ["Invalid cursor"]
        if details:
            return _invalid(details)
        if query.get("scope", "user") != "user":
            return _error(403, "Only admins can list the team's jobs")

        own = [job for job in self._sandbox.account.submissions() if job.provider == PROVIDER]
        found = sorted(own, key=lambda job: (job.accepted, job.id), reverse=True)
        if "status" in query:
            found = [job for job in found if self._status(job) == query["status"]]
        if "model" in query:
            found = [job for job in found if _model(job) == query["model"]]
        if "search" in query:
            found = [job for job in found if job.id == query["search"]]
        if after is not None:
            found = [job for job in found if (job.accepted, job.id) < after]
        page, more = found[: int(limit)], len(found) > int(limit)
        answer: dict[str, Any] = {
            "jobs": [self._record(request, job) for job in page],
            "nextCursor": _cursor(page[-1]) if more else None,
            "hasMore": more,
        }
        if query.get("include_models") == "true":
            answer["models"] = sorted({_model(job) for job in own})
        return web.json_response(answer)

    async def me(self, request: web.Request) -> web.Response:
        """Who the caller is; the credits are those of a fresh account, or of one that is out of them."""
        if (refusal := self.refuse_key(request)) is not None:
            return refusal
        credits = 0 if self._sandbox.options.locked else 1000
        team = {"id": "sandbox", "name": "Sandbox", "credits": credits, "plan": "sandbox", "customerId": None}
        key = {"id": "sandbox", "name": "sandbox", "prefix": "afk_"}
        return web.json_response({"user": {"id": "sandbox"}, "team": team, "apiKey": key})

    def refuse_key(self, request: web.Request) -> web.Response | None:
        """The answer to a request that brings no key, or another than the sandbox's."""
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        key = request.headers.get("X-API-Key") or (bearer if scheme == "Bearer" else "")
        if not key:
            return _error(401, "Missing API key")
        if self._sandbox.options.key not in (None, key):
            return _error(401, "Invalid API key")
        return None

    def _status(self, job: Submission) -> str:
        if job.cancelled is not None:
            return "CANCELLED"
        stage = job.stage(self._sandbox.clock.now())
        if stage is Stage.OVER:
            return "COMPLETED" if job.outcome == "video" else "FAILED"
        return "QUEUED" if stage is Stage.WAITING else "PROCESSING"

    def _record(self, request: web.Request, job: Submission) -> dict[str, Any]:
        """A job as the listing has it; by its id it has its `input` besides."""
        now, status = self._sandbox.clock.now(), self._status(job)
        over = status in ("COMPLETED", "FAILED", "CANCELLED")
        done = status == "COMPLETED"
        share = (now - job.starts) / max(job.ends - job.starts, 1e-9)
        life = self._sandbox.options.link_seconds
        asked = read_body(job.body)
        cost = None if isinstance(asked, dict) else credits(asked)
        return {
            "id": job.id,
            "status": status,
            "model": _model(job),
            "progress": 100 if done else max(0, min(99, int(100 * share))),
            "result": {"videoUrl": file_url(request, job)} if done else None,
            "error": _reason(job) if status == "FAILED" else None,
            "creditCost": cost if job.billed or cost is None else 0,
            "webhookStatus": "pending" if isinstance(job.body, dict) and job.body.get("webhookUrl") else None,
            "createdAt": _time(job.accepted),
            "completedAt": _time(job.over) if over else None,
            "expired": done and life is not None and now >= job.ends + life,
        }

    def _rate_limited(self) -> web.Response:
        response = _error(429, "Rate limit exceeded")
        response.headers["Retry-After"] = str(self._sandbox.options.retry_after)
        return response


def _reason(job: Submission) -> str:
    if job.outcome == "refused":
        refused = "input prompt" if Fault.MODERATION_INPUT in asked_for(job.prompt) else "generated video"
        return f"The {refused} was blocked by the content policy"
    if job.outcome == "invalid":
        details = read_body(job.body)
        return f"Invalid parameters: {json.dumps(details)}" if isinstance(details, dict) else "Invalid parameters"
    return "Video generation failed upstream"


def _model(job: Submission) -> str:
    model = job.body.get("model") if isinstance(job.body, dict) else None
    return model if isinstance(model, str) else ""


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cursor(job: Submission) -> str:
    return base64.urlsafe_b64encode(json.dumps([job.accepted, job.id]).encode()).decode()


def _place(cursor: str) -> tuple[float, str] | None:
    try:
        accepted, id = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, TypeError, binascii.Error):
        return None
    return (accepted, id) if isinstance(accepted, float) and isinstance(id, str) else None


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _error(status: int, error: str) -> web.Response:
    return web.json_response({"error": error}, status=status)


def _invalid(details: dict[str, list[str]]) -> web.Response:
    return web.json_response({"error": "Invalid request body", "details": details}, status=400)
