"""What a person holds back of a batch: kept in the store, so that it outlives Redis.

    {"hold": "paused", "reason": "...", "spans": [[start, end, priority, hold], ...], "chosen": [[start, end], ...]}

A whole batch is held by `hold`; parts of it by the spans that have a hold, or a priority, of their own. What the last
run was about is `chosen`; all else is deferred.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from jobs.manifest import Manifest
from jobs.sweeps.picks import Picks
from jobs.takes.expansion import Expansion
from jobs.takes.spans import KEPT, Span, merged, recut, to_json
from workers.chains.picks import with_picks, without_picks
from workers.deferring import with_deferred, without_deferred
from workers.errors import StoreRefused
from workers.ledger import Ledger

Row = tuple[int, int, int | None, str | None]
"""The takes from an index up to another, the priority that a person gave them (None: none), and what holds them."""


class Holds(BaseModel):
    """What is held of one batch, and why; and the moments that its manifest named when a person opened it: all are in
    seconds since the epoch. `openings` are those of its window, each from a moment up to another. `chosen` is where the
    takes are that the last run was about, by index; None: all of them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    hold: Literal["paused", "cancelled"] | None = None
    reason: str = ""
    spans: tuple[Row, ...] = ()
    deadline: float | None = None
    priority: int = 0

    not_before: float | None = None
    openings: tuple[tuple[float, float], ...] = ()
    chosen: Picks | None = None

    def timed(self, manifest: Manifest, now: datetime) -> Holds:
        """The same, with the moments that `manifest` names, as meant by someone who writes them at `now`."""
        deadline, begins, window = manifest.deadline, manifest.not_before, manifest.window
        openings = () if window is None else window.openings(now)
        return self.model_copy(
            update={
                "deadline": None if deadline is None else deadline.at(now).timestamp(),
                "not_before": None if begins is None else begins.at(now).timestamp(),
                "openings": tuple((start.timestamp(), end.timestamp()) for start, end in openings),
            }
        )


def read_holds(ledger: Ledger) -> Holds:
    """What is held of the ledger's batch. Raises `StoreRefused` when it can't be read, and other `StoreError`s."""
    kept = ledger.holds()
    if kept is None:
        return Holds()
    try:
        return Holds.model_validate_json(kept)
    except ValidationError as error:
        raise StoreRefused(
            f"{ledger.place('holds.json')} is not what Rushes wrote there ({error.errors()[0]['msg']}). "
            "Restore it, or remove it: then nothing of the batch is held back"
        ) from error


def write_holds(ledger: Ledger, holds: Holds) -> None:
    """Keep what is held. Raises the `StoreError`s of the store."""
    ledger.hold(holds.model_dump_json().encode())


def spans_of(expansion: Expansion, holds: Holds, picks: Picks = ()) -> str:
    """The spans of a batch as it is opened (JSON): those of its manifest, with what is held of them, what is deferred,
    and what waits for a pick; `picks` is what was picked.

    In the order in which they are admitted: by priority, and within one as the manifest has them.
    """
    spans: tuple[Span, ...] = expansion.live
    for start, end, priority, hold in holds.spans:
        spans = recut(spans, start, end, hold=hold, priority=KEPT if priority is None else priority)
    return to_json(overlaid(spans, expansion, picks=picks, chosen=holds.chosen))


def overlaid(spans: Iterable[Span], expansion: Expansion, *, picks: Picks, chosen: Picks | None) -> tuple[Span, ...]:
    """`spans` with what is deferred and what waits for a pick, and nothing else of either, in the order in which they
    are admitted."""
    return in_order(with_picks(with_deferred(bare(spans), chosen), expansion, picks), expansion)


def bare(spans: Iterable[Span]) -> tuple[Span, ...]:
    """`spans` without what follows from something else than a person's word on them: what is deferred, and what waits
    for a pick."""
    return without_deferred(without_picks(spans))


def in_order(spans: Iterable[Span], expansion: Expansion) -> tuple[Span, ...]:
    """The spans in the order in which they are admitted."""
    place = {live.start: at for at, live in enumerate(expansion.live)}

    def key(span: Span) -> tuple[int, int, int]:
        # None where the spans are of another manifest than the expansion: whoever puts them in place is told so there.
        around = max((start for start in place if start <= span.start), default=None)
        return -span.priority, -1 if around is None else place[around], span.start

    return merged(sorted(spans, key=key))


def held_of(spans: Iterable[Span], expansion: Expansion) -> tuple[Row, ...]:
    """What of `spans` is not as the manifest has it, as `Holds.spans`."""
    rows: list[Row] = []
    for span in bare(spans):
        for live in expansion.live:
            start, end = max(span.start, live.start), min(span.end, live.end)
            priority = None if span.priority == live.priority else span.priority
            if start < end and (span.hold is not None or priority is not None):
                rows.append((start, end, priority, span.hold))
    return tuple(sorted(rows, key=lambda row: row[0]))
