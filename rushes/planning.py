"""`rushes plan`: what rendering a manifest comes to. Nothing is contacted."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from tzlocal import get_localzone

from jobs.chains.graph import written_links
from jobs.errors import RushesError
from jobs.fields.terms import WINDOW_DAYS
from jobs.forecasting import Forecast, Lane, Polling, RenderTimes, Spread, forecast
from jobs.forecasting.assumed import assumed
from jobs.forecasting.hours import Hours
from jobs.planning.plan import Plan
from jobs.planning.plan import plan as make_plan
from jobs.prices.own import read_prices
from jobs.reading.loading import Loaded
from jobs.takes import Take
from jobs.takes.expansion import Expansion
from rushes.amounts import duration, size
from rushes.manifest_options import MANIFEST, ManifestOptions, load, manifest_options
from workers.clock import SystemClock
from workers.inputs.handover import Planned, plan_with_any
from workers.inputs.resolving import store_facts
from workers.polling.placing import FIXED_SLOWEST, GROWTH
from workers.polling.remembered import remembered
from workers.preview import preview
from workers.settings import CONVENTIONS, Settings, load_settings
from workers.store import open_store

_NUMBERED = re.compile(r"(?P<shot>[^/]+)/(?P<number>\d{1,12})", re.ASCII)

MOST_LOOKED_THROUGH = 100_000
"""How many takes are looked through for one that is called nearly as what was asked for."""


class NoSuchTake(RushesError):
    """The manifest has no take of that name."""

    exit_code = 2


@click.command()
@MANIFEST
@manifest_options
@click.option("--json", "as_json", is_flag=True, help="As JSON, for a program to read.")
@click.option(
    "--take", "name", metavar="NAME", help="Show the request with which this take would be submitted, without the key."
)
def plan(manifest: Path, options: ManifestOptions, as_json: bool, name: str | None) -> None:
    """Print what rendering MANIFEST comes to: takes, money, time. Nothing is sent."""
    settings = load_settings(os.environ, Path.cwd())
    loaded, prices = load(manifest, options), settings.prices
    inputs = planned_inputs(loaded, settings)
    if name is not None:
        take = found_take(loaded, name)
        shown = preview(settings, take, loaded.inputs, None if inputs is None else inputs.handovers)
        told_take = {"take": take.name, "request": shown.to_json()}
        click.echo(_as_json(told_take) if as_json else "\n".join(shown.lines()))
        return
    own_prices = None if prices is None else read_prices(prices)
    planned = make_plan(loaded.manifest, own_prices=own_prices, choice=options.choice)
    known = remembered(open_store(settings.store), planned.batch)
    foretold = forecast_of(planned, settings, known)
    now = datetime.fromtimestamp(SystemClock().now(), get_localzone())
    if as_json:
        told: dict[str, Any] = {
            **planned.to_json(),
            "forecast": {**foretold.to_json(), "done_at": done_at(foretold, now, hours_of(planned))},
            "inputs": None if inputs is None else inputs.to_json(),
        }
        click.echo(_as_json(told))
        return
    head, *rest = "\n".join(planned.lines()).split("\n\n")
    told_inputs = [] if inputs is None else [f"inputs    {inputs}"]
    text = "\n\n".join(["\n".join([head, *forecast_lines(planned, foretold, now), *told_inputs]), *rest])
    for local in loaded.inputs:
        text = text.replace(local.reference, str(local.path))
    click.echo(text)


def planned_inputs(loaded: Loaded, settings: Settings) -> Planned | None:
    """How the manifest's local files will reach the provider; None when there are none."""
    shots, defaults = loaded.manifest.shots, loaded.manifest.defaults
    if not loaded.inputs and not any(True for shot in shots for _ in written_links(defaults, shot)):
        return None
    facts = store_facts(open_store(settings.store), public=settings.store_public)
    return plan_with_any(loaded.manifest, loaded.inputs, facts, settings.inputs)


