"""The keys of a manifest: which there are, and what is said of one that isn't."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from jobs.faults import SHOWN, Fault, Faults, Loc, nearest, shown
from jobs.fields.readers import READERS, REFERENCES
from jobs.fields.spellings import OTHER_SPELLINGS
from jobs.manifest import Defaults, Fields, Manifest, Shot
from jobs.sweeps.axes import is_range

_MISSING = {
    "batch": "missing: a manifest needs the batch's name",
    "provider": "missing: a manifest needs a provider",
    "model": "missing: a manifest needs a model",
    "shots": "missing: a manifest needs a list of shots",
    "name": "missing: every shot needs a name",
}


MANIFEST_KEYS = (*Manifest.model_fields, "looks", "include")
SHOT_KEYS = (*Shot.model_fields, "look")
LOOK_KEYS = tuple(Fields.model_fields)
DEFAULT_KEYS = tuple(Defaults.model_fields)


def said(details: ErrorDetails, model: type[BaseModel]) -> Iterator[Fault]:
    """One of pydantic's errors, in our words."""
    loc: Loc = details["loc"]
    error = details.get("ctx", {}).get("error")
    if isinstance(error, Faults):
        yield from (Fault((*loc, *fault.loc), fault.message) for fault in error.faults)
    elif isinstance(error, ValueError):
        yield Fault(loc, f"{error}{_several(loc, details['input'])}")
    elif details["type"] == "extra_forbidden":
        yield Fault(loc, _unknown_key(str(loc[-1]), model))
    elif details["type"] == "missing":
        yield Fault(loc, _MISSING.get(str(loc[-1]), "missing"))
    else:
        yield Fault(loc, f"{shown(details['input'])} doesn't fit: {details['msg']}")


def _several(loc: Loc, given: object) -> str:
    """Where several values of a field go, if that is what was given."""
    if len(loc) != 1 or loc[0] not in READERS or loc[0] in REFERENCES or not isinstance(given, list | str):
        return ""
    several = is_range(given) if isinstance(given, str) else len(given) > 1
    return f"; several values go under sweep:  sweep: {{{loc[0]}: {_written(given)}}}" if several else ""


def _written(given: object) -> str:
    told = (
        given
        if isinstance(given, str)
        else f"[{', '.join(str(each) for each in given)}]"
        if isinstance(given, list)
        else ""
    )
    return told if len(told) <= SHOWN else "[...]"


def _unknown_key(key: str, model: type[BaseModel]) -> str:
    keys = tuple(model.model_fields)
    if key == "<<":
        return "merging with << isn't YAML 1.2; what shots share goes under defaults"
    meant = meant_key(key, keys)
    if meant is not None:
        return f"unknown key {key!r}; did you mean {meant!r}?"
    if key in MANIFEST_KEYS:
        return f"{key!r} belongs at the top of the manifest"
    if key in SHOT_KEYS:
        belongs = "in a shot, or under defaults" if key in DEFAULT_KEYS else "in a shot"
        return f"{key!r} belongs {belongs}"
    if model is Manifest and (meant := nearest(key, SHOT_KEYS)) is not None:
        return f"unknown key {key!r}; did you mean {meant!r}, which belongs in a shot?"
    return f"unknown key {shown(key)}; known here: {', '.join(keys)}"


def meant_key(key: str, keys: tuple[str, ...]) -> str | None:
    known = (*MANIFEST_KEYS, *SHOT_KEYS)
    if key in known:
        return None  # spelt right, in the wrong place
    other = OTHER_SPELLINGS.get(key.lower().replace("-", "_"))
    return other if other in keys else nearest(key, keys)


def is_text(loc: Loc) -> bool:
    """Where a number in the file is meant as the text it was written as: `007` is a word of a prompt."""
    match loc:
        case ("batch" | "provider" | "model",) | (
            "shots",
            _,
            "name" | "prompt" | "model" | "for_each" | "promote" | "look",
        ):
            return True
        case ("shots", _, "sweep", axis, _) | ("shots", _, "sweep", axis, _, "value"):
            return axis not in READERS
        case ("shots", _, "sweep", _, _, column):
            return column not in READERS and column != "weight"
        case ("shots", _, "include" | "exclude", _, axis) | ("shots", _, "include" | "exclude", _, axis, _):
            return axis not in READERS
    return False
