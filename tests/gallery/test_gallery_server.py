"""The small server: this machine alone, ranges, and picks into the batch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from shown_batch import MakeShown, Shown
from yarl import URL

from workers.gallery.looking import Onlooker
from workers.gallery.serving import application, listen
from workers.picks import read_picks

TAKE = "opening/0001-seed1"
PICK = {"star": True, "rating": 5, "note": "夜", "at": "2026-11-28T00:00:00.000Z"}


@asynccontextmanager
async def server(batch: Shown) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    runner, url = await listen(application(Onlooker(batch.store, batch.batch), token="token"), 0)
    try:
        async with aiohttp.ClientSession() as session:
            yield session, url
    finally:
        await runner.cleanup()


@pytest.fixture
def batch(shown: MakeShown) -> Shown:
    batch = shown()
    batch.done(0)
    return batch


def asking(ask: Callable[[aiohttp.ClientSession, str], Awaitable[Any]], batch: Shown) -> Any:
    """What comes of asking a server that has given out its page."""

    async def run() -> Any:
        async with server(batch) as (session, url):
            async with session.get(url) as page:
                assert page.status == 200
                await page.read()
            return await ask(session, url)

    return asyncio.run(run())


async def status(session: aiohttp.ClientSession, url: str, **more: Any) -> int:
    async with session.get(url, allow_redirects=False, **more) as answer:
        await answer.read()
        return answer.status


def test_the_page_may_send_picks_and_is_never_kept(batch: Shown) -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> Any:
        async with session.get(url) as answer:
            return await answer.text(), answer.headers["Cache-Control"], answer.headers["X-Frame-Options"]

    text, cache, frames = asking(ask, batch)
    assert '"serve":"token"' in text
    assert "connect-src &#x27;self&#x27;" in text
    assert (cache, frames) == ("no-store", "DENY")


def test_videos_come_by_ranges(batch: Shown) -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> Any:
        async with session.get(f"{url}{TAKE}.mp4", headers={"Range": "bytes=2-4"}) as answer:
            return answer.status, answer.headers["Content-Range"], await answer.read(), answer.content_type

    assert asking(ask, batch) == (206, "bytes 2-4/10", b"234", "video/mp4")


@pytest.mark.parametrize(
    "path",
    [
        ".rushes/manifest.json",
        "opening/../.rushes/manifest.json",
        "opening/%2e%2e/.rushes/manifest.json",
        "..%2f..%2fetc/passwd.mp4",
        "opening/0002-seed2.mp4",
        "opening/0001-seed1.txt",
        "gallery-data-0.js",
    ],
)
def test_nothing_but_files_of_takes_is_given_out(batch: Shown, path: str) -> None:
    assert asking(lambda session, url: status(session, URL(f"{url}{path}", encoded=True)), batch) == 404


def test_a_page_elsewhere_has_no_way_in(batch: Shown) -> None:
    assert asking(lambda session, url: status(session, url, headers={"Host": "evil.example"}), batch) == 403


def test_picks_go_straight_into_the_batch(batch: Shown) -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> Any:
        headers = {"X-Rushes-Token": "token"}
        body = {"picks": {TAKE: PICK, "opening/9999": PICK}}
        async with session.post(f"{url}picks", json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    assert asking(ask, batch) == (200, {"saved": 1})
    found = read_picks(batch.store, "night")
    assert found.picked() == [TAKE]
    assert (found.picks[TAKE].rating, found.picks[TAKE].note) == (5, "夜")


@pytest.mark.parametrize(
    ("token", "body", "expected"),
    [
        ("another", json.dumps({"picks": {TAKE: PICK}}), 403),
        ("", json.dumps({"picks": {TAKE: PICK}}), 403),
        ("token", "{", 400),
        ("token", json.dumps({"picks": {TAKE: {**PICK, "rating": 6}}}), 400),
        ("token", json.dumps([]), 400),
    ],
)
def test_what_is_no_pick_of_this_page_is_not_taken(batch: Shown, token: str, body: str, expected: int) -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> int:
        headers = {"X-Rushes-Token": token, "Content-Type": "application/json"}
        async with session.post(f"{url}picks", data=body, headers=headers) as answer:
            return answer.status

    assert asking(ask, batch) == expected
    assert read_picks(batch.store, "night").picks == {}


def test_a_bucket_is_served_by_links(batch: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch.store, "presign", lambda key, *, seconds: f"https://bucket.example/{key}?for={seconds}")

    async def ask(session: aiohttp.ClientSession, url: str) -> Any:
        async with session.get(f"{url}{TAKE}.mp4", allow_redirects=False) as answer, session.get(url) as page:
            return answer.status, answer.headers["Location"], await page.text()

    code, place, text = asking(ask, batch)
    assert (code, place) == (302, f"https://bucket.example/night/{TAKE}.mp4?for=3600")
    assert "img-src &#x27;self&#x27; file: https://bucket.example" in text
