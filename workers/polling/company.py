"""Polls where there are very many: no more a second than does anybody good, and together rather than one by one."""

from __future__ import annotations

import math

from workers.polling.placing import Bounds

MOST_A_SECOND = 100.0
"""Polls of one provider, all workers together, in the mean. Beyond some thousands of takes in flight, one that is found
a few seconds sooner is of no use, for they end faster than videos can be brought home; and every poll costs CPU here,
and goodwill there."""

CROWD = 200
"""Takes in flight with a provider from which on polls are put off, by a sixteenth of the gap at most, to be sent
with others: a message each would cost more than the polls do."""

_PARTS = 16


def spared(gap: float, in_flight: int, bounds: Bounds) -> float:
    """`gap` (seconds), or the longer one that so many takes in flight make of it."""
    return max(gap, min(bounds.slowest, in_flight / MOST_A_SECOND))


def in_company(delay: float, now: float) -> float:
    """`delay`, or little more, so that what is due then is due when others are. `now` and `delay` are in seconds.

    Moments are multiples of a power of two, whatever the gap: those of a shorter gap hold those of the longer ones.
    """
    if delay <= 0:
        return delay
    step = 2.0 ** math.floor(math.log2(delay / _PARTS))
    return math.ceil((now + delay) / step) * step - now
