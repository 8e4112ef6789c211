"""What Apiframe's `POST /v2/videos/generate` takes for Seedance 2.0, as strictly as its documents say it.

Source of every field, value and limit: the schemas of `seedance-2` and `seedance-2-fast` in Apiframe's OpenAPI
document 2.0.0, and its page of Seedance 2.0 Fast, by which an input is a URL or `asset://{assetId}`. What excludes what
is the model's own rule, as the pages of AnyFast and fal have it ("First frame, first+last frame, and multimodal
reference are mutually exclusive"; web search "text-to-video only"; "If audio is provided, at least one reference image
or video is required"): Apiframe's documents are silent on it, and a rehearsal had better find it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from workers.sandbox.faults import UnknownFault, asked_for

_URL = re.compile(r"https?://[^\s/?#]+\S*")
_ASSET = re.compile(r"asset://[^\s/?#]+")


def _media(url: str) -> str:
    if not (_URL.fullmatch(url) or _ASSET.fullmatch(url)):
        raise PydanticCustomError("url", "Invalid url")
    return url


def _web(url: str) -> str:
    if not _URL.fullmatch(url):
        raise PydanticCustomError("url", "Invalid url")
    return url


def _prompt(prompt: str) -> str:
    try:
        asked_for(prompt)
    except UnknownFault as error:
        raise PydanticCustomError("unknown_sandbox_fault", "{reason}", {"reason": str(error)}) from None
    return prompt


Media = Annotated[str, AfterValidator(_media)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class StandardParams(_Strict):
    """`seedanceParams` of `seedance-2`."""

    duration: Annotated[int, Field(ge=4, le=15)] = 8
    resolution: Literal["480p", "720p", "1080p", "4k"] = "720p"
    aspect_ratio: Literal["21:9", "16:9", "4:3", "1:1", "3:4", "9:16", "adaptive"] = "16:9"
    start_image: Media = ""
    end_image: Media = ""
    reference_image_urls: Annotated[list[Media], Field(max_length=9)] = []
    reference_video_urls: Annotated[list[Media], Field(max_length=3)] = []
    reference_audio_urls: Annotated[list[Media], Field(max_length=3)] = []
    generate_audio: bool = True
    return_last_frame: bool = False
    web_search: bool = False
    seed: int = 0
    camera_fixed: bool = False

    @model_validator(mode="after")
    def _together(self) -> Self:
        seen = self.reference_image_urls or self.reference_video_urls
        if (seen or self.reference_audio_urls) and (self.start_image or self.end_image):
            raise PydanticCustomError("together", "Start and end images cannot be combined with references")
        if self.end_image and not self.start_image:
            raise PydanticCustomError("together", "An end image needs a start image")
        if self.reference_audio_urls and not seen:
            raise PydanticCustomError("together", "Reference audio needs a reference image or video")
        if self.web_search and (seen or self.start_image):
            raise PydanticCustomError("together", "Web search is for text to video only")
        return self


class FastParams(StandardParams):
    """`seedanceParams` of `seedance-2-fast`."""

    resolution: Literal["480p", "720p"] = "720p"


class Generate(_Strict):
    """The body for `seedance-2`."""

    model: Literal["seedance-2", "seedance-2-fast"]
    prompt: Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_prompt)]
    seedanceParams: StandardParams = StandardParams()
    webhookUrl: Annotated[str, AfterValidator(_web)] = ""
    webhookEvents: Annotated[list[Literal["progress", "completed", "failed"]], Field(min_length=1)] = []


class GenerateFast(Generate):
    """The body for `seedance-2-fast`."""

    seedanceParams: FastParams = FastParams()


def read_body(body: Any) -> Generate | dict[str, list[str]]:
    """`body` as Apiframe reads it, or what is wrong with it, by JSON path, as in its `details`."""
    fast = isinstance(body, dict) and body.get("model") == "seedance-2-fast"
    try:
        return (GenerateFast if fast else Generate).model_validate(body)
    except ValidationError as error:
        details: dict[str, list[str]] = {}
        for problem in error.errors(include_url=False):
            details.setdefault(".".join(str(part) for part in problem["loc"]), []).append(problem["msg"])
        return details


_CREDITS = {"480p": 1, "720p": 2}


def credits(asked: Generate) -> int | None:
    """What a video costs, in credits, by Apiframe's page of Seedance 2.0 Fast; None for the model without a price.

    By the second of video, and twice as much with a reference video.
    """
    if asked.model != "seedance-2-fast":
        return None
    params = asked.seedanceParams
    rate = _CREDITS[params.resolution] * (2 if params.reference_video_urls else 1)
    return rate * params.duration
