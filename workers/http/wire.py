"""Requests to providers, answered whole or failed in one of two ways that matter for money."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, TypeVar

import aiohttp
import httpx

from workers.http.connections import Connections
from workers.http.errors import Broken, NotSent
from workers.http.loop import LoopThread
from workers.providers.protocol import Request, Response
from workers.redaction import redact

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes. Providers answer with a page of JSON; what is longer is not an answer."""

LONGEST_CONNECTING = 10.0
"""Seconds; never more than half of a call's time, so that its deadline cuts off no connection attempt."""

_GRACE = 15.0

# What aiohttp raises before it has a connection to write to (aiohttp/connector.py, and the head of
# ClientSession._request). httpx's exceptions can't be asked: httpx-aiohttp 0.2 makes a ConnectTimeout of
# every ClientConnectionError, a hang-up after the whole request among them.
_BEFORE_SENDING = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)

_SECRET_HEADERS = ("authorization", "proxy-authorization", "x-api-key")

T = TypeVar("T")


class Wire:
    """One process's way to the providers, for any number of threads. Its loop thread starts when first used.

    A call returns the other side's answer, whatever its status, or raises `NotSent` or `Broken`. No POST is
    sent twice, no redirect is followed, and no answer has more than `largest` bytes. A forked child begins
    afresh, with connections of its own.
    """

    def __init__(self, *, user_agent: str, connections: int = 200, largest: int = LARGEST_ANSWER) -> None:
        self._user_agent = user_agent
        self._largest = largest
        self._connections = Connections(connections)
        self._thread = LoopThread("rushes-http", self._connections.aclose)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, request: Request, *, timeout: float) -> Response:
        """The whole answer to `request`, within `timeout` seconds from now, come what may.

        Raises:
            NotSent: nothing has reached the other side.
            Broken: it may have; the connection broke, the time was up, or the answer was cut or too long.
        """
        outcome = self.send_many([request], timeout=timeout)[0]
        if isinstance(outcome, Response):
            return outcome
        raise outcome

    def send_many(self, requests: Sequence[Request], *, timeout: float) -> list[Response | NotSent | Broken]:
        """What became of each of `requests`, in their order; all are sent at once and share the `timeout`."""
        deadline = self._thread.time() + timeout
        return self.perform(self._all(requests, deadline, timeout), within=timeout)

    def begin(self, request: Request, *, timeout: float) -> concurrent.futures.Future[Response | NotSent | Broken]:
        """Send `request` and return at once; the future holds what became of it, within `timeout` seconds."""
        work = self._outcome(request, self._thread.time() + timeout, timeout)
        try:
            return self._thread.start(work)
        except RuntimeError:
            work.close()
            future: concurrent.futures.Future[Response | NotSent | Broken] = concurrent.futures.Future()
            future.set_result(NotSent("Nothing was sent: this process is closing its connections."))
            return future

    def perform(self, work: Coroutine[Any, Any, T], *, within: float) -> T:
        """What `work` returns when run on the loop thread. It is to end by itself `within` so many seconds.

        Raises:
            NotSent: it could not begin, because this `Wire` is being closed.
            Broken: it was cut off, or did not end in time; besides whatever `work` raises.
        """
        failure: NotSent | Broken
        try:
            future = self._thread.start(work)
        except RuntimeError:
            work.close()
            failure = NotSent("Nothing was sent: this process is closing its connections.")
        else:
            try:
                return future.result(within + _GRACE)
            except concurrent.futures.CancelledError:
                failure = Broken("Cut off while under way: this process is closing its connections.")
            except TimeoutError:
                if future.done():
                    raise
                future.cancel()
                failure = Broken(f"No end {_GRACE:g} s past its limit of {within:g} s: this process is stuck.")
        raise failure

    async def open(self, request: httpx.Request, *, connecting: float, silence: float | None) -> httpx.Response:
        """`Connections.open`, for what runs on the loop thread."""
        return await self._connections.open(request, connecting=connecting, silence=silence)

    def build(
        self, method: str, url: str, headers: dict[str, str], json: Any = None, content: bytes | None = None
    ) -> httpx.Request:
        """The request as it will go out. Raises `NotSent` when it can't be written down."""
        reason = ""
        try:
            request = httpx.Request(
                method,
                url,
                headers={"user-agent": self._user_agent, "accept": "*/*", "accept-encoding": "identity"},
                json=json,
                content=content,
            )
            request.headers.update(headers)
            reason = _impossible(request)
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            # Only the name of the error: its text may quote a header, and so a key.
            reason = f"it can't be written down ({type(error).__name__})"
        if reason:
            raise NotSent(f"{method} {place(url)}: nothing was sent: {reason}.")
        return request

    def close(self) -> None:
        """Close the connections and end the thread. What is under way is cut off, as `Broken`."""
        self._thread.close()

    async def _all(
        self, requests: Sequence[Request], deadline: float, timeout: float
    ) -> list[Response | NotSent | Broken]:
        return list(await asyncio.gather(*(self._outcome(each, deadline, timeout) for each in requests)))

    async def _outcome(self, asked: Request, deadline: float, timeout: float) -> Response | NotSent | Broken:
        try:
            request = self.build(asked.method, asked.url, dict(asked.headers), asked.json, asked.content)
            # A process that was stopped and goes on may be long past the lease under which it was to send.
            if asyncio.get_running_loop().time() >= deadline:
                return NotSent(f"{asked.method} {place(asked.url)}: nothing was sent: the time was up before.")
            async with asyncio.timeout_at(deadline):
                return await self._answer(request, connecting=min(LONGEST_CONNECTING, timeout / 2))
        except (NotSent, Broken) as failure:
            return failure
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be said whether the request went out
            secrets = [value for name, value in asked.headers.items() if name.lower() in _SECRET_HEADERS]
            return failed(f"{asked.method} {place(asked.url)}", error, timeout, secrets)

    async def _answer(self, request: httpx.Request, *, connecting: float) -> Response:
        response = await self.open(request, connecting=connecting, silence=None)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._largest:
                    where = f"{request.method} {place(str(request.url))}"
                    raise Broken(f"{where}: the answer is longer than {self._largest} bytes.")
        finally:
            await response.aclose()
        return Response(response.status_code, dict(response.headers.items()), bytes(body))


