"""Local files in the store, by their content, so that a worker on any machine finds them.

They lie under `.rushes/inputs/<sha256>.<ending>`, beside the batches and in none of them: two batches that have a file
in common keep it once. No batch can be called so, for its name begins with a letter or a digit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from jobs.errors import RushesError
from jobs.inputs import LocalInput, UnfitFile, inspect
from workers.errors import ObjectMissing, StoreError, StoreRefused
from workers.store.protocol import Store

FOLDER = ".rushes/inputs/"


class InputChanged(RushesError):
    """A file is no longer what it was when the manifest was read."""

    exit_code = 2


def key_of(reference: str) -> str:
    """Where the input that a frozen manifest calls `input:<sha256>.<ending>` lies in the store."""
    return FOLDER + reference.removeprefix("input:")


def store_inputs(store: Store, inputs: Iterable[LocalInput]) -> int:
    """Put each of `inputs` into the store, unless it is there; how many were put.

    Raises `InputChanged`, and the `StoreError`s of `store`.
    """
    count = 0
    for each in inputs:
        key = key_of(each.reference)
        if store.exists(key):
            continue
        try:
            now = inspect(each.path)
        except UnfitFile as error:
            raise InputChanged(f"{each.path} {error}, and was, a moment ago; put it back, and run again") from None
        if now.sha256 != each.sha256:
            raise InputChanged(
                f"{each.path} has been changed since the manifest was read; run again to take it as it is"
            )
        store.put_file(key, each.path, sha256=each.sha256, content_type=each.media_type)
        count += 1
    return count


def stored_input(store: Store, reference: str) -> bytes:
    """The bytes of an input.

    Raises `StoreRefused` when they aren't those that its name says, and the other `StoreError`s of `store`.
    """
    key = key_of(reference)
    try:
        body = store.get(key)
    except ObjectMissing as error:
        raise StoreError(f"{error}: it is a local file of the manifest; run that again where the file is") from error
    sha256 = hashlib.sha256(body).hexdigest()
    if not key.startswith(f"{FOLDER}{sha256}."):
        raise StoreRefused(
            f"{store.url(key)} holds other bytes than its name says (sha256 {sha256}). "
            "Remove it, and run the manifest again where the file is"
        )
    return body
