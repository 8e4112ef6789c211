"""`rushes pick` and `rushes unpick`: which drafts are made into what."""

from __future__ import annotations

import json

import click

from rushes.reaching import AS_JSON, SANDBOX, at_hand
from workers import decisions
from workers.decisions import Choice, Target

TARGETS = click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
MOST_NAMED = 20


@click.command()
@TARGETS
@click.option("--list", "listing", is_flag=True, help="Change nothing: list what can be picked, and what is.")
@click.option("--starred", is_flag=True, help="Of each TARGET, the takes that have a star in the gallery.")
@AS_JSON
@SANDBOX
def pick(targets: tuple[str, ...], listing: bool, starred: bool, as_json: bool, rehearsed: bool) -> None:
    """Let go on what waits for each TARGET to be picked.

    TARGET is a take, as night/drafts/0003, or a shot or a batch for all of its takes.
    """
    if listing and starred:
        raise click.UsageError("--list changes nothing, and --starred picks: give one of them")
    named = [Target.parse(target) for target in targets]
    with at_hand(rehearsed) as here:
        if starred:
            named = decisions.starred(here.context, named)
        if listing:
            _list([each for target in named for each in decisions.choices(here.context, target)], as_json=as_json)
            return
        _tell(decisions.pick(here.context, named), as_json=as_json)


@click.command()
@TARGETS
@AS_JSON
@SANDBOX
def unpick(targets: tuple[str, ...], as_json: bool, rehearsed: bool) -> None:
    """Take back that TARGETs were picked. What was begun since goes on."""
    named = [Target.parse(target) for target in targets]
    with at_hand(rehearsed) as here:
        _tell(decisions.unpick(here.context, named), as_json=as_json)


def _tell(outcomes: list[decisions.Outcome], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([outcome.to_json() for outcome in outcomes], indent=2, ensure_ascii=False))
        return
    for at, outcome in enumerate(outcomes):
        lines = list(outcome.lines())
        # How much still waits is the same for all of them.
        click.echo("\n".join(lines if at == len(outcomes) - 1 else lines[:1]))


def _list(choices: list[Choice], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([choice.to_json() for choice in choices], indent=2, ensure_ascii=False))
        return
    if not choices:
        click.echo("nothing here waits for a pick")
    for choice in choices:
        click.echo(f"{choice.shot}: {choice.picked:,} of {choice.takes:,} picked, {choice.done:,} done")
        _names("picked", choice.names, choice.picked)
        _names("done, not picked", choice.unpicked, choice.done - choice.picked)


def _names(what: str, names: tuple[str, ...], count: int) -> None:
    if not names:
        return
    click.echo(f"  {what}:")
    for name in names[:MOST_NAMED]:
        click.echo(f"    {name}")
    if len(names) > MOST_NAMED:
        click.echo(f"    and {max(count, len(names)) - MOST_NAMED:,} more")
