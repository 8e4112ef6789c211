"""Where a take goes on whose manifest names several providers, when an attempt of it has come to nothing.

An attempt is one provider's, from its intent to its end, so whatever is said of it later is said by that one. What may
be at a provider, or is in doubt, stays there: only a verdict at no cost lets a take go to another one. A take keeps, in
Redis, who has `refused` it for good, who has `tried` and failed it, and whom it is `bound` to (`scripts/_routes.lua`
reads them); each is the names of providers with blanks between.
"""

from __future__ import annotations

import logging

from jobs.routing import capable
from jobs.takes import Take
from workers.context import Context
from workers.engine.states import State
from workers.engine.work import TakeRecord, Work
from workers.errors import StoreError
from workers.ledger import UNSENT, Ending
from workers.providers.errors import InputRefused, Invalid, OutputRefused, ProviderError, Transient

log = logging.getLogger(__name__)

WAYS = ("bound", "tried", "refused")
"""The fields of a take that say where it may go. It begins without them, also when a person has it tried again."""

REFUSALS = frozenset({Invalid.kind, InputRefused.kind})
"""Verdicts at no cost that the same provider would give again."""

TRIED = frozenset({Transient.kind, UNSENT})
"""Ends at no cost that another provider may not come to; the same one may not either, another time."""


def carried_on(context: Context, record: TakeRecord, take: Take, error: ProviderError) -> dict[str, object] | None:
    """What is kept of a take that this provider has refused for good, and another one may render; None where it has
    failed. What moderation refuses is carried on only where the manifest says so."""
    if len(take.providers) < 2 or error.kind not in REFUSALS:
        return None
    if isinstance(error, InputRefused) and not _carries_moderation(context, take):
        return None
    refused = _with(record, "refused", take.provider)
    if all(provider in refused for provider in capable(take)):
        return None
    return {"refused": " ".join(refused), "bound": None}


def anew(context: Context, record: TakeRecord, take: Take, error: ProviderError) -> dict[str, object]:
    """What is kept of a take that is to be submitted anew after `error`, of where it goes."""
    if len(take.providers) < 2:
        return {}
    if isinstance(error, OutputRefused) and not _carries_moderation(context, take):
        return bound_to(take)
    return _tried(record, take) if isinstance(error, Transient | OutputRefused) else {}


def bound_to(take: Take) -> dict[str, object]:
    """What is kept of a take that is submitted once more where it may have been paid for: it goes nowhere else."""
    return {} if len(take.providers) < 2 else {"bound": take.provider}


def let_go(
    context: Context, work: Work, take: Take, reason: str, *, hand: str | None, reached: bool
) -> dict[str, object]:
    """Nothing was sent by this `hand`: what is kept of its take, which may go to another provider with a new attempt.

    Where that can't be put on record, it is kept to this one: two providers' intents under one number would hide one.
    """
    record = context.room.take(work.batch, work.index)
    mine = record is not None and record.state is State.SUBMITTING and record.fence == work.fence
    if record is None or not mine or hand is None or record.fields.get("hand") != hand:
        return bound_to(take)
    try:
        following = end_unsent(context, work, take, reason)
    except StoreError as error:
        log.warning("%s keeps to %s: %s", take.name, take.provider, error)
        return bound_to(take)
    return {**following, "bound": None, "submitted_at": None, **({} if reached else _tried(record, take))}


def end_unsent(context: Context, work: Work, take: Take, reason: str) -> dict[str, object]:
    """Put on record that nothing was sent of an attempt; the number of the next one. Raises `StoreError`."""
    context.ledger(work.batch).end(
        Ending(
            take=take.name,
            attempt=work.attempt,
            kind=UNSENT,
            message=context.clean(reason) or "nothing was sent",
            maybe_billed=False,
            at=context.clock.now(),
        )
    )
    return {"attempt": work.attempt + 1}


def _tried(record: TakeRecord, take: Take) -> dict[str, object]:
    tried = _with(record, "tried", take.provider)
    # When all of them have failed it, it begins with the others again.
    begins_anew = all(provider in tried for provider in capable(take))
    return {"tried": take.provider if begins_anew else " ".join(tried), "bound": None}


def _with(record: TakeRecord, field: str, provider: str) -> list[str]:
    return list(dict.fromkeys([*record.fields.get(field, "").split(), provider]))


def _carries_moderation(context: Context, take: Take) -> bool:
    return context.expansion(take.batch).manifest.moderation == "carry"
