"""How a batch stands, put into a panel, a line, or JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rushes.overview import Overview, shots_shown
from workers.engine.standing import Lane, Standing
from workers.engine.states import State
from workers.reports.words import amount, counted, told_money, what_holds
from workers.reports.writing import span

__all__ = ["amount", "as_json", "counted", "panel", "sentence", "told_money", "what_holds"]

_CALLED = {State.DOUBT.value: "in doubt"}
_STYLES = {"done": "green", "failed": "red", "in doubt": "yellow", "rendering": "cyan", "paused": "yellow"}


def panel(standing: Standing, holds: str | None, seconds: float, seen: Overview) -> RenderableType:
    """A batch in a terminal, after so many seconds."""
    done = standing.states[State.DONE]
    meant = standing.total - standing.deferred
    head = Table.grid(padding=(0, 1))
    head.add_row(
        Text(standing.batch, style="bold"),
        ProgressBar(total=max(1, meant), completed=meant - standing.open, width=40),
        Text(f"{done:,}/{standing.total:,} done  {span(round(seconds))}"),
    )
    states = Table.grid(padding=(0, 2))
    states.add_row(*(Text(f"{count:,} {what}", style=_STYLES.get(what, "")) for what, count in counted(standing)))
    lane = Text("; ".join(told_seats(each) for each in standing.lanes))
    pace = seen.pace()
    if pace is not None:
        lane.append(f", {pace}")
    told = [Text(each) for each in (told_money(standing.money),) if each]
    failures = [
        Text(line, style="red", overflow="ellipsis", no_wrap=True) for line in seen.failure_lines(standing.batch)
    ]
    waits = [Text(holds, style="yellow")] if holds else []
    return Group(head, states, *_shots(seen), lane, *told, *waits, *failures)


def _shots(seen: Overview) -> list[RenderableType]:
    if len(seen.shots) < 2:
        return []
    shown, more = shots_shown(seen.shots)
    table = Table.grid(padding=(0, 2))
    for line in shown:
        done = line.states.get(State.DONE.value, 0)
        others = ", ".join(
            f"{count:,} {_CALLED.get(state, state)}" for state, count in line.states.items() if state != State.DONE
        )
        bar = ProgressBar(total=max(1, line.total), completed=done, width=20)
        table.add_row(Text(f"  {line.shot}"), bar, Text(f"{done:,}/{line.total:,}"), Text(others, style="dim"))
    return [table, *([Text(f"  and {more:,} more shots", style="dim")] if more else [])]


def sentence(standing: Standing, holds: str | None, seen: Overview | None = None) -> str:
    """A batch in one line."""
    parts = [f"{count} {what}" for what, count in counted(standing) if what != State.DONE]
    told = f"{standing.batch}: {standing.states[State.DONE]}/{standing.total} done"
    money = told_money(standing.money)
    pace = None if seen is None else seen.pace()
    tail = "".join(f"; {each}" for each in (money, pace, holds) if each)
    return told + (f", {', '.join(parts)}" if parts else "") + tail


def as_json(standing: Standing) -> dict[str, Any]:
    """A batch as plain mappings, text and numbers. Money is in micros (millionths) of its currency."""
    lane, money, stopped = standing.lane, standing.money, standing.stopped
    return {
        "batch": standing.batch,
        "total": standing.total,
        "states": {state.value: count for state, count in standing.states.items()},
        "held": dict(standing.held),
        "deferred": standing.deferred,
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
        "provider": _lane_json(lane),
        "providers": [_lane_json(each) for each in standing.lanes],
        "store_trouble": standing.store_trouble,
    }


def told_seats(lane: Lane) -> str:
    """A provider's seats in a few words."""
    return f"{lane.provider}: {lane.seats_taken} of {lane.seats} seats taken"


def _lane_json(lane: Lane) -> dict[str, Any]:
    return {
        "name": lane.provider,
        "seats": lane.seats,
        "seats_taken": lane.seats_taken,
        "paused": lane.paused,
        "slowed": lane.slowed,
    }
