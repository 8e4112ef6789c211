"""Frame numbers that a program can read: burnt into each frame, and recovered from it.

Twenty blocks across the top, the first four a fixed pattern and the other sixteen the number, high bit first,
white for one. They survive H.264, scaling down to 320 pixels, JPEG and WEBP, so "is this really the last
frame?" has an exact answer. Big digits beneath say the same to a person.
"""

from __future__ import annotations

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

HIGHEST = 0xFFFF
"""The highest number that can be burnt in."""

ROW = 16
"""The height of the picture divided by the height of the blocks."""

_SYNC = (1, 0, 1, 0)
_BITS = 16
_BLOCKS = len(_SYNC) + _BITS
_DARK, _BRIGHT = 96, 160


def burn(image: Image.Image, number: int) -> None:
    """Draw `number` into `image`, in place. `image` is of mode `RGB`, or `L` such as the luma of a frame.

    Raises `ValueError` when the number is below 0 or above `HIGHEST`.
    """
    if not 0 <= number <= HIGHEST:
        raise ValueError(f"frame number {number}: only 0 to {HIGHEST} can be burnt in")
    width, height = image.size
    bits = (*_SYNC, *(number >> shift & 1 for shift in reversed(range(_BITS))))
    draw = ImageDraw.Draw(image)
    bottom = height // ROW
    for block, bit in enumerate(bits):
        left, right = block * width // _BLOCKS, (block + 1) * width // _BLOCKS
        draw.rectangle((left, 0, right - 1, bottom - 1), fill="white" if bit else "black")
    x = width // 20
    size = min(height // 4, width // 6)
    for digit in str(number):
        glyph = _glyph(digit, size)
        place = (x, bottom + height // 20)
        image.paste("white", place, glyph)
        x += glyph.width


def read_number(image: Image.Image) -> int:
    """The number burnt into `image`, at any scale.

    Raises `ValueError` when the blocks are not there.
    """
    width, height = image.size
    row = image.convert("L").resize(
        (_BLOCKS, 1), Image.Resampling.BOX, box=(0, height / ROW * 0.25, width, height / ROW * 0.75)
    )
    levels = list(row.tobytes())
    if any(_DARK < level < _BRIGHT for level in levels):
        raise ValueError(f"no frame number is burnt in: the top row is neither black nor white: {levels}")
    bits = [int(level >= _BRIGHT) for level in levels]
    if tuple(bits[: len(_SYNC)]) != _SYNC:
        raise ValueError(f"no frame number is burnt in: the top row begins with {bits[: len(_SYNC)]}")
    return int("".join(map(str, bits[len(_SYNC) :])), 2)


@lru_cache(maxsize=256)
def _glyph(digit: str, size: int) -> Image.Image:
    """The digit as a mask: drawing it anew in every frame would cost more than encoding the frame."""
    font = ImageFont.load_default(size=max(8, size))
    left, top, right, bottom = (round(edge) for edge in font.getbbox("0"))
    mask = Image.new("L", (right + left, bottom + top), 0)
    ImageDraw.Draw(mask).text((0, 0), digit, fill=255, font=font)
    return mask
