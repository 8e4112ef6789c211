"""Picking: which takes of a shot others may be made from. What hangs on them waits until then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jobs.chains.picking import to_pick_from
from jobs.faults import listing
from jobs.sweeps.picks import Picks, common, merged, places, size
from workers.chains.picks import read_picks, write_picks
from workers.context import Context
from workers.decisions.holding import decide, picks_of, respan
from workers.decisions.outcome import Outcome, stand_of
from workers.decisions.targets import Aim, Target, UnknownTarget, aim_at
from workers.engine.census import Census
from workers.engine.states import State
from workers.picks import read_picks as read_ratings

MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Choice:
    """A shot of whose takes a person picks: how many there are, are done and are picked, and which those are by name.

    Of more than `MOST_LISTED` the first are named.
    """

    shot: str
    takes: int
    done: int
    picked: int
    names: tuple[str, ...]
    unpicked: tuple[str, ...]
    """Those that are done and not picked."""

    def to_json(self) -> dict[str, Any]:
        """As plain mappings, lists, text and numbers."""
        return {
            "shot": self.shot,
            "takes": self.takes,
            "done": self.done,
            "picked": self.picked,
            "names": list(self.names),
            "unpicked": list(self.unpicked),
        }


def pick(context: Context, targets: Sequence[Target]) -> list[Outcome]:
    """Let go on what hangs on these takes, or on all of a shot or a batch.

    All of them or, where one can't be picked, none. Raises `UnknownTarget`, and the errors of Redis and the store; of
    the latter only when it holds already in Redis.
    """
    return _decided(context, targets, picked=True)


def unpick(context: Context, targets: Sequence[Target]) -> list[Outcome]:
    """Take picks back: what hangs on these takes and wasn't begun waits again. Raises as `pick` does."""
    return _decided(context, targets, picked=False)


def starred(context: Context, targets: Sequence[Target]) -> list[Target]:
    """Of these targets the takes that have a star, were not rejected, and can be picked.

    Raises `UnknownTarget` where there is none, so that a star that was forgotten is noticed, and as `pick` does.
    """
    found: dict[Target, None] = {}
    for target in targets:
        aim = aim_at(context, target)
        waits = _to_be_picked(aim)
        for name in read_ratings(context.store, aim.batch).picked():
            index = aim.expansion.find(name)
            if index is not None and any(start <= index < end for start, end in waits):
                found[Target.parse(f"{aim.batch}/{name}")] = None
    if not found:
        called = listing([str(target) for target in targets])
        advice = "rushes picks import reads what a page of the gallery has exported"
        raise UnknownTarget(f"no take of {called} that can be picked has a star; {advice}")
    return list(found)


def choices(context: Context, target: Target) -> list[Choice]:
    """The shots of a batch (or the one that is named) of whose takes a person picks. Raises as `pick` does."""
    aim = aim_at(context, target)
    picked = picks_of(context, aim.batch)
    census = context.room.census(aim.batch)
    found = []
    for strand in to_pick_from(aim.expansion):
        if strand.start in aim or aim.whole:
            found.append(_choice(aim, strand.shot.name, (strand.start, strand.end), picked, census))
    return found


def _choice(aim: Aim, shot: str, span: tuple[int, int], picked: Picks, census: Census) -> Choice:
    mine = common((span,), picked)
    done = census.counted([span])[State.DONE]
    names = [aim.name(index) for index, _ in zip(places(mine), range(MOST_LISTED), strict=False)]
    chosen = set(places(mine)) if size(mine) <= MOST_LISTED else set(range(*span))
    rest = (at for at in range(*span) if at not in chosen and census.state(at) is State.DONE)
    unpicked = [aim.name(index) for index, _ in zip(rest, range(MOST_LISTED), strict=False)]
    return Choice(shot, span[1] - span[0], done, size(mine), tuple(names), tuple(unpicked))


def _decided(context: Context, targets: Sequence[Target], *, picked: bool) -> list[Outcome]:
    aims = [aim_at(context, target) for target in targets]
    for batch in dict.fromkeys(aim.batch for aim in aims):
        ranges = merged(each for aim in aims if aim.batch == batch for each in _to_be_picked(aim))
        _decide(context, next(aim for aim in aims if aim.batch == batch), ranges, picked=picked)
    context.wake()
    return [_outcome(context, aim, picked=picked) for aim in aims]


def _decide(context: Context, aim: Aim, ranges: Picks, *, picked: bool) -> None:
    def changed(before: Picks) -> Picks:
        if picked:
            return merged([*before, *ranges])
        kept: list[tuple[int, int]] = []
        for start, end in before:
            at = start
            for first, last in common(((start, end),), ranges):
                kept.append((at, first))
                at = last
            kept.append((at, end))
        return merged(kept)

    def apply() -> None:
        respan(context, aim, lambda spans: spans, picks=changed)

    def keep_picks() -> None:
        apply()
        ledger = context.ledger(aim.batch)
        now = picks_of(context, aim.batch)
        if now != read_picks(ledger):
            write_picks(ledger, now)

    apply()
    decide(context, aim.batch, lambda: None, besides=keep_picks)


def _to_be_picked(aim: Aim) -> list[tuple[int, int]]:
    strands = to_pick_from(aim.expansion)
    live = merged((strand.start, strand.end) for strand in strands)
    found = common(merged(aim.ranges), live)
    if not found:
        names = [f"{aim.batch}/{strand.shot.name}" for strand in strands]
        there = f"what is picked from is {listing(names)}" if names else "none of its shots says  pick: true"
        raise UnknownTarget(f"nothing waits for {aim.called} to be picked; {there}")
    return list(found)


def _outcome(context: Context, aim: Aim, *, picked: bool) -> Outcome:
    count = size(merged(_to_be_picked(aim)))
    told = ("picked" if picked else "not picked") + ("" if count == 1 else f" ({count:,} takes)")
    stand = stand_of(context, Aim(aim.batch, aim.expansion, ((0, aim.expansion.total),), aim.batch, whole=True))
    waiting = stand.get("unpicked", 0)
    note = f"{waiting:,} takes of {aim.batch} still wait for a pick" if waiting else "nothing waits for a pick any more"
    return Outcome(aim.called, {}, {aim.called: told}, (note,))
