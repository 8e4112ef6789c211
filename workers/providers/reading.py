"""What every adapter reads out of an answer in the same way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from workers.providers.protocol import Response
from workers.redaction import redact

LONGEST_EXCERPT = 4000
"""Characters of an answer that an error keeps."""


_EPOCHS = 1e9
_LONGEST_RESET = 3600.0
_PART = re.compile(r";\s*([rt])=(\d{1,9})(?![\d.])")
_SPAN = re.compile(r"(?:(\d{1,3})h)?(?:(\d{1,4})m)?(?:(\d{1,5}(?:\.\d{1,9})?)s)?")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds for which `Retry-After` asks to stay away, or None when it doesn't say.

    It may hold seconds or a date (RFC 9110, 10.2.3). A date is taken relative to the answer's own `Date`, so
    that neither our clock nor a difference between the clocks matters; without a `Date` it says nothing.
    """
    given = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", given):
        return float(given)
    until, sent = _date(given), _date(headers.get("date", ""))
    if until is None or sent is None:
        return None
    return max(0.0, (until - sent).total_seconds())


@dataclass(frozen=True, slots=True)
class QuotaLeft:
    """How many more `requests` a provider takes within so many `seconds`."""

    requests: int
    seconds: float


def quota_left(headers: Mapping[str, str]) -> QuotaLeft | None:
    """What an answer's headers say of how many requests are left, or None when they don't say until when that holds.

    Read are `RateLimit` of the IETF's draft (`"default";r=50;t=30`), the `RateLimit-Remaining` and `-Reset` of its
    earlier versions, and the `X-RateLimit-` spellings of both, also those that end in `-Requests`. A reset is in
    seconds from now, in seconds since the epoch, or as `1m30s`.
    """
    policies = [dict(_PART.findall(policy)) for policy in headers.get("ratelimit", "").split(",")]
    told = [QuotaLeft(int(each["r"]), float(each["t"])) for each in policies if {"r", "t"} <= each.keys()]
    if told:
        return min(told, key=lambda each: each.requests)
    for before in ("ratelimit-", "x-ratelimit-"):
        for after in ("", "-requests"):
            left = headers.get(f"{before}remaining{after}", "").strip()
            seconds = _until(headers.get(f"{before}reset{after}", "").strip(), headers)
            if re.fullmatch(r"\d{1,9}", left) and seconds is not None:
                return QuotaLeft(int(left), seconds)
    return None


def _until(written: str, headers: Mapping[str, str]) -> float | None:
    """The seconds until a reset, an hour at most: what is longer is a quota of days, and not ours to wait for."""
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", written):
        seconds = float(written)
        if seconds > _EPOCHS:
            sent = _date(headers.get("date", ""))
            if sent is None:
                return None
            seconds -= sent.timestamp()
    elif written and (parts := _SPAN.fullmatch(written)):
        hours, minutes, whole = (float(part or 0) for part in parts.groups())
        seconds = hours * 3600 + minutes * 60 + whole
    else:
        return None
    return seconds if 0 <= seconds <= _LONGEST_RESET else None


def excerpt(response: Response, secrets: Iterable[str] = ()) -> str:
    """The beginning of the answer's body as text, with secrets removed."""
    # Redacted before it is cut to size: half a key would no longer be known for one.
    text = response.body[: 16 * LONGEST_EXCERPT].decode("utf-8", errors="replace")
    return redact(text, secrets)[:LONGEST_EXCERPT]


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text.strip())
    except ValueError:
        return None
    # "-0000" makes a naive date; HTTP's dates are all GMT.
    return found.astimezone() if found.tzinfo is None else found
