"""What headers say of how many requests are left."""

from __future__ import annotations

import pytest

from workers.providers.reading import QuotaLeft, quota_left

DATE = "Sat, 28 Nov 2026 05:00:00 GMT"
AT = 1_795_842_000


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({"ratelimit": '"default";r=50;t=30'}, QuotaLeft(50, 30.0)),
        ({"ratelimit": '"hour";r=50;t=1800, "minute";r=2;t=12'}, QuotaLeft(2, 12.0)),
        ({"ratelimit-remaining": "7", "ratelimit-reset": "20"}, QuotaLeft(7, 20.0)),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1.5"}, QuotaLeft(0, 1.5)),
        ({"x-ratelimit-remaining-requests": "9", "x-ratelimit-reset-requests": "1m30s"}, QuotaLeft(9, 90.0)),
        ({"x-ratelimit-remaining": "4", "x-ratelimit-reset": str(AT + 25), "date": DATE}, QuotaLeft(4, 25.0)),
    ],
)
def test_what_is_said_is_read(headers: dict[str, str], left: QuotaLeft) -> None:
    assert quota_left(headers) == left


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-remaining": "4"},
        {"x-ratelimit-remaining": "4", "x-ratelimit-reset": str(AT + 25)},
        {"x-ratelimit-remaining": "many", "x-ratelimit-reset": "5"},
        {"x-ratelimit-remaining": "4", "x-ratelimit-reset": "soon"},
        {"x-ratelimit-remaining": "4", "x-ratelimit-reset": "86400"},
        {"ratelimit": '"default";r=50'},
    ],
)
def test_what_does_not_say_until_when_says_nothing(headers: dict[str, str]) -> None:
    assert quota_left(headers) is None
