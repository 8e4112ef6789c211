"""Posters for takes that were stored before there were any: made from the last frame, which is in the store."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workers.errors import DamagedVideo, ObjectMissing
from workers.gallery.looking import Onlooker
from workers.media.darkroom import reprint
from workers.receipts import keys_of
from workers.store.protocol import Store

POSTER_TYPE = "image/webp"
MADE_AT_ONCE = 8


def make_posters(onlooker: Onlooker, *, warn: Callable[[str], None]) -> int:
    """Make the posters that are missing; how many were made. `warn` hears of each that could not be.

    Their receipts stay as they are: a receipt is written once. Raises the `StoreError`s of the store.
    """
    listing = onlooker.listing()
    missing = [] if listing is None else sorted(listing.done - listing.posters)
    if not missing:
        return 0

    def make(name: str) -> int:
        try:
            _make(onlooker.store, onlooker.batch, name)
        except (DamagedVideo, ObjectMissing) as error:
            warn(f"{name} has no poster: {error}")
            return 0
        return 1

    with ThreadPoolExecutor(MADE_AT_ONCE, thread_name_prefix="posters") as pool:
        return sum(pool.map(make, missing))


def _make(store: Store, batch: str, name: str) -> None:
    keys = keys_of(batch, name)
    with tempfile.TemporaryDirectory(prefix="rushes-poster-") as folder:
        picture, poster = Path(folder) / "last.png", Path(folder) / "poster.webp"
        picture.write_bytes(store.get(keys.last_frame))
        reprint(picture, poster)
        digest = hashlib.sha256(poster.read_bytes()).hexdigest()
        store.put_file(keys.poster, poster, sha256=digest, content_type=POSTER_TYPE)
