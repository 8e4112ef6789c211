"""Opening a batch: freeze its manifest, and bring what Redis believes in line with what the store holds.

The store is the record and Redis a cache of it, so the same few rules serve a new batch, one that is run again, and
one whose Redis was lost: a receipt means done; an accepted attempt is followed; an intent and nothing more is in doubt.
What is alive in Redis is never touched, and nothing of a batch that Redis didn't know is admitted before all of this.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from jobs.capabilities import capabilities
from jobs.expansion import Expansion
from jobs.inputs import LocalInput
from jobs.manifest import Manifest
from workers.context import Context
from workers.engine.room import TakeRecord, Work
from workers.engine.states import State, Step
from workers.inputs.handover import plan_inputs
from workers.inputs.keeping import store_inputs
from workers.inputs.resolving import store_facts
from workers.ledger import Acceptance, AttemptRecord, Ledger, ManifestChanged
from workers.providers import adapter
from workers.providers.errors import ProviderError
from workers.providers.protocol import Delivered, Response
from workers.receipts import done_takes
from workers.steps.answer import as_rendered

log = logging.getLogger(__name__)

FREE_AGAIN = frozenset({"transient", "rate", "auth", "quota"})
"""Failures that cost nothing: running the batch again tries these takes again."""

STILL_PAID = frozenset({"damaged"})
"""Failures of a take that was rendered and paid for: running the batch again asks for its video again."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What was found. `done` takes are in the store already; the others were brought back from the record."""

    new: bool
    total: int
    done: int
    followed: int
    doubted: int
    retried: int
    lost: int


def open_batch(context: Context, manifest: Manifest, inputs: Sequence[LocalInput] = ()) -> Opening:
    """Open `manifest`'s batch, or take it up where it was left. Sends nothing to a provider.

    `inputs` are the local files that the manifest names by their content; they are brought to the store.

    Raises `ManifestChanged` when the name stands for another manifest already, `NotHandedOver` when there is no way for
    a local file to get to the provider, `InputChanged`, and the errors of Redis and the store.
    """
    if inputs:
        table = capabilities(manifest.provider)
        facts = store_facts(context.store, public=context.settings.store_public)
        plan_inputs(manifest, inputs, table, facts, context.settings.inputs)
    expansion = Expansion(manifest)
    frozen = manifest.model_dump_json().encode()
    ledger = context.ledger(manifest.batch)
    believed = set(context.room.done(manifest.batch))
    ledger.freeze(frozen)
    # Before any worker can know of the batch: what it finds to submit, it finds the files for.
    store_inputs(context.store, inputs)
    answer = context.room.open(
        manifest.batch,
        digest=manifest.digest(),
        total=expansion.total,
        provider=manifest.provider,
        manifest=frozen,
    )
    if answer == "other":
        raise ManifestChanged(
            f"Redis knows the batch {manifest.batch!r} from another manifest than this one. "
            "Give the changed manifest another batch name, or restore the one it was"
        )
    return _reconcile(context, expansion, ledger, believed, new=answer == "new")


def _reconcile(context: Context, expansion: Expansion, ledger: Ledger, believed: set[int], *, new: bool) -> Opening:
    batch = expansion.manifest.batch
    held = {index for name in done_takes(context.store, batch) if (index := expansion.find(name)) is not None}
    lost = believed - held
    context.room.mark_done(batch, held - believed)

    followed = doubted = 0
    seen: set[int] = set()
    for name, attempts in groupby(ledger.attempts(), key=lambda attempt: attempt.take):
        index = expansion.find(name)
        if index is None or index in held:
            continue
        seen.add(index)
        state = _from_record(context, ledger, batch, index, list(attempts), receipt_lost=index in lost)
        followed += state is State.RENDERING
        doubted += state is State.DOUBT
    for index in lost - seen:
        context.room.adopt(batch, index, State.WAITING, {"attempt": 1}, receipt_lost=True)
    retried = _retry(context, context.room.held(batch, State.FAILED))
    context.room.begin(batch)
    return Opening(
        new=new,
        total=expansion.total,
        done=len(held),
        followed=followed,
        doubted=doubted,
        retried=retried,
        lost=len(lost),
    )


