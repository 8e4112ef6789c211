"""Calls that take minutes: begun now, answered later, and in nobody's way meanwhile.

A synchronous provider holds its answer back until the video is finished. No thread waits for it: the loop does, and a
few threads deal with the answers as they come.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from workers.http.errors import Broken, NotSent
from workers.http.wire import Wire
from workers.providers.protocol import Request, Response

log = logging.getLogger(__name__)

Outcome = Response | NotSent | Broken

ANSWERING = 8
"""Answers that are dealt with at once."""


class LongCalls:
    """The calls that this process has under way."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._answering = ThreadPoolExecutor(ANSWERING, thread_name_prefix="rushes-answers")
        self._changed = threading.Condition()
        self._under_way = 0

    def start(self, request: Request, *, timeout: float, then: Callable[[Outcome], None]) -> None:
        """Send `request`, once, and return. `then` is called with what became of it, within `timeout` seconds."""
        with self._changed:
            self._under_way += 1

        def answered(future: Future[Outcome]) -> None:
            # On the loop's own thread, where nothing may block.
            self._answering.submit(self._deal, future, then)

        self._wire.begin(request, timeout=timeout).add_done_callback(answered)

    def wait(self) -> None:
        """Return when every call has been answered, and its answer dealt with."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0)

    def close(self) -> None:
        """Wait for what is under way, and end the threads."""
        self.wait()
        self._answering.shutdown()

    def _deal(self, future: Future[Outcome], then: Callable[[Outcome], None]) -> None:
        try:
            if future.cancelled():
                then(Broken("Cut off while under way: this process is closing its connections."))
            else:
                then(future.result())
        except Exception:
            # Nobody waits for this thread. The lease of the submission settles what is left undone.
            log.exception("an answer could not be dealt with")
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()
