"""The sandbox as an HTTP server: on a thread of this process for a test, or as a program of its own.

To imitate one more provider, write its twin beside `fal.py` and name its `routes` in `TWINS`.
"""

from __future__ import annotations

import asyncio
import signal
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import web
from aiohttp.typedefs import Handler

from workers.clock import Clock, SystemClock
from workers.errors import SettingsError
from workers.sandbox import anyfast, apiframe, ark, cloudflare, fal, files
from workers.sandbox.options import SandboxOptions
from workers.sandbox.twin import Routes, Sandbox

__all__ = ["TWINS", "Sandbox", "SandboxOptions", "running_sandbox", "serve"]

TWINS: tuple[Routes, ...] = (fal.routes, cloudflare.routes, apiframe.routes, anyfast.routes, ark.routes)
"""The providers that the sandbox imitates. Their paths differ, so all live under one address."""

_MOST_BODY_BYTES = 512 * 1024 * 1024
"""fal takes nine images of 30 MB, a third larger as data URLs. What is too large is for a twin to refuse."""

_PATIENCE_SECONDS = 2.0
"""How long answers that are under way may take when the sandbox is stopped."""


@contextmanager
def running_sandbox(
    options: SandboxOptions,
    *,
    clock: Clock | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Sandbox]:
    """A sandbox that answers at `sandbox.url`, from a thread of this process, while the context lasts.

    Port 0 takes a free one. `clock` decides how far jobs are; by default it is the machine's. Not to be
    called from a coroutine.

    Raises:
        SettingsError: it can't listen there, or `options.state` or `options.cache` are of no use.
    """
    sandbox = Sandbox(options, clock or SystemClock())
    with asyncio.Runner() as runner:
        web_runner = runner.run(_listen(sandbox, host, port, tls))
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever, name="sandbox", daemon=True)
        thread.start()
        try:
            yield sandbox
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            runner.run(web_runner.cleanup())


def serve(
    options: SandboxOptions,
    host: str,
    port: int,
    announce: Callable[[str], None],
    *,
    clock: Clock | None = None,
) -> None:
    """Serve a sandbox until SIGTERM or SIGINT; `announce` is called with its URL once it answers.

    To be called from the main thread, for it takes the two signals.

    Raises:
        SettingsError: it can't listen there, or `options.state` or `options.cache` are of no use.
    """
    sandbox = Sandbox(options, clock or SystemClock())

    async def run() -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        runner = await _listen(sandbox, host, port, None)
        try:
            announce(sandbox.url)
            await stopped.wait()
        finally:
            await runner.cleanup()

    asyncio.run(run())


def application(sandbox: Sandbox) -> web.Application:
    """All that the sandbox answers: the twins, the videos, and `/sandbox/` with `health`, `account` and `requests`."""
    came: Counter[str] = Counter()

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        came[f"{request.method} {resource.canonical if resource is not None else '?'}"] += 1
        return await handler(request)

    async def health(request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def account(request: web.Request) -> web.Response:
        return web.json_response(sandbox.account.report(sandbox.clock.now()))

    async def requests(request: web.Request) -> web.Response:
        return web.json_response(came)

    async def nothing(request: web.Request) -> web.Response:
        return web.json_response(
            {"detail": f"No provider that the sandbox imitates answers {request.method} {request.path}"},
            status=404,
        )

    app = web.Application(client_max_size=_MOST_BODY_BYTES, middlewares=[count])
    for routes in (*TWINS, files.routes):
        app.add_routes(routes(sandbox))
    app.add_routes([web.get("/sandbox/health", health), web.get("/sandbox/account", account)])
    app.add_routes([web.get("/sandbox/requests", requests)])
    app.router.add_route("*", "/{path:.*}", nothing)
    return app


async def _listen(sandbox: Sandbox, host: str, port: int, tls: ssl.SSLContext | None) -> web.AppRunner:
    runner = web.AppRunner(application(sandbox), access_log=None, shutdown_timeout=_PATIENCE_SECONDS)
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=tls)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise SettingsError(
            f"the sandbox can't listen on {host}:{port}: {error.strerror or error}; "
            "name another port, or 0 for a free one"
        ) from error
    bound = runner.addresses[0][1]
    shown = f"[{host}]" if ":" in host else host
    sandbox.url = f"{'http' if tls is None else 'https'}://{shown}:{bound}"
    return runner
