"""A row a take: where it stands, what was asked, what came, what it cost, where it lies, and what is thought of it.

Columns are the same for every take of a batch: its axes (`axis.place`) stand between what it is and what came.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice

from jobs.takes import Take
from jobs.takes.expansion import Expansion
from workers.accounts.report import exact
from workers.context import Context
from workers.engine.census import Census
from workers.engine.states import State
from workers.errors import ObjectMissing
from workers.picks import Picks, read_picks
from workers.receipts import Receipt, read_receipt

Value = str | int | float | bool | None
Row = dict[str, Value]

AXIS = "axis."
READ_AT_ONCE = 16
ROWS_AT_ONCE = 512

BEFORE_AXES = ("batch", "shot", "edition", "take", "number", "index", "state", "provider", "model")
AFTER_AXES = (
    "prompt",
    "duration",
    "resolution",
    "aspect_ratio",
    "seed_asked",
    "seed",
    "attempt",
    "job_id",
    "cost",
    "cost_currency",
    "cost_basis",
    "estimated",
    "estimated_currency",
    "submitted",
    "rendered",
    "stored",
    "render_seconds",
    "video",
    "video_sha256",
    "video_bytes",
    "width",
    "height",
    "fps",
    "frames",
    "video_seconds",
    "codec",
    "last_frame",
    "last_frame_sha256",
    "receipt",
    "reused",
    "warnings",
    "failure",
    "failure_message",
    "picked",
    "star",
    "rating",
    "rejected",
    "note",
    "identity",
)
NUMBERS = frozenset({"edition", "number", "index", "seed_asked", "seed", "attempt", "video_bytes"})
NUMBERS |= {"width", "height", "frames", "rating"}
FRACTIONS = frozenset({"fps", "video_seconds", "render_seconds"})
YES_OR_NO = frozenset({"picked", "star", "rejected"})


def columns(expansion: Expansion) -> tuple[str, ...]:
    """The columns of a batch's rows, in order. All takes of a strand have the axes of its first."""
    axes: dict[str, None] = {}
    for strand in expansion.lineage.strands():
        axes.update(dict.fromkeys(f"{AXIS}{name}" for name in expansion[strand.start].axes))
    return (*BEFORE_AXES, *axes, *AFTER_AXES)


def rows(context: Context, batch: str, *, picked: bool = False) -> Iterator[Row]:
    """The takes of an open batch that its manifest asks for, and those it asked for before that are done, by index.

    With `picked` those alone that have a star and weren't rejected. Receipts are read as they are needed, a few hundred
    takes at a time, so a large batch takes no more memory than a small one. Raises `RedisError`, and the `StoreError`s
    of the store.
    """
    expansion = context.expansion(batch)
    census = context.room.census(batch)
    picks, names = read_picks(context.store, batch), columns(expansion)
    wanted = iter(_wanted(expansion, census, set(picks.picked()) if picked else None))
    with ThreadPoolExecutor(READ_AT_ONCE, thread_name_prefix="export") as pool:
        while together := list(islice(wanted, ROWS_AT_ONCE)):
            yield from pool.map(
                lambda index: _row(context, expansion, names, index, census.state(index), picks), together
            )


def done_receipts(context: Context, batch: str, *, picked: bool = False) -> Iterator[Receipt]:
    """The receipts of the takes that are done, by index; with `picked`, of those alone that were. Raises as `rows`."""
    expansion = context.expansion(batch)
    census = context.room.census(batch)
    chosen = set(read_picks(context.store, batch).picked()) if picked else None
    indices = (index for index in _wanted(expansion, census, chosen) if census.state(index) is State.DONE)
    with ThreadPoolExecutor(READ_AT_ONCE, thread_name_prefix="export") as pool:
        while together := list(islice(indices, ROWS_AT_ONCE)):
            found = pool.map(lambda index: _receipt(context, expansion[index]), together)
            yield from (receipt for receipt in found if receipt is not None)


