"""What Cloudflare's Seedance 2.0 models take, as strictly as their pages say it.

Source of every field, value and limit: the parameters on developers.cloudflare.com/ai/models/bytedance/seedance-2.0
and .../seedance-2.0-fast. They mark six fields as required and give each a default. All of the examples there have
`duration`, `resolution` and `aspect_ratio`, and none has `fps`, `camera_fixed` and `watermark`; so the former must be
there, and the latter may be left out. The pages do not say what becomes of an unknown key, of a number where a string
is asked for, or of null: here all are refused, so that a rehearsal finds them.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from workers.sandbox.faults import UnknownFault, asked_for

_HTTP_URL = re.compile(r"https?://[^\s/?#]+\S*")
_DATA_URI = re.compile(r"data:(?P<kind>image|video)/[\w.+-]+;base64,(?P<data>.+)", re.S)


class _Media:
    """Checks an HTTP(S) URL or a base64 data URI of an image or a video."""

    def __init__(self, kind: Literal["image", "video"]) -> None:
        self.kind = kind

    def __call__(self, url: str) -> str:
        if _HTTP_URL.fullmatch(url):
            return url
        data = _DATA_URI.fullmatch(url)
        if data is None or data["kind"] != self.kind:
            raise PydanticCustomError(
                "url", "must be an HTTP(S) URL or a base64 data URI of the {kind}", {"kind": self.kind}
            )
        try:
            base64.b64decode(data["data"], validate=True)
        except binascii.Error:
            raise PydanticCustomError("base64", "the data URI's base64 can't be read") from None
        return url


def _prompt(prompt: str) -> str:
    try:
        asked_for(prompt)
    except UnknownFault as error:
        raise PydanticCustomError("unknown_sandbox_fault", "{reason}", {"reason": str(error)}) from None
    return prompt


def _fps(fps: float) -> float:
    if fps != 24:
        raise PydanticCustomError("const", "must be 24")
    return fps


ImageUrl = Annotated[str, AfterValidator(_Media("image"))]
VideoUrl = Annotated[str, AfterValidator(_Media("video"))]
SAFE_INTEGER = 9007199254740991


class Standard(BaseModel):
    """The input of `bytedance/seedance-2.0`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    prompt: Annotated[str, Field(max_length=2000), AfterValidator(_prompt)]
    image: ImageUrl = ""
    reference_video: VideoUrl = ""
    last_frame_image: ImageUrl = ""
    reference_images: Annotated[list[ImageUrl], Field(min_length=1, max_length=4)] = []
    duration: Annotated[int, Field(ge=4, le=12)]
    resolution: Literal["480p", "720p", "1080p", "4k"]
    aspect_ratio: Literal["16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "9:21"]
    fps: Annotated[float, AfterValidator(_fps)] = 24
    camera_fixed: bool = False
    generate_audio: bool = True
    watermark: bool = False
    seed: Annotated[int, Field(ge=-SAFE_INTEGER, le=SAFE_INTEGER)] = 0

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.last_frame_image and not self.image:
            raise PydanticCustomError("together", "last_frame_image only works if an image start frame is also given")
        if self.reference_images and (self.image or self.last_frame_image):
            raise PydanticCustomError("together", "reference_images cannot be used with first/last frame images")
        if self.reference_images and self.resolution == "1080p":
            raise PydanticCustomError("together", "reference_images cannot be used with 1080p resolution")
        return self


class Fast(Standard):
    """The input of `bytedance/seedance-2.0-fast`."""

    resolution: Literal["480p", "720p"]


INPUTS: dict[str, type[Standard]] = {
    "bytedance/seedance-2.0": Standard,
    "bytedance/seedance-2.0-fast": Fast,
}


def read_input(model: str, given: Any) -> Standard | list[str]:
    """`given` as `model` reads it, or everything that is wrong with it, a line each."""
    try:
        return INPUTS[model].model_validate(given)
    except ValidationError as error:
        return [
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}".removeprefix(": ")
            for problem in error.errors(include_url=False)
        ]
