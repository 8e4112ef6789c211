"""`rushes gallery`: the page on which the takes of a batch are looked at, compared and picked."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from jobs.takes.naming import name_fault
from rushes.costs import prove_there
from rushes.follow import plain_console
from rushes.session import rehearsal_store
from workers.context import Context
from workers.errors import RedisError, SettingsError
from workers.gallery.data import page_data
from workers.gallery.keeper import PageKeeper, Refresher
from workers.gallery.looking import GALLERY, Onlooker, View
from workers.gallery.page import origin_of, write_page
from workers.gallery.posters import make_posters
from workers.gallery.tending import Claim
from workers.receipts import keys_of
from workers.settings import load_settings
from workers.store import Store, open_store

LONGEST_DAYS = 7
"""A presigned link of S3 holds no longer than that."""


@click.command()
@click.argument("batch")
@click.option("--serve", is_flag=True, help="Serve it on this machine; picks are saved straight into the batch.")
@click.option("--port", default=0, show_default=True, help="For --serve; 0 takes a free one.")
@click.option("--presign", is_flag=True, help="Write a page of its own whose links anyone can open for some days.")
@click.option(
    "--days", type=click.IntRange(1, LONGEST_DAYS), default=LONGEST_DAYS, show_default=True, help="For --presign."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="For --presign: the file to write.")
@click.option("--posters/--no-posters", default=True, show_default=True, help="Make the posters that are missing.")
@click.option("--sandbox", "rehearsed", is_flag=True, help="The rehearsal of BATCH.")
def gallery(
    batch: str, serve: bool, port: int, presign: bool, days: int, out: Path | None, posters: bool, rehearsed: bool
) -> None:
    """Write the gallery of BATCH: one page beside its results, which opens from the disk, a web server or a bucket.

    A run writes it, too. It needs no server: what is picked in it stays in the browser until it is exported and read
    back with rushes picks import; with --serve it goes straight into the batch.
    """
    if serve and presign:
        raise click.UsageError("--serve and --presign exclude each other")
    if (out is not None or days != LONGEST_DAYS) and not presign:
        raise click.UsageError("--out and --days go with --presign")
    console = plain_console(stderr=True)
    onlooker = onlooker_of(batch, rehearsed=rehearsed)
    if posters:
        made = make_posters(onlooker, warn=lambda told: console.print(told, soft_wrap=True))
        if made:
            console.print(f"{batch}: {made:,} posters made", soft_wrap=True)
    if serve:
        asyncio.run(_serve(onlooker, port))
    elif presign:
        click.echo(_presigned(onlooker, days, out or Path(f"{batch}-gallery.html")))
    else:
        PageKeeper(onlooker).write()
        click.echo(onlooker.store.url(f"{batch}/{GALLERY}"))


def onlooker_of(batch: str, *, rehearsed: bool) -> Onlooker:
    """What looks at a batch that is in the store. Raises `NoSuchBatch`."""
    settings = load_settings(os.environ, Path.cwd())
    place = rehearsal_store(settings.store) if rehearsed else settings.store
    store = open_store(place)
    if name_fault(batch) is not None or not store.exists(f"{batch}/.rushes/manifest.json"):
        prove_there(store, batch, place)
    return Onlooker(store, batch)


def view_of(onlooker: Onlooker) -> View:
    """The batch as it is now."""
    listing = onlooker.listing()
    if listing is None:
        raise SettingsError(f"{onlooker.store.url(onlooker.batch)} holds no batch: it has no frozen manifest")
    return onlooker.view(listing)


@contextmanager
def kept_gallery(context: Context, batch: str, console: Console) -> Iterator[Refresher]:
    """Keeps the page of a batch up to date for as long as the block runs, and writes it a last time at its end.

    Workers leave it alone meanwhile.
    """

    def warn(told: str) -> None:
        console.print(told, style="yellow", soft_wrap=True)

    claim = Claim(context.room)

    def mine() -> None:
        # Whoever follows the batch says that Redis is away, and the page needs none.
        with suppress(RedisError):
            claim.hold(batch)

    refresher = Refresher(PageKeeper(Onlooker(context.store, batch)), context.clock, warn, before=mine)
    try:
        yield refresher
    finally:
        refresher.finish()


def _presigned(onlooker: Onlooker, days: int, out: Path) -> str:
    view = view_of(onlooker)
    seconds = days * 86_400
    until = int(time.time()) + seconds
    links: list[list[str] | None] = []
    origins: set[str] = set()
    for sight in view.sights:
        if sight.receipt is None:
            links.append(None)
            continue
        keys = keys_of(view.batch, sight.name)
        signed = [
            _signed(onlooker.store, key, seconds) for key in (keys.video, keys.last_frame, keys.poster, keys.receipt)
        ]
        origins.add(origin_of(signed[0]))
        links.append(signed)
    data: dict[str, Any] = {**page_data(view), "links": links, "until": until}
    files = write_page(data, origins=sorted(origins))
    for name, body in files.items():
        path = out if name == GALLERY else out.with_name(name)
        # Whoever has the page has the videos, for as long as its links hold.
        with open(path, "wb", opener=lambda file, flags: os.open(file, flags, 0o600)) as file:
            file.write(body)
    return str(out)


def _signed(store: Store, key: str, seconds: int) -> str:
    link = store.presign(key, seconds=seconds)
    if link is None:
        raise SettingsError(
            f"{store.url(key)} is in a folder, which has no links to give out. Copy the batch's folder with its "
            f"{GALLERY}, or store in a bucket"
        )
    return link


async def _serve(onlooker: Onlooker, port: int) -> None:
    from workers.gallery.serving import application, listen  # aiohttp's server is of no use to the other commands

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    view_of(onlooker)
    try:
        runner, url = await listen(application(onlooker), port)
    except OSError as error:
        raise SettingsError(f"port {port} can't be listened at: {error.strerror}; take another --port, or 0") from error
    click.echo(f"{onlooker.batch}: {url} (Ctrl-C ends it)")
    try:
        await stop.wait()
    finally:
        await runner.cleanup()
