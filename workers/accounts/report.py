"""What many attempts have cost together: by shot, by provider, by outcome, and in total."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self, get_args

from workers.accounts.attempts import AttemptCost, Outcome

NOT_SUBMITTED = "not submitted"
"""Stands for the provider of attempts that failed before there was anything to submit."""

DECIMALS = 4
"""How many a person is shown of an amount, unless it would look like nothing."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of money, each currency apart, and in how many cases the amount isn't known and so isn't in them."""

    by_currency: Mapping[str, Decimal] = field(default_factory=dict)
    unknown: int = 0

    @classmethod
    def of(cls, amounts: Iterable[tuple[Decimal, str | None] | None]) -> Self:
        """The sums of so many amounts and their currencies; None is one that isn't known.

        A zero may be of no currency. Any other amount of none can't be told from another's, and counts as unknown.
        """
        summed: dict[str, Decimal] = {}
        unknown = 0
        for each in amounts:
            if each is None or (each[1] is None and each[0]):
                unknown += 1
            elif each[1] is not None:
                summed[each[1]] = summed.get(each[1], Decimal(0)) + each[0]
        return cls(dict(sorted(summed.items())), unknown)

    def parts(self) -> list[str]:
        """It in words, a currency each: `1.21 USD`, `12 credits`, `unknown for 2`; `nothing` when it is."""
        told = [f"{money(amount)} {currency}" for currency, amount in self.by_currency.items()]
        if self.unknown:
            told.append(f"unknown for {self.unknown:,}")
        return told or ["nothing"]

    def __str__(self) -> str:
        return ", ".join(self.parts())

    def to_json(self) -> dict[str, Any]:
        """As plain mappings. Amounts are text, for JSON's numbers aren't exact."""
        return {
            "by_currency": {currency: exact(amount) for currency, amount in self.by_currency.items()},
            "unknown_attempts": self.unknown,
        }


@dataclass(frozen=True, slots=True)
class CostLine:
    """What the attempts of one shot, provider or outcome come to.

    `estimated` sums the highest prices that they were expected to have, `actual` what is known to have been paid.
    `at_most` is that, and the estimates of all others: those in doubt, being rendered, or ended in a way that may have
    been billed. A video that was taken over from another take was no attempt.
    """

    name: str
    takes: int
    attempts: int
    estimated: Sums
    actual: Sums
    at_most: Sums

    @classmethod
    def of(cls, name: str, costs: Sequence[AttemptCost]) -> Self:
        """The line of `costs` together."""
        return cls(
            name=name,
            takes=len({cost.take for cost in costs}),
            attempts=sum(cost.attempt is not None for cost in costs),
            estimated=Sums.of(_amount(cost.estimated, cost.estimated_currency) for cost in costs),
            actual=Sums.of(_amount(cost.actual, cost.currency) for cost in costs),
            at_most=Sums.of(cost.at_most for cost in costs),
        )

    def to_json(self) -> dict[str, Any]:
        """As plain mappings, text and numbers."""
        return {
            "name": self.name,
            "takes": self.takes,
            "attempts": self.attempts,
            "estimated": self.estimated.to_json(),
            "actual": self.actual.to_json(),
            "at_most": self.at_most.to_json(),
        }


@dataclass(frozen=True, slots=True)
class CostReport:
    """What a batch has cost. Every attempt is in one line of each kind, and in the total."""

    batch: str
    total: CostLine
    shots: tuple[CostLine, ...]
    providers: tuple[CostLine, ...]
    outcomes: tuple[CostLine, ...]

    @classmethod
    def of(cls, batch: str, costs: Sequence[AttemptCost]) -> Self:
        """The report on `costs`, which are those of `batch`. Outcomes come in the order of `Outcome`."""
        outcomes = {line.name: line for line in _lines(costs, lambda cost: cost.outcome)}
        return cls(
            batch=batch,
            total=CostLine.of("total", costs),
            shots=_lines(costs, lambda cost: cost.shot),
            providers=_lines(costs, lambda cost: cost.provider or NOT_SUBMITTED),
            outcomes=tuple(outcomes[name] for name in get_args(Outcome) if name in outcomes),
        )

    def to_json(self) -> dict[str, Any]:
        """As plain mappings, lists, text and numbers."""
        return {
            "batch": self.batch,
            "total": self.total.to_json(),
            "shots": [line.to_json() for line in self.shots],
            "providers": [line.to_json() for line in self.providers],
            "outcomes": [line.to_json() for line in self.outcomes],
        }


def money(amount: Decimal) -> str:
    """An amount for a person: `1,204.5`. What is something never looks like nothing."""
    shown = f"{amount:,.{DECIMALS}f}"
    if amount and not shown.strip("-0.,"):
        return exact(amount)
    return shown.rstrip("0").rstrip(".")


def exact(amount: Decimal) -> str:
    """An amount to the last decimal, without an exponent."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _lines(costs: Iterable[AttemptCost], name_of: Callable[[AttemptCost], str]) -> tuple[CostLine, ...]:
    grouped: dict[str, list[AttemptCost]] = {}
    for cost in costs:
        grouped.setdefault(name_of(cost), []).append(cost)
    return tuple(CostLine.of(name, group) for name, group in sorted(grouped.items()))


def _amount(amount: Decimal | None, currency: str | None) -> tuple[Decimal, str | None] | None:
    return None if amount is None else (amount, currency)
