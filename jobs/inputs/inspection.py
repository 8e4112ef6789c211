"""Looking at a local file: what it is, how large, and by which name its content goes."""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from jobs.fields.references import Medium
from jobs.inputs.footage import Footage, NoIndex, footage_of
from jobs.inputs.formats import FORMATS, HEAD_BYTES, Format, format_of

CHUNK = 1024 * 1024


class UnfitFile(ValueError):
    """The file can't be an input. The message says why, and begins after the file's name."""


@dataclass(frozen=True, slots=True)
class LocalInput:
    """A local file, as it was when it was looked at.

    `bytes` is its length and `sha256` (hex) of its bytes. `width` and `height` are in pixels, of an image or a video,
    `seconds` and `frame_rate` of a video or an audio; None where the file doesn't say.
    """

    path: Path
    sha256: str
    bytes: int
    media_type: str
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    frame_rate: float | None = None

    @property
    def format(self) -> Format:
        """Its format."""
        return next(each for each in FORMATS.values() if each.media_type == self.media_type)

    @property
    def medium(self) -> Medium:
        """Whether it is an image, a video or an audio."""
        return self.format.medium

    @property
    def name(self) -> str:
        """Its content's name, `<sha256>.<ending>`: the same under whatever name the file lies."""
        return f"{self.sha256}.{self.format.ending}"

    @property
    def reference(self) -> str:
        """What a frozen manifest calls it: `input:<sha256>.<ending>`."""
        return f"input:{self.name}"


def inspect(path: Path) -> LocalInput:
    """Look at the file at `path`. It is read once, and never decoded. Raises `UnfitFile`."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnfitFile("is not a file")
            return _inspected(path, file)
    except FileNotFoundError:
        raise UnfitFile(f"is not there (looked for {path})") from None
    except IsADirectoryError:
        raise UnfitFile("is a directory; give a file in it") from None
    except (OSError, ValueError) as error:
        if isinstance(error, UnfitFile):
            raise
        raise UnfitFile(f"can't be read: {getattr(error, 'strerror', None) or error}") from None


def _without_waiting(path: str, flags: int) -> int:
    # A pipe without a writer would be waited for, for ever.
    return os.open(path, flags | os.O_NONBLOCK)


def _inspected(path: Path, file: BinaryIO) -> LocalInput:
    digest, size, head = hashlib.sha256(), 0, b""
    while chunk := file.read(CHUNK):
        head = head or chunk[:HEAD_BYTES]
        digest.update(chunk)
        size += len(chunk)
    if not size:
        raise UnfitFile("is empty")
    found = format_of(head)
    if found is None:
        raise UnfitFile("is no image, video or audio that is known here, by its first bytes")
    footage = _measured(found, file, size)
    return LocalInput(
        path=path,
        sha256=digest.hexdigest(),
        bytes=size,
        media_type=found.media_type,
        width=footage.width,
        height=footage.height,
        seconds=footage.seconds,
        frame_rate=footage.frame_rate,
    )


def _measured(found: Format, file: BinaryIO, size: int) -> Footage:
    file.seek(0)
    if found.medium == "image":
        width, height = _pixels(found, file)
        return Footage(width=width, height=height)
    if found.name == "wav":
        return Footage(seconds=_wav_seconds(file, size))
    if found.name in ("mp4", "mov", "m4a"):
        try:
            return footage_of(file, size)
        except NoIndex as error:
            raise UnfitFile(f"can't be read as {found.name.upper()}: {error}") from None
    return Footage()


def _pixels(found: Format, file: BinaryIO) -> tuple[int, int]:
    try:
        with warnings.catch_warnings():
            # Only the header is read, which no bomb goes off in; what is too large, the limits say.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=[found.name.upper()]) as image:
                return image.size
    except Image.DecompressionBombError:
        raise UnfitFile("has more pixels than any provider takes") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, struct.error) as error:
        raise UnfitFile(f"can't be read as {found.name.upper()}: {error}") from None


def _wav_seconds(file: BinaryIO, size: int) -> float | None:
    """By the chunks of the file, for Python's own `wave` knows plain PCM alone."""
    at, rate = 12, 0
    while at + 8 <= size:
        file.seek(at)
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind == b"fmt ":
            fields = file.read(16)
            if len(fields) == 16:
                rate = struct.unpack("<HHIIHH", fields)[3]
        elif kind == b"data":
            return min(length, size - at - 8) / rate if rate else None
        at += 8 + length + length % 2
    raise UnfitFile("can't be read as WAV: it has no sound in it (data chunk)")
