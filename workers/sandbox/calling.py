"""Calling back: what the twins of providers that do so have in common. When the job is over, its URL is called."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping

import aiohttp

log = logging.getLogger(__name__)

TRIES = 3
"""Ark's: three, and five seconds each. fal's many more are of no use to a rehearsal."""

SECONDS = 5.0


Sign = Callable[[bytes], Mapping[str, str]]
"""The headers besides with which a body is sent, made for each try."""


class Caller:
    """Calls URLs from the sandbox's own loop. What is still to be called when it ends is not called."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def call(
        self, url: str, body: dict[str, object], when: Callable[[], Awaitable[None]], sign: Sign = lambda body: {}
    ) -> None:
        """POST `body` to `url` once `when()` has returned. From a coroutine of the loop alone."""
        task = asyncio.get_running_loop().create_task(self._call(url, json.dumps(body).encode(), when, sign))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self, url: str, body: bytes, when: Callable[[], Awaitable[None]], sign: Sign) -> None:
        await when()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session:
            for _ in range(TRIES):
                try:
                    headers = {"Content-Type": "application/json", **sign(body)}
                    async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                        if answer.status < 300:
                            return
                        told = f"answered {answer.status}"
                except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                    told = type(error).__name__
                log.info("a webhook was called in vain: %s", told)
                await asyncio.sleep(0.2)
