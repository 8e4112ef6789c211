"""What is said when a batch has ended: what came of it, what did not, and what to do next."""

from __future__ import annotations

from rich.console import Console

from jobs.expansion import Expansion
from rushes.ending import Ending
from rushes.exits import Exit
from workers.context import Context
from workers.engine.room import Standing, TakeRecord
from workers.engine.states import State

MOST_NAMED = 10


def summarize(
    console: Console,
    context: Context,
    expansion: Expansion,
    ended: Ending,
    *,
    before: Standing,
    after: Standing,
    manifest: str,
) -> None:
    """Say how it ended. `before` is how the batch stood when this command opened it."""
    batch = after.batch
    done = after.states[State.DONE]
    _say(console, f"{batch}: {done} of {after.total} takes done")
    sent, written = after.submissions - before.submissions, after.objects - before.objects
    _say(console, f"  this time: {sent} submissions, {written} objects written")
    if done:
        _say(console, f"  results: {context.store.url(batch)}")
    _name(console, expansion, "failed", context.room.held(batch, State.FAILED))
    doubts = context.room.held(batch, State.DOUBT)
    _name(console, expansion, "in doubt", doubts)
    if doubts:
        _say(
            console,
            "  A take in doubt may have been accepted and paid for, so it is never sent again by itself. "
            f"Look for it in the provider's own list of requests ({after.lane.provider}).",
        )
    for job in context.room.orphans(batch):
        _say(console, f"  besides, {after.lane.provider} accepted job {job} for a take that had gone on without it")
    if ended.reason is not None and ended.exit not in (Exit.DOUBT, Exit.FAILED):
        _say(console, f"stopped: {ended.reason}")
        _say(console, f"  {after.open} takes are not done yet. Put it right, and carry on: rushes run {manifest}")


def _name(console: Console, expansion: Expansion, what: str, records: list[TakeRecord]) -> None:
    if not records:
        return
    _say(console, f"  {len(records)} {what}:")
    for record in records[:MOST_NAMED]:
        error = record.value("error") or {}
        told = error.get("message", "no reason was kept")
        _say(console, f"    {expansion[record.index].name}: {told} [{error.get('kind', 'unknown')}]")
    if len(records) > MOST_NAMED:
        _say(console, f"    and {len(records) - MOST_NAMED} more")


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True)
