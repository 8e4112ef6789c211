"""The manifest: what a person asks for, read and found to make sense.

These models are also the frozen form of a batch: `model_dump_json` writes it, `model_validate_json` reads it
back unchanged, and every worker counts its takes from that.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    JsonValue,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from jobs.amounts import Amount, read_amount
from jobs.faults import Fault, Faults, did_you_mean, place, shown
from jobs.fields import (
    READERS,
    UNSWEPT,
    duration,
    last_frame,
    media,
    provider_options,
    resolution,
    retry_moderated,
    text,
    whole_number,
    yes_or_no,
)
from jobs.naming import RESERVED_BATCHES, name_fault
from jobs.sweep import Axis, Written, axis, read_sweep
from jobs.takes import AxisValue, LastFrame
from jobs.templates import Template, TemplateError, as_text
from jobs.terms import (
    Budget,
    Deadline,
    OnDoubt,
    read_budget,
    read_deadline,
    read_max_failures,
    read_on_doubt,
    read_priority,
)

MOST_TAKES = 10**12
"""The most takes of one batch. Far more than anyone pays for, and every index below it is exact everywhere."""


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


def _provider(value: object) -> str:
    if isinstance(value, list | tuple):
        raise ValueError("more than one provider isn't taken yet; name one")
    return text(value)


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
Failures = Annotated[int, BeforeValidator(read_max_failures)]
Doubts = Annotated[OnDoubt, BeforeValidator(read_on_doubt)]

_TERMS = ("price", "priority", "budget", "max_failures", "deadline", "on_doubt", "reuse")
_ADDED = frozenset({*UNSWEPT, *_TERMS, "camera_fixed", "watermark", "web_search", "return_last_frame"})
"""What manifests have been able to hold since after the first version. Left out, it leaves no trace in the frozen form:
a batch that was frozen before is still the same manifest, byte for byte."""


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_serializer(mode="wrap")
    def _without_what_came_later(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        return {name: value for name, value in dump(self).items() if value is not None or name not in _ADDED}


class Fields(_Written):
    """The fields of a take that can be set for one shot or, under `defaults`, for all."""

    start_image: Reference | None = None
    end_image: Reference | None = None
    reference_images: References = ()
    reference_videos: References = ()
    reference_audio: References = ()
    duration: Duration | None = None
    resolution: Resolution | None = None
    aspect_ratio: Text | None = None
    seed: WholeNumber | None = None
    generate_audio: YesOrNo | None = None
    camera_fixed: YesOrNo | None = None
    watermark: YesOrNo | None = None
    web_search: YesOrNo | None = None
    return_last_frame: YesOrNo | None = None
    provider_options: Options | None = None

    def given(self) -> dict[str, object]:
        """The fields of a take that are set here, by name."""
        values = ((name, getattr(self, name)) for name in Fields.model_fields)
        return {name: value for name, value in values if value is not None and value != () and value != {}}


class Handling(_Written):
    """How takes are handled, beside what they ask. None is the default: `decoded`, 0, what the tables say, and 0.

    `price` is the most that one take costs. What has a higher `priority` is submitted first.
    """

    last_frame: Whose | None = None
    retry_moderated: Retries | None = None
    price: OwnPrice | None = None
    priority: Priority | None = None


class Defaults(Handling, Fields):
    """What holds for every shot that doesn't say otherwise."""


class Shot(Handling, Fields):
    """One entry of the manifest. `prompt` is a template, and None only where the sweep gives the prompt.

    `sweep` holds the axes as they were written, in their order; `axes()` is the same, ready to use.
    """

    name: Annotated[str, BeforeValidator(_shot_name)]
    prompt: Text | None = None
    sweep: Annotated[dict[str, Written], BeforeValidator(read_sweep)] = {}

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        faults = list(shot_faults(self.given(), self.prompt, self.sweep))
        if faults:
            raise Faults(faults)
        return self

    def axes(self) -> dict[str, Axis]:
        """The sweep's axes, by name, in their order."""
        return {name: axis(written) for name, written in self.sweep.items()}

    def count(self) -> int:
        """How many takes the shot has."""
        return math.prod(axis.count for axis in self.axes().values())


