"""When a batch would be done that may not begin before a time, or is submitted only in some hours of the day."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobs.fields.terms import Deadline, Window
from jobs.forecasting.hours import Hours

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600.0


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


NIGHT = Window("22:00-06:00")


@pytest.mark.parametrize(
    ("hours", "now", "seconds", "end"),
    [
        (Hours(), "2026-11-28T08:47", HOUR, "2026-11-28T09:47"),
        (Hours(Deadline("22:00")), "2026-11-28T08:47", HOUR, "2026-11-28T23:00"),
        (Hours(Deadline("2h")), "2026-11-28T08:00", HOUR, "2026-11-28T11:00"),
        (Hours(Deadline("2026-11-27 22:00")), "2026-11-28T08:00", HOUR, "2026-11-28T09:00"),
        (Hours(window=NIGHT), "2026-11-28T08:00", 8 * HOUR, "2026-11-29T06:00"),
        (Hours(window=NIGHT), "2026-11-28T08:00", 9 * HOUR, "2026-11-29T23:00"),
        (Hours(window=NIGHT), "2026-11-28T05:00", 2 * HOUR, "2026-11-28T23:00"),
        (Hours(Deadline("2026-11-30 03:00"), NIGHT), "2026-11-28T08:00", 4 * HOUR, "2026-11-30T23:00"),
        # The clocks are put back in the night of 25 October: it has an hour more.
        (Hours(window=NIGHT), "2026-10-24T20:00", 9 * HOUR, "2026-10-25T06:00"),
    ],
)
def test_the_end_is_when_so_much_of_the_hours_is_over(hours: Hours, now: str, seconds: float, end: str) -> None:
    assert hours.end(at(now), seconds) == at(end)


def test_what_no_calendar_holds_has_no_end() -> None:
    assert Hours().end(at("2026-11-28T08:00"), 1e15) is None
    assert Hours(window=NIGHT).end(at("2026-11-28T08:00"), 100 * 24 * HOUR) is None


@pytest.mark.parametrize(
    ("hours", "until", "seconds"),
    [
        (Hours(), "2026-11-28T09:00", HOUR),
        (Hours(Deadline("22:00")), "2026-11-28T23:30", 1.5 * HOUR),
        (Hours(Deadline("22:00")), "2026-11-28T21:00", 0),
        (Hours(window=NIGHT), "2026-11-29T07:00", 8 * HOUR),
        (Hours(window=NIGHT), "2026-11-28T22:30", 0.5 * HOUR),
        (Hours(window=NIGHT), "2026-11-28T21:00", 0),
    ],
)
def test_so_much_of_the_hours_is_left_before_a_deadline(hours: Hours, until: str, seconds: float) -> None:
    assert hours.seconds(at("2026-11-28T08:00"), at(until)) == seconds


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Hours(window=NIGHT).end(datetime(2026, 11, 28) + timedelta(hours=1), 1.0)
