"""What became of a submission: accepted, refused, not sent, or in doubt.

A job that is named is written to Redis first (it is near and never refuses a job id) and then to the store, before
anything else is done with it.
"""

from __future__ import annotations

import json
import logging

from jobs.takes import Take
from workers.context import Context
from workers.engine.states import State
from workers.engine.work import TakeRecord, Work, as_ms
from workers.errors import RedisError, StoreError
from workers.http.calls import Outcome
from workers.http.errors import Broken, NotSent
from workers.ledger import Acceptance
from workers.polling.placing import Bounds, Seen
from workers.providers import adapter
from workers.providers.errors import AuthRefused, InDoubt, KeyTaken, ProviderError, QuotaExhausted, RateLimited
from workers.providers.protocol import Delivered, Job, Rendered, Response
from workers.providers.reading import quota_left
from workers.steps.carrying import let_go
from workers.steps.failures import UNREACHABLE_SECONDS, as_json, came_to_nothing, end_attempt, hold_back

log = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0

KEY_TAKEN_BELIEVED = 3
"""A key may be taken by the very request whose answer was lost; when it is so often in a row, by another one."""

LISTED_SECONDS = 5.0
"""A provider may take a moment to list what it has just accepted."""

FILING_SECONDS = 150.0
"""For how long a poll leaves it to the hand that was told of a job to write the acceptance to the store: longer than
the store is waited for. Did a poll write it besides, that hand would write it again when the batch may have ended."""

RECORDED_SECONDS = 1.0
"""An acceptance that didn't reach Redis may be in the store."""


def settle(context: Context, work: Work, take: Take, outcome: Outcome, *, hand: str | None = None) -> None:
    """Carry a take in `submitting` on by what became of its POST. `hand` is the token of who has sent it."""
    if isinstance(outcome, NotSent):
        reason = f"{take.provider} can't be reached: {context.clean(str(outcome))}"
        log.warning(reason)
        came_to_nothing(context, take.provider, reason, seconds=UNREACHABLE_SECONDS)
        take_back(context, work, take, reason, hand=hand, reached=False)
        return
    if isinstance(outcome, Broken):
        _doubt(context, work, take, InDoubt(f"the submission broke off: {outcome}"))
        return
    left = quota_left(outcome.headers)
    if left is not None:
        context.room.quota(take.provider, left.requests, seconds=left.seconds)
    try:
        answer = adapter(take.provider).accepted(outcome)
    except InDoubt as error:
        _doubt(context, work, take, error)
    except ProviderError as error:
        _refused(context, work, take, error)
    else:
        accepted(context, work.batch, work.index, work.attempt, take, answer, outcome)
    context.wake()


def accepted(
    context: Context, batch: str, index: int, attempt: int, take: Take, answer: Job | Delivered, response: Response
) -> None:
    """Record a job that the provider has named: it is paid for from here on, and is never let go of."""
    job = answer.job if isinstance(answer, Delivered) else answer
    now = context.clock.now()
    acceptance = Acceptance(
        take=take.name,
        attempt=attempt,
        provider=take.provider,
        job_id=job.id,
        urls=job.urls,
        status=response.status,
        answer=response.parsed(),
        at=now,
    )
    fields = {
        "job": {"id": job.id, "urls": dict(job.urls)},
        "accepted_at": as_ms(now),
        "acceptance": acceptance.model_dump(mode="json"),
        "filing": 1,
        "polls": 0,
        "again_since": None,
        # What was found out about an earlier job says nothing about this one.
        **dict.fromkeys(
            (
                "gone",
                "ended",
                "position",
                "waits_for",
                "tries",
                "damaged",
                "links",
                "polled_at",
                "queued_at",
                "running_at",
                "position_at",
                "called",
                "hinted_at",
            )
        ),
    }
    first_poll = _first_poll(context, batch, index, take)
    if isinstance(answer, Delivered):
        fields |= {"delivered": as_rendered(answer.rendered), "rendered_at": as_ms(now)}
        first_poll = 0.0
    outcome = None
    while outcome is None:
        try:
            outcome = context.room.accept(
                batch,
                index,
                attempt=attempt,
                job_id=job.id,
                first_poll=first_poll,
                fields=fields,
                provider=take.provider,
            )
        except RedisError as error:
            # A paid job in hand: nothing is more important than to have it written down.
            log.error("%s: job %s is not recorded yet, trying on: %s", take.name, job.id, error)
            _file(context, acceptance, batch)
            context.clock.sleep(1.0)
    if outcome == "orphan":
        log.error("%s: job %s was accepted while the take was elsewhere already", take.name, job.id)
        besides = _besides(context, batch, job.id)
        if besides is None:
            _file(context, acceptance, batch, orphan=True)
        else:
            _file_or_leave(context, acceptance, batch, besides, orphan=True)
        return
    if outcome == "over":
        return
    if outcome == "unknown":
        # Redis has lost the batch: the store alone can tell whoever takes it up again.
        while not _file(context, acceptance, batch):
            context.clock.sleep(1.0)
        return
    _file_or_leave(context, acceptance, batch, index)
    context.events.accepted(take)


