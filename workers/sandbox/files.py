"""The videos that the sandbox has rendered, under URLs that need no key, and what goes wrong in downloading.

Ranges, strong tags and `If-Range` as RFC 9110 has them (sections 13.1.5 and 14), for a download that was cut
may be taken up again.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable

from aiohttp import web

from workers.sandbox.account import Stage, Submission
from workers.sandbox.faults import Fault
from workers.sandbox.twin import Sandbox

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PAGE = b"<!doctype html><title>Just a moment...</title><h1>Checking your browser</h1>\n"


def routes(sandbox: Sandbox) -> Iterable[web.RouteDef]:
    """GET and HEAD of `/files/<job>.mp4`, and of the video's last frame at `/files/<job>.png`."""

    serial = itertools.count()

    async def file(request: web.Request) -> web.StreamResponse:
        job = _rendered(sandbox, request)
        if isinstance(job, web.Response):
            return job
        return await _answer(sandbox, request, job, next(serial))

    async def picture(request: web.Request) -> web.StreamResponse:
        job = _rendered(sandbox, request)
        if isinstance(job, web.Response):
            return job
        return web.Response(body=await sandbox.last_frame(job), content_type="image/png")

    return [web.get("/files/{job}.mp4", file), web.get("/files/{job}.png", picture)]


def _rendered(sandbox: Sandbox, request: web.Request) -> Submission | web.Response:
    job = sandbox.account.get(request.match_info["job"])
    now = sandbox.clock.now()
    if job is None or job.outcome != "video" or job.cancelled is not None or job.stage(now) is not Stage.OVER:
        return web.Response(status=404, text="no such file\n")
    life = sandbox.options.link_seconds
    if life is not None and now >= job.ends + life:
        return web.Response(status=403, text="this link has expired\n")
    return job


async def _answer(sandbox: Sandbox, request: web.Request, job: Submission, serial: int) -> web.StreamResponse:
    def strikes(fault: Fault) -> bool:
        return request.method == "GET" and sandbox.strikes(fault, job.id, job.prompt)

    if strikes(Fault.EXPIRED):
        return web.Response(status=403, text="this link has expired\n")
    if strikes(Fault.BUSY):
        return web.Response(status=503, text="slow down\n", headers={"Retry-After": str(sandbox.options.retry_after)})
    if strikes(Fault.HTML):
        return web.Response(body=_PAGE, content_type="text/html")

    video = await sandbox.video(job)
    if strikes(Fault.TRUNCATED):
        video = video[:-1]
    if strikes(Fault.CHUNKED):
        return await _chunked(request, video)

    tag = f'"{hashlib.sha256(video).hexdigest()[:32]}"'
    if strikes(Fault.NEW_ETAG):
        tag = f'"{serial}"'
    if strikes(Fault.WEAK_ETAG):
        tag = f"W/{tag}"
    headers = {"ETag": tag, "Accept-Ranges": "bytes"}
    status, begin, end = 200, 0, len(video)
    wanted = None if strikes(Fault.NO_RANGE) else request.headers.get("Range")
    condition = request.headers.get("If-Range")
    # A weak tag never matches: RFC 9110 section 13.1.5 compares If-Range strongly.
    unchanged = condition is None or (condition == tag and not tag.startswith("W/"))
    reach = _reach(wanted, len(video)) if wanted is not None and unchanged else None
    if reach is not None:
        begin, end = reach
        if begin >= end:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(video)}"})
        status = 206
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(video)}"
    if strikes(Fault.CUT):
        return await _cut(request, video[begin:end], status, headers)
    return web.Response(status=status, body=video[begin:end], headers=headers, content_type="video/mp4")


def _reach(wanted: str, size: int) -> tuple[int, int] | None:
    # None for what is not one range of bytes, which a server may ignore (RFC 9110 section 14.2).
    match = _RANGE.fullmatch(wanted.strip())
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    end = min(int(last) + 1, size) if last else size
    if last and int(last) < int(first):
        return None
    return int(first), end


async def _cut(request: web.Request, body: bytes, status: int, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    response.content_type = "video/mp4"
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _chunked(request: web.Request, video: bytes) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = "video/mp4"
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(video)
    await response.write_eof()
    return response
