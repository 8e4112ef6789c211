"""Gathering what a report tells: how it stands from Redis, what it cost and how long it took from the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median, quantiles

from jobs.takes.expansion import Expansion
from workers.accounts import AttemptCost, CostReport, attempt_costs
from workers.context import Context
from workers.decisions import Doubt, doubts
from workers.engine.standing import Standing
from workers.engine.states import State
from workers.engine.work import TakeRecord
from workers.errors import RedisError
from workers.reports.advice import advice_on, in_a_sentence
from workers.reports.report import Budget, Failed, FailureClass, Next, Report, ShotLine, Slow
from workers.reports.seats import SeatUse
from workers.reports.words import counted, what_holds

SLOWEST = 5
"""How many of the slowest takes a report names."""


def gather(context: Context, batch: str, *, rehearsed: bool = False) -> Report:
    """The report on a batch that is open in Redis. `rehearsed` says that its commands are to look at the rehearsal.

    It reads every receipt and every record of an attempt, a few milliseconds each. Raises `RedisError` when Redis
    doesn't know the batch, and the `StoreError`s of the store.
    """
    standing = context.room.standing(batch)
    if standing is None:
        raise RedisError(f"Redis does not know the batch {batch!r} any more; rushes recover {batch} takes it up")
    expansion = context.expansion(batch)
    in_doubt = tuple(doubts(context, batch)) if standing.states[State.DOUBT] else ()
    costs = attempt_costs(context.store, batch)
    failures = _failures(context, expansion, context.room.held(batch, State.FAILED), costs, rehearsed=rehearsed)
    money = standing.money
    starts = [each.at for each in costs if each.at is not None and each.attempt is not None]
    ends = [at for each in costs for at in (each.stored, each.over) if at is not None]
    return Report(
        batch=batch,
        provider=standing.lane.provider,
        models=_models(expansion),
        total=standing.total,
        states=dict(counted(standing)),
        shots=tuple(shot_lines(context, expansion)),
        failures=failures,
        doubts=in_doubt,
        costs=CostReport.of(batch, costs),
        budget=None if money.limit is None else Budget(money.currency or "", money.limit, money.spent, money.reserved),
        began=min(starts, default=None),
        ended=max(ends, default=None),
        render_seconds=_render_seconds(costs),
        seats=_seats(costs, standing),
        slowest=_slowest(costs),
        waits_for=what_holds(standing),
        besides=context.room.orphans(batch),
        place=context.store.url(batch),
        next=tuple(_next(standing, failures, in_doubt, rehearsed=rehearsed)),
        over=standing.open == 0,
    )


def shot_lines(context: Context, expansion: Expansion) -> Iterable[ShotLine]:
    """How the takes of each shot of the manifest that holds stand, in its order, without those of earlier editions."""
    census = context.room.census(expansion.manifest.batch)
    for shot in expansion.manifest.shots:
        span = expansion.shot_span(shot.name)
        if span is not None:
            states = census.counted([span])
            yield ShotLine(shot.name, span[1] - span[0], {state.value: n for state, n in states.items() if n})


def failed_take(context: Context, expansion: Expansion, record: TakeRecord) -> Failed:
    """What is known of a take that has failed."""
    error = record.value("error") or {}
    take = expansion[record.index]
    return Failed(
        take=take.name,
        kind=str(error.get("kind", "unknown")),
        message=context.clean(in_a_sentence(str(error.get("message", "no reason was kept")))),
        attempt=record.attempt,
        provider=record.fields.get("lane") or take.provider,
    )


def _failures(
    context: Context,
    expansion: Expansion,
    records: Sequence[TakeRecord],
    costs: Sequence[AttemptCost],
    *,
    rehearsed: bool,
) -> tuple[FailureClass, ...]:
    ended = {(each.take, each.attempt): each.over for each in costs}
    found: dict[str, list[Failed]] = {}
    for record in records:
        failed = failed_take(context, expansion, record)
        at = ended.get((failed.take, failed.attempt))
        found.setdefault(failed.kind, []).append(
            Failed(failed.take, failed.kind, failed.message, failed.attempt, failed.provider, at)
        )
    batch = expansion.manifest.batch
    classes = []
    for kind, takes in sorted(found.items(), key=lambda each: -len(each[1])):
        one = takes[0].take if len(takes) == 1 or kind == "unknown" else None
        advice = advice_on(kind, batch=batch, take=one, rehearsed=rehearsed)
        classes.append(FailureClass(kind, tuple(takes), advice))
    return tuple(classes)


def _models(expansion: Expansion) -> tuple[str, ...]:
    """The models of the first and last take of each shot: a model may be an axis."""
    found: dict[str, None] = {}
    for shot in expansion.manifest.shots:
        span = expansion.shot_span(shot.name)
        if span is not None:
            found.update(dict.fromkeys((expansion[span[0]].asked.model, expansion[span[1] - 1].asked.model)))
    return tuple(found)


def _spells(costs: Iterable[AttemptCost]) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for each in costs:
        if each.provider and each.job_id and each.at is not None and each.over is not None:
            found.setdefault(each.provider, []).append((each.at, each.over))
    return found


def _seats(costs: Iterable[AttemptCost], standing: Standing) -> tuple[SeatUse, ...]:
    lane = standing.lane
    uses = (
        SeatUse.of(provider, spells, lane.seats if provider == lane.provider else None)
        for provider, spells in sorted(_spells(costs).items())
    )
    return tuple(use for use in uses if use is not None)


def _done(costs: Iterable[AttemptCost]) -> list[tuple[float, AttemptCost]]:
    return [
        (max(0.0, each.over - each.at), each)
        for each in costs
        if each.outcome == "done" and each.at is not None and each.over is not None
    ]


def _render_seconds(costs: Iterable[AttemptCost]) -> tuple[float, float, float] | None:
    found = [seconds for seconds, _ in _done(costs)]
    if not found:
        return None
    ninth = found[0] if len(found) == 1 else quantiles(found, n=10, method="inclusive")[8]
    return min(found), median(found), ninth


def _slowest(costs: Iterable[AttemptCost]) -> tuple[Slow, ...]:
    slowest = sorted(_done(costs), key=lambda each: -each[0])[:SLOWEST]
    return tuple(Slow(each.take, seconds, each.provider or "") for seconds, each in slowest)


def _next(
    standing: Standing, failures: Sequence[FailureClass], in_doubt: Sequence[Doubt], *, rehearsed: bool
) -> Iterable[Next]:
    batch = standing.batch
    besides = " --sandbox" if rehearsed else ""
    if in_doubt:
        advice = advice_on("in-doubt", batch=batch, rehearsed=rehearsed)
        yield Next(f"{len(in_doubt):,} in doubt: {advice.then[0].lower()}{advice.then[1:]}", advice.command)
    if standing.lane.paused is not None:
        yield Next(f"{standing.lane.provider} is paused: {standing.lane.paused}. Put it right, and run it again")
    elif standing.stopped is not None and standing.open:
        yield _how_on(standing.stopped.kind, standing, besides)
    for each in failures:
        yield Next(f"{len(each.takes):,} failed [{each.kind}]: {each.advice.then}", each.advice.command)
    if standing.open and not in_doubt and standing.stopped is None and standing.lane.paused is None:
        yield Next(f"{standing.open:,} are not done yet: watch them", f"rushes watch {batch}{besides}")
    if standing.deferred:
        yield Next(f"{standing.deferred:,} were left out by --only or --limit: run it again without, to render these")
    if standing.states[State.DONE]:
        yield Next("Bring the results here", f"rushes download {batch}{besides}")


def _how_on(kind: str, standing: Standing, besides: str) -> Next:
    batch, provider = standing.batch, standing.lane.provider
    how: Mapping[str, Next] = {
        "paused": Next("It is paused: let it go on", f"rushes resume {batch}{besides}"),
        "cancelled": Next("It is cancelled: take it up again", f"rushes retry {batch}{besides}"),
        "budget": Next("Its budget is used up: raise it in the manifest, and run it again"),
        "day": Next(
            f"What may be spent at {provider} today is: go on tomorrow (UTC), or with a higher "
            f"RUSHES_{provider.upper()}_DAILY_BUDGET"
        ),
        "unpriced": Next("Its takes have no known price: give them one in the manifest, and run it again"),
        "failures": Next("Too many takes have failed: go on without them", f"rushes resume {batch}{besides}"),
        "deadline": Next("Its deadline has passed: set another in the manifest, and run it again"),
    }
    told = standing.stopped.told if standing.stopped is not None else kind
    return how.get(kind, Next(f"Nothing more is submitted: {told}"))
