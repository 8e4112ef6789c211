"""What a person has picked of a batch: kept in the store beside what is held, and in Redis beside the spans.

    {"picked": [[start, end], ...]}

Takes that hang on what isn't picked wait as spans with the hold `unpicked`; whatever else a person holds them by goes
before that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, ValidationError

from jobs.chains.picking import awaiting
from jobs.sweeps.picks import Picks, common
from jobs.sweeps.picks import merged as merged_picks
from jobs.takes.expansion import Expansion
from jobs.takes.spans import Span, merged
from workers.errors import StoreRefused
from workers.ledger import Ledger

UNPICKED = "unpicked"
"""The hold of spans whose takes wait until a person has picked."""


class Picked(BaseModel):
    """Where the takes are that were picked, by index: from, up to."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    picked: tuple[tuple[int, int], ...] = ()


def read_picks(ledger: Ledger) -> Picks:
    """What was picked of the ledger's batch. Raises `StoreRefused` when it can't be read, and other `StoreError`s."""
    kept = ledger.picks()
    if kept is None:
        return ()
    try:
        return merged_picks(Picked.model_validate_json(kept).picked)
    except ValidationError as error:
        raise StoreRefused(
            f"{ledger.place('picks.json')} is not what Rushes wrote there ({error.errors()[0]['msg']}). "
            "Restore it, or remove it and pick again"
        ) from error


def write_picks(ledger: Ledger, picks: Picks) -> None:
    """Keep what was picked. Raises the `StoreError`s of the store."""
    ledger.pick(Picked(picked=picks).model_dump_json().encode())


def picks_to_json(picks: Picks) -> str:
    """As the waiting room keeps them."""
    return json.dumps(picks, separators=(",", ":"))


def picks_from_json(written: str) -> Picks:
    """What `picks_to_json` wrote."""
    return merged_picks((int(start), int(end)) for start, end in json.loads(written))


def with_picks(spans: Iterable[Span], expansion: Expansion, picks: Picks) -> tuple[Span, ...]:
    """`spans`, in which those takes wait for a pick that have to by now, and no others."""
    waiting = awaiting(expansion, picks)
    found: list[Span] = []
    for span in without_picks(spans):
        at = span.start
        for start, end in common(((span.start, span.end),), waiting) if span.hold is None else ():
            found.append(Span(at, start, span.priority))
            found.append(Span(start, end, span.priority, UNPICKED))
            at = end
        found.append(Span(at, span.end, span.priority, span.hold))
    return merged(found)


def without_picks(spans: Iterable[Span]) -> tuple[Span, ...]:
    """`spans` without what waits for a pick."""
    return merged(Span(span.start, span.end, span.priority) if span.hold == UNPICKED else span for span in spans)
