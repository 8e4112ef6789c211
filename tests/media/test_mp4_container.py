from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from video_corpus import CORPUS, find, sound_only

from workers.errors import DamagedVideo
from workers.media.container import Container, check_mp4
from workers.media.lastframe import last_frame

Video = Callable[[str], Path]


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


FTYP = box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41")
MOOV = box(b"moov", box(b"mvhd", bytes(100)))
FRAGMENTED_MOOV = box(b"moov", box(b"mvhd", bytes(100)) + box(b"mvex", box(b"trex", bytes(24))))
MOOF = box(b"moof", box(b"mfhd", bytes(8)))
MDAT = box(b"mdat", b"picture")


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "video.mp4"
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("name", CORPUS)
def test_every_whole_file_is_accepted(video: Video, name: str) -> None:
    path = video(name)
    assert check_mp4(path) == Container(bytes=path.stat().st_size, fragmented=name == "fragmented")


@pytest.mark.parametrize("name", ["moov-last", "faststart", "fragmented", "sound-longer"])
@pytest.mark.parametrize("lost", [1, 7, 100])
def test_a_file_that_lost_its_last_bytes_is_refused(
    video: Video, written: Callable[[bytes], Path], name: str, lost: int
) -> None:
    with pytest.raises(DamagedVideo, match=r"cut short|not a box"):
        check_mp4(written(video(name).read_bytes()[:-lost]))


@pytest.mark.parametrize("name", ["moov-last", "faststart", "fragmented"])
def test_half_a_file_is_refused(video: Video, written: Callable[[bytes], Path], name: str) -> None:
    data = video(name).read_bytes()
    with pytest.raises(DamagedVideo, match="cut short"):
        check_mp4(written(data[: len(data) // 2]))


def test_every_cut_of_a_small_file_is_refused(written: Callable[[bytes], Path]) -> None:
    data = FTYP + MDAT + MOOV
    assert check_mp4(written(data)) == Container(bytes=len(data), fragmented=False)
    for length in range(len(data)):
        with pytest.raises(DamagedVideo):
            check_mp4(written(data[:length]))


def test_the_reason_gives_the_numbers(video: Video, written: Callable[[bytes], Path]) -> None:
    data = video("faststart").read_bytes()
    at = find(data, b"mdat")
    wanted = len(data) - at
    with pytest.raises(DamagedVideo) as caught:
        check_mp4(written(data[:-1]))
    assert f"the mdat box at {at} wants {wanted} bytes, the file ends after {wanted - 1}" in str(caught.value)
    assert "video.mp4" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"<html><head><title>502</title>", "not an MP4: begins with '<html><head><title>502</'"),
        (b"\n<!DOCTYPE html>\n<html></html>", "not an MP4"),
        (b'{"error": {"code": "NoSuchKey"}}', "not an MP4: begins with '{"),
        (b"<?xml version='1.0'?><Error/>", "not an MP4"),
        (bytes(4096), "not an MP4: begins with bytes 00 00 00 00 00 00 00 00"),
        (b"\x1a\x45\xdf\xa3" + bytes(100), "not an MP4: begins with bytes 1a 45 df a3"),
        (b"ftyp", "not an MP4"),
        (FTYP, "no moov box"),
        (FTYP + MDAT, "no moov box"),
        (FTYP + MOOV, "holds no media"),
        (FTYP + MOOV + box(b"mdat"), "holds no media"),
        (FTYP + FRAGMENTED_MOOV, "holds no media"),
        (FTYP + FRAGMENTED_MOOV + MOOF + MDAT + MOOF, "no mdat after the last moof"),
        (FTYP + MOOV + MDAT + b"\0\0\0\4free", "8 bytes at"),
        (FTYP + MOOV + MDAT + b"\0\0\0\x0c\1\2\3\4data", "12 bytes at"),
        (FTYP + MOOV + MDAT + struct.pack(">I4sQ", 1, b"free", 15), "16 bytes at"),
        (FTYP + MOOV + MDAT + b"\0\0\0", "3 bytes at"),
        (FTYP + box(b"free") * 100_000, "more than 100000 boxes"),
    ],
)
def test_what_is_no_whole_mp4_is_refused(written: Callable[[bytes], Path], data: bytes, reason: str) -> None:
    with pytest.raises(DamagedVideo) as caught:
        check_mp4(written(data))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("data", "fragmented"),
    [
        (FTYP + MOOV + MDAT, False),
        (MOOV + MDAT, False),
        (FTYP + MOOV + struct.pack(">I4sQ", 1, b"mdat", 16 + 7) + b"picture", False),
        (FTYP + MOOV + struct.pack(">I4s", 0, b"mdat") + b"picture", False),
        (FTYP + FRAGMENTED_MOOV + MOOF + MDAT + MOOF + MDAT + box(b"mfra", bytes(20)), True),
        (FTYP + FRAGMENTED_MOOV + MDAT, True),
        (FTYP + MOOV + MDAT + box(b"uuid", bytes(16) + b"xmp") + box(b"\xa9xyz"), False),
    ],
)
def test_all_ways_to_lay_out_boxes_are_accepted(
    written: Callable[[bytes], Path], data: bytes, fragmented: bool
) -> None:
    assert check_mp4(written(data)) == Container(bytes=len(data), fragmented=fragmented)


def test_real_files_with_64_bit_and_open_ended_boxes_still_decode(
    video: Video, written: Callable[[bytes], Path]
) -> None:
    data = video("faststart").read_bytes()
    at = find(data, b"mdat")
    assert data[at - 8 : at] == b"\0\0\0\x08free"
    length = len(data) - at
    for head in (
        struct.pack(">I4sQ", 1, b"mdat", length + 8),
        b"\0\0\0\x08free" + struct.pack(">I4s", 0, b"mdat"),
    ):
        path = written(data[: at - 8] + head + data[at + 8 :])
        assert check_mp4(path).bytes == len(data)
        assert last_frame(path).facts.frames == 48


def test_a_fragmented_file_cut_between_fragments_shows_in_its_duration_only(
    video: Video, written: Callable[[bytes], Path]
) -> None:
    whole = video("fragmented")
    data = whole.read_bytes()
    third = [at for at in range(len(data)) if data[at + 4 : at + 8] == b"moof"][2]
    cut = written(data[:third])
    assert check_mp4(cut).fragmented
    assert last_frame(whole).facts.duration == pytest.approx(2.0)
    assert last_frame(cut).facts.duration == pytest.approx(1.0)
    assert last_frame(cut).facts.frames == 24


def test_boxes_say_nothing_of_what_is_in_them(tmp_path: Path) -> None:
    assert check_mp4(sound_only(tmp_path / "sound.mp4")).fragmented is False


def test_a_missing_file_is_the_machines_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check_mp4(tmp_path / "nothing.mp4")
