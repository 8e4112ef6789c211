"""Collect: bring a finished video home, prove that it is whole, and put it and its receipt into the store.

The receipt is written last: a take is done if and only if its receipt exists. Everything before that may be done
again at no cost, for as long as the provider keeps the video.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from jobs.prices import highest_price
from jobs.takes import Take
from workers.chains.record import TakenUp
from workers.context import VERSION, Context
from workers.costs import cost_of
from workers.engine.states import State
from workers.engine.work import TakeRecord, Work
from workers.errors import DamagedVideo, DownloadError, LinkExpired, StoreError, StoreFull
from workers.http.download import Fetched
from workers.ledger import Ending
from workers.logs.subject import Subject, about
from workers.media.container import Container, check_mp4
from workers.media.darkroom import develop, reprint
from workers.media.facts import Facts, poster_size
from workers.media.tags import PARAMETERS, RECEIPT, known_so_far, parameters, write_text
from workers.money import counted_already, spend_of
from workers.receipts import ImageFacts, LastFrame, Receipt, Times, VideoFacts, keys_of, write_receipt
from workers.steps.failures import STORE_SECONDS, attempts_of, store_failed
from workers.steps.spans import ended, spanning

log = logging.getLogger(__name__)

VIDEO_TYPE = "video/mp4"
POSTER_TYPE = "image/webp"
DAMAGE_BELIEVED = 5
"""A video that arrives damaged this often is damaged at the provider."""

NEW_LINKS = 5
NEW_LINK_AFTER = 3
SLOWEST_SECONDS = 120.0
LARGEST_PICTURE = 64 * 1024**2
"""Bytes. A PNG of 4K is a tenth of it."""
SHORT_SECONDS = 0.5
"""A video this much shorter than asked for is worth a word, and, if it is fragmented, may have been cut."""


def collect(context: Context, work: Work) -> None:
    """Bring one rendered take home. A stale hand does nothing."""
    claimed = context.room.claim(work)
    if claimed is None:
        return
    work = claimed
    record = context.room.take(work.batch, work.index)
    if record is None or record.state is not State.COLLECTING or record.fence != work.fence:
        return
    take = context.take(work.batch, work.index)
    rendered = record.value("rendered")
    with (
        context.leases.holding(work),
        about(Subject(take.batch, take.name, record.attempt)),
        spanning(context, "collect", take, record.attempt) as span,
    ):
        try:
            _bring_home(context, work, record, take, rendered)
        except LinkExpired as error:
            span.error = context.clean(str(error))
            _ask_for_link(context, work, record, take, error)
        except DownloadError as error:
            span.error = context.clean(str(error))
            _not_arrived(context, work, record, error)
        except DamagedVideo as error:
            span.error = context.clean(str(error))
            _damaged(context, work, record, take, error)
        except StoreError as error:
            span.error = context.clean(str(error))
            store_failed(context, error)
            _again(context, work, record, str(error), seconds=STORE_SECONDS)
        except OSError as error:
            trouble = StoreFull(
                f"the spool at {context.spool} can't be written: {error.strerror or error}. "
                "Make room there, or set RUSHES_SPOOL"
            )
            span.error = str(trouble)
            store_failed(context, trouble)
            _again(context, work, record, str(trouble), seconds=STORE_SECONDS)


def _parents(context: Context, take: Take, attempt: int) -> tuple[TakenUp, ...]:
    """The files of other takes that the attempt was sent with, as its intent has them."""
    if not any(start <= take.index < end for start, end in context.expansion(take.batch).chained):
        return ()
    return context.ledger(take.batch).intent(take.name, attempt).parents


def _bring_home(context: Context, work: Work, record: TakeRecord, take: Take, rendered: dict[str, Any]) -> None:
    with _room_on_disk(context, work) as folder:
        fetched = context.download.fetch(rendered["video_url"], folder / "take.mp4")
        downloaded = context.clock.now()
        container = check_mp4(fetched.path)
        picture, poster = folder / "last.png", folder / "poster.webp"
        facts = develop(fetched.path, picture, poster, poster_of=context.settings.poster)
        size = facts.width, facts.height
        source: Literal["decoded", "provider"] = "decoded"
        warnings = _warnings(
            take, container, facts, patient=int(record.fields.get("damaged", 0)) >= DAMAGE_BELIEVED - 1
        )
        if take.last_frame == "provider":
            try:
                size = _their_last_frame(context, folder, picture, rendered["last_frame_url"])
                source = "provider"
            except (DownloadError, DamagedVideo) as error:
                warnings += (f"the last frame is ours, since the provider's could not be had: {error}",)

        keys = keys_of(work.batch, take.name)
        context.store.put_file(keys.video, fetched.path, sha256=fetched.sha256, content_type=VIDEO_TYPE)
        price = highest_price(take, own=context.own_prices)
        cost = cost_of(take, rendered["answer"], facts.duration, context.own_prices, estimated=price)
        poster_width, poster_height = poster_size(facts.width, facts.height)
        known = Receipt(
            batch=take.batch,
            shot=take.shot,
            take=take.name,
            index=take.index,
            number=take.number,
            identity=take.asked.identity(),
            axes=take.axes,
            asked=take.asked,
            provider=take.provider,
            model=take.asked.model,
            job_id=(record.job or {}).get("id", ""),
            attempt=record.attempt,
            times=Times(
                admitted=record.time("admitted_at"),
                submitted=record.time("submitted_at"),
                accepted=record.time("accepted_at"),
                rendered=record.time("rendered_at"),
                downloaded=downloaded,
            ),
            answer=rendered["answer"],
            seed=rendered["seed"],
            video=_video(keys.video, fetched, rendered["video_url"], facts),
            last_frame=LastFrame(key=keys.last_frame, bytes=0, sha256="", width=size[0], height=size[1], source=source),
            poster=ImageFacts(
                key=keys.poster,
                bytes=poster.stat().st_size,
                sha256=_sha256(poster),
                width=poster_width,
                height=poster_height,
            ),
            cost=cost,
            parents=_parents(context, take, record.attempt),
            warnings=warnings,
            rushes_version=VERSION,
        )
        if source == "decoded":
            # What is the provider's own stays as it came.
            write_text(picture, {PARAMETERS: parameters(known), RECEIPT: known_so_far(known)})
        last = known.last_frame.model_copy(update={"bytes": picture.stat().st_size, "sha256": _sha256(picture)})
        context.store.put_file(keys.last_frame, picture, sha256=last.sha256, content_type="image/png")
        context.store.put_file(keys.poster, poster, sha256=_sha256(poster), content_type=POSTER_TYPE)
        times = known.times.model_copy(update={"stored": context.clock.now()})
        write_receipt(context.store, known.model_copy(update={"last_frame": last, "times": times}))
    spend = spend_of(context, take, cost)
    if record.orphan_of is not None:
        of = context.take(work.batch, record.orphan_of).name
        if counted_already(context, work.batch, of, record.attempt):
            spend = 0, 0
    if context.room.move(
        work, State.COLLECTING, State.DONE, counters={"objects": 4, attempts_of("done"): 1}, spend=spend
    ):
        submitted = record.time("submitted_at") or downloaded
        context.traces.attempted(take, record.attempt, submitted, "done")
        context.events.done(take, context.store.url(keys.video), context.clock.now() - submitted)


def _their_last_frame(context: Context, folder: Path, picture: Path, url: str | None) -> tuple[int, int]:
    """Put the provider's own last frame in the place of ours; its size. Ours stays when anything is raised."""
    if url is None:
        raise DownloadError("it named none")
    theirs = context.download.fetch(url, folder / "theirs", largest=LARGEST_PICTURE)
    reprinted = folder / "theirs.png"
    size = reprint(theirs.path, reprinted)
    reprinted.replace(picture)
    return size


