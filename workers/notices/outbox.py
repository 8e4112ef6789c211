"""What is to be told, kept in Redis until it is delivered: a crash loses none, and at the worst doubles one."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from workers.engine.scripts import Scripts, as_text
from workers.engine.standing import Standing
from workers.notices.events import events_of

LEASE_SECONDS = 60.0
MOST_TRIES = 10
FIRST_SECONDS = 5.0
SLOWEST_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told by one channel. `at` is when it was noticed, in seconds since the epoch; `tries` counts
    from 1, and the `id` is the same at each."""

    id: str
    batch: str
    event: str
    channel: str
    at: float
    tries: int


class Outbox:
    """The notices of one namespace. Safe to use from any number of threads. All of it raises `RedisError`."""

    def __init__(self, scripts: Scripts) -> None:
        self._run = scripts.run

    def look(self, standing: Standing, channels: Collection[str], wanted: Collection[str]) -> int:
        """Keep what is to be told of a batch, for each of the channels; how many notices came of it."""
        holds = {event: token for event, token in events_of(standing).items() if event in wanted}
        if not holds or not channels:
            return 0
        return int(self._run("tell", standing.batch, json.dumps(holds), json.dumps(sorted(channels))))

    def take(self) -> Notice | None:
        """The next one that is due, ours for a minute; None when none is."""
        found = self._run("notice", round(LEASE_SECONDS * 1000))
        if not found:
            return None
        told = json.loads(found[1])
        return Notice(
            as_text(found[0]), told["batch"], told["event"], told["channel"], told["at"] / 1000, int(found[2])
        )

    def delivered(self, notice: Notice) -> None:
        """It has been told."""
        self._run("noticed", notice.id, "")

    def failed(self, notice: Notice) -> float | None:
        """It could not be told: in how many seconds it is tried again, or None when it is given up."""
        if notice.tries >= MOST_TRIES:
            self._run("noticed", notice.id, "")
            return None
        delay = min(SLOWEST_SECONDS, FIRST_SECONDS * 3.0 ** (notice.tries - 1))
        self._run("noticed", notice.id, round(delay * 1000))
        return delay
