"""Settle: find out whether an attempt in doubt was accepted.

The store may know, when Redis didn't hear of it; then a provider that lists its jobs is asked. What nothing settles is
held for a person, or submitted again where the manifest says so.
"""

from __future__ import annotations

import logging

from jobs.takes import Take
from workers.context import Context
from workers.engine.states import State, Step
from workers.engine.work import TakeRecord, Work
from workers.errors import ObjectMissing, SettingsError, StoreError
from workers.http.errors import Broken, NotSent
from workers.ledger import RESUBMITTED, Ending
from workers.logs.subject import Subject, about
from workers.providers import adapter
from workers.providers.errors import InDoubt, ProviderError
from workers.providers.protocol import Job, Listing, Response
from workers.steps.answer import accepted, job_fields
from workers.steps.candidates import settled_by_call
from workers.steps.carrying import bound_to, end_unsent
from workers.steps.failures import STORE_SECONDS, WITHDRAWN, attempts_of, hold_back, store_failed
from workers.steps.submit import attempt_of

log = logging.getLogger(__name__)

PAGE_SECONDS = 20.0
MOST_PAGES = 3
"""Of a hundred jobs each. The lease of this step outlives as many."""

BETWEEN_PAGES = 1.0
"""Ark is said to let its list be asked for once a second."""

LOOKS = (5.0, 15.0, 60.0, 300.0, 900.0)
"""Seconds between one look and the next. Not to be listed proves nothing, so after the last a person decides."""


def settle(context: Context, work: Work) -> None:
    """Settle one doubt, if that can be done. A stale hand does nothing."""
    record = context.room.take(work.batch, work.index)
    if record is None or record.state is not State.DOUBT or record.fence != work.fence:
        return
    take = context.take(work.batch, work.index)
    with about(Subject(take.batch, take.name, record.attempt)):
        _settle(context, work, record, take)


def _settle(context: Context, work: Work, record: TakeRecord, take: Take) -> None:
    try:
        if settled_by_record(context, record, take):
            return
        if not _was_intended(context, record, take):
            _take_back(context, work, take)
            return
        if settled_by_call(context, record, take):
            return
    except StoreError as error:
        store_failed(context, error)
        _look_again(context, work, record, STORE_SECONDS, str(error))
        return
    submitted = record.time("submitted_at")
    translator = adapter(take.provider)
    if isinstance(translator, Listing) and submitted is not None:
        _ask(context, work, record, take, translator, submitted)
    else:
        _leave(context, work, record, take)


def settled_by_record(context: Context, record: TakeRecord, take: Take) -> bool:
    """Whether the store knew of the acceptance; if so, the job is followed from now on. Raises `StoreError`."""
    try:
        acceptance = context.ledger(record.batch).acceptance(take.name, record.attempt)
    except ObjectMissing:
        return False
    context.room.accept(
        record.batch,
        record.index,
        attempt=record.attempt,
        job_id=acceptance.job_id,
        first_poll=0.0,
        fields={**job_fields(acceptance), "filed": 1},
        provider=acceptance.provider,
    )
    return True


def _was_intended(context: Context, record: TakeRecord, take: Take) -> bool:
    """Whether there is an intent on record: without one nothing was sent. Raises `StoreError`."""
    try:
        context.ledger(record.batch).intent(take.name, record.attempt)
    except ObjectMissing:
        return record.time("again_since") is not None
    return True


def _take_back(context: Context, work: Work, take: Take) -> None:
    """Let a take wait again of which nothing was sent. Raises `StoreError`."""
    # Whoever had it in hand is told by the fence, should they still want to write the intent. Where the take may go to
    # another provider now, they would write it over that one's.
    following = {} if len(take.providers) < 2 else end_unsent(context, work, take, "the worker fell silent before it")
    context.room.move(
        work,
        State.DOUBT,
        State.WAITING,
        fields={"error": None, "submitted_at": None, **following},
        counters={"submissions": -1},
        spend="none",
    )


