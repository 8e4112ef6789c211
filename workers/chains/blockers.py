"""What keeps takes blocked, for a person: which take each waits for, and how that one stands."""

from __future__ import annotations

from dataclasses import dataclass

from workers.context import Context
from workers.engine.states import State

_TOLD = {
    State.FAILED: "has failed",
    State.DOUBT: "is in doubt",
    State.CANCELLED: "was cancelled",
    State.WAIVED: "was waived",
    State.WAITING: "waits itself",
    State.BLOCKED: "is blocked itself",
}


@dataclass(frozen=True, slots=True)
class Blocked:
    """A take that waits for another one, both by name; `state` is that one's, and `message` why it failed, if so."""

    take: str
    waits_for: str
    state: State
    message: str | None

    def __str__(self) -> str:
        because = f": {self.message}" if self.message else ""
        return f"{self.take} waits for {self.waits_for}, which {_TOLD.get(self.state, 'is under way')}{because}"


def blocked(context: Context, batch: str, *, most: int) -> list[Blocked]:
    """The first `most` takes of a batch that are blocked. Raises `RedisError`."""
    found = []
    for record in context.room.held(batch, State.BLOCKED, most=most):
        other = int(record.fields["blocked_on"])
        known = context.room.take(batch, other)
        state = State.WAITING if known is None else known.state
        error = (known.value("error") if known is not None else None) or {}
        told = error.get("message") if state is State.FAILED else None
        names = context.take(batch, record.index).name, context.take(batch, other).name
        found.append(Blocked(*names, state, told))
    return found
