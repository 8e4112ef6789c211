"""When a window of the day opens and closes."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from jobs.fields.terms import WINDOW_DAYS, Window

BERLIN = ZoneInfo("Europe/Berlin")


def hours(opening: tuple[datetime, datetime]) -> float:
    start, end = opening
    return (end.astimezone(UTC) - start.astimezone(UTC)).total_seconds() / 3600


@pytest.mark.parametrize(
    ("written", "at", "opens", "closes"),
    [
        ("22:00-06:00", "2026-11-28T12:00", "2026-11-28T22:00", "2026-11-29T06:00"),
        ("22:00-06:00", "2026-11-28T03:00", "2026-11-27T22:00", "2026-11-28T06:00"),
        ("22:00-06:00", "2026-11-28T06:00", "2026-11-28T22:00", "2026-11-29T06:00"),
        ("09:00-17:30", "2026-11-28T18:00", "2026-11-29T09:00", "2026-11-29T17:30"),
        ("9:00 - 24:00", "2026-11-28T18:00", "2026-11-28T09:00", "2026-11-29T00:00"),
    ],
)
def test_the_first_opening_is_the_one_that_is_open_or_comes_next(
    written: str, at: str, opens: str, closes: str
) -> None:
    now = datetime.fromisoformat(at).replace(tzinfo=BERLIN)
    first, *others = Window(written).openings(now)
    assert [moment.replace(tzinfo=None) for moment in first] == [
        datetime.fromisoformat(opens),
        datetime.fromisoformat(closes),
    ]
    assert len(others) >= WINDOW_DAYS - 2
    assert all(before[1] < after[0] for before, after in pairwise([first, *others]))


def test_a_night_in_which_the_clocks_change_is_longer_or_shorter() -> None:
    autumn = Window("22:00-06:00").openings(datetime(2026, 10, 23, 12, tzinfo=BERLIN))
    assert [hours(opening) for opening in autumn[:3]] == [8.0, 9.0, 8.0]
    spring = Window("22:00-06:00").openings(datetime(2027, 3, 26, 12, tzinfo=BERLIN))
    assert [hours(opening) for opening in spring[:3]] == [8.0, 7.0, 8.0]


def test_it_is_reckoned_from_a_moment_with_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Window("22:00-06:00").openings(datetime(2026, 11, 28))
