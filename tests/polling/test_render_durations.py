"""What is made of durations that were seen, and where polls are placed by it."""

from __future__ import annotations

import math
import random
from statistics import fmean

import pytest

from workers.polling.durations import Durations, Timetable


def lognormal(count: int, *, median: float = 120.0, sigma: float = 0.35, seed: int = 1) -> list[float]:
    source = random.Random(seed)
    return [source.lognormvariate(math.log(median), sigma) for _ in range(count)]


def polled(table: Timetable, length: float) -> tuple[int, float]:
    """Polls that a render of this length costs, and how late its end is seen."""
    age, polls = 0.0, 0
    while age < length:
        gap = table.after(age)
        assert gap > 0
        age += gap
        polls += 1
    return polls, age - length


class TestDurations:
    def test_the_share_that_has_ended_is_that_of_the_distribution_it_was_learned_from(self) -> None:
        durations = Durations(lognormal(256))
        for age in (60, 90, 120, 150, 200):
            true = 0.5 * math.erfc(-math.log(age / 120) / 0.35 / math.sqrt(2))
            assert durations.ended(age) == pytest.approx(true, abs=0.06)

    def test_it_never_falls_and_there_is_always_something_left(self) -> None:
        durations = Durations(lognormal(40))
        shares = [durations.ended(age) for age in durations.grid()]
        assert shares == sorted(shares)
        assert durations.ended(0.0) == 0.0
        assert 0.9 < shares[-1] < 1.0

    def test_two_humps_stay_two(self) -> None:
        durations = Durations(lognormal(60, median=30, sigma=0.1) + lognormal(60, median=300, sigma=0.1))
        assert durations.ended(120) - durations.ended(80) < 0.1
        assert durations.ended(120) == pytest.approx(0.5, abs=0.05)

    def test_one_render_that_hung_for_an_hour_does_not_blur_the_others(self) -> None:
        seen = lognormal(60, sigma=0.1)
        with_one = Durations([*seen, 3600.0])
        assert with_one.ended(160) - with_one.ended(90) > 0.85

    @pytest.mark.parametrize("seen", [[], [1.0, 0.0], [-1.0]])
    def test_what_is_no_duration_is_refused(self, seen: list[float]) -> None:
        with pytest.raises(ValueError, match="above zero"):
            Durations(seen)

    def test_all_of_one_length_are_no_trouble(self) -> None:
        table = Timetable(Durations([120.0] * 30), 7)
        polls, late = polled(table, 120.0)
        assert polls < 10
        assert late < 2.0


class TestTimetable:
    @pytest.mark.parametrize("sigma", [0.2, 0.35, 0.7])
    def test_it_costs_as_many_polls_as_it_was_made_for(self, sigma: float) -> None:
        table = Timetable(Durations(lognormal(256, sigma=sigma)), 7)
        polls = fmean(polled(table, length)[0] for length in lognormal(600, sigma=sigma, seed=2))
        assert polls == pytest.approx(7, abs=1.0)

    @pytest.mark.parametrize(("sigma", "integral"), [(0.35, 8.556), (0.7, 11.553)])
    def test_polls_times_delay_is_near_the_least_that_there_is(self, sigma: float, integral: float) -> None:
        # The least is half the square of the integral of sqrt(density * survival): see docs/polling.md.
        table = Timetable(Durations(lognormal(256, sigma=sigma)), 8)
        found = [polled(table, length) for length in lognormal(2000, sigma=sigma, seed=2)]
        product = (fmean(polls for polls, _ in found) - 0.5) * fmean(late for _, late in found)
        assert product < 1.15 * integral**2 / 2

    def test_nothing_is_asked_before_anything_can_have_ended(self) -> None:
        assert Timetable(Durations(lognormal(256, sigma=0.2)), 7).after(0.0) > 70

    def test_what_takes_longer_than_all_that_was_seen_is_asked_about_ever_more_rarely(self) -> None:
        table = Timetable(Durations(lognormal(256)), 7)
        assert table.after(4000) > table.after(1000) > table.after(150)
        assert table.after(1e6) < 1e6
