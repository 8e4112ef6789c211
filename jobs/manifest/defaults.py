"""What can be said of every shot alike: the fields of a take, and how takes are handled."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from jobs.fields.readers import (
    UNSWEPT,
)
from jobs.manifest.kinds import (
    Duration,
    Options,
    OwnPrice,
    Priority,
    Reference,
    References,
    Resolution,
    Retries,
    Text,
    WholeNumber,
    Whose,
    YesOrNo,
)

MIXED = ("combine", "include", "exclude", "sample", "sample_seed", "takes", "repeat")
_TERMS = (
    "price",
    "priority",
    "budget",
    "max_failures",
    "deadline",
    "on_doubt",
    "reuse",
    "weight",
    "not_before",
    "window",
    "route",
    "moderation",
)
_CHAINED = ("model", "for_each", "promote", "pick")
_ADDED = frozenset(
    {*UNSWEPT, *_TERMS, *MIXED, *_CHAINED, "camera_fixed", "watermark", "web_search", "return_last_frame"}
)
"""What manifests have been able to hold since after the first version. Left out, it leaves no trace in the frozen form:
a batch that was frozen before is still the same manifest, byte for byte."""


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_serializer(mode="wrap")
    def _without_what_came_later(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        return {name: value for name, value in dump(self).items() if value is not None or name not in _ADDED}


class Fields(Model):
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
        held = self.__dict__
        named = sorted(self.model_fields_set & _PLACES.keys(), key=_PLACES.__getitem__)
        return {name: value for name in named if (value := held[name]) is not None and value != () and value != {}}


_PLACES = {name: at for at, name in enumerate(Fields.model_fields)}


class Handling(Model):
    """How takes are handled, beside what they ask. None is the default: `decoded`, 0, what the tables say, and 0.

    `price` is the most that one take costs. What has a higher `priority` is submitted first.
    """

    last_frame: Whose | None = None
    retry_moderated: Retries | None = None
    price: OwnPrice | None = None
    priority: Priority | None = None


class Defaults(Handling, Fields):
    """What holds for every shot that doesn't say otherwise."""
