"""Opening a batch: freeze its manifest, and bring what Redis believes in line with what the store holds.

The store is the record and Redis a cache of it, so the same few rules serve a new batch, one that is run again, one
whose manifest was edited, and one whose Redis was lost or went back: a receipt means done; an accepted attempt is
followed; an intent and nothing more is in doubt. What is alive in Redis is not touched, unless Redis was started anew
since it was last held against the store. Nothing of a batch is admitted before all of this.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from tzlocal import get_localzone

from jobs.chains.picking import carried
from jobs.inputs import LocalInput
from jobs.manifest import Manifest
from jobs.sweeps.picks import Picks, common, merged
from jobs.sweeps.terms import MOST_LAID_OUT
from jobs.takes.choosing import ALL, Choice, chosen
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from jobs.takes.spans import from_json, to_json
from workers.chains.picks import picks_from_json, picks_to_json, read_picks, write_picks
from workers.context import Context
from workers.engine.states import State
from workers.errors import RedisError, StoreError, StoreRefused
from workers.holds import Holds, bare, overlaid, read_holds, spans_of, write_holds
from workers.inputs.handover import plan_with_any
from workers.inputs.keeping import store_inputs
from workers.inputs.resolving import store_facts
from workers.ledger import Ledger, ManifestChanged, digest_of
from workers.money import terms_of
from workers.receipts import read_receipt
from workers.reconciling import Emptied, Overtaken, reconcile

log = logging.getLogger(__name__)

T = TypeVar("T")

_ATTEMPTS = 3

RECEIPTS_READ = 40
"""Enough to know how long renders take: no more than a moment is spent on it."""

LOOKED_AT = "it was taken up from the store to be looked at, and nobody has set it to work"
"""Why a batch is paused that a command came upon in the store alone. It is in Redis only."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What was found. `done` takes are in the store already; the others were brought back from the record.

    `new` says that Redis didn't know the batch; `reused` takes were given the files of others that asked for the same.
    """

    new: bool
    total: int
    done: int
    followed: int
    doubted: int
    retried: int
    lost: int
    reused: int = 0
    grown: bool = False
    deferred: int = 0
    """Takes that wait, and were left out."""


def open_batch(
    context: Context, manifest: Manifest, inputs: Sequence[LocalInput] = (), choice: Choice = ALL
) -> Opening:
    """Open `manifest`'s batch, or take it up where it was left. Sends nothing to a provider.

    `inputs` are the local files that the manifest names by their content; they are brought to the store. A manifest
    that was edited since the batch was last opened takes the place of the one before: what it asks for and was rendered
    stays done, and what it no longer asks for is not begun. Of what was never begun, that alone is which `choice` is
    about; what is under way goes on, and the rest waits for another opening.

    Raises `jobs.errors.ManifestError` when the choice is of nothing, `ManifestChanged` when Redis and the store tell of
    different batches under this name, `NotHandedOver` when there is no way for a local file to get to the provider,
    `InputChanged`, and the errors of Redis and the store.
    """
    if inputs or Expansion(manifest).chained:
        facts = store_facts(context.store, public=context.settings.store_public)
        plan_with_any(manifest, inputs, facts, context.settings.inputs)

    def attempt(mine: Callable[[], bool]) -> Opening:
        ledger = context.ledger(manifest.batch)
        grew_from = context.room.digest(manifest.batch) or ""
        before = _lineage(context, ledger, manifest.batch, manifest)
        lineage = Lineage.of(manifest) if before is None else before.grown(manifest)
        # Before any worker can know of the batch: what it finds to submit, it finds the files for.
        store_inputs(context.store, inputs)
        holds = read_holds(ledger)
        # By the zone and not by the offset of today, for the night may be the one in which the clocks change.
        now = holds.timed(manifest, datetime.fromtimestamp(context.clock.now(), get_localzone()))
        now = now.model_copy(update={"chosen": chosen(Expansion(lineage), choice) if choice else None})
        if now != holds:
            holds = now
            _check(context, manifest.batch, mine)
            write_holds(ledger, holds)
        return _open(_Opener(context, ledger, mine, grew_from), lineage, holds, again=True)

    return _alone(context, manifest.batch, attempt)


def reopen_batch(
    context: Context, batch: str, *, unless_trusted: bool = False, looking: bool = False
) -> Opening | None:
    """Take a batch up from the store alone: after Redis was lost, or went back, or on another machine.

    None when the store has no such batch, or when it has been taken up meanwhile and `unless_trusted`. Failed takes are
    left as they are. `looking` pauses it, unless Redis knows it: who only looks sets nothing to work. Raises as
    `open_batch` does.
    """

    def attempt(mine: Callable[[], bool]) -> Opening | None:
        if unless_trusted and context.room.trusts(batch):
            return None
        # A restart of Redis is nobody's word that a batch should go on which was only looked at.
        only_looked_at = unless_trusted and context.room.hold_on(batch) == ("paused", LOOKED_AT)
        ledger = context.ledger(batch)
        grew_from = context.room.digest(batch) or ""
        lineage = _lineage(context, ledger, batch, None)
        if lineage is None:
            return None
        opener = _Opener(context, ledger, mine, grew_from)
        return _open(opener, lineage, read_holds(ledger), again=False, looking=looking or only_looked_at)

    return _alone(context, batch, attempt)


@dataclass(frozen=True, slots=True)
class _Opener:
    """Who opens a batch. `mine` asks whether nobody else does by now; `grew_from` is what Redis knew before."""

    context: Context
    ledger: Ledger
    mine: Callable[[], bool]
    grew_from: str

    def freeze(self, lineage: Lineage) -> None:
        """Put it in the place of what was frozen before. Raises `Overtaken` rather than over what came meanwhile."""
        batch = lineage.current.batch
        _check(self.context, batch, self.mine)
        self.ledger.freeze(lineage.to_json())
        if not self.mine():
            # Suspended in the middle of it for longer than the lock lasts: others may have opened it since, and what
            # they froze is what Redis was told.
            newer = self.context.room.manifest(batch)
            if newer is not None:
                self.ledger.freeze(newer)
            raise Emptied(batch) if newer is None else Overtaken(batch)


def _check(context: Context, batch: str, mine: Callable[[], bool]) -> None:
    if not mine():
        raise Emptied(batch) if context.room.digest(batch) is None else Overtaken(batch)


def _alone(context: Context, batch: str, attempt: Callable[[Callable[[], bool]], T]) -> T:
    """Open it where nobody else does; anew, by what is there then, if it is taken out of our hands in the middle.

    So it is when Redis is emptied, with its locks, and when a process was suspended for longer than its lock lasts.
    """
    for _ in range(_ATTEMPTS - 1):
        with context.room.opening(batch) as mine:
            try:
                return attempt(mine)
            except RedisError as error:
                # Wherever in it that was noticed.
                if not isinstance(error, (Emptied, Overtaken)) and context.room.digest(batch) is not None:
                    raise
                log.warning("%s", error)
    with context.room.opening(batch) as mine:
        return attempt(mine)


def _open(opener: _Opener, lineage: Lineage, holds: Holds, *, again: bool, looking: bool = False) -> Opening:
    context, ledger = opener.context, opener.ledger
    batch = lineage.current.batch
    expansion = Expansion(lineage)
    server = context.room.server()
    believed = set(context.room.done(batch))
    trusted = context.room.trusts(batch)
    first = ledger.held() is None
    if first:
        # A name that nobody has opened yet is nobody's before its manifest is kept.
        opener.freeze(lineage)
    picked = read_picks(ledger)
    picks = carried(expansion, picked, MOST_LAID_OUT) if picked else picked
    answer = context.room.open(
        batch,
        digest=lineage.digest(),
        live=expansion.live_total,
        provider=lineage.current.providers,
        manifest=lineage.to_json(),
        spans=spans_of(expansion, holds, picks),
        terms=terms_of(lineage.current, holds),
        grew_from=opener.grew_from,
        chains=json.dumps(expansion.chained),
    )
    if answer == "overtaken":
        raise Overtaken(batch)
    if not first:
        # Redis compares what it grew from, and the store can't: so Redis is told first. Nothing is begun before both.
        opener.freeze(lineage)
    if picks != picked:
        write_picks(ledger, picks)  # what was picked is asked for no more, and something else asks for the same
    unsure = answer == "new" or not trusted
    if answer == "new":
        believed = set()  # whatever was found was left behind by a hand at work, and is gone
    if unsure and looking and holds.hold is None:
        holds = holds.model_copy(update={"hold": "paused", "reason": LOOKED_AT})
    if unsure or answer == "grown":
        _put_picks(context, batch, picks)
    if unsure:
        _hold_back(context, expansion, holds, picks)
    elif not looking and context.room.hold_on(batch) == ("paused", LOOKED_AT):
        context.room.hold(batch, None)
    if again and answer == "same" and not unsure:
        _defer(context, expansion, holds)
    # Whoever let it grow may have died before the rest was done.
    grown = answer == "grown" or not context.room.begun(batch)
    if grown:
        # What was withdrawn while it was under way counts, done or not; what was done before that doesn't.
        counted = context.room.withdrawn(batch)
        gone = [index for index in context.room.done(batch) if not expansion.is_live(index) and index not in counted]
        context.room.unmark(batch, gone)
        believed = {index for index in believed if expansion.is_live(index)}
    found = reconcile(
        context,
        expansion,
        ledger,
        believed,
        unsure=unsure,
        grown=grown,
        again=again,
        server=server,
    )
    if unsure:
        _learn_again(context, expansion)
    if unsure and holds.hold == "cancelled":
        context.room.hold(batch, holds.hold, holds.reason)  # what was found under way is cancelled as well
    return Opening(
        new=answer == "new",
        grown=answer == "grown",
        total=expansion.live_total,
        done=found.done,
        followed=found.followed,
        doubted=found.doubted,
        retried=found.retried,
        lost=found.lost,
        reused=found.reused,
        deferred=0 if holds.chosen is None else _left_out(context, expansion, holds.chosen),
    )


def _learn_again(context: Context, expansion: Expansion) -> None:
    """Take over from the newest receipts how long renders take: Redis may have forgotten it, or not know it yet."""
    batch = expansion.manifest.batch
    found = []
    for index in list(context.room.done(batch))[-RECEIPTS_READ:]:
        take = expansion[index]
        try:
            receipt = read_receipt(context.store, batch, take.name)
        except StoreError as error:
            log.info("%s: its receipt says nothing of how long it took: %s", take.name, error)
            continue
        began, ended = receipt.times.submitted, receipt.times.rendered
        if receipt.reused is None and began is not None and ended is not None and ended > began:
            found.append((take.at(receipt.provider), ended - began))
    context.renders.learn_again(found)


def _put_picks(context: Context, batch: str, picks: Picks) -> None:
    if picks_from_json(context.room.picked(batch)) == picks:
        return
    spans = context.room.spans(batch)
    while not context.room.set_spans(batch, spans, spans, picked=(context.room.picked(batch), picks_to_json(picks))):
        if context.room.digest(batch) is None:
            raise Emptied(batch)
        spans = context.room.spans(batch)


def _hold_back(context: Context, expansion: Expansion, holds: Holds, picks: Picks) -> None:
    """Hold back again what a person held back, before anything of the batch can be admitted."""
    batch = expansion.manifest.batch
    wanted = spans_of(expansion, holds, picks)
    digest = expansion.lineage.digest()
    while (before := context.room.spans(batch)) != wanted:
        if context.room.set_spans(batch, before, wanted, digest=digest):
            break
        if (now := context.room.digest(batch)) != digest:
            raise Emptied(batch) if now is None else Overtaken(batch)
    context.room.hold(batch, holds.hold, holds.reason)
    context.room.prefer(batch, holds.priority)


def _defer(context: Context, expansion: Expansion, holds: Holds) -> None:
    """Let that wait alone which is left out now, in a batch that goes on meanwhile."""
    batch, digest = expansion.manifest.batch, expansion.lineage.digest()
    while True:
        before, picks = context.room.spans(batch), picks_from_json(context.room.picked(batch))
        wanted = to_json(overlaid(bare(from_json(before)), expansion, picks=picks, chosen=holds.chosen))
        if wanted == before or context.room.set_spans(batch, before, wanted, digest=digest):
            return
        if (now := context.room.digest(batch)) != digest:
            raise Emptied(batch) if now is None else Overtaken(batch)


def _left_out(context: Context, expansion: Expansion, chosen: Picks) -> int:
    """How many takes wait that the manifest asks for and that aren't chosen."""
    live = merged((span.start, span.end) for span in expansion.live)
    census = context.room.census(expansion.manifest.batch)
    every, mine = census.counted(live), census.counted(common(live, chosen))
    return sum(every[state] - mine[state] for state in (State.WAITING, State.BLOCKED))


