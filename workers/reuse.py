"""Takes that ask for what has been rendered already: their files are copied in the store, and nothing is paid.

Two takes ask for the same when their `Asked.identity()` is the same, whatever they are called. Within a batch that
happens when its manifest is edited; between batches it is done only where the manifest says `reuse: true`.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal

from jobs.takes import Take
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from workers.context import VERSION, Context
from workers.errors import ObjectMissing, StoreRefused
from workers.ledger import Ledger
from workers.receipts import Cost, Reused, done_takes, keys_of, read_receipt, write_receipt
from workers.store.protocol import Store

log = logging.getLogger(__name__)

COPIES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Source:
    """A take that is done, in this batch or another one."""

    batch: str
    take: str


def copy_results(store: Store, source: Source, take: Take, now: float) -> int:
    """Give `take` the files of a take that asked for the same, and a receipt that says so; how many objects that made.

    `now` is in seconds since the epoch. A take that was rendered before there were posters has none to copy.

    Raises `ObjectMissing` when they are not whole any more, and the other `StoreError`s.
    """
    receipt = read_receipt(store, source.batch, source.take)
    keys = keys_of(take.batch, take.name)
    store.copy(receipt.video.key, keys.video)
    store.copy(receipt.last_frame.key, keys.last_frame)
    poster = receipt.poster
    if poster is not None:
        store.copy(poster.key, keys.poster)
        poster = poster.model_copy(update={"key": keys.poster})
    write_receipt(
        store,
        receipt.model_copy(
            update={
                "batch": take.batch,
                "shot": take.shot,
                "take": take.name,
                "index": take.index,
                "number": take.number,
                "axes": take.axes,
                "asked": take.asked,
                "video": receipt.video.model_copy(update={"key": keys.video}),
                "last_frame": receipt.last_frame.model_copy(update={"key": keys.last_frame}),
                "poster": poster,
                "times": receipt.times.model_copy(update={"stored": now}),
                "cost": Cost(amount=Decimal(0), currency=receipt.cost.currency, basis="reused"),
                "reused": Reused(batch=source.batch, take=source.take),
                "rushes_version": VERSION,
            }
        ),
    )
    return 3 if poster is None else 4


def copy_all(context: Context, found: Mapping[int, Source], expansion: Expansion) -> dict[int, int]:
    """Give each of these takes the files of its source; by the indices of those for which it could be done, how many
    objects that made.

    One whose source isn't whole is left to be rendered. Raises the other `StoreError`s.
    """

    def copied(index: int) -> int:
        try:
            return copy_results(context.store, found[index], expansion[index], context.clock.now())
        except (ObjectMissing, StoreRefused) as error:
            log.warning("%s can't be had from %s: %s", expansion[index].name, found[index].take, error)
            return 0

    with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
        indices = sorted(found)
        return {index: made for index, made in zip(indices, pool.map(copied, indices), strict=True) if made}


def twins(
    expansion: Expansion, wanted: Iterable[int], done: Iterable[int], under_way: Iterable[int]
) -> tuple[dict[int, Source], dict[int, int]]:
    """For takes that are wanted: those that ask for what another take of the batch has, and what one is about to.

    First the sources by index, then the index of the take that is waited for. Each video stands in for one take only:
    two takes that ask for the same want two videos.
    """
    by_identity: dict[str, list[int]] = defaultdict(list)
    for index in sorted(wanted, reverse=True):
        by_identity[expansion.identity(index)].append(index)
    found: dict[int, Source] = {}
    awaited: dict[int, int] = {}
    for index in done:
        take = expansion[index]
        if same := by_identity.get(expansion.identity(index)):
            found[same.pop()] = Source(take.batch, take.name)
    for index in under_way:
        if same := by_identity.get(expansion.identity(index)):
            awaited[same.pop()] = index
    return found, awaited


def from_other_batches(store: Store, expansion: Expansion, wanted: Iterable[int]) -> dict[int, Source]:
    """The takes that are wanted and that another batch of `store` has, by index."""
    by_identity: dict[str, list[int]] = defaultdict(list)
    for index in sorted(wanted, reverse=True):
        by_identity[expansion.identity(index)].append(index)
    found: dict[int, Source] = {}
    for batch in store.folders(""):
        if batch == expansion.manifest.batch or not any(by_identity.values()):
            continue
        try:
            frozen = Ledger(store, batch).frozen()
        except StoreRefused as error:
            log.warning("nothing is reused from %s: %s", batch, error)
            continue
        if frozen is None:
            continue
        other = Expansion(Lineage.from_json(frozen))
        for name in done_takes(store, batch):
            there = other.find(name)
            if there is not None and (same := by_identity.get(other.identity(there))):
                found[same.pop()] = Source(batch, name)
    return found
