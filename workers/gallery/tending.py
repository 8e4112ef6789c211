"""Keeping the pages of all batches up to date where only workers are at them: a thread in every worker.

One worker at a time tends a batch, and none where a command that follows it does so: whoever does holds a claim in
Redis, which runs out when they fall silent. What a page was last written for is kept there too, so a batch in which
nothing has happened costs no look into the store.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from typing import cast

from workers.clock import Clock
from workers.engine.room import WaitingRoom
from workers.engine.scripts import reaching
from workers.engine.standing import Standing
from workers.engine.states import State
from workers.gallery.keeper import SHARE, PageKeeper
from workers.gallery.looking import Onlooker
from workers.rounds import Rounds
from workers.store.protocol import Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
CLAIM_SECONDS = 120.0
"""Longer than a page of the largest batch takes to be written."""


class Claim:
    """The right to write the page of a batch, for whoever has this object. Raises `RedisError` throughout."""

    def __init__(self, room: WaitingRoom) -> None:
        self._scripts = room.scripts
        self._mine = secrets.token_hex(8).encode()

    def hold(self, batch: str) -> bool:
        """Take the claim, or hold it for another while; False where somebody else has it."""
        key, ms = self._scripts.key("gallery", batch), round(CLAIM_SECONDS * 1000)
        with reaching():
            if self._scripts.client.set(key, self._mine, nx=True, px=ms):
                return True
            mine = self._scripts.client.get(key) == self._mine
            return mine and bool(self._scripts.client.pexpire(key, ms))

    def shown(self, batch: str) -> str | None:
        """What the page of the batch was last written for."""
        with reaching():
            found = cast("bytes | None", self._scripts.client.hget(self._scripts.key("galleries"), batch))
        return None if found is None else found.decode()

    def show(self, batch: str, what: str) -> None:
        """The page was written for this."""
        with reaching():
            self._scripts.client.hset(self._scripts.key("galleries"), batch, what)


class PageTender:
    """Writes the page of every batch in which something has happened. Pages never hold rendering up."""

    def __init__(self, room: WaitingRoom, store: Store, clock: Clock) -> None:
        self._room, self._store, self._clock = room, store, clock
        self._claim = Claim(room)
        self._keepers: dict[str, PageKeeper] = {}
        self._due: dict[str, float] = {}
        # A page is never worth a batch.
        self._rounds = Rounds(
            self.once,
            name="rushes-gallery",
            seconds=LOOK_SECONDS,
            log=log,
            trouble="a gallery could not be written",
            defect="the gallery stumbled over a defect",
        )

    def start(self) -> None:
        """Begin; the first look is half a minute later."""
        self._rounds.start()

    def stop(self) -> None:
        """Begin nothing more."""
        self._rounds.stop()

    def once(self) -> list[str]:
        """Look at all batches; those whose pages were written or found to be right.

        Raises `RedisError`, and the `StoreError` of the first batch whose page can't be written.
        """
        tended = []
        open_ones = self._room.batches()
        for gone in self._keepers.keys() - set(open_ones):
            del self._keepers[gone]
        for batch in open_ones:
            standing = None if self._rounds.ended else self._room.standing(batch)
            if standing is not None and self._tend(standing):
                tended.append(batch)
        return tended

    def _tend(self, standing: Standing) -> bool:
        batch, what = standing.batch, _what(standing)
        begun = self._clock.monotonic()
        if begun < self._due.get(batch, 0.0) or self._claim.shown(batch) == what or not self._claim.hold(batch):
            return False
        keeper = self._keepers.setdefault(batch, PageKeeper(Onlooker(self._store, batch)))
        keeper.refresh(running=standing.open > 0)
        self._claim.show(batch, what)
        self._due[batch] = self._clock.monotonic() + SHARE * (self._clock.monotonic() - begun)
        if standing.open == 0:
            del self._keepers[batch]  # it remembers all receipts
        return True


def _what(standing: Standing) -> str:
    """What a page shows of a batch, as far as Redis tells: takes that merely wait or render look alike in it."""
    ended = [standing.states[state] for state in State]
    told = f"{standing.digest} {ended} {standing.submissions} {standing.open > 0} {standing.orphans}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]
