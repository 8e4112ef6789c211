"""What the fields of a manifest hold, each with how it is read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BeforeValidator, JsonValue, PlainSerializer, ValidationInfo

from jobs.faults import shown
from jobs.fields.amounts import Amount, read_amount
from jobs.fields.readers import (
    duration,
    last_frame,
    media,
    provider_options,
    read_providers,
    resolution,
    retry_moderated,
    text,
    whole_number,
    yes_or_no,
)
from jobs.fields.terms import (
    Budget,
    Deadline,
    Moderation,
    OnDoubt,
    Route,
    Window,
    read_budget,
    read_deadline,
    read_max_failures,
    read_moderation,
    read_not_before,
    read_on_doubt,
    read_priority,
    read_route,
    read_weight,
    read_window,
)
from jobs.sweeps import Written, read_sweep
from jobs.sweeps.reading import (
    Rule,
    read_combine,
    read_repeat,
    read_rules,
    read_sample,
    read_seed,
    read_takes,
)
from jobs.takes import AxisValue, LastFrame
from jobs.takes.naming import RESERVED_BATCHES, name_fault


def _batch_name(value: object) -> str:
    return _named(value, RESERVED_BATCHES)


def _shot_name(value: object) -> str:
    return _named(value, ())


def _named(value: object, reserved: Iterable[str]) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{shown(value)} is not a name: use letters, digits, - and _")
    fault = name_fault(str(value), reserved=reserved)
    if fault is not None:
        raise ValueError(fault)
    return str(value)


def _other_shot(value: object) -> str:
    if isinstance(value, list | tuple):
        raise ValueError("this is one shot; name it")
    return _named(value, ())


def _provider(value: object) -> str | tuple[str, ...]:
    found = read_providers(value)
    return found[0] if len(found) == 1 else found


def _sweep(value: object, info: ValidationInfo) -> dict[str, Written]:
    return read_sweep(value, info.data.get("combine"))


def _listed(value: object) -> object:
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, str):
        raise ValueError("this is a list of URLs; write [https://...], also for one")
    raise ValueError(f"{shown(value)} is not a list of URLs")


Reference = Annotated[str, BeforeValidator(media)]
References = Annotated[tuple[Reference, ...], BeforeValidator(_listed)]
Text = Annotated[str, BeforeValidator(text)]
Duration = Annotated[int | Literal["auto"], BeforeValidator(duration)]
Resolution = Annotated[str, BeforeValidator(resolution)]
WholeNumber = Annotated[int, BeforeValidator(whole_number)]
YesOrNo = Annotated[bool, BeforeValidator(yes_or_no)]
Options = Annotated[dict[str, JsonValue], BeforeValidator(provider_options)]
Whose = Annotated[LastFrame, BeforeValidator(last_frame)]
Retries = Annotated[int, BeforeValidator(retry_moderated)]
OwnPrice = Annotated[Amount, BeforeValidator(read_amount), PlainSerializer(str, return_type=str)]
Priority = Annotated[int, BeforeValidator(read_priority)]
Limits = Annotated[Budget, BeforeValidator(read_budget), PlainSerializer(Budget.written)]
Until = Annotated[Deadline, BeforeValidator(read_deadline), PlainSerializer(str, return_type=str)]
From = Annotated[Deadline, BeforeValidator(read_not_before), PlainSerializer(str, return_type=str)]
Daily = Annotated[Window, BeforeValidator(read_window), PlainSerializer(str, return_type=str)]
Weight = Annotated[int, BeforeValidator(read_weight)]
Failures = Annotated[int, BeforeValidator(read_max_failures)]
Way = Annotated[Route, BeforeValidator(read_route)]
Moderated = Annotated[Moderation, BeforeValidator(read_moderation)]
Doubts = Annotated[OnDoubt, BeforeValidator(read_on_doubt)]
Combine = Annotated[str, BeforeValidator(read_combine)]
Rules = Annotated[tuple[Rule, ...], BeforeValidator(read_rules)]
Sampled = Annotated[dict[str, AxisValue], BeforeValidator(read_sample)]
SampleSeed = Annotated[str | int, BeforeValidator(read_seed)]
Seeded = Annotated[dict[str, AxisValue], BeforeValidator(read_takes)]
Repeats = Annotated[int | None, BeforeValidator(read_repeat)]

OtherShot = Annotated[str, BeforeValidator(_other_shot)]
BatchName = Annotated[str, BeforeValidator(_batch_name)]
ShotName = Annotated[str, BeforeValidator(_shot_name)]
Provider = Annotated[str | tuple[str, ...], BeforeValidator(_provider)]
Sweep = Annotated[dict[str, Written], BeforeValidator(_sweep)]
