"""The connections of one event loop: httpx's interface on aiohttp's transport, and what each is left to do.

httpx's own transport costs several times the CPU at a few hundred connections, hence aiohttp's. aiohttp has
habits that are undone here: it would take an Authorization header from `~/.netrc`, keep cookies, and rewrite
the escapes in a URL (`%2F` to `/`, while a signed link is to be used as it was given). One it may keep: a GET
or PUT whose reused connection turns out to be dead is sent once more. A POST it never sends twice.
"""

from __future__ import annotations

import asyncio
import ssl
from contextvars import ContextVar
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream
from yarl import URL

PIECE = 1024**2
"""Bytes that a body is taken in by, at most. At the transport's own 16 KB, a video costs more in steps than in size."""

READ_AHEAD = 256 * 1024
"""Bytes of an answer that may have come before they are taken in; twice as many are the most that are held."""

_GIVEN: ContextVar[str] = ContextVar("_GIVEN")


class Connections:
    """Makes and keeps the transports of whatever loop it is used on. `limit` is the most connections of each.

    `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured, as they stand when a host is first asked;
    so are `SSL_CERT_FILE` and `SSL_CERT_DIR`, without which certificates are checked against certifi's.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._transports: dict[tuple[asyncio.AbstractEventLoop, str | None, bool], AiohttpTransport] = {}
        self._proxies: dict[tuple[str, bytes], str | None] = {}
        self._trust: ssl.SSLContext | None = None

    async def open(self, request: httpx.Request, *, connecting: float, silence: float | None) -> httpx.Response:
        """Send `request` and return the answer with its body still unread; the caller closes it.

        `connecting` bounds the wait for a connection, `silence` that for each next byte (both in seconds).
        A POST goes out on a connection of its own: one that was kept alive may be hung up by the other side
        at the very moment it is reused, and then nobody could say whether the POST had arrived.
        """
        transport = self._transport(request.url, alone=request.method == "POST")
        request.extensions["timeout"] = {
            "connect": connecting,
            "pool": connecting,
            "read": silence,
            "write": None,
        }
        _GIVEN.set(str(request.url.copy_with(fragment=None)))
        # Not through an httpx.AsyncClient: cookies and redirects are all that it would add.
        response = await transport.handle_async_request(request)
        if isinstance(response.stream, AiohttpResponseStream):
            response.stream.CHUNK_SIZE = PIECE
        return response

    async def aclose(self) -> None:
        """Close every connection of the running loop."""
        loop = asyncio.get_running_loop()
        for key in [key for key in self._transports if key[0] is loop]:
            await self._transports.pop(key).aclose()

    def _transport(self, url: httpx.URL, *, alone: bool) -> AiohttpTransport:
        host = (url.scheme, url.netloc)
        if host not in self._proxies:
            # Once a host: reading the environment takes half as long as all the rest of a request.
            self._proxies[host] = proxy_for(url)
        proxy = self._proxies[host]
        key = (asyncio.get_running_loop(), proxy, alone)
        transport = self._transports.get(key)
        if transport is None:
            if self._trust is None:
                self._trust = httpx.create_ssl_context()
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._limit, ssl=self._trust, force_close=alone),
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=proxy,
                trust_env=False,
                read_bufsize=READ_AHEAD,
                middlewares=(_as_given,),
            )
            transport = self._transports[key] = AiohttpTransport(client=session, verify=self._trust)
        return transport


def proxy_for(url: httpx.URL) -> str | None:
    """The proxy that the environment names for `url`, read as `urllib` reads it; None to go straight."""
    host = url.netloc.decode("ascii")
    if proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


async def _as_given(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    request.url = URL(_GIVEN.get(), encoded=True)
    return await send(request)
