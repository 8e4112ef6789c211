"""Taking secrets out of whatever is printed, logged or kept: known ones by value, others by their look."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

GONE = "[redacted]"

_SHORTEST = 4
"""Characters. What is shorter would take out half the text, and is no secret."""

_QUERY_NAMES = "|".join(
    (
        r"X-(?:Amz|Goog|Tos|Oss|Cos)-(?:Signature|Credential|Security-Token)",
        r"(?:Security|Access|Refresh|Auth)[-_]?(?:Token|Key)",
        r"AWSAccessKeyId|GoogleAccessId|OSSAccessKeyId|Key-Pair-Id",
        r"Signature|Policy|sig|token|api[-_]?key|key|hdnts|hdnea",
    )
)

_LOOKS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Authorization: Key abc   'Authorization': 'Bearer abc'   (b'x-api-key', b'abc')
    (
        re.compile(
            r"""(?ix) \b ((?:proxy-)?authorization | x-api-key)
            (["']? \s* [:=,] \s* (?:b(?=["']))?["']?)
            (?:(?:key|bearer|basic|digest|token|aws4-hmac-sha256) \s+)?
            (?! (?:key|bearer|basic|digest|token) \b) [^\s"',;)}\]]+"""
        ),
        rf"\1\2{GONE}",
    ),
    (re.compile(r"\b(Key\s+)[\w.~+/=-]{2,}:[\w.~+/=-]{2,}"), rf"\1{GONE}"),
    (re.compile(r"\b(Bearer\s+|bearer\s+)[\w.~+/=-]{4,}"), rf"\1{GONE}"),
    (re.compile(r"\bafk_[\w-]+"), GONE),
    (re.compile(r"\bsk-[\w-]{8,}"), GONE),
    # A fal key: id and secret.
    (re.compile(r"(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9a-f]{16,}\b"), GONE),
    # In a URL, plain, in HTML (&amp;), in JSON (\u0026) or quoted once more (%26).
    (
        re.compile(rf"""(?i)((?:[?&;]|\\u0026|%26|%3F)(?:{_QUERY_NAMES})(?:=|%3D))[^&\s"'<>#\\]+"""),
        rf"\1{GONE}",
    ),
    (re.compile(r"""([A-Za-z][A-Za-z0-9+.-]*://)[^/\s"'<>?#]*@"""), rf"\1{GONE}@"),
)

_SECRET_NAMES = frozenset(
    ("authorization", "proxy-authorization", "x-api-key", "api_key", "apikey", "password", "secret", "token")
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without the `secrets`, and without anything that looks like a key, a signature or a password."""
    spellings: set[str] = set()
    for secret in secrets:
        # A key in two halves (fal's) is as secret in its second one.
        for part in (secret, secret.strip(), secret.partition(":")[2]):
            spellings.update((part, quote(part, safe=""), json.dumps(part)[1:-1]))
    for spelling in sorted(spellings, key=len, reverse=True):
        if len(spelling) >= _SHORTEST:
            text = text.replace(spelling, GONE)
    for look, instead in _LOOKS:
        text = look.sub(instead, text)
    return text


def redact_json(value: Any, secrets: Iterable[str] = ()) -> Any:
    """A copy of `value` (what JSON can hold) with every string in it redacted."""
    known = tuple(secrets)
    if isinstance(value, str):
        return redact(value, known)
    if isinstance(value, dict):
        return {
            name: GONE if isinstance(inner, str) and str(name).lower() in _SECRET_NAMES else redact_json(inner, known)
            for name, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redact_json(inner, known) for inner in value]
    return value


class Redacting(logging.Filter):
    """Redacts every record that passes: message, traceback and stack. Put it on handlers, not on loggers.

    A filter on a logger sees only what is logged to that very logger; one on a handler sees all.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: nothing is left out but secrets."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # The arguments don't fit the message. logging would print both, as they are.
            message = f"{record.msg} {record.args!r}"
        record.msg = redact(message, self._secrets)
        record.args = None
        if record.exc_info and not record.exc_text:
            # A formatter takes this as it is, and writes a traceback of its own only where there is none.
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text, self._secrets)
        if record.stack_info:
            record.stack_info = redact(record.stack_info, self._secrets)
        return True