def found_take(loaded: Loaded, name: str) -> Take:
    """The take of that name, with or without the batch's before it, or of that shot and number (`opening/7`).

    Raises `NoSuchTake`.
    """
    expansion = Expansion(loaded.manifest)
    short = name.removeprefix(f"{loaded.manifest.batch}/")
    index = expansion.find(short)
    if index is None and (numbered := _NUMBERED.fullmatch(short)) is not None:
        index = _numbered(expansion, numbered["shot"], int(numbered["number"]))
    if index is not None:
        return expansion[index]
    some = [expansion[at].name for at in range(min(expansion.total, MOST_LOOKED_THROUGH))]
    near = next(iter(get_close_matches(short, some, n=1, cutoff=0.5)), some[0])
    raise NoSuchTake(f"{loaded.manifest.batch} has no take {short!r}; there is {near!r}")


def _numbered(expansion: Expansion, shot: str, number: int) -> int | None:
    span = expansion.shot_span(shot)
    return None if span is None or not 1 <= number <= span[1] - span[0] else span[0] + number - 1


def forecast_of(planned: Plan, settings: Settings, known: tuple[RenderTimes, ...] = ()) -> Forecast:
    """How long it would take under what the settings allow; `known` are learned render times, the best first."""
    own = settings.provider(planned.provider)
    # As while nothing is learned: what is learned only makes fewer polls of it.
    slowest = min(own.slowest_poll, max(own.first_poll, FIXED_SLOWEST))
    polling = Polling(own.first_poll, slowest, GROWTH) if CONVENTIONS[planned.provider].polled else None
    return forecast(planned.provider, planned.stages, Lane(own.seats, own.requests_per_minute, polling), known)


def forecast_lines(planned: Plan, foretold: Forecast, now: datetime) -> Iterator[str]:
    """The forecast for a terminal, if it were started `now`."""
    lane = foretold.lane
    under = f"{lane.seats:,} seat{'' if lane.seats == 1 else 's'}"
    under += f", {lane.requests_per_minute:g} requests a minute" if lane.requests_per_minute else ""
    yield f"time      {_between(foretold.seconds, duration)} with {under}"
    basis = "by how long such renders took before, by the receipts of the store"
    if foretold.basis == "assumed":
        table = assumed()
        basis = f"by render times that are assumed, with {table.confidence} confidence, since {table.read}"
    moments = done_at(foretold, now, hours_of(planned))
    if moments["likely"] is None:
        yield f"done      not within {'a lifetime' if planned.window is None else f'{WINDOW_DAYS} days'}"
    else:
        yield f"done      about {_moment(moments['likely'])} if it is started now"
    if planned.deadline is not None:
        yield f"          {_against_deadline(planned, foretold, now)}"
    yield f"          {basis}"
    polls = _between(foretold.polls, lambda number: f"{round(number):,}") if lane.polling else "none"
    yield f"polls     {polls}"
    yield f"download  {_between(foretold.bytes, size)} of video (assumed)"


def hours_of(planned: Plan) -> Hours:
    """When its takes are submitted."""
    return Hours(planned.not_before, planned.window)


def done_at(foretold: Forecast, now: datetime, hours: Hours) -> dict[str, str | None]:
    """When it would be done if it were started `now` and got on in these `hours`, in ISO 8601; None for what can't be
    told."""
    found: dict[str, str | None] = {}
    for which in ("least", "likely", "most"):
        moment = hours.end(now, getattr(foretold.seconds, which))
        found[which] = None if moment is None else moment.isoformat(timespec="seconds")
    return found


def _against_deadline(planned: Plan, foretold: Forecast, now: datetime) -> str:
    assert planned.deadline is not None
    deadline = planned.deadline.at(now)
    left = (deadline - now).total_seconds()
    if left <= 0:
        return "the deadline is over, so nothing would be submitted"
    hours = hours_of(planned).seconds(now, deadline)
    if hours <= 0:
        return f"the deadline is in {duration(left)}, before anything would be submitted"
    takes = foretold.takes_within(hours)
    if takes == foretold.takes:
        return f"the deadline is in {duration(left)}, which is likely to be enough"
    return f"the deadline is in {duration(left)}, likely enough for about {takes:,} of {foretold.takes:,} takes"


def _between(spread: Spread, told: Any) -> str:
    least, likely, most = told(spread.least), told(spread.likely), told(spread.most)
    return f"about {likely}" if least == most else f"{least} to {most}, likely {likely}"


def _moment(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%a %d %b %Y, %H:%M}"


def _as_json(told: object) -> str:
    return json.dumps(told, indent=2, ensure_ascii=False)
