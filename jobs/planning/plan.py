"""What would happen: the takes of a manifest, counted and summed without laying any of them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from jobs.capabilities import Capabilities, capabilities
from jobs.chains.graph import parents_of, picking_shots
from jobs.chains.graph import told as told_chain
from jobs.fields.terms import Budget, Deadline, Window
from jobs.forecasting.forecast import Stage
from jobs.forecasting.groups import Kind, kinds_of
from jobs.manifest import Manifest, Shot
from jobs.planning.budgeting import check_budget, takes_within_budget
from jobs.planning.portion import Portion, portion
from jobs.planning.ways import Ways, provider_plans
from jobs.prices import PriceTable
from jobs.prices.totals import Totals, shot_totals
from jobs.sweeps import Range
from jobs.sweeps.space import Samples
from jobs.takes import Take, canonical
from jobs.takes.choosing import ALL, Choice, chosen
from jobs.takes.expansion import Expansion
from jobs.takes.mode import Mode, mode
from jobs.takes.strands import common_fields

FIRST_TAKES = 3
"""How many takes of each shot a plan shows by name."""

LONGEST_TOLD = 4000
"""How many letters of a value a plan shows."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """Seconds of video. The two differ where the provider chooses the duration."""

    least: int
    most: int

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(self.least + other.least, self.most + other.most)

    def __mul__(self, count: int) -> Seconds:
        return Seconds(self.least * count, self.most * count)

    def __str__(self) -> str:
        return f"{self.least:,} s" if self.least == self.most else f"{self.least:,} to {self.most:,} s"


@dataclass(frozen=True, slots=True)
class ShotPlan:
    """One shot of a plan. `axes` holds each axis's name and how many values it has, in order.

    `mixed` says how they go together and which cells are taken, where it is not just every one with every one. `mode`
    is that of the first take. `chain` says what its takes wait for, where they do.
    """

    name: str
    mode: Mode
    takes: int
    seconds: Seconds
    axes: tuple[tuple[str, int], ...]
    first_takes: tuple[str, ...]
    mixed: str | None = None
    chain: str | None = None
    kinds: Counter[Kind] = field(default_factory=Counter)
    """How many takes there are of each kind of render."""

    after: tuple[str, ...] = ()
    """The shots whose takes those of this one wait for."""

    def models(self) -> dict[str, int]:
        """How many takes each model renders."""
        return _by_model(self.kinds)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a manifest comes to. `models` holds the batch's model, or those that its sweeps choose.

    `price` is of all takes together, each rendered once: what a render that fails may cost besides isn't in it. Under
    a budget `enough_for` is how many takes it allows at least, by the highest prices, before it stops.
    """

    batch: str
    provider: str
    models: tuple[str, ...]
    takes: int
    seconds: Seconds
    price: Totals
    shots: tuple[ShotPlan, ...]
    budget: Budget | None = None
    enough_for: int | None = None
    max_failures: int | None = None
    deadline: Deadline | None = None
    not_before: Deadline | None = None
    window: Window | None = None
    first: Take | None = None
    last: Take | None = None
    choice: Choice = ALL
    portion: Portion | None = None
    """What a run by `choice` is about, where that isn't all."""
    ways: Ways | None = None

    @property
    def kinds(self) -> Counter[Kind]:
        """How many takes there are of each kind of render; of those that are chosen, where not all are."""
        if self.portion is not None:
            return self.portion.kinds
        return self._all_kinds()

    def lines(self) -> Iterator[str]:
        """The plan as text for a terminal, line by line."""
        shots = f"{len(self.shots)} shot{'' if len(self.shots) == 1 else 's'}"
        yield f"batch     {self.batch}"
        yield f"provider  {self.ways or self.provider}, {' and '.join(self.models)}"
        yield f"takes     {self.takes:,} of {shots}{_told_models(self._all_kinds())}"
        yield f"video     {self.seconds}"
        if self.portion is not None:
            yield f"chosen    {self.portion} by {self.choice.written()}; the others wait"
        yield f"price     {self.price}"
        if self.ways is not None:
            yield from (f"          {line}" for line in self.ways.lines(self.takes))
        if self.budget is not None:
            yield f"budget    {self.budget}: {self._reach()}"
        if self.max_failures is not None:
            yield f"failures  stops after {self.max_failures:,}"
        if self.deadline is not None:
            yield f"deadline  {self.deadline}"
        if self.not_before is not None:
            yield f"begins    {self.not_before}"
        if self.window is not None:
            yield f"window    {self.window}"
        for shot in self.shots:
            by = " x " if shot.mixed is None else ", "
            axes = by.join(f"{name} {count:,}" for name, count in shot.axes)
            axes += "" if shot.mixed is None else f"{'; ' if axes else ''}{shot.mixed}"
            yield ""
            told = f"{shot.name}: {shot.takes:,} from {shot.mode}{_told_models(shot.kinds)}, {shot.seconds}"
            yield f"{told}{f'  ({axes})' if axes else ''}"
            if shot.chain is not None:
                yield f"  {shot.chain}"
            yield from (f"  {name}" for name in shot.first_takes)
            if shot.takes > len(shot.first_takes):
                yield f"  and {shot.takes - len(shot.first_takes):,} more"
        for which, take in self._ends():
            yield ""
            yield f"{which}: {take.name}"
            yield from (f"  {name}: {_told_value(value)}" for name, value in take.asked.asked().items())

    def to_json(self) -> dict[str, Any]:
        """The plan as plain mappings, lists, text and numbers. Seconds of video are `{least, most}`."""
        return {
            "batch": self.batch,
            "provider": self.provider,
            **({} if self.ways is None else self.ways.to_json()),
            "models": list(self.models),
            "takes": self.takes,
            "takes_by_model": _by_model(self._all_kinds()),
            "chosen": None if self.portion is None else self.portion.to_json(),
            "seconds": _seconds_json(self.seconds),
            "price": self.price.to_json(),
            "budget": self._budget_json(),
            "max_failures": self.max_failures,
            "deadline": None if self.deadline is None else str(self.deadline),
            "not_before": None if self.not_before is None else str(self.not_before),
            "window": None if self.window is None else str(self.window),
            "shots": [
                {
                    "name": shot.name,
                    "mode": shot.mode,
                    "takes": shot.takes,
                    "takes_by_model": shot.models(),
                    "seconds": _seconds_json(shot.seconds),
                    "axes": [{"name": name, "count": count} for name, count in shot.axes],
                    **({} if shot.mixed is None else {"mixed": shot.mixed}),
                    **({} if shot.chain is None else {"chain": shot.chain}),
                    "first_takes": list(shot.first_takes),
                }
                for shot in self.shots
            ],
            "first": None if self.first is None else _take_json(self.first),
            "last": None if self.last is None else _take_json(self.last),
        }

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What is rendered of each shot, and after which others."""
        kinds = {shot.name: shot.kinds for shot in self.shots} if self.portion is None else self.portion.by_shot
        return tuple(Stage(shot.name, kinds[shot.name], shot.after) for shot in self.shots if shot.name in kinds)

    def _all_kinds(self) -> Counter[Kind]:
        return sum((shot.kinds for shot in self.shots), Counter())

    def _ends(self) -> Iterator[tuple[str, Take]]:
        if self.first is not None:
            yield "first take" if self.takes > 1 else "the take", self.first
        if self.last is not None and self.takes > 1:
            yield "last take", self.last

    def _reach(self) -> str:
        enough = self.enough_for or 0
        if enough == self.takes:
            return "enough for the one take" if self.takes == 1 else f"enough for all {self.takes:,} takes"
        if not enough:
            return "less than one take may cost"
        return f"enough for at least {enough:,} of {self.takes:,} takes"

    def _budget_json(self) -> dict[str, Any] | None:
        if self.budget is None:
            return None
        amounts = {"limit": self.budget.limit, "stop": self.budget.stop, "cancel": self.budget.cancel}
        return {
            "currency": self.budget.currency,
            **{name: f"{amount.amount.normalize():f}" for name, amount in amounts.items()},
            "enough_for": self.enough_for,
        }


def plan(manifest: Manifest, *, own_prices: PriceTable | None = None, choice: Choice = ALL) -> Plan:
    """What rendering `manifest` comes to, by the user's own prices where they have one; and what of it `choice` does.

    Raises KeyError when there is no capability table for its provider, and `jobs.errors.ManifestError` when it has a
    budget and not every take a price, or the choice is of nothing.
    """
    check_budget(manifest, own_prices=own_prices)
    table = capabilities(manifest.providers[0])
    expansion = Expansion(manifest)
    ways = provider_plans(manifest, expansion, own_prices)
    shots = []
    start = 0
    for shot in manifest.shots:
        shots.append(_shot_plan(manifest, shot, start, expansion, table))
        start += shots[-1].takes
    models = [model for shot in manifest.shots for model in _models(manifest, shot)]
    return Plan(
        batch=manifest.batch,
        provider=manifest.providers[0],
        models=tuple(dict.fromkeys(models)),
        takes=expansion.total,
        seconds=sum((shot.seconds for shot in shots), Seconds(0, 0)),
        price=(
            sum((shot_totals(manifest, at, expansion, own=own_prices) for at in range(len(shots))), Totals())
            if ways is None
            else ways.price
        ),
        ways=ways,
        shots=tuple(shots),
        budget=manifest.budget,
        enough_for=takes_within_budget(manifest, own_prices=own_prices),
        max_failures=manifest.max_failures,
        deadline=manifest.deadline,
        not_before=manifest.not_before,
        window=manifest.window,
        first=expansion[0],
        last=expansion[expansion.total - 1],
        choice=choice,
        portion=portion(manifest, expansion, chosen(expansion, choice), own=own_prices) if choice else None,
    )


def _shot_plan(manifest: Manifest, shot: Shot, start: int, expansion: Expansion, table: Capabilities) -> ShotPlan:
    takes = shot.count()
    names = tuple(expansion[start + at].name for at in range(min(takes, FIRST_TAKES)))
    return ShotPlan(
        name=shot.name,
        mode=mode(expansion[start].asked),
        takes=takes,
        seconds=_seconds(manifest, shot, takes, table),
        axes=tuple((name, axis.count) for name, axis in shot.axes().items()),
        first_takes=names,
        mixed=shot.mix().told(),
        chain=told_chain(shot, manifest.defaults, picking_shots(manifest.shots)),
        kinds=kinds_of(manifest, shot),
        after=parents_of(manifest.defaults, shot),
    )


def _models(manifest: Manifest, shot: Shot) -> Iterator[str]:
    for part in shot.space(manifest.batch).parts("model"):
        yield from (str(value) for _, value in part.get("model", (((), shot.model or manifest.model),)))


def _seconds(manifest: Manifest, shot: Shot, takes: int, table: Capabilities) -> Seconds:
    """Of all takes of a shot; where they can't be told apart, between the shortest and the longest that could be."""
    space = shot.space(manifest.batch)
    common = common_fields(manifest, shot)
    swept = shot.axes().get("duration")
    if space.is_product and isinstance(swept, Range):
        total = swept.count * (int(swept[0]) + int(swept[swept.count - 1])) // 2
        return Seconds(total, total) * (takes // swept.count)
    counts = space.tally(("model", "duration"))
    found = Seconds(0, 0)
    if counts is not None:
        for cell, count in counts:
            found += _of_one({**common, **cell}, table) * count
        return found
    each = [
        _of_one({**common, **cell}, table)
        for part in space.parts("model")
        for cell in _cells({name: part[name] for name in ("model", "duration") if name in part})
    ]
    return Seconds(min(one.least for one in each), max(one.most for one in each)) * takes


def _of_one(fields: Mapping[str, object], table: Capabilities) -> Seconds:
    duration = fields.get("duration", table.defaults.duration)
    if isinstance(duration, int):
        return Seconds(duration, duration)
    bounds = table.durations_of(str(fields["model"]))
    return Seconds(bounds.least, bounds.most)


def _cells(values: Samples) -> Iterator[dict[str, object]]:
    for cell in product(*values.values()):
        yield {name: value for name, (_, value) in zip(values, cell, strict=True)}


def _by_model(kinds: Counter[Kind]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for kind, takes in kinds.items():
        found[kind.model] += takes
    return dict(found)


def _told_models(kinds: Counter[Kind]) -> str:
    """How many takes each model has, where there is more than one."""
    models = _by_model(kinds)
    return f" ({', '.join(f'{takes:,} by {model}' for model, takes in models.items())})" if len(models) > 1 else ""


def _told_value(value: object) -> str:
    told = value if isinstance(value, str) else canonical(value)
    return (
        told if len(told) <= LONGEST_TOLD else f"{told[:LONGEST_TOLD]} (and {len(told) - LONGEST_TOLD:,} more letters)"
    )


def _take_json(take: Take) -> dict[str, Any]:
    return {"name": take.name, "shot": take.shot, "index": take.index, "asked": dict(take.asked.asked())}


def _seconds_json(seconds: Seconds) -> dict[str, int]:
    return {"least": seconds.least, "most": seconds.most}
