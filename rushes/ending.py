"""When a batch has come to its end, and what that end is called."""

from __future__ import annotations

from dataclasses import dataclass

from rushes.exits import Exit
from workers.engine.limits import SHUT_OUT
from workers.engine.standing import Standing
from workers.engine.states import State

SHUT_OUT_SECONDS = 60.0
"""For how long a key that is refused for accepted jobs too is given to be let in again."""

SURE_SECONDS = 1.5
"""For how long nothing may have changed before a batch that was stopped has ended: the pump looks each second whether
what stopped it still holds."""

TOLD_APART = ("waived", "unpicked", "deferred")
"""What holds parts of a batch, and is told by how many takes it holds."""

COMES_BY_ITSELF = ("early", "window")
"""What keeps a batch from going on and is over at its time: it is waited for."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How following a batch ended, and in a sentence why, if it was not that all is done."""

    exit: Exit
    reason: str | None = None


def ending(standing: Standing, *, idle: float, patience: float) -> Ending | None:
    """The end that a batch has come to, or None while there is something to wait for.

    `idle` is for how many seconds nothing has changed. A batch that can go on by itself is never given up; one that
    hangs on a provider, the store or Redis is waited for with `patience` (seconds), and then says what it hangs on.
    """
    if standing.open == 0 or (standing.open == standing.settling and idle >= patience):
        return _of_what_ended(standing)
    lane = standing.lane
    shut_out = lane.paused_kind == SHUT_OUT and idle >= min(patience, SHUT_OUT_SECONDS)
    if lane.paused is not None and (standing.alive == 0 or shut_out):
        return Ending(Exit.PROVIDER, f"{lane.provider} is paused: {lane.paused}")
    if standing.stopped is not None and standing.stopped.kind == "provider" and standing.alive == 0:
        sure = idle >= min(patience, SURE_SECONDS)
        return Ending(Exit.PROVIDER, standing.stopped.told) if sure else None
    if standing.stopped is not None and standing.stopped.kind in COMES_BY_ITSELF and standing.alive == 0:
        return None
    if standing.store_trouble is not None and _only_store_left(standing):
        if standing.store_trouble_for >= patience:
            return Ending(Exit.TROUBLE, f"the store fails: {standing.store_trouble}")
        return None
    asking = standing.settling + standing.again
    resting = standing.alive == 0 and (asking == 0 or idle >= patience) and not standing.recovering
    if resting and idle >= min(patience, SURE_SECONDS):
        rested = _of_what_rests(standing)
        if rested is not None:
            return rested
    at_provider = standing.states[State.SUBMITTING] + standing.states[State.RENDERING] + standing.orphans_alive
    if idle >= patience and at_provider == 0:
        if lane.slowed is not None:
            return Ending(Exit.PROVIDER, lane.slowed)
        return Ending(Exit.TROUBLE, f"nothing has moved for {idle:.0f} s; the worker's log says more")
    return None


def stopped_by(standing: Standing) -> str | None:
    """What keeps takes from being submitted that wait, or were cancelled, in a sentence; None when nothing does."""
    given_up = standing.states[State.CANCELLED] + standing.held.get("cancelled", 0)
    if standing.stopped is not None and standing.stopped.kind not in TOLD_APART and _waiting(standing):
        return standing.stopped.told
    if unpicked := standing.held.get("unpicked", 0):
        return _unpicked(standing, unpicked)
    if paused := standing.held.get("paused", 0):
        return f"{paused:,} of {standing.total:,} takes are paused"
    if given_up:
        return f"{given_up:,} of {standing.total:,} takes are cancelled"
    return None


def _of_what_ended(standing: Standing) -> Ending:
    doubt, failed = standing.states[State.DOUBT], standing.states[State.FAILED]
    if doubt:
        return Ending(Exit.DOUBT, f"{doubt} of {standing.total} takes are in doubt")
    stopped = stopped_by(standing)
    if stopped is not None:
        return Ending(Exit.STOPPED, stopped)
    if failed:
        waiting = standing.states[State.BLOCKED] - standing.deferred_blocked
        besides = f", and {waiting} wait for one of them" if waiting else ""
        return Ending(Exit.FAILED, f"{failed} of {standing.total} takes have failed{besides}")
    if waiting := standing.states[State.BLOCKED] - standing.deferred_blocked:
        told = f"{waiting} of {standing.total} takes wait for others that were given up"
        return Ending(Exit.STOPPED, told)
    return Ending(Exit.DONE)


def _of_what_rests(standing: Standing) -> Ending | None:
    """The end of a batch of which takes wait and nothing is under way; None when they may just be about to go on."""
    free = standing.states[State.WAITING] - sum(standing.held.values())
    held = standing.stopped is not None and standing.stopped.kind not in ("waived", "deferred")
    # What is blocked while nothing is under way waits for what has come to rest.
    if held or free == 0:
        return _of_what_ended(standing)
    lane = standing.lane
    if lane.seats and lane.seats_in_doubt >= lane.seats:
        return Ending(
            Exit.DOUBT,
            f"{lane.seats_in_doubt} takes in doubt hold all {lane.seats} seats of {lane.provider}; "
            "decide about them with rushes doubts and rushes resolve",
        )
    return None


def _unpicked(standing: Standing, count: int) -> str:
    return f"{count:,} of {standing.total:,} takes wait until you have picked what they are made from"


def _waiting(standing: Standing) -> int:
    waiting = standing.states[State.WAITING] + standing.states[State.BLOCKED]
    return waiting - standing.held.get("waived", 0) - standing.deferred


def _only_store_left(standing: Standing) -> bool:
    return standing.alive == standing.states[State.COLLECTING] + standing.states[State.ADMITTED]
