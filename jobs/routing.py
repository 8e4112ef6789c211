"""Which of several providers a take is tried with, and in which order."""

from __future__ import annotations

from collections.abc import Mapping

from jobs.checks.several import capable as capable_of
from jobs.prices import Price
from jobs.takes import Take


def capable(take: Take) -> tuple[str, ...]:
    """The providers of `take` that can render it, in the manifest's order. Raises KeyError for one without a table."""
    return capable_of(take.asked, take.providers or (take.provider,))


def cheapest_first(prices: Mapping[str, Price | None]) -> tuple[str, ...]:
    """The providers by what the take costs there at most; those whose price isn't known come last.

    Prices in several currencies can't be compared: then the order stays as it is.
    """
    known = {price.currency for price in prices.values() if price is not None}
    if len(known) > 1:
        return tuple(prices)
    amounts = {name: price.amount for name, price in prices.items() if price is not None}
    unknown = [name for name in prices if name not in amounts]
    return (*sorted(amounts, key=lambda name: amounts[name]), *unknown)


def fastest_first(seconds: Mapping[str, float]) -> tuple[str, ...]:
    """The providers by how long a take is likely to be on its way there, in seconds."""
    return tuple(sorted(seconds, key=lambda name: seconds[name]))
