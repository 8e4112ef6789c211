"""What a run leaves out: takes that wait as spans with the hold `deferred` until a run is about them.

It follows from what was chosen (`Holds.chosen`), as what waits for a pick follows from what was picked. Whatever else a
person holds takes by goes before it.
"""

from __future__ import annotations

from collections.abc import Iterable

from jobs.sweeps.picks import Picks, common
from jobs.takes.spans import Span, merged

DEFERRED = "deferred"
"""The hold of spans whose takes were left out by `--only` or `--limit`."""


def with_deferred(spans: Iterable[Span], chosen: Picks | None) -> tuple[Span, ...]:
    """`spans`, in which those takes that aren't chosen are deferred, and no others; None chooses all."""
    bare = without_deferred(spans)
    if chosen is None:
        return bare
    found: list[Span] = []
    for span in bare:
        at = span.start
        for start, end in common(((span.start, span.end),), chosen) if span.hold is None else ():
            found.append(Span(at, start, span.priority, DEFERRED))
            found.append(Span(start, end, span.priority))
            at = end
        found.append(Span(at, span.end, span.priority, span.hold or DEFERRED))
    return merged(found)


def without_deferred(spans: Iterable[Span]) -> tuple[Span, ...]:
    """`spans` without what is deferred."""
    return merged(Span(span.start, span.end, span.priority) if span.hold == DEFERRED else span for span in spans)