def failed(what: str, error: BaseException, timeout: float, secrets: Sequence[str] = ()) -> NotSent | Broken:
    """The failure that `error`, from `Wire.open` or from reading what it returned, amounts to.

    It is returned unchained: aiohttp's errors carry the request's headers, and with them the key.
    """
    root = list(_causes(error))[-1]
    reason = redact(f"{type(root).__name__}: {root}".removesuffix(": "), secrets)
    if any(isinstance(cause, _BEFORE_SENDING) for cause in _causes(error)):
        return NotSent(f"{what}: nothing was sent: no connection ({reason}).")
    if isinstance(error, TimeoutError):
        return Broken(f"{what}: sent, but no whole answer within {timeout:g} s.")
    return Broken(f"{what}: sent, but the connection broke before a whole answer came ({reason}).")


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _impossible(request: httpx.Request) -> str:
    """Why `request` can't be sent, or nothing. aiohttp would find out too, but say it less plainly."""
    if request.url.scheme not in ("http", "https") or not request.url.host:
        return "its URL is not an http(s) one"
    if request.url.userinfo:
        return "its URL has a user name or password in it"
    if any(sign in value for _, value in request.headers.raw for sign in (b"\r", b"\n", b"\0")):
        return "a header has a line break in it; is there one in the key?"
    return ""


def place(url: str) -> str:
    """`url` without what may be secret in it: user, password and query."""
    bare = url.partition("?")[0].partition("#")[0]
    scheme, separator, rest = bare.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
