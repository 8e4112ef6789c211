"""A small server for one page on this machine, in which what is picked is saved straight into the batch.

It listens to this machine alone, answers nobody who came by another name (a page elsewhere could otherwise reach it by
a name that it had point here), and takes picks only with the token that stands in the page it gave out.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from workers.errors import StoreError
from workers.gallery.data import page_data
from workers.gallery.looking import GALLERY, Onlooker
from workers.gallery.page import origin_of, write_page
from workers.picks import Pick, add_picks
from workers.receipts import keys_of

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
LINK_SECONDS = 3_600
LARGEST_PICKS = 8 * 1024 * 1024
"""Bytes of one request."""

_SERVED = (".mp4", ".last.png", ".poster.webp", ".receipt.json")
_PICKS: TypeAdapter[dict[str, Pick]] = TypeAdapter(dict[str, Pick])


def application(onlooker: Onlooker, *, token: str | None = None) -> web.Application:
    """The server of one batch's page. `token` is what picks are taken with; without it, one is made up.

    A batch in a folder is served from there, by ranges; one in a bucket by links that hold for an hour.
    """
    return _Server(onlooker, token or secrets.token_urlsafe(24)).application()


async def listen(app: web.Application, port: int) -> tuple[web.AppRunner, str]:
    """Serve on this machine at `port` (0: a free one); what to clean up, and the address. Raises OSError."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, HOST, port)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, f"http://{HOST}:{runner.addresses[0][1]}/"


class _Server:
    def __init__(self, onlooker: Onlooker, token: str) -> None:
        self._onlooker = onlooker
        self._token = token
        self._files: dict[str, bytes] = {}
        self._names: set[str] = set()
        self._looking = asyncio.Lock()

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=LARGEST_PICKS)
        app.add_routes(
            [
                web.get("/", self._page),
                web.post("/picks", self._take_picks),
                web.get("/{name:.+}", self._file),
            ]
        )
        return app

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        name = request.host.rpartition(":")[0] or request.host
        if name not in (HOST, "localhost"):
            raise web.HTTPForbidden(text=f"this page is at {HOST}, and nowhere else")
        try:
            response = await handler(request)
        except StoreError as error:
            log.warning("%s", error)
            raise web.HTTPBadGateway(text=str(error)) from error
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    async def _page(self, request: web.Request) -> web.StreamResponse:
        async with self._looking:
            await asyncio.to_thread(self._look)
        return web.Response(
            body=self._files[GALLERY],
            content_type="text/html",
            charset="utf-8",
            headers={"Cache-Control": "no-store", "X-Frame-Options": "DENY"},
        )

    def _look(self) -> None:
        listing = self._onlooker.listing()
        if listing is None:
            raise StoreError(f"there is no batch {self._onlooker.batch!r} in the store any more")
        view = self._onlooker.view(listing)
        self._names = {sight.name for sight in view.sights}
        done = next((sight.name for sight in view.sights if sight.receipt is not None), None)
        link = None if done is None else self._link(keys_of(self._onlooker.batch, done).video)
        data: dict[str, Any] = {**page_data(view), "serve": self._token}
        self._files = write_page(data, origins=[] if link is None else [origin_of(link)])

    def _link(self, key: str) -> str | None:
        return self._onlooker.store.presign(key, seconds=LINK_SECONDS)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name == GALLERY:
            return await self._page(request)
        if name in self._files:
            return web.Response(body=self._files[name], content_type="text/javascript", charset="utf-8")
        ending = next((each for each in _SERVED if name.endswith(each)), None)
        # What is served are the files of takes by their names, so no path leads anywhere else.
        if ending is None or name.removesuffix(ending) not in self._names:
            raise web.HTTPNotFound
        key = f"{self._onlooker.batch}/{name}"
        link = await asyncio.to_thread(self._link, key)
        if link is not None:
            raise web.HTTPFound(link)
        path = Path(self._onlooker.store.url(key))
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path)

    async def _take_picks(self, request: web.Request) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("X-Rushes-Token", "").encode(), self._token.encode()):
            raise web.HTTPForbidden(text="this page was given out by another server: load it again")
        try:
            picks = _PICKS.validate_python((await request.json())["picks"])
        except (ValidationError, json.JSONDecodeError, KeyError, TypeError) as error:
            raise web.HTTPBadRequest(text="these are no picks") from error
        known = {take: pick for take, pick in picks.items() if take in self._names}
        async with self._looking:
            await asyncio.to_thread(self._save, known)
        return web.json_response({"saved": len(known)})

    def _save(self, picks: Mapping[str, Pick]) -> None:
        add_picks(self._onlooker.store, self._onlooker.batch, picks)
