"""The shape of a capability table: what one provider takes, as data.

A table is a YAML file beside this one, under the provider's name. Whatever differs between providers belongs
in it, so that the check (`jobs.checks`) is written once.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jobs.fields import READERS
from jobs.mode import Mode
from jobs.takes import AxisValue


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
    takes: two fields that no mode has both exclude each other. `longest_prompt` counts characters.
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
        return self

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
