"""Settle: ask a provider that lists its jobs whether an attempt in doubt was accepted."""

from __future__ import annotations

import logging

from workers.context import Context
from workers.engine.room import Work
from workers.engine.states import State
from workers.errors import SettingsError
from workers.http.errors import Broken, NotSent
from workers.providers import adapter
from workers.providers.errors import ProviderError
from workers.providers.protocol import Job, Listing, Response
from workers.steps.answer import accepted
from workers.steps.failures import hold_back
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
    """Look for the job of one attempt in doubt. Only a single, certain match is adopted. A stale hand does nothing."""
    record = context.room.take(work.batch, work.index)
    if record is None or record.state is not State.DOUBT or record.fence != work.fence:
        return
    take = context.take(work.batch, work.index)
    translator = adapter(take.provider)
    submitted = record.time("submitted_at")
    if not isinstance(translator, Listing) or submitted is None:
        return
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
    again = LOOKS[min(looks, len(LOOKS)) - 1] if trouble is not None or looks <= len(LOOKS) else 0.0
    context.room.move(
        work,
        State.DOUBT,
        State.DOUBT,
        delay=again,
        fields={"looks": looks, "waits_for": None if trouble is None else context.clean(trouble)},
    )
