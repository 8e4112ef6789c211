"""The twin of AnyFast's `/v1/video/generations` for `seedance-fast` and `seedance-2.0`.

Sources: AnyFast's page of Seedance 2.0 Fast (what a request may hold), its guide to the task query (how a task is told
of), its introduction (how errors look), and what its clients have seen besides: Ark's errors as JSON in a string, the
gateway's own `insufficient_user_quota` and `upstream_load_saturated`, and creates that hang. AnyFast relays to Ark, so
a task is Ark's (`workers.sandbox.ark`) in an envelope of the gateway's. Where no source gives its words, they are ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from workers.sandbox import ark
from workers.sandbox.account import Submission
from workers.sandbox.content_schema import MOST_BODY_BYTES, AnyFastBody, Body, read_body
from workers.sandbox.faults import Fault
from workers.sandbox.twin import Sandbox, file_url, garbage, hang_up

PROVIDER = "anyfast"

MODELS = {
    "seedance-2.0": "doubao-seedance-2-0-260128",
    "seedance-fast": "doubao-seedance-2-0-fast-260128",
}
"""Their names here, and at Ark."""

_PATH = "v1/video/generations"
_OUTER = {"queued": "QUEUED", "running": "IN_PROGRESS", "succeeded": "SUCCESS"}
_PROGRESS = {"queued": "10%", "running": "50%"}


def routes(sandbox: Sandbox) -> Iterable[web.RouteDef]:
    """The two calls."""
    twin = _AnyFast(sandbox)
    return [web.post(f"/{_PATH}", twin.create), web.get(f"/{_PATH}/{{id}}", twin.query)]


class _AnyFast:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def create(self, request: web.Request) -> web.Response:
        sandbox = self._sandbox
        if not ark.let_in(sandbox, request):
            return _documented(401, "Invalid token", "invalid_api_key")
        if sandbox.options.locked:
            return _own(403, "insufficient_user_quota", "The user quota is insufficient, remaining quota: $0.000000")
        raw = await request.read()
        if len(raw) > MOST_BODY_BYTES:
            return _documented(413, "The request body is larger than 64 MB.", "request_too_large")
        try:
            body = json.loads(raw)
        except ValueError as error:
            return _documented(400, f"The request body is no JSON: {error}", "invalid_request")
        asked = read_body(AnyFastBody, body, nulls=False)
        if isinstance(asked, tuple):
            return _relayed(ark.unfit(asked))
        if asked.model not in MODELS:
            return _documented(400, f"There is no model {asked.model}.", "model_not_found")

        def strikes(fault: Fault) -> bool:
            return sandbox.strikes(fault, ark.subject(_PATH, body), asked.prompt)

        if strikes(Fault.RATE_LIMIT):
            return self._busy()
        if strikes(Fault.SATURATED):
            return _own(403, "upstream_load_saturated", "The upstream load of this group is saturated, try again later")
        if strikes(Fault.ERROR):
            return _documented(500, "Internal server error", "internal_error")
        if strikes(Fault.HANGUP):
            return hang_up(request)
        if strikes(Fault.MODERATION_INPUT):
            return _relayed(ark.REFUSED_TEXT)
        job = ark.accept(sandbox, PROVIDER, _PATH, body, asked)
        if strikes(Fault.DROP):
            return hang_up(request)
        await sandbox.until(job.accepted + sandbox.options.anyfast_hang_seconds)
        if strikes(Fault.GARBAGE_SUBMIT):
            return garbage()
        return web.json_response(
            {
                "id": _task_id(job),
                "task_id": _task_id(job),
                "object": "video",
                "model": asked.model,
                "status": "queued",
                "progress": 0,
                "created_at": int(job.accepted),
            }
        )

    async def query(self, request: web.Request) -> web.Response:
        sandbox = self._sandbox
        if not ark.let_in(sandbox, request):
            return _documented(401, "Invalid token", "invalid_api_key")
        id = request.match_info["id"]
        job = sandbox.account.get(id.removeprefix("asyntask_"))
        expired = job is not None and sandbox.clock.now() - job.accepted >= ark.KEPT_SECONDS
        if job is None or job.provider != PROVIDER or _task_id(job) != id or expired:
            return _documented(404, f"There is no task {id}.", "task_not_found")
        if sandbox.strikes(Fault.POLL_RATE_LIMIT, job.id, job.prompt):
            return self._busy()
        if sandbox.strikes(Fault.POLL_ERROR, job.id, job.prompt):
            return _documented(500, "Internal server error", "internal_error")
        if sandbox.strikes(Fault.GARBAGE, job.id, job.prompt):
            return garbage()
        return web.json_response({"code": "success", "message": "", "data": self._told(request, job)})

    def _told(self, request: web.Request, job: Submission) -> dict[str, Any]:
        asked = read_body(AnyFastBody, job.body, nulls=False)
        assert isinstance(asked, Body)
        inner = ark.told(self._sandbox, request, job, asked, model=MODELS[asked.model])
        word = inner["status"]
        over = word not in _PROGRESS
        outer: dict[str, Any] = {
            "task_id": _task_id(job),
            "action": _action(asked),
            "status": _OUTER.get(word, "FAILURE"),
            "fail_reason": "",
            "submit_time": int(job.accepted),
            "start_time": 0 if word in ("queued", "cancelled") else int(job.starts),
            "finish_time": int(job.over) if over else 0,
            "progress": _PROGRESS.get(word, "100%"),
            "request_id": f"req-{job.digest[:16]}",
            "data": inner,
        }
        if word == "failed":
            outer["fail_reason"] = f"{inner['error']['code']}: {inner['error']['message']}"
        if word == "succeeded":
            # The gateway keeps the URL that Ark gave it, and gives it out although it is dead by then.
            outer["result_url"] = outer["fail_reason"] = file_url(request, job)
        return outer

    def _busy(self) -> web.Response:
        response = _documented(429, "Too many requests", "rate_limit_exceeded")
        response.headers["Retry-After"] = str(self._sandbox.options.retry_after)
        return response


def _task_id(job: Submission) -> str:
    return f"asyntask_{job.id}"


def _action(asked: Body) -> str:
    """What the gateway calls the mode: AnyFast's guide to the task query."""
    roles = asked.roles
    if roles["last_frame"]:
        return "firstTailGenerate"
    if roles["reference_video"] or roles["reference_audio"]:
        return "omniGenerate"
    return "referenceGenerate" if roles["reference_image"] else "generate"


def _documented(status: int, message: str, code: str) -> web.Response:
    """An error in the form of AnyFast's introduction."""
    return web.json_response({"error": {"message": message, "type": "anyfast_error", "code": code}}, status=status)


def _own(status: int, code: str, message: str) -> web.Response:
    """An error in the form that the gateway's own were seen in."""
    return web.json_response({"code": code, "message": message, "data": None}, status=status)


def _relayed(problem: ark.Problem) -> web.Response:
    """Ark's error as JSON in the string of the gateway's own."""
    return _own(problem[0], "fail_to_fetch_task", json.dumps(ark.complaint(problem)))
