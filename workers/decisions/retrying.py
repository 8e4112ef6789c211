"""Trying again what has failed, or was given up."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from workers.accounts.attempts import FREE
from workers.context import Context
from workers.decisions.holding import keep, reheld, respan, still_held
from workers.decisions.outcome import Bill, Outcome, most_for, stand_of
from workers.decisions.targets import Aim, Target, aim_at
from workers.engine.states import GIVEN_UP, State, Step
from workers.engine.work import TakeRecord, Work
from workers.errors import ObjectMissing
from workers.ledger import Ending
from workers.reconciling import STILL_PAID
from workers.steps.carrying import WAYS

LEFT_BEHIND = (
    *WAYS,
    "acceptance",
    "accepted_at",
    "again_since",
    "cancelling",
    "damaged",
    "delivered",
    "ended",
    "error",
    "failures",
    "filed",
    "gone",
    "hand",
    "inputs",
    "job",
    "job_id",
    "links",
    "looks",
    "moderated",
    "polls",
    "position",
    "rendered",
    "rendered_at",
    "resubmitted",
    "submitted_at",
    "tries",
    "waits_for",
)
"""What is known of an attempt and says nothing of the next one."""


def retry(
    context: Context, target: Target, kinds: Collection[str] | None = None, *, only_failed: bool = False
) -> Outcome:
    """Let what has failed, was cancelled or waived be submitted anew; of `kinds`, only failures of these kinds.

    `only_failed` leaves what a person gave up as it is. A video that is paid for and came damaged is asked for again,
    and not paid again. What is in doubt is not touched: `resolve` is for that. Raises `UnknownTarget`, and the errors
    of Redis and the store.
    """
    aim = aim_at(context, target)
    takes: dict[str, str] = {}
    with context.room.opening(aim.batch):
        if kinds is None and not only_failed:
            _lift(context, aim)
            keep(context, aim.batch)
        for record in _chosen(context, aim, kinds, only_failed=only_failed):
            takes[aim.name(record.index)] = _again(context, aim, record)
    if aim.index is not None and not takes:
        state = context.room.census(aim.batch).state(aim.index)
        takes = {aim.name(aim.index): "waiting" if state is State.WAITING else f"{state}, and stays so"}
    context.wake()
    notes = still_held(context, aim)
    doubted = context.room.census(aim.batch).counted(aim.ranges)[State.DOUBT]
    if doubted:
        notes.append(f"{doubted:,} in doubt are not tried again; rushes resolve {aim.called} decides about them")
    return Outcome(aim.called, stand_of(context, aim), takes, tuple(notes))


def retrial(
    context: Context, target: Target, kinds: Collection[str] | None = None, *, only_failed: bool = False
) -> Bill:
    """What `retry` would pay once more, at most: for those takes of which an attempt may have been billed."""
    aim = aim_at(context, target)
    chosen = _chosen(context, aim, kinds, only_failed=only_failed)
    billed = [record for record in chosen if not _still_paid(record) and _maybe_billed(record)]
    return Bill.of(most_for(context, aim.expansion[record.index]) for record in billed)


def _lift(context: Context, aim: Aim) -> None:
    respan(context, aim, lambda spans: reheld(spans, aim.ranges, {"cancelled", "waived"}, None))
    if aim.whole and context.room.hold_on(aim.batch)[0] == "cancelled":
        context.room.hold(aim.batch, None)
    for index in context.room.alive(aim.batch):
        record = context.room.take(aim.batch, index)
        if record is None or not (index in aim or (record.orphan_of is not None and record.orphan_of in aim)):
            continue
        if record.fields.get("cancelling") == "wanted":
            context.room.note(aim.batch, index, None, {"cancelling": None})


def _chosen(context: Context, aim: Aim, kinds: Collection[str] | None, *, only_failed: bool) -> Iterator[TakeRecord]:
    for record in context.room.held(aim.batch, State.FAILED):
        if _wanted(aim, record) and (kinds is None or _kind(record) in kinds):
            yield record
    if kinds is None and not only_failed:
        given_up = context.room.held(aim.batch, State.CANCELLED) + context.room.held(aim.batch, State.WAIVED)
        yield from (record for record in given_up if _wanted(aim, record))


def _wanted(aim: Aim, record: TakeRecord) -> bool:
    return record.index in aim and aim.expansion.is_live(record.index)


def _kind(record: TakeRecord) -> str:
    return str((record.value("error") or {}).get("kind", "unknown"))


def _still_paid(record: TakeRecord) -> bool:
    return record.state is State.FAILED and _kind(record) in STILL_PAID and record.job is not None


def _maybe_billed(record: TakeRecord) -> bool:
    if record.state is State.WAIVED:
        return record.time("submitted_at") is not None
    return _kind(record) not in FREE


def _again(context: Context, aim: Aim, record: TakeRecord) -> str:
    work = Work(Step.SUBMIT, record.batch, record.index, record.fence, record.attempt)
    if _still_paid(record):
        again = dict.fromkeys(("damaged", "tries", "links", "error"))
        if context.room.move(work, State.FAILED, State.RENDERING, fields=again):
            return "rendering; its video, which is paid for, is asked for again"
    else:
        _on_record(context, aim, record)
        fields: dict[str, object] = {**dict.fromkeys(LEFT_BEHIND), "attempt": record.attempt + 1}
        to = State.WAITING
        if "chained" in record.fields:
            fields |= {"blocked_on": None, "chained": None}  # its parents are asked for anew
        elif record.state in GIVEN_UP and "blocked_on" in record.fields and "submitted_at" not in record.fields:
            # What it was waiting for may bring its video after all.
            to, fields["blocked_on"] = State.BLOCKED, record.fields["blocked_on"]
        if context.room.move(work, record.state, to, fields=fields, counters={"objects": 1}):
            return f"{to}, for attempt {record.attempt + 1}"
    return f"{context.room.census(aim.batch).state(record.index)} by now"


def _on_record(context: Context, aim: Aim, record: TakeRecord) -> None:
    """Write that the attempt is followed by another, before Redis is told: a Redis built from the record agrees."""
    ledger, name = context.ledger(aim.batch), aim.name(record.index)
    try:
        ending = ledger.ending(name, record.attempt)
    except ObjectMissing:
        error = record.value("error") or {}
        kind = record.state.value if record.state is not State.FAILED else _kind(record)
        told = error.get("message", "a person had it tried again")
        ending = Ending(take=name, attempt=record.attempt, kind=kind, message=told, at=context.room.time())
    ledger.end(ending.model_copy(update={"decided": "retried"}))
