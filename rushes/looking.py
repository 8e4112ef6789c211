"""`rushes status`, `watch` and `doubts`: what can be seen of batches, from any machine."""

from __future__ import annotations

import json
from dataclasses import replace

import click

from rushes.follow import follow, plain_console
from rushes.overview import Watcher
from rushes.reaching import AS_JSON, SANDBOX, NoBatches, at_hand, standing_of
from rushes.showing import as_json as standing_as_json
from rushes.showing import sentence, told_money, told_seats, what_holds
from rushes.summary import MOST_NAMED, advice_on_doubts, say_doubt, summarize
from workers.chains.blockers import blocked
from workers.context import Context
from workers.decisions import Bill, Target, doubts
from workers.decisions.targets import aim_at, stored_batches
from workers.engine.states import State
from workers.reports.story import story_of


@click.command()
@click.argument("batch", required=False)
@AS_JSON
@SANDBOX
def status(batch: str | None, as_json: bool, rehearsed: bool) -> None:
    """Print how BATCH stands, or every batch when none is named. Nothing is set to work by it."""
    try:
        with at_hand(rehearsed) as here:
            if batch is not None:
                _status_of(here.context, batch, as_json=as_json)
            else:
                _status_of_all(here.context, as_json=as_json)
    except NoBatches as error:
        if batch is not None:
            raise
        click.echo(json.dumps({"batches": [], "in_store": []}) if as_json else str(error))


@click.command()
@click.argument("batch")
@AS_JSON
@SANDBOX
def watch(batch: str, as_json: bool, rehearsed: bool) -> None:
    """Show how BATCH gets on until it has ended, and end with its exit code. The work is done elsewhere."""
    console = plain_console()
    with at_hand(rehearsed) as here:
        context = here.context
        name = aim_at(context, Target(Target.parse(batch).batch)).batch
        before = standing_of(context, name)
        ended = follow(
            context,
            name,
            console=console,
            patience=here.settings.patience,
            tend=here.tend,
            reopen=False,
            lines_of_json=as_json,
        )
        if as_json:
            click.echo(json.dumps({"batch": name, "exit": int(ended.exit), "reason": ended.reason}, ensure_ascii=False))
        else:
            again = f"rushes recover {'--sandbox ' if rehearsed else ''}{name}"
            after = standing_of(context, name)
            before = replace(before, submissions=min(before.submissions, after.submissions))
            summarize(console, context, ended, before=before, after=after, again=again)
    raise SystemExit(ended.exit)


@click.command(name="doubts")
@click.argument("target", metavar="BATCH")
@AS_JSON
@SANDBOX
def list_doubts(target: str, as_json: bool, rehearsed: bool) -> None:
    """List the takes of BATCH that are in doubt, what they may have cost, and how they could be found."""
    console = plain_console()
    with at_hand(rehearsed) as here:
        named = Target.parse(target)
        found = doubts(here.context, named)
        advice = advice_on_doubts(here.context, named.batch, found[0].provider) if found else ()
    if as_json:
        click.echo(json.dumps([doubt.to_json() for doubt in found], indent=2, ensure_ascii=False))
        return
    if not found:
        console.print(f"{named}: nothing is in doubt", soft_wrap=True)
        return
    prices = (None if each.highest_price is None else (each.highest_price, each.currency or "") for each in found)
    console.print(f"{named}: {len(found)} in doubt, which may have cost up to {Bill.of(prices)}", soft_wrap=True)
    for doubt in found:
        say_doubt(console, doubt)
        console.print(f"      its prompt begins: {doubt.prompt}", soft_wrap=True)
    for line in advice:
        console.print(line, soft_wrap=True)


@click.command()
@click.argument("target", metavar="TAKE")
@AS_JSON
@SANDBOX
def show(target: str, as_json: bool, rehearsed: bool) -> None:
    """Tell the whole story of TAKE: its attempts, states with times, requests and answers, files, and cost.

    For instance: rushes show night/opening/0007
    """
    named = Target.parse(target)
    if named.take is None:
        raise click.UsageError(f"{target} is no take; name one as {named.batch}/{named.shot or 'SHOT'}/0001")
    with at_hand(rehearsed) as here:
        story = story_of(here.context, aim_at(here.context, named), rehearsed=rehearsed)
    if as_json:
        click.echo(json.dumps(story.to_json(), indent=2, ensure_ascii=False))
        return
    console = plain_console()
    for line in story.lines():
        console.print(line, soft_wrap=True)


def _status_of(context: Context, batch: str, *, as_json: bool) -> None:
    name = aim_at(context, Target(Target.parse(batch).batch)).batch
    standing = standing_of(context, name)
    seen = Watcher(context, name).look(standing, context.clock.monotonic())
    if as_json:
        click.echo(json.dumps(standing_as_json(standing) | seen.to_json(), indent=2, ensure_ascii=False))
        return
    console = plain_console()
    console.print(sentence(replace(standing, money=replace(standing.money, limit=None)), None), soft_wrap=True)
    for lane in standing.lanes:
        console.print(f"  {told_seats(lane)}", soft_wrap=True)
    told = {"pace": seen.pace(), "money": told_money(standing.money), "waits": what_holds(standing)}
    for what, text in told.items():
        if text is not None:
            console.print(f"  {what}: {text}", soft_wrap=True)
    for each in blocked(context, name, most=MOST_NAMED) if standing.states[State.BLOCKED] else ():
        console.print(f"  {each}", soft_wrap=True)
    if len(seen.shots) > 1:
        for line in seen.shots:
            states = ", ".join(
                f"{count:,} {'in doubt' if what == 'doubt' else what}" for what, count in line.states.items()
            )
            console.print(f"  {line.shot}: {states} of {line.total:,}", soft_wrap=True)
    for text in seen.failure_lines(name):
        console.print(f"  {text}", soft_wrap=True)
    if standing.priority:
        console.print(f"  priority: {standing.priority}", soft_wrap=True)


def _status_of_all(context: Context, *, as_json: bool) -> None:
    open_ones = context.room.batches()
    standings = [standing for name in open_ones if (standing := context.room.standing(name)) is not None]
    stored = [name for name in stored_batches(context) if name not in open_ones]
    if as_json:
        told = {"batches": [standing_as_json(standing) for standing in standings], "in_store": stored}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    console = plain_console()
    for standing in standings:
        console.print(sentence(standing, what_holds(standing)), soft_wrap=True)
    for name in stored:
        console.print(f"{name}: in the store alone; rushes recover {name} takes it up", soft_wrap=True)
