"""How a batch stands, put into words, a panel, or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

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
_STYLES = {"done": "green", "failed": "red", "in doubt": "yellow", "rendering": "cyan", "paused": "yellow"}
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


def panel(standing: Standing, holds: str | None, seconds: float) -> RenderableType:
    """A batch in a terminal, after so many seconds."""
    done = standing.states[State.DONE]
    head = Table.grid(padding=(0, 1))
    head.add_row(
        Text(standing.batch, style="bold"),
        ProgressBar(total=max(1, standing.total), completed=standing.total - standing.open, width=40),
        Text(f"{done}/{standing.total} done  {seconds:.0f} s"),
    )
    states = Table.grid(padding=(0, 2))
    states.add_row(
        *(Text(f"{count} {what}", style=_STYLES.get(what, "")) for what, count in counted(standing)),
        Text(f"seats {standing.lane.seats_taken}/{standing.lane.seats} {standing.lane.provider}", style="dim"),
    )
    money = told_money(standing.money)
    more = [Text(money)] if money else []
    return Group(head, states, *more, *([Text(holds, style="yellow")] if holds else []))


def sentence(standing: Standing, holds: str | None) -> str:
    """A batch in one line."""
    parts = [f"{count} {what}" for what, count in counted(standing) if what != State.DONE]
    told = f"{standing.batch}: {standing.states[State.DONE]}/{standing.total} done"
    money = told_money(standing.money)
    tail = "".join(f"; {each}" for each in (money, holds) if each)
    return told + (f", {', '.join(parts)}" if parts else "") + tail


def as_json(standing: Standing) -> dict[str, Any]:
    """A batch as plain mappings, text and numbers. Money is in micros (millionths) of its currency."""
    lane, money, stopped = standing.lane, standing.money, standing.stopped
    return {
        "batch": standing.batch,
        "total": standing.total,
        "states": {state.value: count for state, count in standing.states.items()},
        "held": dict(standing.held),
        "open": standing.open,
        "alive": standing.alive,
        "settling": standing.settling,
        "orphans": standing.orphans,
        "orphans_alive": standing.orphans_alive,
        "submissions": standing.submissions,
        "objects": standing.objects,
        "priority": standing.priority,
        "recovering": standing.recovering,
        "stopped": None if stopped is None else {"kind": stopped.kind, "told": stopped.told},
        "waits_for": what_holds(standing),
        "money": {
            "currency": money.currency,
            "limit": money.limit,
            "spent": money.spent,
            "reserved": money.reserved,
        },
        "provider": {
            "name": lane.provider,
            "seats": lane.seats,
            "seats_taken": lane.seats_taken,
            "paused": lane.paused,
            "slowed": lane.slowed,
        },
        "store_trouble": standing.store_trouble,
    }
