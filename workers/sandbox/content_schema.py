"""What Ark's `contents/generations/tasks` takes for Seedance 2.0, and AnyFast in Ark's body.

Sources: for AnyFast, its page of Seedance 2.0 Fast (parameters, "Input modes" and the limits of inputs), and the
further fields that its clients send; for Ark, `byteplussdkarkruntime` 3.0.63 (the names), and Ark's page on creating a
video generation task (values and limits), which has AnyFast's limits too. Where neither says what becomes of an
unknown key or a string for a number, both are refused, so that a rehearsal finds them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from workers.sandbox.faults import UnknownFault, asked_for

MEGABYTE = 1_000_000
MOST_BODY_BYTES = 64 * MEGABYTE
AUTO_SECONDS = 5
"""Seconds that `duration: -1` comes to here. The model chooses by the prompt."""

_HTTP_URL = re.compile(r"https?://[^\s/?#]+\S*")
_ASSET = re.compile(r"asset://[\w.-]+")
_DATA_URI = re.compile(r"data:(?P<type>[a-z]+/[\w.+-]+);base64,(?P<data>.*)", re.S)
_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")

_PICTURES = tuple(f"image/{kind}" for kind in ("jpeg", "jpg", "png", "webp", "bmp", "tiff", "gif"))
_SOUNDS = tuple(f"audio/{kind}" for kind in ("wav", "x-wav", "wave", "vnd.wave", "mpeg", "mp3"))


class _Url:
    """Checks where an input lies: http(s), `asset://`, or a data URI of one of `types` of at most `most` bytes."""

    def __init__(self, types: Sequence[str] = (), most: int = 0) -> None:
        self.types, self.most = types, most

    def __call__(self, url: str) -> str:
        if _HTTP_URL.fullmatch(url) or _ASSET.fullmatch(url):
            return url
        data = _DATA_URI.fullmatch(url) if self.types else None
        if data is None:
            forms = "a URL, a Base64 data URI or asset://<ID>" if self.types else "a URL or asset://<ID>"
            raise PydanticCustomError("url", "must be {forms}", {"forms": forms})
        if data["type"] not in self.types:
            raise PydanticCustomError("format", "format must be one of {types}", {"types": ", ".join(self.types)})
        try:
            size = len(base64.b64decode(data["data"], validate=True))
        except binascii.Error:
            raise PydanticCustomError("base64", "the Base64 can't be read") from None
        if size > self.most:
            raise PydanticCustomError("size", "must be at most {most} bytes", {"most": self.most})
        return url


def _prompt(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("empty", "must not be empty")
    try:
        asked_for(text)
    except UnknownFault as error:
        raise PydanticCustomError("unknown_sandbox_fault", "{reason}", {"reason": str(error)}) from None
    return text


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Picture(_Strict):
    url: Annotated[str, AfterValidator(_Url(_PICTURES, 30 * MEGABYTE))]


class _Film(_Strict):
    url: Annotated[str, AfterValidator(_Url())]


class _Sound(_Strict):
    url: Annotated[str, AfterValidator(_Url(_SOUNDS, 15 * MEGABYTE))]


class TextItem(_Strict):
    """The prompt."""

    type: Literal["text"]
    text: Annotated[str, AfterValidator(_prompt)]


class ImageItem(_Strict):
    """A frame or a reference. Without a role it is the first frame."""

    type: Literal["image_url"]
    image_url: _Picture
    role: Literal["first_frame", "last_frame", "reference_image"] = "first_frame"


class VideoItem(_Strict):
    """A reference."""

    type: Literal["video_url"]
    video_url: _Film
    role: Literal["reference_video"]


class AudioItem(_Strict):
    """A reference."""

    type: Literal["audio_url"]
    audio_url: _Sound
    role: Literal["reference_audio"]


class _Tool(_Strict):
    type: Literal["web_search"]


Item = Annotated[TextItem | ImageItem | VideoItem | AudioItem, Discriminator("type")]
Seconds = Literal[-1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]


class Body(_Strict):
    """A body, with the defaults of what it leaves out. `seconds` is how long the video becomes."""

    model: str
    content: Annotated[list[Item], Field(min_length=1)]
    generate_audio: bool = True
    resolution: Literal["480p", "720p", "1080p"] = "720p"
    ratio: Literal["16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive"] = "adaptive"
    duration: Seconds = 5
    tools: list[_Tool] = []
    watermark: bool = False
    return_last_frame: bool = False
    seed: Annotated[int, Field(ge=-1, lt=2**32)] = -1
    service_tier: Literal["default"] = "default"
    execution_expires_after: Annotated[int, Field(ge=3600, le=259_200)] = 172_800
    priority: Annotated[int, Field(ge=0, le=9)] = 0
    safety_identifier: Annotated[str, Field(max_length=64)] = ""
    output_format: Literal["mp4"] = "mp4"

    @property
    def seconds(self) -> int:
        """How long the video becomes."""
        return AUTO_SECONDS if self.duration == -1 else self.duration

    @property
    def prompt(self) -> str:
        """What the text says, empty without one."""
        return next((item.text for item in self.content if isinstance(item, TextItem)), "")

    @property
    def roles(self) -> Counter[str]:
        """How many inputs there are of each role."""
        return Counter(item.role for item in self.content if not isinstance(item, TextItem))

    @model_validator(mode="after")
    def _modes(self) -> Body:
        roles, texts = self.roles, sum(isinstance(item, TextItem) for item in self.content)
        frames = roles["first_frame"] + roles["last_frame"]
        pictures, films, sounds = (roles[f"reference_{kind}"] for kind in ("image", "video", "audio"))
        for wrong, what in (
            (texts > 1, "at most one text may be given"),
            (not roles and not texts, "a text is required without an image or a video"),
            (roles["first_frame"] > 1 or roles["last_frame"] > 1, "at most one image may be given for each frame"),
            (roles["last_frame"] > roles["first_frame"], "a last_frame needs a first_frame"),
            (frames and pictures + films + sounds, "first and last frames and references can't be mixed"),
            (pictures > 9, "at most 9 reference images may be given"),
            (films > 3, "at most 3 reference videos may be given"),
            (sounds > 3, "at most 3 reference audio clips may be given"),
            (sounds and not pictures and not films, "reference audio needs a reference image or video"),
        ):
            if wrong:
                raise PydanticCustomError("content", "`content`: {what}", {"what": what})
        if self.tools and roles:
            raise PydanticCustomError("tools", "`tools`: web_search is for text-to-video only")
        if len(self.tools) > 1:
            raise PydanticCustomError("tools", "`tools`: web_search may be named once")
        return self

    @model_validator(mode="after")
    def _model(self) -> Body:
        if "fast" in self.model and self.resolution not in ("480p", "720p"):
            raise PydanticCustomError("resolution", "`resolution`: the fast model renders 480p and 720p only")
        return self


class ArkBody(Body):
    """Ark's. At `callback_url` is called once, when the task is over."""

    callback_url: Annotated[str, Field(pattern=r"^https?://\S+$")] = ""
    omni_reference_task_type: Literal["auto", "reference", "edit", "extend"] = "auto"