def _wanted(expansion: Expansion, census: Census, chosen: set[str] | None) -> Iterator[int]:
    if chosen is not None:
        found = sorted(index for name in chosen if (index := expansion.find(name)) is not None)
        yield from (index for index in found if _counts(expansion, census, index))
        return
    yield from (index for index in range(expansion.total) if _counts(expansion, census, index))


def _counts(expansion: Expansion, census: Census, index: int) -> bool:
    return expansion.is_live(index) or census.state(index) is not State.WAITING


def _receipt(context: Context, take: Take) -> Receipt | None:
    try:
        return read_receipt(context.store, take.batch, take.name)
    except ObjectMissing:
        return None  # Redis believes it done, and the store knows better


def _row(context: Context, expansion: Expansion, names: tuple[str, ...], index: int, state: State, picks: Picks) -> Row:
    take = expansion[index]
    asked = take.asked
    row: Row = dict.fromkeys(names)
    row |= {
        "batch": take.batch,
        "shot": take.shot,
        "edition": take.edition,
        "take": take.name,
        "number": take.number,
        "index": take.index,
        "state": "in doubt" if state is State.DOUBT else state.value,
        "provider": take.provider,
        "model": asked.model,
        **{f"{AXIS}{name}": value for name, value in take.axes.items()},
        "prompt": asked.prompt,
        "duration": None if asked.duration is None else str(asked.duration),
        "resolution": asked.resolution,
        "aspect_ratio": asked.aspect_ratio,
        "seed_asked": asked.seed,
        "identity": asked.identity(),
    }
    pick = picks.picks.get(take.name)
    if pick is not None:
        row |= {
            "picked": pick.picked,
            "star": pick.star,
            "rating": pick.rating,
            "rejected": pick.rejected,
            "note": pick.note,
        }
    receipt = _receipt(context, take) if state is State.DONE else None
    if receipt is not None:
        return row | _of_receipt(context, receipt)
    record = context.room.take(take.batch, index)
    if record is not None:
        error = record.value("error") or {}
        row |= {
            "attempt": record.attempt,
            "job_id": (record.job or {}).get("id"),
            "submitted": _time(record.time("submitted_at")),
            "failure": error.get("kind"),
            "failure_message": None if "message" not in error else context.clean(str(error["message"])),
        }
    return row


def _of_receipt(context: Context, receipt: Receipt) -> Row:
    times, video, cost = receipt.times, receipt.video, receipt.cost
    took = None if times.submitted is None or times.rendered is None else round(times.rendered - times.submitted, 3)
    reused = receipt.reused
    stem = video.key.removesuffix(".mp4")
    return {
        "provider": receipt.provider,
        "model": receipt.model,
        "seed": receipt.seed if receipt.seed is not None else receipt.asked.seed,
        "attempt": receipt.attempt,
        "job_id": receipt.job_id,
        "cost": _amount(cost.amount),
        "cost_currency": cost.currency,
        "cost_basis": cost.basis,
        "estimated": _amount(cost.estimated),
        "estimated_currency": cost.estimated_currency,
        "submitted": _time(times.submitted),
        "rendered": _time(times.rendered),
        "stored": _time(times.stored),
        "render_seconds": took,
        "video": context.store.url(video.key),
        "video_sha256": video.sha256,
        "video_bytes": video.bytes,
        "width": video.width,
        "height": video.height,
        "fps": video.fps,
        "frames": video.frames,
        "video_seconds": video.duration,
        "codec": video.codec,
        "last_frame": context.store.url(receipt.last_frame.key),
        "last_frame_sha256": receipt.last_frame.sha256,
        "receipt": context.store.url(f"{stem}.receipt.json"),
        "reused": None if reused is None else f"{reused.batch}/{reused.take}",
        "warnings": "; ".join(receipt.warnings) or None,
    }


def _amount(amount: Decimal | None) -> str | None:
    # A float would change it.
    return None if amount is None else exact(amount)


def _time(at: float | None) -> str | None:
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
