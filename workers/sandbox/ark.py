"""The twin of Ark's video generation: `contents/generations/tasks` for Seedance 2.0 and 2.0 fast.

Sources: the source of BytePlus's own SDK, byteplussdkarkruntime 3.0.63, which works against this twin; Ark's pages on
creating, querying, listing and deleting a video generation task, and on its error codes. Both regions' names for the
models are known here. Where no source gives Ark's words, they are ours: so those for a body that is too large.

What it leaves out: `callback_url` is called once, when the task is over; a task never expires, for none takes an hour
here; a deleted record is back when the sandbox is started anew. Ark promises no order of its list; here it is the
newest first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from workers.sandbox.account import Footage, Stage, Submission, digest
from workers.sandbox.clips import frame_size
from workers.sandbox.content_schema import MOST_BODY_BYTES, ArkBody, Body, read_body
from workers.sandbox.faults import Fault
from workers.sandbox.twin import Sandbox, file_url, garbage, hang_up, last_frame_url, look

PROVIDER = "ark"

MODELS = tuple(f"{maker}-seedance-2-0{tier}-260128" for maker in ("dreamina", "doubao") for tier in ("", "-fast"))

STATUSES = ("queued", "running", "cancelled", "succeeded", "failed", "expired")

KEPT_SECONDS = 7 * 86_400
"""For how long a task can be asked for and is listed."""

_PATH = "contents/generations/tasks"
_LONGEST_PAGE = 500
_QUERY = frozenset(("page_num", "page_size", "filter.status", "filter.task_ids", "filter.model", "filter.service_tier"))

Problem = tuple[int, str, str, str]
"""An HTTP status, Ark's code, its message, and the parameter that it is about."""

OVERDUE: Problem = (403, "AccountOverdueError", "The request failed because your account has an overdue balance.", "")
UNAUTHENTICATED: Problem = (
    401,
    "AuthenticationError",
    "The API key or AK/SK in the request is missing or invalid.",
    "",
)
BUSY: Problem = (
    429,
    "ModelAccountRpmRateLimitExceeded",
    "RPM (Requests Per Minute) limit of the model is exceeded.",
    "",
)
OVERLOADED: Problem = (
    429,
    "ServerOverloaded",
    "The service is currently unable to handle additional requests due to server overload. Please retry later.",
    "",
)
BROKEN: Problem = (
    500,
    "InternalServiceError",
    "The service encountered an unexpected internal error.",
    "",
)
REFUSED_TEXT: Problem = (
    400,
    "InputTextSensitiveContentDetected",
    "The request failed because the input text may contain sensitive information.",
    "content",
)
REFUSED_VIDEO: Problem = (
    400,
    "OutputVideoSensitiveContentDetected",
    "The request failed because the output video may contain sensitive information.",
    "",
)

_TYPES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    413: "RequestEntityTooLarge",
    429: "TooManyRequests",
    500: "InternalServerError",
}


def routes(sandbox: Sandbox) -> Iterable[web.RouteDef]:
    """The four calls, with and without the `/api/v3` of Ark's host."""
    twin = _Ark(sandbox)
    return [
        route
        for tasks in (f"/{_PATH}", f"/api/v3/{_PATH}")
        for route in (
            web.post(tasks, twin.create),
            web.get(tasks, twin.tasks),
            web.get(f"{tasks}/{{id}}", twin.task),
            web.delete(f"{tasks}/{{id}}", twin.delete),
        )
    ]


