"""Submit: the one step that costs money.

The order is the point of it. The intent is durable in the store, then Redis says `submitting` under this hand, then
the clock is looked at, then the POST goes out, once. What comes back is written to Redis first (it is near and
never refuses a job id) and then to the store, before anything else is done with it.
"""

from __future__ import annotations

import hashlib
import json
import logging

from jobs.takes import Take
from workers.context import Context
from workers.engine.room import TakeRecord, Work
from workers.engine.states import State
from workers.errors import RedisError, SettingsError, StoreError
from workers.http.errors import Broken, NotSent
from workers.ledger import Acceptance, Intent
from workers.providers import adapter
from workers.providers.errors import AuthRefused, InDoubt, ProviderError
from workers.providers.protocol import Adapter, Job, Request, Response
from workers.steps.failures import UNREACHABLE_SECONDS, as_json, end_attempt, hold_back, store_failed

log = logging.getLogger(__name__)

BEGIN_SECONDS = 10.0
"""Between taking the take in hand and sending. A process that was stopped meanwhile must not send late."""

LEASE_MARGIN = 30.0


def submit(context: Context, work: Work) -> None:
    """Submit one admitted take, at most once. A stale hand does nothing."""
    record = context.room.take(work.batch, work.index)
    if record is None or record.state is not State.ADMITTED or record.fence != work.fence:
        return
    take = context.take(work.batch, work.index)
    translator = adapter(take.provider)
    try:
        request = translator.submission(take.asked, context.access(take.provider))
    except SettingsError as error:
        hold_back(context, take.provider, AuthRefused(str(error)))
        context.room.move(work, State.ADMITTED, State.WAITING)
        return
    try:
        context.ledger(work.batch).intend(
            Intent(
                take=take.name,
                attempt=record.attempt,
                provider=take.provider,
                identity=take.asked.identity(),
                request_digest=_digest(request),
                highest_price=None,
                at=context.clock.now(),
            )
        )
    except StoreError as error:
        store_failed(context, error)
        context.room.move(work, State.ADMITTED, State.WAITING)
        return

    begun = context.clock.monotonic()
    mine = context.room.move(
        work,
        State.ADMITTED,
        State.SUBMITTING,
        delay=translator.submit_timeout + BEGIN_SECONDS + LEASE_MARGIN,
        fields={"submitted_at": _ms(context)},
        counters={"submissions": 1, "objects": 1},
    )
    if not mine:
        return
    if context.clock.monotonic() - begun > BEGIN_SECONDS:
        _take_back(context, work, "")
        return
    _send(context, work, take, translator, request)


def _send(context: Context, work: Work, take: Take, translator: Adapter, request: Request) -> None:
    try:
        response = context.wire.send(request, timeout=translator.submit_timeout)
    except NotSent as error:
        reason = f"{take.provider} can't be reached: {context.clean(str(error))}"
        log.warning(reason)
        context.room.slow_down(take.provider, seconds=UNREACHABLE_SECONDS, reason=reason)
        _take_back(context, work, reason)
        return
    except Broken as error:
        _doubt(context, work, take, InDoubt(f"the submission broke off: {error}"))
        return
    try:
        job = translator.accepted(response)
    except InDoubt as error:
        _doubt(context, work, take, error)
        return
    except ProviderError as error:
        _refused(context, work, take, error)
        return
    accepted(context, work, take, job, response)


def accepted(context: Context, work: Work, take: Take, job: Job, response: Response) -> None:
    """Record a job that the provider has named: it is paid for from here on, and is never let go of."""
    settings = context.settings.provider(take.provider)
    now = context.clock.now()
    acceptance = Acceptance(
        take=take.name,
        attempt=work.attempt,
        provider=take.provider,
        job_id=job.id,
        urls=job.urls,
        status=response.status,
        answer=response.parsed(),
        at=now,
    )
    fields = {
        "job": {"id": job.id, "urls": dict(job.urls)},
        "accepted_at": round(now * 1000),
        "acceptance": acceptance.model_dump(mode="json"),
        "polls": 0,
    }
    outcome = None
    while outcome is None:
        try:
            outcome = context.room.accept(
                work.batch, work.index, job_id=job.id, first_poll=settings.first_poll, fields=fields
            )
        except RedisError as error:
            # A paid job in hand: nothing is more important than to have it written down.
            log.error("%s: job %s is not recorded yet, trying on: %s", take.name, job.id, error)
            _file(context, acceptance, work.batch)
            context.clock.sleep(1.0)
    if outcome == "orphan":
        log.error("%s: job %s was accepted while the take was elsewhere already", take.name, job.id)
    if _file(context, acceptance, work.batch):
        context.room.note(work.batch, work.index, job.id, {"filed": 1, "acceptance": None})
        context.room.count(work.batch, objects=1)
    context.events.accepted(take)


def file_again(context: Context, record: TakeRecord) -> bool:
    """Write an acceptance to the store that could not be written when it came. True when it is there."""
    kept = record.value("acceptance")
    return kept is None or _file(context, Acceptance.model_validate(kept), record.batch)


def _file(context: Context, acceptance: Acceptance, batch: str) -> bool:
    try:
        context.ledger(batch).accept(acceptance)
    except StoreError as error:
        log.error("%s: job %s is not in the store yet: %s", acceptance.take, acceptance.job_id, error)
        return False
    return True


def _refused(context: Context, work: Work, take: Take, error: ProviderError) -> None:
    record = context.room.take(work.batch, work.index)
    if record is None or record.state is not State.SUBMITTING or record.fence != work.fence:
        return
    if not end_attempt(context, record, work, take.name, error):
        # Refused for certain, but not on record: held in Redis alone until the attempt is made again.
        hold_back(context, take.provider, error)
        _take_back(context, work, str(error))


def _take_back(context: Context, work: Work, reason: str) -> None:
    context.room.move(
        work,
        State.SUBMITTING,
        State.WAITING,
        delay=UNREACHABLE_SECONDS,
        fields={"waits_for": context.clean(reason) or None},
        counters={"submissions": -1},
    )


def _doubt(context: Context, work: Work, take: Take, error: InDoubt) -> None:
    log.error("%s is in doubt: %s", take.name, context.clean(str(error)))
    context.room.move(work, State.SUBMITTING, State.DOUBT, fields={"error": as_json(error, context)})


def _digest(request: Request) -> str:
    return hashlib.sha256(json.dumps(request.json, sort_keys=True).encode()).hexdigest()


def _ms(context: Context) -> int:
    return round(context.clock.now() * 1000)
