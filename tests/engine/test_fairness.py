"""Who is served: batches by weight, and none before its time."""

from __future__ import annotations

from collections import Counter

import pytest
from hand_time import Hall

from workers.engine.limits import Limits, Terms
from workers.engine.states import State

HOUR = 3600.0
DAY = 24 * HOUR


class TestWeight:
    @pytest.mark.parametrize(("weight", "expected"), [(1, 30), (2, 40), (5, 50)])
    def test_a_batch_is_served_by_its_weight(self, hall: Hall, weight: int, expected: int) -> None:
        limits = Limits(seats=60)
        hall.open("plain", total=1000, provider="ark", limits=limits)
        hall.open("weighty", total=1000, provider="ark", limits=limits, terms=Terms(weight=weight))
        assert Counter(work.batch for work in hall.room.tick()) == {"weighty": expected, "plain": 60 - expected}

    def test_a_large_batch_of_weight_does_not_starve_a_small_one_that_comes_later(self, hall: Hall) -> None:
        limits = Limits(seats=40)
        hall.open("large", total=100_000, provider="ark", limits=limits, terms=Terms(weight=3))
        works = hall.room.tick()
        assert len(works) == 40
        hall.open("small", total=5, provider="ark", limits=limits)
        for work in works[:20]:
            hall.room.move(work, State.ADMITTED, State.FAILED)
        assert Counter(work.batch for work in hall.room.tick()) == {"large": 15, "small": 5}

    def test_a_higher_priority_comes_before_any_weight(self, hall: Hall) -> None:
        limits = Limits(seats=10)
        hall.open("weighty", total=1000, provider="ark", limits=limits, terms=Terms(weight=100))
        hall.open("urgent", total=8, provider="ark", limits=limits)
        hall.room.prefer("urgent", 1)
        assert Counter(work.batch for work in hall.room.tick()) == {"urgent": 8, "weighty": 2}


class TestTime:
    def test_nothing_is_submitted_before_its_time(self, hall: Hall) -> None:
        begins = hall.time.ms / 1000 + 2 * HOUR
        hall.open(total=3, terms=Terms(not_before=begins))
        assert hall.room.ask() == ([], 2 * HOUR)
        standing = hall.room.standing("b")
        assert standing is not None
        assert standing.stopped is not None
        assert standing.stopped.kind == "early"
        hall.time.forward(2 * HOUR)
        assert len(hall.room.tick()) == 3
        begun = hall.room.standing("b")
        assert begun is not None
        assert begun.stopped is None

    def test_a_window_opens_and_closes_each_day_and_after_the_last_day_that_is_known(self, hall: Hall) -> None:
        now = hall.time.ms / 1000
        openings = ((now + HOUR, now + 2 * HOUR), (now + DAY, now + DAY + HOUR))
        hall.open(total=3, terms=Terms(openings=openings))
        told = []
        for _ in range(4):
            works, again = hall.room.ask()
            while not works:
                assert again is not None
                hall.time.forward(again)
                works, again = hall.room.ask()
            told.append((hall.time.ms / 1000 - now) / HOUR)
            for work in works:
                hall.room.move(work, State.ADMITTED, State.WAITING, delay=HOUR)
            hall.time.forward(HOUR)
        assert told == [1.0, 24.0, 48.0, 72.0]

    def test_the_deadline_holds_while_the_window_is_closed(self, hall: Hall) -> None:
        now = hall.time.ms / 1000
        hall.open(total=3, terms=Terms(openings=((now + DAY, now + 2 * DAY),), deadline=now + HOUR))
        hall.room.tick()
        hall.time.forward(HOUR)
        hall.room.tick()
        standing = hall.room.standing("b")
        assert standing is not None
        assert standing.stopped is not None
        assert standing.stopped.kind == "deadline"