class _Ark:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._deleted: set[str] = set()

    async def create(self, request: web.Request) -> web.Response:
        sandbox = self._sandbox
        if not let_in(sandbox, request):
            return self._refuse(UNAUTHENTICATED)
        if sandbox.options.locked:
            return self._refuse(OVERDUE)
        raw = await request.read()
        if len(raw) > MOST_BODY_BYTES:
            return self._refuse((413, "InvalidParameter", "The request body is larger than 64 MB.", ""))
        try:
            body = json.loads(raw)
        except ValueError as error:
            return self._refuse((400, "InvalidParameter", f"The request body is no JSON: {error}", ""))
        asked = read_body(ArkBody, body, nulls=True)
        if isinstance(asked, tuple):
            return self._refuse(unfit(asked))
        if asked.model not in MODELS:
            what = f"The model or endpoint {asked.model} does not exist or you do not have access to it."
            return self._refuse((404, "InvalidEndpoint.NotFound", what, "model"))

        def strikes(fault: Fault) -> bool:
            return sandbox.strikes(fault, subject(_PATH, body), asked.prompt)

        if (problem := struck(strikes)) is not None:
            return self._refuse(problem)
        if strikes(Fault.HANGUP):
            return hang_up(request)
        job = accept(sandbox, PROVIDER, _PATH, body, asked)
        status = "succeeded" if job.outcome == "video" else "failed"
        url = body.get("callback_url") if isinstance(body, dict) else None
        sandbox.call_back(job, url, {"id": task_id(job), "status": status})
        if strikes(Fault.DROP):
            return hang_up(request)
        if strikes(Fault.GARBAGE_SUBMIT):
            return garbage()
        return web.json_response({"id": task_id(job)})

    async def task(self, request: web.Request) -> web.Response:
        job = self._job(request)
        if isinstance(job, web.Response):
            return job
        if self._sandbox.strikes(Fault.POLL_RATE_LIMIT, job.id, job.prompt):
            return self._refuse(BUSY)
        if self._sandbox.strikes(Fault.POLL_ERROR, job.id, job.prompt):
            return self._refuse(BROKEN)
        if self._sandbox.strikes(Fault.GARBAGE, job.id, job.prompt):
            return garbage()
        return web.json_response(self._told(request, job))

    async def tasks(self, request: web.Request) -> web.Response:
        if not let_in(self._sandbox, request):
            return self._refuse(UNAUTHENTICATED)
        query = request.query
        if unknown := sorted(set(query) - _QUERY):
            return self._refuse((400, "InvalidParameter", f"There is no parameter `{unknown[0]}`.", unknown[0]))
        numbers = {}
        for name, otherwise in (("page_num", "1"), ("page_size", "10")):
            given = query.get(name, otherwise)
            if not given.isdecimal() or not 1 <= int(given) <= _LONGEST_PAGE:
                what = f"The parameter `{name}` must be from 1 to {_LONGEST_PAGE}."
                return self._refuse((400, "InvalidParameter", what, name))
            numbers[name] = int(given)
        status, ids, model = query.get("filter.status"), query.getall("filter.task_ids", []), query.get("filter.model")
        if status is not None and status not in STATUSES:
            what = f"The parameter `filter.status` must be one of {', '.join(STATUSES)}."
            return self._refuse((400, "InvalidParameter", what, "filter.status"))
        if query.get("filter.service_tier", "default") != "default":
            return web.json_response({"total": 0, "items": []})
        told = [self._told(request, job) for job in reversed(self._sandbox.account.submissions()) if self._is_kept(job)]
        found = [
            task
            for task in told
            if status in (None, task["status"]) and model in (None, task["model"]) and (not ids or task["id"] in ids)
        ]
        begin = (numbers["page_num"] - 1) * numbers["page_size"]
        return web.json_response({"total": len(found), "items": found[begin : begin + numbers["page_size"]]})

    async def delete(self, request: web.Request) -> web.Response:
        job = self._job(request)
        if isinstance(job, web.Response):
            return job
        stage = job.stage(self._sandbox.clock.now())
        if stage is Stage.OVER and job.cancelled is None:
            self._deleted.add(job.id)
        elif stage is not Stage.WAITING or not self._sandbox.cancel(job):
            what = "Operation is denied because operation is not supported while the target is in its current phase."
            return self._refuse((403, "OperationDenied.UnsupportedPhase", what, "id"))
        return web.json_response({})

    def _told(self, request: web.Request, job: Submission) -> dict[str, Any]:
        asked = read_body(ArkBody, job.body, nulls=True)
        assert isinstance(asked, Body)
        return told(self._sandbox, request, job, asked, model=asked.model)

    def _job(self, request: web.Request) -> Submission | web.Response:
        if not let_in(self._sandbox, request):
            return self._refuse(UNAUTHENTICATED)
        id = request.match_info["id"]
        job = self._sandbox.account.get(id.removeprefix("cgt-"))
        if job is None or task_id(job) != id or not self._is_kept(job):
            return self._refuse((404, "NotFound.Task", f"The specified task {id} is not found.", "id"))
        return job

    def _is_kept(self, job: Submission) -> bool:
        age = self._sandbox.clock.now() - job.accepted
        return job.provider == PROVIDER and job.id not in self._deleted and age < KEPT_SECONDS

    def _refuse(self, problem: Problem) -> web.Response:
        response = web.json_response(complaint(problem), status=problem[0])
        if problem[0] == 429:
            response.headers["Retry-After"] = str(self._sandbox.options.retry_after)
        return response


