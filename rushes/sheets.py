"""`rushes sheet`: takes on one picture, in a PDF, or playing side by side in one video, for a mail or a chat."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from jobs.errors import RushesError
from rushes.galleries import onlooker_of, view_of
from workers.gallery.looking import Sight, View
from workers.receipts import keys_of
from workers.store import Store


class NothingToShow(RushesError):
    """No take is as was asked for, or there are too many for one sheet."""

    exit_code = 2


@click.command()
@click.argument("batch")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="The file; .png, .pdf or, with --video, .mp4."
)
@click.option("--video", is_flag=True, help="A video of up to 25 takes that play together.")
@click.option("--picked", is_flag=True, help="Only takes with a star that were not rejected.")
@click.option("--shot", help="Only the takes of this shot.")
@click.option(
    "--columns", type=click.IntRange(1, 40), help="How many beside each other; unset, as fills the sheet best."
)
@click.option("--first", type=click.IntRange(1), help="Only so many, from the first on.")
@click.option("--sandbox", "rehearsed", is_flag=True, help="Of the rehearsal of BATCH.")
def sheet(
    batch: str,
    out: Path | None,
    video: bool,
    picked: bool,
    shot: str | None,
    columns: int | None,
    first: int | None,
    rehearsed: bool,
) -> None:
    """Put takes of BATCH onto a contact sheet: batch.png here, unless --out says otherwise."""
    out = out or Path(f"{batch}{'.mp4' if video else '.png'}")
    forms = (".mp4",) if video else (".png", ".pdf")
    if out.suffix.lower() not in forms:
        raise click.UsageError(f"--out must end in {' or '.join(forms)}, to say what to write")
    onlooker = onlooker_of(batch, rehearsed=rehearsed)
    view = view_of(onlooker)
    sights = _chosen(view, picked=picked, shot=shot, done=video)[:first]
    if not sights:
        besides = " with a star" if picked else ""
        raise NothingToShow(
            f"{batch} has no {'finished ' if video else ''}take{besides}{f' of {shot}' if shot else ''}"
        )
    try:
        if video:
            _video(onlooker.store, view, sights, out, columns)
        else:
            _picture(onlooker.store, view, sights, out, columns)
    except ValueError as error:
        raise NothingToShow(f"{error}. Take fewer with --picked, --shot or --first, or write a PDF") from error
    except OSError as error:
        raise NothingToShow(f"{out} can't be written: {error.strerror or error}") from error
    click.echo(str(out))


def _chosen(view: View, *, picked: bool, shot: str | None, done: bool) -> list[Sight]:
    wanted = set(view.picks.picked()) if picked else None
    return [
        sight
        for sight in view.sights
        if sight.live
        and (wanted is None or sight.name in wanted)
        and (shot is None or shot in (sight.shot, sight.name.partition("/")[0]))
        and (sight.receipt is not None or not done)
    ]


def _told(view: View) -> dict[str, tuple[bool, int | None]]:
    return {take: (pick.picked, pick.rating) for take, pick in view.picks.said()}


def _picture(store: Store, view: View, sights: Sequence[Sight], out: Path, columns: int | None) -> None:
    from workers.sheets.contact import contact_sheet  # Pillow is of no use to the other commands
    from workers.sheets.tiles import tiles

    manifest = view.lineage.current
    title = f"{view.batch}   {len(sights):,} takes   {' or '.join(manifest.providers)}, {manifest.model}"
    contact_sheet(store, view.batch, tiles(sights, _told(view)), out, title=title, columns=columns)


def _video(store: Store, view: View, sights: Sequence[Sight], out: Path, columns: int | None) -> None:
    from workers.sheets.mosaic import MOST, mosaic  # nor is FFmpeg
    from workers.sheets.tiles import tiles

    if len(sights) > MOST:
        raise ValueError(f"{len(sights):,} takes are more than the {MOST} that play together")
    with tempfile.TemporaryDirectory(prefix="rushes-sheet-") as folder:
        videos = []
        for at, sight in enumerate(sights):
            path = Path(folder) / f"{at}.mp4"
            path.write_bytes(store.get(keys_of(view.batch, sight.name).video))
            videos.append(path)
        mosaic(videos, tiles(sights, _told(view)), out, columns=columns)