def resubmit(context: Context, record: TakeRecord, take: Take, why: str) -> bool:
    """Give an attempt in doubt up, as one that may have been paid for, and let its take be submitted anew.

    Raises `StoreError` when that can't be put on record; then nothing has changed.
    """
    context.ledger(record.batch).end(
        Ending(take=take.name, attempt=record.attempt, kind=RESUBMITTED, message=why, at=context.clock.now())
    )
    work = Work(Step.SETTLE, record.batch, record.index, record.fence, record.attempt)
    again = int(record.fields.get("resubmitted", 0)) + 1
    gone = [
        "error",
        "looks",
        "waits_for",
        "again_since",
        "submitted_at",
        "filed",
        "inputs",
        "hand",
        "webhook",
        "called",
        "hinted_at",
    ]
    if record.fields.get("cancelling") != WITHDRAWN:
        gone.append("cancelling")  # it is wanted again
    return context.room.move(
        work,
        State.DOUBT,
        State.WAITING,
        fields={**dict.fromkeys(gone), "attempt": record.attempt + 1, "resubmitted": again, **bound_to(take)},
        counters={"objects": 1, attempts_of(InDoubt.kind): 1},
        spend="all",
    )


def waive(context: Context, record: TakeRecord, take: Take, why: str) -> bool:
    """Give a take in doubt, or one that has failed, up for good. Raises as `resubmit` does."""
    context.ledger(record.batch).end(
        Ending(take=take.name, attempt=record.attempt, kind="waived", message=why, at=context.clock.now())
    )
    work = Work(Step.SETTLE, record.batch, record.index, record.fence, record.attempt)
    given_up = {attempts_of(InDoubt.kind): 1} if record.state is State.DOUBT else {}
    return context.room.move(work, record.state, State.WAIVED, counters={"objects": 1, **given_up}, spend="all")


def _leave(context: Context, work: Work, record: TakeRecord, take: Take) -> None:
    """Nothing settles it: a person decides, unless the manifest has decided before."""
    again = int(record.fields.get("resubmitted", 0))
    withdrawn = record.fields.get("cancelling") == WITHDRAWN
    if context.room.on_doubt(work.batch) == "resubmit" and (withdrawn or again + 1 < context.settings.attempts):
        why = "in doubt, and the manifest says on_doubt: resubmit"
        try:
            if withdrawn:
                waive(context, record, take, f"{why}; it asks for this take no more")
            else:
                resubmit(context, record, take, why)
        except StoreError as error:
            store_failed(context, error)
            _look_again(context, work, record, STORE_SECONDS, str(error))
        return
    context.room.move(work, State.DOUBT, State.DOUBT, fields={"waits_for": None})


def _look_again(context: Context, work: Work, record: TakeRecord, seconds: float, why: str) -> None:
    context.room.move(work, State.DOUBT, State.DOUBT, delay=seconds, fields={"waits_for": context.clean(why)})


def _ask(context: Context, work: Work, record: TakeRecord, take: Take, translator: Listing, submitted: float) -> None:
    """Look for the job among those that the provider lists. Only a single, certain match is adopted."""
    looks = int(record.fields.get("looks", 0)) + 1
    found: list[Job] = []
    trouble: str | None = None
    try:
        access = context.access(take.provider)
        attempt = attempt_of(context, take, record.attempt)
        request = translator.listing(attempt, take.asked, submitted, access)
        for _ in range(MOST_PAGES):
            response = context.wire.send(request, timeout=PAGE_SECONDS)
            jobs, following = translator.listed(attempt, take.asked, submitted, response, access, request)
            # What comes newest first moves on while it is read, and may be on two pages.
            found += [job for job in jobs if job not in found]
            if following is None:
                break
            request = following
            context.clock.sleep(BETWEEN_PAGES)
        known = context.room.known_jobs(take.provider, [job.id for job in found])
        found = [job for job in found if job.id not in known]
    except ProviderError as error:
        hold_back(context, take.provider, error)
        trouble = str(error)
    except (NotSent, Broken, SettingsError) as error:
        trouble = str(error)
    if trouble is None and len(found) == 1:
        log.warning("%s was accepted after all, as job %s", take.name, found[0].id)
        response = Response(200, {}, b"null")
        accepted(context, work.batch, work.index, record.attempt, take, found[0], response)
        return
    if len(found) > 1:
        trouble = f"{len(found)} jobs match: {', '.join(job.id for job in found)}"
    # A look that failed is made again; one that found nothing counts.
    if trouble is None and looks > len(LOOKS):
        _leave(context, work, record, take)
        return
    again = LOOKS[min(looks, len(LOOKS)) - 1]
    context.room.move(
        work,
        State.DOUBT,
        State.DOUBT,
        delay=again,
        fields={"looks": looks, "waits_for": None if trouble is None else context.clean(trouble)},
    )
