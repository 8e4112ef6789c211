"""Whether a provider takes one value of one field, whatever stands beside it."""

from __future__ import annotations

from jobs.capabilities import Capabilities
from jobs.checks.choices import Choices
from jobs.faults import choice, did_you_mean, shown
from jobs.fields.readers import READERS
from jobs.fields.references import MEDIA, kind_of


def models_of(choices: Choices, table: Capabilities) -> tuple[str | None, ...]:
    """The models of these takes that the provider has; None alone when it has none of them, and then any will do."""
    known = tuple(str(each.value) for each in choices.get("model", ()) if each.value in table.models)
    return known or (None,)


def value_message(field: str, value: object, table: Capabilities, model: str | None) -> str | None:
    """What is wrong with `value` as the `field` of a take of `model` at the table's provider, or None."""
    match field:
        case "model" if value not in table.models:
            hint = did_you_mean(str(value), table.models) or f"; it has {choice(table.models)}"
            return f"{table.provider} has no model {shown(value)}{hint}"
        case "duration":
            return _duration_message(value, table, model)
        case "resolution":
            differs = len({each.resolutions for each in table.models.values()}) > 1
            allows = allowed_by(table, model if differs else None)
            return _choice_message("resolution", value, table.resolutions_of(model), allows)
        case "aspect_ratio":
            differs = any(each.aspect_ratios for each in table.models.values())
            allows = allowed_by(table, model if differs else None)
            return _choice_message("aspect ratio", value, table.aspect_ratios_of(model), allows)
        case "seed" if isinstance(value, int):
            return _bounds_message(value, table.seed.least, table.seed.most, allowed_by(table, None))
    if field in MEDIA:
        return _reference_message(field, value, table)
    return None


def option_message(name: str, value: object, table: Capabilities) -> str | None:
    """What is wrong with `value` as the provider's own field `name`, or None."""
    option = table.options.get(name)
    if option is not None:
        return option.fault(value)
    if name in READERS:
        return f"{name} is a field of the manifest; set it there"
    if name in table.sets:
        field = table.sets[name]
        return f"{name} is sent by Rushes" + (f", from {field}; set that" if field is not None else "; take it away")
    hint = did_you_mean(name, table.options)
    known = f"; it has {choice(table.options)}" if table.options and not hint else ""
    return f"{table.provider} has no field {shown(name)}{hint}{known}"


def allowed_by(table: Capabilities, model: str | None) -> str:
    """Who allows something, for the end of a sentence."""
    return f"{table.provider} allows" if model is None else f"{table.provider} allows for {model}"


def _reference_message(field: str, value: object, table: Capabilities) -> str | None:
    given = value if isinstance(value, tuple) else (value,)
    if isinstance(value, tuple):
        most = int(getattr(table.references, field))
        if len(value) > most:
            return f"{len(value)} are too many; {most} is the most that {allowed_by(table, None)}"
    medium = MEDIA[field]
    if "asset" not in table.ways_of(medium):
        asset = next((each for each in given if kind_of(str(each)) == "asset"), None)
        if asset is not None:
            return f"{shown(asset)} is an asset id, and {table.provider} takes none; give a URL"
    return None


def _duration_message(value: object, table: Capabilities, model: str | None) -> str | None:
    durations = table.durations_of(model)
    allows = allowed_by(table, model if durations is not table.durations else None)
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
