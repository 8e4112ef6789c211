"""The states of a take, and the steps that carry it on.

The transitions stand in `scripts/_prelude.lua`, where they are also refused; docs/design.md draws them.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a take is. `WAITING` is what is left of the total: it is not stored.

    `BLOCKED`: another attempt at the same is under way, whose video will do for this take; or it takes up a file of a
    take that isn't done. `CANCELLED` and `WAIVED`:
    a person gave it up, before it could be paid for or after.
    """

    WAITING = "waiting"
    BLOCKED = "blocked"
    ADMITTED = "admitted"
    SUBMITTING = "submitting"
    RENDERING = "rendering"
    COLLECTING = "collecting"
    DONE = "done"
    FAILED = "failed"
    DOUBT = "doubt"
    CANCELLED = "cancelled"
    WAIVED = "waived"


ALIVE = (State.ADMITTED, State.SUBMITTING, State.RENDERING, State.COLLECTING)
"""States in which a worker, or the provider, has something left to do."""

GIVEN_UP = (State.CANCELLED, State.WAIVED)
"""States into which a person puts a take, and out of which only a person, or the provider, gets it."""

ORPHANS = 10**13
"""Jobs that came besides a take's own are followed under indices from here on, above those of any take."""


class Step(StrEnum):
    """A short, immediate piece of work: on one take, or, for `QUOTE`, `PARENTS` and `RECOVER`, on a batch."""

    SUBMIT = "submit"
    POLL = "poll"
    COLLECT = "collect"
    SETTLE = "settle"
    QUOTE = "quote"
    PARENTS = "parents"
    RECOVER = "recover"
