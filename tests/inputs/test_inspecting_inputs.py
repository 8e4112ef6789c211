"""What a local file is found to be."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from input_files import compress, film, paint, sing

from jobs.inputs import UnfitFile, inspect

Make = Callable[[Path], Path]


@pytest.mark.parametrize(
    ("name", "make", "media_type", "ending", "size"),
    [
        ("a.png", lambda path: paint(path, (64, 48)), "image/png", "png", (64, 48)),
        ("a.jpg", lambda path: paint(path, (64, 48)), "image/jpeg", "jpg", (64, 48)),
        ("a.webp", lambda path: paint(path, (64, 48)), "image/webp", "webp", (64, 48)),
        ("a.gif", lambda path: paint(path, (64, 48)), "image/gif", "gif", (64, 48)),
        ("a.bmp", lambda path: paint(path, (64, 48)), "image/bmp", "bmp", (64, 48)),
        ("a.tiff", lambda path: paint(path, (64, 48)), "image/tiff", "tiff", (64, 48)),
        ("a.mp4", lambda path: film(path, 1, (64, 48)), "video/mp4", "mp4", (64, 48)),
        ("a.mov", lambda path: film(path, 1, (64, 48)), "video/quicktime", "mov", (64, 48)),
        ("a.wav", sing, "audio/wav", "wav", (None, None)),
        ("a.mp3", lambda path: compress(path, "mp3"), "audio/mpeg", "mp3", (None, None)),
        ("a.m4a", lambda path: compress(path, "aac"), "audio/mp4", "m4a", (None, None)),
    ],
)
def test_a_file_is_known_by_its_bytes_and_not_by_its_name(
    tmp_path: Path, name: str, make: Make, media_type: str, ending: str, size: tuple[int | None, int | None]
) -> None:
    path = make(tmp_path / name).rename(tmp_path / "no-ending")
    found = inspect(path)
    assert (found.media_type, (found.width, found.height)) == (media_type, size)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found.sha256, found.bytes) == (sha256, path.stat().st_size)
    assert found.reference == f"input:{sha256}.{ending}"


def test_how_long_videos_and_audio_are(tmp_path: Path) -> None:
    video = inspect(film(tmp_path / "a.mp4", seconds=2, size=(96, 64), fps=30))
    assert video.seconds == pytest.approx(2.0, abs=0.02)
    assert video.frame_rate == pytest.approx(30.0, abs=0.1)
    assert inspect(film(tmp_path / "a.mov", seconds=2, size=(96, 64))).seconds == pytest.approx(2.0, abs=0.02)
    assert inspect(sing(tmp_path / "a.wav", 2.5)).seconds == pytest.approx(2.5)
    assert inspect(compress(tmp_path / "a.m4a", "aac")).seconds == pytest.approx(1.0, abs=0.1)
    assert inspect(compress(tmp_path / "a.mp3", "mp3")).seconds is None


def test_a_wav_that_claims_to_be_longer_than_its_file_is_as_long_as_its_file(tmp_path: Path) -> None:
    path = sing(tmp_path / "a.wav", 1.0)
    body = bytearray(path.read_bytes())
    body[40:44] = struct.pack("<I", 2**32 - 1)
    path.write_bytes(body)
    assert inspect(path).seconds == pytest.approx(1.0)


def _cut(path: Path) -> Path:
    body = film(path.with_suffix(".mp4"), 1, (64, 48)).read_bytes()
    path.write_bytes(body[: len(body) // 2])
    return path


def _written(body: bytes) -> Make:
    def write(path: Path) -> Path:
        path.write_bytes(body)
        return path

    return write


def _pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path, "is not there"),
        (_folder, "is a directory"),
        (_pipe, "is not a file"),
        (_written(b""), "is empty"),
        (_written(b"hello"), "no image, video or audio that is known here"),
        (_written(b"<html><body>404</body></html>"), "no image, video or audio"),
        (_written(b"\0\0\0\x1cftypavif" + b"\0" * 64), "no image, video or audio"),
        (_written(b"\x89PNG\r\n\x1a\nnothing"), "can't be read as PNG"),
        (_written(b"RIFF\0\0\0\0WAVEfmt "), "can't be read as WAV"),
        (_cut, "can't be read as MP4: it has no whole index"),
    ],
)
def test_what_can_not_be_an_input_says_why(tmp_path: Path, make: Make, told: str) -> None:
    with pytest.raises(UnfitFile, match=told):
        inspect(make(tmp_path / "input"))


@pytest.mark.parametrize("at", range(0, 900, 7))
def test_a_damaged_index_is_no_more_than_unknown_or_unfit(tmp_path: Path, at: int) -> None:
    path = film(tmp_path / "a.mp4", 1, (64, 48)) if not (tmp_path / "a.mp4").exists() else tmp_path / "a.mp4"
    body = bytearray(path.read_bytes())
    begin = body.index(b"moov") - 4
    body[begin + at % (len(body) - begin)] ^= 0xFF
    path.write_bytes(body)
    try:
        found = inspect(path)
    except UnfitFile:
        return
    assert found.medium in ("video", "audio")
