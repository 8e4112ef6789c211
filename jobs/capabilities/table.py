"""The shape of a capability table: what one provider takes, as data.

A table is a YAML file beside this one, under the provider's name. Whatever differs between providers belongs
in it, so that the check (`jobs.checks.misfits`) is written once.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jobs.faults import choice, shown
from jobs.fields.readers import READERS
from jobs.fields.references import Medium
from jobs.takes import AxisValue
from jobs.takes.mode import Mode

Way = Literal["url", "data", "asset", "upload"]
"""How a file reaches a provider: as a URL that it fetches, in the request as a data URI, as an id that it gave for the
file before (`asset://...`), or by its own upload, which gives a URL."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Model(_Part):
    """One model at one provider.

    `endpoints` holds, by mode, what the provider calls it; a mode left out is one the model doesn't have.
    `aspect_ratios` and `durations`, where given, replace the provider's.
    """

    endpoints: Mapping[Mode, str] = Field(min_length=1)
    resolutions: tuple[str, ...] = Field(min_length=1)
    aspect_ratios: tuple[str, ...] | None = None
    durations: Durations | None = None


class Durations(_Part):
    """Whole seconds of video, both ends included. `auto` says whether the model may choose."""

    least: int
    most: int
    auto: bool


class References(_Part):
    """How many references one take may have: of each field, and of all together."""

    reference_images: int = 0
    reference_videos: int = 0
    reference_audio: int = 0
    total: int = 0


class Bounds(_Part):
    """The least and the most of a number; None is unbounded."""

    least: int | None = None
    most: int | None = None


class Between(_Part):
    """The least and the most of a measure, both included; None is unbounded."""

    least: float | None = None
    most: float | None = None


class Shape(_Part):
    """What width divided by height must lie between; neither end is included."""

    above: float
    below: float


class Files(_Part):
    """What kinds of file are taken (`png`, `mp4`, as the provider names them) and how large each may be.

    None or an empty list: the provider doesn't say.
    """

    types: tuple[str, ...] = ()
    most_bytes: int | None = None


class InputLimits(Files):
    """What an image, a video or an audio may be that goes into a take.

    `ways` says how it can be given, the preferred first. `total_bytes` and `total_seconds` are of all files of this
    medium in one take. `sides` is in pixels, of width and height each, `pixels` the product of the two, `seconds` and
    `frame_rate` of each file. `uploaded` is what the provider's own upload takes, where that differs.
    """

    ways: tuple[Way, ...] = Field(min_length=1)
    total_bytes: int | None = None
    sides: Between = Between()
    shape: Shape | None = None
    pixels: Between = Between()
    seconds: Between = Between()
    total_seconds: Between = Between()
    frame_rate: Between = Between()
    uploaded: Files | None = None


class Option(_Part):
    """One further field of the provider's own, for `provider_options`.

    `longest` is in characters of a text. With `choices`, nothing else is taken.
    """

    type: Literal["text", "whole_number", "yes_or_no"]
    choices: tuple[str | int | bool, ...] = ()
    least: int | None = None
    most: int | None = None
    longest: int | None = None

    def fault(self, value: object) -> str | None:
        """What is wrong with `value`, or None."""
        kind, name = _OPTION_TYPES[self.type]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            return f"{shown(value)} is not {name}"
        if self.choices and value not in self.choices:
            return f"{shown(value)} is not {choice(self.choices)}"
        if isinstance(value, str) and not value.strip():
            return "the text is empty"
        if isinstance(value, str) and self.longest is not None and len(value) > self.longest:
            return f"a text of {len(value)} characters; {self.longest} is the most"
        if isinstance(value, int) and self.least is not None and value < self.least:
            return f"{shown(value)} is below {self.least}, the least"
        if isinstance(value, int) and self.most is not None and value > self.most:
            return f"{shown(value)} is above {self.most}, the most"
        return None


