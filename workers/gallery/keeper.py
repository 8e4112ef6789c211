"""Keeping the page of a batch up to date, cheaply: what hasn't changed is neither read nor written again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from workers.clock import Clock
from workers.errors import ObjectMissing, StoreError
from workers.gallery.data import page_data
from workers.gallery.looking import GALLERY, Onlooker
from workers.gallery.page import fingerprint_of, write_page

LEAST_SECONDS = 10.0
"""Between two pages of a running batch."""

SHARE = 20.0
"""A page that took a second to make is made again after so many at the earliest: the gallery takes a twentieth."""

_TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


@dataclass
class PageKeeper:
    """The page of one batch. Not safe to use from two threads at once."""

    onlooker: Onlooker
    _last: str | None = None

    def refresh(self, *, running: bool) -> bool:
        """Write the page unless the one that is there shows all that there is; whether anything was written.

        `running` says that workers are at the batch. Raises the `StoreError`s of the store.
        """
        listing = self.onlooker.listing()
        if listing is None:
            return False
        # With nobody at work, an intent alone is a doubt: the same record makes another page.
        record = listing.fingerprint[:32]
        fingerprint = f"{record}{'-running' if running and listing.unanswered else ''}"
        if self._last is None:
            self._last = self._there()
        # Nor is a page that was written at the end of a run written again because another one begins.
        if self._last == fingerprint or (running and self._last == record):
            return False
        view = self.onlooker.view(listing, running=running)
        self._put(write_page(page_data(view), fingerprint=fingerprint))
        self._last = fingerprint
        return True

    def write(self) -> int:
        """Read everything anew and write the page if it differs from the one that is there; how many takes it shows.

        Raises the `StoreError`s of the store.
        """
        listing = self.onlooker.listing()
        if listing is None:
            return 0
        view = self.onlooker.view(listing)
        self._put(write_page(page_data(view), fingerprint=listing.fingerprint[:32]))
        self._last = listing.fingerprint[:32]
        return len(view.sights)

    def _there(self) -> str | None:
        try:
            return fingerprint_of(self.onlooker.store.get(f"{self.onlooker.batch}/{GALLERY}"))
        except ObjectMissing:
            return None

    def _put(self, files: dict[str, bytes]) -> None:
        store = self.onlooker.store
        # The page last: it names the others.
        for name, body in sorted(files.items(), key=lambda each: each[0] == GALLERY):
            key = f"{self.onlooker.batch}/{name}"
            if _differs(store.get, key, body):
                store.put_bytes(key, body, content_type=_TYPES[name[name.rindex(".") :]])


def _differs(get: Callable[[str], bytes], key: str, body: bytes) -> bool:
    try:
        return get(key) != body
    except ObjectMissing:
        return True


@dataclass
class Refresher:
    """Refreshes a page while its batch runs, in a thread of its own, so that nobody waits for it.

    `warn` hears, once each, why a page could not be written: a gallery is never worth a batch. `before` is called
    before each look.
    """

    keeper: PageKeeper
    clock: Clock
    warn: Callable[[str], None]
    before: Callable[[], None] = lambda: None
    _thread: threading.Thread | None = None
    _due: float = field(default=0.0)
    _warned: set[str] = field(default_factory=set)

    def tend(self) -> None:
        """Begin to refresh the page if it is time. Returns at once."""
        if self._thread is not None and self._thread.is_alive():
            return
        if self.clock.monotonic() < self._due:
            return
        self._thread = threading.Thread(target=self._refresh, args=(True,), name="gallery", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait for what is under way, and write the page as it is now that the run has ended."""
        if self._thread is not None:
            self._thread.join()
        self._refresh(False)

    def _refresh(self, running: bool) -> None:
        begun = self.clock.monotonic()
        self.before()
        try:
            self.keeper.refresh(running=running)
        except StoreError as error:
            if str(error) not in self._warned:
                self._warned.add(str(error))
                self.warn(f"the gallery could not be written: {error}")
        now = self.clock.monotonic()
        self._due = now + max(LEAST_SECONDS, SHARE * (now - begun))
