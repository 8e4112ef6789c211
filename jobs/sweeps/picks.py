"""Picks: which places of an axis are meant, as spans of them. A pick of a thousand million places is two numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Picks = tuple[tuple[int, int], ...]
"""Spans (first, one after the last), none empty, in ascending order, no two touching."""


def merged(spans: Iterable[tuple[int, int]]) -> Picks:
    """The places that stand in any of `spans`, which may overlap and be in any order."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def of_places(places: Iterable[int]) -> Picks:
    """The pick of these places, in any order."""
    return merged((place, place + 1) for place in places)


def common(one: Picks, other: Picks) -> Picks:
    """The places that stand in both."""
    found = []
    at_one = at_other = 0
    while at_one < len(one) and at_other < len(other):
        start = max(one[at_one][0], other[at_other][0])
        end = min(one[at_one][1], other[at_other][1])
        if start < end:
            found.append((start, end))
        if one[at_one][1] <= other[at_other][1]:
            at_one += 1
        else:
            at_other += 1
    return tuple(found)


def without(one: Picks, other: Picks) -> Picks:
    """The places that stand in `one` and not in `other`."""
    found = []
    at = 0
    for start, end in one:
        come = start
        while at < len(other) and other[at][1] <= start:
            at += 1
        beside = at
        while beside < len(other) and other[beside][0] < end:
            if come < other[beside][0]:
                found.append((come, other[beside][0]))
            come = other[beside][1]
            beside += 1
        if come < end:
            found.append((come, end))
    return tuple(found)


def size(picks: Picks) -> int:
    """How many places stand in it."""
    return sum(end - start for start, end in picks)


def places(picks: Picks) -> Iterator[int]:
    """Each place, in ascending order."""
    for start, end in picks:
        yield from range(start, end)
