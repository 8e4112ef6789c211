"""How many pixels a video has, by its resolution and aspect ratio: what tokens are counted by.

Of 480p and 720p the sizes are those of AnyFast's page of Seedance 2.0 Fast. 1080p and 4k are inferred: 720p with each
side one and a half times, and three times, as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

SIZES: Mapping[str, Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "480p": {
            "16:9": (864, 496),
            "4:3": (752, 560),
            "1:1": (640, 640),
            "3:4": (560, 752),
            "9:16": (496, 864),
            "21:9": (992, 432),
        },
        "720p": {
            "16:9": (1280, 720),
            "4:3": (1112, 834),
            "1:1": (960, 960),
            "3:4": (834, 1112),
            "9:16": (720, 1280),
            "21:9": (1470, 630),
        },
    }
)
"""Width and height in pixels."""

_OF_720P = {"1080p": Decimal("2.25"), "4k": Decimal(9)}

FRAMES_PER_SECOND = 24


def pixels(resolution: str, aspect_ratio: str | None) -> tuple[Decimal, Decimal] | None:
    """The fewest and the most pixels that a video has; they differ where the aspect ratio is left to the provider.

    None when nothing is known of the resolution or of the aspect ratio.
    """
    sizes = SIZES["720p"] if resolution in _OF_720P else SIZES.get(resolution)
    if sizes is None:
        return None
    factor = _OF_720P.get(resolution, Decimal(1))
    if aspect_ratio in (None, "auto"):
        counts = [width * height for width, height in sizes.values()]
        return min(counts) * factor, max(counts) * factor
    if aspect_ratio not in sizes:
        return None
    width, height = sizes[aspect_ratio]
    return width * height * factor, width * height * factor


def tokens(pixel_count: Decimal, seconds: int) -> Decimal:
    """The tokens of a video of so many pixels, at most.

    fal's page counts 24 frames a second; a task in Ark's own documents counts one more (108900 tokens for 5 s of 720p).
    """
    return pixel_count * (FRAMES_PER_SECOND * seconds + 1) / 1024
