"""The states of a take, and the steps that carry it on.

The transitions stand in `scripts/_prelude.lua`, where they are also refused; docs/design.md draws them.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a take is. `WAITING` is what is left of the total: it is not stored."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    SUBMITTING = "submitting"
    RENDERING = "rendering"
    COLLECTING = "collecting"
    DONE = "done"
    FAILED = "failed"
    DOUBT = "doubt"


ALIVE = (State.ADMITTED, State.SUBMITTING, State.RENDERING, State.COLLECTING)
"""States in which a worker, or the provider, has something left to do."""


class Step(StrEnum):
    """A short, immediate piece of work on one take."""

    SUBMIT = "submit"
    POLL = "poll"
    COLLECT = "collect"
    SETTLE = "settle"
