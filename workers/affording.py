"""What a batch's budget has left, by the store alone, and whether that is enough."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from jobs.fields.terms import Budget
from jobs.prices.totals import Totals
from workers.accounts.attempts import AttemptCost, attempt_costs
from workers.money import STILL_OPEN
from workers.store.protocol import Store


@dataclass(frozen=True, slots=True)
class Affording:
    """What of `budget` is `spent`, is set aside for attempts that are still `open`, and is `needed` for what is to be
    rendered, each at most and in its currency. `unknown` takes or attempts have no known price."""

    budget: Budget
    spent: Decimal
    open: Decimal
    needed: Decimal
    unknown: int

    @property
    def left(self) -> Decimal:
        """What may still be submitted for."""
        return max(Decimal(0), self.budget.stop.amount - self.spent - self.open)

    @property
    def enough(self) -> bool:
        """Whether what is left pays for all that is to be rendered, as far as prices are known."""
        return self.needed <= self.left

    def __str__(self) -> str:
        currency = self.budget.currency
        open_ones = f", up to {_plain(self.open)} may be by what is under way or in doubt" if self.open else ""
        told = f"{_plain(self.spent)} of {self.budget} spent at most{open_ones}; {_plain(self.left)} {currency} left"
        if self.needed:
            than = "enough" if self.enough else "not enough"
            told += f", {than} for what is to render at {_plain(self.needed)} {currency} at most"
        return f"{told}; {self.unknown:,} have no known price" if self.unknown else told

    def to_json(self) -> dict[str, Any]:
        """As plain mappings and text: amounts are text, for JSON's numbers aren't exact."""
        amounts = {"spent": self.spent, "open": self.open, "left": self.left, "needed": self.needed}
        return {
            "currency": self.budget.currency,
            "stop": _plain(self.budget.stop.amount),
            **{name: _plain(amount) for name, amount in amounts.items()},
            "unknown": self.unknown,
            "enough": self.enough,
        }


def affording(store: Store, batch: str, budget: Budget, price: Totals) -> Affording:
    """How `budget` stands to what is spent of it on record, and to `price`. Raises the `StoreError`s of `store`."""
    costs = attempt_costs(store, batch)
    still = [cost for cost in costs if cost.outcome in STILL_OPEN]
    spent, unknown = _sum((cost for cost in costs if cost.outcome not in STILL_OPEN), budget.currency)
    held, more = _sum(still, budget.currency)
    total = price.by_currency.get(budget.currency)
    others = sum(1 for currency in price.by_currency if currency != budget.currency)
    needed = Decimal(0) if total is None else total.most
    return Affording(budget, spent, held, needed, unknown + more + price.unknown + others)


def _sum(costs: Iterable[AttemptCost], currency: str) -> tuple[Decimal, int]:
    """What they cost at most together, and how many of them may have cost what isn't known."""
    found, unknown = Decimal(0), 0
    for cost in costs:
        known = cost.at_most
        if known is not None and known[0] and known[1] != currency and cost.estimated_currency == currency:
            known = None if cost.estimated is None else (cost.estimated, currency)
        if known is None or (known[0] and known[1] != currency):
            unknown += 1
        elif known[1] == currency:
            found += known[0]
    return found, unknown


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
