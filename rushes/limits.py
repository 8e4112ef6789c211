"""`rushes limits`: what each provider allows, what was learned of it, and what holds it back now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import click

from rushes.follow import plain_console
from rushes.reaching import AS_JSON, SANDBOX, at_hand
from workers.engine.standing import Lane


@click.command()
@AS_JSON
@SANDBOX
def limits(as_json: bool, rehearsed: bool) -> None:
    """Print each provider's limits: seats set, learned and taken, and what holds it back."""
    with at_hand(rehearsed) as here:
        lanes = here.context.room.lanes()
    if as_json:
        click.echo(json.dumps([asdict(lane) for lane in lanes], indent=2, ensure_ascii=False))
        return
    console = plain_console()
    if not lanes:
        console.print("no worker has set any limits yet")
    for lane in lanes:
        console.print(f"{lane.provider}: {lane.seats_taken} of {lane.seats} seats taken", soft_wrap=True)
        for line in told(lane):
            console.print(f"  {line}", soft_wrap=True)


def told(lane: Lane) -> Iterator[str]:
    """What is to be said of a provider beside its seats, line by line."""
    if lane.learned is not None:
        because = f": {lane.taught}" if lane.taught else ""
        yield f"learned: {lane.learned:.1f} of the {lane.seats_set} seats that are set{because}"
    if lane.lead and lane.seats > lane.lead:
        yield f"lead: {lane.lead} more than its seats, which it queues"
    if lane.interval:
        yield f"rate: a request each {lane.interval:g} s"
    if lane.quota_left is not None:
        yield f"quota: {max(0, lane.quota_left)} more requests within {lane.quota_for:.0f} s, it says"
    if lane.broken:
        yield f"trouble: {lane.broken} submissions in a row have come to nothing"
    if lane.paused is not None:
        yield f"paused: {lane.paused}"
    elif lane.slowed is not None:
        yield f"waits {lane.slowed_for:.0f} s: {lane.slowed}"
