"""What a plan says of several providers: which is tried first, what each can render, and what that costs there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jobs.checks.several import Reach, reach_of
from jobs.fields.terms import Moderation, Route
from jobs.manifest import Manifest
from jobs.prices import PriceTable
from jobs.prices.totals import Totals, either, shot_totals
from jobs.takes.expansion import Expansion

_FIRST: dict[Route, str] = {
    "ordered": "{first} first",
    "cheapest": "whichever is cheaper for a take first",
    "fastest": "whichever is likely to be faster first",
}


@dataclass(frozen=True, slots=True)
class ProviderPlan:
    """What one of several providers could render, and what it would cost if it rendered all of that.

    `takes` is None where that would have to be counted take by take. `left_out` says, for some of what it can't render,
    the shot and why.
    """

    name: str
    takes: int | None
    price: Totals
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Ways:
    """The providers of a manifest that names several, in its order, and what all takes cost with any of them."""

    route: Route
    moderation: Moderation
    providers: tuple[ProviderPlan, ...]
    price: Totals

    def __str__(self) -> str:
        names = [each.name for each in self.providers]
        first = _FIRST[self.route].format(first=names[0])
        return f"{' or '.join(names)} ({first})"

    def lines(self, takes: int) -> Iterator[str]:
        """What is said of each, line by line. `takes` is how many there are in all."""
        for each in self.providers:
            told = "some" if each.takes is None else f"all {takes:,}" if each.takes == takes else f"{each.takes:,}"
            of = "" if each.takes == takes else f" of {takes:,}"
            price = f", {each.price}" if each.takes != 0 else ""
            yield f"{each.name}: {told}{of} take{'' if takes == 1 else 's'}{price}"
            yield from (f"  not {shot}: {why}" for shot, why in each.left_out)

    def to_json(self) -> dict[str, Any]:
        """The same as plain mappings, lists, text and numbers."""
        return {
            "route": self.route,
            "moderation": self.moderation,
            "providers": [
                {
                    "name": each.name,
                    "takes": each.takes,
                    "price": each.price.to_json(),
                    "left_out": [{"shot": shot, "why": why} for shot, why in each.left_out],
                }
                for each in self.providers
            ],
        }


def provider_plans(manifest: Manifest, expansion: Expansion, own: PriceTable | None) -> Ways | None:
    """What each provider of `manifest` could render; None where it names one. `expansion` is of this manifest."""
    if len(manifest.providers) < 2:
        return None
    reaches = [reach_of(manifest, at) for at in range(len(manifest.shots))]
    prices: dict[str, Totals] = dict.fromkeys(manifest.providers, Totals())
    together = Totals()
    for at, reach in enumerate(reaches):
        whole = [each for each in manifest.providers if not reach[each].faults]
        some = whole or [each for each in manifest.providers if reach[each].takes != 0]
        found = {each: shot_totals(manifest, at, expansion, own=own, provider=each) for each in some}
        together += either(list(found.values()), manifest.shots[at].count())
        for each in found:
            prices[each] += found[each]
    return Ways(
        route=manifest.route or "ordered",
        moderation=manifest.moderation or "stay",
        providers=tuple(
            ProviderPlan(
                name=name,
                takes=_sum([reach[name] for reach in reaches]),
                price=prices[name],
                left_out=tuple(_left_out(manifest, name, reaches)),
            )
            for name in manifest.providers
        ),
        price=together,
    )


def _sum(reaches: list[Reach]) -> int | None:
    known = [reach.takes for reach in reaches if reach.takes is not None]
    return sum(known) if len(known) == len(reaches) else None


def _left_out(manifest: Manifest, name: str, reaches: list[dict[str, Reach]]) -> Iterator[tuple[str, str]]:
    """The first thing that keeps a provider from rendering a shot, the same thing once."""
    said = set()
    for shot, reach in zip(manifest.shots, reaches, strict=True):
        for fault in reach[name].faults[:1]:
            if fault.message not in said:
                said.add(fault.message)
                count = reach[name].takes
                some = "" if not count else f" ({shot.count() - count:,} of its {shot.count():,} takes)"
                yield f"{shot.name}{some}", fault.message
