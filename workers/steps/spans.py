"""How the steps tell traces of what they did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from jobs.takes import Take
from workers.context import Context
from workers.engine.work import TakeRecord
from workers.http.calls import Outcome
from workers.http.errors import Broken, NotSent
from workers.traces.steps import Attribute, Span


@dataclass
class Spanned:
    """A span that ends with the block it was made for; `error` says that it came to nothing."""

    error: str | None = None


@contextmanager
def spanning(context: Context, step: str, take: Take, attempt: int) -> Iterator[Spanned]:
    """A span for as long as the block runs, also when it raises."""
    span, told = context.traces.begin(step, take, attempt), Spanned()
    try:
        yield told
    except BaseException as error:
        told.error = type(error).__name__
        raise
    finally:
        span.end(error=told.error)


def end_span(context: Context, span: Span, outcome: Outcome, **attributes: Attribute) -> None:
    """End the span of a request that was answered so."""
    if isinstance(outcome, NotSent | Broken):
        span.end(error=context.clean(str(outcome)), **attributes)
    else:
        refused = f"HTTP {outcome.status}" if outcome.status >= 400 else None
        span.end(error=refused, **{"http.response.status_code": outcome.status}, **attributes)


def ended(context: Context, record: TakeRecord, take: Take, kind: str, message: str) -> None:
    """An attempt has failed; one that nobody ever sent is nothing to tell of."""
    submitted = record.time("submitted_at")
    if submitted is not None:
        context.traces.attempted(take, record.attempt, submitted, kind, message)
