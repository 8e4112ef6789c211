"""The gallery in a real browser. It wants Chromium, so it is no part of the suite: `make browser`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from chromium import Tab, chromium

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

import gallery as bench

from workers.gallery import page as page_module
from workers.gallery.data import page_data
from workers.gallery.keeper import PageKeeper
from workers.gallery.looking import Onlooker
from workers.gallery.page import write_page
from workers.gallery.serving import application, listen
from workers.picks import Pick, add_picks, read_picks
from workers.store.folder import FolderStore

Act = Callable[[Tab], Awaitable[Any]]
Looks = list[tuple[Path, Path, Path]]


@pytest.fixture(scope="session")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Looks:
    return bench.looks(tmp_path_factory.mktemp("looks") / "of")


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory, looks: Looks) -> Path:
    """The page of a batch of 2,000 takes."""
    root = tmp_path_factory.mktemp("renders")
    batch = bench.fill(root, 2_000, looks)
    PageKeeper(Onlooker(FolderStore(root), batch)).write()
    return root / batch / "gallery.html"


@pytest.fixture
def act(night: Path) -> Iterator[Callable[..., Any]]:
    """Opens the page, acts in it, and looks whether it complained."""

    def run(acting: Act, url: str | None = None) -> Any:
        async def inside() -> Any:
            async with chromium() as tab:
                await tab.open(url or night.as_uri())
                result = await acting(tab)
                assert tab.complaints == []
                return result

        return asyncio.run(inside())

    yield run


def test_only_what_is_in_sight_is_in_the_page(act: Callable[..., Any]) -> None:
    async def acting(tab: Tab) -> None:
        for top in (0, 20_000, 1_000_000):
            await tab.run(f"document.querySelector('.scroller').scrollTop = {top}")
            await tab.until("document.querySelectorAll('.still').length > 4")
            assert await tab.run("document.querySelectorAll('.cell').length") < 80
            assert await tab.run("document.querySelectorAll('*').length") < 2_000

    act(acting)


def test_the_pointer_plays_one_video_and_leaves_none_behind(act: Callable[..., Any]) -> None:
    async def acting(tab: Tab) -> None:
        await tab.point(".cell[data-state=done] .frame")
        await tab.until("document.querySelector('.preview.shows')?.currentTime > 0.1")
        assert await tab.run("document.querySelectorAll('video').length") == 1
        await tab.point("h1")
        await tab.until("document.querySelectorAll('video').length === 0")

    act(acting)


def test_who_wants_no_motion_sees_none_until_asking(act: Callable[..., Any]) -> None:
    async def acting(tab: Tab) -> None:
        await tab.prefers(reduced_motion="reduce")
        await tab.point(".cell[data-state=done] .frame")
        await asyncio.sleep(0.6)
        assert await tab.run("document.querySelectorAll('video').length") == 0
        await tab.key("ArrowRight")
        await tab.key(" ")
        await tab.until("document.querySelector('.preview')?.currentTime > 0")

    act(acting)


def test_everything_by_the_keyboard(act: Callable[..., Any]) -> None:
    async def acting(tab: Tab) -> None:
        await tab.key("ArrowRight")
        await tab.key("s")
        await tab.key("4")
        assert (
            await tab.run("document.querySelector('.cell.here.starred .rating').getAttribute('aria-label')") == "4 of 5"
        )
        assert "starred, rated 4 of 5" in await tab.run("document.activeElement.getAttribute('aria-label')")
        await tab.key("z")
        await tab.key("z")
        assert await tab.run("document.querySelector('.cell.here .rating')") is None
        await tab.key("ArrowDown")
        await tab.key("Enter")
        await tab.until("document.querySelector('dialog.large video').readyState > 1")
        await tab.key(" ")
        await tab.key("Home")
        await tab.key(".")
        await tab.key(".")
        assert await tab.until("document.querySelector('dialog.large output').value.startsWith('3 / ')")
        await tab.key("n")
        await tab.call("Input.insertText", text="das Licht 夜")
        await tab.key("Escape")
        await tab.key("Escape")
        await tab.until("!document.querySelector('dialog.large').open")
        assert await tab.run("document.querySelector('.cell.here .has-note').title") == "das Licht 夜"
        await tab.key("c")
        await tab.key("ArrowRight")
        await tab.key("c")
        await tab.key("v")
        await tab.until("[...document.querySelectorAll('dialog.compare video')].every((v) => v.readyState > 1)")
        await tab.key(" ")
        await tab.key("Home")
        for _ in range(5):
            await tab.key(".")
        times = "[...document.querySelectorAll('dialog.compare video')].map((v) => Math.floor(v.currentTime * 24))"
        assert await tab.until(f"JSON.stringify({times}) === '[5,5]'")
        await tab.key("Escape")
        await tab.key("m")
        await tab.until("document.querySelectorAll('.mx-body .cell').length > 4")
        before = await tab.run("document.querySelector('.mx-body .stack').textContent")
        await tab.click(".mx-body .stack")
        assert before == "1 of 12"
        assert await tab.run("document.querySelector('.mx-body .cell.here .stack').textContent") == "2 of 12"

    act(acting)


def test_picks_outlive_the_visit_and_the_address_holds_what_is_shown(act: Callable[..., Any], night: Path) -> None:
    async def acting(tab: Tab) -> None:
        await tab.key("ArrowRight")
        await tab.key("s")
        await tab.key("/")
        await tab.call("Input.insertText", text="seed:42 -is:failed")
        await tab.until("location.hash.includes('seed')")
        shown = await tab.run("document.querySelector('.shown-count').textContent")
        await tab.call("Page.reload")
        await tab.until("window.rushesReady > 0 && document.querySelector('.shown-count') !== null")
        assert await tab.run("document.querySelector('.shown-count').textContent") == shown
        assert "1 starred" in shown

    act(acting)


def test_ten_thousand_takes_open_within_a_second(looks: Looks, tmp_path: Path) -> None:
    batch = bench.fill(tmp_path, 10_000, looks)
    PageKeeper(Onlooker(FolderStore(tmp_path), batch)).write()

    async def inside() -> tuple[float, int]:
        async with chromium() as tab:
            return await tab.open((tmp_path / batch / "gallery.html").as_uri()), tab.memory()

    ready, memory = asyncio.run(inside())
    assert ready < 1_000
    assert memory < 300e6


def test_rows_beside_the_page_are_read_from_the_disk(
    looks: Looks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[..., Any]
) -> None:
    monkeypatch.setattr(page_module, "MOST_IN_ONE", 5)
    batch = bench.fill(tmp_path, 12, looks)
    PageKeeper(Onlooker(FolderStore(tmp_path), batch)).write()

    async def acting(tab: Tab) -> None:
        assert await tab.run("document.querySelectorAll('.cell').length") == 14

    act(acting, (tmp_path / batch / "gallery.html").as_uri())


def test_a_hostile_prompt_is_text(looks: Looks, tmp_path: Path, act: Callable[..., Any]) -> None:
    batch = bench.fill(tmp_path, 12, looks)
    listing = (onlooker := Onlooker(FolderStore(tmp_path), batch)).listing()
    assert listing is not None
    hostile = "</script><script>window.bad = 1</script><img src=x onerror='window.bad = 2'><b>bold</b>"
    data = {**page_data(onlooker.view(listing)), "prompts": [hostile, hostile]}
    page = tmp_path / batch / "hostile.html"
    page.write_bytes(write_page(data)["gallery.html"])

    async def acting(tab: Tab) -> None:
        await tab.key("ArrowRight")
        await tab.key("Enter")
        assert hostile in await tab.run("document.querySelector('.prompt').textContent")
        assert await tab.run("window.bad") is None
        assert await tab.run("document.querySelectorAll('b').length") == 0

    act(acting, page.as_uri())


def test_nothing_that_stands_in_the_page_runs_but_its_own_script(night: Path) -> None:
    async def inside() -> None:
        async with chromium() as tab:
            await tab.open(night.as_uri())
            await tab.run(
                "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.bad = 1'}))"
            )
            assert await tab.run("window.bad") is None
            assert any("Content Security Policy" in complaint for complaint in tab.complaints)

    asyncio.run(inside())


def test_served_picks_go_straight_into_the_batch(looks: Looks, tmp_path: Path) -> None:
    batch = bench.fill(tmp_path, 12, looks)
    store = FolderStore(tmp_path)
    add_picks(store, batch, {"opening/0001-sunflowers-dawn-low-tracking-shot-seed1": Pick(rating=2, at=1.0)})

    async def inside() -> None:
        runner, url = await listen(application(Onlooker(store, batch)), 0)
        try:
            async with chromium() as tab:
                await tab.open(url)
                await tab.key("ArrowRight")
                assert (
                    await tab.run("document.querySelector('.cell.here .rating').getAttribute('aria-label')") == "2 of 5"
                )
                await tab.key("s")
                for _ in range(200):
                    if read_picks(store, batch).picked():
                        break
                    await asyncio.sleep(0.02)
                assert len(read_picks(store, batch).picked()) == 1
                await tab.point(".cell .frame")
                await tab.until("document.querySelector('.preview.shows')?.currentTime > 0.05")
                assert tab.complaints == []
        finally:
            await runner.cleanup()

    asyncio.run(inside())


def test_a_plain_web_server_will_do(night: Path) -> None:
    async def inside() -> None:
        app = web.Application()
        app.router.add_static("/", night.parent)
        runner, url = await listen(app, 0)
        try:
            async with chromium() as tab:
                await tab.open(f"{url}gallery.html#view=matrix")
                await tab.until("document.querySelectorAll('.mx-body .still').length > 4")
                loaded = "[...document.querySelectorAll('.still')].filter((i) => i.width > 0).length"
                await tab.until(f"{loaded} > 4")
                assert tab.complaints == []
        finally:
            await runner.cleanup()

    asyncio.run(inside())


@pytest.mark.parametrize("size", [(390, 844), (1440, 900)])
def test_nothing_is_wider_than_the_window(act: Callable[..., Any], size: tuple[int, int]) -> None:
    async def acting(tab: Tab) -> None:
        await tab.size(*size, phone=size[0] < 500)
        await asyncio.sleep(0.3)
        width = await tab.run("document.documentElement.scrollWidth")
        assert width <= size[0], json.dumps(width)

    act(acting)


def test_what_was_scrolled_past_is_not_kept(act: Callable[..., Any]) -> None:
    async def acting(tab: Tab) -> None:
        await tab.until("document.querySelectorAll('.still').length > 4")
        height = await tab.run("document.querySelector('.scroller').scrollHeight")
        for top in range(0, int(height), 900):
            await tab.run(f"document.querySelector('.scroller').scrollTop = {top}")
            await asyncio.sleep(0.02)
        await tab.until("[...document.querySelectorAll('.still')].filter((i) => i.width > 0).length > 4")
        # 290 MB; with <img> it is 500, whatever is in sight.
        assert tab.memory() < 340e6

    act(acting)
