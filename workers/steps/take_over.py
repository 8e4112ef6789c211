"""Take over: finish a take with the files of another one that asked for the same. Nothing is paid."""

from __future__ import annotations

import logging

from jobs.takes import Take
from workers.context import Context
from workers.engine.states import State
from workers.engine.work import TakeRecord, Work
from workers.errors import ObjectMissing, StoreError, StoreRefused
from workers.reuse import Source, copy_results
from workers.steps.failures import STORE_SECONDS, store_failed

log = logging.getLogger(__name__)


def take_over(context: Context, work: Work, record: TakeRecord, take: Take) -> None:
    """Finish a take whose twin has been rendered meanwhile. Without the twin's files it is rendered itself."""
    twin = context.take(work.batch, int(record.fields["reuse"]))
    try:
        made = copy_results(context.store, Source(twin.batch, twin.name), take, context.clock.now())
    except (ObjectMissing, StoreRefused) as error:
        log.warning("%s can't be had from %s: %s", take.name, twin.name, error)
        context.room.move(work, State.ADMITTED, State.WAITING, fields={"reuse": None})
        return
    except StoreError as error:
        store_failed(context, error)
        context.room.move(work, State.ADMITTED, State.WAITING, delay=STORE_SECONDS)
        return
    context.room.move(work, State.ADMITTED, State.DONE, counters={"objects": made}, spend="none")
    context.wake()
