"""Rendering here and now: one worker for as long as a batch wants it, and what is said of it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from rich.console import Console

from rushes.ending import Ending, ending
from rushes.exits import Exit
from rushes.follow import follow
from rushes.galleries import kept_gallery
from rushes.reaching import standing_of
from rushes.session import worker
from rushes.summary import summarize
from workers.context import Context
from workers.errors import RedisError
from workers.notices.notifier import Notifier
from workers.opening import Opening
from workers.settings import Settings

AT_THE_END = 6
"""Notices: each may take ten seconds where nobody answers."""


def drain_when_told() -> None:
    """Being told to end, and a terminal that is closed, drain as Ctrl-C does."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def render(
    context: Context,
    batch: str,
    *,
    settings: Settings,
    environ: Mapping[str, str],
    tend_redis: Callable[[], None],
    console: Console,
    again: str,
) -> Ending:
    """Work at a batch that is open until it has ended, and say how. `again` is the command that carries on."""
    before = standing_of(context, batch)
    with ExitStack() as stack:
        # Entered first and so left last: once the worker has finished the steps in hand.
        page = stack.enter_context(kept_gallery(context, batch, console))
        try:
            ended = ending(before, idle=0.0, patience=settings.patience) if before.open == 0 else None
            if ended is None:
                context.store.check()
                tend_worker = stack.enter_context(worker(settings, environ, context.clock))

                def tend() -> None:
                    tend_redis()
                    tend_worker()
                    page.tend()

                ended = follow(context, batch, console=console, patience=settings.patience, tend=tend)
        except KeyboardInterrupt:
            ended = Ending(Exit.INTERRUPTED, "interrupted; finishing the steps in hand")
            console.print("stopping: finishing the steps in hand (Ctrl-C again to stop at once)")
        summarize(console, context, ended, before=before, after=standing_of(context, batch), again=again)
    try:
        # The worker is gone. What can't be told now is kept, and told by the next one.
        Notifier(context, context.room.scripts).once(most=AT_THE_END)
    except RedisError as error:
        console.print(f"nobody was told: {error}", soft_wrap=True)
    return ended


def stay(context: Context, batch: str, *, console: Console, patience: float, again: str) -> Ending:
    """Follow a batch that workers elsewhere render until it has ended, and say how."""
    before = standing_of(context, batch)
    with kept_gallery(context, batch, console) as page:
        ended = follow(context, batch, console=console, patience=patience, tend=page.tend)
    summarize(console, context, ended, before=before, after=standing_of(context, batch), again=again)
    return ended


def say_opening(console: Console, batch: str, opened: Opening) -> None:
    """Say what was found when a batch was opened."""
    if opened.grown:
        console.print(
            f"{batch}: its manifest was changed: {opened.done} of its {opened.total} takes are done already",
            soft_wrap=True,
        )
    told = [
        (opened.reused, "copied from takes that asked for the same"),
        (opened.followed, "accepted before and followed again"),
        (opened.retried, "failed before and tried again"),
        (opened.doubted, "in doubt"),
        (opened.lost, "done before, but their receipts are gone"),
        (opened.deferred, "left out by --only or --limit; they wait for a run without"),
    ]
    for count, what in told:
        if count:
            console.print(f"{batch}: {count} takes {what}", soft_wrap=True)
