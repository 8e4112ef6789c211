"""When a batch has come to its end, and what that end is called."""

from __future__ import annotations

from dataclasses import dataclass

from rushes.exits import Exit
from workers.engine.room import SHUT_OUT, Standing
from workers.engine.states import State

SHUT_OUT_SECONDS = 60.0
"""For how long a key that is refused for accepted jobs too is given to be let in again."""


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
    if standing.store_trouble is not None and _only_store_left(standing):
        if standing.store_trouble_for >= patience:
            return Ending(Exit.TROUBLE, f"the store fails: {standing.store_trouble}")
        return None
    at_provider = standing.states[State.SUBMITTING] + standing.states[State.RENDERING]
    if idle >= patience and at_provider == 0:
        if lane.slowed is not None:
            return Ending(Exit.PROVIDER, lane.slowed)
        return Ending(Exit.TROUBLE, f"nothing has moved for {idle:.0f} s; the worker's log says more")
    return None


def _of_what_ended(standing: Standing) -> Ending:
    doubt, failed = standing.states[State.DOUBT], standing.states[State.FAILED]
    if doubt:
        return Ending(Exit.DOUBT, f"{doubt} of {standing.total} takes are in doubt")
    if failed:
        return Ending(Exit.FAILED, f"{failed} of {standing.total} takes have failed")
    return Ending(Exit.DONE)


def _only_store_left(standing: Standing) -> bool:
    return standing.alive == standing.states[State.COLLECTING] + standing.states[State.ADMITTED]
