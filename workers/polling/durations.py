"""How long renders of one kind take, as learned from those that were seen: a distribution to place polls by."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from statistics import median, pstdev

ENOUGH = 20
"""Fewer durations than this say too little."""

STRANGERS = 0.03
"""The share of renders that are taken to be like none that was seen: providers have bad hours."""

STRANGE_SPREAD = 1.0
"""Their standard deviation, in logarithms, about the median of the others."""

POINTS = 200
FINEST = 0.02
"""The narrowest kernel, in logarithms: no duration is known better, since each was seen by a poll."""


class Durations:
    """A distribution of durations (seconds, all above zero), smooth and without an end.

    A Gaussian kernel in logarithms, as wide as Silverman's rule of thumb says, over the durations seen; so it follows
    what there is, with one hump or several. A few percent of its weight lie far wider: what takes longer than all that
    was seen will end some time.
    """

    def __init__(self, seen: Sequence[float]) -> None:
        if not seen or min(seen) <= 0:
            raise ValueError("durations are above zero, and there must be one at least")
        self._logs = sorted(math.log(each) for each in seen)
        self._middle = median(self._logs)
        # A robust spread: one render that hung for an hour should not blur all others.
        quarter = len(self._logs) // 4
        middle_half = self._logs[-1 - quarter] - self._logs[quarter]
        spread = min(pstdev(self._logs), middle_half / 1.34) or pstdev(self._logs)
        self._width = max(FINEST, 0.9 * spread * len(self._logs) ** -0.2)
        self._cells = _cells(self._logs, self._width / 3)

    def ended(self, age: float) -> float:
        """The share that has ended at `age` (seconds)."""
        if age <= 0:
            return 0.0
        at = math.log(age)
        known = sum(weight * _normal((at - middle) / self._width) for middle, weight in self._cells)
        return (1 - STRANGERS) * known + STRANGERS * _normal((at - self._middle) / STRANGE_SPREAD)

    def quantile(self, share: float) -> float:
        """The duration (seconds) below which `share` of those seen lie."""
        return math.exp(self._logs[min(len(self._logs) - 1, int(share * len(self._logs)))])

    def grid(self) -> list[float]:
        """Ages (seconds) that span all that can be expected, evenly in logarithms."""
        first, last = self._logs[0] - 3 * self._width - 0.5, self._logs[-1] + 3 * self._width + 1.5
        return [math.exp(first + (last - first) * step / (POINTS - 1)) for step in range(POINTS)]


class Timetable:
    """Where `polls` polls for each render find the end of it soonest.

    With a poll at the price of `c` seconds of delay, the best gap at an age is sqrt(2 c / h): h is the hazard, the rate
    at which renders of that age end. `polls` is what it comes to on average, and `c` is chosen for it. Gaps are
    laid out so that from one poll to the next the integral of sqrt(h / 2c) grows by one.
    """

    def __init__(self, durations: Durations, polls: float) -> None:
        if polls <= 0.5:
            raise ValueError("the poll that finds the end is one, and comes half a gap late")
        self._ages = durations.grid()
        left = [max(1e-9, 1 - durations.ended(age)) for age in self._ages]
        steps, spent = [0.0], 0.0
        for (a, b), (alive, after) in zip(pairwise(self._ages), pairwise(left), strict=True):
            root = math.sqrt(max(0.0, math.log(alive / after)) * (b - a))  # sqrt of the hazard, over the time
            steps.append(root)
            spent += root * (alive + after) / 2
        scale = (polls - 0.5) / spent
        self._sums = [total * scale for total in accumulate(steps)]

    def after(self, age: float) -> float:
        """The gap (seconds) to the next poll of a render that has not ended at `age` (seconds)."""
        return max(0.0, self._age_at(self._sum_at(age) + 1.0) - age)

    def _sum_at(self, age: float) -> float:
        return _interpolate(self._ages, self._sums, age)

    def _age_at(self, total: float) -> float:
        return _interpolate(self._sums, self._ages, total)


def _interpolate(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    """By straight lines, and on along the last rising one; never below the first."""
    if x <= xs[0]:
        return ys[0]
    at = min(bisect_right(xs, x), len(xs) - 1)
    while at > 1 and xs[at] <= xs[at - 1]:
        at -= 1
    rise = (ys[at] - ys[at - 1]) / (xs[at] - xs[at - 1])
    return ys[at] + (x - xs[at]) * rise


def _cells(logs: Sequence[float], width: float) -> list[tuple[float, float]]:
    """Neighbours taken together, as (where, weight): so thousands cost no more than a few dozen."""
    counts: dict[int, list[float]] = {}
    for each in logs:
        counts.setdefault(math.floor(each / width), []).append(each)
    return [(sum(cell) / len(cell), len(cell) / len(logs)) for cell in counts.values()]


def _normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))
