from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import pytest
from PIL import Image

from workers.media.container import check_mp4
from workers.media.lastframe import last_frame
from workers.sandbox import clips
from workers.sandbox.burn import read_number
from workers.sandbox.clips import LOOKS, ClipMaker, frame_size, tail


@pytest.fixture
def maker(tmp_path: Path) -> ClipMaker:
    return ClipMaker(tmp_path / "cache")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pictures(path: Path) -> list[Image.Image]:
    with av.open(path) as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def test_every_frame_shows_its_number(maker: ClipMaker) -> None:
    frames = pictures(maker.master(256, 144, 2, audio=False))
    assert [read_number(frame) for frame in frames] == list(range(48))


def test_a_master_is_what_was_asked_for(maker: ClipMaker) -> None:
    path = maker.master(256, 144, 1.5, fps=30)
    facts = last_frame(path).facts
    assert (facts.width, facts.height, facts.frames, facts.fps) == (256, 144, 45, 30)
    assert (facts.duration, facts.codec, facts.color_space) == (1.5, "h264", "bt709")
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(path) as container:
        (sound,) = container.streams.audio
        samples = sum(frame.samples for frame in container.decode(sound))
        assert sound.codec_context.name == "aac"
    assert samples == pytest.approx(1.5 * 24_000, abs=1024)


def test_sound_may_be_left_out(maker: ClipMaker) -> None:
    with_sound, without = (maker.master(64, 64, 0.5, audio=audio) for audio in (True, False))
    assert last_frame(with_sound).facts.has_audio
    assert not last_frame(without).facts.has_audio


@pytest.mark.parametrize("resolution", ["480p", "720p"])
@pytest.mark.parametrize("shape", ["16:9", "9:16", "21:9", "3:4"])
def test_the_size_is_honoured(maker: ClipMaker, resolution: str, shape: str) -> None:
    size = frame_size(resolution, shape)
    last = last_frame(maker.master(*size, 0.1, audio=False))
    assert last.image.size == size
    assert read_number(last.image) == 1


def test_looks_differ_and_come_round_again(maker: ClipMaker) -> None:
    made = [maker.master(64, 64, 0.1, look=look) for look in range(LOOKS + 1)]
    assert made[LOOKS] == made[0]
    assert len({sha256(path.read_bytes()) for path in made}) == LOOKS
    corners = {last_frame(path).image.getpixel((2, 60)) for path in made[:LOOKS]}
    assert len(corners) == LOOKS


def test_the_background_moves(maker: ClipMaker) -> None:
    frames = pictures(maker.master(256, 144, 1, audio=False))
    assert all(before.tobytes() != after.tobytes() for before, after in itertools.pairwise(frames))


