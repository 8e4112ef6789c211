"""Submit: the one step that costs money.

The order is the point of it. Redis says `submitting` under this hand; then the intent is durable in the store; then
Redis is asked whether that still holds, and the clock is looked at; then the POST goes out, once. So what Redis doesn't
know of, though the store does, Redis has forgotten, and what has no intent was never sent. What its answer means is
`workers.steps.answer`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets

from jobs.prices import highest_price
from jobs.takes import Take
from workers.chains.record import TakenUp
from workers.context import Context
from workers.engine.states import State
from workers.engine.work import TakeRecord, Work
from workers.errors import SettingsError, StoreError
from workers.http.calls import Outcome
from workers.inputs.resolving import resolve, without_secrets
from workers.ledger import Intent
from workers.logs.subject import Subject, about
from workers.providers import adapter
from workers.providers.errors import AuthRefused, InDoubt, ProviderError, QuotaExhausted, RateLimited, Transient
from workers.providers.protocol import Attempt, CallingBack, Request
from workers.settings import Settings
from workers.steps.answer import RECORDED_SECONDS, settle, take_back
from workers.steps.failures import STORE_SECONDS, as_json, end_attempt, hold_back, store_failed, upload_failed
from workers.steps.spans import end_span
from workers.steps.take_over import take_over
from workers.webhooks.paths import Called, fingerprint, path_of

log = logging.getLogger(__name__)

INTENT_SECONDS = 150.0
"""The lease of a hand that writes its intent: longer than the store is waited for."""

BEGIN_SECONDS = 10.0
"""Between the last look and sending. A process that was stopped meanwhile must not send late."""

LEASE_MARGIN = 30.0

LONGEST_WAIT = 60.0
"""A submission that may take longer than this is waited for by no thread."""


def submit(context: Context, work: Work) -> None:
    """Submit one admitted take, at most once. A stale hand does nothing."""
    server = context.room.server()
    record = context.room.take(work.batch, work.index)
    if record is None or record.state is not State.ADMITTED or record.fence != work.fence:
        return
    if not context.room.trusts(work.batch):
        return  # Redis was started anew; what it says is being held against the store
    take = context.take(work.batch, work.index)
    if record.fields.get("reuse") is not None:
        take_over(context, work, record, take)
        return
    translator = adapter(take.provider)
    again_since = record.time("again_since")
    if again_since is not None and context.room.time() - again_since >= translator.settling_seconds:
        # It waited, for a seat or a pause, past the time in which its key still stands for the same job.
        late = InDoubt(f"{take.provider} may have accepted it before, and by now would accept it once more")
        told = {"error": as_json(late, context)}
        context.room.move(work, State.ADMITTED, State.DOUBT, delay=RECORDED_SECONDS, fields=told)
        return
    try:
        attempt = attempt_of(context, take, record.attempt)
        resolved = resolve(context, take, record)
        request = translator.submission(resolved.asked, context.access(take.provider), attempt)
    except SettingsError as error:
        hold_back(context, take.provider, AuthRefused(str(error)))
        context.room.move(work, State.ADMITTED, State.WAITING)
        return
    except StoreError as error:
        store_failed(context, error)
        context.room.move(work, State.ADMITTED, State.WAITING)
        return
    except (AuthRefused, QuotaExhausted, RateLimited, Transient) as error:
        # An input could not be uploaded. Nothing was asked for, so the attempt is still to be made.
        upload_failed(context, work, take.provider, error)
        return
    except ProviderError as error:
        if again_since is not None:
            # That it can't be sent now doesn't say that it wasn't accepted before.
            told = {"error": as_json(error, context)}
            context.room.move(work, State.ADMITTED, State.DOUBT, delay=RECORDED_SECONDS, fields=told)
        elif not end_attempt(context, record, work, error):
            context.room.move(work, State.ADMITTED, State.WAITING, delay=STORE_SECONDS)
        return
    asked_for = request  # what is rendered; where news of it are sent to is no part of it
    webhook = _webhook(context, take, record)
    if webhook is not None and isinstance(translator, CallingBack):
        request = translator.to_be_called(request, webhook)
    # What was called about another attempt says nothing of this one.
    earlier = {"called": None, "hinted_at": None} if again_since is None else {}
    hand = secrets.token_hex(8)
    mine = context.room.move(
        work,
        State.ADMITTED,
        State.SUBMITTING,
        delay=INTENT_SECONDS,
        fields={**resolved.fields, "hand": hand, "webhook": webhook, **earlier},
        counters={"submissions": 1, "objects": 1},
        server=server,
    )
    if not mine:
        return
    try:
        # The provider remembers the key from when it first saw it, and so must the record.
        at = context.room.time() if again_since is None else again_since
        intent = _intent(context, take, record.attempt, asked_for, hand, at, resolved.parents, webhook)
        context.ledger(work.batch).intend(intent)
    except StoreError as error:
        store_failed(context, error)
        take_back(context, work, take, str(error), again_since=again_since, hand=hand)
        return
    lease = translator.submit_timeout + BEGIN_SECONDS + LEASE_MARGIN
    begun = context.clock.monotonic()
    if not context.room.may_send(work, lease=lease, hand=hand) or context.clock.monotonic() - begun > BEGIN_SECONDS:
        take_back(context, work, take, "", again_since=again_since, hand=hand)
        return

    span = context.traces.begin("submit", take, work.attempt)

    def answered(outcome: Outcome) -> None:
        told = without_secrets(resolved.fields.get("inputs"), outcome)
        with about(Subject(take.batch, take.name, work.attempt)):  # in another thread, perhaps
            settle(context, work, take, told, hand=hand)
        end_span(context, span, told)

    if translator.submit_timeout <= LONGEST_WAIT:
        answered(context.wire.send_many([request], timeout=translator.submit_timeout)[0])
    else:
        # Minutes, perhaps: this thread has other takes to see to.
        context.calls.start(request, timeout=translator.submit_timeout, then=answered)


def _webhook(context: Context, take: Take, record: TakeRecord) -> str | None:
    """Where the provider is to call about this attempt, or None. What is sent again under its key is sent as it was."""
    if record.time("again_since") is not None:
        return record.fields.get("webhook")
    return webhook_of(context.settings, take.provider, Called(record.batch, record.index, record.attempt))


def webhook_of(settings: Settings, provider: str, called: Called) -> str | None:
    """Where `provider` is to call about an attempt by the settings that there are; None when it is not to."""
    if settings.webhooks_url is None or settings.webhooks_secret is None:
        return None
    if not isinstance(adapter(provider), CallingBack):
        return None
    return settings.webhooks_url.rstrip("/") + path_of(settings.webhooks_secret, settings.namespace, called)


def attempt_of(context: Context, take: Take, number: int) -> Attempt:
    """The attempt's name for people and its key for providers: the same whenever this attempt is made."""
    return attempt_under(context.settings, take, number)


def attempt_under(settings: Settings, take: Take, number: int) -> Attempt:
    """As `attempt_of`, of the settings alone."""
    name = f"{take.batch}/{take.name}"
    named = f"{settings.namespace}\n{settings.store}\n{name}\n{take.asked.identity()}\n{number}"
    return Attempt(take=name, number=number, key=hashlib.sha256(named.encode()).hexdigest())


def _intent(
    context: Context,
    take: Take,
    number: int,
    request: Request,
    hand: str,
    at: float,
    parents: tuple[TakenUp, ...],
    webhook: str | None,
) -> Intent:
    price = highest_price(take, own=context.own_prices)
    return Intent(
        take=take.name,
        attempt=number,
        provider=take.provider,
        identity=take.asked.identity(),
        request_digest=_digest(request),
        highest_price=None if price is None else price.amount,
        currency=None if price is None else price.currency,
        hand=hand,
        at=at,
        parents=parents,
        webhook=None if webhook is None else fingerprint(webhook),
    )


def _digest(request: Request) -> str:
    return hashlib.sha256(json.dumps(request.json, sort_keys=True).encode()).hexdigest()
