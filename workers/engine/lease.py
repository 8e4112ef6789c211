"""Keeping a lease while its hand is at work: one thread a process renews them all."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from workers.clock import Clock
from workers.engine.room import WaitingRoom
from workers.engine.work import Work
from workers.errors import RedisError

log = logging.getLogger(__name__)


class LeaseKeeper:
    """Renews the leases of the collections that this process has in hand, until each is let go.

    A hand that lost its lease is not interrupted: its next transition is refused, and until then it writes
    nothing that another hand on the same take would not write alike.
    """

    def __init__(self, room: WaitingRoom, clock: Clock) -> None:
        self._room = room
        self._clock = clock
        self._held: set[Work] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def holding(self, work: Work) -> Iterator[None]:
        """Keep the lease of `work` for as long as the block runs."""
        with self._lock:
            self._held.add(work)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._keep, name="rushes-leases", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(work)

    def close(self) -> None:
        """Renew nothing more."""
        self._stop.set()

    def renew(self) -> None:
        """Renew every lease in hand once."""
        with self._lock:
            held = list(self._held)
        for work in held:
            try:
                self._room.renew(work, lease=self._room.leases.collect)
            except RedisError as error:
                log.warning("lease of %s/%s not renewed: %s", work.batch, work.index, error)

    def _keep(self) -> None:
        while not self._stop.wait(self._room.leases.collect / 3):
            self.renew()