def test_the_same_bytes_again_and_in_another_process(tmp_path: Path) -> None:
    first, again = (ClipMaker(tmp_path / name).master(128, 96, 1, look=3).read_bytes() for name in ("first", "again"))
    code = (
        "import sys, pathlib\n"
        "from workers.sandbox.clips import ClipMaker\n"
        "print(ClipMaker(pathlib.Path(sys.argv[1])).master(128, 96, 1, look=3))\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "other")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    ).stdout
    assert first == again == Path(printed.strip()).read_bytes()
    # x264 writes its settings into the video; with more threads the bytes would depend on the machine.
    assert b" threads=1 " in first


def test_a_master_is_made_once(maker: ClipMaker) -> None:
    path = maker.master(64, 64, 0.2)
    made = path.stat()
    assert maker.master(64, 64, 0.2) == path
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    assert list(path.parent.iterdir()) == [path]


def test_many_threads_make_it_once(maker: ClipMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    encode = clips._encode

    def watched(path: Path, *arguments: object) -> None:
        made.append(path)
        encode(path, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(clips, "_encode", watched)
    with ThreadPoolExecutor(8) as threads:
        paths = set(threads.map(lambda _: maker.master(64, 64, 0.5), range(16)))
    assert len(made) == len(paths) == 1


def test_makers_that_share_a_cache_do_no_harm(tmp_path: Path) -> None:
    makers = [ClipMaker(tmp_path) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        paths = set(threads.map(lambda maker: maker.master(64, 64, 0.5), makers))
    (path,) = paths
    assert list(tmp_path.iterdir()) == [path]
    assert last_frame(path).facts.frames == 12


def test_a_failure_leaves_nothing_in_the_cache(
    maker: ClipMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *arguments: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(clips, "_encode", full)
    with pytest.raises(OSError, match="No space left"):
        maker.master(64, 64, 0.5)
    assert list((tmp_path / "cache").iterdir()) == []


def test_every_jobs_clip_is_another_file_with_the_same_pictures(maker: ClipMaker, tmp_path: Path) -> None:
    master = maker.master(64, 64, 0.5)
    jobs = ["job-1", "job-2", "task_ü", "x" * 500]
    made = {job: maker.clip(job, master) for job in jobs}
    assert len({sha256(data) for data in made.values()}) == len(jobs)
    whole = [frame.tobytes() for frame in pictures(master)]
    for job, data in made.items():
        assert data == maker.clip(job, master)
        assert job.encode() in data
        path = tmp_path / "clip.mp4"
        path.write_bytes(data)
        assert check_mp4(path).bytes == len(data)
        assert [frame.tobytes() for frame in pictures(path)] == whole


def test_a_clip_is_filled_up_to_its_size(maker: ClipMaker, tmp_path: Path) -> None:
    master = maker.master(64, 64, 0.5)
    path = tmp_path / "clip.mp4"
    path.write_bytes(maker.clip("job-1", master, pad_to=3_000_000))
    assert path.stat().st_size == check_mp4(path).bytes == 3_000_000
    assert last_frame(path).facts.frames == 12


@pytest.mark.parametrize(
    ("pad_to", "length"), [(None, 29), (0, 29), (129, 29), (130, 37), (136, 37), (137, 37), (138, 38), (200, 100)]
)
def test_the_tail_is_as_long_as_is_lacking(pad_to: int | None, length: int) -> None:
    assert len(tail("12345", 100, pad_to)) == length


@pytest.mark.parametrize(
    ("resolution", "shape", "size"),
    [
        ("480p", "16:9", (864, 496)),
        ("480p", "4:3", (752, 560)),
        ("480p", "1:1", (640, 640)),
        ("480p", "3:4", (560, 752)),
        ("480p", "9:16", (496, 864)),
        ("480p", "21:9", (992, 432)),
        ("720p", "16:9", (1280, 720)),
        ("720p", "4:3", (1112, 834)),
        ("720p", "1:1", (960, 960)),
        ("720p", "3:4", (834, 1112)),
        ("720p", "9:16", (720, 1280)),
        ("720p", "21:9", (1470, 630)),
        ("720p", "9:21", (630, 1470)),
        ("720p", "auto", (1280, 720)),
        ("480p", "adaptive", (864, 496)),
        ("1080p", "16:9", (1920, 1080)),
        ("1080p", "21:9", (2204, 944)),
        ("4k", "16:9", (3840, 2160)),
        ("4k", "9:16", (2160, 3840)),
    ],
)
def test_frame_sizes(resolution: str, shape: str, size: tuple[int, int]) -> None:
    assert frame_size(resolution, shape) == size


@pytest.mark.parametrize(("resolution", "shape"), [("360p", "16:9"), ("720p", "2:1"), ("", "")])
def test_a_size_that_nobody_offers(resolution: str, shape: str) -> None:
    with pytest.raises(ValueError, match="resolutions are 480p, 720p, 1080p, 4k"):
        frame_size(resolution, shape)


@pytest.mark.parametrize(
    ("width", "height", "seconds", "reason"),
    [
        (865, 496, 1, "865x496 pixels: both must be even"),
        (864, 62, 1, "at least 64"),
        (64, 64, 0, "has no frame"),
        (64, 64, 3000, "72000 frames: only 65536"),
    ],
)
def test_a_clip_that_can_not_be_made(maker: ClipMaker, width: int, height: int, seconds: float, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        maker.master(width, height, seconds, audio=False)
