"""Whether a budget can be kept, and how far it goes. No take is laid out for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from jobs.checks.several import reach_of
from jobs.errors import ManifestError, Problem
from jobs.faults import choice, place
from jobs.fields.amounts import Currency, micros
from jobs.manifest import Manifest
from jobs.prices import PriceTable
from jobs.prices.totals import Priced, shot_prices
from jobs.takes.expansion import Expansion

_SUCH_AS: dict[Currency, str] = {"USD": "0.35 USD", "CNY": "2.50 CNY", "credits": "35 credits"}


def check_budget(manifest: Manifest, *, own_prices: PriceTable | None, source: str | None = None) -> None:
    """Make sure that the highest price of every take is known in the currency of the budget, if there is one.

    Without it, nothing could be reserved before a submission, and so no budget be kept. Raises
    `jobs.errors.ManifestError`, with each shot that lacks it. `source` is what the message calls the manifest; left
    out, it is the batch's name.
    """
    if manifest.budget is None:
        return
    problems = []
    expansion = Expansion(manifest)
    for at, shot in enumerate(manifest.shots):
        for provider, prices in _by_provider(manifest, at, expansion, own_prices):
            message = _lacking(prices, shot.count(), manifest.budget.currency)
            if message is not None:
                where = f"at {provider} " if len(manifest.providers) > 1 else ""
                problems.append(Problem(place(("shots", at)), where + message))
    if problems:
        raise ManifestError(source or manifest.batch, problems)


def takes_within_budget(manifest: Manifest, *, own_prices: PriceTable | None) -> int | None:
    """How many takes the budget of `manifest` allows at least, before it stops, or None when it has none.

    Each at its highest price, with the dearest of several providers, and the dearest first: in another order it may be
    more. Only takes whose price is known
    in the budget's currency count; `check_budget` makes sure that all are.
    """
    if manifest.budget is None:
        return None
    currency, left, within = manifest.budget.currency, manifest.budget.stop.micros(), 0
    for price, takes in sorted(_in_micros(chain(*_prices(manifest, own_prices)), currency), reverse=True):
        afforded = min(takes, left // price) if price else takes
        within += afforded
        left -= afforded * price
        if afforded < takes:
            break
    return within


def _prices(manifest: Manifest, own_prices: PriceTable | None) -> Iterator[list[Priced]]:
    """The prices of the takes of each shot, at the dearest of the providers."""
    expansion = Expansion(manifest)
    for at in range(len(manifest.shots)):
        by_provider = [prices for _, prices in _by_provider(manifest, at, expansion, own_prices)]
        yield [max(alike, key=_most) for alike in zip(*by_provider, strict=True)]


def _most(priced: Priced) -> int:
    return -1 if priced.price is None else micros(priced.price[1].amount)


def _by_provider(
    manifest: Manifest, at: int, expansion: Expansion, own_prices: PriceTable | None
) -> Iterator[tuple[str, list[Priced]]]:
    """The prices of a shot's takes at each provider that can render it, or, where none can alone, at each."""
    providers: tuple[str, ...] = manifest.providers
    if len(providers) > 1:
        reaches = reach_of(manifest, at)
        providers = tuple(each for each in providers if not reaches[each].faults) or providers
    for provider in providers:
        yield provider, list(shot_prices(manifest, at, expansion, own=own_prices, provider=provider))


def _in_micros(prices: Iterable[Priced], currency: Currency) -> Iterator[tuple[int, int]]:
    """What a take costs at most, and how many takes do."""
    for takes, price in prices:
        if price is not None and price[1].currency == currency:
            yield micros(price[1].amount), takes


def _lacking(prices: list[Priced], count: int, currency: Currency) -> str | None:
    """What keeps a budget in `currency` from being kept for a shot of `count` takes, or None."""
    unknown = sum(each.takes for each in prices if each.price is None)
    others = {each.price[1].currency for each in prices if each.price is not None} - {currency}
    what_to_do = f"give  price: {_SUCH_AS[currency]}  or take the budget away"
    if unknown:
        whose = "its takes have" if unknown == count else f"{unknown:,} of its {count:,} takes have"
        return f"{whose} no known price, and without one a budget can't be kept; {what_to_do}"
    if others:
        return f"its takes are priced in {choice(sorted(others))}, and the budget is in {currency}; {what_to_do}"
    return None
