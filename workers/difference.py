"""What running a manifest would add to what its batch has, by the store alone. Nothing is written, and Redis not asked.

It goes by the rules by which a batch is opened (`workers.opening`): what has a receipt is done; what asks for the same
as something that is there gets a copy of that; an accepted attempt is followed, and an intent alone is in doubt.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from jobs.chains.picking import carried
from jobs.manifest import Manifest
from jobs.planning.portion import portion_totals
from jobs.prices import PriceTable
from jobs.prices.totals import Totals
from jobs.sweeps.picks import Picks, common, merged, of_places, size, without
from jobs.sweeps.terms import MOST_LAID_OUT
from jobs.takes.choosing import ALL, Choice, chosen
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from jobs.takes.spans import from_json
from workers.affording import Affording, affording
from workers.chains.picks import UNPICKED, read_picks
from workers.deferring import DEFERRED
from workers.holds import read_holds, spans_of
from workers.ledger import AttemptRecord, Ledger
from workers.receipts import done_takes
from workers.reconciling import FREE_AGAIN, GIVEN_UP, GO_ON, STILL_PAID
from workers.reuse import from_other_batches, twins
from workers.store.protocol import Store

PARTS = (
    "done",
    "copied",
    "awaited",
    "following",
    "in_doubt",
    "failed",
    "given_up",
    "paused",
    "unpicked",
    "left_out",
    "to_render",
)
"""What becomes of a take that the manifest asks for, in the order in which it is told."""


@dataclass(frozen=True, slots=True)
class ShotDifference:
    """One shot. `change` says what it is to what the batch had: `new`, `changed` or `same`.

    `parts` has the number of takes by `PARTS`; together they are `takes`. `price` is of what is to be rendered.
    """

    name: str
    change: str
    takes: int
    parts: Counter[str]
    price: Totals


HELD: Mapping[str, str] = {
    "paused": "paused",
    "cancelled": "given_up",
    "waived": "given_up",
    UNPICKED: "unpicked",
    DEFERRED: "left_out",
}
"""What a take of `PARTS` is that would be rendered, if it weren't held so."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Takes that the batch had and the manifest asks for no more: of which shot, how many, and how many are done.

    What is done stays where it is.
    """

    shot: str
    takes: int
    done: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What running a manifest would add. `known` says whether the store has had the batch before."""

    batch: str
    known: bool
    shots: tuple[ShotDifference, ...]
    withdrawn: tuple[Withdrawn, ...]
    budget: Affording | None = None
    """What is left of the budget, if there is one."""

    @property
    def takes(self) -> int:
        """How many takes the manifest asks for."""
        return sum(shot.takes for shot in self.shots)

    @property
    def parts(self) -> Counter[str]:
        """What becomes of them, by `PARTS`."""
        return sum((shot.parts for shot in self.shots), Counter())

    @property
    def price(self) -> Totals:
        """What those that are to be rendered cost together."""
        return sum((shot.price for shot in self.shots), Totals())

    def to_json(self) -> dict[str, Any]:
        """As plain mappings, lists, text and numbers."""
        return {
            "batch": self.batch,
            "known": self.known,
            "takes": self.takes,
            **_parts_json(self.parts),
            "price": self.price.to_json(),
            "budget": None if self.budget is None else self.budget.to_json(),
            "shots": [
                {
                    "name": shot.name,
                    "change": shot.change,
                    "takes": shot.takes,
                    **_parts_json(shot.parts),
                    "price": shot.price.to_json(),
                }
                for shot in self.shots
            ],
            "withdrawn": [{"shot": each.shot, "takes": each.takes, "done": each.done} for each in self.withdrawn],
        }


def difference(
    store: Store, manifest: Manifest, *, own_prices: PriceTable | None = None, choice: Choice = ALL
) -> Difference:
    """What running `manifest` by `choice` would add to what `store` has of its batch.

    Raises the `StoreError`s of `store`, and `jobs.errors.ManifestError` when the batch would come to too many takes, or
    the choice is of nothing.
    """
    ledger = Ledger(store, manifest.batch)
    frozen = ledger.frozen()
    before = None if frozen is None else Lineage.from_json(frozen)
    lineage = Lineage.of(manifest) if before is None else before.grown(manifest)
    expansion = Expansion(lineage)
    stored = {index for name in done_takes(store, manifest.batch) if (index := expansion.find(name)) is not None}
    attempted = {} if before is None else _attempted(ledger, expansion, stored)
    begun = {index: part for index, part in attempted.items() if part != "to_render"}
    parts: dict[int, str] = dict.fromkeys((index for index in stored if expansion.is_live(index)), "done")
    parts |= {index: part for index, part in begun.items() if expansion.is_live(index)}
    parts |= _taken_over(store, expansion, stored, attempted)
    held = _held(ledger, expansion, choice)
    shots = tuple(_shots(expansion, before, parts, held, own_prices))
    price = sum((shot.price for shot in shots), Totals())
    budget = None if manifest.budget is None else affording(store, manifest.batch, manifest.budget, price)
    gone = tuple(_withdrawn(expansion, before, stored))
    return Difference(manifest.batch, before is not None, shots, gone, budget)


