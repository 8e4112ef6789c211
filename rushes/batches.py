"""`rushes run`, `submit` and `plan`: what is done with a manifest."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from rich.console import Console

from jobs.capabilities import capabilities
from jobs.expansion import Expansion
from jobs.loading import Loaded, load_with_inputs
from jobs.plan import plan as make_plan
from jobs.prices.own import read_prices
from rushes.ending import Ending, ending
from rushes.exits import Exit
from rushes.follow import follow, plain_console
from rushes.session import private_redis, sandbox, worker
from rushes.summary import summarize
from workers.broker.addresses import redis_url
from workers.broker.connection import connect, prove
from workers.clock import SystemClock
from workers.context import Context, make_context
from workers.engine.room import Standing
from workers.inputs.handover import Planned, plan_inputs
from workers.inputs.resolving import store_facts
from workers.opening import Opening, open_batch
from workers.settings import Settings, environment, load_settings
from workers.store import open_store

MANIFEST = click.argument("manifest", type=click.Path(path_type=Path))


@click.command()
@MANIFEST
@click.option("--json", "as_json", is_flag=True, help="As JSON, for a program to read.")
def plan(manifest: Path, as_json: bool) -> None:
    """Print what rendering MANIFEST comes to. Nothing is sent."""
    settings = load_settings(os.environ, Path.cwd())
    loaded, prices = load_with_inputs(manifest), settings.prices
    planned = make_plan(loaded.manifest, own_prices=None if prices is None else read_prices(prices))
    inputs = _planned_inputs(loaded, settings)
    if as_json:
        told = planned.to_json() | {"inputs": None if inputs is None else inputs.to_json()}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        head, *shots = "\n".join(planned.lines()).split("\n\n")
        told_inputs = [] if inputs is None else [f"inputs    {inputs}"]
        click.echo("\n".join([head, *told_inputs]))
        for shot in shots:
            click.echo(f"\n{shot}")


@click.command()
@MANIFEST
@click.option("--sandbox", "rehearse", is_flag=True, help="Rehearse: every provider is the bundled sandbox.")
def run(manifest: Path, rehearse: bool) -> None:
    """Render MANIFEST here and now, with one worker, and stay until it has ended.

    With nothing configured it brings a private Redis along and stores to ./renders. Ctrl-C finishes the steps in hand;
    the same command carries on.
    """
    console, clock = plain_console(), SystemClock()
    # Being told to end, and a terminal that is closed, drain as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    read = load_with_inputs(manifest)
    loaded = read.manifest
    environ = environment(os.environ, Path.cwd())
    with ExitStack() as stack:
        if rehearse:
            environ = stack.enter_context(sandbox(load_settings(environ, Path.cwd()), environ, clock))
        settings = load_settings(environ, Path.cwd())
        # Where one of these is wrong, nothing needs to be started to say so.
        settings.key(loaded.provider)
        open_store(settings.store)
        tend_redis = stack.enter_context(private_redis(settings, environ, clock))
        context = stack.enter_context(_reached(settings, environ, console))
        _open(context, read, console)
        expansion = Expansion(loaded)
        before = _standing(context, loaded.batch)
        try:
            ended = ending(before, idle=0.0, patience=settings.patience) if before.open == 0 else None
            if ended is None:
                context.store.check()
                tend_worker = stack.enter_context(worker(settings, environ, clock))

                def tend() -> None:
                    tend_redis()
                    tend_worker()

                ended = follow(
                    context.room,
                    expansion,
                    clock=clock,
                    console=console,
                    patience=settings.patience,
                    tend=tend,
                )
        except KeyboardInterrupt:
            ended = Ending(Exit.INTERRUPTED, "interrupted; finishing the steps in hand")
            console.print("stopping: finishing the steps in hand (Ctrl-C again to stop at once)")
        after = _standing(context, loaded.batch)
        summarize(console, context, expansion, ended, before=before, after=after, manifest=str(manifest))
    raise SystemExit(ended.exit)


@click.command()
@MANIFEST
@click.option("--wait", is_flag=True, help="Stay and show how it gets on until it has ended.")
def submit(manifest: Path, wait: bool) -> None:
    """Hand MANIFEST to the workers of RUSHES_REDIS_URL, from any machine."""
    console, clock = plain_console(), SystemClock()
    read = load_with_inputs(manifest)
    loaded = read.manifest
    environ = environment(os.environ, Path.cwd())
    settings = load_settings(environ, Path.cwd())
    if settings.redis_url is None:
        raise click.UsageError(
            "RUSHES_REDIS_URL is not set, so there are no workers to hand this to. "
            f"Set it, or render here: rushes run {manifest}"
        )
    with _reached(settings, environ, console) as context:
        opened = _open(context, read, console)
        before = _standing(context, loaded.batch)
        console.print(
            f"{loaded.batch}: {opened.total} takes, {before.open} to render, {opened.done} done already",
        )
        if not wait:
            return
        ended = follow(
            context.room,
            Expansion(loaded),
            clock=clock,
            console=console,
            patience=settings.patience,
            tend=lambda: None,
        )
        after = _standing(context, loaded.batch)
        summarize(console, context, Expansion(loaded), ended, before=before, after=after, manifest=str(manifest))
    raise SystemExit(ended.exit)


@contextmanager
def _reached(settings: Settings, environ: Mapping[str, str], console: Console) -> Iterator[Context]:
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


def _planned_inputs(loaded: Loaded, settings: Settings) -> Planned | None:
    """How the manifest's local files will reach the provider; None when there are none."""
    if not loaded.inputs:
        return None
    facts = store_facts(open_store(settings.store), public=settings.store_public)
    return plan_inputs(loaded.manifest, loaded.inputs, capabilities(loaded.manifest.provider), facts, settings.inputs)


def _open(context: Context, loaded: Loaded, console: Console) -> Opening:
    manifest = loaded.manifest
    # What a person starts anew is not held up by a pause whose cause they may just have mended.
    context.room.set_limits(manifest.provider, context.limits(manifest.provider))
    opened = open_batch(context, manifest, loaded.inputs)
    told = [
        (opened.followed, "accepted before and followed again"),
        (opened.retried, "failed before and tried again"),
        (opened.doubted, "in doubt"),
        (opened.lost, "done before, but their receipts are gone"),
    ]
    for count, what in told:
        if count:
            console.print(f"{manifest.batch}: {count} takes {what}")
    return opened


def _standing(context: Context, batch: str) -> Standing:
    standing = context.room.standing(batch)
    assert standing is not None, "the batch was opened a moment ago"
    return standing
