"""What is said when a batch has ended: what came of it, what did not, and what to do next."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console

from rushes.ending import Ending, stopped_by
from rushes.exits import Exit
from rushes.session import REHEARSAL
from rushes.showing import counted, told_money
from workers.chains.blockers import blocked
from workers.context import Context
from workers.decisions import Doubt, doubts
from workers.engine.standing import Standing
from workers.engine.states import State
from workers.engine.work import TakeRecord
from workers.errors import StoreError
from workers.gallery.looking import GALLERY

MOST_NAMED = 10


def summarize(
    console: Console,
    context: Context,
    ended: Ending,
    *,
    before: Standing,
    after: Standing,
    again: str,
) -> None:
    """Say how it ended. `before` is how the batch stood when this command opened it, `again` what carries on."""
    batch = after.batch
    done = after.states[State.DONE]
    _say(console, f"{batch}: {done} of {after.total} takes done")
    sent, written = after.submissions - before.submissions, after.objects - before.objects
    _say(console, f"  this time: {sent} submissions, {written} objects written")
    money = told_money(after.money)
    if money is not None:
        _say(console, f"  money: {money}")
    if done:
        _say(console, f"  results: {context.store.url(batch)}")
        _say(console, f"  gallery: {context.store.url(f'{batch}/{GALLERY}')}")
    _name(console, context, "failed", context.room.held(batch, State.FAILED))
    if after.states[State.DOUBT]:
        _doubts(console, context, batch)
    counts = dict(counted(after))
    for what in ("unpicked", "paused", State.CANCELLED.value, State.WAIVED.value, State.BLOCKED.value):
        if counts.get(what):
            _say(console, f"  {counts[what]:,} {what}")
    for each in blocked(context, batch, most=MOST_NAMED) if after.states[State.BLOCKED] else ():
        _say(console, f"    {each}")
    if after.deferred:
        _say(console, f"  {after.deferred:,} left out by --only or --limit: a run without them renders these as well")
    for job, came_to in context.room.orphans(batch).items():
        followed = "it is still followed" if came_to.isdigit() else came_to
        _say(
            console,
            f"  besides, {after.lane.provider} accepted job {job} for a take that had gone on without it: {followed}",
        )
    # What keeps those that wait from being submitted is nowhere else to be read.
    unsaid = not after.states[State.DOUBT] or after.states[State.WAITING] > after.held.get("waived", 0)
    if ended.exit is Exit.DOUBT and ended.reason is not None and unsaid:
        _say(console, f"stopped: {stopped_by(after) or ended.reason}")
    if ended.reason is not None and ended.exit not in (Exit.DOUBT, Exit.FAILED):
        _say(console, f"stopped: {ended.reason}")
        if ended.exit is Exit.STOPPED:
            _say(console, f"  {_how_on(context, after, again)}")
        else:
            _say(console, f"  {after.open} takes are not done yet. Put it right, and carry on: {again}")


def say_doubt(console: Console, doubt: Doubt) -> None:
    """Tell of one take in doubt."""
    since = (
        "" if doubt.since is None else f", submitted {datetime.fromtimestamp(doubt.since, UTC):%Y-%m-%d %H:%M:%S} UTC"
    )
    _say(console, f"    {doubt.take}: up to {doubt.price} at {doubt.provider}{since}: {doubt.message}")
    if doubt.settling:
        _say(console, f"      {doubt.provider} is still being asked about it")


def rehearsed(context: Context) -> str:
    """What a command wants besides, when it is about a rehearsal."""
    return " --sandbox" if context.settings.namespace == REHEARSAL else ""


def advice_on_doubts(context: Context, batch: str, provider: str) -> tuple[str, ...]:
    """What a person can do about takes in doubt, line by line."""
    besides = rehearsed(context)
    return (
        "A take in doubt may have been accepted and paid for, so it is never sent again by itself. Look for it in the "
        f"list of requests at {provider}, by its prompt and its time, and decide:",
        f"  rushes doubts {batch}{besides}",
        f"  rushes resolve {batch}/SHOT/TAKE{besides} --adopt JOB_ID, --resubmit or --waive",
    )


def _doubts(console: Console, context: Context, batch: str) -> None:
    try:
        found = doubts(context, batch)
    except StoreError as error:
        _say(console, f"  takes are in doubt, and the store doesn't tell what they may have cost: {error}")
        return
    if not found:
        return
    _say(console, f"  {len(found)} in doubt:")
    for doubt in found[:MOST_NAMED]:
        say_doubt(console, doubt)
    if len(found) > MOST_NAMED:
        _say(console, f"    and {len(found) - MOST_NAMED} more")
    for line in advice_on_doubts(context, batch, found[0].provider):
        _say(console, f"  {line}")


def _how_on(context: Context, after: Standing, again: str) -> str:
    batch, provider = f"{after.batch}{rehearsed(context)}", after.lane.provider
    # Without workers elsewhere, nobody goes on with what was let go on.
    then = "" if context.settings.redis_url is not None else f", then {again}"
    kind = "" if after.stopped is None else after.stopped.kind
    if not kind or kind == "waived":
        kind = next((each for each in ("unpicked", "paused") if after.held.get(each)), "cancelled")
    how = {
        "unpicked": f"See what there is: rushes pick --list {batch}, pick: rushes pick {after.batch}/SHOT/TAKE{then}",
        "paused": f"Let it go on: rushes resume {batch}{then}",
        "cancelled": f"Take it up again: rushes retry {batch}{then}",
        "budget": f"Raise the budget in its manifest, and carry on: {again}",
        "day": f"Carry on tomorrow (UTC), or with a higher RUSHES_{provider.upper()}_DAILY_BUDGET: {again}",
        "unpriced": f"Give its takes a price in the manifest, and carry on: {again}",
        "failures": f"Try those that failed again: rushes retry {batch}, or go on without: rushes resume {batch}{then}",
        "deadline": f"Set another deadline in its manifest, and carry on: {again}",
    }
    return how.get(kind, f"Put it right, and carry on: {again}")


def _name(console: Console, context: Context, what: str, records: list[TakeRecord]) -> None:
    if not records:
        return
    _say(console, f"  {len(records)} {what}:")
    for record in records[:MOST_NAMED]:
        error = record.value("error") or {}
        told = error.get("message", "no reason was kept")
        name = context.take(record.batch, record.index).name
        _say(console, f"    {name}: {told} [{error.get('kind', 'unknown')}]")
    if len(records) > MOST_NAMED:
        _say(console, f"    and {len(records) - MOST_NAMED} more")


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True)
