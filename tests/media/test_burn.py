from __future__ import annotations

import io
from random import Random

import pytest
from PIL import Image

from workers.sandbox.burn import HIGHEST, burn, read_number

SIZES = [(864, 496), (1280, 720), (496, 864), (992, 432), (256, 144), (1470, 630), (3840, 2160)]


def burnt(number: int, size: tuple[int, int] = (864, 496), mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, size, (200, 90, 30) if mode == "RGB" else 120)
    burn(image, number)
    return image


@pytest.mark.parametrize("number", [0, 1, 47, 119, 255, 256, 0x5555, 0xAAAA, HIGHEST])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_what_is_burnt_in_is_read_back(number: int, mode: str) -> None:
    assert read_number(burnt(number, mode=mode)) == number


@pytest.mark.parametrize("size", SIZES)
def test_any_size_will_do_and_so_will_its_poster(size: tuple[int, int]) -> None:
    image = burnt(359, size)
    assert read_number(image) == 359
    poster = image.resize((320, round(size[1] * 320 / size[0])))
    assert read_number(poster) == 359


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_it_survives_compression_at_poster_size(form: str) -> None:
    encoded = io.BytesIO()
    burnt(0x5A5A).resize((320, 184)).save(encoded, form, quality=60)
    assert read_number(Image.open(encoded)) == 0x5A5A


@pytest.mark.parametrize("number", [-1, HIGHEST + 1])
def test_a_number_out_of_range_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=f"frame number {number}: only 0 to 65535"):
        burnt(number)


@pytest.mark.parametrize("level", [0, 60, 128, 255])
def test_a_plain_image_holds_no_number(level: int) -> None:
    with pytest.raises(ValueError, match="no frame number is burnt in"):
        read_number(Image.new("L", (320, 180), level))


def test_noise_holds_no_number() -> None:
    noise = Image.frombytes("L", (320, 180), Random(7).randbytes(320 * 180))
    with pytest.raises(ValueError, match="neither black nor white"):
        read_number(noise)


def test_an_image_upside_down_holds_no_number() -> None:
    with pytest.raises(ValueError, match="no frame number is burnt in"):
        read_number(burnt(12).transpose(Image.Transpose.ROTATE_180))


def test_the_digits_differ_for_a_person_too() -> None:
    one, two = (burnt(number).crop((0, 31, 864, 496)).tobytes() for number in (1, 2))
    assert one != two
