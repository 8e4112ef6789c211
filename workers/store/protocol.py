"""What a store is: a bucket or a folder that keeps whole objects under keys.

Keys are relative, `/`-separated and already safe (`sunflowers/opening/0007-wheat-seed3.mp4`). An object
appears whole or not at all. Every failure is a `workers.errors.StoreError`, whose class says whether asking
again can help.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class Store(Protocol):
    """Where results go. Safe to use from any number of threads."""

    def put_file(self, key: str, path: Path, *, sha256: str, content_type: str) -> None:
        """Store the file's bytes under `key`. `sha256` is theirs, in hex: a store that can, checks it.

        The same bytes may be put again at no harm. Raises `StoreError`, `StoreFull`, `StoreRefused`.
        """
        ...

    def put_bytes(self, key: str, body: bytes, *, content_type: str) -> None:
        """Store `body` under `key`, replacing what was there. Raises as `put_file` does."""
        ...

    def get(self, key: str) -> bytes:
        """The object's bytes. Raises `ObjectMissing` when there is none, `StoreError` otherwise."""
        ...

    def get_file(self, key: str, path: Path) -> str:
        """Write the object's bytes to `path`, replacing what is there, and return their sha256 (hex).

        No more than a piece of it is in memory. What is left of it at `path` after an error is worth nothing. Raises as
        `get` does, and OSError when `path` can't be written.
        """
        ...

    def copy(self, source_key: str, key: str) -> None:
        """Have the object of `source_key` under `key` as well, replacing what was there.

        Its bytes don't pass through us, unless it is in a folder without hard links. The two
        are objects of their own: replacing one leaves the other as it is. The content type is kept. An object of more
        than 5 GiB can't be copied in S3. Raises `ObjectMissing` when there is nothing under `source_key`,
        `StoreError`, `StoreFull`, `StoreRefused`.
        """
        ...

    def exists(self, key: str) -> bool:
        """Whether there is an object under `key`. Raises `StoreError`."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that begins with `prefix`, in order of their bytes. Raises `StoreError`."""
        ...

    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders directly below `prefix`, in the order in which `keys` comes to them.

        `sunflowers/` gives its shots and `.rushes`, and the empty prefix what lies in the store, without the `.rushes`
        that the store keeps for itself there. A prefix that ends in the middle of a name gives the names that begin
        so. What is in the folders isn't listed, so one may turn out to hold no object. Raises `StoreError`.
        """
        ...

    def url(self, key: str) -> str:
        """Where a person finds the object: a file path or an `s3://` URL. It holds no secret."""
        ...

    def presign(self, key: str, *, seconds: int) -> str | None:
        """A URL under which anyone can get the object for so many seconds; None from a store that has no such thing.

        It is a secret for as long as it lives. Nothing is sent, and the object need not exist. Raises `StoreError`.
        """
        ...

    def check(self) -> None:
        """Prove that objects can be written, read and removed. Raises `StoreRefused` saying what to mend."""
        ...
