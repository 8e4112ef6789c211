"""A contact sheet: the takes of a batch on one picture, or on the pages of a PDF."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image, ImageDraw, UnidentifiedImageError

from workers.errors import ObjectMissing
from workers.receipts import keys_of
from workers.sheets.tiles import EMPTY, GROUND, INK, PICKED, SOFT, Tile, columns_of, fitted, shape_of, write
from workers.store.protocol import Store

MOST_ON_A_PICTURE = 600
MOST_ON_A_PAGE = 30
PAGE = 3508, 2480
"""A4, the long side down, at 300 dots an inch."""

_TILE = 320
_GAP, _LABEL, _HEAD = 14, 40, 64
_STATES = {"doubt": "in doubt", "waived": "given up"}


def contact_sheet(
    store: Store, batch: str, tiles: Sequence[Tile], out: Path, *, title: str, columns: int | None
) -> None:
    """Write the sheet to `out`: a PDF with pages if it is called so, and else one picture.

    `columns` is chosen where it is None. Raises ValueError for more takes than one picture can bear, OSError when `out`
    can't be written, and the `StoreError`s of the store.
    """
    if out.suffix.lower() == ".pdf":
        parts = [tiles[at : at + MOST_ON_A_PAGE] for at in range(0, len(tiles), MOST_ON_A_PAGE)]
        pages = [
            _sheet(store, batch, part, f"{title}   {at} of {len(parts)}" if len(parts) > 1 else title, columns, PAGE)
            for at, part in enumerate(parts, start=1)
        ]
        pages[0].save(out, save_all=True, append_images=pages[1:], resolution=300, title=title)
        return
    if len(tiles) > MOST_ON_A_PICTURE:
        raise ValueError(f"{len(tiles):,} takes are more than the {MOST_ON_A_PICTURE} that one picture can bear")
    _sheet(store, batch, tiles, title, columns, None).save(out, compress_level=6)


def _sheet(
    store: Store, batch: str, tiles: Sequence[Tile], title: str, columns: int | None, page: tuple[int, int] | None
) -> Image.Image:
    shape = shape_of(tile.sight for tile in tiles)
    across = columns or columns_of(len(tiles), shape * 0.86, page[0] / page[1] if page else 1.5)
    down = math.ceil(len(tiles) / across)
    scale = 1.0
    if page is not None:
        wide = (page[0] - _GAP) / across - _GAP
        high = ((page[1] - _HEAD * 2 - _GAP) / down - _GAP - _LABEL * 1.6) * shape
        scale = min(wide, high, 1200) / _TILE
    tile_width, label = round(_TILE * scale), round(_LABEL * max(1.0, min(scale, 1.6)))
    tile_height, head = round(tile_width / shape), round(_HEAD * (2 if page else 1))
    size = (across * (tile_width + _GAP) + _GAP, head + down * (tile_height + label + _GAP) + _GAP)
    sheet = Image.new("RGB", page or size, GROUND)
    draw = ImageDraw.Draw(sheet)
    write(draw, (_GAP, head * 0.3), title, size=round(head * 0.36), room=sheet.width - 2 * _GAP, colour=INK)
    text = max(12, round(label * 0.34))
    with ThreadPoolExecutor(8, thread_name_prefix="sheet") as pool:
        pictures = pool.map(lambda tile: _picture(store.get, batch, tile), tiles)
        for at, (tile, picture) in enumerate(zip(tiles, pictures, strict=True)):
            left = _GAP + at % across * (tile_width + _GAP)
            top = head + at // across * (tile_height + label + _GAP)
            box = (left, top, left + tile_width - 1, top + tile_height - 1)
            draw.rectangle(box, fill=EMPTY)
            if picture is not None:
                fitting, (x, y) = fitted(picture, tile_width, tile_height)
                sheet.paste(fitting, (left + x, top + y))
            else:
                told = _STATES.get(tile.sight.state, tile.sight.state)
                write(draw, (left + 12, top + 12), told, size=text, room=tile_width - 24, colour=SOFT)
            if tile.star:
                draw.rectangle(box, outline=PICKED, width=max(3, round(3 * scale)))
            write(draw, (left, top + tile_height + 5), tile.name, size=text, room=tile_width, colour=INK)
            facts = _facts(tile)
            if facts:
                write(
                    draw,
                    (left, top + tile_height + 8 + text),
                    facts,
                    size=round(text * 0.9),
                    room=tile_width,
                    colour=SOFT,
                )
    return sheet


def _facts(tile: Tile) -> str:
    parts = []
    if tile.rating is not None:
        parts.append(f"{tile.rating}/5")
    receipt = tile.sight.receipt
    if receipt is not None:
        parts.append(f"{receipt.video.duration:.1f} s")
        if receipt.cost.amount is not None:
            # For the eye: the receipt has it exactly.
            parts.append(f"{receipt.cost.amount:.4f} {receipt.cost.currency or ''}".strip())
    return "   ".join(parts)


def _picture(get: Callable[[str], bytes], batch: str, tile: Tile) -> Image.Image | None:
    """The poster of a take, else its last frame; None where it has neither."""
    if tile.sight.receipt is None:
        return None
    keys = keys_of(batch, tile.sight.name)
    for key in (keys.poster, keys.last_frame):
        try:
            with Image.open(io.BytesIO(get(key))) as image:
                return image.convert("RGB")
        except (ObjectMissing, UnidentifiedImageError):
            continue
    return None
