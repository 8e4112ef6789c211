"""Develop videos, each in a process of its own, no more at once than the machine has processors.

What stands by with everything loaded to fork these processes is `workers.media.standby`.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from workers.clock import SystemClock
from workers.errors import DamagedVideo
from workers.media.facts import Facts

# The exit codes of workers/media/develop.py, which isn't imported here because it loads FFmpeg.
_DAMAGED = 3
_OS_ERROR = 4

PosterOf = Literal["last", "first", "middle"]

_ROOT = Path(__file__).parents[2]


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


FORKS = sys.platform == "linux"
"""Whether videos are developed in children of a process that stands by. On a Mac, libraries don't bear being forked."""

_clock = SystemClock()
_room = threading.BoundedSemaphore(_processors())


def develop(
    video: Path, png: Path, poster: Path | None = None, *, poster_of: PosterOf = "last", timeout: float = 120
) -> Facts:
    """Write the last displayed frame of `video` to `png`, and a poster of it to `poster`; the video's facts.

    The poster is of the first frame or of the one in the middle where `poster_of` says so, and it decodes.

    The PNG has the size and the colours of the video, losslessly; the poster is a WEBP at most 320 pixels
    wide. It may be called from any number of threads: as many videos are developed at a time as there are
    processors, and the rest wait. `timeout` is in seconds and begins when the video's turn comes. When
    anything is raised, neither file is left behind.

    Raises `DamagedVideo` when the file is not a video, its last frame doesn't decode, or decoding crashes or
    doesn't end in time; `OSError` when the machine is at fault, with `errno.ENOSPC` for a full disk.
    """
    try:
        with _room:
            return Facts(**_run(_command(video, png, poster, poster_of), video, timeout))
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


def _command(video: Path, png: Path, poster: Path | None, poster_of: PosterOf) -> list[str]:
    command = [sys.executable, "-m", "workers.media.develop", str(video.absolute()), str(png.absolute())]
    return command if poster is None else [*command, str(poster.absolute()), poster_of]


def _run(command: list[str], video: Path, timeout: float) -> dict[str, Any]:
    if FORKS and command[:2] == [sys.executable, "-m"]:
        code, output, complaint = _standbys.run(command[2], command[3:], video, timeout)
        return _answer(code, output, complaint, video)
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


class _Gone(Exception):
    """The process that stood by had ended before anything was begun."""


class _Standbys:
    """The processes that stand by (`workers.media.standby`), each with one video at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []

    def run(self, module: str, arguments: list[str], video: Path, timeout: float) -> tuple[int, bytes, bytes]:
        """What `module` says of `arguments`: its exit code, output and complaints. Raises as `develop` does."""
        while True:
            with self._lock:
                standby, fresh = (self._idle.pop(), False) if self._idle else (_start_standby(), True)
            whole = False
            try:
                told = _ask(standby, module, arguments, timeout)
                whole = True
            except _Gone:
                if fresh:
                    complaint = standby.stderr.read() if standby.stderr is not None else b""
                    return standby.wait(), b"", complaint
                continue  # it had stood by for long enough
            except subprocess.TimeoutExpired as error:
                raise DamagedVideo(f"{video}: it did not decode within {timeout:g} s") from error
            finally:
                if whole:
                    with self._lock:
                        self._idle.append(standby)
                else:
                    _end(standby)
            return told


def _start_standby() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "workers.media.standby"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=_ROOT,
        # Whatever is ended is ended with the child that it has.
        start_new_session=True,
    )


def _end(standby: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(standby.pid, signal.SIGKILL)
    standby.communicate()


def _ask(
    standby: subprocess.Popen[bytes], module: str, arguments: list[str], timeout: float
) -> tuple[int, bytes, bytes]:
    assert standby.stdin is not None and standby.stdout is not None
    deadline = _clock.monotonic() + timeout
    lines = _lines(standby, deadline, timeout)
    try:
        standby.stdin.write(json.dumps([module, arguments]).encode() + b"\n")
        standby.stdin.flush()
    except BrokenPipeError:
        raise _Gone from None
    if next(lines, None) is None:
        raise _Gone
    ended = next(lines, None)
    if ended is None:
        # It was ended from outside, with the video in hand.
        return standby.wait(), b"", b""
    told = json.loads(ended)
    return told["code"], told["output"].encode(), told["complaint"].encode()


def _lines(standby: subprocess.Popen[bytes], deadline: float, timeout: float) -> Iterator[bytes]:
    """What it says, line by line. Raises `TimeoutExpired` at the deadline."""
    assert standby.stdout is not None
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(standby.stdout, selectors.EVENT_READ)
        while True:
            while b"\n" in said:
                line, _, said = said.partition(b"\n")
                yield line
            if not selector.select(max(0.0, deadline - _clock.monotonic())):
                raise subprocess.TimeoutExpired(standby.args, timeout)
            come = os.read(standby.stdout.fileno(), 65536)
            if not come:
                return
            said += come


_standbys = _Standbys()


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
