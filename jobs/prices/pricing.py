"""What one take costs, by the tables."""

from __future__ import annotations

from decimal import Decimal

from jobs.capabilities import Capabilities, capabilities
from jobs.fields.amounts import Amount
from jobs.prices.pixels import pixels, tokens
from jobs.prices.table import Price, PriceTable, Rate
from jobs.prices.tables import price_table
from jobs.takes import Asked, Take

THE_MANIFEST = "the manifest"
"""The source of a price that a manifest gives."""


def highest_price(take: Take, *, own: PriceTable | None) -> Price | None:
    """The most that `take` can cost: by the manifest's own word where it has one, else as `price_of`."""
    if take.price is not None:
        return manifest_price(take.price)
    return price_of(take.asked, take.provider, own=own)


def manifest_price(amount: Amount) -> Price:
    """What a manifest says that a take costs, as a price."""
    return Price(amount.amount, amount.currency, basis="exact", source=THE_MANIFEST)


def price_of(asked: Asked, provider: str, *, own: PriceTable | None = None) -> Price | None:
    """The most that a take can cost; a duration left to the provider counts as the longest. None when it is unknown.

    `own` is the user's own table; where it has a price, that is the price, if it is of this provider.
    """
    found = price_range(asked, provider, own=own)
    return None if found is None else found[1]


def price_range(asked: Asked, provider: str, *, own: PriceTable | None = None) -> tuple[Price, Price] | None:
    """The least and the most that a take can cost, as `price_of`. They differ where the provider may choose."""
    table = capabilities(provider)
    resolution = asked.resolution or table.defaults.resolution
    with_video = bool(asked.reference_videos)
    for prices in _tables(provider, own):
        rate = prices.rate(asked.model, resolution, reference_video=with_video)
        if rate is None:
            continue
        amounts = _amounts(rate, asked, table, resolution)
        if amounts is None:
            return None
        least, most = amounts
        return prices.price(rate, least), prices.price(rate, most)
    return None


def _tables(provider: str, own: PriceTable | None) -> list[PriceTable]:
    built_in = price_table(provider)
    return [own, built_in] if own is not None and own.provider == provider else [built_in]


def _amounts(rate: Rate, asked: Asked, table: Capabilities, resolution: str) -> tuple[Decimal, Decimal] | None:
    shortest, longest = _seconds(asked, table)
    longest += rate.input_seconds
    if rate.per_take is not None:
        return rate.per_take * rate.times, rate.per_take * rate.times
    if rate.per_second is not None:
        return rate.per_second * rate.times * shortest, rate.per_second * rate.times * longest
    size = pixels(resolution, asked.aspect_ratio or table.defaults.aspect_ratio)
    if size is None or rate.per_million_tokens is None:
        return None
    per_token = rate.per_million_tokens * rate.times / 1_000_000
    return per_token * tokens(size[0], shortest), per_token * tokens(size[1], longest)


def _seconds(asked: Asked, table: Capabilities) -> tuple[int, int]:
    duration = asked.duration if asked.duration is not None else table.defaults.duration
    if isinstance(duration, int):
        return duration, duration
    bounds = table.durations_of(asked.model)
    return bounds.least, bounds.most
