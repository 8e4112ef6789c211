"""What each attempt of a batch has cost, as far as the store can tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from workers.errors import ObjectMissing
from workers.ledger import RESUBMITTED, UNSENT, Acceptance, AttemptRecord, Ending, Intent, Ledger
from workers.receipts import Receipt, done_takes, read_receipt
from workers.store.protocol import Store

Outcome = Literal["done", "reused", "rendering", "in doubt", "failed", "discarded", "cancelled", "orphan"]
"""What became of an attempt, by the record. One in doubt may be being submitted at this very moment. `discarded` is one
that a person gave up, or had submitted once more; an `orphan` is a job that came besides the attempt's own."""

FREE = frozenset({"transient", "rate", "auth", "quota", "invalid", "input-moderation", "cancelled", "parent", UNSENT})
"""The kinds of ending that cost nothing. After any other the provider may have sent a bill.

A job that was `cancelled` after the provider had accepted it is not among them: whether one that had begun is billed is
certain only where a provider says so, and the record doesn't tell whether it had.
"""

DISCARDED = frozenset({"waived", RESUBMITTED})
"""The kinds of ending that are a person's decision about an attempt which may have been billed."""


_ORPHAN = re.compile(r"(.+)\.orphan-([0-9a-f]{16})")
"""The name under which the video of an orphan is kept beside its take's own."""


@dataclass(frozen=True, slots=True)
class AttemptCost:
    """One attempt, and its money.

    `shot` is the one that the take is of, whichever edition. `attempt` counts from 1; it is None when the video was
    taken over from another take (`reused`) and nothing was submitted. `provider` is None when it failed before there
    was anything to submit. `kind` is that of its failure.

    `at` is when it was submitted, in seconds since the epoch, or else the first that is known to have come of it.
    `over` is when the provider had given its verdict, as far as is known, and `stored` when the receipt was written.

    `estimated` is the highest price that it was expected to have, in `estimated_currency`; `actual` is what it cost, in
    `currency`, and `basis` says how that is known (`unbilled`: its class of failure costs nothing). None is unknown,
    and never zero: an `actual` that is None may be anything up to the estimate.
    """

    take: str
    shot: str
    attempt: int | None
    provider: str | None
    job_id: str | None
    outcome: Outcome
    kind: str | None = None
    estimated: Decimal | None = None
    estimated_currency: str | None = None
    actual: Decimal | None = None
    currency: str | None = None
    basis: str = "unknown"
    at: float | None = None
    over: float | None = None
    stored: float | None = None

    @property
    def at_most(self) -> tuple[Decimal, str | None] | None:
        """What it cost, or, where that isn't known, may have cost: amount and currency. None when neither is known."""
        if self.actual is not None:
            return self.actual, self.currency
        return None if self.estimated is None else (self.estimated, self.estimated_currency)


def attempt_costs(store: Store, batch: str, *, threads: int = 16, only: str | None = None) -> list[AttemptCost]:
    """What every attempt of `batch` on record has cost, take by take in order of their names, each one's in order.

    The ledger and the batch are listed once each, and of an attempt only those records are read that tell something, so
    many at a time as there are `threads`; `only` names the one take that is meant. A batch of which nothing is stored
    has no attempts. Raises the `StoreError`s of `store`.
    """
    books = _Books(store, batch)
    filed: dict[str, _Filed] = {}
    for record in Ledger(store, batch).attempts(only):
        filed.setdefault(record.take, _Filed()).attempts.append(record)
    # After the ledger, so that a take that is finished meanwhile is seen with its receipt and not as one that is open.
    for name in done_takes(store, batch):
        if orphan := _ORPHAN.fullmatch(name):
            filed.setdefault(orphan[1], _Filed()).orphans.add(orphan[2])
        else:
            filed.setdefault(name, _Filed()).done = True
    takes = sorted(filed if only is None else filed.keys() & {only}, key=str.encode)
    with ThreadPoolExecutor(threads, thread_name_prefix="accounts") as pool:
        found = pool.map(lambda take: list(books.of_take(take, filed[take])), takes)
        return [cost for costs in found for cost in costs]


@dataclass(slots=True)
class _Filed:
    """What the listings show of one take: its attempts, whether it is done, and which orphans have a receipt."""

    attempts: list[AttemptRecord] = field(default_factory=list)
    done: bool = False
    orphans: set[str] = field(default_factory=set)


