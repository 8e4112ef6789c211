"""Fetching a finished video into a file: hashed on the way, and resumed where it was cut.

A link needs no key, and none is ever sent along: it may lead to anybody's storage.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

import httpx

from workers.errors import DownloadError, LinkExpired
from workers.http.errors import Broken, NotSent
from workers.http.wire import LONGEST_CONNECTING, Wire, failed, place

_REDIRECTS = (301, 302, 303, 307, 308)
_DEAD = (403, 404, 410)
_NEVER_VIDEO = ("text/html", "application/xhtml+xml", "application/json", "application/xml", "text/xml")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file as it came. `bytes` is its length, `sha256` in hex, `content_type` what the server called it."""

    path: Path
    bytes: int
    sha256: str
    content_type: str | None


class Download:
    """Fetches over `wire`'s loop thread. Safe to use from any number of threads."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def fetch(
        self,
        url: str,
        to: Path,
        *,
        timeout: float = 900.0,
        stall: float = 30.0,
        fruitless: int = 5,
        redirects: int = 5,
        largest: int = 4 * 1024**3,
    ) -> Fetched:
        """Write what lies at `url` into the file `to`, and say what came.

        `timeout` is the limit for all of it, and `stall` how long not a single byte may come before that
        counts as a cut (both in seconds). After a cut the rest is asked for by range if the server gave a
        strong ETag, by which it can be known for the same file, and everything again if not. `fruitless` is
        how many cuts in a row may bring no byte more than there ever was. `largest` is in bytes.

        Raises:
            LinkExpired: 403, 404 or 410; the provider may give a new link.
            DownloadError: it did not arrive whole, or is no video by its content type. `to` may hold a part.
            OSError: the file can't be written, as when the disk is full.
        """
        fetching = _Fetching(self._wire, url, to, stall, fruitless, redirects, largest)
        failure = ""
        try:
            return self._wire.perform(fetching.within(timeout), within=timeout)
        except (NotSent, Broken) as error:
            failure = str(error)
        raise DownloadError(failure)


class _Cut(Exception):
    """The connection gave out; what has come so far may be used."""


@dataclass(slots=True)
class _Fetching:
    wire: Wire
    url: str
    to: Path
    stall: float
    fruitless: int
    redirects: int
    largest: int
    where: str = field(init=False)
    file: BinaryIO = field(init=False)
    size: int = 0
    total: int | None = None
    etag: str | None = None
    content_type: str | None = None
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        self.where = place(self.url)

    async def within(self, timeout: float) -> Fetched:
        try:
            async with asyncio.timeout(timeout):
                return await self.fetch()
        except TimeoutError:
            message = f"not whole within {timeout:g} s: {self.progress()}"
        raise self.wrong(message)

    async def fetch(self) -> Fetched:
        furthest = 0
        cuts = 0
        with self.to.open("wb") as self.file:
            while True:
                try:
                    await self.pull()
                except _Cut as cut:
                    reason = str(cut)
                else:
                    return Fetched(self.to, self.size, self.digest.hexdigest(), self.content_type)
                cuts = 0 if self.size > furthest else cuts + 1
                furthest = max(furthest, self.size)
                if cuts > self.fruitless:
                    raise self.wrong(f"cut off at {self.progress()}, {cuts} times in vain; at last: {reason}")

    async def pull(self) -> None:
        """Take in the rest, or all of it. Raises `_Cut` when it ended early."""
        headers = {}
        if self.size and self.etag is None:
            self.start_over()
        if self.size and self.etag is not None:
            headers = {"range": f"bytes={self.size}-", "if-range": self.etag}
        response = await self.follow(headers)
        try:
            self.check(response)
            if response.status_code == 206 and headers:
                if not self.continues(response):
                    self.start_over()
                    raise _Cut("the server went on with another part than was asked for")
            elif response.status_code == 416 and headers:
                self.start_over()
                raise _Cut("the server has no such range any more")
            elif response.status_code == 200:
                self.start_over()
                self.begin(response)
            else:
                raise self.wrong(f"HTTP {response.status_code}, which is no file")
            await self.take_in(response)
        finally:
            # What was read stands, and what went wrong before is not to be hidden by this.
            with suppress(httpx.HTTPError):
                await response.aclose()
        if self.total is not None and self.size != self.total:
            raise _Cut(f"only {self.size} of {self.total} bytes came")

    async def follow(self, headers: dict[str, str]) -> httpx.Response:
        url = self.url
        for _ in range(self.redirects + 1):
            request = self.wire.build("GET", url, headers)
            connecting = min(LONGEST_CONNECTING, self.stall)
            with self.cuts():
                response = await self.wire.open(request, connecting=connecting, silence=self.stall)
            if response.status_code not in _REDIRECTS:
                return response
            location = response.headers.get("location")
            with suppress(httpx.HTTPError):
                await response.aclose()
            if not location:
                raise self.wrong(f"HTTP {response.status_code} that does not say where to go")
            try:
                url = urljoin(url, location)
            except ValueError:
                raise self.wrong("redirected to what is no URL") from None
        raise self.wrong(f"redirected more than {self.redirects} times")

    def check(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in _DEAD:
            raise LinkExpired(f"{self.where}: the link is dead (HTTP {status}); ask the provider for a new one.")
        if status == 429 or status >= 500:
            raise self.wrong(f"HTTP {status}; ask again later")
        if status not in (200, 206):
            return
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in _NEVER_VIDEO:
            raise self.wrong(f"its content type is {kind}, which is no video")
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise self.wrong(f"it came {coding}-encoded though it was asked for as it is")

    def begin(self, response: httpx.Response) -> None:
        etag = response.headers.get("etag", "")
        # A weak ETag promises the same meaning, not the same bytes (RFC 9110, 8.8.1 and 13.1.5).
        self.etag = etag if re.fullmatch(r'"[^"]*"', etag) else None
        self.content_type = response.headers.get("content-type")
        length = response.headers.get("content-length", "")
        self.total = int(length) if re.fullmatch(r"\d{1,18}", length) else None
        if self.total is not None and self.total > self.largest:
            raise self.wrong(f"{self.total} bytes, which is more than the {self.largest} that are taken")

    def continues(self, response: httpx.Response) -> bool:
        found = re.fullmatch(
            r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", response.headers.get("content-range", "").strip()
        )
        if found is None or int(found[1]) != self.size:
            return False
        if response.headers.get("etag", self.etag) != self.etag:
            return False
        if found[2] == "*":
            return True
        if self.total is None:
            self.total = int(found[2])
        return int(found[2]) == self.total

    async def take_in(self, response: httpx.Response) -> None:
        chunks = response.aiter_raw()
        while True:
            with self.cuts():
                try:
                    chunk = await anext(chunks)
                except StopAsyncIteration:
                    return
            # Outside of `cuts`: that the disk is full is no fault of the connection.
            self.file.write(chunk)
            self.digest.update(chunk)
            self.size += len(chunk)
            if self.size > self.largest:
                raise self.wrong(f"more than the {self.largest} bytes that are taken")

    def start_over(self) -> None:
        if self.size:
            self.file.seek(0)
            self.file.truncate()
        self.digest = hashlib.sha256()
        self.size = 0
        self.total = None
        self.etag = None

    @contextmanager
    def cuts(self) -> Iterator[None]:
        """Whatever goes wrong on the connection in here is a `_Cut`."""
        reason = ""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it was, the file did not come whole
            reason = str(error if isinstance(error, NotSent) else failed("GET", error, self.stall))
        if reason:
            raise _Cut(reason.rstrip("."))

    def progress(self) -> str:
        return f"{self.size} of {'an unknown number of' if self.total is None else self.total} bytes"

    def wrong(self, what: str) -> DownloadError:
        return DownloadError(f"{self.where}: {what}.")
