"""What follows from a failure, by class: written once for all providers."""

from __future__ import annotations

import logging
from typing import Any

from workers.context import Context
from workers.engine.limits import SHUT_OUT, Spend
from workers.engine.states import State
from workers.engine.work import TakeRecord, Work
from workers.errors import StoreError
from workers.ledger import CARRIED, Ending
from workers.providers.errors import (
    AuthRefused,
    Cancelled,
    Expired,
    OutputRefused,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Transient,
    Unknown,
)
from workers.steps.carrying import anew, carried_on
from workers.steps.spans import ended

log = logging.getLogger(__name__)

UNREACHABLE_SECONDS = 5.0
RATE_SECONDS = 10.0
STORE_SECONDS = 10.0

CANCELLED_WHILE_RUNNING = "asked while running"
"""How a take's `cancelling` field says that its job was being rendered when the provider was asked to end it."""

WITHDRAWN = "withdrawn"
"""How it says that the manifest asks for the take no more: it is followed, and not begun again."""

MAYBE_BILLED = (OutputRefused, Expired, Unknown)
"""Verdicts about jobs that were rendered, or may have been: that they were billed can't be ruled out."""


def attempts_of(kind: str) -> str:
    """The counter of a batch's attempts that have ended so: `done`, or the class of their failure."""
    return f"attempts:{kind}"


def as_json(error: ProviderError, context: Context) -> dict[str, Any]:
    """A failure as it is kept with its take, without secrets."""
    return {
        "kind": error.kind,
        "message": context.clean(str(error)),
        "status": error.status,
        "body": None if error.body is None else context.clean(error.body),
    }


def hold_back(
    context: Context, provider: str, error: ProviderError, *, following: bool = False, sent_at: float | None = None
) -> None:
    """Pause or slow the provider down, if the failure is about the provider and not about the take.

    `following` says that it was a job that was being asked about; `sent_at` that it was a submission, and when it was
    sent (seconds since the epoch, by Redis).
    """
    if isinstance(error, AuthRefused | QuotaExhausted):
        kind = SHUT_OUT if following and isinstance(error, AuthRefused) else error.kind
        context.room.pause(provider, kind=kind, reason=context.clean(str(error)))
        log.error("%s is paused: %s", provider, context.clean(str(error)))
    elif isinstance(error, RateLimited):
        seconds, told = (RATE_SECONDS, False) if error.retry_after is None else (error.retry_after, True)
        reason = context.clean(str(error))
        if sent_at is None:
            context.room.slow_down(provider, seconds=seconds, reason=reason)
        else:
            context.room.refused(provider, sent_at=sent_at, seconds=seconds, told=told, reason=reason)
    elif isinstance(error, Transient) and sent_at is not None:
        came_to_nothing(context, provider, context.clean(str(error)))


def came_to_nothing(context: Context, provider: str, reason: str, *, seconds: float = 0.0) -> None:
    """A submission came to nothing by the provider's own fault; too many in a row stop it for a while."""
    stopped = context.room.came_to_nothing(provider, reason=reason, seconds=seconds)
    if stopped:
        log.error("%s is sent nothing for %.0f s: too many submissions in a row came to nothing", provider, stopped)


def store_failed(context: Context, error: StoreError) -> None:
    """Stop admitting while the store fails: what would be paid for has nowhere to go."""
    log.warning("the store fails: %s", error)
    context.room.store_fails(context.clean(str(error)), seconds=STORE_SECONDS)


def upload_failed(context: Context, work: Work, provider: str, error: ProviderError) -> None:
    """An input could not be uploaded to the provider: its take waits, and so does the provider when it is its fault."""
    if isinstance(error, Transient):
        reason = context.clean(str(error))
        log.warning(reason)
        context.room.slow_down(provider, seconds=UNREACHABLE_SECONDS, reason=reason)
    hold_back(context, provider, error)
    fields = {"waits_for": context.clean(str(error))}
    context.room.move(work, State.ADMITTED, State.WAITING, delay=error.retry_after or 0.0, fields=fields)


