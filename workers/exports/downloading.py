"""Bringing results to a folder: names kept, only what is missing, every file whole or not there at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from workers.errors import ObjectMissing, StoreError
from workers.receipts import Receipt
from workers.store.protocol import Store

AT_ONCE = 4
"""Files, each of which goes to the disk piece by piece."""

PART = ".part"


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of one file. `bytes` is its length; `fault` says why it isn't there, where it isn't."""

    path: Path
    bytes: int
    fresh: bool
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    key: str
    path: Path
    bytes: int | None
    sha256: str | None


def download(store: Store, receipts: Iterator[Receipt], folder: Path) -> Iterator[Brought]:
    """Bring the video, the last frame and the receipt of each take to `folder`, under the names that they have below
    their batch; what became of each file, as it is known.

    A file that is there with the size and the sha256 of the receipt is left alone. One that comes is proved by these,
    and only then takes its place. What is wrong with one file is no reason to leave out the others: it is told as its
    `fault`. Raises OSError when the folder can't be written, and the `StoreError`s of reading receipts.
    """
    wanted = (each for receipt in receipts for each in _files(store, receipt, folder))
    under_way: set[Future[Brought]] = set()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="download") as pool:
        for each in wanted:
            under_way.add(pool.submit(_bring, store, each))
            if len(under_way) >= AT_ONCE * 4:
                over, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in over)
        yield from (future.result() for future in under_way)


def sha256_of(path: Path) -> str:
    """The sha256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A file beside `path` that may take its place, and is gone afterwards. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        yield part
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _files(store: Store, receipt: Receipt, folder: Path) -> Iterator[_Wanted]:
    stem = folder / receipt.take
    video, last = receipt.video, receipt.last_frame
    yield _Wanted(video.key, stem.with_name(f"{stem.name}.mp4"), video.bytes, video.sha256)
    yield _Wanted(last.key, stem.with_name(f"{stem.name}.last.png"), last.bytes, last.sha256)
    key = f"{receipt.batch}/{receipt.take}.receipt.json"
    # Nothing tells what a receipt should be, but it was just read, and is small.
    yield _Wanted(key, stem.with_name(f"{stem.name}.receipt.json"), None, None)


def _bring(store: Store, wanted: _Wanted) -> Brought:
    path = wanted.path
    if wanted.sha256 is not None and _is_there(wanted):
        return Brought(path, wanted.bytes or 0, fresh=False)
    try:
        with _beside(path) as part:
            came = store.get_file(wanted.key, part)
            if wanted.sha256 is not None and came != wanted.sha256:
                fault = f"{store.url(wanted.key)} is not what its receipt tells of: changed"
                return Brought(path, 0, fresh=False, fault=fault)
            size = part.stat().st_size
            if wanted.sha256 is None and path.is_file() and sha256_of(path) == came:
                return Brought(path, size, fresh=False)
            part.replace(path)
    except ObjectMissing:
        return Brought(path, 0, fresh=False, fault=f"{store.url(wanted.key)} is gone from the store")
    except StoreError as error:
        return Brought(path, 0, fresh=False, fault=str(error))
    return Brought(path, size, fresh=True)


def _is_there(wanted: _Wanted) -> bool:
    try:
        return wanted.path.stat().st_size == wanted.bytes and sha256_of(wanted.path) == wanted.sha256
    except FileNotFoundError:
        return False
