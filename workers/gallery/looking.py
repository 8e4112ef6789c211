"""What can be shown of each take of a batch, read from the store alone.

    videos    the receipts, one for each take that is done
    why not   the record of attempts, and what a person holds back

A receipt never changes as long as it is there, so who looks again reads only those that have come since.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby

from jobs.takes import Asked, AxisValue, Take
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from jobs.takes.spans import Span, from_json
from workers.chains.picks import UNPICKED
from workers.chains.picks import read_picks as read_chosen
from workers.deferring import DEFERRED
from workers.errors import ObjectMissing
from workers.holds import Holds, read_holds, spans_of
from workers.ledger import RESUBMITTED, AttemptRecord, Ledger
from workers.picks import Picks, read_picks
from workers.receipts import Receipt, read_receipt
from workers.store.protocol import Store

MOST_WAITING = 100_000
"""Of a larger batch, those of which nothing is on record yet are counted and not shown."""

READ_AT_ONCE = 16

GALLERY = "gallery.html"
_RECEIPT = ".receipt.json"
_POSTER = ".poster.webp"
_ORPHAN = ".orphan-"
_HELD_BY_A_PERSON = {
    "paused": "a person paused it",
    "cancelled": "a person cancelled it before it was begun",
    "waived": "a person gave it up",
}


@dataclass(frozen=True, slots=True)
class Sight:
    """One take as it is shown. `state` is one of `workers.gallery.data.STATES`, and `why` says what is behind it.

    `receipt` is there if and only if it is done, and `poster` says whether it has one. `attempt` is the latest, from 1.
    `live` says that the manifest asks for it still. `besides` is the name of the take besides which its job came, where
    it is an orphan.
    """

    name: str
    shot: str
    edition: int
    number: int
    state: str
    axes: Mapping[str, AxisValue]
    asked: Asked
    receipt: Receipt | None = None
    poster: bool = False
    why: str = ""
    kind: str = ""
    attempt: int | None = None
    live: bool = True
    besides: str | None = None


@dataclass(frozen=True)
class View:
    """A batch as it is shown. `unshown` counts takes that only wait and are too many to be laid out."""

    batch: str
    lineage: Lineage
    expansion: Expansion
    sights: Sequence[Sight]
    picks: Picks
    fingerprint: str
    unshown: int = 0


@dataclass(frozen=True)
class Listing:
    """The keys of a batch, sorted out, and what else the view of it depends on."""

    done: frozenset[str]
    posters: frozenset[str]
    attempts: Mapping[str, Sequence[AttemptRecord]]
    frozen: bytes
    holds: Holds
    picks: Picks
    fingerprint: str

    @property
    def unanswered(self) -> bool:
        """Whether there is an attempt of which only the intent is on record: what it is depends on who is at work."""
        latest = ((name, records[-1]) for name, records in self.attempts.items())
        return any(name not in self.done and not each.accepted and not each.ended for name, each in latest)


@dataclass
class Onlooker:
    """Reads a batch from its store, again and again. It keeps what can't change.

    Every method raises the `StoreError`s of the store.
    """

    store: Store
    batch: str
    _receipts: dict[str, Receipt] = field(default_factory=dict)
    _endings: dict[tuple[str, int], tuple[str, str, str | None]] = field(default_factory=dict)

    def listing(self) -> Listing | None:
        """What there is, by two listings and no reading of takes; None when the store has no such batch."""
        ledger = Ledger(self.store, self.batch)
        frozen = ledger.frozen()
        if frozen is None:
            return None
        # The attempts first: what is done meanwhile then has its receipt.
        attempts = {name: list(found) for name, found in groupby(ledger.attempts(), key=lambda each: each.take)}
        done, posters = set(), set()
        folder = f"{self.batch}/"
        for key in self.store.keys(folder):
            name = key.removeprefix(folder)
            if name.startswith(".rushes/"):
                continue
            if name.endswith(_RECEIPT):
                done.add(name.removesuffix(_RECEIPT))
            elif name.endswith(_POSTER):
                posters.add(name.removesuffix(_POSTER))
        holds, picks = read_holds(ledger), read_picks(self.store, self.batch)
        digest = hashlib.sha256(frozen)
        # What was chosen to go on with is another thing than what is thought of it.
        told = [
            read_chosen(ledger),
            sorted(done),
            sorted(posters),
            sorted(map(repr, _flat(attempts))),
            holds.model_dump_json(),
        ]
        digest.update(repr(told).encode() + picks.to_json())
        return Listing(frozenset(done), frozenset(posters), attempts, frozen, holds, picks, digest.hexdigest())

    def view(self, listing: Listing, *, running: bool = False) -> View:
        """The batch as it is by `listing`. `running` says that workers are at it: what has only an intent is then
        being submitted, as far as can be told, and else in doubt."""
        lineage = Lineage.from_json(listing.frozen)
        expansion = Expansion(lineage)
        missing = [name for name in sorted(listing.done) if name not in self._receipts]
        ended = [
            (name, records[-1].attempt)
            for name, records in listing.attempts.items()
            if name not in listing.done and records[-1].ended and (name, records[-1].attempt) not in self._endings
        ]
        with ThreadPoolExecutor(READ_AT_ONCE, thread_name_prefix="gallery") as pool:
            for receipt in pool.map(self._receipt, missing):
                if receipt is not None:
                    self._receipts[receipt.take] = receipt
            self._endings.update(zip(ended, pool.map(self._ending, ended), strict=True))
        sights, unshown = self._sights(expansion, listing, running=running)
        return View(self.batch, lineage, expansion, sights, listing.picks, listing.fingerprint, unshown)

    def _receipt(self, name: str) -> Receipt | None:
        try:
            receipt = read_receipt(self.store, self.batch, name)
            # The provider's answer may be most of a receipt, and is not shown.
            return receipt.model_copy(update={"answer": None})
        except ObjectMissing:
            return None  # it was removed since it was listed

    def _ending(self, of: tuple[str, int]) -> tuple[str, str, str | None]:
        ending = Ledger(self.store, self.batch).ending(*of)
        return ending.kind, ending.message, ending.decided

    def _sights(self, expansion: Expansion, listing: Listing, *, running: bool) -> tuple[list[Sight], int]:
        chosen = read_chosen(Ledger(self.store, self.batch))
        holding = _Holding(from_json(spans_of(expansion, listing.holds, chosen)), listing.holds)
        begun = {
            index
            for name in (*listing.done, *listing.attempts)
            if (index := expansion.find(name)) is not None and (name in listing.done or expansion.is_live(index))
        }
        unshown = 0
        shown = set(begun)
        if expansion.live_total > MOST_WAITING:
            unshown = expansion.live_total - sum(expansion.is_live(index) for index in begun)
        else:
            shown.update(index for span in expansion.live for index in range(span.start, span.end))
        places = _Places(expansion)
        sights = []
        for index in sorted(shown, key=places):
            take = expansion[index]
            sight = self._sight(take, listing, expansion.is_live(index), holding, running=running)
            if sight is not None:
                sights.append(sight)
                sights += self._besides(take, listing)
        return sights, unshown

    def _sight(self, take: Take, listing: Listing, live: bool, holding: _Holding, *, running: bool) -> Sight | None:
        def sight(state: str, why: str = "", kind: str = "", attempt: int | None = None) -> Sight:
            return Sight(
                take.name,
                take.shot,
                take.edition,
                take.number,
                state,
                take.axes,
                take.asked,
                why=why,
                kind=kind,
                attempt=attempt,
                live=live,
            )

        if take.name in listing.done and take.name in self._receipts:
            receipt = self._receipts[take.name]
            return Sight(
                take.name,
                take.shot,
                take.edition,
                take.number,
                "done",
                take.axes,
                receipt.asked,
                receipt=receipt,
                poster=take.name in listing.posters,
                attempt=receipt.attempt,
                live=live,
            )
        records = listing.attempts.get(take.name)
        if records:
            latest = records[-1]
            state, why, kind = self._of_attempt(latest, running=running)
            if state != "waiting":
                return sight(state, why, kind, latest.attempt)
            held = holding.of(take.index)
            return sight(*held) if held is not None else sight("waiting", why, kind, latest.attempt)
        if not live:
            return None
        held = holding.of(take.index)
        return sight(*held) if held is not None else sight("waiting")

    def _of_attempt(self, latest: AttemptRecord, *, running: bool) -> tuple[str, str, str]:
        """The state of a take whose latest attempt is this one, why, and the kind of its failure."""
        if latest.ended:
            kind, message, decided = self._endings[latest.take, latest.attempt]
            verdict = decided or kind
            if verdict in ("retried", RESUBMITTED):
                return "waiting", "a person wants it to be submitted once more", kind
            if verdict in ("waived", "cancelled"):
                return verdict, message, kind
            return "failed", message, kind
        if latest.accepted:
            return "rendering", f"attempt {latest.attempt} was accepted by the provider", ""
        if running:
            return "submitting", f"attempt {latest.attempt} is being submitted", ""
        return "doubt", "it was submitted, and whether it was accepted, and so paid for, is not known", "in-doubt"

    def _besides(self, take: Take, listing: Listing) -> Iterator[Sight]:
        """The videos of jobs that came besides a take's own: they were paid for like any other."""
        records = listing.attempts.get(take.name, ())
        for token in sorted({token for record in records for token in record.orphans}):
            name = f"{take.name}{_ORPHAN}{token}"
            receipt = self._receipts.get(name)
            if receipt is not None and name in listing.done:
                yield Sight(
                    name,
                    take.shot,
                    take.edition,
                    take.number,
                    "done",
                    take.axes,
                    receipt.asked,
                    receipt=receipt,
                    poster=name in listing.posters,
                    attempt=receipt.attempt,
                    besides=take.name,
                )


