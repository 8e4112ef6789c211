"""How a line of the log is written: as text or as JSON, with the take that it is about, and never with a secret.

A line of JSON has `time` (RFC 3339, UTC), `level`, `logger`, `pid` and `message`; where they are known `batch`, `shot`,
`take` and `attempt`; and `exception` with a traceback.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Iterable
from typing import Literal

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from workers.logs.subject import Subject, current, subject_of
from workers.redaction import Redacting

LogFormat = Literal["text", "json"]


class Naming(logging.Filter):
    """Puts what a record is about on it. Put it on handlers, as `Redacting`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        record.subject = current() or _told_by_celery(record)
        return True


class Text(logging.Formatter):
    """`2026-11-28 22:14:07,031 WARNING message [night/opening/0007-wheat attempt 1]`, the time being this machine's."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line, without a traceback."""
        line, subject = super().formatMessage(record), getattr(record, "subject", None)
        return line if subject is None else f"{line} [{subject}]"


class Json(JsonFormatter):
    """One object a line, a traceback within it."""

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "process", "message"],
            timestamp="time",
            rename_fields={"levelname": "level", "name": "logger", "process": "pid", "exc_info": "exception"},
            # What Celery adds has the arguments of messages in it.
            reserved_attrs=[*RESERVED_ATTRS, "data", "subject"],
            json_ensure_ascii=False,
        )
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told = copy.copy(record)
        subject: Subject | None = getattr(record, "subject", None)
        for name, value in ({} if subject is None else subject.fields()).items():
            setattr(told, name, value)
        if told.exc_text:
            told.exc_info = None  # it would be written anew, with its secrets
        return super().format(told)


def dress(handlers: Iterable[logging.Handler], form: LogFormat, secrets: Iterable[str]) -> None:
    """Let these handlers write so."""
    known = tuple(secrets)
    for handler in handlers:
        handler.setFormatter(Json() if form == "json" else Text())
        handler.addFilter(Naming())
        handler.addFilter(Redacting(known))


def begin(form: LogFormat, secrets: Iterable[str], *, level: str) -> None:
    """Let this process log to standard error, from `level` (`info`) on. For processes that Celery doesn't set up."""
    handler = logging.StreamHandler()
    dress([handler], form, secrets)
    logging.basicConfig(level=level.upper(), handlers=[handler])


def _told_by_celery(record: logging.LogRecord) -> Subject | None:
    """That a message was received and dealt with is logged before and after our own hand is at it."""
    data = getattr(record, "data", None)
    return subject_of(str(data["id"])) if isinstance(data, dict) and "id" in data else None
