"""What every adapter reads out of an answer in the same way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from workers.providers.protocol import Response
from workers.redaction import redact

LONGEST_EXCERPT = 4000
"""Characters of an answer that an error keeps."""


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
