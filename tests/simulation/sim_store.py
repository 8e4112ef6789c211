"""A store in memory that keeps the `Store` protocol, fails as stores do, and lists page by page."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from sim_world import World

from workers.errors import ObjectMissing, StoreError

T = TypeVar("T")

PAGE = 3
"""Keys to a page: S3's thousand, in small."""


class SimStore:
    """Objects by key. `puts` are the keys that were written, in order; `watch` is told of each before it is."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.objects: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.watch: Callable[[str, bytes], None] = lambda key, body: None

    def put_file(self, key: str, path: Path, *, sha256: str, content_type: str) -> None:
        def do() -> None:
            try:
                body = path.read_bytes()
            except OSError as error:
                raise StoreError(f"{path} can't be read, to be stored as {key}: {error.strerror}") from error
            if hashlib.sha256(body).hexdigest() != sha256:
                raise StoreError(f"{key} was not stored: the file's bytes are not those of {sha256}")
            self._write(key, body)

        self._effect("put", key, do)

    def put_bytes(self, key: str, body: bytes, *, content_type: str) -> None:
        self._effect("put", key, lambda: self._write(key, body))

    def get(self, key: str) -> bytes:
        return self._effect("get", key, lambda: self._read(key))

    def copy(self, source_key: str, key: str) -> None:
        self._effect("copy", f"{source_key} to {key}", lambda: self._write(key, self._read(source_key)))

    def exists(self, key: str) -> bool:
        return self._effect("exists", key, lambda: key in self.objects)

    def keys(self, prefix: str) -> Iterator[str]:
        after = ""
        while True:
            page = self._effect("list", f"{prefix} after {after!r}", lambda: self._page(prefix, after))  # noqa: B023
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1]

    def folders(self, prefix: str) -> Iterator[str]:
        base = prefix.rpartition("/")[0]
        start = len(base) + 1 if base else 0
        found = self._effect("list", f"folders of {prefix}", lambda: self._page(prefix, "", most=1_000_000))
        named = {key[start:].partition("/")[0]: None for key in found if "/" in key[start:]}
        yield from (name for name in named if base or name != ".rushes")

    def url(self, key: str) -> str:
        return f"memory://{key}"

    def presign(self, key: str, *, seconds: int) -> str | None:
        return f"https://films.s3.eu-west-1.amazonaws.com/{key}?X-Amz-Signature=signed"

    def check(self) -> None:
        """It needs none."""

    def _page(self, prefix: str, after: str, most: int = PAGE) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix) and key > after)[:most]

    def _read(self, key: str) -> bytes:
        try:
            return self.objects[key]
        except KeyError:
            raise ObjectMissing(f"memory://{key}: there is no such object") from None

    def _write(self, key: str, body: bytes) -> None:
        self.watch(key, body)
        self.objects[key] = body
        self.puts.append(key)

    def _effect(self, verb: str, key: str, do: Callable[[], T]) -> T:
        return self._world.effect("store", f"{verb} {key}", do, lambda: StoreError("the simulated store is on strike"))
