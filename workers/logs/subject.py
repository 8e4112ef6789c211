"""Which take a thread is at work on, so that whatever it logs meanwhile says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subject:
    """What a line is about. `take` is its name in the batch (`opening/0007-wheat`); what isn't known is None."""

    batch: str
    take: str | None = None
    attempt: int | None = None

    @property
    def shot(self) -> str | None:
        """The shot, which a take's name begins with."""
        return None if self.take is None else self.take.partition("/")[0]

    def fields(self) -> dict[str, str | int]:
        """What is known, as `batch`, `shot`, `take` and `attempt`."""
        known = {"batch": self.batch, "shot": self.shot, "take": self.take, "attempt": self.attempt}
        return {name: value for name, value in known.items() if value is not None}

    def __str__(self) -> str:
        called = self.batch if self.take is None else f"{self.batch}/{self.take}"
        return called if self.attempt is None else f"{called} attempt {self.attempt}"


_current: ContextVar[Subject | None] = ContextVar("rushes_subject", default=None)

# night/opening/0007-wheat:submit:2.12   night/opening/0007-wheat+3:poll:12   night:recover
_TASK_ID = re.compile(
    r"(?P<batch>[^/:]+)(?:/(?P<take>[^:+]+)(?P<more>\+\d+)?)?:(?P<step>[a-z]+)(?::(?P<ordinal>\d+)(?:\.\d+)?)?"
)


@contextmanager
def about(subject: Subject | None) -> Iterator[None]:
    """Whatever this thread logs in the block is about `subject`, or about nothing."""
    token = _current.set(subject)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Subject | None:
    """What this thread is at work on."""
    return _current.get()


def subject_of(task_id: str) -> Subject | None:
    """What a message of ours is about, as its id says; None when it isn't one of ours.

    A message that asks about several takes is about their batch alone; only submissions name the attempt.
    """
    read = _TASK_ID.fullmatch(task_id)
    if read is None:
        return None
    take = None if read["more"] else read["take"]
    attempt = int(read["ordinal"]) if take and read["step"] == "submit" and read["ordinal"] else None
    return Subject(read["batch"], take, attempt)
