"""Whether one of several providers takes what is asked, for each take.

A shot that one of them takes as it is costs no more to look at than with one provider alone. Where each lacks something
for a part of a shot, that shot's cells are put together by what is looked at and each is looked at with each provider;
no prompt and no seed tells them apart, so of a shot of a million takes these are few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from jobs.capabilities import Capabilities, capabilities
from jobs.checks.misfits import misfits, shot_misfits
from jobs.checks.prompts import prompt_messages
from jobs.checks.values import value_message
from jobs.faults import Fault
from jobs.fields.readers import READERS, REFERENCES
from jobs.manifest import Defaults, Manifest, Shot
from jobs.takes import Asked, LastFrame, canonical
from jobs.takes.strands import common_fields

MOST_FORMS = 10_000
"""How many ways to ask are remembered, of which each is looked at with each provider."""


def capable(asked: Asked, providers: Sequence[str]) -> tuple[str, ...]:
    """Those of `providers` that take what is asked, in their order. Raises KeyError for one that has no table."""
    if len(providers) < 2:
        return tuple(providers)
    form = canonical({name: value for name, value in asked.asked().items() if name not in ("prompt", "seed")})
    return tuple(
        provider
        for provider in providers
        if _takes(form, asked.seed is not None, provider)
        and not any(prompt_messages(asked.prompt, capabilities(provider)))
        and (asked.seed is None or value_message("seed", asked.seed, capabilities(provider), asked.model) is None)
    )


@lru_cache(MOST_FORMS)
def _takes(form: str, seeded: bool, provider: str) -> bool:
    asked = Asked.model_validate_json(form[:-1] + ',"prompt":"any"' + (',"seed":1}' if seeded else "}"))
    return not misfits(asked, capabilities(provider))


@dataclass(frozen=True, slots=True)
class Reach:
    """How many takes of a shot a provider can render, None where that isn't known; and what it doesn't take."""

    takes: int | None
    faults: tuple[Fault, ...] = ()


def shared_misfits(
    model: str | None,
    defaults: Defaults,
    shots: Mapping[int, Shot],
    tables: Sequence[Capabilities],
    *,
    damaged: Iterable[int] = (),
    last_frame: LastFrame | None = None,
    batch: str = "",
) -> Iterator[Fault]:
    """What none of the tables' providers takes of `shots`; of one provider, as `jobs.checks.misfits.shot_misfits`."""
    if len(tables) == 1:
        yield from shot_misfits(model, defaults, shots, tables[0], damaged=damaged, last_frame=last_frame, batch=batch)
        return
    damaged, said = frozenset(damaged), set()
    for at, shot in shots.items():
        by_provider = [
            list(
                shot_misfits(
                    model, defaults, {at: shot}, table, damaged=damaged & {at}, last_frame=last_frame, batch=batch
                )
            )
            for table in tables
        ]
        found = agreed(by_provider)
        if found and at not in damaged and model is not None:
            manifest = _alone(model, defaults, shot, tables, last_frame, batch)
            reach = _by_cell(manifest, manifest.shots[0], by_provider)
            if reach is not None and not reach[()]:
                continue
        for fault in found:
            if fault not in said:
                said.add(fault)
                yield fault


def agreed(by_provider: Sequence[list[Fault]]) -> list[Fault]:
    """The faults of which no provider is free, each once; none when one has none."""
    if not all(by_provider):
        return []
    return list(dict.fromkeys(fault for faults in by_provider for fault in faults))


def reach_of(manifest: Manifest, at: int) -> dict[str, Reach]:
    """What each of the manifest's providers can render of the shot at `at`. Raises KeyError for one without a table."""
    shot = manifest.shots[at]
    found = [
        list(
            shot_misfits(
                manifest.model,
                manifest.defaults,
                {at: shot},
                capabilities(provider),
                last_frame=manifest.last_frame,
                batch=manifest.batch,
            )
        )
        for provider in manifest.providers
    ]
    counts = _by_cell(manifest, shot, found) if any(found) else None
    reaches = {}
    for provider, faults in zip(manifest.providers, found, strict=True):
        takes = shot.count() if not faults else None
        if faults and counts is not None:
            takes = sum(count for able, count in counts.items() if provider in able)
        reaches[provider] = Reach(takes, tuple(faults))
    return reaches


def _alone(
    model: str,
    defaults: Defaults,
    shot: Shot,
    tables: Sequence[Capabilities],
    last_frame: LastFrame | None,
    batch: str,
) -> Manifest:
    providers = tuple(table.provider for table in tables)
    return Manifest.model_construct(
        batch=batch, provider=providers, model=model, last_frame=last_frame, defaults=defaults, shots=(shot,)
    )


def _by_cell(manifest: Manifest, shot: Shot, faults: Sequence[list[Fault]]) -> Counter[tuple[str, ...]] | None:
    """How many takes of a shot which providers can render; None where its cells are too many to be told apart.

    Who has faults with its prompts isn't counted in: which of them isn't looked at here.
    """
    told = zip(manifest.providers, faults, strict=True)
    providers = [provider for provider, found in told if not any("prompt" in fault.loc for fault in found)]
    common = common_fields(manifest, shot)
    axes = shot.axes()
    if "seed" in axes:
        common["seed"] = axes["seed"][0]
    names = tuple(name for name in axes if name in READERS and name not in ("prompt", "seed"))
    counts = shot.space(manifest.batch).tally(names)
    if counts is None:
        return None
    found: Counter[tuple[str, ...]] = Counter()
    for cell, takes in counts:
        one = {name: (value,) if name in REFERENCES else value for name, value in cell.items()}
        asked = Asked.model_validate({"model": manifest.model, **common, **one, "prompt": "any"})
        able = capable(asked, manifest.providers)
        found[tuple(each for each in able if each in providers)] += takes
    return found
