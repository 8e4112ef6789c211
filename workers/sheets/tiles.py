"""What is on a sheet: a tile for each take, with its label, and how tiles are laid out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from workers.gallery.looking import Sight

GROUND, INK, SOFT, PICKED, EMPTY = (20, 21, 22), (232, 232, 230), (150, 154, 156), (226, 176, 74), (34, 36, 38)


@dataclass(frozen=True, slots=True)
class Tile:
    """One take on a sheet. `name` is the take's, without its shot where all are of one."""

    sight: Sight
    name: str
    label: str
    star: bool = False
    rating: int | None = None


def tiles(sights: Iterable[Sight], picks: dict[str, tuple[bool, int | None]]) -> list[Tile]:
    """The tiles of these takes; `picks` tells star and rating by the takes' names."""
    found = list(sights)
    one_shot = len({sight.name.partition("/")[0] for sight in found}) == 1
    made = []
    for sight in found:
        name = sight.name.partition("/")[2] if one_shot else sight.name
        star, rating = picks.get(sight.name, (False, None))
        made.append(Tile(sight, name, f"{'* ' if star else ''}{name}", star, rating))
    return made


def columns_of(count: int, shape: float, page: float) -> int:
    """How many columns make so many tiles of this shape (width by height) fill a page of that shape best."""
    best = min(
        range(1, count + 1),
        key=lambda columns: abs(math.log((columns * shape) / math.ceil(count / columns) / page)),
        default=1,
    )
    return max(1, best)


def shape_of(sights: Iterable[Sight]) -> float:
    """The usual width by height of these takes, as most of them have it."""
    shapes = [
        round(sight.receipt.video.width / sight.receipt.video.height, 4)
        for sight in sights
        if sight.receipt is not None
    ]
    return max(set(shapes), key=lambda shape: (shapes.count(shape), shape)) if shapes else 16 / 9


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of all labels, in pixels. Names of takes are plain letters, so one that comes along will do."""
    return ImageFont.load_default(size=size)


def write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    *,
    size: int,
    room: float,
    colour: tuple[int, int, int],
) -> None:
    """Write a line of text that takes no more than `room` pixels: what is too long is cut in its middle."""
    face = font(size)
    if draw.textlength(text, font=face) > room:
        keep = len(text)
        while keep > 4 and draw.textlength(f"{text[: keep // 2]}...{text[-(keep - keep // 2) :]}", font=face) > room:
            keep -= 1
        text = f"{text[: keep // 2]}...{text[-(keep - keep // 2) :]}"
    draw.text(at, text, font=face, fill=colour)


def fitted(image: Image.Image, width: int, height: int) -> tuple[Image.Image, tuple[int, int]]:
    """The image made to fit into so many pixels, and where it goes so that it lies in the middle."""
    scale = min(width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    fitting = image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)
    return fitting, ((width - size[0]) // 2, (height - size[1]) // 2)
