"""How long a video is and how large its picture, from the boxes of an MP4 or MOV. Nothing is decoded.

ISO/IEC 14496-12: `mvhd` (8.2.2), `tkhd` (8.3.2), `mdhd` (8.4.2), `hdlr` (8.4.3) and `stts` (8.6.1.2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

LARGEST_INDEX = 64 * 1024 * 1024
"""Bytes of a `moov` box that is looked at. An hour of video has a few megabytes."""

MOST_BOXES = 10_000


@dataclass(frozen=True, slots=True)
class Footage:
    """`seconds` of the whole, `width` and `height` of the picture in pixels, frames a second. None: not told."""

    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None


class NoIndex(ValueError):
    """The file has no whole `moov` box: it was cut off, or is no video."""


def footage_of(file: BinaryIO, size: int) -> Footage:
    """What the boxes of `file`, `size` bytes long, say. Raises `NoIndex`."""
    index = _index(file, size)
    boxes = dict(_boxes(index))
    found = Footage(seconds=_seconds(boxes.get(b"mvhd", b"")))
    for kind, body in _boxes(index):
        if kind == b"trak" and (picture := _picture(body)) is not None:
            width, height, frame_rate = picture
            return Footage(found.seconds, width, height, frame_rate)
    return found


def _index(file: BinaryIO, size: int) -> bytes:
    at = 0
    for _ in range(MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head[:8])
        begins = 8
        if length == 1 and len(head) == 16:
            length, begins = struct.unpack(">Q", head[8:16])[0], 16
        elif length == 0:
            length = size - at
        if length < begins or at + length > size:
            break
        if kind == b"moov":
            if length > LARGEST_INDEX:
                break
            file.seek(at + begins)
            return file.read(length - begins)
        at += length
    raise NoIndex("it has no whole index (moov box): it was cut off, or is no video")


def _boxes(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(body):
        length, kind = struct.unpack_from(">I4s", body, at)
        begins = 8
        if length == 1 and at + 16 <= len(body):
            length, begins = struct.unpack_from(">Q", body, at + 8)[0], 16
        elif length == 0:
            length = len(body) - at
        if length < begins or at + length > len(body):
            return
        yield kind, body[at + begins : at + length]
        at += length


def _seconds(header: bytes) -> float | None:
    """Of an `mvhd` or an `mdhd`, which begin alike. None where it says nothing, as in a fragmented file."""
    form, at = (">IQ", 20) if header[:1] == b"\1" else (">II", 12)
    if len(header) < at + struct.calcsize(form):
        return None
    scale, length = struct.unpack_from(form, header, at)
    unknown = 2**64 - 1 if form == ">IQ" else 2**32 - 1
    return None if not scale or length in (0, unknown) else length / scale


def _picture(track: bytes) -> tuple[int, int, float | None] | None:
    """Width, height and frames a second of a track, or None when it is no video."""
    media = dict(_boxes(track)).get(b"mdia", b"")
    inside = dict(_boxes(media))
    if inside.get(b"hdlr", b"")[8:12] != b"vide":
        return None
    header = dict(_boxes(track)).get(b"tkhd", b"")
    at = 88 if header[:1] == b"\1" else 76
    if len(header) < at + 8:
        return None
    # 16.16 fixed point.
    width, height = (number >> 16 for number in struct.unpack_from(">II", header, at))
    seconds = _seconds(inside.get(b"mdhd", b""))
    table = dict(_boxes(dict(_boxes(inside.get(b"minf", b""))).get(b"stbl", b""))).get(b"stts", b"")
    frames = _frames(table)
    return width, height, frames / seconds if frames and seconds else None


def _frames(table: bytes) -> int:
    if len(table) < 8:
        return 0
    count = min(struct.unpack_from(">I", table, 4)[0], (len(table) - 8) // 8)
    return sum(struct.unpack_from(">I", table, 8 + 8 * at)[0] for at in range(count))