class _Holding:
    """Why takes that were never begun are not: by their index."""

    def __init__(self, spans: Iterable[Span], holds: Holds) -> None:
        self._spans = sorted(spans, key=lambda span: span.start)
        self._starts = [span.start for span in self._spans]
        self._holds = holds

    def of(self, index: int) -> tuple[str, str] | None:
        """State and reason, or None where nothing holds it."""
        at = bisect_right(self._starts, index) - 1
        span = self._spans[at] if at >= 0 else None
        if span is not None and index < span.end and span.hold == UNPICKED:
            return "waiting", "it is made of a take that nobody has picked yet: rushes pick"
        if span is not None and index < span.end and span.hold == DEFERRED:
            return "waiting", "it was left out by --only or --limit, and waits for a run without them"
        if span is not None and index < span.end and span.hold in _HELD_BY_A_PERSON:
            return span.hold, _HELD_BY_A_PERSON[span.hold]
        if self._holds.hold is not None:
            why = self._holds.reason or "the whole batch is held back"
            return self._holds.hold, why
        return None


def _flat(attempts: Mapping[str, Sequence[AttemptRecord]]) -> Iterator[AttemptRecord]:
    return (record for records in attempts.values() for record in records)


class _Places:
    """The order in which takes are shown: as the manifest has its shots, and what it asks for no more last."""

    def __init__(self, expansion: Expansion) -> None:
        spans = sorted(expansion.live, key=lambda span: span.start)
        order = {span.start: at for at, span in enumerate(expansion.live)}
        self._spans, self._order = spans, order
        self._starts = [span.start for span in spans]

    def __call__(self, index: int) -> tuple[int, int]:
        at = bisect_right(self._starts, index) - 1
        if at >= 0 and index < self._spans[at].end:
            return self._order[self._starts[at]], index
        return len(self._spans), index
