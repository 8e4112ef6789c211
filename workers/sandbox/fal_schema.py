"""What fal's Seedance 2.0 endpoints take, as strictly as their pages say it.

Source of every field, value and limit: fal's API page "Bytedance Seedance 2.0 Fast API" (Input Schema of the
three endpoints); the page of the standard model lists the same. The page does not say what becomes of an
unknown key, of a number where a string is asked for, or of null: here all three are refused, so that a
rehearsal finds them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from workers.sandbox.faults import UnknownFault, asked_for

MEGABYTE = 1_000_000
AUTO_SECONDS = 5
"""Seconds that `duration: auto` comes to here. fal's model chooses by the prompt."""

_HTTP_URL = re.compile(r"https?://[^\s/?#]+\S*")
_DATA_URL = re.compile(
    r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;(?!base64,)[^,;]*)*(?P<base64>;base64)?,(?P<data>.*)", re.S
)

_IMAGES = ("image/jpeg", "image/png", "image/webp")
_VIDEOS = ("video/mp4", "video/quicktime")
_SOUNDS = ("audio/mpeg", "audio/mp3", "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")


class _File:
    """Checks a URL; what a data URL holds must be of one of `types` and no larger than `most` bytes."""

    def __init__(self, kind: str, types: Sequence[str], most: int) -> None:
        self.kind, self.types, self.most = kind, types, most

    def __call__(self, url: str) -> str:
        if _HTTP_URL.fullmatch(url):
            return url
        data = _DATA_URL.fullmatch(url)
        if data is None:
            raise PydanticCustomError("url_parsing", "Input should be an http(s) URL or a data URL")
        if data["type"] not in self.types:
            raise PydanticCustomError(
                f"unsupported_{self.kind}_format",
                "Unsupported {kind} format. Supported formats are {supported_formats}.",
                {"kind": self.kind, "supported_formats": ", ".join(self.types)},
            )
        try:
            size = len(base64.b64decode(data["data"], validate=True)) if data["base64"] else len(data["data"])
        except binascii.Error:
            raise PydanticCustomError("file_download_error", "The data URL's base64 can't be read") from None
        if size > self.most:
            raise PydanticCustomError(
                "file_too_large", "File size exceeds the maximum of {max_size} bytes", {"max_size": self.most}
            )
        return url


def _prompt(prompt: str) -> str:
    try:
        asked_for(prompt)
    except UnknownFault as error:
        raise PydanticCustomError("unknown_sandbox_fault", "{reason}", {"reason": str(error)}) from None
    return prompt


Prompt = Annotated[str, AfterValidator(_prompt)]
ImageUrl = Annotated[str, AfterValidator(_File("image", _IMAGES, 30 * MEGABYTE))]
VideoUrl = Annotated[str, AfterValidator(_File("video", _VIDEOS, 50 * MEGABYTE))]
AudioUrl = Annotated[str, AfterValidator(_File("audio", _SOUNDS, 15 * MEGABYTE))]
Resolution = Literal["480p", "720p"]
Duration = Literal["auto", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]
AspectRatio = Literal["auto", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16"]


class TextToVideo(BaseModel):
    """The body of `text-to-video`, and what the other two have besides."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    prompt: Prompt
    resolution: Resolution = "720p"
    duration: Duration = "auto"
    aspect_ratio: AspectRatio = "auto"
    generate_audio: bool = True
    seed: int = 0
    end_user_id: str = ""

    @property
    def seconds(self) -> int:
        """How long the video becomes."""
        return AUTO_SECONDS if self.duration == "auto" else int(self.duration)


class ImageToVideo(TextToVideo):
    """The body of `image-to-video`."""

    image_url: ImageUrl
    end_image_url: ImageUrl = ""


class ReferenceToVideo(TextToVideo):
    """The body of `reference-to-video`."""

    image_urls: Annotated[list[ImageUrl], Field(max_length=9)] = []
    video_urls: Annotated[list[VideoUrl], Field(max_length=3)] = []
    audio_urls: Annotated[list[AudioUrl], Field(max_length=3)] = []

    @model_validator(mode="after")
    def _together(self) -> ReferenceToVideo:
        count = len(self.image_urls) + len(self.video_urls) + len(self.audio_urls)
        if count > 12:
            raise PydanticCustomError(
                "too_many_references",
                "Total files across all modalities must not exceed 12, got {count}",
                {"count": count},
            )
        if self.audio_urls and not (self.image_urls or self.video_urls):
            raise PydanticCustomError(
                "audio_without_reference",
                "If audio is provided, at least one reference image or video is required",
            )
        return self


BODIES: dict[str, type[TextToVideo]] = {
    "text-to-video": TextToVideo,
    "image-to-video": ImageToVideo,
    "reference-to-video": ReferenceToVideo,
}


def read_body(task: str, body: Any) -> TextToVideo | list[dict[str, Any]]:
    """`body` as the endpoint for `task` reads it, or what is wrong with it as fal's `detail` list.

    The shape of the list is that of fal's request errors page (documentation/model-apis/errors).
    """
    try:
        return BODIES[task].model_validate(body)
    except ValidationError as error:
        problems = json.loads(error.json(include_url=False))
        return [
            {
                **problem,
                "loc": ["body", *problem["loc"]],
                "url": f"https://docs.fal.ai/errors#{problem['type']}",
            }
            for problem in problems
        ]
