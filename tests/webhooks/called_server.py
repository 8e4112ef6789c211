"""The webhook server on a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from workers.context import Context
from workers.webhooks.server import application


def free_port() -> int:
    """A port at which nobody listens yet: the provider is told the address before the server is there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def called(context: Context, *, port: int = 0) -> Iterator[str]:
    """The address of a server that passes calls on to `context`'s waiting room, while the block runs."""
    with asyncio.Runner() as runner:
        apps = web.AppRunner(
            application(context.settings, context.room, context.clock), access_log=None, shutdown_timeout=0.5
        )

        async def start() -> int:
            await apps.setup()
            await web.TCPSite(apps, "127.0.0.1", port).start()
            return int(apps.addresses[0][1])

        bound = runner.run(start())
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{bound}"
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            runner.run(apps.cleanup())
