"""What an image, a video or an audio is given as, told by its text alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Kind = Literal["url", "asset", "input", "link", "take", "file"]
"""`url`: an http(s) URL. `asset`: an id that the provider gave (`asset://...`). `file`: the path of a local file,
relative to the manifest. `input`: a local file by its content (`input:<sha256>.<ext>`), as a frozen manifest has it.
`link`: a file of a take of another shot, as a manifest has it (`opening.last_frame`). `take`: the same, as a take's
request has it (`take:<identity of that take>.last_frame`)."""

Medium = Literal["image", "video", "audio"]

MEDIA: Mapping[str, Medium] = MappingProxyType(
    {
        "start_image": "image",
        "end_image": "image",
        "reference_images": "image",
        "reference_videos": "video",
        "reference_audio": "audio",
    }
)
"""The fields that hold references to media, and of which medium each is."""

_URL = re.compile(r"https?://", re.IGNORECASE)
_ASSET = re.compile(r"asset://")
_LINK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\[[^\[\]]*\])?\.(?:last_frame|video)", re.ASCII)
_TAKE = re.compile(r"take:[0-9a-f]{64}\.(?:last_frame|video)")
_INPUT = re.compile(r"input:[0-9a-f]{64}\.[a-z0-9]{1,8}")


def kind_of(reference: str) -> Kind:
    """What `reference`, as `jobs.fields.readers.media` returned it, is."""
    if _URL.match(reference):
        return "url"
    if _ASSET.match(reference):
        return "asset"
    if _LINK.fullmatch(reference):
        return "link"
    if _TAKE.fullmatch(reference):
        return "take"
    return "input" if _INPUT.fullmatch(reference) else "file"