def _video(key: str, fetched: Fetched, url: str, facts: Facts) -> VideoFacts:
    return VideoFacts(
        key=key,
        bytes=fetched.bytes,
        sha256=fetched.sha256,
        content_type=VIDEO_TYPE,
        source_url=url,
        width=facts.width,
        height=facts.height,
        fps=facts.fps,
        frames=facts.frames,
        duration=facts.duration,
        codec=facts.codec,
        more={"pix_fmt": facts.pix_fmt, "color_space": facts.color_space, "has_audio": facts.has_audio},
    )


def _warnings(take: Take, container: Container, facts: Facts, *, patient: bool) -> tuple[str, ...]:
    asked = take.asked.duration
    if not isinstance(asked, int) or abs(asked - facts.duration) <= SHORT_SECONDS:
        return ()
    told = f"{asked} s were asked for, the video is {facts.duration:.2f} s long"
    if container.fragmented and facts.duration < asked and not patient:
        # Cut between two fragments, a file looks whole. It is fetched again before it is believed.
        raise DamagedVideo(told)
    return (told,)


def _ask_for_link(context: Context, work: Work, record: TakeRecord, take: Take, error: LinkExpired) -> None:
    links = int(record.fields.get("links", 0)) + 1
    if links > NEW_LINKS:
        _failed(context, work, record, take, "expired", f"{error}; {NEW_LINKS} new links were dead as well")
        return
    why = context.clean(str(error))
    log.warning("%s: %s; asking for a new link", take.name, why)
    context.room.move(
        work,
        State.COLLECTING,
        State.RENDERING,
        delay=_backoff(links),
        fields={"links": links, "waits_for": why},
    )