class _Books:
    """Reads the records of single takes."""

    def __init__(self, store: Store, batch: str) -> None:
        self._store = store
        self._batch = batch
        self._ledger = Ledger(store, batch)

    def of_take(self, take: str, filed: _Filed) -> Iterator[AttemptCost]:
        receipt = read_receipt(self._store, self._batch, take) if filed.done else None
        made_by = None if receipt is None or receipt.reused is not None else receipt.attempt
        attempts = filed.attempts
        if made_by is not None and all(record.attempt != made_by for record in attempts):
            # It was begun after the ledger was listed, or its records were lost; the receipt tells of it all the same.
            unlisted = AttemptRecord(take, made_by, intended=False, accepted=False, ended=False)
            attempts = sorted([*attempts, unlisted], key=lambda record: record.attempt)
        for record in attempts:
            if receipt is not None and record.attempt == made_by:
                yield self._done(receipt, record)
            elif record.intended or record.accepted or record.ended:
                yield self._without_video(record)
            for token in sorted(record.orphans):
                kept = token in filed.orphans
                yield self._kept_orphan(take, token, record) if kept else self._orphan(record, token)
        for token in sorted(filed.orphans.difference(*(record.orphans for record in attempts))):
            yield self._kept_orphan(take, token, None)
        if receipt is not None and receipt.reused is not None:
            yield _reused(receipt)

    def _done(self, receipt: Receipt, record: AttemptRecord) -> AttemptCost:
        cost = receipt.cost
        times = receipt.times
        known = AttemptCost(
            take=record.take,
            shot=_shot(record.take),
            attempt=record.attempt,
            provider=receipt.provider,
            job_id=receipt.job_id or None,
            outcome="done",
            estimated=cost.estimated,
            estimated_currency=cost.estimated_currency,
            actual=cost.amount,
            currency=cost.currency,
            basis=cost.basis,
            at=next((at for at in (times.submitted, times.accepted, times.stored) if at is not None), None),
            over=next((at for at in (times.rendered, times.downloaded, times.stored) if at is not None), None),
            stored=times.stored,
        )
        # The receipt may be older than its estimate.
        return _with_estimate(known, self._intent(record)) if known.estimated is None else known

    def _without_video(self, record: AttemptRecord) -> AttemptCost:
        take, attempt = record.take, record.attempt
        intent = self._intent(record)
        acceptance = self._ledger.acceptance(take, attempt) if record.accepted else None
        ending = self._ledger.ending(take, attempt) if record.ended else None
        asked: Intent | Acceptance | None = intent or acceptance
        cost = AttemptCost(
            take=take,
            shot=_shot(take),
            attempt=attempt,
            provider=None if asked is None else asked.provider,
            job_id=None if acceptance is None else acceptance.job_id or None,
            outcome="in doubt" if acceptance is None else "rendering",
            at=next((found.at for found in (intent, acceptance, ending) if found is not None), None),
        )
        cost = _with_estimate(cost, intent)
        if ending is None:
            return cost
        cost = replace(cost, outcome=_outcome(ending.kind), kind=ending.kind, over=ending.at)
        if _maybe_billed(ending, accepted=acceptance is not None):
            return cost
        if asked is None:
            # Nothing was submitted, so nothing was expected of it either.
            cost = replace(cost, estimated=Decimal(0))
        return replace(cost, actual=Decimal(0), currency=cost.estimated_currency, basis="unbilled")

    def _kept_orphan(self, take: str, token: str, record: AttemptRecord | None) -> AttemptCost:
        """A job that came besides the attempt's own, and whose video was kept."""
        receipt = read_receipt(self._store, self._batch, f"{take}.orphan-{token}")
        unlisted = AttemptRecord(take, receipt.attempt, intended=False, accepted=False, ended=False)
        return replace(self._done(receipt, record or unlisted), outcome="orphan")

    def _orphan(self, record: AttemptRecord, token: str) -> AttemptCost:
        """A job that came besides the attempt's own, and of which there is no video."""
        intent = self._intent(record)
        acceptance: Acceptance | None = None
        with suppress(ObjectMissing):
            acceptance = self._ledger.acceptance(record.take, record.attempt, orphan=token)
        asked: Intent | Acceptance | None = acceptance or intent
        cost = AttemptCost(
            take=record.take,
            shot=_shot(record.take),
            attempt=record.attempt,
            provider=None if asked is None else asked.provider,
            job_id=None if acceptance is None else acceptance.job_id or None,
            outcome="orphan",
            at=None if asked is None else asked.at,
        )
        return _with_estimate(cost, intent)

    def _intent(self, record: AttemptRecord) -> Intent | None:
        return self._ledger.intent(record.take, record.attempt) if record.intended else None


def _maybe_billed(ending: Ending, *, accepted: bool) -> bool:
    if ending.maybe_billed is not None:
        return ending.maybe_billed
    return ending.kind not in FREE or (ending.kind == "cancelled" and accepted)


def _reused(receipt: Receipt) -> AttemptCost:
    return AttemptCost(
        take=receipt.take,
        shot=_shot(receipt.take),
        attempt=None,
        provider=receipt.provider,
        job_id=None,
        outcome="reused",
        estimated=Decimal(0),
        estimated_currency=receipt.cost.currency,
        actual=receipt.cost.amount,
        currency=receipt.cost.currency,
        basis=receipt.cost.basis,
        at=receipt.times.stored,
        stored=receipt.times.stored,
    )


def _with_estimate(cost: AttemptCost, intent: Intent | None) -> AttemptCost:
    if intent is None or intent.highest_price is None:
        return cost
    return replace(cost, estimated=intent.highest_price, estimated_currency=intent.currency)


def _outcome(kind: str) -> Outcome:
    if kind in DISCARDED:
        return "discarded"
    return "cancelled" if kind == "cancelled" else "failed"


def _shot(take: str) -> str:
    # `opening.2/0001` is of the shot `opening`, in its second edition; a shot's name has no dot in it.
    return take.partition("/")[0].partition(".")[0]
