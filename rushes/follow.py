"""Following a batch: live in a terminal, a line at a time where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from rushes.ending import Ending, ending
from rushes.exits import Exit
from rushes.overview import Overview, Watcher
from rushes.showing import as_json, panel, sentence, what_holds
from workers.clock import Clock
from workers.context import Context
from workers.engine.standing import Standing
from workers.errors import RedisError, StoreError
from workers.opening import reopen_batch

LOOK_SECONDS = 0.25
LINE_SECONDS = 2.0
STUCK_SECONDS = 5.0
"""After which, without any change, a reason is looked for among the takes themselves."""


def plain_console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is: what a provider said is no markup."""
    return Console(markup=False, highlight=False, stderr=stderr)


def follow(
    context: Context,
    batch: str,
    *,
    console: Console,
    patience: float,
    tend: Callable[[], None],
    reopen: bool = True,
    lines_of_json: bool = False,
) -> Ending:
    """Show how `batch` gets on until it has ended.

    `tend` is called at every look, and may raise to stop. With `reopen` a batch that Redis has forgotten is taken up
    from the store; without, it is waited until a worker has done that. Raises the error when Redis, or then the store,
    has been away for longer than `patience` seconds.
    """
    clock = context.clock
    changed = clock.monotonic()
    before: tuple[object, ...] = ()
    away_since: float | None = None
    doubted = False
    watcher = Watcher(context, batch)
    with _Show(console, clock, lines_of_json=lines_of_json) as show:
        while True:
            tend()
            now = clock.monotonic()
            try:
                standing = _standing(context, batch, show, reopen=reopen)
                seen = watcher.look(standing, now)
            except (RedisError, StoreError) as error:
                away_since = now if away_since is None else away_since
                if now - away_since >= patience:
                    raise
                show.note(f"waiting for {'Redis' if isinstance(error, RedisError) else 'the store'}: {error}")
                clock.sleep(LOOK_SECONDS)
                continue
            away_since = None
            now_so = (*standing.states.values(), standing.submissions, standing.orphans_alive, *standing.held.items())
            if now_so != before:
                before, changed = now_so, now
            stuck = _stuck_on(context, standing) if now - changed >= STUCK_SECONDS else None
            show.look(standing, stuck, seen)
            ended = ending(standing, idle=now - changed, patience=patience)
            # A take that is being settled between two reads can look as if nobody cared for it: looked at once more.
            sure = ended is not None and (ended.exit is not Exit.DOUBT or doubted)
            doubted = ended is not None and ended.exit is Exit.DOUBT
            if ended is not None and sure:
                told = ended.exit in (Exit.DOUBT, Exit.STOPPED)
                return ended if stuck is None or ended.reason is None or told else replace(ended, reason=stuck)
            clock.sleep(LOOK_SECONDS)


def _standing(context: Context, batch: str, show: _Show, *, reopen: bool) -> Standing:
    standing = context.room.standing(batch)
    if standing is None and reopen:
        opened = reopen_batch(context, batch)
        standing = context.room.standing(batch)
        if opened is not None and standing is not None:
            provider = standing.lane.provider
            context.room.set_limits(provider, context.limits(provider))
            show.say(
                f"{batch}: Redis had forgotten it, and it was taken up from the store: {opened.done} done, "
                f"{opened.followed} followed again, {opened.doubted} in doubt"
            )
    if standing is None:
        raise RedisError(
            f"Redis has forgotten the batch {batch!r}, and nobody has taken it up from the store yet; "
            f"rushes recover {batch} does"
        )
    return standing


def _stuck_on(context: Context, standing: Standing) -> str | None:
    if standing.open == 0:
        return None
    found = context.room.waiting_on(standing.batch)
    return None if found is None else f"{context.take(standing.batch, found[0]).name} waits: {found[1]}"


class _Show(AbstractContextManager["_Show"]):
    """One live panel, or plain lines at every change where the output is no terminal; or a JSON object in each line."""

    def __init__(self, console: Console, clock: Clock, *, lines_of_json: bool) -> None:
        self._console = console
        self._clock = clock
        self._json = lines_of_json
        live = console.is_terminal and not lines_of_json
        self._live = Live(console=console, transient=True, auto_refresh=False) if live else None
        self._begun = clock.monotonic()
        self._said = ""
        self._failed: set[tuple[str, int]] = set()
        self._said_at = float("-inf")

    def __enter__(self) -> _Show:
        (self._live or nullcontext()).__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, at)

    def look(self, standing: Standing, stuck: str | None, seen: Overview) -> None:
        holds = what_holds(standing) or stuck
        if self._live is not None:
            self._live.update(panel(standing, holds, self._clock.monotonic() - self._begun, seen), refresh=True)
        elif self._json:
            self._line(json.dumps(as_json(standing) | seen.to_json(), ensure_ascii=False), urgent=standing.open == 0)
        else:
            self._fail(standing.batch, seen)
            self._line(sentence(standing, holds, seen), urgent=standing.open == 0)

    def _fail(self, batch: str, seen: Overview) -> None:
        """Say each failure once, as it comes."""
        for each in reversed(seen.failures):
            if (told := (each.take, each.attempt)) not in self._failed:
                self._failed.add(told)
                self._console.print(f"{batch}: {each.take} failed [{each.kind}]: {each.message}", soft_wrap=True)

    def note(self, text: str) -> None:
        """Say what is waited for, for as long as it is."""
        if self._live is not None:
            self._live.update(Text(text, style="yellow"), refresh=True)
        elif not self._json:
            self._line(text, urgent=False)

    def say(self, text: str) -> None:
        """Say what has happened."""
        if not self._json:
            self._console.print(text, soft_wrap=True)

    def _line(self, text: str, *, urgent: bool) -> None:
        now = self._clock.monotonic()
        if text != self._said and (urgent or now - self._said_at >= LINE_SECONDS):
            self._said, self._said_at = text, now
            self._console.print(text, soft_wrap=True)