def let_in(sandbox: Sandbox, request: web.Request) -> bool:
    """Whether the request bears a key, and the one that the options ask for."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return scheme == "Bearer" and bool(key) and sandbox.options.key in (None, key)


def struck(strikes: Callable[[Fault], bool]) -> Problem | None:
    """The fault that strikes a submission before it is accepted, in Ark's words."""
    faults = (
        (Fault.RATE_LIMIT, BUSY),
        (Fault.SATURATED, OVERLOADED),
        (Fault.ERROR, BROKEN),
        (Fault.MODERATION_INPUT, REFUSED_TEXT),
    )
    return next((problem for fault, problem in faults if strikes(fault)), None)


def accept(sandbox: Sandbox, provider: str, endpoint: str, body: Any, asked: Body) -> Submission:
    """Accept a task at Ark, or for a gateway to it."""
    width, height = frame_size(asked.resolution, asked.ratio)
    footage = Footage(seconds=asked.seconds, width=width, height=height, audio=asked.generate_audio, look=look(body))
    return sandbox.accept(
        provider, endpoint, body, prompt=asked.prompt, footage=footage, subject=subject(endpoint, body)
    )


def subject(endpoint: str, body: dict[str, Any]) -> str:
    """What a fault strikes `once`: a body, whatever the expiry by which a client may tell its attempts apart."""
    return digest(endpoint, {name: value for name, value in body.items() if name != "execution_expires_after"})


def task_id(job: Submission) -> str:
    """The name of a job at Ark."""
    return f"cgt-{job.id}"


def status(sandbox: Sandbox, job: Submission) -> str:
    """What a job is doing, in Ark's word."""
    stage = job.stage(sandbox.clock.now())
    if job.cancelled is not None:
        return "cancelled"
    if stage is not Stage.OVER:
        return "running" if stage is Stage.RENDERING else "queued"
    return "succeeded" if job.outcome == "video" else "failed"


def told(sandbox: Sandbox, request: web.Request, job: Submission, asked: Body, *, model: str) -> dict[str, Any]:
    """A task as Ark tells of it. `asked` is the job's body; `model` is Ark's name for it."""
    word, now = status(sandbox, job), sandbox.clock.now()
    updated = {"queued": job.accepted, "running": job.starts}.get(word, job.over)
    task: dict[str, Any] = {
        "id": task_id(job),
        "model": model,
        "status": word,
        "created_at": int(job.accepted),
        "updated_at": int(updated),
        "seed": int(job.digest[:8], 16) if asked.seed == -1 else asked.seed,
        "resolution": asked.resolution,
        "ratio": "16:9" if asked.ratio == "adaptive" else asked.ratio,
        "duration": asked.seconds,
        "framespersecond": 24,
        "service_tier": asked.service_tier,
        "execution_expires_after": asked.execution_expires_after,
        "generate_audio": asked.generate_audio,
        "draft": False,
    }
    if asked.safety_identifier:
        task["safety_identifier"] = asked.safety_identifier
    if word == "failed":
        _, code, message, _ = REFUSED_VIDEO if job.outcome == "refused" else BROKEN
        task["error"] = {"code": code, "message": message}
    if word == "succeeded":
        life = sandbox.options.link_seconds
        kept = life is None or now < job.ends + life
        task["content"] = _content(request, job, asked) if kept else None
        tokens = _tokens(job)
        task["usage"] = {"completion_tokens": tokens, "total_tokens": tokens}
    return task


def unfit(problem: tuple[str, str, str]) -> Problem:
    """What `read_body` found wrong, as Ark says it."""
    code, parameter, what = problem
    return 400, code, f"The parameter `{parameter}` specified in the request is not valid: {what}.", parameter


def complaint(problem: Problem) -> dict[str, Any]:
    """A problem in Ark's form."""
    status, code, message, parameter = problem
    return {"error": {"code": code, "message": message, "param": parameter, "type": _TYPES[status]}}


def _content(request: web.Request, job: Submission, asked: Body) -> dict[str, str]:
    content = {"video_url": file_url(request, job)}
    if asked.return_last_frame:
        content["last_frame_url"] = last_frame_url(request, job)
    return content


def _tokens(job: Submission) -> int:
    """What Ark bills: width x height x frames / 1024, by its page on prices."""
    footage = job.footage
    return 0 if footage is None else footage.width * footage.height * 24 * footage.seconds // 1024