def end_attempt(context: Context, record: TakeRecord, work: Work, error: ProviderError) -> bool:
    """An attempt came to a verdict without a video: record it, and settle what becomes of its take.

    False when the store could not record it: then nothing has changed, and the verdict must be asked for again.
    """
    take = context.take(work.batch, work.index)
    told = as_json(error, context)
    of = take if record.orphan_of is None else context.take(work.batch, record.orphan_of)
    # What was cancelled while it was being rendered may have been billed.
    running = isinstance(error, Cancelled) and record.fields.get("cancelling") == CANCELLED_WHILE_RUNNING
    spend: Spend = "all" if running or isinstance(error, MAYBE_BILLED) else "none"
    asked_to_end = record.fields.get("cancelling", WITHDRAWN) != WITHDRAWN
    unwanted = asked_to_end and not isinstance(error, MAYBE_BILLED)
    elsewhere = None if unwanted or record.orphan_of is not None else carried_on(context, record, take, error)
    try:
        context.ledger(work.batch).end(
            Ending(
                take=of.name,
                attempt=record.attempt,
                kind=Cancelled.kind if unwanted else error.kind,
                message=told["message"],
                body=told["body"],
                maybe_billed=spend == "all",
                at=context.clock.now(),
                decided=None if elsewhere is None else CARRIED,
            ),
            orphan=None if record.orphan_of is None or record.job is None else record.job["id"],
        )
    except StoreError as trouble:
        store_failed(context, trouble)
        return False
    ended(context, record, of, Cancelled.kind if unwanted else error.kind, told["message"])
    submitted = record.time("submitted_at") if record.state is State.SUBMITTING else None
    hold_back(context, take.provider, error, sent_at=submitted)
    counters = {"objects": 1, attempts_of(Cancelled.kind if unwanted else error.kind): 1}
    fields: dict[str, Any] = {
        **dict.fromkeys(("job", "job_id", "polls", "filed", "submitted_at", "ended", "gone")),
        "error": told,
    }
    again = {**fields, **anew(context, record, take, error), "attempt": record.attempt + 1}
    if elsewhere is not None:
        log.warning("%s goes on at another provider than %s", take.name, take.provider)
        context.room.move(
            work,
            record.state,
            State.WAITING,
            fields={**fields, **elsewhere, "attempt": record.attempt + 1},
            counters=counters,
            spend=spend,
        )
    elif record.orphan_of is not None:
        context.room.move(work, record.state, State.FAILED, spend=spend, counters=counters)
    elif isinstance(error, Cancelled):
        if context.room.move(work, record.state, State.CANCELLED, fields=fields, spend=spend, counters=counters):
            context.events.failed(take, told["message"])
    elif isinstance(error, RateLimited | AuthRefused | QuotaExhausted):
        # It cost nothing, and waiting for a limit never counts against a take.
        context.room.move(
            work,
            record.state,
            State.WAITING,
            # Where there are several providers, it is this one that is held back, and not the take.
            delay=0.0 if len(take.providers) > 1 else error.retry_after or 0.0,
            fields=again,
            counters=counters,
        )
    elif isinstance(error, Transient) and record.failures + 1 < context.settings.attempts * max(1, len(take.providers)):
        context.room.move(
            work,
            record.state,
            State.WAITING,
            delay=UNREACHABLE_SECONDS,
            fields={**again, "failures": record.failures + 1},
            counters=counters,
        )
    elif isinstance(error, OutputRefused) and int(record.fields.get("moderated", 0)) < take.retry_moderated:
        moderated = int(record.fields.get("moderated", 0)) + 1
        context.room.move(
            work,
            record.state,
            State.WAITING,
            fields={**again, "moderated": moderated},
            counters=counters,
            spend=spend,
        )
    else:
        kept = {"error": told, "failures": record.failures + 1}
        if context.room.move(work, record.state, State.FAILED, fields=kept, counters=counters, spend=spend):
            context.events.failed(take, told["message"])
    return True
