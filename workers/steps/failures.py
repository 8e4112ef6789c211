"""What follows from a failure, by class: written once for all providers."""

from __future__ import annotations

import logging
from typing import Any

from workers.context import Context
from workers.engine.room import SHUT_OUT, TakeRecord, Work
from workers.engine.states import State
from workers.errors import StoreError
from workers.ledger import Ending
from workers.providers.errors import (
    AuthRefused,
    OutputRefused,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Transient,
)

log = logging.getLogger(__name__)

UNREACHABLE_SECONDS = 5.0
RATE_SECONDS = 10.0
STORE_SECONDS = 10.0


def as_json(error: ProviderError, context: Context) -> dict[str, Any]:
    """A failure as it is kept with its take, without secrets."""
    return {
        "kind": error.kind,
        "message": context.clean(str(error)),
        "status": error.status,
        "body": None if error.body is None else context.clean(error.body),
    }


def hold_back(context: Context, provider: str, error: ProviderError, *, following: bool = False) -> None:
    """Pause or slow the provider down, if the failure is about the provider and not about the take.

    `following` says that it was a job that was being asked about.
    """
    if isinstance(error, AuthRefused | QuotaExhausted):
        kind = SHUT_OUT if following and isinstance(error, AuthRefused) else error.kind
        context.room.pause(provider, kind=kind, reason=context.clean(str(error)))
        log.error("%s is paused: %s", provider, context.clean(str(error)))
    elif isinstance(error, RateLimited):
        seconds = error.retry_after if error.retry_after is not None else RATE_SECONDS
        context.room.slow_down(provider, seconds=seconds, reason=context.clean(str(error)))


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


def end_attempt(context: Context, record: TakeRecord, work: Work, name: str, error: ProviderError) -> bool:
    """An attempt came to a verdict without a video: record it, and settle what becomes of its take.

    False when the store could not record it: then nothing has changed, and the verdict must be asked for again.
    """
    take = context.take(work.batch, work.index)
    told = as_json(error, context)
    try:
        context.ledger(work.batch).end(
            Ending(
                take=name,
                attempt=record.attempt,
                kind=error.kind,
                message=told["message"],
                body=told["body"],
                at=context.clock.now(),
            )
        )
    except StoreError as trouble:
        store_failed(context, trouble)
        return False
    hold_back(context, take.provider, error)
    fields: dict[str, Any] = {"job": None, "job_id": None, "polls": None, "filed": None, "error": told}
    if isinstance(error, RateLimited | AuthRefused | QuotaExhausted):
        # It cost nothing, and waiting for a limit never counts against a take.
        context.room.move(
            work,
            record.state,
            State.WAITING,
            delay=error.retry_after or 0.0,
            fields={**fields, "attempt": record.attempt + 1},
            counters={"objects": 1},
        )
    elif isinstance(error, Transient) and record.failures + 1 < context.settings.attempts:
        context.room.move(
            work,
            record.state,
            State.WAITING,
            delay=UNREACHABLE_SECONDS,
            fields={**fields, "attempt": record.attempt + 1, "failures": record.failures + 1},
            counters={"objects": 1},
        )
    elif isinstance(error, OutputRefused) and int(record.fields.get("moderated", 0)) < take.retry_moderated:
        moderated = int(record.fields.get("moderated", 0)) + 1
        context.room.move(
            work,
            record.state,
            State.WAITING,
            fields={**fields, "attempt": record.attempt + 1, "moderated": moderated},
            counters={"objects": 1},
        )
    else:
        kept = {"error": told, "failures": record.failures + 1}
        if context.room.move(work, record.state, State.FAILED, fields=kept, counters={"objects": 1}):
            context.events.failed(take, told["message"])
    return True