class Manifest(_Written):
    """One batch, as a person asked for it. Immutable.

    `last_frame`, `retry_moderated` and `price` hold for every shot, unless the defaults or the shot say otherwise.

    Nothing more is submitted when the `budget` is used up, when `max_failures` takes have failed, or after the
    `deadline`. `on_doubt` says what becomes of an attempt that nothing settles (None: `hold`), and `reuse` whether
    takes of other batches are taken from the store where they are the same (None: no).
    """

    batch: Annotated[str, BeforeValidator(_batch_name)]
    provider: Annotated[str, BeforeValidator(_provider)]
    model: Text
    last_frame: Whose | None = None
    retry_moderated: Retries | None = None
    price: OwnPrice | None = None
    budget: Limits | None = None
    max_failures: Failures | None = None
    deadline: Until | None = None
    on_doubt: Doubts | None = None
    reuse: YesOrNo | None = None
    defaults: Defaults = Defaults()
    shots: tuple[Shot, ...]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        faults = list(batch_faults(dict(enumerate(self.shots))))
        if faults:
            raise Faults(faults)
        return self

    def last_frame_of(self, shot: Shot) -> LastFrame:
        """Whose last frame is kept of the takes of `shot`."""
        return shot.last_frame or self.defaults.last_frame or self.last_frame or "decoded"

    def retry_moderated_of(self, shot: Shot) -> int:
        """How often a take of `shot` may be submitted again after output moderation."""
        given = (shot.retry_moderated, self.defaults.retry_moderated, self.retry_moderated)
        return next((number for number in given if number is not None), 0)

    def price_of(self, shot: Shot) -> Amount | None:
        """What one take of `shot` costs at most, by the manifest's own word, or None when it has none."""
        given = (shot.price, self.defaults.price, self.price)
        return next((price for price in given if price is not None), None)

    def priority_of(self, shot: Shot) -> int:
        """The priority of the takes of `shot`."""
        given = (shot.priority, self.defaults.priority)
        return next((number for number in given if number is not None), 0)

    def digest(self) -> str:
        """The sha256 (hex) of what the manifest asks for, names included.

        Left-out fields are left out of it too, so that a field which a later version of Rushes adds changes
        no digest. The order of the axes counts, for it decides which take has which number.
        """
        asked = self.model_dump(mode="json", exclude_defaults=True)
        for shot in asked["shots"]:
            if "sweep" in shot:
                shot["sweep"] = list(shot["sweep"].items())
        canonical = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def shot_faults(given: Mapping[str, object], prompt: str | None, sweep: Mapping[str, Written]) -> Iterator[Fault]:
    """What doesn't fit together within one shot: its fields, its prompt and its axes."""
    for name in sweep:
        if name in given:
            yield Fault(("sweep", name), f"{name} is swept here and also set for the shot; keep one of the two")
    if "prompt" not in sweep:
        if prompt is None:
            yield Fault(("prompt",), "missing: a shot needs a prompt, or a sweep over prompt")
            return
        yield from _prompt_faults(("prompt",), prompt, sweep)
        return
    if prompt is not None:
        yield Fault(("sweep", "prompt"), "prompt is swept here and also set for the shot; keep one of the two")
    for loc, swept in axis(sweep["prompt"]).samples():
        yield from _prompt_faults(("sweep", "prompt", *loc), as_text(swept), sweep)


def batch_faults(shots: Mapping[int, Shot]) -> Iterator[Fault]:
    """What doesn't fit together between the shots of a batch, given by their place in the manifest."""
    if not shots:
        yield Fault(("shots",), "there are no shots, and so there is nothing to render")
    yield from name_clashes({at: shot.name for at, shot in shots.items()})
    takes = sum(shot.count() for shot in shots.values())
    if takes > MOST_TAKES:
        yield Fault(("shots",), f"together they have {takes:,} takes, and {MOST_TAKES:,} is the most")


def name_clashes(names: Mapping[int, str]) -> Iterator[Fault]:
    """Shots whose name another one has already. Case doesn't tell two apart, as in many file systems."""
    first: dict[str, int] = {}
    for at, name in names.items():
        earlier = first.setdefault(name.lower(), at)
        if earlier != at:
            apart = "" if names[earlier] == name else f" (as {names[earlier]!r}, and case makes no difference)"
            taken = f"{shown(name)} is already the name of {place(('shots', earlier))}{apart}"
            yield Fault(("shots", at, "name"), f"{taken}; every shot needs its own")


def _prompt_faults(loc: tuple[str | int, ...], prompt: str, sweep: Mapping[str, Written]) -> Iterator[Fault]:
    try:
        template = Template.parse(prompt)
    except TemplateError as error:
        yield Fault(loc, str(error))
        return
    axes = [name for name in sweep if name not in READERS]
    unfilled = [name for name in template.variables if name not in axes]
    unused = [name for name in axes if name not in template.variables]
    for name in unfilled:
        if name in READERS:
            yield Fault(loc, f"{{{name}}} is the name of a field; call the variable something else")
            continue
        hint = did_you_mean(name, unused) or "; give it an axis of that name under sweep"
        yield Fault(loc, f"{{{name}}} has no value{hint}")
    for name in unused:
        if name in Handling.model_fields:
            yield Fault(("sweep", name), f"{name} can't be swept; set it for the shot")
            continue
        hint = did_you_mean(name, [*unfilled, *(field for field in READERS if field not in sweep)])
        where = "the prompt doesn't use" if loc == ("prompt",) else f"{place(loc[1:])} doesn't use"
        yield Fault(("sweep", name), f"{where} {{{name}}}, and no field has this name{hint}")
    if not unfilled and not template.fill({name: _barest(axis(sweep[name])) for name in axes}).strip():
        yield Fault(loc, "at least one take would have an empty prompt")


def _barest(values: Axis) -> AxisValue:
    return min((value for _, value in values.samples()), key=lambda value: len(as_text(value).strip()))
