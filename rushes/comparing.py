"""`rushes diff`: what running a manifest would add to what is done, by the store alone."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from jobs.planning.budgeting import check_budget
from jobs.prices.own import read_prices
from rushes.manifest_options import MANIFEST, ManifestOptions, load, manifest_options
from rushes.session import rehearsal_store
from workers.difference import PARTS, Difference, difference
from workers.settings import load_settings
from workers.store import open_store

SAID: Mapping[str, str] = {
    "done": "done already",
    "copied": "copied from takes that ask for the same, at no cost",
    "awaited": "waiting for one that asks for the same and is under way",
    "following": "accepted before, and followed to their end",
    "in_doubt": "in doubt: they may have been accepted, and are not submitted again by themselves",
    "failed": "failed for good: rushes retry submits them anew",
    "given_up": "given up by a person",
    "paused": "paused by a person: rushes resume lets them go on",
    "unpicked": "waiting until a person has picked what they are made from",
    "left_out": "left out by --only or --limit",
    "to_render": "to render",
}


@click.command()
@MANIFEST
@manifest_options
@click.option("--json", "as_json", is_flag=True, help="As JSON, for a program to read.")
@click.option("--sandbox", "rehearsed", is_flag=True, help="Compare with the rehearsal.")
def diff(manifest: Path, options: ManifestOptions, as_json: bool, rehearsed: bool) -> None:
    """Say what a run of MANIFEST would add to what is done: by the store alone, and nothing is written."""
    settings = load_settings(os.environ, Path.cwd())
    loaded = load(manifest, options)
    prices = None if settings.prices is None else read_prices(settings.prices)
    check_budget(loaded.manifest, own_prices=prices, source=str(manifest))
    store = open_store(rehearsal_store(settings.store) if rehearsed else settings.store)
    found = difference(store, loaded.manifest, own_prices=prices, choice=options.choice)
    click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False) if as_json else "\n".join(told(found)))


def told(found: Difference) -> Iterator[str]:
    """The difference for a terminal, line by line."""
    new = "" if found.known else ", which the store doesn't have yet"
    yield f"{found.batch}: {_count(found.takes, 'take')}{new}"
    for name in PARTS:
        if number := found.parts[name]:
            price = f", {found.price}" if name == "to_render" else ""
            yield f"  {number:,} {SAID[name]}{price}"
    gone = sum(each.takes for each in found.withdrawn)
    if gone:
        done = sum(each.done for each in found.withdrawn)
        yield f"  {gone:,} asked for no more{f'; {done:,} of them are done, and stay where they are' if done else ''}"
    if not found.parts["to_render"]:
        yield "  nothing is left to submit"
    if found.budget is not None:
        yield f"  budget: {found.budget}"
    if not found.known:
        return
    for shot in found.shots:
        if shot.change != "same" or shot.parts["to_render"]:
            change = "" if shot.change == "same" else f", {shot.change}"
            yield f"{shot.name}: {_count(shot.takes, 'take')}{change}: {_told_parts(shot.parts)}"
    for each in found.withdrawn:
        yield f"{each.shot}: {_count(each.takes, 'take')} asked for no more, {each.done:,} done"


def _told_parts(parts: Counter[str]) -> str:
    return ", ".join(f"{parts[name]:,} {name.replace('_', ' ')}" for name in PARTS if parts[name])


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}{'' if number == 1 else 's'}"