def _lineage(context: Context, ledger: Ledger, batch: str, manifest: Manifest | None) -> Lineage | None:
    """What the name has stood for so far, by the store and by Redis; None when neither knows it.

    Raises `ManifestChanged` when neither of the two leads to the other.
    """
    in_redis = context.room.manifest(batch)
    known = None if in_redis is None else Lineage.from_json(in_redis)
    try:
        frozen = ledger.frozen()
    except StoreRefused:
        # Someone removed or replaced the manifest, or a version of Rushes that told one digest only died here.
        frozen = _torn(ledger, known, manifest)
        if frozen is None:
            raise
    stored = None if frozen is None else Lineage.from_json(frozen)
    if known is None or stored is None:
        return known or stored
    if stored.extends(known):
        return stored
    if known.extends(stored):
        return known
    raise ManifestChanged(
        f"Redis and the store know different batches under the name {batch!r}: was {context.store.url(batch)} "
        "deleted or replaced while Redis still knew of it? Take another batch name, or put back what was there"
    )


def _torn(ledger: Ledger, known: Lineage | None, manifest: Manifest | None) -> bytes | None:
    """The frozen manifests that the digest was written for, where what can be known of them leads there."""
    held = ledger.held()
    try:
        before = [known, None if held is None else Lineage.from_json(held)]
    except ValueError:
        before = [known]
    candidates = [lineage for lineage in before if lineage is not None]
    if manifest is not None:
        candidates += [lineage.grown(manifest) for lineage in candidates] + [Lineage.of(manifest)]
    if known is not None and any(known.extends(lineage) for lineage in before[1:] if lineage is not None):
        # The digest is of one that somebody was about to put over it: Redis knows better.
        return known.to_json()
    told = ledger.told_digests()
    return next((each.to_json() for each in candidates if digest_of(each.to_json()) in told), None)
