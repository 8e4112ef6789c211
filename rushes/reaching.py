"""How a command reaches Redis and the store: those that are configured, or the store's private Redis."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from jobs.errors import RushesError
from rushes.follow import plain_console
from rushes.session import REHEARSAL, private_redis, rehearsal, rehearsal_store
from workers.broker.addresses import redis_url, state_folder
from workers.broker.connection import connect, prove
from workers.clock import SystemClock
from workers.context import Context, make_context
from workers.engine.standing import Standing
from workers.settings import Settings, environment, load_settings
from workers.store import open_store

SANDBOX = click.option("--sandbox", "rehearsed", is_flag=True, help="Look at the rehearsal.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, for a program to read.")


class NoBatches(RushesError):
    """There is no batch at all."""

    exit_code = 2


@dataclass(frozen=True)
class Reached:
    """What a command works with. `tend` keeps the private Redis alive, if it is one."""

    context: Context
    settings: Settings
    environ: Mapping[str, str]
    tend: Callable[[], None]


@contextmanager
def reached(settings: Settings, environ: Mapping[str, str], console: Console) -> Iterator[Context]:
    """The parts of this process, with a Redis that answers and doesn't forget. Raises `RedisError`."""
    url = redis_url(settings, environ)
    probe = connect(url, retries=2)
    try:
        for warning in prove(probe, url):
            console.print(f"warning: {warning}", style="yellow", soft_wrap=True)
    finally:
        probe.close()
    context = make_context(settings, environ)
    try:
        yield context
    finally:
        context.close()


@contextmanager
def at_hand(rehearsed: bool) -> Iterator[Reached]:
    """What a command needs to look at batches, or to decide about them: the Redis that is configured, else the private
    one of the store, which is joined where it runs and else started for the moment. Nothing is rendered by it.

    Raises `NoBatches` where there is nothing to look at, and the errors of the settings and Redis.
    """
    environ = environment(os.environ, Path.cwd())
    settings = load_settings(environ, Path.cwd())
    if rehearsed:
        environ |= rehearsal(_sandbox_url(settings, environ), rehearsal_store(settings.store))
        settings = load_settings(environ, Path.cwd())
    _prove_something(settings, environ)
    with ExitStack() as stack:
        tend = stack.enter_context(private_redis(settings, environ, SystemClock()))
        context = stack.enter_context(reached(settings, environ, plain_console(stderr=True)))
        yield Reached(context, settings, environ, tend)


def standing_of(context: Context, batch: str) -> Standing:
    """How a batch stands that was opened a moment ago."""
    standing = context.room.standing(batch)
    assert standing is not None, "the batch was opened a moment ago"
    return standing


def _sandbox_url(settings: Settings, environ: Mapping[str, str]) -> str:
    """Where the sandbox of the rehearsal is, if it runs; a real provider is never asked about a rehearsal."""
    announced = state_folder(rehearsal_store(settings.store), environ) / "sandbox.url"
    told = announced.read_text().strip() if announced.exists() else ""
    return told or "http://127.0.0.1:9"


def _prove_something(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise `NoBatches` rather than leave a private Redis in a place where nobody ever rendered anything."""
    if settings.redis_url is not None or (state_folder(settings.store, environ) / "redis").exists():
        return
    store = open_store(settings.store)
    if any(name != REHEARSAL and store.exists(f"{name}/.rushes/manifest.json") for name in store.folders("")):
        return
    raise NoBatches(
        f"there is no batch in the store {settings.store}. Is RUSHES_STORE right, or was it a rehearsal (--sandbox)?"
    )
