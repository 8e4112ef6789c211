"""What the steps tell of their time. It is a window and not the record: nothing depends on it."""

from __future__ import annotations

from typing import Protocol

from jobs.takes import Take

Attribute = str | int | float | bool


class Span(Protocol):
    """A step that is under way. It never raises."""

    def end(self, *, error: str | None = None, **attributes: Attribute) -> None:
        """It has ended now; `error` (without secrets) says that it came to nothing."""
        ...


class Traces(Protocol):
    """Told of the steps of a take, each with its attempt's number. It never raises, and waits for nothing."""

    def begin(self, step: str, take: Take, attempt: int) -> Span:
        """A step (`submit`, `poll`, `collect`) begins now."""
        ...

    def attempted(self, take: Take, attempt: int, since: float, outcome: str, error: str | None = None) -> None:
        """An attempt that was submitted at `since` (seconds since the epoch) has come to its end: `done`, or the class
        of its failure, with an `error` that holds no secret."""
        ...

    def close(self) -> None:
        """Send what is left, for some seconds at the most."""
        ...


class _Unheard:
    """A span that nobody is told of."""

    def end(self, *, error: str | None = None, **attributes: Attribute) -> None:
        """Nothing."""


def unheard() -> Span:
    """A span that nobody is told of."""
    return _Unheard()


class Untraced:
    """Tells nobody."""

    def begin(self, step: str, take: Take, attempt: int) -> Span:
        """Nothing."""
        return unheard()

    def attempted(self, take: Take, attempt: int, since: float, outcome: str, error: str | None = None) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
