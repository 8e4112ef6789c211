"""The twin of Cloudflare's `POST /accounts/{account}/ai/run` for `bytedance/seedance-2.0` and `.../seedance-2.0-fast`.

Sources: the two model pages (the request and the "Raw response"), AI Gateway's pages on the REST API, on custom
metadata and on guardrails, and Workers AI's page on errors. The pages leave open what a failed render looks like, and
whether the REST API wraps the answer; here a failed render is a 500, a refusal by moderation has the codes of the
gateway's guardrails, and the option `cloudflare_envelope` chooses. Where no source gives Cloudflare's words, they are
ours.

The answer is held until the render is over by the sandbox's clock, as long as it takes. What it leaves out: the cache,
the repetitions by the gateway, other models, and the end that the network may put to a call of minutes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from workers.sandbox.account import Footage, Submission, digest
from workers.sandbox.clips import frame_size
from workers.sandbox.cloudflare_schema import INPUTS, Standard, read_input
from workers.sandbox.faults import Fault
from workers.sandbox.twin import Sandbox, file_url, garbage, hang_up, look

PROVIDER = "cloudflare"

MOST_METADATA = 5
"""Entries of `cf-aig-metadata`. The gateway drops what is more without a word; here it is refused."""

_MOST_ATTEMPTS = 5


def routes(sandbox: Sandbox) -> Iterable[web.RouteDef]:
    """The two routes, with and without the `/client/v4` of Cloudflare's host."""
    twin = _Cloudflare(sandbox)
    path = "/accounts/{account}/ai/run"
    return [
        route
        for before in ("", "/client/v4")
        for route in (
            web.post(before + path, twin.run),
            web.get(f"{before}/user/tokens/verify", twin.verify),
            web.get(f"{before}/accounts/{{account}}/tokens/verify", twin.verify),
        )
    ]


ACCOUNT_OWNED = "cfat_"
"""How a token begins that is taken to belong to an account; what it begins with at Cloudflare isn't documented."""


class _Cloudflare:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def verify(self, request: web.Request) -> web.Response:
        owned = request.headers.get("Authorization", "").startswith(f"Bearer {ACCOUNT_OWNED}")
        if not self._let_in(request) or owned != ("account" in request.match_info):
            return _refusal(401, (1000, "Invalid API Token"))
        told = {"code": 10000, "message": "This API Token is valid and active", "type": None}
        result = {"id": "sandbox", "status": "active"}
        return web.json_response({"result": result, "success": True, "errors": [], "messages": [told]})

    def _let_in(self, request: web.Request) -> bool:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and bool(key) and self._sandbox.options.key in (None, key)

    async def run(self, request: web.Request) -> web.Response:
        options = self._sandbox.options
        if not self._let_in(request):
            return _refusal(401, (10000, "Authentication error"))
        if options.locked:
            return _refusal(429, (3036, "You have used up your daily free allocation; upgrade to continue usage."))
        unfit = _unfit_headers(request)
        if unfit is not None:
            return _refusal(400, (5004, unfit))
        try:
            body = json.loads(await request.read())
        except ValueError as error:
            return _refusal(400, (5004, f"Invalid data: the body is no JSON: {error}"))
        if not isinstance(body, dict) or "model" not in body or "input" not in body:
            return _refusal(400, (3003, "Incomplete request: model and input are required"))
        unknown = sorted(set(body) - {"model", "input"})
        if unknown:
            return _refusal(400, (5004, f"Invalid data: no such field: {', '.join(unknown)}"))
        model = body["model"]
        if not isinstance(model, str) or model not in INPUTS:
            return _refusal(400, (5007, f"No such model: {model!r:.80}; the sandbox has {' and '.join(INPUTS)}"))
        asked = read_input(model, body["input"])
        if isinstance(asked, list):
            return _refusal(400, *((5004, f"Invalid data: {problem}") for problem in asked))
        return await self._render(request, model, body["input"], asked)

    async def _render(self, request: web.Request, model: str, body: dict[str, Any], asked: Standard) -> web.Response:
        sandbox, what = self._sandbox, digest(model, body)

        def strikes(fault: Fault) -> bool:
            return sandbox.strikes(fault, what, asked.prompt)

        if strikes(Fault.RATE_LIMIT):
            response = _refusal(429, (3040, "Capacity temporarily exceeded, please try again."))
            response.headers["Retry-After"] = str(sandbox.options.retry_after)
            return response
        if strikes(Fault.ERROR):
            return _refusal(500, (10013, "Internal server error"))
        if strikes(Fault.HANGUP):
            return hang_up(request)
        if strikes(Fault.MODERATION_INPUT):
            return _refusal(400, (2016, "Prompt blocked due to security configurations"))
        width, height = frame_size(asked.resolution, asked.aspect_ratio)
        footage = Footage(
            seconds=asked.duration, width=width, height=height, audio=asked.generate_audio, look=look(body)
        )
        job = sandbox.accept(PROVIDER, model, body, prompt=asked.prompt, footage=footage)
        if strikes(Fault.DROP):
            return hang_up(request)
        await sandbox.over(job)
        if strikes(Fault.GARBAGE_SUBMIT):
            return garbage()
        return self._over(request, job)

    def _over(self, request: web.Request, job: Submission) -> web.Response:
        if job.outcome == "refused":
            return _refusal(400, (2017, "Response blocked due to security configurations"), job=job)
        if job.outcome == "failed":
            return _refusal(500, (10013, "Internal server error"), job=job)
        raw = {
            "state": "Completed",
            "result": {"video": file_url(request, job)},
            "gatewayMetadata": {"keySource": "Unified"},
        }
        wrapped = {"result": raw, "success": True, "errors": [], "messages": []}
        answer = raw if self._sandbox.options.cloudflare_envelope == "raw" else wrapped
        return web.json_response(answer, headers=_named(job))


def _unfit_headers(request: web.Request) -> str | None:
    """What is wrong with the gateway's headers: AI Gateway's pages on the REST API and on custom metadata."""
    attempts = request.headers.get("cf-aig-max-attempts")
    if attempts is not None and not (attempts.isdecimal() and 1 <= int(attempts) <= _MOST_ATTEMPTS):
        return f"cf-aig-max-attempts: {attempts!r} is not a number from 1 to {_MOST_ATTEMPTS}"
    skip = request.headers.get("cf-aig-skip-cache")
    if skip is not None and skip not in ("true", "false"):
        return f"cf-aig-skip-cache: {skip!r} is neither true nor false"
    given = request.headers.get("cf-aig-metadata")
    if given is None:
        return None
    try:
        metadata = json.loads(given)
    except ValueError:
        return "cf-aig-metadata: no JSON"
    if not isinstance(metadata, dict) or len(metadata) > MOST_METADATA:
        return f"cf-aig-metadata: must be an object of at most {MOST_METADATA} entries"
    unfit = [name for name, value in metadata.items() if not isinstance(value, (str, int, float, bool))]
    return f"cf-aig-metadata: {', '.join(unfit)} must be strings, numbers or booleans" if unfit else None


def _refusal(status: int, *problems: tuple[int, str], job: Submission | None = None) -> web.Response:
    errors = [{"code": code, "message": message} for code, message in problems]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    return web.json_response(body, status=status, headers={} if job is None else _named(job))


def _named(job: Submission) -> dict[str, str]:
    # AI Gateway names its log entry so; in its clients' eyes it is the only name that a call has.
    return {"cf-aig-log-id": job.id, "cf-ray": f"{job.digest[:16]}-BOX"}
