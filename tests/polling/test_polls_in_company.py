"""Polls where very many takes are in flight: so many a second, and together."""

from __future__ import annotations

import pytest

from workers.polling.company import MOST_A_SECOND, in_company, spared
from workers.polling.placing import Bounds

BOUNDS = Bounds(2.0, 60.0)


@pytest.mark.parametrize(
    ("gap", "in_flight", "spaced"), [(10, 0, 10), (10, 1000, 10), (10, 3000, 30), (10, 10_000, 60)]
)
def test_no_more_polls_a_second_than_are_of_use_up_to_the_slowest(gap: float, in_flight: int, spaced: float) -> None:
    assert spared(gap, in_flight, BOUNDS) == spaced
    assert in_flight / spared(gap, in_flight, BOUNDS) <= max(MOST_A_SECOND, in_flight / BOUNDS.slowest)


def test_what_is_due_at_about_the_same_time_is_due_together_and_never_too_soon() -> None:
    moments = set()
    for at in range(1000):
        now = 1_795_852_715.071 + at * 0.01
        for gap in (8.0, 9.7, 15.9):
            delay = in_company(gap, now)
            assert gap <= delay <= gap * 17 / 16 + 1e-6
            moments.add(round(now + delay, 3))
    # Over ten seconds, half a second apart; and those of another gap are among them.
    assert len(moments) <= 2 * (10 + 8) + 4


def test_what_is_due_at_once_is_not_put_off() -> None:
    assert in_company(0.0, 5.0) == 0.0