_OPTION_TYPES: Mapping[str, tuple[type, str]] = {
    "text": (str, "text"),
    "whole_number": (int, "a whole number"),
    "yes_or_no": (bool, "a yes or no"),
}


class Rule(_Part):
    """What holds when `field` is set (to one of `values`, if there are any).

    Then each field of `forbids` must be unset, and at least one of `needs`, if there are any, must be set.
    """

    field: str
    values: tuple[AxisValue, ...] | None = None
    forbids: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_fields(self) -> Self:
        _fields(self.field, *self.forbids, *self.needs)
        return self


class ProviderDefaults(_Part):
    """What the provider does with a field that is left out. None where it doesn't say."""

    duration: int | Literal["auto"]
    resolution: str
    aspect_ratio: str | None = None
    generate_audio: bool | None = None


class Capabilities(_Part):
    """What one provider takes.

    `source` says whose word it is, and `read` when it was read. `modes` lists, for each mode, the fields it
    takes: two fields that no mode has both exclude each other. `longest_prompt` counts characters, and a prompt that is
    within it may still be beyond `longest_chinese`, which counts Chinese characters, or `most_words`.

    `inputs` is by medium; a medium left out is taken as a URL, and no more is known of it. `most_body_bytes` is of a
    whole request. `options` are the fields for `provider_options`; `sets` are those that Rushes itself sends, by the
    provider's spelling, each with the manifest's field that it comes from (none where it comes from no one field).
    """

    provider: str
    source: str
    read: datetime.date
    models: Mapping[str, Model] = Field(min_length=1)
    modes: Mapping[Mode, tuple[str, ...]]
    durations: Durations
    aspect_ratios: tuple[str, ...]
    references: References = References()
    seed: Bounds = Bounds()
    longest_prompt: int | None = None
    longest_chinese: int | None = None
    most_words: int | None = None
    inputs: Mapping[Medium, InputLimits] = Field(default_factory=dict)
    most_body_bytes: int | None = None
    options: Mapping[str, Option] = Field(default_factory=dict)
    sets: Mapping[str, str | None] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    defaults: ProviderDefaults

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        for fields in self.modes.values():
            _fields(*fields)
        for name, model in self.models.items():
            without = set(model.endpoints) - set(self.modes)
            if without:
                raise ValueError(f"{name} has endpoints for modes that take no fields: {sorted(without)}")
        _fields(*(field for field in self.sets.values() if field is not None))
        if twice := sorted(set(self.options) & set(self.sets)):
            raise ValueError(f"both options and set by Rushes: {twice}")
        return self

    def takes(self, field: str) -> bool:
        """Whether any mode takes `field`."""
        return any(field in fields for fields in self.modes.values())

    def ways_of(self, medium: Medium) -> tuple[Way, ...]:
        """How a file of this medium can be given."""
        limits = self.inputs.get(medium)
        return limits.ways if limits else ("url",)

    def durations_of(self, model: str | None) -> Durations:
        """The durations that `model` renders; for None or an unknown model, the provider's."""
        known = self.models.get(model) if model is not None else None
        return (known.durations if known else None) or self.durations

    def resolutions_of(self, model: str | None) -> tuple[str, ...]:
        """The resolutions that `model` renders; for None or an unknown model, those of any."""
        known = self.models.get(model) if model is not None else None
        if known is not None:
            return known.resolutions
        return tuple(dict.fromkeys(name for each in self.models.values() for name in each.resolutions))

    def aspect_ratios_of(self, model: str | None) -> tuple[str, ...]:
        """The aspect ratios that `model` renders; for None or an unknown model, the provider's."""
        known = self.models.get(model) if model is not None else None
        return (known.aspect_ratios if known else None) or self.aspect_ratios


def _fields(*names: str) -> None:
    unknown = set(names) - set(READERS)
    if unknown:
        raise ValueError(f"no such fields: {sorted(unknown)}")