class AnyFastBody(Body):
    """AnyFast's: Ark's, with a prompt of bounded length."""

    @model_validator(mode="after")
    def _length(self) -> AnyFastBody:
        chinese = len(_CHINESE.findall(self.prompt))
        words = len(_CHINESE.sub(" ", self.prompt).split())
        if chinese > 500 or words > 1000:
            what = "at most 500 Chinese characters or 1000 English words may be given"
            raise PydanticCustomError("text", "`content`: {what}", {"what": what})
        return self


def read_body(kind: type[Body], body: Any, *, nulls: bool) -> Body | tuple[str, str, str]:
    """`body` as `kind` reads it, or Ark's code, the field and the words of the first thing wrong with it.

    `nulls` says whether a field that is null counts as left out: so it is with Ark, whose SDK sends nulls.
    """
    if nulls and isinstance(body, Mapping):
        body = {name: value for name, value in body.items() if value is not None}
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        loc = problem["loc"]
        # pydantic names the branch of the union between an item's number and its field.
        named = (*loc[:2], *loc[3:]) if loc[:1] == ("content",) else loc
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in named).lstrip(".")
        if problem["type"] == "union_tag_not_found":
            place += ".type"
        if problem["type"] in ("missing", "union_tag_not_found"):
            return "MissingParameter", place, f"the required parameter `{place}` is missing"
        what = problem["msg"] if not place else f"`{place}`: {problem['msg']}"
        return "InvalidParameter", place or "content", what
