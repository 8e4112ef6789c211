"""The page is kept up to date, and nothing is written twice."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from shown_batch import MakeShown, seeds
from workbench import HandClock, until

from rushes.command import cli
from workers.errors import StoreError
from workers.gallery import page
from workers.gallery.keeper import LEAST_SECONDS, PageKeeper, Refresher
from workers.gallery.looking import Onlooker
from workers.gallery.posters import make_posters
from workers.picks import Pick, add_picks

PAGE = "night/gallery.html"


def test_a_page_that_shows_all_there_is_is_not_written_again(shown: MakeShown) -> None:
    batch = shown()
    batch.done(0)
    keeper = PageKeeper(Onlooker(batch.store, "night"))
    assert keeper.refresh(running=False)
    puts = len(batch.store.puts)
    assert not keeper.refresh(running=False)
    assert not keeper.refresh(running=True), "nothing depends on who is at work"
    assert not PageKeeper(Onlooker(batch.store, "night")).refresh(running=False), "nor by anybody else"
    PageKeeper(Onlooker(batch.store, "night")).write()
    assert len(batch.store.puts) == puts


def test_a_page_is_written_again_when_there_is_more(shown: MakeShown) -> None:
    batch = shown()
    keeper = PageKeeper(Onlooker(batch.store, "night"))
    keeper.refresh(running=False)
    for change in (
        lambda: batch.done(0),
        lambda: add_picks(batch.store, "night", {"opening/0001-seed1": Pick(star=True, at=1.0)}),
    ):
        change()
        before = batch.store.get(PAGE)
        assert keeper.refresh(running=False)
        assert batch.store.get(PAGE) != before


def test_what_looks_submitted_while_it_runs_is_a_doubt_afterwards(shown: MakeShown) -> None:
    batch = shown()
    batch.intended(0)
    keeper = PageKeeper(Onlooker(batch.store, "night"))
    assert keeper.refresh(running=True)
    assert b"is being submitted" in batch.store.get(PAGE)
    assert keeper.refresh(running=False)
    assert b"is not known" in batch.store.get(PAGE)
    again = PageKeeper(Onlooker(batch.store, "night"))
    assert not again.refresh(running=True), "run again, it is as much in doubt as before"


def test_a_batch_with_a_doubt_that_is_run_again_gets_no_other_page(shown: MakeShown) -> None:
    batch = shown()
    batch.intended(0)
    PageKeeper(Onlooker(batch.store, "night")).refresh(running=False)
    again = PageKeeper(Onlooker(batch.store, "night"))
    puts = len(batch.store.puts)
    assert not again.refresh(running=True)
    assert not again.refresh(running=False)
    assert len(batch.store.puts) == puts


def test_the_files_beside_a_page_come_before_it(shown: MakeShown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_IN_ONE", 2)
    batch = shown(seeds(3))
    PageKeeper(Onlooker(batch.store, "night")).write()
    assert batch.store.puts[-3:] == ["night/gallery-data-0.js", "night/gallery-data-1.js", PAGE]


def test_there_is_no_page_of_no_batch(shown: MakeShown) -> None:
    assert not PageKeeper(Onlooker(shown().store, "day")).refresh(running=False)


def test_a_running_batch_is_shown_at_a_bounded_rate(shown: MakeShown) -> None:
    batch, clock = shown(), HandClock()
    pages = lambda: batch.store.puts.count(PAGE)  # noqa: E731
    refresher = Refresher(PageKeeper(Onlooker(batch.store, "night")), clock, pytest.fail)
    refresher.tend()
    until(lambda: pages() == 1 and not _at_work(refresher))
    batch.done(0)
    refresher.tend()
    assert not _at_work(refresher), "it is not time yet"
    clock.forward(LEAST_SECONDS)
    refresher.tend()
    until(lambda: pages() == 2 and not _at_work(refresher))
    batch.done(1)
    refresher.finish()
    assert pages() == 3, "the end is not waited for"


def _at_work(refresher: Refresher) -> bool:
    return refresher._thread is not None and refresher._thread.is_alive()


def test_a_page_that_cannot_be_written_is_told_of_once_and_ends_nothing(shown: MakeShown) -> None:
    batch, told = shown(), []
    batch.store.fail(".html", error=StoreError("the disk is on strike"))
    refresher = Refresher(PageKeeper(Onlooker(batch.store, "night")), HandClock(), told.append)
    refresher.finish()
    refresher.finish()
    assert told == ["the gallery could not be written: the disk is on strike"]


def test_posters_are_made_of_last_frames_where_there_are_none(shown: MakeShown) -> None:
    batch, told = shown(), []
    take = batch.done(0, poster=None)
    batch.done(1)
    broken = batch.done(2, poster=None)
    picture = io.BytesIO()
    Image.new("RGB", (640, 360), (200, 30, 30)).save(picture, "PNG")
    batch.store.put_bytes(f"night/{take.name}.last.png", picture.getvalue(), content_type="image/png")
    assert make_posters(Onlooker(batch.store, "night"), warn=told.append) == 1
    with Image.open(io.BytesIO(batch.store.get(f"night/{take.name}.poster.webp"))) as poster:
        assert (poster.format, poster.size) == ("WEBP", (320, 180))
    assert batch.store.get("night/opening/0002-seed2.poster.webp") == b"a poster"
    (warning,) = told
    assert warning.startswith(f"{broken.name} has no poster: ")


def test_the_command_writes_the_page_and_says_where(shown: MakeShown, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = shown()
    batch.done(0)
    monkeypatch.setenv("RUSHES_STORE", str(batch.folder))
    told = CliRunner().invoke(cli, ["gallery", "night"])
    assert (told.exit_code, told.stdout.strip()) == (0, str(batch.folder / PAGE))
    assert (batch.folder / PAGE).stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nights"], 1, "Did you mean night?"),
        (["night", "--presign"], 1, "has no links to give out"),
        (["night", "--serve", "--presign"], 2, "exclude each other"),
        (["night", "--out", "x.html"], 2, "go with --presign"),
        (["night", "--presign", "--days", "8"], 2, "8 is not in the range"),
    ],
)
def test_what_cannot_be_done_is_said(
    shown: MakeShown, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    batch = shown()
    batch.done(0)
    monkeypatch.setenv("RUSHES_STORE", str(batch.folder))
    told = CliRunner().invoke(cli, ["gallery", *arguments])
    assert told.exit_code == code
    assert words in told.output + str(told.exception)


def test_a_presigned_page_has_links_and_says_until_when(
    shown: MakeShown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    batch = shown()
    take = batch.done(0)
    monkeypatch.setenv("RUSHES_STORE", str(batch.folder))
    monkeypatch.setattr(
        "workers.store.folder.FolderStore.presign",
        lambda self, key, *, seconds: f"https://bucket.example/{key}?X-Amz-Expires={seconds}",
    )
    out = tmp_path / "sent.html"
    told = CliRunner().invoke(cli, ["gallery", "night", "--presign", "--days", "2", "--out", str(out)])
    assert told.exit_code == 0, told.output
    text = out.read_text()
    assert f"https://bucket.example/night/{take.name}.mp4?X-Amz-Expires=172800" in text
    assert "media-src &#x27;self&#x27; file: https://bucket.example blob:" in text
    assert '"until":' in text
    assert out.stat().st_mode & 0o077 == 0, "who has the page has the videos"
