"""A store in a local folder.

An object is a file. It is written under `.rushes/tmp/` in the same file system, forced to disk, and then
renamed to its place, which the kernel does as one step: whoever reads sees the whole object, the one it
replaces, or none.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from workers.errors import ObjectMissing, StoreError, StoreFull, StoreRefused
from workers.store.keys import OWN, check_key, check_prefix, flaw
from workers.store.pieces import PIECE, write_pieces

CHUNK = 1024 * 1024
ABANDONED_AFTER = 24 * 3600.0
"""Seconds after which a temporary file has no living writer: the largest video takes seconds to copy."""

_OWN = f"{OWN}/tmp/"
_PROBES = f"{OWN}/check-"

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_REFUSED = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EEXIST,
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.EXDEV,
        errno.EFBIG,
        errno.EINVAL,
    }
)
_NO_LINK = frozenset(
    {
        errno.EPERM,
        errno.EACCES,
        errno.EXDEV,
        errno.EMLINK,
        errno.ENOSYS,
        errno.ENOTSUP,
        errno.EOPNOTSUPP,
        errno.EINVAL,
    }
)
"""What says that a file gets no second name here: a file system without links, another one than the source's, a file
that is somebody else's, one that has too many names already."""


class FolderStore:
    """Objects as files below `root`, which is made when the first object is stored.

    A put has reached the disk (fsync of the file and of its folder) when it returns. The folder may be shared
    by any number of threads, processes and, on a network file system, machines.

    Once this store has seen its folder, it never makes it anew: a disk that is unmounted under a running
    batch is an error, not an empty store in which nothing has been paid for.

    `opener` opens temporary files, as the `opener` of the builtin `open` does; `link` gives a file a second name, as
    `os.link` does. Tests pass ones that fail.
    """

    def __init__(
        self,
        root: Path,
        *,
        opener: Callable[[str, int], int] | None = None,
        link: Callable[[Path, Path], None] = os.link,
    ) -> None:
        self._root = root.absolute()
        self._temporary = self._root / _OWN
        self._opener = opener
        self._link = link
        self._durable: set[Path] = set()
        self._seen = False

    def __repr__(self) -> str:
        return f"FolderStore({str(self._root)!r})"

    def put_file(self, key: str, path: Path, *, sha256: str, content_type: str) -> None:
        """Store the file's bytes under `key`. A folder keeps no `content_type`: the key's ending tells it.

        Raises `StoreError` when the file can't be read or its bytes are not those of `sha256` (hex),
        `StoreFull`, `StoreRefused`.
        """
        target = self._path(key)
        try:
            size = path.stat().st_size
            source = path.open("rb")
        except OSError as error:
            raise StoreError(f"{path} can't be read, to be stored as {key}: {error.strerror}") from error

        def make(temporary: Path) -> None:
            written = self._write(temporary, source)
            if written != sha256.lower():
                raise StoreError(
                    f"{target} was not stored: the file's bytes have sha256 {written}, and not {sha256}. "
                    "It was damaged on this machine: download it again"
                )

        with source:
            self._put(target, make, size=size)

    def put_bytes(self, key: str, body: bytes, *, content_type: str) -> None:
        """Store `body` under `key`, replacing what was there. Raises as `put_file` does."""
        self._put(self._path(key), lambda temporary: self._write(temporary, io.BytesIO(body)), size=len(body))

    def get(self, key: str) -> bytes:
        """The object's bytes. Raises `ObjectMissing` when there is none, `StoreError` otherwise."""
        path = self._path(key)
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            self._check_still_there()
            raise ObjectMissing(f"{path}: there is no such file") from error
        except OSError as error:
            raise self._trouble(error, path, "read") from error

    def get_file(self, key: str, path: Path) -> str:
        """Write the object's bytes to `path` and return their sha256 (hex). Raises as `get` does, and OSError."""
        source = self._path(key)
        try:
            file = source.open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            self._check_still_there()
            raise ObjectMissing(f"{source}: there is no such file") from error
        except OSError as error:
            raise self._trouble(error, source, "read") from error

        def piece() -> bytes:
            try:
                return file.read(PIECE)
            except OSError as error:
                raise self._trouble(error, source, "read") from error

        with file:
            return write_pieces(iter(piece, b""), path)

    def copy(self, source_key: str, key: str) -> None:
        """Have the file of `source_key` under `key` as well, replacing what was there.

        It is a hard link: no byte is copied, and the two are one file until either is replaced. Where the file system
        has no links, it is a copy. Raises `ObjectMissing` when there is no source, `StoreError`, `StoreFull`,
        `StoreRefused`.
        """
        source, target = self._path(source_key), self._path(key)
        if not self.exists(source_key):
            raise ObjectMissing(f"{source}: there is no such file")

        def make(temporary: Path) -> None:
            try:
                # A link to a symbolic link would be another one, and point elsewhere from where it lies.
                self._link(Path(os.path.realpath(source)), temporary)
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
                with source.open("rb") as file:
                    self._write(temporary, file)

        self._put(target, make)

    def exists(self, key: str) -> bool:
        """Whether there is an object under `key`. Raises `StoreError`."""
        path = self._path(key)
        try:
            if path.is_file():
                return True
        except OSError as error:
            raise self._trouble(error, path, "look for") from error
        self._check_still_there()
        return False

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that begins with `prefix`, in order of their bytes; one folder at a time is in memory.

        Files that no store would have stored (a backslash in the name) and half-written ones are left out.
        Raises `StoreError`, `StoreRefused`.
        """
        check_prefix(prefix)
        self._check_still_there()
        folder = prefix[: prefix.rfind("/") + 1]
        try:
            yield from self._walk(folder, prefix, frozenset())
        except OSError as error:
            raise self._trouble(error, self._root / prefix, "list") from error

    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders directly below `prefix`, as `Store.folders` has it; one without a file is named too.

        Raises `StoreError`, `StoreRefused`.
        """
        check_prefix(prefix)
        self._check_still_there()
        above = prefix[: prefix.rfind("/") + 1]
        try:
            names = self._names(above)
        except OSError as error:
            raise self._trouble(error, self._root / prefix, "list") from error
        for name in names:
            key = above + name
            if name.endswith("/") and key.startswith(prefix) and key not in (f"{OWN}/", _OWN):
                yield name.removesuffix("/")

    def url(self, key: str) -> str:
        """The file's path."""
        return str(self._path(key))

    def presign(self, key: str, *, seconds: int) -> None:
        """None: a folder can be reached from nowhere else."""
        check_key(key)

    def check(self) -> None:
        """Write, read, list and remove a small file; then remove what writers that died left behind.

        Raises `StoreRefused` saying what to mend, `StoreFull`, `StoreError`.
        """
        body = b"Rushes was here to see whether it can store.\n"
        key = f"{_PROBES}{secrets.token_hex(8)}"
        path = self._path(key)
        self.put_bytes(key, body, content_type="text/plain")
        if self.get(key) != body:
            raise StoreError(f"{path}: what was read is not what was written a moment before")
        if key not in self.keys(key):
            raise StoreRefused(f"{self._root}: a file that was just written is not in the folder's listing")
        try:
            # The age of leftovers is told by the file system's own clock, which is not always this machine's.
            now = path.stat().st_mtime
            path.unlink()
            for leftover in (*self._temporary.iterdir(), *path.parent.glob(Path(_PROBES).name + "*")):
                # Another process may sweep at the same time; another user's leftovers are theirs to remove.
                with suppress(FileNotFoundError, PermissionError):
                    found = leftover.stat()
                    # A second name of an object is as old as the object, and may be of a copy that is being made.
                    if now - found.st_mtime > ABANDONED_AFTER and found.st_nlink == 1:
                        leftover.unlink()
        except OSError as error:
            raise self._trouble(error, path, "remove") from error

    def _path(self, key: str) -> Path:
        check_key(key)
        if key.startswith(_OWN):
            raise StoreRefused(f"the key {key!r} can't be stored: {_OWN} is for half-written files")
        return self._root / key

    def _put(self, target: Path, make: Callable[[Path], object], *, size: int | None = None) -> None:
        """Have `make` make a whole file at the path that it is given, and rename it to `target`."""
        temporary = self._temporary / secrets.token_hex(16)
        try:
            if not self._seen:
                self._make_folder(self._temporary)
                self._seen = True
            try:
                make(temporary)
                self._make_folder(target.parent)
                temporary.replace(target)
            finally:
                # It is still there, too, when it was another name of the very file that it was to replace.
                temporary.unlink(missing_ok=True)
            _force(target.parent)
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                # Somebody removed a folder that was there: have the next put look again and make it.
                self._durable.clear()
                self._check_still_there()
            raise self._trouble(error, target, "write", size=size) from error

    def _write(self, path: Path, source: BinaryIO) -> str:
        """Write all of `source` to the new file `path`, down to the disk. Returns the sha256 in hex."""
        digest = hashlib.sha256()
        with open(path, "xb", opener=self._opener) as file:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        return digest.hexdigest()

    def _make_folder(self, folder: Path) -> None:
        """Make `folder` and those above it, so that they outlive a loss of power."""
        if folder in self._durable:
            return
        # One below the root that exists already may have been made by another process a moment ago, which has
        # not yet forced it to disk. Those above the root are the person's own.
        if self._root in folder.parents or not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            _force(folder.parent)
        self._durable.add(folder)

    def _walk(self, folder: str, prefix: str, above: frozenset[tuple[int, int]]) -> Iterator[str]:
        """The keys in `folder` (empty, or ending in a slash) that begin with `prefix`."""
        if folder == _OWN:
            return
        try:
            here = (self._root / folder).stat()
        except (FileNotFoundError, NotADirectoryError):
            self._check_still_there()
            return
        identity = (here.st_dev, here.st_ino)
        if identity in above:
            return  # A link to a folder above: everything in it has been listed.
        for name in self._names(folder):
            key = folder + name
            if not key.startswith(prefix):
                continue
            if name.endswith("/"):
                yield from self._walk(key, prefix, above | {identity})
            else:
                yield key

    def _names(self, folder: str) -> list[str]:
        """What lies directly in `folder` (empty, or ending in a slash), in order; folders end in a slash."""
        names = []
        try:
            with os.scandir(self._root / folder) as entries:
                for entry in entries:
                    if flaw(entry.name):
                        continue
                    if entry.is_dir():
                        # With its slash, a folder sorts among the files as its contents do.
                        names.append(entry.name + "/")
                    elif entry.is_file():
                        names.append(entry.name)
        except (FileNotFoundError, NotADirectoryError):
            # It went away since it was listed; if the whole store did, the listing is not whole.
            self._check_still_there()
        names.sort(key=str.encode)
        return names

    def _check_still_there(self) -> None:
        try:
            there = self._temporary.is_dir()
            in_the_way = not there and self._root.exists() and not self._root.is_dir()
        except OSError as error:
            raise self._trouble(error, self._root, "read") from error
        if in_the_way:
            raise StoreRefused(f"{self._root} is a file, not a folder: name another folder as the store")
        if self._seen and not there:
            raise StoreError(
                f"{self._root} is no longer the folder it was: {self._temporary} is gone from it. Was a disk "
                "unmounted, or the folder moved? Bring it back, or start again to have a new one made"
            )
        self._seen = there

    def _trouble(self, error: OSError, path: Path, deed: str, *, size: int | None = None) -> StoreError:
        """The error of the tree that `error` means, naming the place and what to do next."""
        reason = error.strerror or type(error).__name__
        if error.errno in _FULL:
            wanted = "" if size is None else f" for its {size} bytes"
            return StoreFull(f"{path}: no room{wanted} ({reason}). Make room in {self._root}, then run again")
        if error.errno == errno.EXDEV:
            return StoreRefused(
                f"{path} lies on another file system than {self._root}, where no file can be moved to in one "
                "step. Replace the link or mount with a folder, or name the other disk as the store"
            )
        # The place that failed is often a folder above the object.
        place = error.filename if isinstance(error.filename, str) else str(path)
        if error.errno in _REFUSED:
            return StoreRefused(
                f"can't {deed} {path}: {place}: {reason}. "
                f"Mend that, or name another folder as the store than {self._root}"
            )
        return StoreError(f"can't {deed} {path}: {place}: {reason}")


def _force(folder: Path) -> None:
    """Force the folder's entries to disk: without it a loss of power can undo a rename."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems have no such thing for folders and say so; they order it themselves.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)
