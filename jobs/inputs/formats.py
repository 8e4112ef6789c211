"""What kind of file it is, by its first bytes: a name can say anything."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.fields.references import Medium

HEAD_BYTES = 64
"""How much of a file's beginning tells its format."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format of file: its name as capability tables have it, its media type, and the ending that it gets."""

    name: str
    medium: Medium
    media_type: str
    ending: str


FORMATS = {
    each.name: each
    for each in (
        Format("jpeg", "image", "image/jpeg", "jpg"),
        Format("png", "image", "image/png", "png"),
        Format("webp", "image", "image/webp", "webp"),
        Format("gif", "image", "image/gif", "gif"),
        Format("bmp", "image", "image/bmp", "bmp"),
        Format("tiff", "image", "image/tiff", "tiff"),
        Format("mp4", "video", "video/mp4", "mp4"),
        Format("mov", "video", "video/quicktime", "mov"),
        Format("webm", "video", "video/webm", "webm"),
        Format("mp3", "audio", "audio/mpeg", "mp3"),
        Format("wav", "audio", "audio/wav", "wav"),
        Format("ogg", "audio", "audio/ogg", "ogg"),
        Format("m4a", "audio", "audio/mp4", "m4a"),
    )
}

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"BM", "bmp"),
    (b"\x1a\x45\xdf\xa3", "webm"),
    (b"OggS", "ogg"),
    (b"ID3", "mp3"),
)

_STILLS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1")
"""Brands of pictures in the box structure of MP4, which no provider here takes."""

_OLD_QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""With what a QuickTime file begins that is older than `ftyp`."""


def format_of(head: bytes) -> Format | None:
    """The format of the file that begins with `head` (`HEAD_BYTES` of it), or None for one that isn't known here."""
    name = _name(head)
    return None if name is None else FORMATS[name]


def format_of_ending(ending: str) -> Format | None:
    """The format that gets this `ending`, as it stands in `input:<sha256>.<ending>`."""
    return next((each for each in FORMATS.values() if each.ending == ending), None)


def _name(head: bytes) -> str | None:
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    if head[:4] == b"RIFF":
        return {b"WEBP": "webp", b"WAVE": "wav"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _of_brand(head[8:12])
    if head[4:8] in _OLD_QUICKTIME:
        return "mov"
    return "mp3" if _begins_as_mp3(head) else None


def _of_brand(brand: bytes) -> str | None:
    if brand in _STILLS:
        return None
    return {b"qt  ": "mov", b"M4A ": "m4a", b"M4B ": "m4a"}.get(brand, "mp4")


def _begins_as_mp3(head: bytes) -> bool:
    """Whether an MPEG audio frame of layer III begins here (ISO/IEC 11172-3, 2.4.2.3)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bitrate != 15 and rate != 3
