"""Following a batch: live in a terminal, a line at a time where there is none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from jobs.expansion import Expansion
from rushes.ending import Ending, ending
from rushes.exits import Exit
from workers.clock import Clock
from workers.engine.room import Standing, WaitingRoom
from workers.engine.states import State
from workers.errors import RedisError

LOOK_SECONDS = 0.25
LINE_SECONDS = 2.0
STUCK_SECONDS = 5.0
"""After which, without any change, a reason is looked for among the takes themselves."""

SHOWN = (
    State.WAITING,
    State.ADMITTED,
    State.SUBMITTING,
    State.RENDERING,
    State.COLLECTING,
    State.DONE,
    State.FAILED,
    State.DOUBT,
)
_STYLES = {State.DONE: "green", State.FAILED: "red", State.DOUBT: "yellow", State.RENDERING: "cyan"}
_CALLED = {State.DOUBT: "in doubt"}


def plain_console() -> Console:
    """A console that prints text as it is: what a provider said is no markup."""
    return Console(markup=False, highlight=False)


def follow(
    room: WaitingRoom,
    expansion: Expansion,
    *,
    clock: Clock,
    console: Console,
    patience: float,
    tend: Callable[[], None],
) -> Ending:
    """Show how the batch of `expansion` gets on until it has ended.

    `tend` is called at every look, and may raise to stop. Raises `RedisError` when Redis has been away for longer
    than `patience` seconds.
    """
    batch = expansion.manifest.batch
    changed = clock.monotonic()
    before: tuple[object, ...] = ()
    away_since: float | None = None
    doubted = False
    with _Show(console, clock) as show:
        while True:
            tend()
            now = clock.monotonic()
            try:
                standing = room.standing(batch)
            except RedisError as error:
                away_since = now if away_since is None else away_since
                if now - away_since >= patience:
                    raise
                show.note(f"waiting for Redis: {error}")
                clock.sleep(LOOK_SECONDS)
                continue
            away_since = None
            if standing is None:
                raise RedisError(
                    f"Redis has forgotten the batch {batch!r}. Run it again: it is taken up from the store"
                )
            now_so = (*standing.states.values(), standing.submissions)
            if now_so != before:
                before, changed = now_so, now
            stuck = _stuck_on(room, expansion, standing) if now - changed >= STUCK_SECONDS else None
            show.look(standing, stuck)
            ended = ending(standing, idle=now - changed, patience=patience)
            # A take that is being settled between two reads can look as if nobody cared for it: looked at once more.
            sure = ended is not None and (ended.exit is not Exit.DOUBT or doubted)
            doubted = ended is not None and ended.exit is Exit.DOUBT
            if ended is not None and sure:
                return ended if stuck is None or ended.reason is None else replace(ended, reason=stuck)
            clock.sleep(LOOK_SECONDS)


class _Show(AbstractContextManager["_Show"]):
    """One live panel, or plain lines at every change where the output is no terminal."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._begun = clock.monotonic()
        self._said = ""
        self._said_at = float("-inf")

    def __enter__(self) -> _Show:
        (self._live or nullcontext()).__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, at)

    def look(self, standing: Standing, stuck: str | None) -> None:
        holds = what_holds(standing) or stuck
        if self._live is not None:
            self._live.update(_panel(standing, holds, self._clock.monotonic() - self._begun), refresh=True)
        else:
            self._line(_sentence(standing, holds), urgent=standing.open == 0)

    def note(self, text: str) -> None:
        if self._live is not None:
            self._live.update(Text(text, style="yellow"), refresh=True)
        else:
            self._line(text, urgent=False)

    def _line(self, text: str, *, urgent: bool) -> None:
        now = self._clock.monotonic()
        if text != self._said and (urgent or now - self._said_at >= LINE_SECONDS):
            self._said, self._said_at = text, now
            self._console.print(text, soft_wrap=True)


def _panel(standing: Standing, holds: str | None, seconds: float) -> RenderableType:
    done = standing.states[State.DONE]
    head = Table.grid(padding=(0, 1))
    head.add_row(
        Text(standing.batch, style="bold"),
        ProgressBar(total=max(1, standing.total), completed=standing.total - standing.open, width=40),
        Text(f"{done}/{standing.total} done  {seconds:.0f} s"),
    )
    states = Table.grid(padding=(0, 2))
    states.add_row(
        *(
            Text(f"{standing.states[state]} {_CALLED.get(state, state.value)}", style=_STYLES.get(state, ""))
            for state in SHOWN
            if standing.states[state]
        ),
        Text(f"seats {standing.lane.seats_taken}/{standing.lane.seats} {standing.lane.provider}", style="dim"),
    )
    return Group(head, states, *([Text(holds, style="yellow")] if holds else []))


def _sentence(standing: Standing, holds: str | None) -> str:
    parts = [
        f"{standing.states[state]} {_CALLED.get(state, state.value)}"
        for state in SHOWN
        if standing.states[state] and state is not State.DONE
    ]
    told = f"{standing.batch}: {standing.states[State.DONE]}/{standing.total} done"
    return told + (f", {', '.join(parts)}" if parts else "") + (f"; {holds}" if holds else "")


def _stuck_on(room: WaitingRoom, expansion: Expansion, standing: Standing) -> str | None:
    if standing.open == 0:
        return None
    found = room.waiting_on(standing.batch)
    return None if found is None else f"{expansion[found[0]].name} waits: {found[1]}"


def what_holds(standing: Standing) -> str | None:
    """What a batch waits for, if it is not simply its turn."""
    if standing.open == 0:
        return None
    if standing.store_trouble is not None:
        return f"waiting for the store: {standing.store_trouble}"
    if standing.lane.paused is not None:
        return f"{standing.lane.provider} is paused: {standing.lane.paused}"
    if standing.lane.slowed is not None:
        return f"waiting {standing.lane.slowed_for:.0f} s: {standing.lane.slowed}"
    return None
