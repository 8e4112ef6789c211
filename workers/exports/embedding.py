"""Metadata in copies of MP4s. The provider's file is never touched: neither in the store nor in a download of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import RushesError
from workers.errors import DamagedVideo, StoreError
from workers.media.tags import RECEIPT, parameters, receipt_text
from workers.receipts import Receipt
from workers.store.protocol import Store

C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""The `uuid` box in which an MP4 holds its provenance (C2PA specification 2.1, section A.5)."""


class MutagenMissing(RushesError):
    """Metadata is written by mutagen, which is not installed."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Embedded:
    """A copy with metadata in it, and what a person should know of it."""

    path: Path
    warnings: tuple[str, ...] = ()


def prove_mutagen() -> None:
    """Raise `MutagenMissing` unless metadata can be written."""
    try:
        import mutagen.mp4  # noqa: F401
    except ImportError as error:
        raise MutagenMissing(
            "writing into copies of MP4s wants mutagen, which isn't installed: pip install 'rushes[embed]'"
        ) from error


def embed(store: Store, receipt: Receipt, folder: Path) -> Embedded:
    """Write a copy of a take's video, with its prompt, parameters and receipt in it, to `folder` under its name.

    The frames stay as they are, byte for byte; the boxes around them move. Raises `DamagedVideo` when the file can't
    take metadata, and the `StoreError`s of the store.
    """
    import mutagen
    from mutagen.mp4 import MP4, AtomDataType, MP4FreeForm

    path = folder / f"{receipt.take}.mp4"
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    body = store.get(receipt.video.key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(body)
        try:
            video = MP4(part)
            if video.tags is None:
                video.add_tags()
            tags = video.tags
            assert tags is not None
            tags["\xa9nam"] = [f"{receipt.batch}/{receipt.take}"]
            tags["\xa9too"] = [f"Rushes {receipt.rushes_version}"]
            tags["\xa9cmt"] = [parameters(receipt)]
            tags["desc"] = [receipt.asked.prompt]
            told = receipt_text(receipt).encode("utf-8", "replace")
            tags[f"----:rushes:{RECEIPT.rpartition(':')[2]}"] = [MP4FreeForm(told, AtomDataType.UTF8)]
            video.save()
        except mutagen.MutagenError as error:
            raise DamagedVideo(f"{store.url(receipt.video.key)}: it takes no metadata: {error}") from error
        part.replace(path)
    except OSError as error:
        raise StoreError(f"{path} can't be written: {error.strerror or error}. Make room, or say --to") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    if has_provenance(body):
        return Embedded(
            path,
            ("its provenance (C2PA) doesn't hold for this copy, which has other bytes; it is whole in the store",),
        )
    return Embedded(path)


def has_provenance(video: bytes) -> bool:
    """Whether an MP4 has a C2PA box at its top."""
    return any(kind == b"uuid" and extended == C2PA for kind, extended in _boxes(video))


def _boxes(video: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes at the top: the kind of each, and the 16 bytes after its header."""
    at = 0
    while at + 8 <= len(video):
        length, kind, header = int.from_bytes(video[at : at + 4], "big"), video[at + 4 : at + 8], 8
        if length == 1:
            length, header = int.from_bytes(video[at + 8 : at + 16], "big"), 16
        yield kind, video[at + header : at + header + 16]
        if length < header:
            return
        at += length
