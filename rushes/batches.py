"""`rushes run` and `submit`: a manifest is rendered."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console

from jobs.planning.budgeting import check_budget
from jobs.prices.own import read_prices
from jobs.reading.loading import Loaded
from rushes.follow import plain_console
from rushes.manifest_options import MANIFEST, ManifestOptions, load, manifest_options
from rushes.reaching import reached, standing_of
from rushes.rendering import drain_when_told, render, say_opening, stay
from rushes.session import private_redis, sandbox
from workers.clock import SystemClock
from workers.context import Context
from workers.opening import Opening, open_batch
from workers.settings import Settings, environment, load_settings
from workers.store import open_store


@click.command()
@MANIFEST
@manifest_options
@click.option("--sandbox", "rehearse", is_flag=True, help="Rehearse: every provider is the bundled sandbox.")
def run(manifest: Path, options: ManifestOptions, rehearse: bool) -> None:
    """Render MANIFEST here and now, with one worker, and stay until it has ended.

    With nothing configured it brings a private Redis along and stores to ./renders. Ctrl-C finishes the steps in hand;
    the same command carries on.
    """
    console, clock = plain_console(), SystemClock()
    drain_when_told()
    environ = environment(os.environ, Path.cwd())
    read = _read(manifest, options, load_settings(environ, Path.cwd()))
    loaded = read.manifest
    with ExitStack() as stack:
        if rehearse:
            environ = stack.enter_context(sandbox(load_settings(environ, Path.cwd()), environ, clock))
        settings = load_settings(environ, Path.cwd())
        # Where one of these is wrong, nothing needs to be started to say so.
        settings.any_key(loaded.providers)
        open_store(settings.store)
        tend_redis = stack.enter_context(private_redis(settings, environ, clock))
        context = stack.enter_context(reached(settings, environ, console))
        _open(context, read, options, console)
        ended = render(
            context,
            loaded.batch,
            settings=settings,
            environ=environ,
            tend_redis=tend_redis,
            console=console,
            again=f"rushes run {'--sandbox ' if rehearse else ''}{options.written()}{manifest}",
        )
    raise SystemExit(ended.exit)


@click.command()
@MANIFEST
@manifest_options
@click.option("--wait", is_flag=True, help="Stay and show how it gets on until it has ended.")
def submit(manifest: Path, options: ManifestOptions, wait: bool) -> None:
    """Hand MANIFEST to the workers of RUSHES_REDIS_URL, from any machine."""
    console = plain_console()
    environ = environment(os.environ, Path.cwd())
    settings = load_settings(environ, Path.cwd())
    read = _read(manifest, options, settings)
    batch = read.manifest.batch
    if settings.redis_url is None:
        raise click.UsageError(
            "RUSHES_REDIS_URL is not set, so there are no workers to hand this to. "
            f"Set it, or render here: rushes run {options.written()}{manifest}"
        )
    with reached(settings, environ, console) as context:
        opened = _open(context, read, options, console)
        before = standing_of(context, batch)
        console.print(
            f"{batch}: {opened.total} takes, {before.open} to render, {opened.done} done already",
        )
        if not wait:
            return
        ended = stay(
            context,
            batch,
            console=console,
            patience=settings.patience,
            again=f"rushes submit {options.written()}{manifest}",
        )
    raise SystemExit(ended.exit)


def _read(manifest: Path, options: ManifestOptions, settings: Settings) -> Loaded:
    """The manifest, with a budget that can be kept if it has one. Raises `ManifestError`."""
    read = load(manifest, options)
    prices = settings.prices
    check_budget(read.manifest, own_prices=None if prices is None else read_prices(prices), source=str(manifest))
    return read


def _open(context: Context, loaded: Loaded, options: ManifestOptions, console: Console) -> Opening:
    manifest = loaded.manifest
    # What a person starts anew is not held up by a pause whose cause they may just have mended.
    for provider in manifest.providers:
        context.room.set_limits(provider, context.limits(provider))
    opened = open_batch(context, manifest, loaded.inputs, options.choice)
    say_opening(console, manifest.batch, opened)
    return opened
