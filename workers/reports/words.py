"""How a batch stands, in words: for the terminal, for reports, and for what is sent to somebody."""

from __future__ import annotations

from collections.abc import Iterator

from workers.engine.standing import Money, Standing
from workers.engine.states import State

_ORDER = (
    State.WAITING,
    State.BLOCKED,
    State.ADMITTED,
    State.SUBMITTING,
    State.RENDERING,
    State.COLLECTING,
    State.DONE,
    State.FAILED,
    State.DOUBT,
    State.CANCELLED,
    State.WAIVED,
)
_CALLED = {State.DOUBT: "in doubt"}


def counted(standing: Standing) -> Iterator[tuple[str, int]]:
    """The takes by what they are called, those that a person holds back apart from those that wait their turn."""
    held = dict(standing.held)
    counts = dict(standing.states)
    counts[State.WAITING] -= sum(held.values())
    for state in (State.CANCELLED, State.WAIVED):
        counts[state] += held.pop(state.value, 0)
    for state in _ORDER:
        if counts[state]:
            yield _CALLED.get(state, state.value), counts[state]
        if state is State.WAITING:
            yield from ((kind, count) for kind, count in sorted(held.items()) if count)
    if standing.orphans_alive:
        yield "besides", standing.orphans_alive


def amount(micros: int, currency: str | None) -> str:
    """An amount in micros, for a person: at least two decimals."""
    whole, part = divmod(micros, 1_000_000)
    decimals = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{whole:,}.{decimals} {currency}"


def told_money(money: Money) -> str | None:
    """What was spent of a budget, or None where there is none."""
    if money.limit is None:
        return None
    spent, limit = amount(money.spent, money.currency), amount(money.limit, money.currency)
    reserved = f", {amount(money.reserved, money.currency)} reserved" if money.reserved else ""
    return f"{spent} of {limit} spent{reserved}"


def what_holds(standing: Standing) -> str | None:
    """What a batch waits for, if it is not simply its turn."""
    if standing.open == 0:
        return None
    if standing.recovering:
        return "Redis was started anew, and is being held against the store"
    if standing.store_trouble is not None:
        return f"waiting for the store: {standing.store_trouble}"
    if standing.lane.paused is not None:
        return f"{standing.lane.provider} is paused: {standing.lane.paused}"
    if standing.stopped is not None:
        return f"nothing more is submitted: {standing.stopped.told}"
    if standing.lane.slowed is not None:
        return f"waiting {standing.lane.slowed_for:.0f} s: {standing.lane.slowed}"
    return None
