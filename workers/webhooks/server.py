"""The server that providers call. It believes nothing: a call moves the next poll of one take to now, and that is all.

A call costs a worker at most one poll a second and take, whoever sends it, and however often.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable

from aiohttp import web

from workers.clock import Clock
from workers.engine.room import WaitingRoom
from workers.errors import RedisError, SettingsError
from workers.inputs.fal_storage import rest_of
from workers.providers import adapter
from workers.providers.protocol import CallingBack, Response
from workers.settings import Settings
from workers.webhooks.paths import heard, read_path
from workers.webhooks.signatures import KEYS_PATH, FalSignatures

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024
"""Of a body. What a provider calls with is its answer to a poll, some kilobytes."""

MOST_AT_ONCE = 64
"""Calls whose bodies are read at the same time; the others are told to come again, which every provider does."""

BODY_SECONDS = 5.0
LEAST_SECONDS = 1.0
"""Between two polls that calls bring about, of one take."""

HEARD_SECONDS = 3600.0
"""For how long after a provider's call its polls are stretched."""

AGAIN_SECONDS = 5
_SETTINGS = web.AppKey("settings", Settings)
_ROOM = web.AppKey("room", WaitingRoom)
_BUSY = web.AppKey("busy", asyncio.Semaphore)
_SIGNATURES = web.AppKey("signatures", FalSignatures)


def application(settings: Settings, room: WaitingRoom, clock: Clock) -> web.Application:
    """The server's one address for calls, and `/health`. Raises `SettingsError` when webhooks are not set up."""
    if settings.webhooks_secret is None:
        raise SettingsError(
            "webhooks need a secret: set RUSHES_WEBHOOKS_SECRET, for all workers the same (openssl rand -hex 32)"
        )
    app = web.Application(client_max_size=MOST_BYTES)
    app[_SETTINGS], app[_ROOM] = settings, room
    app[_BUSY] = asyncio.Semaphore(MOST_AT_ONCE)
    app[_SIGNATURES] = FalSignatures(f"{rest_of(settings.provider('fal').url)}{KEYS_PATH}", clock)
    app.router.add_get("/health", _health)
    app.router.add_post("/{path:.*}", _call)
    return app


def serve(
    settings: Settings, room: WaitingRoom, host: str, port: int, announce: Callable[[str], None], *, clock: Clock
) -> None:
    """Serve until SIGTERM or SIGINT; `announce` is called with the address once it answers. From the main thread.

    Raises `SettingsError` when it can't listen there, or webhooks are not set up.
    """

    async def run() -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        runner = web.AppRunner(
            application(settings, room, clock), access_log=None
        )  # a path in a log could be called by its reader
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            try:
                await site.start()
            except OSError as error:
                raise SettingsError(f"webhooks can't listen at {host}:{port}: {error.strerror}") from error
            announce(f"http://{host}:{runner.addresses[0][1]}")
            await stopped.wait()
        finally:
            await runner.cleanup()

    asyncio.run(run())


async def _health(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _call(request: web.Request) -> web.Response:
    settings, room, busy = request.app[_SETTINGS], request.app[_ROOM], request.app[_BUSY]
    secret = settings.webhooks_secret
    called = None if secret is None else read_path(secret, settings.namespace, request.path)
    if called is None:
        # Before its body is read: who can't name a take costs next to nothing.
        return _closing(404)
    if busy.locked():
        return _closing(503)
    async with busy:
        try:
            body = await asyncio.wait_for(request.read(), BODY_SECONDS)
        except TimeoutError:
            return _closing(408)
        except web.HTTPRequestEntityTooLarge:
            return _closing(413)
        try:
            provider = await asyncio.to_thread(_provider, room, called.batch, called.index)
            if provider is None:
                return web.Response(status=204)  # it is over
            if provider == "fal" and (why := await request.app[_SIGNATURES].refuses(request.headers, body)) is not None:
                log.warning("a call about %s/%d is refused: %s", called.batch, called.index, why)
                return _closing(401)
            await asyncio.to_thread(_take_hint, room, provider, called.batch, called.index, called.attempt, body)
        except RedisError as error:
            log.warning("a call about %s/%d can't be passed on: %s", called.batch, called.index, error)
            return _closing(503)
    return web.Response(status=204)


def _provider(room: WaitingRoom, batch: str, index: int) -> str | None:
    record = room.take(batch, index)
    return None if record is None else record.fields.get("lane") or room.provider(batch)


def _take_hint(room: WaitingRoom, provider: str, batch: str, index: int, attempt: int, body: bytes) -> None:
    translator = adapter(provider)
    job = translator.called(Response(200, {}, body)) if isinstance(translator, CallingBack) else None
    told = room.hint(batch, index, attempt, job, least=LEAST_SECONDS)
    room.remember(heard(provider), "1", seconds=HEARD_SECONDS)
    log.debug("a call about %s/%d: %s", batch, index, told)


def _closing(status: int) -> web.Response:
    response = web.Response(status=status)
    if status == 503:
        response.headers["Retry-After"] = str(AGAIN_SECONDS)
    response.force_close()
    return response
