"""Pausing, going on, and what comes first: what is decided about takes that wait."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from jobs.sweeps.picks import Picks
from jobs.takes.spans import Span, from_json, merged, recut, to_json
from workers.chains.picks import picks_from_json, picks_to_json
from workers.context import Context
from workers.decisions.outcome import Outcome, stand_of
from workers.decisions.targets import Aim, Target, aim_at
from workers.deferring import DEFERRED
from workers.engine.states import ALIVE, State
from workers.holds import Holds, bare, held_of, overlaid, read_holds, write_holds
from workers.opening import LOOKED_AT

Spans = tuple[Span, ...]


def pause(context: Context, target: Target, reason: str = "") -> Outcome:
    """Submit nothing more of a batch, a shot or a take until it is resumed. What is under way goes on.

    Raises `UnknownTarget`, and the errors of Redis and the store; of the latter only when it holds already in Redis.
    """
    aim = aim_at(context, target)

    def apply() -> None:
        if not aim.whole:
            respan(context, aim, lambda spans: reheld(spans, aim.ranges, {None}, "paused"))
        elif context.room.hold_on(aim.batch)[0] != "cancelled":
            context.room.hold(aim.batch, "paused", reason)

    decide(context, aim.batch, apply)
    notes = [*_still_alive(context, aim)]
    if context.room.hold_on(aim.batch)[0] == "cancelled":
        notes.append(f"{aim.batch} is cancelled, and stays so")
    return Outcome(aim.called, stand_of(context, aim), notes=tuple(notes))


def resume(context: Context, target: Target) -> Outcome:
    """Let what was paused go on: of a batch all that was, of a shot or a take that alone. Raises as `pause` does."""
    aim = aim_at(context, target)

    def apply() -> None:
        respan(context, aim, lambda spans: reheld(spans, aim.ranges, {"paused"}, None))
        if aim.whole and context.room.hold_on(aim.batch)[0] != "cancelled":
            context.room.hold(aim.batch, None)

    decide(context, aim.batch, apply)
    context.wake()
    return Outcome(aim.called, stand_of(context, aim), notes=tuple(still_held(context, aim)))


def prioritize(context: Context, target: Target, priority: int) -> Outcome:
    """Give a batch a priority among batches, or a shot or a take one within its batch. The higher comes first.

    Raises as `pause` does.
    """
    aim = aim_at(context, target)

    def apply() -> None:
        if aim.whole:
            context.room.prefer(aim.batch, priority)
            return

        def changed(spans: Spans) -> Spans:
            for start, end in aim.ranges:
                spans = recut(spans, start, end, priority=priority)
            return spans

        respan(context, aim, changed)

    decide(context, aim.batch, apply)
    stand = stand_of(context, aim)
    held_back = {State.WAITING.value, State.BLOCKED.value, "paused"}
    nothing = () if held_back & stand.keys() else ("none of it waits, so nothing comes earlier or later for it",)
    return Outcome(aim.called, stand, notes=nothing)


def decide(
    context: Context, batch: str, apply: Callable[[], None], *, besides: Callable[[], None] | None = None
) -> None:
    """Let a decision hold in Redis at once, and then in the store, where `besides` keeps what is kept apart.

    It is applied once more where nobody else opens the batch: whoever did may have put the spans of another manifest,
    or of another machine's Redis, in the place of those that were changed.
    """
    apply()
    with context.room.opening(batch):
        apply()
        if besides is not None:
            besides()
        keep(context, batch)


def keep(context: Context, batch: str) -> None:
    """Write to the store what is held in Redis. Only while nobody else opens the batch."""
    ledger = context.ledger(batch)
    before = read_holds(ledger)
    hold, reason = context.room.hold_on(batch)
    standing = context.room.standing(batch)
    if (hold, reason) == ("paused", LOOKED_AT):
        hold, reason = before.hold, before.reason
    now = Holds.model_validate(
        {
            "hold": hold,
            "reason": reason,
            "spans": held_of(from_json(context.room.spans(batch)), context.expansion(batch)),
            "deadline": before.deadline,
            "not_before": before.not_before,
            "openings": before.openings,
            "chosen": before.chosen,
            "priority": before.priority if standing is None else standing.priority,
        }
    )
    if now != before:
        write_holds(ledger, now)


def respan(
    context: Context, aim: Aim, change: Callable[[Spans], Spans], *, picks: Callable[[Picks], Picks] = lambda same: same
) -> None:
    """Change the spans of a batch, and what was picked of it, whoever else does at the same time.

    `change` is given them without what is deferred or waits for a pick, which follows from what was chosen and picked.
    """
    while True:
        before, had = context.room.spans(aim.batch), picks_of(context, aim.batch)
        expansion, has = context.expansion(aim.batch), picks(had)
        chosen = context.room.chosen(aim.batch)
        now = to_json(overlaid(change(bare(from_json(before))), expansion, picks=has, chosen=chosen))
        if now == before and has == had:
            return
        changed = None if has == had else (picks_to_json(had), picks_to_json(has))
        if context.room.set_spans(aim.batch, before, now, picked=changed):
            return


def picks_of(context: Context, batch: str) -> Picks:
    """What was picked of a batch, as far as Redis knows."""
    return picks_from_json(context.room.picked(batch))


def reheld(
    spans: Iterable[Span], ranges: Iterable[tuple[int, int]], holds: Collection[str | None], hold: str | None
) -> Spans:
    """`spans` with `hold` on those takes of `ranges` that are held by one of `holds`."""
    parts = list(ranges)
    found: list[Span] = []
    for span in spans:
        pieces: Spans = (span,)
        if span.hold in holds:
            for start, end in parts:
                pieces = recut(pieces, start, end, hold=hold)
        found += pieces
    return merged(found)


def still_held(context: Context, aim: Aim) -> list[str]:
    """What holds takes of a target though nothing of the target's own does."""
    hold, reason = context.room.hold_on(aim.batch)
    because = f": {reason}" if reason else ""
    if hold == "cancelled":
        return [f"{aim.batch} is cancelled{because}; rushes retry {aim.batch} takes it up again"]
    if hold == "paused":
        return [f"{aim.batch} is paused{because}; rushes resume {aim.batch} lets it go on"]
    kinds = {span.hold for span in from_json(context.room.spans(aim.batch)) if any(_meet(span, aim))}
    given_up = sorted(kind for kind in kinds if kind in ("cancelled", "waived"))
    paused = [f"part of it is paused; rushes resume {aim.called} lets it go on"] if "paused" in kinds else []
    again = [f"part of it is {kind}; rushes retry {aim.called} takes it up again" for kind in given_up]
    left = ["part of it was left out by --only or --limit, and waits for a run without them"]
    return paused + again + (left if DEFERRED in kinds else [])


def _meet(span: Span, aim: Aim) -> Iterable[bool]:
    return (start < span.end and span.start < end for start, end in aim.ranges)


def _still_alive(context: Context, aim: Aim) -> list[str]:
    counts = context.room.census(aim.batch).counted(aim.ranges)
    alive = sum(counts[state] for state in ALIVE)
    if not alive:
        return []
    them = "1 take is under way and goes on" if alive == 1 else f"{alive:,} takes are under way and go on"
    return [f"{them}; rushes cancel {aim.called} ends what the provider can still end"]
