"""What a key may be: the same rule for every store, so that a batch can move from a folder to a bucket."""

from __future__ import annotations

from workers.errors import StoreRefused

OWN = ".rushes"
"""The folder at a store's root that belongs to Rushes and to no batch."""

LONGEST_KEY = 1024
"""Bytes of UTF-8 in a whole key: the most that S3 takes ("Naming Amazon S3 objects")."""

LONGEST_PART = 255
"""Bytes of UTF-8 between two slashes: the most that common file systems take."""


def check_key(key: str) -> None:
    """Raise `StoreRefused` unless `key` is relative, `/`-separated and safe in a bucket and in a folder."""
    parts = key.split("/")
    for part in parts:
        if why := flaw(part):
            raise StoreRefused(f"the key {key!r} can't be stored: {why}")
    if len(key.encode()) > LONGEST_KEY:
        raise StoreRefused(f"the key {key!r} can't be stored: it is longer than {LONGEST_KEY} bytes")


def check_prefix(prefix: str) -> None:
    """Raise `StoreRefused` unless some key could begin with `prefix`. It may be empty, or end anywhere."""
    *folders, last = prefix.split("/")
    for part in folders:
        if why := flaw(part):
            raise StoreRefused(f"no key begins with {prefix!r}: {why}")
    # The last part may be only the beginning of one: `.` is the beginning of `.rushes`.
    if last and last != "." and (why := flaw(last)):
        raise StoreRefused(f"no key begins with {prefix!r}: {why}")


def flaw(part: str) -> str | None:
    """What forbids `part` between two slashes of a key, in words; None when nothing does."""
    if not part:
        return "it begins or ends with a slash, has two in a row, or is empty"
    if part in (".", ".."):
        return f"it holds the part {part!r}"
    if "\\" in part or not part.isprintable():
        return "it holds a backslash or a character that can't be printed"
    if len(part.encode()) > LONGEST_PART:
        return f"it has a part longer than {LONGEST_PART} bytes"
    return None
