"""`rushes recover`: take batches up from the store, and go on with them."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console

from jobs.takes.lineage import Lineage
from rushes.exits import Exit
from rushes.follow import plain_console
from rushes.reaching import NoBatches, reached, standing_of
from rushes.rendering import drain_when_told, render, say_opening, stay
from rushes.session import private_redis, sandbox
from workers.clock import SystemClock
from workers.context import Context
from workers.decisions.targets import Target, aim_at, stored_batches
from workers.engine.states import State
from workers.opening import reopen_batch
from workers.settings import environment, load_settings
from workers.store import open_store


@click.command()
@click.argument("batch", required=False)
@click.option("--all", "everything", is_flag=True, help="Every batch that the store knows.")
@click.option("--wait", is_flag=True, help="Stay until it has ended, where workers of RUSHES_REDIS_URL render it.")
@click.option("--sandbox", "rehearse", is_flag=True, help="The rehearsal of it.")
def recover(batch: str | None, everything: bool, wait: bool, rehearse: bool) -> None:
    """Rebuild BATCH from the store alone, and go on with it: after Redis was lost, or on another machine.

    What is done stays done, what was accepted is followed, and what was about to be submitted is in doubt. With
    RUSHES_REDIS_URL it is handed to the workers; without, it is rendered here, as rushes run does, from its frozen
    manifest.
    """
    if (batch is None) != everything:
        raise click.UsageError("name one batch, or say --all")
    console, clock = plain_console(), SystemClock()
    drain_when_told()
    environ = environment(os.environ, Path.cwd())
    with ExitStack() as stack:
        if rehearse:
            environ = stack.enter_context(sandbox(load_settings(environ, Path.cwd()), environ, clock))
        settings = load_settings(environ, Path.cwd())
        open_store(settings.store)
        tend_redis = stack.enter_context(private_redis(settings, environ, clock))
        context = stack.enter_context(reached(settings, environ, console))
        names = sorted(stored_batches(context)) if batch is None else [Target.parse(batch).batch]
        if not names:
            raise NoBatches(f"there is no batch in the store {settings.store}. Is RUSHES_STORE right?")
        here = rehearse or settings.redis_url is None
        codes = []
        for name in names:
            again = f"rushes recover {'--sandbox ' if rehearse else ''}{name}"
            if here:
                settings.any_key(_providers(context, name))
            _take_up(context, name, console)
            if here:
                ended = render(
                    context,
                    name,
                    settings=settings,
                    environ=environ,
                    tend_redis=tend_redis,
                    console=console,
                    again=again,
                )
            elif wait:
                ended = stay(context, name, console=console, patience=settings.patience, again=again)
            else:
                continue
            codes.append(ended.exit)
            if ended.exit is Exit.INTERRUPTED:
                break
    order = list(Exit)
    raise SystemExit(max(codes, key=lambda code: (code is not Exit.DONE, -order.index(code)), default=Exit.DONE))


def _providers(context: Context, batch: str) -> tuple[str, ...]:
    frozen = context.ledger(batch).frozen()
    if frozen is None:
        return aim_at(context, Target(batch)).expansion.manifest.providers
    return Lineage.from_json(frozen).current.providers


def _take_up(context: Context, batch: str, console: Console) -> None:
    opened = reopen_batch(context, batch)
    if opened is None:
        aim_at(context, Target(batch))  # says that there is no such batch, and which there are
        return
    standing = standing_of(context, batch)
    for lane in standing.lanes:
        context.room.set_limits(lane.provider, context.limits(lane.provider))
    console.print(
        f"{batch}: taken up from the store: {opened.done} of {opened.total} takes are done, "
        f"{standing.open} to render, {standing.states[State.FAILED]} failed",
        soft_wrap=True,
    )
    say_opening(console, batch, opened)
