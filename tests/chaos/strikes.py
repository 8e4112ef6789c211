"""Where a process of Rushes can be struck, and what then happens to it.

Production code knows nothing of this. A process that is started by `launcher.py` has the function at one point wrapped
before it begins its work, and is otherwise the very same: so the point is exact, and the death is a real one.
"""

from __future__ import annotations

import asyncio
import functools
import http.client
import json
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Act = Literal["kill", "freeze", "linger"]

LINGERS_SECONDS = 0.4
"""How long a hand that lingers holds still: long enough for every other hand on the same take to come as far."""

SENT_SECONDS = 0.15
"""How long after its last byte a request is taken to have arrived, over loopback."""


@dataclass(frozen=True)
class Strike:
    """What happens when a process comes to `point` for the `nth` time.

    `kill` is kill -9. `freeze` stops the process until somebody sends SIGCONT. `linger` makes this one thread hold
    still for a moment, at this and every later time.
    """

    point: str
    nth: int = 1
    act: Act = "kill"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Striker:
    """Counts how often this process comes to a point, and strikes when it is time. `log` gets a line a strike."""

    def __init__(self, strike: Strike, log: Path) -> None:
        self._strike = strike
        self._log = log
        self._seen = 0
        self._lock = threading.Lock()

    def here(self) -> None:
        """This thread is at the point."""
        with self._lock:
            self._seen += 1
            again = self._strike.act == "linger" and self._seen > self._strike.nth
            due = again or self._seen == self._strike.nth
            if due:
                with self._log.open("a") as log:
                    log.write(json.dumps({**self._strike.to_json(), "pid": os.getpid(), "at": time.time()}) + "\n")
        if not due:
            return
        if self._strike.act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self._strike.act == "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            time.sleep(LINGERS_SECONDS)


Here = Callable[[], None]
Installer = Callable[[Here], None]


def _before(owner: Any, name: str, here: Here, fits: Callable[..., bool] = lambda *a, **k: True) -> None:
    wrapped = getattr(owner, name)

    @functools.wraps(wrapped)
    def struck(*args: Any, **kwargs: Any) -> Any:
        if fits(*args, **kwargs):
            here()
        return wrapped(*args, **kwargs)

    setattr(owner, name, struck)


def _after(owner: Any, name: str, here: Here, fits: Callable[..., bool] = lambda *a, **k: True) -> None:
    wrapped = getattr(owner, name)

    @functools.wraps(wrapped)
    def struck(*args: Any, **kwargs: Any) -> Any:
        answer = wrapped(*args, **kwargs)
        if answer is not False and fits(*args, **kwargs):
            here()
        return answer

    setattr(owner, name, struck)


def _before_intent(here: Here) -> None:
    from workers.ledger import Ledger

    _before(Ledger, "intend", here)


def _after_intent(here: Here) -> None:
    from workers.ledger import Ledger

    _after(Ledger, "intend", here)


def _last_look(here: Here) -> None:
    from workers.engine.room import WaitingRoom

    _after(WaitingRoom, "may_send", here)


def _before_post(here: Here) -> None:
    from workers.http.connections import Connections

    _before(Connections, "open", here, lambda self, request, **_: request.method == "POST")


def _no_response(here: Here) -> None:
    import aiohttp

    wrapped = aiohttp.ClientResponse.start

    async def struck(self: aiohttp.ClientResponse, connection: Any) -> aiohttp.ClientResponse:
        if self.method == "POST":
            await asyncio.sleep(SENT_SECONDS)
            here()
        return await wrapped(self, connection)

    aiohttp.ClientResponse.start = struck  # type: ignore[method-assign]


def _id_not_stored(here: Here) -> None:
    from workers.engine.room import WaitingRoom

    _before(WaitingRoom, "accept", here)


def _id_not_filed(here: Here) -> None:
    from workers.ledger import Ledger

    _before(Ledger, "accept", here)


def _between_polls(here: Here) -> None:
    from workers.engine.room import WaitingRoom

    _after(WaitingRoom, "stay", here, lambda self, stays: bool(stays))


def _not_downloaded(here: Here) -> None:
    from workers.engine.room import WaitingRoom

    _after(WaitingRoom, "move", here, lambda self, work, start, end, **_: (start, end) == ("rendering", "collecting"))


def _mid_download(here: Here) -> None:
    import httpx

    wrapped = httpx.Response.aiter_raw

    async def struck(self: httpx.Response, *args: Any, **kwargs: Any) -> AsyncIterator[bytes]:
        chunks = wrapped(self, *args, **kwargs)
        if not self.headers.get("content-type", "").startswith("video/"):
            async for chunk in chunks:
                yield chunk
            return
        yield await anext(chunks)
        here()
        async for chunk in chunks:
            yield chunk

    httpx.Response.aiter_raw = struck  # type: ignore[method-assign]


def _mid_upload(here: Here) -> None:
    from workers.store.s3 import S3Store

    sending = threading.local()
    put, send = S3Store.put_file, http.client.HTTPConnection.send

    def putting(self: S3Store, key: str, *args: Any, **kwargs: Any) -> None:
        sending.pieces = 0 if key.endswith(".mp4") else None
        try:
            put(self, key, *args, **kwargs)
        finally:
            sending.pieces = None

    def struck(self: http.client.HTTPConnection, data: Any) -> None:
        send(self, data)
        if getattr(sending, "pieces", None) is not None:
            sending.pieces += 1
            # The head of the request is the first piece, and the video comes in pieces of 16 kB.
            if sending.pieces == 4:
                here()

    S3Store.put_file = putting  # type: ignore[method-assign]
    http.client.HTTPConnection.send = struck  # type: ignore[method-assign]


def _is_receipt(self: Any, key: str, *_: Any, **__: Any) -> bool:
    return key.endswith(".receipt.json")


def _no_receipt(here: Here) -> None:
    from workers.store.s3 import S3Store

    _before(S3Store, "put_bytes", here, _is_receipt)


def _not_acknowledged(here: Here) -> None:
    from workers.store.s3 import S3Store

    _after(S3Store, "put_bytes", here, _is_receipt)


def _opening_frozen(here: Here) -> None:
    from workers.ledger import Ledger

    _after(Ledger, "freeze", here)


def _opened_not_begun(here: Here) -> None:
    from workers.engine.room import WaitingRoom

    _before(WaitingRoom, "begin", here)


POINTS: dict[str, Installer] = {
    "before-intent": _before_intent,
    "after-intent": _after_intent,
    "last-look": _last_look,
    "before-post": _before_post,
    "no-response": _no_response,
    "id-not-stored": _id_not_stored,
    "id-not-filed": _id_not_filed,
    "between-polls": _between_polls,
    "not-downloaded": _not_downloaded,
    "mid-download": _mid_download,
    "mid-upload": _mid_upload,
    "no-receipt": _no_receipt,
    "not-acknowledged": _not_acknowledged,
    "opening-frozen": _opening_frozen,
    "opened-not-begun": _opened_not_begun,
}
"""Every point by its name. The last two are points of the command that opens a batch, the others of a worker.

The first four are those of a submission before anything is sent: taken in hand (Redis says `submitting`) and without an
intent; with an intent, before the last look; after it, before the clock is read; and before the POST.
"""

OF_THE_COMMAND = ("opening-frozen", "opened-not-begun")
