from __future__ import annotations

import dataclasses
import errno
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from workers.errors import DamagedVideo
from workers.media import darkroom
from workers.media import develop as program
from workers.media.darkroom import PosterOf, develop
from workers.media.facts import Facts
from workers.sandbox.burn import read_number
from workers.sandbox.clips import ClipMaker

Video = Callable[[str], Path]
Children = list["subprocess.Popen[bytes]"]

FACTS = Facts(
    width=256,
    height=144,
    fps=24.0,
    frames=48,
    duration=2.0,
    codec="h264",
    pix_fmt="yuv420p",
    color_space="unspecified",
    has_audio=True,
    last_frame_at=1.958333,
)


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Children:
    """Every process that the darkroom starts."""
    started: Children = []

    class Watched(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[call-overload]
            started.append(self)

    monkeypatch.setattr(darkroom.subprocess, "Popen", Watched)
    monkeypatch.setattr(darkroom, "_standbys", darkroom._Standbys())
    return started


def run_instead(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let the darkroom run this Python program in place of its own."""
    monkeypatch.setattr(darkroom, "_command", lambda *paths: [sys.executable, "-c", code, *map(str, paths)])


def test_frame_poster_and_facts(video: Video, tmp_path: Path) -> None:
    png, poster = tmp_path / "last.png", tmp_path / "poster.webp"
    assert develop(video("plain"), png, poster) == FACTS
    with Image.open(png) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (256, 144))
        assert read_number(image) == 47
    with Image.open(poster) as image:
        # Narrower than a poster: not enlarged.
        assert (image.format, image.size) == ("WEBP", (256, 144))
        assert read_number(image) == 47


@pytest.mark.parametrize(("poster_of", "number"), [("first", 0), ("middle", 24), ("last", 47)])
def test_the_poster_is_of_the_frame_that_is_wanted(
    video: Video, tmp_path: Path, poster_of: PosterOf, number: int
) -> None:
    png, poster = tmp_path / "last.png", tmp_path / "poster.webp"
    assert develop(video("plain"), png, poster, poster_of=poster_of) == FACTS
    with Image.open(png) as last, Image.open(poster) as shown:
        assert (read_number(last), read_number(shown)) == (47, number)


@pytest.mark.parametrize(("size", "poster_size"), [((864, 496), (320, 184)), ((496, 864), (320, 557))])
def test_the_poster_is_320_wide(tmp_path: Path, size: tuple[int, int], poster_size: tuple[int, int]) -> None:
    png, poster = tmp_path / "last.png", tmp_path / "poster.webp"
    facts = develop(ClipMaker(tmp_path / "cache").master(*size, 0.5), png, poster)
    assert (facts.width, facts.height) == size
    with Image.open(png) as image:
        assert image.size == size
        assert read_number(image) == 11
    with Image.open(poster) as image:
        assert image.size == poster_size
        assert read_number(image) == 11


def test_the_poster_may_be_left_out(video: Video, tmp_path: Path) -> None:
    assert develop(video("plain"), tmp_path / "last.png") == FACTS
    assert [path.name for path in tmp_path.iterdir()] == ["last.png"]


def test_paths_may_be_relative_and_odd(video: Video, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    odd = Path("-take é:1.mp4")
    odd.write_bytes(video("plain").read_bytes())
    develop(odd, Path("-last.png"))
    assert (tmp_path / "-last.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"<html>502</html>", "can't be decoded"), (b"", "can't be decoded"), (bytes(9000), "can't be decoded")],
)
def test_a_damaged_video(tmp_path: Path, data: bytes, reason: str) -> None:
    video, png, poster = tmp_path / "video.mp4", tmp_path / "last.png", tmp_path / "poster.webp"
    video.write_bytes(data)
    with pytest.raises(DamagedVideo, match=reason) as caught:
        develop(video, png, poster)
    assert str(video) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["video.mp4"]


def test_a_video_that_takes_too_long_is_given_up_and_its_process_ended(tmp_path: Path, children: Children) -> None:
    # The program waits for ever for somebody to write into this.
    pipe = tmp_path / "video.mp4"
    os.mkfifo(pipe)
    with pytest.raises(DamagedVideo, match=r"it did not decode within 0\.3 s"):
        develop(pipe, tmp_path / "last.png", timeout=0.3)
    (child,) = children
    assert child.returncode == -signal.SIGKILL
    until(lambda: not _is_read(pipe))


def _is_read(pipe: Path) -> bool:
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        assert error.errno == errno.ENXIO
        return False
    return True


def test_one_process_stands_by_for_many_videos_well_or_not(video: Video, tmp_path: Path, children: Children) -> None:
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(b"no video at all")
    for _ in range(2):
        assert develop(video("plain"), tmp_path / "last.png") == FACTS
        with pytest.raises(DamagedVideo):
            develop(damaged, tmp_path / "none.png")
    (standby,) = children
    assert standby.poll() is None
    standby.kill()
    standby.wait()
    assert develop(video("plain"), tmp_path / "last.png") == FACTS
    assert len(children) == 2


def test_a_video_whose_process_is_ended_is_damaged_and_the_next_one_well(
    video: Video, tmp_path: Path, children: Children
) -> None:
    pipe = tmp_path / "video.mp4"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(develop, pipe, tmp_path / "last.png")
        until(lambda: bool(children) and len(_below(children[0].pid)) == 1)
        os.kill(_below(children[0].pid)[0], signal.SIGKILL)
        with pytest.raises(DamagedVideo, match=r"decoding it crashed \(SIGKILL\)"):
            hanging.result(60)
    assert develop(video("plain"), tmp_path / "last.png") == FACTS
    assert len(children) == 1


def _below(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL", "SIGXCPU"])
def test_a_crash_is_the_videos_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    code = (
        "import os, pathlib, resource, signal, sys\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "pathlib.Path(sys.argv[2]).write_bytes(b'half')\n"
        f"os.kill(os.getpid(), signal.{name})\n"
    )
    run_instead(monkeypatch, code)
    with pytest.raises(DamagedVideo, match=rf"decoding it crashed \({name}\)"):
        develop(tmp_path / "video.mp4", tmp_path / "last.png", tmp_path / "poster.webp")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_not_the_videos_fault(video: Video, tmp_path: Path) -> None:
    png = tmp_path / "last.png"
    png.symlink_to("/dev/full")
    with pytest.raises(OSError) as caught:
        develop(video("plain"), png)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(png))


def test_a_missing_video_is_not_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        develop(tmp_path / "video.mp4", tmp_path / "last.png")
    assert caught.value.filename == str(tmp_path / "video.mp4")


def test_a_program_that_can_not_run_is_a_defect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, "raise SystemExit('no such module')")
    with pytest.raises(RuntimeError, match=r"exit code 1, which is a defect .*: no such module"):
        develop(tmp_path / "video.mp4", tmp_path / "last.png")


def test_as_many_at_once_as_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = 0, 0
    guard, pairs = threading.Lock(), threading.Barrier(2)

    def run(command: list[str], video: Path, timeout: float) -> dict[str, object]:
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        # Passed only by two at once: one at a time would break it.
        pairs.wait(timeout=30)
        with guard:
            inside -= 1
        return dataclasses.asdict(FACTS)

    monkeypatch.setattr(darkroom, "_room", threading.BoundedSemaphore(2))
    monkeypatch.setattr(darkroom, "_run", run)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: develop(tmp_path / "v.mp4", tmp_path / f"{n}.png"), range(8)))
    assert found == [FACTS] * 8
    assert most == 2


def test_room_is_given_back_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = threading.BoundedSemaphore(1)
    monkeypatch.setattr(darkroom, "_room", room)
    with pytest.raises(FileNotFoundError):
        develop(tmp_path / "video.mp4", tmp_path / "last.png")
    assert room.acquire(blocking=False)


def test_there_is_room_for_each_processor() -> None:
    assert darkroom._processors() == len(os.sched_getaffinity(0))
    assert darkroom._room._initial_value == darkroom._processors()  # type: ignore[attr-defined]


def test_the_program_limits_itself_before_it_reads_the_video(tmp_path: Path) -> None:
    pipe = tmp_path / "video.mp4"
    os.mkfifo(pipe)
    with subprocess.Popen([sys.executable, "-m", "workers.media.develop", str(pipe), "last.png"]) as child:
        try:
            # Opening it for writing returns when the program has opened it for reading.
            os.close(os.open(pipe, os.O_WRONLY))
            limits = {
                name: resource.prlimit(child.pid, getattr(resource, name)) for name in ("RLIMIT_AS", "RLIMIT_CPU")
            }
            niceness = os.getpriority(os.PRIO_PROCESS, child.pid)
        finally:
            child.kill()
    assert limits == {"RLIMIT_AS": (4 << 30, 4 << 30), "RLIMIT_CPU": (600, 600)}
    assert niceness == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)


def test_a_lower_limit_is_kept() -> None:
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (50, 100))\n"
        "from workers.media import develop\n"
        "develop.limit_itself()\n"
        "print(resource.getrlimit(resource.RLIMIT_CPU))\n"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "(100, 100)"


def test_the_program_loads_nothing_that_it_does_not_need() -> None:
    code = "import sys, workers.media.develop; print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(printed.split())
    assert "av" in loaded
    assert not loaded & {"celery", "boto3", "botocore", "httpx", "aiohttp", "redis", "pydantic", "numpy"}


def test_the_darkroom_itself_loads_no_ffmpeg() -> None:
    code = "import sys, workers.media.darkroom; print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not set(printed.split()) & {"av", "PIL"}


def test_the_two_sides_agree_on_the_exit_codes() -> None:
    assert (darkroom._DAMAGED, darkroom._OS_ERROR) == (program.DAMAGED, program.OS_ERROR)


def test_too_little_memory_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def hungry(path: Path, image: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr(program, "write_poster", hungry)
    video = ClipMaker(tmp_path).master(64, 64, 0.1, audio=False)
    arguments = [str(video), str(tmp_path / "last.png"), str(tmp_path / "poster.webp")]
    assert program.main(arguments) == program.DAMAGED
    assert "takes more memory than it may have" in json.loads(capsys.readouterr().out)["damaged"]


@pytest.mark.parametrize("arguments", [[], ["video.mp4"], ["a", "b", "c", "d"]])
def test_the_program_says_how_it_is_called(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(arguments) == 2
    assert "usage: python -m workers.media.develop VIDEO OUT.png" in capsys.readouterr().err
