"""Is the file a whole MP4? Answered from its boxes alone, in microseconds, without decoding.

An MP4 is a row of boxes, each of which says how long it is (ISO/IEC 14496-12, section 4.2). A decoder is
content with a file that lost its last byte; the sum of the boxes is not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from workers.errors import DamagedVideo

_MOST_BOXES = 100_000
_OPENING = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"})


@dataclass(frozen=True, slots=True)
class Container:
    """A whole MP4. `bytes` is the length of the file; `fragmented` says that it is a row of fragments.

    A fragmented file that was cut exactly between two fragments is a whole, shorter one as far as its
    boxes go: compare the duration that decoding finds (`Facts.duration`) with what was asked for.
    """

    bytes: int
    fragmented: bool


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    at: int
    header: int
    length: int

    @property
    def name(self) -> str:
        return self.kind.decode("latin-1")


def check_mp4(path: Path) -> Container:
    """Walk the boxes of the file at `path` and prove that none is missing or cut short.

    A last box of length 0 reaches to the end of the file by definition, so a cut in that one can't be seen
    here. Raises `DamagedVideo` with the reason, and `OSError` when the file can't be read.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        media_after_fragment = True
        fragmented = moov = media = False
        for box in _boxes(file, path, size):
            if box.kind == b"moov":
                moov = True
                fragmented = fragmented or _announces_fragments(file, box)
            elif box.kind == b"moof":
                fragmented = True
                media_after_fragment = False
            elif box.kind == b"mdat" and box.length > box.header:
                media = media_after_fragment = True
        if not moov:
            raise DamagedVideo(f"{path}: the MP4 has no moov box, so nothing in it can be played")
        if not media:
            raise DamagedVideo(f"{path}: the MP4 holds no media: no mdat box, or an empty one")
        if not media_after_fragment:
            raise DamagedVideo(f"{path}: the fragmented MP4 ends before its last fragment: no mdat after the last moof")
    return Container(bytes=size, fragmented=fragmented)


def _boxes(file: BinaryIO, path: Path, size: int) -> Iterator[_Box]:
    if size == 0:
        raise DamagedVideo(f"{path}: the file is empty")
    at = 0
    for _ in range(_MOST_BOXES):
        if at == size:
            return
        file.seek(at)
        box = _box(file.read(16), at, size)
        if at == 0 and (box is None or box.kind not in _OPENING):
            file.seek(0)
            raise DamagedVideo(f"{path}: not an MP4: begins with {_shown(file.read(24))}")
        if box is None:
            raise DamagedVideo(f"{path}: {size - at} bytes at {at} are not a box: damaged, or cut inside a header")
        if at + box.length > size:
            raise DamagedVideo(
                f"{path}: cut short: the {box.name} box at {at} wants {box.length} bytes, "
                f"the file ends after {size - at} ({size} in all)"
            )
        yield box
        at += box.length
    raise DamagedVideo(f"{path}: more than {_MOST_BOXES} boxes: not a video that a provider makes")


def _box(head: bytes, at: int, size: int) -> _Box | None:
    """The box that `head`, the (up to) 16 bytes at `at`, opens; None when they open none."""
    if len(head) < 8:
        return None
    length, kind = struct.unpack(">I4s", head[:8])
    header = 8
    if length == 1:
        if len(head) < 16:
            return None
        (length,) = struct.unpack(">Q", head[8:16])
        header = 16
    elif length == 0:
        length = size - at
    # Four printable characters, or QuickTime's copyright sign (0xA9) among them.
    if length < header or not all(0x20 <= byte <= 0x7E or byte == 0xA9 for byte in kind):
        return None
    return _Box(kind, at, header, length)


def _announces_fragments(file: BinaryIO, moov: _Box) -> bool:
    """Whether the moov box has an mvex box, which says that fragments follow."""
    at, end = moov.at + moov.header, moov.at + moov.length
    for _ in range(_MOST_BOXES):
        if at >= end:
            return False
        file.seek(at)
        box = _box(file.read(16), at, end)
        if box is None:
            return False
        if box.kind == b"mvex":
            return True
        at += box.length
    return False


def _shown(head: bytes) -> str:
    """The first bytes of a file, as a person recognises them."""
    text = head.decode("latin-1").strip()
    return repr(text) if text and text.isprintable() and text.isascii() else f"bytes {head[:8].hex(' ')}"