def _first_poll(context: Context, batch: str, index: int, take: Take) -> float:
    """Seconds to the first poll: soon while nothing is learned, else when the first renders like it have ended."""
    settings = context.settings.provider(take.provider)
    try:
        record = context.room.take(batch, index)
        submitted = None if record is None else record.time("submitted_at")
        if submitted is None:
            return settings.first_poll
        now = context.room.time()
        bounds = Bounds(settings.first_poll, settings.slowest_poll)
        return context.renders.known(take).gap(Seen(submitted), now, bounds)
    except RedisError:
        # The job in hand is what counts: it is recorded as soon as Redis is back, and asked about soon after.
        return settings.first_poll


def job_fields(acceptance: Acceptance) -> dict[str, object]:
    """What is kept with a take whose acceptance was read back from the store."""
    fields: dict[str, object] = {
        "job": {"id": acceptance.job_id, "urls": dict(acceptance.urls)},
        "job_id": acceptance.job_id,
        "accepted_at": as_ms(acceptance.at),
    }
    answer = Response(acceptance.status, {}, json.dumps(acceptance.answer).encode())
    try:
        again = adapter(acceptance.provider).accepted(answer)
    except ProviderError:
        return fields  # found by listing, or told by a person: the provider can be asked about it all the same
    if isinstance(again, Delivered):
        fields |= {"delivered": as_rendered(again.rendered), "rendered_at": fields["accepted_at"]}
    return fields


def as_rendered(rendered: Rendered) -> dict[str, object]:
    """A finished render as it is kept with its take until it is collected."""
    return {
        "video_url": rendered.video_url,
        "last_frame_url": rendered.last_frame_url,
        "seed": rendered.seed,
        "answer": rendered.answer,
    }


def being_filed(context: Context, record: TakeRecord) -> bool:
    """Whether the hand that was told of this job may still be writing its acceptance to the store.

    One that died is waited for as long as it might have taken, counted from the first poll by Redis's clock.
    """
    filing = record.fields.get("filing")
    if filing is None or record.value("acceptance") is None:
        return False
    until = record.time("filing")
    now = context.room.time()
    if filing == "1" or until is None:
        context.room.note(
            record.batch, record.index, (record.job or {}).get("id"), {"filing": as_ms(now + FILING_SECONDS)}
        )
        return True
    return now < until


def file_again(context: Context, record: TakeRecord) -> bool:
    """Write an acceptance to the store that could not be written when it came. True when it is there."""
    kept = record.value("acceptance")
    orphan = record.orphan_of is not None
    return kept is None or _file_for_good(
        context, Acceptance.model_validate(kept), record.batch, record.index, orphan=orphan
    )


def take_back(
    context: Context,
    work: Work,
    take: Take,
    reason: str,
    *,
    again_since: float | None = None,
    hand: str | None = None,
    reached: bool = True,
) -> None:
    """Nothing was sent: the take waits again, and its attempt counts for nothing.

    `again_since` (seconds since the epoch) is when it was sent before under the same key, if it was. `hand` is the
    caller's token: where Redis has gone back, another one may have the same fence, and be about to send. `reached` says
    that the provider could be.
    """
    kept = {} if again_since is None else {"again_since": as_ms(again_since)}
    following: dict[str, object] = {}
    if again_since is None and len(take.providers) > 1:
        following = let_go(context, work, take, reason, hand=hand, reached=reached)
    context.room.move(
        work,
        State.SUBMITTING,
        State.WAITING,
        delay=UNREACHABLE_SECONDS,
        fields={"waits_for": context.clean(reason) or None, **kept, **following},
        counters={"submissions": -1},
        held_by=hand,
    )


