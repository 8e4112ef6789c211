"""How everything stands, as metrics for Prometheus.

All of it is read from Redis at the moment of the scrape, so that every worker tells the same, and none has to have
been there from the beginning: scrape one, or take the `max` over all. What is read is bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from workers.engine.lookout import Lookout
from workers.engine.standing import Standing
from workers.engine.states import State
from workers.errors import RedisError

MOST_BATCHES = 100
MOST_FAILED = 200
"""Of a batch, whose classes are looked at: the first by index."""

FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "rushes_redis_up": ("1 while Redis answers; without it nothing else is told", ()),
    "rushes_takes": ("Takes of a batch by state", ("batch", "state")),
    "rushes_submissions": ("Attempts of a batch that were sent", ("batch",)),
    "rushes_attempts": ("Attempts of a batch that have ended: done, or the class of their failure", ("batch", "class")),
    "rushes_takes_per_minute": ("Takes of a batch that end in a minute, over the last 15", ("batch",)),
    "rushes_failed_takes": ("Failed takes of a batch by class, the first 200 of each batch", ("batch", "class")),
    "rushes_held_takes": ("Waiting takes that are held back, by what", ("batch", "by")),
    "rushes_stopped": ("1 for a batch of which nothing more is submitted, by why", ("batch", "why")),
    "rushes_spent": ("What a batch has spent, where it has a budget", ("batch", "currency")),
    "rushes_reserved": ("What is reserved for takes under way", ("batch", "currency")),
    "rushes_budget_left": ("What is neither spent nor reserved of a batch's budget", ("batch", "currency")),
    "rushes_seats": ("Seats that a provider has for us", ("provider",)),
    "rushes_seats_taken": ("Seats that are taken", ("provider",)),
    "rushes_provider_paused": ("1 for a provider that is paused, by the class of why", ("provider", "class")),
    "rushes_provider_slowed_seconds": ("Seconds for which a provider is sent nothing more", ("provider",)),
    "rushes_provider_spent_today": ("Spent at a provider today (UTC), where it has a daily budget", ("provider",)),
    "rushes_provider_left_today": ("What is neither spent nor reserved of that budget", ("provider",)),
    "rushes_polls": ("Polls of a provider whose job was not finished", ("provider",)),
    "rushes_poll_delay_seconds": ("Seconds that the polls after those were put off by, together", ("provider",)),
    "rushes_store_trouble_seconds": ("Seconds for which the store has failed; 0 while it works", ()),
    "rushes_overdue": ("Polls, collections and leases that are due and not handed out yet", ()),
    "rushes_due_lag_seconds": ("For how many seconds the first of them has been due", ()),
    "rushes_queue_messages": ("Messages that no worker has taken yet", ("queue",)),
    "rushes_batches_left_out": ("Batches beyond the first 100 by name, which are not told of", ()),
}
"""Every metric by its name: what it says, and its labels."""


class Standings(Collector):
    """Reads `room` at each scrape. `providers` and `queues` are those of the settings."""

    def __init__(self, room: Lookout, providers: Sequence[str], queues: Sequence[str]) -> None:
        self._room = room
        self._providers = providers
        self._queues = queues

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Without a value: to be registered it need not reach Redis."""
        return iter(_families().values())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """How everything stands at this moment; that Redis is down, when it is."""
        families = _families()
        try:
            self._read(families)
        except RedisError:
            # Half a picture would look like a sudden end of all that is missing in it.
            families = {"rushes_redis_up": _families()["rushes_redis_up"]}
            families["rushes_redis_up"].add_metric((), 0)
        else:
            families["rushes_redis_up"].add_metric((), 1)
        yield from families.values()

    def _read(self, families: dict[str, GaugeMetricFamily]) -> None:
        def tell(name: str, value: float, *labels: str) -> None:
            families[name].add_metric(labels, value)

        batches = self._room.batches()
        tell("rushes_batches_left_out", max(0, len(batches) - MOST_BATCHES))
        for batch in batches[:MOST_BATCHES]:
            standing = self._room.standing(batch)
            if standing is not None:
                self._batch(families, standing)
        for provider in self._providers:
            lane = self._room.lane(provider)
            tell("rushes_seats", lane.seats, provider)
            tell("rushes_seats_taken", lane.seats_taken, provider)
            tell("rushes_provider_slowed_seconds", lane.slowed_for, provider)
            tell("rushes_polls", lane.polls, provider)
            tell("rushes_poll_delay_seconds", lane.polls_seconds, provider)
            if lane.day_budget is not None:
                tell("rushes_provider_spent_today", lane.day_spent / 1e6, provider)
                tell(
                    "rushes_provider_left_today", (lane.day_budget - lane.day_spent - lane.day_reserved) / 1e6, provider
                )
            if lane.paused is not None:
                tell("rushes_provider_paused", 1, provider, lane.paused_kind or "unknown")
        trouble = self._room.store_trouble()
        tell("rushes_store_trouble_seconds", 0.0 if trouble is None else max(trouble[1], 0.001))
        overdue, lag = self._room.overdue()
        tell("rushes_overdue", overdue)
        tell("rushes_due_lag_seconds", lag)
        for queue in self._queues:
            tell("rushes_queue_messages", self._room.queued(queue), queue)

    def _batch(self, families: dict[str, GaugeMetricFamily], standing: Standing) -> None:
        batch, money = standing.batch, standing.money
        for state, count in standing.states.items():
            families["rushes_takes"].add_metric((batch, state.value), count)
        families["rushes_submissions"].add_metric((batch,), standing.submissions)
        for kind, count in standing.attempts.items():
            families["rushes_attempts"].add_metric((batch, kind), count)
        if standing.per_minute is not None:
            families["rushes_takes_per_minute"].add_metric((batch,), standing.per_minute)
        for by, count in standing.held.items():
            families["rushes_held_takes"].add_metric((batch, by), count)
        if standing.stopped is not None:
            families["rushes_stopped"].add_metric((batch, standing.stopped.kind), 1)
        if money.limit is not None:
            labels = (batch, money.currency or "")
            families["rushes_spent"].add_metric(labels, money.spent / 1e6)
            families["rushes_reserved"].add_metric(labels, money.reserved / 1e6)
            families["rushes_budget_left"].add_metric(labels, (money.limit - money.spent - money.reserved) / 1e6)
        if standing.states[State.FAILED]:
            records = self._room.held(batch, State.FAILED, most=MOST_FAILED)
            errors = (record.value("error") or {} for record in records)
            for kind, count in Counter(str(error.get("kind", "unknown")) for error in errors).items():
                families["rushes_failed_takes"].add_metric((batch, kind), count)


def _families() -> dict[str, GaugeMetricFamily]:
    return {name: GaugeMetricFamily(name, told, labels=labels) for name, (told, labels) in FAMILIES.items()}
