"""What many takes cost together, without laying any of them out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import product
from typing import Any, NamedTuple

from jobs.fields.amounts import Currency
from jobs.fields.readers import REFERENCES
from jobs.manifest import Manifest, Shot
from jobs.prices.pricing import manifest_price, price_range
from jobs.prices.table import Basis, Price, PriceTable
from jobs.sweeps import Space
from jobs.takes import Asked
from jobs.takes.expansion import Expansion
from jobs.takes.strands import common_fields

PRICED_BY = ("model", "duration", "resolution", "aspect_ratio", "reference_videos")
"""The fields that a price depends on; of the last only whether it is set."""

_ANY = "any"

_UNSET = {name: Asked.model_fields[name].default for name in PRICED_BY}


@dataclass(frozen=True, slots=True)
class Total:
    """What some takes cost in one currency: at least, and at most."""

    least: Decimal
    most: Decimal
    basis: Basis

    def __add__(self, other: Total) -> Total:
        basis: Basis = "exact" if self.basis == other.basis == "exact" else "estimate"
        return Total(self.least + other.least, self.most + other.most, basis)


@dataclass(frozen=True, slots=True)
class Totals:
    """What some takes cost, by currency, and how many of them have no known price."""

    by_currency: Mapping[Currency, Total] = field(default_factory=dict)
    unknown: int = 0

    def __add__(self, other: Totals) -> Totals:
        summed = dict(self.by_currency)
        for currency, total in other.by_currency.items():
            summed[currency] = summed[currency] + total if currency in summed else total
        return Totals(summed, self.unknown + other.unknown)

    def __str__(self) -> str:
        parts = [_said(currency, total) for currency, total in self.by_currency.items()]
        if self.unknown:
            parts.append(f"unknown for {self.unknown:,} take{'' if self.unknown == 1 else 's'}")
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """As plain mappings, text and numbers. Amounts are text, for JSON's numbers aren't exact."""
        return {
            "by_currency": {
                currency: {"least": _plain(total.least), "most": _plain(total.most), "basis": total.basis}
                for currency, total in self.by_currency.items()
            },
            "unknown_takes": self.unknown,
        }


class Priced(NamedTuple):
    """Some takes of a shot that cost the same: how many, and the least and the most that each costs, if known."""

    takes: int
    price: tuple[Price, Price] | None


def shot_prices(
    manifest: Manifest,
    at: int,
    expansion: Expansion,
    *,
    own: PriceTable | None = None,
    provider: str | None = None,
) -> Iterator[Priced]:
    """The takes of the shot at `at`, put together by what they cost at `provider`, or at the first of the manifest's.
    `expansion` is of this manifest. How they are put together is the same for each provider.

    What the manifest itself says of the price goes before the tables, `own` and those that come along.
    """
    provider = provider or manifest.providers[0]
    shot = manifest.shots[at]
    given = manifest.price_of(shot)
    if given is not None:
        yield Priced(shot.count(), (manifest_price(given), manifest_price(given)))
        return
    first = expansion.first_of(at).asked
    common = common_fields(manifest, shot)
    asked = first.model_copy(update={name: common.get(name, _UNSET[name]) for name in PRICED_BY})
    space = shot.space(manifest.batch)
    counts = space.tally(PRICED_BY)
    if counts is None:
        yield _bounds(shot, [_priced(asked, cell, provider, own) for cell in _could_be(space)])
        return
    alike: dict[tuple[tuple[str, object], ...], int] = {}
    for values, takes in counts:
        key: tuple[tuple[str, object], ...] = tuple(
            (name, _ANY if name == "reference_videos" else value) for name, value in values.items()
        )
        alike[key] = alike.get(key, 0) + takes
    for key, takes in alike.items():
        yield Priced(takes, _priced(asked, dict(key), provider, own))


def shot_totals(
    manifest: Manifest,
    at: int,
    expansion: Expansion,
    *,
    own: PriceTable | None = None,
    provider: str | None = None,
) -> Totals:
    """What the takes of the shot at `at` cost together. `expansion` and `provider` are as for `shot_prices`."""
    return totals_of(shot_prices(manifest, at, expansion, own=own, provider=provider))


def either(totals: Sequence[Totals], takes: int) -> Totals:
    """What so many takes cost where any of several providers may render each of them: from the least to the most.

    Where a price isn't known at one of them, or is in another currency there, it isn't known.
    """
    known = [only for each in totals if (only := _only(each)) is not None]
    if len(totals) == 1 or not totals:
        return totals[0] if totals else Totals()
    if len(known) < len(totals) or len({currency for currency, _ in known}) > 1:
        return Totals(unknown=takes)
    least, most = min(total.least for _, total in known), max(total.most for _, total in known)
    exact = all(total == known[0][1] for _, total in known) and known[0][1].basis == "exact"
    return Totals({known[0][0]: Total(least, most, "exact" if exact else "estimate")})


def _only(totals: Totals) -> tuple[Currency, Total] | None:
    return None if totals.unknown or len(totals.by_currency) != 1 else next(iter(totals.by_currency.items()))


def totals_of(priced: Iterable[Priced]) -> Totals:
    """What all of these cost together."""
    return sum((_times(price, takes) for takes, price in priced if takes), Totals())


def _priced(
    first: Asked, swept: Mapping[str, object], provider: str, own: PriceTable | None
) -> tuple[Price, Price] | None:
    one = {name: (value,) if name in REFERENCES else value for name, value in swept.items()}
    return price_range(first.model_copy(update=one), provider, own=own)


def _could_be(space: Space) -> Iterator[dict[str, object]]:
    """The values that a price depends on, as they could stand together in a take; there may be more than do."""
    for part in space.parts("model"):
        priced = {name: values for name, values in part.items() if name in PRICED_BY}
        for values in product(*priced.values()):
            yield {name: value for name, (_, value) in zip(priced, values, strict=True)}


def _bounds(shot: Shot, prices: Sequence[tuple[Price, Price] | None]) -> Priced:
    """All takes of a shot between the least and the most that one could cost; it is an estimate."""
    known = [price for price in prices if price is not None]
    if len(known) < len(prices) or len({most.currency for _, most in known}) > 1:
        return Priced(shot.count(), None)
    least = min((least for least, _ in known), key=lambda price: price.amount)
    most = max((most for _, most in known), key=lambda price: price.amount)
    return Priced(shot.count(), (replace(least, basis="estimate"), replace(most, basis="estimate")))


def _times(price: tuple[Price, Price] | None, takes: int) -> Totals:
    if price is None:
        return Totals(unknown=takes)
    least, most = price
    return Totals({most.currency: Total(least.amount * takes, most.amount * takes, most.basis)})


def _said(currency: Currency, total: Total) -> str:
    least, most = _rounded(total.least), _rounded(total.most)
    amount = most if least == most else f"{least} to {most}"
    return f"{amount} {currency}{'' if total.basis == 'exact' else ' (estimated)'}"


def _rounded(amount: Decimal) -> str:
    """For a person: hundredths, or thousandths of what is less than one."""
    text = f"{amount:,.2f}" if amount >= 1 or not amount else f"{amount:.3f}"
    return text.removesuffix(".00")


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