def _held(ledger: Ledger, expansion: Expansion, choice: Choice) -> dict[str, Picks]:
    """What of the takes that the manifest asks for would be held back, by what they are then."""
    holds = read_holds(ledger)
    holds = holds.model_copy(update={"chosen": chosen(expansion, choice) if choice else None})
    picked = read_picks(ledger)
    picks = carried(expansion, picked, MOST_LAID_OUT) if picked else picked
    found: dict[str, Picks] = {}
    for span in from_json(spans_of(expansion, holds, picks)):
        hold = span.hold or holds.hold
        if hold is not None:
            part = HELD[hold]
            found[part] = merged([*found.get(part, ()), (span.start, span.end)])
    return found


def _attempted(ledger: Ledger, expansion: Expansion, stored: set[int]) -> dict[int, str]:
    """What the latest attempts of takes that aren't done have come to."""
    found: dict[int, str] = {}
    for name, attempts in groupby(ledger.attempts(), key=lambda attempt: attempt.take):
        index = expansion.find(name)
        *_, latest = attempts
        if index is not None and index not in stored:
            found[index] = _come_to(ledger, latest)
    return found


def _come_to(ledger: Ledger, latest: AttemptRecord) -> str:
    if not latest.ended:
        return "following" if latest.accepted else "in_doubt"
    ending = ledger.ending(latest.take, latest.attempt)
    verdict = ending.decided or ending.kind
    if verdict in GO_ON or verdict in FREE_AGAIN:
        return "to_render"
    if verdict in STILL_PAID:
        return "following"  # its video is paid for, and asked for again
    return "given_up" if verdict in GIVEN_UP else "failed"


def _taken_over(store: Store, expansion: Expansion, stored: set[int], attempted: dict[int, str]) -> dict[int, str]:
    """What would be copied from takes that ask for the same, and what would wait for one."""
    manifest = expansion.manifest
    withdrawn = sorted(index for index in stored if not expansion.is_live(index))
    under_way = sorted(
        index for index, part in attempted.items() if not expansion.is_live(index) and part in ("following", "in_doubt")
    )
    if not withdrawn and not under_way and not manifest.reuse:
        return {}
    wanted = [
        index
        for span in expansion.live
        for index in range(span.start, span.end)
        if index not in stored and index not in attempted
    ]
    copied, awaited = twins(expansion, wanted, withdrawn, under_way)
    found = dict.fromkeys(copied, "copied") | dict.fromkeys(awaited, "awaited")
    if manifest.reuse:
        rest = [index for index in wanted if index not in found]
        found |= dict.fromkeys(from_other_batches(store, expansion, rest), "copied")
    return found


def _shots(
    expansion: Expansion,
    before: Lineage | None,
    parts: dict[int, str],
    held: Mapping[str, Picks],
    own: PriceTable | None,
) -> Iterable[ShotDifference]:
    manifest = expansion.manifest
    had = set() if before is None else {strand.digest for strand in before.strands()}
    names = set() if before is None else {strand.shot.name.lower() for strand in before.strands()}
    digests = {strand.start: strand.digest for strand in expansion.lineage.strands()}
    settled = sorted(parts)
    for at, shot in enumerate(manifest.shots):
        span = expansion.shot_span(shot.name)
        assert span is not None, "every shot of the current manifest is live"
        start, end = span
        here = _within(settled, start, end)
        counted = Counter(parts[index] for index in here)
        free = without(((start, end),), of_places(here))
        for part, ranges in held.items():
            counted[part] += size(common(free, ranges))
        free = without(free, merged(each for ranges in held.values() for each in ranges))
        counted["to_render"] = size(free)
        change = "same" if digests[start] in had else "changed" if shot.name.lower() in names else "new"
        price = portion_totals(manifest, at, expansion, free, own=own) if free else Totals()
        yield ShotDifference(shot.name, change, end - start, counted, price)


def _within(indices: Sequence[int], start: int, end: int) -> Sequence[int]:
    """Of sorted `indices` those from `start` up to, and without, `end`."""
    return indices[bisect_left(indices, start) : bisect_left(indices, end)]


def _withdrawn(expansion: Expansion, before: Lineage | None, stored: set[int]) -> Iterable[Withdrawn]:
    """Of the takes that were asked for last, those that no longer are."""
    if before is None:
        return
    earlier, had = Expansion(before), sorted(stored)
    for shot in before.current.shots:
        span = earlier.shot_span(shot.name)
        assert span is not None, "every shot of a manifest is live in it"
        if not expansion.is_live(span[0]):
            yield Withdrawn(shot.name, span[1] - span[0], len(_within(had, *span)))


def _parts_json(parts: Counter[str]) -> dict[str, int]:
    return {name: parts[name] for name in PARTS}