def _not_arrived(context: Context, work: Work, record: TakeRecord, error: DownloadError) -> None:
    tries = int(record.fields.get("tries", 0)) + 1
    if tries % NEW_LINK_AFTER:
        _again(context, work, record, str(error))
        return
    # The link may lead nowhere any more without saying so; the provider knows where the video is now.
    fields = {"tries": tries, "waits_for": context.clean(str(error))}
    context.room.move(work, State.COLLECTING, State.RENDERING, delay=_backoff(tries), fields=fields)


def _damaged(context: Context, work: Work, record: TakeRecord, take: Take, error: DamagedVideo) -> None:
    seen = int(record.fields.get("damaged", 0)) + 1
    if seen >= DAMAGE_BELIEVED:
        _failed(context, work, record, take, "damaged", f"the video came damaged {seen} times: {error}")
        return
    _again(context, work, record, str(error), damaged=seen)


def _failed(context: Context, work: Work, record: TakeRecord, take: Take, kind: str, message: str) -> None:
    told = {"kind": kind, "message": context.clean(message), "status": None, "body": None}
    log.error("%s: %s", take.name, told["message"])
    of = take if record.orphan_of is None else context.take(work.batch, record.orphan_of)
    try:
        context.ledger(work.batch).end(
            Ending(
                take=of.name,
                attempt=record.attempt,
                kind=kind,
                message=str(told["message"]),
                body=None,
                at=context.clock.now(),
            ),
            orphan=None if record.orphan_of is None or record.job is None else record.job["id"],
        )
    except StoreError as trouble:
        store_failed(context, trouble)
        _again(context, work, record, str(trouble), seconds=STORE_SECONDS)
        return
    moved = context.room.move(
        work,
        State.COLLECTING,
        State.FAILED,
        fields={"error": told, "damaged": None, "links": None},
        counters={"objects": 1, attempts_of(kind): 1},
        spend="all",
    )
    if moved:
        ended(context, record, take, kind, str(told["message"]))
        context.events.failed(take, str(told["message"]))


def _again(
    context: Context,
    work: Work,
    record: TakeRecord,
    why: str,
    *,
    seconds: float | None = None,
    damaged: int | None = None,
) -> None:
    tries = int(record.fields.get("tries", 0)) + 1
    told = context.clean(why)
    log.warning("%s/%s: %s; trying again", work.batch, work.index, told)
    fields: dict[str, Any] = {"tries": tries, "waits_for": told}
    if damaged is not None:
        fields["damaged"] = damaged
    context.room.move(
        work,
        State.COLLECTING,
        State.COLLECTING,
        delay=_backoff(tries) if seconds is None else seconds,
        fields=fields,
    )


def _backoff(tries: int) -> float:
    return min(SLOWEST_SECONDS, float(1 << min(tries - 1, 10)))


@contextmanager
def _room_on_disk(context: Context, work: Work) -> Iterator[Path]:
    folder = context.spool / f"{context.settings.namespace}-{work.batch}-{work.index}-{work.fence}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
