"""A take: one cell of a shot's sweep, exactly one finished video.

`Asked` is what a take asks of a model, in the manifest's one spelling; `Take` is that with its place in
the batch. Both are values: immutable, comparable, and the same on every expansion of the same manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from jobs.fields.amounts import Amount

AxisValue = str | int | float | bool

LastFrame = Literal["decoded", "provider"]
"""Whose last frame is kept beside a video: the one that we decode from it, or the one that the provider gives."""


class Asked(BaseModel):
    """What one take asks of one model. `None` (or an empty tuple) leaves the choice to the provider.

    `duration` is in whole seconds of video, or `"auto"`. Images, videos and audio are http(s) URLs, ids that the
    provider gave (`asset://...`), or inputs of the batch by their content (`input:<sha256>.<ext>`).
    `provider_options` are further fields of the provider's own, as it spells them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    prompt: str
    start_image: str | None = None
    end_image: str | None = None
    reference_images: tuple[str, ...] = ()
    reference_videos: tuple[str, ...] = ()
    reference_audio: tuple[str, ...] = ()
    duration: int | Literal["auto"] | None = None
    resolution: str | None = None
    aspect_ratio: str | None = None
    seed: int | None = None
    generate_audio: bool | None = None
    camera_fixed: bool | None = None
    watermark: bool | None = None
    web_search: bool | None = None
    return_last_frame: bool | None = None
    provider_options: Mapping[str, JsonValue] | None = None

    def identity(self) -> str:
        """The sha256 (hex) of what is asked of which model.

        It leaves out what was not set, so a field that a later version of Rushes adds changes no identity;
        and it leaves out names, so renaming a shot or a batch doesn't either.
        """
        return hashlib.sha256(canonical(self.asked()).encode()).hexdigest()

    def asked(self) -> dict[str, Any]:
        """The fields that are set, by name."""
        return {name: value for name, value in self.__dict__.items() if value is not None and value != ()}

    def with_checked(self, fields: Mapping[str, object]) -> Asked:
        """This with some `fields` set otherwise, which must be as they would be after validation: they aren't looked
        at, which is much faster."""
        made = Asked.__new__(Asked)
        object.__setattr__(made, "__dict__", {**self.__dict__, **fields})
        object.__setattr__(made, "__pydantic_fields_set__", {*self.__pydantic_fields_set__, *fields})
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made


canonical: Callable[[object], str] = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=dict
).encode
"""JSON in one form: keys in order, no blanks, letters as they are. Digests are made of it."""


@dataclass(frozen=True, slots=True)
class Take:
    """One take in its place.

    `index` counts through the whole batch from 0, over all that it has ever held. `number` counts through the shot
    from 1 and opens the name. `name` (`opening/0007-wheat-seed3`) is unique in the batch, and safe alike in file
    systems, S3 keys and URLs. `edition` counts how often the shot has been changed, from 1; from 2 on the name tells it
    (`opening.2/0001-rye`). `axes` holds the values that the sweep chose, in the order of the manifest.

    `last_frame` says whose last frame is kept; with `provider` the take asks for it too (`asked.return_last_frame`).
    `retry_moderated` says how often the take may be submitted again after the provider's moderation held back what it
    had rendered. `price` is what the manifest says that the take costs at most, or None when it says nothing; of two
    takes the one with the higher `priority` is submitted first. None of these is part of what is asked.

    `providers` are those that may render it, as the manifest names them, and `provider` the one that it is at, or the
    first of them.
    """

    batch: str
    shot: str
    index: int
    number: int
    name: str
    provider: str
    asked: Asked
    axes: Mapping[str, AxisValue]
    last_frame: LastFrame = "decoded"
    retry_moderated: int = 0
    edition: int = 1
    price: Amount | None = None
    priority: int = 0
    providers: tuple[str, ...] = ()

    def at(self, provider: str | None) -> Take:
        """The same take at another of its providers; None leaves it where it is."""
        return self if provider in (None, self.provider) else replace(self, provider=provider)
