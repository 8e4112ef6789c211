"""The Celery tasks: each a thin call of a step, under a name that Flower shows and a person can search for."""

from __future__ import annotations

import atexit
import functools
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import current_task
from celery.signals import worker_process_shutdown, worker_ready, worker_shutdown, worker_shutting_down

from jobs.errors import RushesError
from workers import steps
from workers.broker.queues import queue_names
from workers.celery import app, settings
from workers.chains.answering import parents_from
from workers.context import VERSION, Context, make_context
from workers.engine.pump import Pump
from workers.engine.states import Step
from workers.engine.work import Work
from workers.errors import StoreError
from workers.gallery.tending import PageTender
from workers.logs.subject import Subject, about, subject_of
from workers.money import quotes
from workers.monitoring.flower_rows import FlowerRows
from workers.notices.notifier import Notifier
from workers.opening import reopen_batch
from workers.providers import PROVIDERS
from workers.settings import environment
from workers.steps.failures import store_failed
from workers.supervisor import end_when_orphaned
from workers.traces.choosing import traces_from

log = logging.getLogger(__name__)

POLLS_AT_ONCE = 50

Order = tuple[str, int, int, int]
"""What a message says of one take: batch, index, fence, attempt."""


@functools.cache
def _context_of(pid: int) -> Context:
    return make_context(settings, environment(os.environ, Path.cwd()))


def context() -> Context:
    """This process's parts; made anew in a forked child."""
    return _context_of(os.getpid())


@contextmanager
def _explained(orders: Sequence[Order]) -> Iterator[None]:
    """Name a defect with the takes that it stops: their leases would bring it back for ever, and say nothing."""
    try:
        with about(subject_of(str(current_task.request.id)) if current_task else None):
            yield
    except RushesError:
        raise
    except Exception as error:
        told = context().clean(f"a defect in Rushes ({type(error).__name__}: {error}); the worker's log says where")
        for batch, index, _, _ in orders:
            context().room.note(batch, index, None, {"waits_for": told})
        raise


@app.task(name="submit")  # type: ignore[untyped-decorator]
def submit(order: Order) -> None:
    """Submit one take."""
    with _explained([order]):
        steps.submit(context(), _work(Step.SUBMIT, order))


@app.task(name="poll")  # type: ignore[untyped-decorator]
def poll(orders: Sequence[Order]) -> None:
    """Ask how several takes' jobs are."""
    with _explained(orders):
        steps.poll(context(), [_work(Step.POLL, order) for order in orders])


@app.task(name="collect")  # type: ignore[untyped-decorator]
def collect(order: Order) -> None:
    """Bring one take home."""
    with _explained([order]):
        steps.collect(context(), _work(Step.COLLECT, order))


@app.task(name="settle")  # type: ignore[untyped-decorator]
def settle(order: Order) -> None:
    """Settle a doubt by asking the provider what it has accepted."""
    with _explained([order]):
        steps.settle(context(), _work(Step.SETTLE, order))


@app.task(name="recover")  # type: ignore[untyped-decorator]
def recover(batch: str) -> None:
    """Take a batch up from the store, after Redis was lost or started anew."""
    with about(Subject(batch)):
        _recover(batch)


def _recover(batch: str) -> None:
    try:
        opened = reopen_batch(context(), batch, unless_trusted=True)
    except StoreError as error:
        # It is handed out again as long as it is needed.
        store_failed(context(), error)
        return
    if opened is not None:
        for provider in PROVIDERS:
            context().room.set_limits(provider, context().limits(provider))
        log.warning("%s was taken up from the store: %s done, %s followed", batch, opened.done, opened.followed)
    context().wake()


def dispatch(works: Sequence[Work]) -> None:
    """Ring for each of these steps. A message that is lost on the way is sent again when its lease ends."""
    queue, collect_queue = queue_names(settings)
    polls = [work for work in works if work.step is Step.POLL]
    recoveries = [work for work in works if work.step is Step.RECOVER]
    named = [work for work in works if work.step is not Step.RECOVER]
    takes = context().takes([(work.batch, work.index) for work in named])
    called = {
        work: f"{work.batch}/{work.index if take is None else take.name}"
        for work, take in zip(named, takes, strict=True)
    }
    with app.producer_pool.acquire(block=True) as producer:
        for work in recoveries:
            app.send_task(
                "recover", args=(work.batch,), task_id=f"{work.batch}:recover", queue=queue, producer=producer
            )
        for work in works:
            if work.step not in (Step.POLL, Step.RECOVER):
                app.send_task(
                    work.step.value,
                    args=(_order(work),),
                    argsrepr=called[work],
                    task_id=f"{called[work]}:{work.step}:{_ordinal(work)}",
                    queue=collect_queue if work.step is Step.COLLECT else queue,
                    producer=producer,
                )
        for start in range(0, len(polls), POLLS_AT_ONCE):
            together = polls[start : start + POLLS_AT_ONCE]
            first, more = called[together[0]], len(together) - 1
            app.send_task(
                "poll",
                args=([_order(work) for work in together],),
                argsrepr=", ".join(called[work] for work in together),
                task_id=f"{first}{f'+{more}' if more else ''}:poll:{together[0].fence}",
                queue=queue,
                producer=producer,
            )


def _order(work: Work) -> Order:
    return work.batch, work.index, work.fence, work.attempt


def _work(step: Step, order: Order) -> Work:
    batch, index, fence, attempt = order
    return Work(step, batch, index, fence, attempt)


def _ordinal(work: Work) -> str:
    """A submission counts by its attempt, which a person looks for; the fence tells repeated messages apart."""
    return f"{work.attempt}.{work.fence}" if work.step is Step.SUBMIT else str(work.fence)


_beside: list[Pump | Notifier | PageTender] = []
"""The threads of this process beside its steps, the first to be stopped first."""


@worker_ready.connect  # type: ignore[untyped-decorator]
def _start_pump(sender: Any, **_: object) -> None:
    here = context()
    # By then no thread of the pool is at work, so nothing is cut off that may be paid for.
    atexit.register(here.wire.close)
    here.events = FlowerRows(app, sender.hostname)
    here.traces = traces_from(settings, os.environ, clock=here.clock, version=VERSION)
    for provider in PROVIDERS:
        here.room.set_limits(provider, here.limits(provider))
    end_when_orphaned(os.environ, here.clock)
    pump = Pump(
        here.room,
        dispatch,
        quote=functools.partial(quotes, here),
        parents=functools.partial(parents_from, here),
        known=here.known_batches,
        clock=here.clock,
    )
    here.wake = here.room.ring
    _beside.extend((pump, Notifier(here, here.room.scripts), PageTender(here.room, here.store, here.clock)))
    for thread in _beside:
        thread.start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop_pump(**_: object) -> None:
    while _beside:
        _beside.pop(0).stop()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _await_answers(**_: object) -> None:
    # A call that is cut off is in doubt, and perhaps paid for in vain.
    context().calls.wait()
    context().traces.close()
