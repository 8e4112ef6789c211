"""What some of a manifest's takes come to: those that a run is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from jobs.forecasting.groups import Kind, kind_of, kinds_of
from jobs.manifest import Manifest
from jobs.prices.pricing import manifest_price, price_range
from jobs.prices.remaining import remaining_totals
from jobs.prices.table import Price, PriceTable
from jobs.prices.totals import Priced, Totals, shot_prices, shot_totals, totals_of
from jobs.sweeps.picks import Picks, common, places, size, without
from jobs.takes.expansion import Expansion

MOST_LOOKED_AT = 100_000
"""Of a part of a shot whose takes aren't alike, so many are looked at one by one; a larger part is estimated."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Some takes: how many, of which kinds of render in each shot by its name, and what they cost together."""

    takes: int
    by_shot: Mapping[str, Counter[Kind]]
    price: Totals

    @property
    def kinds(self) -> Counter[Kind]:
        """Of which kinds of render they are."""
        return sum(self.by_shot.values(), Counter())

    def __str__(self) -> str:
        price = f", {self.price}" if self.takes else ""
        return f"{self.takes:,} take{'' if self.takes == 1 else 's'}{price}"

    def to_json(self) -> dict[str, Any]:
        """As plain mappings, text and numbers. Seconds of video are `{least, most}`."""
        return {
            "takes": self.takes,
            "seconds": {
                "least": sum(kind.shortest * takes for kind, takes in self.kinds.items()),
                "most": sum(kind.longest * takes for kind, takes in self.kinds.items()),
            },
            "price": self.price.to_json(),
        }


def portion(manifest: Manifest, expansion: Expansion, ranges: Picks, *, own: PriceTable | None = None) -> Portion:
    """The takes of `ranges` (by index). `expansion` is of this manifest."""
    kinds: dict[str, Counter[Kind]] = {}
    price = Totals()
    for at, shot in enumerate(manifest.shots):
        span = expansion.shot_span(shot.name)
        assert span is not None, "every shot of the manifest has its takes"
        mine = common((span,), ranges)
        if size(mine) == span[1] - span[0]:
            kinds[shot.name] = kinds_of(manifest, shot)
            price += shot_totals(manifest, at, expansion, own=own)
        elif mine:
            kinds[shot.name] = _kinds(manifest, at, expansion, mine)
            price += portion_totals(manifest, at, expansion, mine, own=own)
    return Portion(size(ranges), kinds, price)


def portion_totals(
    manifest: Manifest, at: int, expansion: Expansion, mine: Picks, *, own: PriceTable | None = None
) -> Totals:
    """What the takes at `mine`, all of the shot at `at`, cost together. `expansion` is of this manifest.

    Where takes aren't alike, a part that is large, and so is what isn't of it, is told as an estimate.
    """
    span = expansion.first_of(at).index, expansion.first_of(at).index + manifest.shots[at].count()
    rest = without((span,), mine)
    if size(rest) <= min(size(mine), MOST_LOOKED_AT):
        return remaining_totals(manifest, at, expansion, tuple(places(rest)), own=own)
    return totals_of(_prices(manifest, at, expansion, mine, own))


def _kinds(manifest: Manifest, at: int, expansion: Expansion, mine: Picks) -> Counter[Kind]:
    there = kinds_of(manifest, manifest.shots[at])
    wanted = size(mine)
    if len(there) == 1:
        return Counter(dict.fromkeys(there, wanted))
    if wanted <= MOST_LOOKED_AT:
        return Counter(kind_of(expansion[index]) for index in places(mine))
    total, found, before = there.total(), Counter[Kind](), 0
    for kind, takes in there.items():
        # In proportion, and so that together they are as many.
        found[kind] = (before + takes) * wanted // total - before * wanted // total
        before += takes
    return found


def _prices(manifest: Manifest, at: int, expansion: Expansion, mine: Picks, own: PriceTable | None) -> Iterable[Priced]:
    wanted = size(mine)
    alike = list(shot_prices(manifest, at, expansion, own=own))
    given = manifest.price_of(manifest.shots[at])
    if given is not None:
        return [Priced(wanted, (manifest_price(given), manifest_price(given)))]
    if len(alike) == 1:
        return [Priced(wanted, alike[0].price)]
    if wanted > MOST_LOOKED_AT:
        return [_between(wanted, [each.price for each in alike])]
    found: Counter[tuple[Price, Price] | None] = Counter()
    for index in places(mine):
        take = expansion[index]
        found[price_range(take.asked, take.provider, own=own)] += 1
    return [Priced(takes, price) for price, takes in found.items()]


def _between(takes: int, prices: list[tuple[Price, Price] | None]) -> Priced:
    known = [price for price in prices if price is not None]
    if len(known) < len(prices) or len({most.currency for _, most in known}) > 1:
        return Priced(takes, None)

    def amount(price: Price) -> Decimal:
        return price.amount

    least, most = min((each[0] for each in known), key=amount), max((each[1] for each in known), key=amount)
    return Priced(takes, (replace(least, basis="estimate"), replace(most, basis="estimate")))
