"""A picture that a provider gave becomes a PNG, or is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from workers.errors import DamagedVideo
from workers.media.darkroom import reprint
from workers.sandbox.burn import burn, read_number


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_it_shows_the_same_picture(tmp_path: Path, form: str) -> None:
    image = Image.new("RGB", (640, 360), (30, 90, 60))
    burn(image, 119)
    image.save(tmp_path / "theirs", form)
    assert reprint(tmp_path / "theirs", tmp_path / "last.png") == (640, 360)
    with Image.open(tmp_path / "last.png") as last:
        assert last.format == "PNG"
        assert read_number(last) == 119


@pytest.mark.parametrize("body", [b"", b"<html>", b"\x89PNG\r\n\x1a\n cut"])
def test_what_is_no_picture_is_refused_and_leaves_nothing(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "theirs").write_bytes(body)
    with pytest.raises(DamagedVideo):
        reprint(tmp_path / "theirs", tmp_path / "last.png")
    assert not (tmp_path / "last.png").exists()


def test_a_picture_that_was_cut_is_refused(tmp_path: Path) -> None:
    Image.effect_noise((640, 360), 50).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "theirs").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedVideo):
        reprint(tmp_path / "theirs", tmp_path / "last.png")


def test_a_full_disk_is_not_the_pictures_fault(tmp_path: Path) -> None:
    Image.new("RGB", (64, 36)).save(tmp_path / "theirs", "PNG")
    with pytest.raises(OSError):
        reprint(tmp_path / "theirs", tmp_path / "no such folder" / "last.png")
