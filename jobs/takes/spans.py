"""Spans: runs of takes that are alike in how they wait.

What waits of a batch is a few of these and never a list of takes. Their order is the order in which takes come up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final


@dataclass(frozen=True, slots=True)
class Span:
    """The takes from `start` up to, and without, `end`, by their index in the batch.

    Those of a higher `priority` come up first. `hold` says why none of them comes up, and None that they do.
    """

    start: int
    end: int
    priority: int = 0
    hold: str | None = None

    def __len__(self) -> int:
        return self.end - self.start

    def __contains__(self, index: object) -> bool:
        return isinstance(index, int) and self.start <= index < self.end


class Kept(Enum):
    """The type of `KEPT`, which leaves a field of a span as it is."""

    KEPT = "kept"


KEPT: Final = Kept.KEPT


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same takes in the same order, in as few spans as can be; empty ones are left out."""
    found: list[Span] = []
    for span in spans:
        if span.start >= span.end:
            continue
        if found and span == replace(found[-1], start=found[-1].end, end=span.end):
            found[-1] = replace(found[-1], end=span.end)
        else:
            found.append(span)
    return tuple(found)


def recut(
    spans: Iterable[Span],
    start: int,
    end: int,
    *,
    hold: str | Kept | None = KEPT,
    priority: int | Kept = KEPT,
) -> tuple[Span, ...]:
    """`spans` with `hold`, `priority` or both set on the takes from `start` up to, and without, `end`.

    What isn't given stays as it is, and so do all other takes. Of `start` to `end` only what is in `spans` counts.
    """
    return merged(piece for span in spans for piece in _pieces(span, start, end, hold, priority))


def to_json(spans: Iterable[Span]) -> str:
    """The spans as a JSON array of `[start, end, priority, hold]`."""
    rows = [[span.start, span.end, span.priority, span.hold] for span in spans]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def from_json(written: str | bytes) -> tuple[Span, ...]:
    """What `to_json` wrote. Raises ValueError for anything else."""
    rows = json.loads(written)
    if not isinstance(rows, list):
        raise ValueError(f"spans are an array, not {type(rows).__name__}")
    return tuple(_read(row) for row in rows)


def _pieces(span: Span, start: int, end: int, hold: str | Kept | None, priority: int | Kept) -> Iterator[Span]:
    first, last = max(span.start, start), min(span.end, end)
    if first >= last:
        yield span
        return
    yield replace(span, end=first)
    yield Span(
        first,
        last,
        span.priority if isinstance(priority, Kept) else priority,
        span.hold if isinstance(hold, Kept) else hold,
    )
    yield replace(span, start=last)


def _read(row: object) -> Span:
    match row:
        case [int(start), int(end), int(priority), str() | None as hold] if not any(
            isinstance(number, bool) for number in (start, end, priority)
        ):
            return Span(start, end, priority, hold)
    raise ValueError(f"a span is [start, end, priority, hold], not {row!r:.80}")
