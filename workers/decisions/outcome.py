"""What came of a decision, and what it may cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from jobs.prices import highest_price
from jobs.takes import Take
from jobs.takes.spans import from_json
from workers.chains.picks import UNPICKED
from workers.context import Context
from workers.decisions.targets import Aim
from workers.deferring import DEFERRED
from workers.engine.states import State

MOST_NAMED = 20

Amount = tuple[Decimal, str]
"""So much of a currency."""


@dataclass(frozen=True)
class Outcome:
    """How the takes of a target stand after a decision about them.

    `stand` counts them by state, those that wait and are held by what holds them (`paused`, `cancelled`, `waived`).
    `takes` tells by name what came of those that were decided about one by one. `notes` are sentences for a person.
    """

    target: str
    stand: Mapping[str, int]
    takes: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """The outcome as text, line by line."""
        if sum(self.stand.values()) <= 1 and len(self.takes) <= 1:
            # A single take: what was decided about it, else how it stands.
            ways = [*self.takes.values(), *(CALLED.get(what, what) for what in self.stand), "not asked for any more"]
            yield f"{self.target}: {ways[0]}"
        else:
            told = ", ".join(f"{count:,} {CALLED.get(what, what)}" for what, count in self.stand.items())
            yield f"{self.target}: {told or 'nothing'}"
            for name, what in list(self.takes.items())[:MOST_NAMED]:
                yield f"  {name}: {what}"
            if len(self.takes) > MOST_NAMED:
                yield f"  and {len(self.takes) - MOST_NAMED:,} more"
        yield from (f"  {note}" for note in self.notes)

    def to_json(self) -> dict[str, Any]:
        """The outcome as plain mappings, lists, text and numbers."""
        return {
            "target": self.target,
            "stand": dict(self.stand),
            "takes": dict(self.takes),
            "notes": list(self.notes),
        }


CALLED = {"doubt": "in doubt"}
"""States that are called something else when a person is told of them."""


def most_for(context: Context, take: Take) -> Amount | None:
    """What a take costs at most, None where that isn't known."""
    price = highest_price(take, own=context.own_prices)
    return None if price is None else (price.amount, price.currency)


@dataclass(frozen=True)
class Bill:
    """What some takes may cost at most: how many they are, sums by currency, and how many have no known price."""

    takes: int
    sums: Mapping[str, Decimal]
    unknown: int

    @classmethod
    def of(cls, prices: Iterable[Amount | None]) -> Bill:
        """The bill for takes of these highest prices."""
        sums: dict[str, Decimal] = {}
        takes = unknown = 0
        for price in prices:
            takes += 1
            if price is None:
                unknown += 1
            else:
                amount, currency = price
                sums[currency] = sums.get(currency, Decimal(0)) + amount
        return cls(takes, sums, unknown)

    def __str__(self) -> str:
        parts = [f"{amount.normalize():f} {currency}" for currency, amount in sorted(self.sums.items())]
        if self.unknown:
            parts.append(f"an unknown sum for {self.unknown:,}")
        return " and ".join(parts)


def stand_of(context: Context, aim: Aim) -> dict[str, int]:
    """How many takes of a target are in each state, those that wait by what holds them; what isn't asked for any more
    counts while something of it is under way."""
    census = context.room.census(aim.batch)
    whole, _ = context.room.hold_on(aim.batch)
    found: Counter[str] = Counter()
    live: set[int] = set()
    for span in from_json(context.room.spans(aim.batch)):
        for start, end in aim.ranges:
            first, last = max(start, span.start), min(end, span.end)
            if first >= last:
                continue
            for state, count in census.counted([(first, last)]).items():
                found[(span.hold or whole or state.value) if state is State.WAITING else state.value] += count
            live |= {index for index in census.elsewhere if first <= index < last}
    for index, state in census.elsewhere.items():
        if index in aim and index not in live:
            found[state.value] += 1
    order = [*(state.value for state in State), "paused", DEFERRED, UNPICKED]
    return {what: found[what] for what in sorted(found, key=order.index) if found[what]}
