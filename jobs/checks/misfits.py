"""Whether a provider takes what is asked, before a cent is spent, and who does when it doesn't.

A sweep is never laid out for it. Each value of an axis is looked at once for each model that it stands beside; how
fields go together depends on which are set, and that is the same for every take of a part of the sweep. So a shot of a
million takes costs what its axes are long. Only of a sample that might hold what isn't taken, each cell is looked at;
and of one of more than 200,000, it is said of what could be in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from jobs.capabilities import Capabilities, capabilities, known_providers
from jobs.checks.alike import likeness
from jobs.checks.choices import (
    Choices,
    asked_for,
    choices_by_model,
    choices_of_asked,
    choices_of_shot,
    whose_last_frame,
)
from jobs.checks.prompts import prompt_faults, prompt_messages
from jobs.checks.together import Clash, clashes
from jobs.checks.values import models_of, option_message, value_message
from jobs.faults import Fault, Loc, listing, shown
from jobs.fields.readers import READERS
from jobs.manifest import Defaults, Manifest, Shot
from jobs.sweeps.space import COULD_BE, Space
from jobs.sweeps.terms import MOST_COMPARED, MOST_LAID_OUT
from jobs.takes import Asked, LastFrame


def misfits(asked: Asked, table: Capabilities) -> list[tuple[str, str]]:
    """What `table`'s provider wouldn't take of `asked`, as (field, message); the field is "" for the whole."""
    choices = asked_for(choices_of_asked(asked))
    found = [*_value_faults(choices, table), *_joint_faults((), choices, table)]
    found += (Fault(("prompt",), message) for message in prompt_messages(asked.prompt, table))
    return [(str(fault.loc[0]) if fault.loc else "", fault.message) for fault in found]


def manifest_misfits(manifest: Manifest) -> list[Fault]:
    """What the first of the providers wouldn't take of any take of `manifest`, each with its place, nothing twice.

    Raises KeyError when there is no table for the provider.
    """
    shots = dict(enumerate(manifest.shots))
    table = capabilities(manifest.providers[0])
    found = shot_misfits(
        manifest.model, manifest.defaults, shots, table, last_frame=manifest.last_frame, batch=manifest.batch
    )
    return list(found)


def shot_misfits(
    model: str | None,
    defaults: Defaults,
    shots: Mapping[int, Shot],
    table: Capabilities,
    *,
    damaged: Iterable[int] = (),
    last_frame: LastFrame | None = None,
    batch: str = "",
) -> Iterator[Fault]:
    """What the provider wouldn't take of `shots`, given by their places.

    Of the `damaged` shots only single values are looked at: how they go together can't be known. `model` is
    None when it isn't known; `last_frame` is the batch's, and `batch` its name, which decides what samples take.
    """
    damaged = frozenset(damaged)
    said = set()
    taken: set[str] = set()
    for at, shot in shots.items():
        alike = None if at in damaged else likeness(shot, table)
        if alike in taken:
            continue
        if at in damaged:
            written = choices_of_shot(model, defaults, at, shot, last_frame=last_frame)
            faults = list(_value_faults(asked_for(written), table))
        else:
            faults = _shot_faults(model, defaults, at, shot, shot.space(batch), table, last_frame)
        if alike is not None and not faults:
            taken.add(alike)
        for fault in faults:
            # A default is the same for every shot, and is reported once.
            if fault not in said:
                said.add(fault)
                yield fault


def _shot_faults(
    model: str | None,
    defaults: Defaults,
    at: int,
    shot: Shot,
    space: Space,
    table: Capabilities,
    last_frame: LastFrame | None,
) -> list[Fault]:
    def found(*, taken: bool) -> list[Fault]:
        faults: list[Fault] = []
        for written in choices_by_model(model, defaults, at, shot, space, last_frame=last_frame, taken=taken):
            choices = asked_for(written)
            faults += _value_faults(choices, table)
            faults += _last_frame_faults(written, defaults, at, shot, last_frame)
            faults += _joint_faults(("shots", at), choices, table)
        return faults

    faults = found(taken=False)
    if faults and space.sampled:
        if space.taken > MOST_LAID_OUT:
            faults = [fault._replace(message=f"{fault.message} ({COULD_BE})") for fault in faults]
        else:
            faults = found(taken=True)
    return [*faults, *_same_takes(model, defaults, at, shot, space), *prompt_faults(at, shot, space, table)]


def _same_takes(model: str | None, defaults: Defaults, at: int, shot: Shot, space: Space) -> Iterator[Fault]:
    """Parts of a union that ask for the same, as one leaves a field to the defaults that the other one sweeps over.

    Only of up to `MOST_COMPARED` cells.
    """
    names = dict.fromkeys(name for term in space.terms for name in term.names)
    if len({frozenset(term.names) for term in space.terms}) < 2 or space.cells > MOST_COMPARED:
        return
    common = {"model": model, **defaults.given(), **shot.given()}
    seen: set[tuple[str, ...]] = set()
    cells = space.unsampled()
    for index in range(cells.count):
        cell = cells[index]
        one = tuple(repr(cell.get(name, common.get(name))) for name in names)
        if one in seen:
            told = ", ".join(f"{name} {shown(value)}" for name, value in cell.items())
            message = (
                f"two parts of the union ask for the same, with {told}; take the value that holds anyway out of one"
            )
            yield Fault(("shots", at, "combine"), message)
            return
        seen.add(one)


def _value_faults(choices: Choices, table: Capabilities) -> Iterator[Fault]:
    """What is wrong with single values, whatever stands beside them."""
    models = models_of(choices, table)
    for field, chosen in choices.items():
        if field == "provider_options":
            for each in chosen:
                yield from _option_faults(each.loc, each.value, table)
        if field != "model" and not table.takes(field):
            continue  # that it isn't taken at all is said once, by `clashes`
        for loc, value in chosen:
            messages: dict[str, None] = {}
            for model in models:
                message = value_message(field, value, table, model)
                if message is not None:
                    messages[message + _takers(field, value, table, model)] = None
            for message in messages:
                yield Fault(loc, message)


def _option_faults(loc: Loc, options: object, table: Capabilities) -> Iterator[Fault]:
    for name, value in options.items() if isinstance(options, Mapping) else ():
        message = option_message(name, value, table)
        if message is not None:
            yield Fault((*loc, name), message + _option_takers(name, value, table))


def _option_takers(name: str, value: object, table: Capabilities) -> str:
    if name in table.sets or name in READERS:
        return ""
    return _said(_others(table, lambda other: option_message(name, value, other) is None), "takes", "take", " it")


def _takers(field: str, value: object, table: Capabilities, model: str | None) -> str:
    """Who takes the value that the table's provider doesn't, for the end of the message."""

    def takes(other: Capabilities) -> bool:
        if field == "model":
            return value in other.models
        known = model is None or model in other.models
        return known and other.takes(field) and value_message(field, value, other, model) is None

    return _said(_others(table, takes), "takes", "take", " it")


def _joint_faults(loc: Loc, choices: Choices, table: Capabilities) -> Iterator[Fault]:
    for clash in clashes(loc, choices, table):
        takers = _reconcilers(clash, loc, choices, table)
        had = _said(takers, "has", "have") or "; take it away"
        yield Fault(clash.loc, clash.message + (had if len(clash.fields) == 1 else _said(takers, "can")))


def _reconcilers(clash: Clash, loc: Loc, choices: Choices, table: Capabilities) -> list[str]:
    return _others(table, lambda other: _gets_along(clash, loc, choices, other))


def _gets_along(clash: Clash, loc: Loc, choices: Choices, other: Capabilities) -> bool:
    """Whether the fields that clash at one provider don't at the `other`."""
    fields = [field for field in clash.fields if field in choices]
    if any(each.value not in other.models for each in choices.get("model", ())):
        return False
    if not all(field == "model" or other.takes(field) for field in fields):
        return False
    for model in models_of(choices, other):
        values = ((field, each.value) for field in fields for each in choices[field])
        if any(value_message(field, value, other, model) is not None for field, value in values):
            return False
    return all(theirs.fields != clash.fields for theirs in clashes(loc, choices, other))


def _last_frame_faults(
    written: Choices, defaults: Defaults, at: int, shot: Shot, last_frame: LastFrame | None
) -> Iterator[Fault]:
    """Places that ask the provider for no last frame although its last frame is what is to be kept."""
    whose = whose_last_frame(defaults, at, shot, last_frame=last_frame)
    if whose is None or whose.value != "provider":
        return
    for chosen in written["return_last_frame"]:
        if chosen.value is False:
            yield Fault(chosen.loc, "false here, and last_frame: provider needs it; take one of the two away")


def _others(table: Capabilities, takes: Callable[[Capabilities], bool]) -> list[str]:
    others = (capabilities(name) for name in known_providers() if name != table.provider)
    return [other.provider for other in others if takes(other)]


def _said(providers: list[str], one: str, many: str | None = None, what: str = "") -> str:
    if not providers:
        return ""
    return f"; {listing(providers)} {one if len(providers) == 1 else many or one}{what}"
