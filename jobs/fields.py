"""The fields of a take that a manifest can set, and how each is read.

Every reader takes what the file held, returns what `jobs.takes.Asked` holds, and raises ValueError with a
message that names the value. It asks what makes sense at all; what a provider takes is `jobs.checks`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

from jobs.faults import shown
from jobs.takes import AxisValue

Reader = Callable[[object], AxisValue]

_SECONDS = re.compile(r"\s*(\d{1,4})\s*s(?:ec(?:onds?)?)?\.?\s*", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"\s*[+-]?\d{1,60}\s*", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:", re.ASCII)
_LAST_FRAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.last_frame", re.ASCII)


def text(value: object) -> str:
    """Text with something in it. A number is taken as it would be written. Raises ValueError."""
    if isinstance(value, Mapping):
        raise ValueError("this is a mapping, not text; text that begins with a brace needs quotes around it")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{shown(value)} is not text; put quotes around it")
    if not str(value).strip():
        raise ValueError("the text is empty")
    return str(value)


def whole_number(value: object) -> int:
    """A whole number. Raises ValueError."""
    return _whole_number(value, "a whole number")


def duration(value: object) -> int | Literal["auto"]:
    """Whole seconds of video, or `auto`. Raises ValueError."""
    if value == "auto":
        return "auto"
    if isinstance(value, str) and (written := _SECONDS.fullmatch(value)):
        raise ValueError(f"{shown(value)} has a unit; write {int(written[1])}, which means seconds")
    return _whole_number(value, "a whole number of seconds")


def resolution(value: object) -> str:
    """A resolution by its name, as `720p`. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"{value} is not a resolution; did you mean '{value}p'?")
    return text(value)


def yes_or_no(value: object) -> bool:
    """A boolean. Raises ValueError: `yes` and `on` are plain text in YAML 1.2."""
    if isinstance(value, bool):
        return value
    raise ValueError(f"{shown(value)} is not a yes or no; write true or false")


def media_url(value: object) -> str:
    """An http(s) URL. Raises ValueError; in this version nothing is uploaded, so a local file is refused."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{shown(value)} is not a URL; give one that begins with https://")
    if any(letter.isspace() or ord(letter) < 0x20 for letter in value):
        raise ValueError(f"{shown(value)} has blanks in it; in a URL a blank is written %20")
    if value.lower().startswith(("http://", "https://")):
        try:
            if urlsplit(value).hostname:
                return value
        except ValueError:
            pass  # said below, in our own words
        raise ValueError(f"{shown(value)} names no host; give a whole URL, as https://example.com/dog.png")
    if _LAST_FRAME.fullmatch(value):
        raise ValueError(f"{shown(value)} is another shot's last frame, which can't be used yet; give an https:// URL")
    if _SCHEME.match(value) and not value.startswith("file:"):
        raise ValueError(f"{shown(value)} is not an http(s) URL; give one that begins with https://")
    raise ValueError(
        f"{shown(value)} is a local file, and local files aren't taken yet; "
        "put it where the provider can fetch it and give its https:// URL"
    )


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "model": text,
        "prompt": text,
        "start_image": media_url,
        "end_image": media_url,
        "reference_images": media_url,
        "reference_videos": media_url,
        "reference_audio": media_url,
        "duration": duration,
        "resolution": resolution,
        "aspect_ratio": text,
        "seed": whole_number,
        "generate_audio": yes_or_no,
    }
)
"""How one value of each field of `Asked` is read; for the lists of references, how one of the list is."""

NUMBERS = frozenset({"duration", "seed"})
"""The fields that hold a number, and so can be swept by a range."""

REFERENCES = ("reference_images", "reference_videos", "reference_audio")
"""The fields that hold a list of URLs."""


def _whole_number(value: object, wanted: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        raise ValueError(f"{shown(value)} is text; write {int(value)} without quotes")
    raise ValueError(f"{shown(value)} is not {wanted}")
