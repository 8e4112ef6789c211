"""What the page is given: a batch as one JSON value, in which nothing that many takes share is said twice.

    {"batch": ..., "axes": [...], "shots": [...], "prompts": [...], "params": [...], "takes": [row, ...], ...}

A row is an array, in the order of `Row`; what it names by a number stands in the table of that name. `page/js/model.js`
reads it. The same batch makes the same value: nothing in it tells when it was made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from jobs.fields.templates import as_text
from jobs.sweeps import combining
from jobs.sweeps.axes import Listed
from jobs.sweeps.keys import columns_of
from jobs.takes import Asked, AxisValue
from jobs.takes.strands import strands_of
from workers.gallery.looking import Sight, View
from workers.receipts import Receipt

SCHEMA = 1

STATES = (
    "done",
    "rendering",
    "submitting",
    "waiting",
    "paused",
    "doubt",
    "failed",
    "cancelled",
    "waived",
)
"""In the order in which the page lists them."""


class Row(NamedTuple):
    """One take. Times are in seconds, `submitted` since the epoch, the others since then. `cost` is for display alone:
    the receipt has it exactly. `axes` are the places of the values in the tables of the axes of its shot.

    `more` holds what few takes have: `why`, `kind`, `attempt` (where it isn't the first), `besides`, `old`, `warnings`,
    `reused` and `parents`.
    """

    name: str
    shot: int
    state: int
    axes: tuple[int, ...]
    prompt: int
    params: int
    seed: int | None = None
    cost: float | None = None
    money: int | None = None
    video: int | None = None
    seconds: float | None = None
    bytes: int | None = None
    submitted: int | None = None
    rendered: float | None = None
    stored: float | None = None
    poster: int = 0
    more: Mapping[str, Any] | None = None


@dataclass
class _Table:
    """Values by the order in which they were first seen."""

    values: list[Any] = field(default_factory=list)
    _places: dict[Hashable, int] = field(default_factory=dict)

    def place(self, value: Any, key: Hashable) -> int:
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = len(self.values)
            self.values.append(value)
        return found


def page_data(view: View) -> dict[str, Any]:
    """The value that the page of this batch is given, but for how its files are reached."""
    manifest = view.lineage.current
    axes = _axes(view)
    order = {name: {key: at for at, key in enumerate(map(as_text, values))} for name, values in axes.items()}
    shots, prompts, params, money, videos = _Table(), _Table(), _Table(), _Table(), _Table()
    grouped = _together(view)
    rows = []
    for sight in view.sights:
        folder = sight.name.partition("/")[0]
        names = tuple(sight.axes)
        shot = {"name": sight.shot, "folder": folder, "edition": sight.edition, "axes": names}
        shot |= {"together": grouped.get(folder, [])}
        rows.append(
            _row(
                sight,
                shot=shots.place(shot, (folder, names)),
                axes=tuple(order[name][as_text(value)] for name, value in sight.axes.items()),
                prompt=prompts.place(sight.asked.prompt, sight.asked.prompt),
                params=_params(sight.asked, names, params),
                money=money,
                videos=videos,
            )
        )
    return {
        "schema": SCHEMA,
        "batch": view.batch,
        # Stays what it is when the manifest is edited: what a person picked in a browser is kept under it.
        "id": strands_of(view.lineage.manifests)[0].digest[:16],
        "provider": " or ".join(manifest.providers),
        "model": manifest.model,
        "total": view.expansion.live_total,
        "unshown": view.unshown,
        "spent": _spent(view.sights),
        "states": STATES,
        "axes": [[name, values] for name, values in axes.items()],
        "shots": shots.values,
        "prompts": prompts.values,
        "params": params.values,
        "money": money.values,
        "videos": videos.values,
        "takes": rows,
        "picks": {take: pick.model_dump(mode="json") for take, pick in view.picks.picks.items()},
    }


def _row(
    sight: Sight,
    *,
    shot: int,
    axes: tuple[int, ...],
    prompt: int,
    params: int,
    money: _Table,
    videos: _Table,
) -> Row:
    more: dict[str, Any] = {}
    if sight.why:
        more["why"] = sight.why
    if sight.kind:
        more["kind"] = sight.kind
    if sight.attempt is not None and sight.attempt > 1:
        more["attempt"] = sight.attempt
    if sight.besides is not None:
        more["besides"] = sight.besides.partition("/")[2]
    if not sight.live:
        more["old"] = 1
    row = Row(
        name=sight.name.partition("/")[2],
        shot=shot,
        state=STATES.index(sight.state),
        axes=axes,
        prompt=prompt,
        params=params,
        seed=sight.asked.seed,
    )
    if sight.receipt is not None:
        row = _with_receipt(row, sight.receipt, more, money, videos)
    return row._replace(poster=int(sight.poster), more=more or None)


def _with_receipt(row: Row, receipt: Receipt, more: dict[str, Any], money: _Table, videos: _Table) -> Row:
    if receipt.warnings:
        more["warnings"] = receipt.warnings
    if receipt.reused is not None:
        more["reused"] = f"{receipt.reused.batch}/{receipt.reused.take}"
    if parents := parents_of(receipt):
        more["parents"] = parents
    video, cost, times = receipt.video, receipt.cost, receipt.times
    shape = (video.width, video.height, round(video.fps, 3), video.frames, video.codec)
    since = times.submitted
    return row._replace(
        seed=receipt.seed if receipt.seed is not None else row.seed,
        cost=None if cost.amount is None else float(cost.amount),
        money=money.place([cost.currency, cost.basis], (cost.currency, cost.basis)),
        video=videos.place(list(shape), shape),
        seconds=round(video.duration, 3),
        bytes=video.bytes,
        submitted=None if since is None else int(since),
        rendered=_after(since, times.rendered),
        stored=_after(since, times.stored) if receipt.reused is None else None,
    )


def parents_of(receipt: Receipt) -> list[str]:
    """The takes of this batch from which a take was made, each once."""
    return list(dict.fromkeys(parent.take for parent in receipt.parents))


def _after(since: float | None, moment: float | None) -> float | None:
    return None if since is None or moment is None else round(moment - since, 1)


def _params(asked: Asked, swept: tuple[str, ...], table: _Table) -> int:
    """The place of what is asked besides the prompt and what the axes set."""
    given = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asked.asked().items()
        if name not in ("prompt", "seed") and name not in swept
    }
    return table.place(given, repr(given))


def _spent(sights: Iterable[Sight]) -> list[list[str]]:
    """What the takes that are shown have cost, exactly, by currency; what isn't known is not in it."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for sight in sights:
        cost = None if sight.receipt is None else sight.receipt.cost
        if cost is not None and cost.amount is not None and cost.currency is not None:
            sums[cost.currency] += cost.amount
    return [[f"{amount:f}", currency] for currency, amount in sorted(sums.items())]


def _axes(view: View) -> dict[str, list[AxisValue]]:
    """The axes in the order of the manifest, each with the values that any of the takes has, in their order."""
    seen: dict[str, dict[str, AxisValue]] = {}
    for sight in view.sights:
        for name, value in sight.axes.items():
            seen.setdefault(name, {}).setdefault(as_text(value), value)
    listed: dict[str, dict[str, int]] = {}
    for shot in view.lineage.current.shots:
        for name, axis in shot.mix().axes().items():
            if isinstance(axis, Listed):
                places = listed.setdefault(name, {})
                for value in axis.values:
                    places.setdefault(as_text(value), len(places))
    return {name: sorted(found.values(), key=_sorting(found, listed.get(name))) for name, found in seen.items()}


def _sorting(found: Mapping[str, AxisValue], listed: Mapping[str, int] | None) -> Callable[[AxisValue], Any]:
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in found.values()):
        return lambda value: value
    places = dict(listed or {})
    for text in found:
        places.setdefault(text, len(places))
    return lambda value: places[as_text(value)]


def _together(view: View) -> dict[str, list[list[str]]]:
    """Of each shot's folder the axes through which it goes at once, which the page shows as one."""
    found: dict[str, list[list[str]]] = {}
    for strand in strands_of(view.lineage.manifests):
        mix = strand.shot.mix()
        terms = mix.terms()
        groups = [_zipped(term, mix.sweep) for term in terms]
        if groups:
            # Of a union only what holds in each part: elsewhere the two may go apart.
            shared = [group for group in groups[0] if all(group in each for each in groups)]
            folder = strand.shot.name if strand.edition == 1 else f"{strand.shot.name}.{strand.edition}"
            found[folder] = [list(group) for group in shared if len(group) > 1]
    return found


def _zipped(term: combining.Term, sweep: Mapping[str, Any]) -> list[tuple[str, ...]]:
    groups: list[tuple[str, ...]] = []
    for part in term:
        if isinstance(part, combining.Named):
            groups.append(tuple(columns_of(part.name, sweep[part.name])))
        elif all(len(member) == 1 for member in part.members):
            names = combining.names_of((part,))
            groups.append(tuple(column for name in names for column in columns_of(name, sweep[name])))
    return groups
