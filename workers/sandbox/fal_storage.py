"""The twin of fal's storage: a token, and with it an upload to the CDN, whose URL a submission may name.

Source: fal-client 1.0.3 (`CDNTokenManager`, `_upload_v3`). fal has three hosts for it (rest.fal.ai, v3.fal.media); here
all is under one address. Files stay in the sandbox's cache, and outlive it as fal's outlive a week.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from aiohttp import web

from workers.sandbox.twin import Sandbox, base_url

TOKEN_SECONDS = 600.0
LARGEST = 100 * 1024 * 1024
"""Bytes: what is larger, fal's client sends in parts, which are not imitated."""


def routes(sandbox: Sandbox, refuse_key: Callable[[web.Request], web.Response | None]) -> Iterable[web.RouteDef]:
    """The two requests of an upload, and the file. `refuse_key` answers a request without a key."""
    twin = _Storage(sandbox, refuse_key)
    return [
        web.post("/storage/auth/token", twin.token),
        web.post("/files/upload", twin.upload),
        web.get("/fal-files/{name}", twin.file),
    ]


class _Storage:
    def __init__(self, sandbox: Sandbox, refuse_key: Callable[[web.Request], web.Response | None]) -> None:
        self._sandbox = sandbox
        self._refuse_key = refuse_key
        self._folder = sandbox.options.cache / "fal-files"
        self._tokens: dict[str, float] = {}

    async def token(self, request: web.Request) -> web.Response:
        if (refusal := self._refuse_key(request)) is not None:
            return refusal
        if request.query.get("storage_type") != "fal-cdn-v3":
            return web.json_response({"detail": "Unknown storage type"}, status=400)
        token, expires = secrets.token_hex(16), self._sandbox.clock.now() + TOKEN_SECONDS
        self._tokens[token] = expires
        return web.json_response(
            {
                "token": token,
                "token_type": "Bearer",
                "base_url": base_url(request),
                "expires_at": datetime.fromtimestamp(expires, UTC).isoformat(),
            }
        )

    async def upload(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or self._sandbox.clock.now() >= self._tokens.get(token, 0.0):
            return web.json_response({"detail": "Invalid token"}, status=401)
        content = await request.read()
        if not content or len(content) > LARGEST:
            return web.json_response({"detail": "A file has 1 byte to 100 MiB"}, status=413 if content else 400)
        # The name goes into the URL at fal too, after an id of fal's own.
        name = request.headers.get("X-Fal-File-Name", "upload.bin").rpartition("/")[2].lstrip(".") or "upload.bin"
        stored = f"{uuid.uuid4().hex}_{name}"
        await asyncio.to_thread(self._write, stored, content)
        return web.json_response({"access_url": f"{base_url(request)}/fal-files/{stored}"})

    async def file(self, request: web.Request) -> web.StreamResponse:
        path = self._folder / request.match_info["name"]
        if path.parent != self._folder or not await asyncio.to_thread(path.is_file):
            return web.Response(status=404, text="no such file\n")
        return web.FileResponse(path)

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_bytes(content)
