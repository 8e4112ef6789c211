"""The fields of a take that a manifest can set, and how each is read.

Every reader takes what the file held, returns what `jobs.takes.Asked` holds, and raises ValueError with a
message that names the value. It asks what makes sense at all; what a provider takes is `jobs.checks.misfits`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote, urlsplit

from pydantic import JsonValue

from jobs.chains.links import read_link
from jobs.faults import nearest, shown
from jobs.fields.references import kind_of
from jobs.takes import AxisValue, LastFrame

Reader = Callable[[object], AxisValue]

_SECONDS = re.compile(r"\s*(\d{1,4})\s*s(?:ec(?:onds?)?)?\.?\s*", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"\s*[+-]?\d{1,60}\s*", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:", re.ASCII)
_NOT_OF_A_URI = re.compile(r"[^A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]")
_NOT_AFTER_THE_HOST = re.compile(r"//[^/?#]*[/?#](?:[^#]*#[^#]*(?=#)|[^\[\]]*(?=[\[\]]))(?P<sign>.)", re.ASCII)
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ASSET = re.compile(r"asset://[\w.-]+", re.ASCII)
_ALMOST_A_LINK = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*(?:\[.*\])?)\.([a-z_-]{5,})", re.ASCII)


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


def media(value: object) -> str:
    """A reference to an image, a video or an audio, of any `jobs.fields.references.Kind`. Raises ValueError.

    Whether a local file is there, and whether the provider takes an asset id, is asked elsewhere.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{shown(value)} is no image, video or audio; give an https:// URL or the path of a file")
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in value):
        raise ValueError(f"{shown(value)} has a control character in it; take it away")
    match kind_of(value):
        case "url":
            return _url(value)
        case "asset":
            return _asset(value)
        case "input":
            return value
        case "link":
            read_link(value)
            return value
    if almost := _ALMOST_A_LINK.fullmatch(value):
        meant = nearest(almost[2].replace("-", "_"), ("last_frame", "video"))
        if meant is not None:
            raise ValueError(f"{shown(value)} is no file of a take; did you mean '{almost[1]}.{meant}'?")
    scheme = _SCHEME.match(value)
    if scheme is None:
        return value
    match scheme[0].lower():
        case "file:":
            raise ValueError(f"{shown(value)} is a file: URL; give the path of the file itself")
        case "data:":
            raise ValueError(f"{shown(value)} is a data: URI; put it into a file and give the path of that")
        case "asset:":
            raise ValueError(f"{shown(value)} is not an asset id; one is written asset://ID")
    raise ValueError(f"{shown(value)} is not an http(s) URL; give one that begins with https://")


def provider_options(value: object) -> dict[str, JsonValue]:
    """Further fields of the provider's own, by name. Raises ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{shown(value)} is not a mapping; write  field: value  with the provider's own fields")
    for name, option in value.items():
        if not isinstance(name, str) or not name:
            raise ValueError(f"{shown(name)} is not the name of a field")
        if not _is_json(option):
            raise ValueError(f"{name} holds a number that can't be sent; JSON has no infinity and no NaN")
    return dict(value)


def last_frame(value: object) -> LastFrame:
    """Whose last frame is kept. Raises ValueError."""
    if value == "decoded":
        return "decoded"
    if value == "provider":
        return "provider"
    raise ValueError(f"{shown(value)} is neither decoded (from the video, by us) nor provider (its own, if it has one)")


def read_providers(value: object) -> tuple[str, ...]:
    """The names of one provider or several: a list, or text with `|` or commas between. Raises ValueError."""
    written = re.split(r"[|,]", value) if isinstance(value, str) else value
    if not isinstance(written, list | tuple):
        return (text(value),)
    found = tuple(text(each).strip() if each != "" else "" for each in written)
    if not found or not all(found):
        raise ValueError("a provider has no name; name one, or several as [fal, ark]")
    twice = next((each for at, each in enumerate(found) if each in found[:at]), None)
    if twice is not None:
        raise ValueError(f"{shown(twice)} is named twice; each provider is tried in its turn, so name it once")
    return found


def retry_moderated(value: object) -> int:
    """How often a video that the provider's moderation held back is asked for again. Raises ValueError."""
    number = _whole_number(value, "a whole number")
    if not 0 <= number <= MOST_RETRIES:
        raise ValueError(f"{number} is out of range; give 0 (never) to {MOST_RETRIES}")
    return number


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "model": text,
        "prompt": text,
        "start_image": media,
        "end_image": media,
        "reference_images": media,
        "reference_videos": media,
        "reference_audio": media,
        "duration": duration,
        "resolution": resolution,
        "aspect_ratio": text,
        "seed": whole_number,
        "generate_audio": yes_or_no,
        "camera_fixed": yes_or_no,
        "watermark": yes_or_no,
        "web_search": yes_or_no,
        "return_last_frame": yes_or_no,
    }
)
"""How one value of each field that an axis can have is read; for the lists of references, how one of the list is."""

UNSWEPT = frozenset({"provider_options", "last_frame", "retry_moderated"})
"""What else a shot can hold, and no axis can."""

MOST_RETRIES = 5
"""The most that `retry_moderated` may be. What is held back six times over will not pass the seventh."""

NUMBERS = frozenset({"duration", "seed"})
"""The fields that hold a number, and so can be swept by a range."""

REFERENCES = ("reference_images", "reference_videos", "reference_audio")
"""The fields that hold a list of references."""


def _whole_number(value: object, wanted: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        raise ValueError(f"{shown(value)} is text; write {int(value)} without quotes")
    raise ValueError(f"{shown(value)} is not {wanted}")


def _url(value: str) -> str:
    if any(letter.isspace() for letter in value):
        raise ValueError(f"{shown(value)} has blanks in it; in a URL a blank is written %20")
    if not value.startswith(("http://", "https://")):
        raise ValueError(f"{shown(value)} begins with capital letters; write http:// or https://")
    # Providers check that a URL is one by the letter (JSON Schema's format: uri), and that has ASCII alone.
    if odd := _NOT_OF_A_URI.search(value):
        raise ValueError(f"{shown(value)} has {odd[0]!r} in it, which a URL writes as {quote(odd[0])}")
    # Brackets belong to an IPv6 host alone, and only the first # begins something.
    if odd := _NOT_AFTER_THE_HOST.search(value):
        raise ValueError(f"{shown(value)} has {odd['sign']!r} in it, which a URL writes as {quote(odd['sign'])}")
    if _BARE_PERCENT.search(value):
        raise ValueError(f"{shown(value)} has a % in it that begins no code like %20; write it %25")
    try:
        parts = urlsplit(value)
        if parts.hostname and (parts.port is None or parts.port):
            return value
    except ValueError:
        pass  # said below, in our own words
    raise ValueError(f"{shown(value)} names no host; give a whole URL, as https://example.com/dog.png")


def _asset(value: str) -> str:
    if _ASSET.fullmatch(value):
        return value
    raise ValueError(f"{shown(value)} is not an asset id; one is written asset://ID")


def _is_json(value: object) -> bool:
    match value:
        case float():
            return math.isfinite(value)
        case list():
            return all(_is_json(each) for each in value)
        case dict():
            return all(isinstance(name, str) and _is_json(each) for name, each in value.items())
    return value is None or isinstance(value, str | int)