def _besides(context: Context, batch: str, job_id: str) -> int | None:
    """The index under which a job is followed besides its take; None when that can't be known, or it is no longer."""
    try:
        told = context.room.orphans(batch).get(job_id, "")
    except RedisError as error:
        log.warning("job %s goes to the store before it is known how Redis has it: %s", job_id, error)
        return None
    return int(told) if told.isdigit() else None


def _file_or_leave(context: Context, acceptance: Acceptance, batch: str, index: int, *, orphan: bool = False) -> None:
    if not _file_for_good(context, acceptance, batch, index, orphan=orphan):
        context.room.note(batch, index, acceptance.job_id, {"filing": None})  # the first poll writes it


def _file_for_good(context: Context, acceptance: Acceptance, batch: str, index: int, *, orphan: bool = False) -> bool:
    if not _file(context, acceptance, batch, orphan=orphan):
        return False
    context.room.note(batch, index, acceptance.job_id, {"filed": 1, "acceptance": None, "filing": None})
    context.room.count(batch, objects=1)
    return True


def _file(context: Context, acceptance: Acceptance, batch: str, *, orphan: bool = False) -> bool:
    try:
        context.ledger(batch).accept(acceptance, orphan=orphan)
    except StoreError as error:
        log.error("%s: job %s is not in the store yet: %s", acceptance.take, acceptance.job_id, error)
        return False
    return True


def in_doubt(context: Context, work: Work, take: Take, told: dict[str, object]) -> None:
    """Whether it was accepted can't be known from here: it will be asked about where that is possible."""
    delay = LISTED_SECONDS if adapter(take.provider).settling == "listing" else RECORDED_SECONDS
    context.room.move(work, State.SUBMITTING, State.DOUBT, delay=delay, fields={"error": told})


def _refused(context: Context, work: Work, take: Take, error: ProviderError) -> None:
    record = context.room.take(work.batch, work.index)
    if record is None or record.state is not State.SUBMITTING or record.fence != work.fence:
        return
    if record.time("again_since") is not None:
        _refused_again(context, work, take, error, record.time("submitted_at"))
        return
    if not end_attempt(context, record, work, error):
        # Refused for certain, but not on record: held in Redis alone until the attempt is made again.
        hold_back(context, take.provider, error, sent_at=record.time("submitted_at"))
        take_back(context, work, take, str(error), hand=record.fields.get("hand"))


def _refused_again(context: Context, work: Work, take: Take, error: ProviderError, sent_at: float | None) -> None:
    """Refused now, which doesn't say whether the same key was accepted before: the attempt is not over."""
    hold_back(context, take.provider, error, sent_at=sent_at)
    told = as_json(error, context)
    if isinstance(error, RateLimited | AuthRefused | QuotaExhausted):
        delay = error.retry_after if error.retry_after is not None else AGAIN_SECONDS
        fields = {"waits_for": told["message"]}
        context.room.move(work, State.SUBMITTING, State.WAITING, delay=delay, fields=fields)
        return
    log.error("%s is in doubt: %s", take.name, told["message"])
    in_doubt(context, work, take, told)


def _doubt(context: Context, work: Work, take: Take, error: InDoubt) -> None:
    told = as_json(error, context)
    came_to_nothing(context, take.provider, told["message"])
    translator = adapter(take.provider)
    record = context.room.take(work.batch, work.index)
    sent = None if record is None else record.time("again_since") or record.time("submitted_at")
    taken = 0
    if record is not None and isinstance(error, KeyTaken):
        taken = int(record.fields.get("key_taken", 0)) + 1
    if taken >= KEY_TAKEN_BELIEVED:
        log.error("%s is in doubt: %s", take.name, told["message"])
        in_doubt(context, work, take, told)
        return
    if translator.settling == "again" and sent and context.room.time() - sent < translator.settling_seconds:
        log.warning("%s: %s; asking again under the same key", take.name, told["message"])
        fields = {"again_since": as_ms(sent), "waits_for": told["message"], "key_taken": taken or None}
        context.room.move(work, State.SUBMITTING, State.WAITING, delay=AGAIN_SECONDS, fields=fields)
        return
    log.error("%s is in doubt: %s", take.name, told["message"])
    in_doubt(context, work, take, told)
