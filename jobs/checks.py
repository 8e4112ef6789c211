"""Whether a provider takes what is asked, before a cent is spent.

A sweep is never laid out for it. Each value of an axis is looked at once; how fields go together depends on
which are set, and that is the same for every take of a shot, since an axis always sets its field. So a shot
of a million takes costs what its axes are long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from jobs.capabilities import Capabilities, capabilities
from jobs.faults import Fault, Loc, choice, did_you_mean, shown
from jobs.fields import REFERENCES
from jobs.manifest import Defaults, Manifest, Shot
from jobs.mode import Mode, mode_of
from jobs.sweep import axis
from jobs.takes import Asked
from jobs.templates import Template, as_text


class _Chosen(NamedTuple):
    """One value that a field has in some takes, and where it is written."""

    loc: Loc
    value: object


_Choices = Mapping[str, tuple[_Chosen, ...]]


def misfits(asked: Asked, table: Capabilities) -> list[tuple[str, str]]:
    """What `table`'s provider wouldn't take of `asked`, as (field, message); the field is "" for the whole."""
    set_fields = ((name, getattr(asked, name)) for name in Asked.model_fields)
    choices = {name: (_Chosen((name,), value),) for name, value in set_fields if value not in (None, ())}
    found = [*_value_faults(choices, table), *_joint_faults((), choices, table)]
    if table.longest_prompt is not None and len(asked.prompt) > table.longest_prompt:
        most = f"{table.longest_prompt} is the most that {_allows(table, None)}"
        found.append(Fault(("prompt",), f"a prompt of {len(asked.prompt)} characters; {most}"))
    return [(str(fault.loc[0]) if fault.loc else "", fault.message) for fault in found]


def manifest_misfits(manifest: Manifest) -> list[Fault]:
    """What the provider wouldn't take of any take of `manifest`, each with its place, nothing twice.

    Raises KeyError when there is no table for the provider.
    """
    shots = dict(enumerate(manifest.shots))
    table = capabilities(manifest.provider)
    return list(shot_misfits(manifest.model, manifest.defaults, shots, table))


def shot_misfits(
    model: str | None,
    defaults: Defaults,
    shots: Mapping[int, Shot],
    table: Capabilities,
    *,
    damaged: Iterable[int] = (),
) -> Iterator[Fault]:
    """What the provider wouldn't take of `shots`, given by their places.

    Of the `damaged` shots only single values are looked at: how they go together can't be known. `model` is
    None when it isn't known.
    """
    damaged = frozenset(damaged)
    said = set()
    for at, shot in shots.items():
        choices = _choices(model, defaults, at, shot)
        faults = list(_value_faults(choices, table))
        if at not in damaged:
            faults += _joint_faults(("shots", at), choices, table)
            if table.longest_prompt is not None:
                faults += _prompt_faults(at, shot, table.longest_prompt, _allows(table, None))
        for fault in faults:
            # A default is the same for every shot, and is reported once.
            if fault not in said:
                said.add(fault)
                yield fault


def _choices(model: str | None, defaults: Defaults, at: int, shot: Shot) -> _Choices:
    """Every value that each field has in the takes of one shot, and where it comes from."""
    loc: Loc = ("shots", at)
    choices: dict[str, tuple[_Chosen, ...]] = {}
    if model is not None:
        choices["model"] = (_Chosen(("model",), model),)
    for name, value in defaults.given().items():
        choices[name] = (_Chosen(("defaults", name), value),)
    for name, value in shot.given().items():
        choices[name] = (_Chosen((*loc, name), value),)
    axes = {name: axis(written) for name, written in shot.sweep.items()}
    for name, values in axes.items():
        if name in Asked.model_fields:
            here = (*loc, "sweep", name)
            one = (lambda value: (value,)) if name in REFERENCES else (lambda value: value)
            choices[name] = tuple(_Chosen((*here, *step), one(value)) for step, value in values.samples())
    return choices


def _value_faults(choices: _Choices, table: Capabilities) -> Iterator[Fault]:
    """What is wrong with single values, whatever stands beside them, but for the model."""
    models = _models(choices, table)
    taken = {field for fields in table.modes.values() for field in fields}
    for field, chosen in choices.items():
        if field in REFERENCES and field not in taken:
            continue  # that it isn't taken at all is said once, below
        for loc, value in chosen:
            messages = (_value_message(field, value, table, model) for model in models)
            for message in dict.fromkeys(message for message in messages if message is not None):
                yield Fault(loc, message)


def _models(choices: _Choices, table: Capabilities) -> tuple[str | None, ...]:
    """The known models of these takes; None alone when there is none, and then any will do."""
    known = tuple(str(value) for _, value in choices.get("model", ()) if value in table.models)
    return known or (None,)


def _value_message(field: str, value: object, table: Capabilities, model: str | None) -> str | None:
    match field:
        case "model" if value not in table.models:
            hint = did_you_mean(str(value), table.models) or f"; it has {choice(table.models)}"
            return f"{table.provider} has no model {shown(value)}{hint}"
        case "duration":
            return _duration_message(value, table, model)
        case "resolution":
            differs = len({each.resolutions for each in table.models.values()}) > 1
            allows = _allows(table, model if differs else None)
            return _choice_message("resolution", value, table.resolutions_of(model), allows)
        case "aspect_ratio":
            differs = any(each.aspect_ratios for each in table.models.values())
            allows = _allows(table, model if differs else None)
            return _choice_message("aspect ratio", value, table.aspect_ratios_of(model), allows)
        case "seed" if isinstance(value, int):
            return _bounds_message(value, table.seed.least, table.seed.most, _allows(table, None))
        case "reference_images" | "reference_videos" | "reference_audio" if isinstance(value, tuple):
            most = int(getattr(table.references, field))
            if len(value) > most:
                return f"{len(value)} are too many; {most} is the most that {_allows(table, None)}"
    return None


def _duration_message(value: object, table: Capabilities, model: str | None) -> str | None:
    durations = table.durations_of(model)
    allows = _allows(table, model if durations is not table.durations else None)
    if isinstance(value, int):
        return _bounds_message(value, durations.least, durations.most, allows)
    if durations.auto:
        return None
    return f"{value} is not a duration that {allows}; give seconds, {durations.least} to {durations.most}"


def _bounds_message(value: int, least: int | None, most: int | None, allows: str) -> str | None:
    if least is not None and value < least:
        return f"{shown(value)} is below {least}, the least that {allows}"
    if most is not None and value > most:
        return f"{shown(value)} is above {most}, the most that {allows}"
    return None


def _choice_message(what: str, value: object, taken: tuple[str, ...], allows: str) -> str | None:
    if value in taken:
        return None
    article = "an" if what[0] in "aeiou" else "a"
    return f"{shown(value)} is not {article} {what} that {allows}: {choice(taken)}"


def _allows(table: Capabilities, model: str | None) -> str:
    return f"{table.provider} allows" if model is None else f"{table.provider} allows for {model}"


def _joint_faults(loc: Loc, choices: _Choices, table: Capabilities) -> Iterator[Fault]:
    """What doesn't go together. `loc` is the place of the shot, for what is nobody's fault alone."""
    mode = mode_of(choices)
    yield from _mode_faults(mode, choices, table)
    for rule in table.rules:
        if rule.field not in table.modes.get(mode, ()):
            continue
        for chosen in choices.get(rule.field, ()):
            if rule.values is not None and chosen.value not in rule.values:
                continue
            this = rule.field if rule.values is None else f"{rule.field} {chosen.value}"
            if rule.needs and not any(field in choices for field in rule.needs):
                yield Fault(chosen.loc, f"{this} needs {choice(rule.needs)} beside it at {table.provider}")
            for field in rule.forbids:
                if field in choices:
                    yield Fault(chosen.loc, f"{this} can't go together with {field} at {table.provider}")
    files = sum(max(_length(value) for _, value in choices.get(field, [_NONE])) for field in REFERENCES)
    if "reference" in table.modes and files > table.references.total:
        most = table.references.total
        yield Fault(loc, f"{files} references in one take; {most} is the most that {_allows(table, None)}")


def _mode_faults(mode: Mode, choices: _Choices, table: Capabilities) -> Iterator[Fault]:
    """Fields that aren't taken in this mode, and models that don't have it."""
    makers = [field for field in choices if field in _MAKERS[mode]]
    taken = {field for fields in table.modes.values() for field in fields}
    for field, chosen in choices.items():
        if field in table.modes.get(mode, ()) or field == "model":
            continue
        first = chosen[0].loc
        if field not in taken:
            yield Fault(first, f"{table.provider} doesn't take {field}; take it away")
        elif not makers:
            yield Fault(first, f"{table.provider} doesn't take {field} with a prompt alone; take it away")
        else:
            yield _apart(field, makers[0], choices, table)
    for _, name in choices.get("model", ()):
        model = table.models.get(str(name))
        if model is not None and mode not in model.endpoints and makers:
            message = f"{name} at {table.provider} takes no {makers[0]}"
            yield Fault(choices[makers[0]][0].loc, message)


def _apart(field: str, other: str, choices: _Choices, table: Capabilities) -> Fault:
    """Two fields that exclude each other. The one that is written in the shot bears the blame."""
    if choices[field][0].loc[0] == "defaults":
        field, other = other, field
    loc = choices[field][0].loc
    from_defaults = ", which the defaults set," if choices[other][0].loc[0] == "defaults" else ""
    return Fault(loc, f"{field} can't go together with {other}{from_defaults} at {table.provider}; keep one")


def _prompt_faults(at: int, shot: Shot, longest: int, allows: str) -> Iterator[Fault]:
    """Prompts that become too long with the longest value of every variable."""
    axes = {name: axis(written) for name, written in shot.sweep.items()}
    values = {
        name: max((as_text(value) for _, value in each.samples()), key=len)
        for name, each in axes.items()
        if name not in Asked.model_fields
    }
    prompts: list[tuple[Loc, str]] = []
    if "prompt" in axes:
        prompts += ((("sweep", "prompt", *step), str(value)) for step, value in axes["prompt"].samples())
    elif shot.prompt is not None:
        prompts.append((("prompt",), shot.prompt))
    for loc, prompt in prompts:
        length = len(Template.parse(prompt).fill(values))
        if length > longest:
            message = f"a prompt of up to {length} characters; {longest} is the most that {allows}"
            yield Fault(("shots", at, *loc), message)


def _length(value: object) -> int:
    return len(value) if isinstance(value, tuple) else 0


_NONE = _Chosen((), ())
_MAKERS: Mapping[Mode, tuple[str, ...]] = {
    "text": (),
    "image": ("start_image", "end_image"),
    "reference": REFERENCES,
}