def _from_record(
    context: Context,
    ledger: Ledger,
    batch: str,
    index: int,
    attempts: list[AttemptRecord],
    *,
    receipt_lost: bool,
) -> State | None:
    """Take one take over from the record of its attempts; the state it came to, None if Redis knew better."""
    latest = attempts[-1]
    known = context.room.take(batch, index)
    if known is not None:
        return _settled(context, ledger, known, latest)
    fields: dict[str, object] = {"attempt": latest.attempt, "filed": 1}
    if latest.ended:
        ending = ledger.ending(latest.take, latest.attempt)
        state = State.WAITING if ending.kind in FREE_AGAIN else State.FAILED
        fields["error"] = {"kind": ending.kind, "message": ending.message, "status": None, "body": ending.body}
        if state is State.WAITING:
            fields["attempt"] = latest.attempt + 1
        elif latest.accepted:
            fields |= _job(ledger.acceptance(latest.take, latest.attempt))
    elif latest.accepted:
        state = State.RENDERING
        fields |= _job(ledger.acceptance(latest.take, latest.attempt))
    else:
        intent = ledger.intent(latest.take, latest.attempt)
        translator = adapter(intent.provider)
        fields["submitted_at"] = round(intent.at * 1000)
        if translator.settling == "again" and context.clock.now() - intent.at < translator.settling_seconds:
            # The same key brings the same job back, if there is one.
            state = State.WAITING
            fields["again_since"] = fields["submitted_at"]
        else:
            state = State.DOUBT
            fields["error"] = {
                "kind": "in-doubt",
                "message": "it was about to be submitted when its state was lost, so it may have been accepted",
                "status": None,
                "body": None,
            }
    return state if context.room.adopt(batch, index, state, fields, receipt_lost=receipt_lost) else None


def _settled(context: Context, ledger: Ledger, known: TakeRecord, latest: AttemptRecord) -> State | None:
    """Settle a take in doubt whose acceptance reached the store and not Redis."""
    if known.state is not State.DOUBT or latest.attempt != known.attempt or latest.ended or not latest.accepted:
        return None
    acceptance = ledger.acceptance(latest.take, latest.attempt)
    outcome = context.room.accept(
        known.batch, known.index, job_id=acceptance.job_id, first_poll=0.0, fields={**_job(acceptance), "filed": 1}
    )
    return State.RENDERING if outcome == "rendering" else None


def _job(acceptance: Acceptance) -> dict[str, object]:
    fields: dict[str, object] = {
        "job": {"id": acceptance.job_id, "urls": dict(acceptance.urls)},
        "job_id": acceptance.job_id,
        "accepted_at": round(acceptance.at * 1000),
    }
    answer = Response(acceptance.status, {}, json.dumps(acceptance.answer).encode())
    try:
        again = adapter(acceptance.provider).accepted(answer)
    except ProviderError:
        return fields  # found by listing, perhaps: the provider can be asked about it all the same
    if isinstance(again, Delivered):
        fields |= {"delivered": as_rendered(again.rendered), "rendered_at": fields["accepted_at"]}
    return fields


def _retry(context: Context, failed: Iterable[TakeRecord]) -> int:
    """Send takes that failed at no cost back to waiting, and those that are paid for back to their provider."""
    retried = 0
    for record in failed:
        error = record.value("error") or {}
        work = Work(Step.SUBMIT, record.batch, record.index, record.fence, record.attempt)
        if error.get("kind") in FREE_AGAIN:
            fields = {"attempt": record.attempt + 1, "failures": None, "job": None, "job_id": None, "polls": None}
            retried += context.room.move(work, State.FAILED, State.WAITING, fields=fields)
        elif error.get("kind") in STILL_PAID and record.job is not None:
            fields = {"damaged": None, "tries": None, "links": None, "error": None}
            retried += context.room.move(work, State.FAILED, State.RENDERING, fields=fields)
    return retried
