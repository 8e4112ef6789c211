"""What is left to pay of a shot of which some takes are had already."""

from __future__ import annotations

from collections.abc import Collection

from jobs.manifest import Manifest
from jobs.prices.pricing import manifest_price, price_range
from jobs.prices.table import Price, PriceTable
from jobs.prices.totals import Priced, Totals, shot_prices, totals_of
from jobs.takes.expansion import Expansion


def remaining_totals(
    manifest: Manifest, at: int, expansion: Expansion, had: Collection[int], *, own: PriceTable | None = None
) -> Totals:
    """What the takes of the shot at `at` cost together, without those at the indices `had`, all of this shot.

    `expansion` is of this manifest. The work grows with `had`, and not with the shot.
    """
    alike = list(shot_prices(manifest, at, expansion, own=own))
    if len(alike) == 1:
        return totals_of([Priced(alike[0].takes - len(had), alike[0].price)])
    left: dict[tuple[Price, Price] | None, int] = {}
    for takes, price in alike:
        left[price] = left.get(price, 0) + takes
    given = manifest.price_of(manifest.shots[at])
    for index in had:
        take = expansion[index]
        price = price_range(take.asked, take.provider, own=own) if given is None else (manifest_price(given),) * 2
        left[price] -= 1
    return totals_of([Priced(takes, price) for price, takes in left.items() if takes])
