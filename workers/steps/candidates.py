"""Jobs that calls have named for an attempt in doubt. A call may be forged, so none is adopted on its word.

It is adopted if the provider, asked about it, knows it, and if it is no other take's.
"""

from __future__ import annotations

import logging

from jobs.takes import Take
from workers.context import Context
from workers.engine.work import TakeRecord
from workers.errors import ObjectMissing, SettingsError
from workers.http.errors import Broken, NotSent
from workers.providers import adapter
from workers.providers.errors import ProviderError
from workers.providers.protocol import Gone, Job, Response
from workers.steps.answer import accepted

log = logging.getLogger(__name__)

ASK_SECONDS = 20.0


def settled_by_call(context: Context, record: TakeRecord, take: Take) -> bool:
    """Whether a call named the job of this attempt; if so, it is followed from now on. Raises `StoreError`."""
    for named in record.value("called") or []:
        job = _proven(context, record, take, str(named))
        if job is None:
            continue
        log.warning("%s was in doubt; a call of %s named its job %s", take.name, take.provider, job.id)
        accepted(context, record.batch, record.index, record.attempt, take, job, Response(0, {}, b"null"))
        return True
    return False


def _proven(context: Context, record: TakeRecord, take: Take, named: str) -> Job | None:
    translator = adapter(take.provider)
    try:
        access = context.access(take.provider)
        job = translator.named(named, take.asked, access)
        if _is_anothers(context, record, take, job):
            log.warning("%s: a call names job %s, which is another take's", take.name, job.id)
            return None
        request = translator.status(job, access)
        answer = context.wire.send_many([request], timeout=ASK_SECONDS)[0]
        if isinstance(answer, NotSent | Broken):
            return None
        verdict = translator.verdict(job, request, answer, access)
    except (ProviderError, SettingsError) as error:
        log.warning("%s: job %s, which a call names, is not proven: %s", take.name, named, context.clean(str(error)))
        return None
    return None if isinstance(verdict, Gone) else job


def _is_anothers(context: Context, record: TakeRecord, take: Take, job: Job) -> bool:
    """Whether a job is known to be some other take's: by what Redis holds, and by this batch's record.

    Raises `StoreError`.
    """
    if context.room.known_jobs(record.fields.get("lane") or take.provider, [job.id]):
        return True
    for batch in context.room.batches():
        if job.id in context.room.orphans(batch):
            return True
        for index in context.room.alive(batch):
            other = context.room.take(batch, index)
            if other is not None and other.job is not None and other.job["id"] == job.id:
                return True
    ledger = context.ledger(record.batch)
    for attempt in ledger.attempts():
        if attempt.accepted:
            try:
                if ledger.acceptance(attempt.take, attempt.attempt).job_id == job.id:
                    return True
            except ObjectMissing:
                continue
    return False
