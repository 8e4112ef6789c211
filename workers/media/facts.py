"""What decoding a video tells of it."""

from __future__ import annotations

from dataclasses import dataclass

POSTER_WIDTH = 320
"""Pixels. At this width a page of thousands stays small, and a poster is still sharp in a grid on a fine screen."""


def poster_size(width: int, height: int) -> tuple[int, int]:
    """The width and height in pixels of the poster of a picture of this size: one that is narrow is not enlarged."""
    if width <= POSTER_WIDTH:
        return width, height
    return POSTER_WIDTH, max(1, round(height * POSTER_WIDTH / width))


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found in a video, all of it plain JSON: `dataclasses.asdict` makes the receipt's part.

    `width` and `height` are in pixels, as displayed, so they are also the last frame's. `frames` counts what
    is displayed, which an edit list may make fewer than what is stored. `fps` is their average rate a second.
    `duration` is in seconds, from the first frame's appearance to the last one's end, and says nothing of the
    sound; it is what was really found in the file, not what its header claims. `last_frame_at` is the last
    frame's time on the file's own clock, in seconds. `codec`, `pix_fmt` and `color_space` are FFmpeg's names;
    `color_space` is `unspecified` when the video doesn't say, and was then read as BT.601.
    """

    width: int
    height: int
    fps: float
    frames: int
    duration: float
    codec: str
    pix_fmt: str
    color_space: str
    has_audio: bool
    last_frame_at: float
