"""Contact sheets and mosaics: what is on them, and what can't be."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from workbench import WatchedStore, manifest

from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from rushes.command import cli
from workers.errors import DamagedVideo
from workers.gallery.looking import Sight
from workers.ledger import Ledger
from workers.picks import Pick, add_picks
from workers.receipts import Cost, LastFrame, Receipt, Times, VideoFacts, keys_of, write_receipt
from workers.sandbox.burn import read_number
from workers.sandbox.clips import ClipMaker
from workers.sheets.mosaic import mosaic
from workers.sheets.tiles import PICKED, columns_of, fitted, tiles

WIDE, HIGH = 256, 144
COLOURS = [(200, 40, 40), (40, 200, 40), (40, 40, 200)]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    maker = ClipMaker(tmp_path_factory.mktemp("clips"))
    return [maker.master(WIDE, HIGH, seconds, look=look) for look, seconds in enumerate((0.5, 1.0))]


@pytest.fixture
def store(tmp_path: Path, clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> WatchedStore:
    """A store with four takes of `b`; the first three are done, each with a poster of one colour."""
    store = WatchedStore(tmp_path / "store")
    lineage = Lineage.of(manifest(takes=4))
    Ledger(store, "b").freeze(lineage.to_json())
    for index, colour in enumerate(COLOURS):
        take = Expansion(lineage)[index]
        keys = keys_of("b", take.name)
        video = clips[index % 2]
        store.put_bytes(keys.video, video.read_bytes(), content_type="video/mp4")
        poster = io.BytesIO()
        Image.new("RGB", (WIDE, HIGH), colour).save(poster, "WEBP", lossless=True)
        store.put_bytes(keys.poster, poster.getvalue(), content_type="image/webp")
        facts = {"key": keys.video, "bytes": 1, "sha256": "0" * 64, "content_type": "video/mp4", "source_url": "x"}
        shape = {"width": WIDE, "height": HIGH, "fps": 24.0, "frames": 12, "duration": 0.5, "codec": "h264"}
        frame = {"key": keys.last_frame, "bytes": 1, "sha256": "0" * 64, "width": WIDE, "height": HIGH}
        write_receipt(
            store,
            Receipt(
                batch="b",
                shot="s",
                take=take.name,
                index=index,
                number=take.number,
                identity="i",
                axes=take.axes,
                asked=take.asked,
                provider="fal",
                model="m",
                job_id="j",
                attempt=1,
                times=Times(),
                video=VideoFacts.model_validate({**facts, **shape}),
                last_frame=LastFrame.model_validate({**frame, "source": "decoded"}),
                cost=Cost(),
                rushes_version="0",
            ),
        )
    add_picks(store, "b", {"s/0002-seed2": Pick(star=True, rating=5, at=1.0)})
    monkeypatch.setenv("RUSHES_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return store


def sheet(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["sheet", "b", *arguments])


def colours(image: Image.Image) -> set[tuple[int, ...]]:
    found = image.convert("RGB").getcolors(1 << 20)
    assert found is not None
    return {colour for count, colour in found if count > 200 and isinstance(colour, tuple)}


def test_a_picture_has_every_take_and_a_frame_around_what_was_picked(store: WatchedStore, tmp_path: Path) -> None:
    told = sheet()
    assert (told.exit_code, told.output) == (0, "b.png\n")
    with Image.open(tmp_path / "b.png") as image:
        assert {*COLOURS, PICKED} <= colours(image)


def test_only_what_was_picked(store: WatchedStore, tmp_path: Path) -> None:
    sheet("--picked", "--out", "picked.png")
    with Image.open(tmp_path / "picked.png") as image:
        assert colours(image) & set(COLOURS) == {COLOURS[1]}


def test_a_pdf(store: WatchedStore, tmp_path: Path) -> None:
    assert sheet("--out", "b.pdf").exit_code == 0
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF-")


def test_a_video_plays_them_together_until_the_longest_ends(store: WatchedStore, tmp_path: Path) -> None:
    assert sheet("--video", "--first", "2", "--columns", "2").output == "b.mp4\n"
    with av.open(str(tmp_path / "b.mp4")) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    assert len(frames) == 24
    half = frames[0].width // 2
    high = round(half * HIGH / WIDE)
    for at in (0, 6, 11, 23):
        left, right = frames[at].crop((0, 0, half, high)), frames[at].crop((half, 0, 2 * half, high))
        assert (read_number(left), read_number(right)) == (min(at, 11), at), "the shorter one stays at its end"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--shot", "t"], "b has no take of t"),
        (["--video", "--shot", "t"], "b has no finished take of t"),
        (["--out", "b.gif"], "--out must end in .png or .pdf"),
        (["--video", "--out", "b.png"], "--out must end in .mp4"),
        (["--out", "nowhere/b.png"], "nowhere/b.png can't be written"),
    ],
)
def test_what_cannot_be_done_is_said_of_a_sheet(store: WatchedStore, arguments: list[str], words: str) -> None:
    told = sheet(*arguments)
    assert told.exit_code != 0
    assert words in told.output + str(told.exception)


def test_too_many_do_not_play_together(clips: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds 1 to 25 takes, and not 26"):
        mosaic(clips * 13, [], tmp_path / "out.mp4", columns=None)


def test_a_video_that_does_not_decode_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"<html>")
    take = Expansion(manifest())[0]
    sight = Sight(take.name, "s", 1, 1, "done", {}, take.asked)
    with pytest.raises(DamagedVideo, match=r"broken\.mp4"):
        mosaic([broken], tiles([sight], {}), tmp_path / "out.mp4", columns=None)


@pytest.mark.parametrize(("count", "shape", "columns"), [(1, 1.78, 1), (4, 1.78, 2), (25, 1.78, 5), (3, 0.56, 3)])
def test_tiles_fill_a_wide_page(count: int, shape: float, columns: int) -> None:
    assert columns_of(count, shape, 16 / 9) == columns


def test_a_picture_of_another_shape_lies_in_the_middle() -> None:
    image, place = fitted(Image.new("RGB", (100, 200)), 320, 180)
    assert (image.size, place) == ((90, 180), (115, 0))
