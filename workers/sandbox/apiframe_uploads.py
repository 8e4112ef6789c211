"""The twin of Apiframe's uploads and assets: how a local file or a URL becomes something that a job may name.

Source: `/v2/uploads`, `/v2/assets/create` and `/v2/assets/{assetId}` in Apiframe's OpenAPI document 2.0.0. Uploads live
for an hour, as short as it says they do; neither they nor the assets outlive the sandbox.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from aiohttp import BodyPartReader, web

from workers.sandbox.twin import Sandbox, base_url

Kind = Literal["image", "video", "audio"]

MEGABYTE = 1_000_000
LARGEST: dict[Kind, int] = {"image": 25 * MEGABYTE, "audio": 25 * MEGABYTE, "video": 50 * MEGABYTE}
LIFE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _Upload:
    path: Path
    content_type: str
    expires: float


def routes(sandbox: Sandbox, refuse_key: Callable[[web.Request], web.Response | None]) -> Iterable[web.RouteDef]:
    """The three routes, and the one under which an upload can be had. `refuse_key` answers a request without a key."""
    twin = _Uploads(sandbox, refuse_key)
    return [
        web.post("/v2/uploads", twin.upload),
        web.post("/v2/assets/create", twin.create_asset),
        web.get("/v2/assets/{id}", twin.asset),
        web.get("/uploads/{name}", twin.file),
    ]


class _Uploads:
    def __init__(self, sandbox: Sandbox, refuse_key: Callable[[web.Request], web.Response | None]) -> None:
        self._sandbox = sandbox
        self._refuse_key = refuse_key
        self._uploads: dict[str, _Upload] = {}
        self._assets: dict[str, dict[str, Any]] = {}

    async def upload(self, request: web.Request) -> web.Response:
        if (refusal := self._refuse_key(request)) is not None:
            return refusal
        content = await _file_part(request)
        if content is None:
            return _invalid("No file uploaded", "file", "Required")
        found = sniff(content)
        if found is None:
            return _invalid(
                "Unsupported file type", "file", "PNG, JPEG, WebP, GIF, MP4, WebM, MOV, MP3, WAV, OGG or M4A"
            )
        kind, content_type, ending = found
        if len(content) > LARGEST[kind]:
            return _invalid("File too large", "file", f"at most {LARGEST[kind] // MEGABYTE} MB for {kind}")
        id = str(uuid.uuid4())
        name = f"{id}.{ending}"
        path = self._sandbox.options.cache / "uploads" / name
        await asyncio.to_thread(_write, path, content)
        expires = self._sandbox.clock.now() + LIFE_SECONDS
        self._uploads[name] = _Upload(path, content_type, expires)
        answer = {
            "id": id,
            "url": f"{base_url(request)}/uploads/{name}",
            "kind": kind,
            "contentType": content_type,
            "byteSize": len(content),
            "expiresAt": datetime.fromtimestamp(expires, UTC).isoformat(timespec="milliseconds"),
        }
        return web.json_response(answer, status=201)

    async def file(self, request: web.Request) -> web.StreamResponse:
        upload = self._uploads.get(request.match_info["name"])
        if upload is None or self._sandbox.clock.now() >= upload.expires:
            return web.Response(status=404, text="no such file\n")
        return web.FileResponse(upload.path, headers={"Content-Type": upload.content_type})

    async def create_asset(self, request: web.Request) -> web.Response:
        if (refusal := self._refuse_key(request)) is not None:
            return refusal
        try:
            body = json.loads(await request.read())
        except ValueError:
            return _invalid("Invalid request body", "", "no JSON")
        url, type = (body.get("url"), body.get("type")) if isinstance(body, dict) else (None, None)
        if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            return _invalid("Invalid request body", "url", "Invalid url")
        if type not in LARGEST:
            return _invalid("Invalid request body", "type", f"must be one of {', '.join(LARGEST)}")
        id = f"asset-{uuid.uuid4()}"
        self._assets[id] = {"id": id, "url": url, "type": type, "status": "Active"}
        return web.json_response({"assetId": id}, status=201)

    async def asset(self, request: web.Request) -> web.Response:
        if (refusal := self._refuse_key(request)) is not None:
            return refusal
        asset = self._assets.get(request.match_info["id"])
        if asset is None:
            return web.json_response({"error": "Asset not found"}, status=404)
        return web.json_response(asset)


def sniff(content: bytes) -> tuple[Kind, str, str] | None:
    """The kind, the content type and the file ending of `content` by its first bytes; None for what isn't taken."""
    head = content[:12]
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image", "image/png", "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image", "image/jpeg", "jpg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image", "image/gif", "gif"
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return "image", "image/webp", "webp"
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        return "audio", "audio/wav", "wav"
    if head.startswith(b"OggS"):
        return "audio", "audio/ogg", "ogg"
    if head.startswith(b"ID3") or head[:2] in (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"):
        return "audio", "audio/mpeg", "mp3"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video", "video/webm", "webm"
    if head[4:8] == b"ftyp":
        if head[8:] == b"M4A ":
            return "audio", "audio/mp4", "m4a"
        return ("video", "video/quicktime", "mov") if head[8:] == b"qt  " else ("video", "video/mp4", "mp4")
    return None


async def _file_part(request: web.Request) -> bytes | None:
    """What the form's `file` holds, and no more of it than says that it is too large."""
    if not request.content_type.startswith("multipart/"):
        return None
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name == "file":
            content = bytearray()
            while chunk := await part.read_chunk(1 << 16):
                if len(content) <= max(LARGEST.values()):
                    content += chunk
            return bytes(content)
    return None


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _invalid(error: str, place: str, problem: str) -> web.Response:
    return web.json_response({"error": error, "details": {place: [problem]}}, status=400)
