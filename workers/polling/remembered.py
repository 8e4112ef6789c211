"""How long renders took, by the receipts of a store that lies on this machine: for a plan, which contacts nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice

from jobs.capabilities import capabilities, known_providers
from jobs.forecasting import RenderTimes, Spread
from jobs.forecasting.groups import kind_of_asked
from jobs.takes.naming import name_fault
from workers.errors import StoreError
from workers.polling.durations import ENOUGH
from workers.receipts import Receipt, done_takes, read_receipt
from workers.store.folder import FolderStore
from workers.store.protocol import Store

log = logging.getLogger(__name__)

MOST_READ = 400
"""Receipts, of all batches together: some 0.2 ms each."""

MOST_OF_A_BATCH = 200
MOST_BATCHES = 50
MOST_LISTED = 20_000
"""Takes of a batch that are listed, to read the last ones."""


class Remembered:
    """Render times of one provider, by model, resolution and seconds of video."""

    def __init__(self, seen: dict[tuple[str, str, str, int], list[float]]) -> None:
        self._seen = {kind: sorted(times) for kind, times in seen.items() if len(times) >= ENOUGH}

    def seconds(self, provider: str, model: str, resolution: str, duration: int) -> Spread | None:
        """Of nine of ten of those that were seen; None where fewer than 20 were."""
        times = self._seen.get((provider, model, resolution, duration))
        if times is None:
            return None
        return Spread(*(times[int(share * len(times))] for share in (0.1, 0.5, 0.9)))


def remembered(store: Store, batch: str) -> tuple[RenderTimes, ...]:
    """What the receipts of `store` tell of render times, those of `batch` first; nothing where it is no local folder.

    A receipt that can't be read teaches nothing.
    """
    if not isinstance(store, FolderStore):
        return ()
    seen: dict[tuple[str, str, str, int], list[float]] = {}
    for receipt in islice(_receipts(store, batch), MOST_READ):
        began, ended = receipt.times.submitted, receipt.times.rendered
        if receipt.reused is not None or began is None or ended is None or ended <= began:
            continue
        kind = kind_of_asked(receipt.asked, capabilities(receipt.provider))
        if kind.shortest == kind.longest:
            seen.setdefault((receipt.provider, kind.model, kind.resolution, kind.shortest), []).append(ended - began)
    return (Remembered(seen),)


def _receipts(store: Store, batch: str) -> Iterator[Receipt]:
    try:
        others = (name for name in store.folders("") if name != batch and name_fault(name) is None)
        for name in (batch, *islice(others, MOST_BATCHES)):
            for take in list(islice(done_takes(store, name), MOST_LISTED))[-MOST_OF_A_BATCH:]:
                try:
                    receipt = read_receipt(store, name, take)
                except StoreError as error:
                    log.info("%s: its receipt says nothing of how long it took: %s", take, error)
                    continue
                if receipt.provider in known_providers():
                    yield receipt
    except StoreError as error:
        log.info("no receipts were looked at for how long renders take: %s", error)
