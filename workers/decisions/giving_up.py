"""Giving takes up: cancelled before they are paid for, or waived whatever they have cost."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from workers.context import Context
from workers.decisions.holding import decide, reheld, respan
from workers.decisions.outcome import Outcome, stand_of
from workers.decisions.targets import Aim, Target, aim_at
from workers.engine.states import State
from workers.errors import ObjectMissing
from workers.ledger import Ending
from workers.providers import adapter
from workers.providers.protocol import Cancelling

GiveUp = Literal[State.CANCELLED, State.WAIVED]

UNDER_WAY = frozenset({State.ADMITTED, State.SUBMITTING, State.RENDERING})
MAY_BE_WAIVED = frozenset({State.FAILED, State.DOUBT, State.BLOCKED})


def cancel(context: Context, target: Target, reason: str = "") -> Outcome:
    """End a batch, a shot or a take: what waits is not begun, and what the provider has is cancelled where it can.

    A job that is finished all the same is kept. Raises `UnknownTarget`, and the errors of Redis and the store; of the
    latter only when it holds already in Redis.
    """
    aim = aim_at(context, target)
    if aim.whole:
        decide(context, aim.batch, lambda: _hold(context, aim, reason))
        takes: dict[str, str] = {}
    else:
        if aim.index is None:
            decide(
                context,
                aim.batch,
                lambda: respan(context, aim, lambda spans: reheld(spans, aim.ranges, {None, "paused"}, "cancelled")),
            )
        takes = _give_up_each(
            context, aim, _wanting_end(context, aim), State.CANCELLED, reason or "a person cancelled it"
        )
    context.wake()
    return Outcome(aim.called, stand_of(context, aim), takes, tuple(_at_providers(context, aim)))


def waive(context: Context, target: Target, reason: str = "") -> Outcome:
    """Give a batch, a shot or a take up for good: what waits, has failed, or is in doubt. It then counts as settled.

    What may have been paid for counts as spent. Raises as `cancel` does.
    """
    aim = aim_at(context, target)

    def apply() -> None:
        respan(context, aim, lambda spans: reheld(spans, aim.ranges, {None, "paused", "cancelled"}, "waived"))
        if aim.whole and context.room.hold_on(aim.batch)[0] is not None:
            context.room.hold(aim.batch, None)  # nothing is left to be held

    if aim.index is None:
        decide(context, aim.batch, apply)
        census = context.room.census(aim.batch)
        wanted = [at for at, state in census.elsewhere.items() if at in aim and state in MAY_BE_WAIVED]
    else:
        wanted = [aim.index]
    takes = _give_up_each(context, aim, sorted(wanted), State.WAIVED, reason or "a person waived it")
    return Outcome(aim.called, stand_of(context, aim), takes, tuple(_not_waived(context, aim)))


def give_up(context: Context, aim: Aim, index: int, to: GiveUp, reason: str) -> str:
    """Give one take up, and put that on record. Returns the state it has come to; `asked` for one at the provider.

    Redis is told first: only it can tell whether something of the attempt may be on its way, and a record that says so
    wrongly would hide a job that is paid for.
    """
    name = aim.name(index)
    at = context.room.time()
    if not aim.expansion.is_live(index) and context.room.take(aim.batch, index) is None:
        return "not asked for any more"
    error = {"kind": to.value, "message": reason, "status": None, "body": None}
    came_to = context.room.withdraw(aim.batch, index, to, {"error": error})
    if came_to == "withdrawn":
        return "not asked for any more"
    record = context.room.take(aim.batch, index)
    if came_to != to or record is None or record.state is not to:
        return came_to
    ledger = context.ledger(aim.batch)
    try:
        before = ledger.ending(name, record.attempt)
    except ObjectMissing:
        ledger.end(_decision(context, aim, name, record.attempt, to, reason, at))
        return came_to
    if to is State.WAIVED and before.decided != to and before.kind != to:
        ledger.end(before.model_copy(update={"decided": to.value}))
    return came_to


def _decision(context: Context, aim: Aim, name: str, attempt: int, to: GiveUp, reason: str, at: float) -> Ending:
    kind, decided = to.value, None
    if to is State.WAIVED:
        try:
            context.ledger(aim.batch).intent(name, attempt)
        except ObjectMissing:
            # Nothing of it was ever sent, so it can't have cost anything.
            kind, decided = State.CANCELLED.value, to.value
    return Ending(take=name, attempt=attempt, kind=kind, message=reason, at=at, decided=decided)


def _give_up_each(context: Context, aim: Aim, indices: list[int], to: GiveUp, reason: str) -> dict[str, str]:
    takes = {}
    for index in indices:
        came_to = give_up(context, aim, index, to, reason)
        takes[aim.name(index)] = _told(context, aim, index, came_to, to)
    return takes


def _told(context: Context, aim: Aim, index: int, came_to: str, to: GiveUp) -> str:
    if came_to == to:
        return came_to
    if came_to == "asked":
        return "under way; the provider is asked to end it where it can"
    if to is State.CANCELLED and came_to == State.WAITING:
        return "waiting; it may have been accepted before, so it can't be cancelled (waive it, or let it be settled)"
    if to is State.CANCELLED and came_to == State.DOUBT:
        return "in doubt; it may have been paid for, so it can't be cancelled (rushes resolve decides)"
    return f"{came_to}, and stays so"


def _hold(context: Context, aim: Aim, reason: str) -> None:
    context.room.hold(aim.batch, "cancelled", reason)


def _wanting_end(context: Context, aim: Aim) -> list[int]:
    if aim.index is not None:
        return [aim.index]
    census = context.room.census(aim.batch)
    ended = UNDER_WAY | {State.BLOCKED}
    return sorted(index for index, state in census.elsewhere.items() if index in aim and state in ended)


def _at_providers(context: Context, aim: Aim) -> list[str]:
    """What each provider that still has takes of these can do about it."""
    census = context.room.census(aim.batch)
    found: Counter[str] = Counter()
    for index, state in census.elsewhere.items():
        if index in aim and state in (State.SUBMITTING, State.RENDERING):
            record = context.room.take(aim.batch, index)
            if record is not None:
                found[record.fields.get("lane") or aim.expansion[index].provider] += 1
    return [_of_provider(provider, count) for provider, count in sorted(found.items())]


def _of_provider(provider: str, count: int) -> str:
    them = "1 take" if count == 1 else f"{count:,} takes"
    translator = adapter(provider)
    if not isinstance(translator, Cancelling):
        return f"{provider} can't cancel what it has accepted: {them} will be paid for, and kept"
    if translator.cancels == "queued":
        return (
            f"{provider} is asked to cancel {them} at the next poll, and does so only while they are queued there; "
            "what is being rendered is paid for, and kept"
        )
    return f"{provider} is asked to cancel {them} at the next poll; what it finishes all the same is kept"


def _not_waived(context: Context, aim: Aim) -> list[str]:
    counts = context.room.census(aim.batch).counted(aim.ranges)
    under_way = sum(counts[state] for state in (*UNDER_WAY, State.COLLECTING))
    if under_way and aim.index is None:
        return [
            f"{under_way:,} under way can't be waived, and are kept when they are done; rushes cancel {aim.called} "
            "ends what can be ended"
        ]
    return []
