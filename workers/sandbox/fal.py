"""The twin of fal's queue API: `bytedance/seedance-2.0[/fast]/{text,image,reference}-to-video`.

Sources: fal's pages on the queue (api-reference/inference-api/queue/{submit,status,cancel}) and on errors
(documentation/model-apis/{errors,request-errors}), and the source of fal's own Python client, fal-client
1.0.3, which works against this twin. Where no source gives fal's words, they are ours: so those of a 401.

What it leaves out: the event stream of a status, and the synchronous host `fal.run`. Uploads are `fal_storage`, and
calls are signed by `fal_signing`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from workers.sandbox import fal_storage
from workers.sandbox.account import Footage, Outcome, Stage, Submission, digest
from workers.sandbox.clips import frame_size
from workers.sandbox.fal_schema import BODIES, TextToVideo, read_body
from workers.sandbox.fal_signing import FalSigning
from workers.sandbox.faults import Fault, asked_for
from workers.sandbox.twin import Sandbox, base_url, file_url, garbage, hang_up, look

PROVIDER = "fal"

LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
"""What fal says, with a 403, to an account that has run out of money (its tracker, fal-ai/fal #1147 and others).
Jobs that it accepted before are still answered for."""

_OWNERS = "bytedance|fal-ai"
_APP = "bytedance/seedance-2.0"
_ENDPOINTS = {f"{_APP}{tier}/{task}": task for tier in ("", "/fast") for task in BODIES}
# fal accepts any path under an app that it knows, and finds out only when it runs that it leads nowhere. So
# it is with `fal-ai/bytedance/seedance-2.0/...`, whose app is `fal-ai/bytedance`.
_APPS = (_APP, "fal-ai/bytedance")


def routes(sandbox: Sandbox) -> Iterable[web.RouteDef]:
    """The routes of fal's queue host."""
    twin = _Fal(sandbox)
    app = f"/{{owner:{_OWNERS}}}/{{alias}}"
    request = f"{app}/requests/{{id}}"
    return [
        web.post(f"{app}/{{path:.+}}", twin.submit),
        web.get(f"{request}/status", twin.status),
        web.get(request, twin.result),
        web.get(f"{request}/response", twin.result),
        web.put(f"{request}/cancel", twin.cancel),
        *fal_storage.routes(sandbox, twin._refuse_key),
        *twin.signing.routes(),
    ]


class _Fal:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.signing = FalSigning(sandbox.clock)

    async def submit(self, request: web.Request) -> web.Response:
        options = self._sandbox.options
        if (refusal := self._refuse_key(request)) is not None:
            return refusal
        if options.locked:
            return _answer(403, {"detail": LOCKED})
        app, path = _app(request), request.match_info["path"]
        endpoint = f"{app}/{path}"
        if app not in _APPS:
            return _answer(404, {"detail": f"Application {app!r} not found"})
        try:
            body = json.loads(await request.read())
        except ValueError as error:
            problem = {
                "type": "json_invalid",
                "loc": ["body"],
                "msg": f"JSON decode error: {error}",
                "input": {},
            }
            return _answer(422, {"detail": [problem]})
        if endpoint not in _ENDPOINTS:
            return self._accepted(request, self._accept(endpoint, body, outcome="misdirected"))
        asked = read_body(_ENDPOINTS[endpoint], body)
        if isinstance(asked, list):
            if not options.late_validation:
                return _answer(422, {"detail": asked})
            return self._accepted(request, self._accept(endpoint, body, outcome="invalid"))
        return self._submit_valid(request, endpoint, body, asked)

    def _submit_valid(self, request: web.Request, endpoint: str, body: Any, asked: TextToVideo) -> web.Response:
        what = digest(endpoint, body)

        def strikes(fault: Fault) -> bool:
            return self._sandbox.strikes(fault, what, asked.prompt)

        if strikes(Fault.RATE_LIMIT):
            return self._rate_limited()
        if strikes(Fault.ERROR):
            return _answer(500, {"detail": "Internal server error", "error_type": "internal_error"})
        if strikes(Fault.HANGUP):
            return hang_up(request)
        width, height = frame_size(asked.resolution, asked.aspect_ratio)
        footage = Footage(
            seconds=asked.seconds, width=width, height=height, audio=asked.generate_audio, look=look(body)
        )
        job = self._accept(endpoint, body, prompt=asked.prompt, footage=footage)
        told = {"request_id": job.id, "gateway_request_id": job.id, "payload": None}
        told["status"] = "OK" if job.outcome == "video" else "ERROR"
        signed = functools.partial(self.signing.headers, job.id)
        self._sandbox.call_back(job, request.query.get("fal_webhook"), dict(told), signed)
        if strikes(Fault.DROP):
            return hang_up(request)
        if strikes(Fault.GARBAGE_SUBMIT):
            return garbage()
        return self._accepted(request, job)

    def _accept(
        self,
        endpoint: str,
        body: Any,
        *,
        prompt: str = "",
        footage: Footage | None = None,
        outcome: Outcome = "video",
    ) -> Submission:
        return self._sandbox.accept(PROVIDER, endpoint, body, prompt=prompt, footage=footage, outcome=outcome)

    def _accepted(self, request: web.Request, job: Submission) -> web.Response:
        position = self._sandbox.account.position(job.id, self._sandbox.clock.now())
        return _answer(
            200,
            {
                "status": "IN_QUEUE",
                "request_id": job.id,
                **_urls(request, job),
                "logs": None,
                "metrics": {},
                "queue_position": position,
            },
            job,
        )

    async def status(self, request: web.Request) -> web.Response:
        job = self._job(request)
        if isinstance(job, web.Response):
            return job
        sandbox = self._sandbox
        if sandbox.strikes(Fault.POLL_RATE_LIMIT, job.id, job.prompt):
            return self._rate_limited()
        if sandbox.strikes(Fault.POLL_ERROR, job.id, job.prompt):
            return _answer(500, {"detail": "Internal server error", "error_type": "internal_error"})
        if sandbox.strikes(Fault.GARBAGE, job.id, job.prompt):
            return garbage()

        now = sandbox.clock.now()
        known = {"request_id": job.id, **_urls(request, job)}
        stage = job.stage(now)
        if stage is Stage.WAITING:
            position = sandbox.account.position(job.id, now)
            return _answer(202, {"status": "IN_QUEUE", "queue_position": position, **known}, job)
        # The Python client sends true or false, the JavaScript client 1 or 0.
        logs = _logs(job, now) if request.query.get("logs", "0").lower() in ("1", "true") else None
        if stage is Stage.RENDERING:
            return _answer(202, {"status": "IN_PROGRESS", "logs": logs, **known}, job)
        over: dict[str, Any] = {"status": "COMPLETED", "logs": logs, **known}
        over["metrics"] = {"inference_time": round(max(0.0, job.over - job.starts), 3)}
        # fal has no status for failure. Its newer answers name the error here, but not all do: what the model
        # refused is seen in the result alone.
        if job.cancelled is not None:
            over |= {"error": "Request was cancelled", "error_type": "client_cancelled"}
        elif job.outcome == "failed":
            over |= {"error": "Internal server error", "error_type": "internal_server_error"}
        return _answer(200, over, job)

    async def result(self, request: web.Request) -> web.Response:
        job = self._job(request)
        if isinstance(job, web.Response):
            return job
        if job.stage(self._sandbox.clock.now()) is not Stage.OVER:
            return _answer(400, {"detail": "Request is still in progress"}, job)
        if job.cancelled is not None:
            return _request_error(499, "Request was cancelled", "client_cancelled", job)
        if job.outcome == "misdirected":
            return _answer(404, {"detail": f"Path /{job.endpoint.split('/', 2)[2]} not found"}, job)
        if job.outcome == "invalid":
            return _model_error(422, read_body(_ENDPOINTS[job.endpoint], job.body), job, retryable=False)
        if job.outcome == "refused":
            return _model_error(422, [_refusal(job)], job, retryable=False)
        if job.outcome == "failed":
            problem = _problem("internal_server_error", ["body"], "Internal server error", job.body)
            return _model_error(500, [problem], job, retryable=True)
        video = {
            "url": file_url(request, job),
            "content_type": "video/mp4",
            "file_name": f"{job.id}.mp4",
            "file_size": len(await self._sandbox.video(job)),
        }
        seed = job.body.get("seed", int(job.digest[:8], 16))
        return _answer(200, {"video": video, "seed": seed}, job)

    async def cancel(self, request: web.Request) -> web.Response:
        job = self._job(request)
        if isinstance(job, web.Response):
            return job
        if job.stage(self._sandbox.clock.now()) is Stage.OVER:
            return _answer(400, {"status": "ALREADY_COMPLETED"}, job)
        # A job that renders gets a signal, and it is for the model to heed it.
        self._sandbox.cancel(job, rendering=self._sandbox.strikes(Fault.STOPS, job.id, job.prompt))
        return _answer(202, {"status": "CANCELLATION_REQUESTED"}, job)

    def _refuse_key(self, request: web.Request) -> web.Response | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Key" or not key:
            return _answer(401, {"detail": "Authentication is required to access this application."})
        if self._sandbox.options.key not in (None, key):
            return _answer(401, {"detail": "No user found for Key ID and Secret"})
        return None

    def _job(self, request: web.Request) -> Submission | web.Response:
        if (refusal := self._refuse_key(request)) is not None:
            return refusal
        job = self._sandbox.account.get(request.match_info["id"])
        if job is None or job.provider != PROVIDER or not job.endpoint.startswith(_app(request) + "/"):
            return _answer(404, {"status": "NOT_FOUND"})
        return job

    def _rate_limited(self) -> web.Response:
        response = _answer(429, {"detail": "Too many requests", "error_type": "concurrent_requests_limit"})
        response.headers["Retry-After"] = str(self._sandbox.options.retry_after)
        return response


def _app(request: web.Request) -> str:
    return f"{request.match_info['owner']}/{request.match_info['alias']}"


def _urls(request: web.Request, job: Submission) -> dict[str, str]:
    # Only owner and alias are kept of the endpoint: fal drops the rest from the URLs it returns.
    owner, alias, _ = job.endpoint.split("/", 2)
    response = f"{base_url(request)}/{owner}/{alias}/requests/{job.id}"
    return {"response_url": response, "status_url": f"{response}/status", "cancel_url": f"{response}/cancel"}


def _logs(job: Submission, now: float) -> list[dict[str, str]]:
    told = [(job.starts, "Rendering has begun."), (job.over, "Rendering has ended.")]
    return [
        {
            "message": message,
            "timestamp": datetime.fromtimestamp(at, UTC).isoformat(),
            "level": "INFO",
            "source": "sandbox",
        }
        for at, message in told
        if at <= now and job.over >= job.starts
    ]


def _refusal(job: Submission) -> dict[str, Any]:
    problem = _problem(
        "content_policy_violation",
        ["body", "prompt"],
        "The content could not be processed because it contained material flagged by a content checker.",
        job.body,
    )
    if Fault.MODERATION_INPUT not in asked_for(job.prompt):
        return problem
    # By nothing but this does fal say that it was the input.
    return {**problem, "ctx": {"extra_info": {"reason": "partner_validation_failed"}}}


def _problem(type: str, loc: list[str], message: str, given: Any) -> dict[str, Any]:
    return {
        "loc": loc,
        "msg": message,
        "type": type,
        "url": f"https://docs.fal.ai/errors#{type}",
        "input": given,
    }


def _model_error(status: int, detail: Any, job: Submission, *, retryable: bool) -> web.Response:
    response = _answer(status, {"detail": detail}, job)
    response.headers["X-Fal-Retryable"] = str(retryable).lower()
    return response


def _request_error(status: int, message: str, type: str, job: Submission) -> web.Response:
    response = _answer(status, {"detail": message, "error_type": type}, job)
    response.headers["X-Fal-Error-Type"] = type
    return response


def _answer(status: int, body: Any, job: Submission | None = None) -> web.Response:
    headers = {} if job is None else {"x-fal-request-id": job.id}
    return web.json_response(body, status=status, headers=headers)
