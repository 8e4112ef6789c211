"""One asyncio event loop in a thread of its own, for any number of threads that wait for answers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_EVERY: weakref.WeakSet[LoopThread] = weakref.WeakSet()

# What a forked child got copied of its parent's loops. It is never let go of: if it were collected, its
# connections would be taken off the epoll instance that the child still shares with its parent, and the
# parent would hear no more of them.
_INHERITED: list[object] = []


class LoopThread:
    """An event loop in a daemon thread: started when first needed, and afresh in a forked child.

    `closing` is awaited on the loop by `close`, before it stops.
    """

    def __init__(self, name: str, closing: Callable[[], Awaitable[None]]) -> None:
        self._name = name
        self._closing = closing
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        _EVERY.add(self)

    def time(self) -> float:
        """The loop's clock, in seconds that only ever grow. Any thread may ask."""
        return self._running().time()

    def start(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Begin `work` on the loop, from any thread but its own."""
        return asyncio.run_coroutine_threadsafe(work, self._running())

    def close(self) -> None:
        """Cut off what is under way, close, and end the thread. Whatever comes after starts a new one."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    async def _end(self) -> None:
        under_way = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._closing()
        loop = asyncio.get_running_loop()
        await loop.shutdown_asyncgens()
        await loop.shutdown_default_executor()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
                self._thread.start()
            return self._loop

    def _forget(self) -> None:
        _INHERITED.append((self._loop, self._thread, self._closing))
        # The lock may have been held by a thread that this process doesn't have.
        self._lock = threading.Lock()
        self._loop = self._thread = None


def _after_fork() -> None:
    for loop_thread in list(_EVERY):
        loop_thread._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
