"""Develop videos, each in a process of its own, no more at once than the machine has processors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from workers.errors import DamagedVideo
from workers.media.facts import Facts

# The exit codes of workers/media/develop.py, which isn't imported here because it loads FFmpeg.
_DAMAGED = 3
_OS_ERROR = 4

_ROOT = Path(__file__).parents[2]


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


_room = threading.BoundedSemaphore(_processors())


def develop(video: Path, png: Path, poster: Path | None = None, *, timeout: float = 120) -> Facts:
    """Write the last displayed frame of `video` to `png`, and a poster of it to `poster`; the video's facts.

    The PNG has the size and the colours of the video, losslessly; the poster is a WEBP at most 320 pixels
    wide. It may be called from any number of threads: as many videos are developed at a time as there are
    processors, and the rest wait. `timeout` is in seconds and begins when the video's turn comes. When
    anything is raised, neither file is left behind.

    Raises `DamagedVideo` when the file is not a video, its last frame doesn't decode, or decoding crashes or
    doesn't end in time; `OSError` when the machine is at fault, with `errno.ENOSPC` for a full disk.
    """
    try:
        with _room:
            return Facts(**_run(_command(video, png, poster), video, timeout))
    except BaseException:
        png.unlink(missing_ok=True)
        if poster is not None:
            poster.unlink(missing_ok=True)
        raise


def reprint(picture: Path, png: Path, *, timeout: float = 60) -> tuple[int, int]:
    """Write `picture`, of whatever kind, to `png`; its width and height in pixels. To a path that ends in `.webp`, its
    poster is written.

    Raises `DamagedVideo` when it is no picture, and `OSError`, as `develop` does.
    """
    command = [sys.executable, "-m", "workers.media.reprint", str(picture.absolute()), str(png.absolute())]
    try:
        with _room:
            answer = _run(command, picture, timeout)
    except BaseException:
        png.unlink(missing_ok=True)
        raise
    return answer["width"], answer["height"]


def _command(video: Path, png: Path, poster: Path | None) -> list[str]:
    paths = [video, png] if poster is None else [video, png, poster]
    return [sys.executable, "-m", "workers.media.develop", *(str(path.absolute()) for path in paths)]


def _run(command: list[str], video: Path, timeout: float) -> dict[str, Any]:
    # In the root folder, so that `-m` finds the same `workers` that runs here, installed or not.
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=_ROOT,
    ) as child:
        try:
            output, complaint = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise DamagedVideo(f"{video}: it did not decode within {timeout:g} s") from error
        finally:
            # Whatever went wrong, an interrupt included, the child does not outlive this call.
            child.kill()
    return _answer(child.returncode, output, complaint, video)


def _answer(code: int, output: bytes, complaint: bytes, video: Path) -> dict[str, Any]:
    """What the program's exit code and output mean. Raises as `develop` does."""
    if code == 0:
        told: dict[str, Any] = json.loads(output)
        return told
    if code < 0:
        raise DamagedVideo(f"{video}: decoding it crashed ({_signal_name(-code)})")
    if code == _DAMAGED:
        raise DamagedVideo(json.loads(output)["damaged"])
    if code == _OS_ERROR:
        problem: dict[str, Any] = json.loads(output)
        raise OSError(problem["os_error"], problem["message"], problem["file"])
    raise RuntimeError(
        f"{video}: the developing program ended with exit code {code}, which is a defect in Rushes or its "
        f"installation: {complaint.decode(errors='replace')[-2000:].strip()}"
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
