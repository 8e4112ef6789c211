from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest
from av.video.frame import VideoFrame
from PIL import Image
from video_corpus import CORPUS, HEIGHT, WIDTH, Recipe, find, make, sound_only

from workers.errors import DamagedVideo
from workers.media import lastframe
from workers.media.lastframe import last_frame
from workers.sandbox.burn import read_number

Video = Callable[[str], Path]

SHOWN = {name: recipe.frames for name, recipe in CORPUS.items()} | {
    "end-trimmed": 24,
    "end-trimmed-b-frames": 24,
}

ALL_KEYFRAMES = Recipe(frames=12, options={"g": "1"}, movflags="+faststart")


@pytest.mark.parametrize("name", CORPUS)
def test_the_last_displayed_frame_is_exact(video: Video, name: str) -> None:
    last = last_frame(video(name))
    assert read_number(last.image) == SHOWN[name] - 1
    assert last.facts.frames == SHOWN[name]
    assert last.image.size == (last.facts.width, last.facts.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("name", CORPUS)
def test_the_last_frame_is_the_one_that_decoding_everything_ends_with(video: Video, name: str) -> None:
    with av.open(video(name)) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    assert len(frames) == SHOWN[name]
    assert last_frame(video(name)).image.tobytes() == frames[-1].tobytes()


@pytest.mark.parametrize(
    ("name", "fps", "duration", "last_at"),
    [
        ("plain", 24, 2, 47 / 24),
        ("sound-longer", 24, 2, 47 / 24),
        ("sound-shorter", 24, 2, 47 / 24),
        ("b-frames", 24, 2, 47 / 24),
        ("fragmented", 24, 2, 47 / 24),
        ("start-delay", 24, 2, 0.5 + 47 / 24),
        ("end-trimmed", 24, 1, 23 / 24),
        ("fps-30", 30, 48 / 30, 47 / 30),
        ("fps-60", 60, 48 / 60, 47 / 60),
        ("hevc", 24, 1, 23 / 24),
        ("single", 24, 1 / 24, 0),
    ],
)
def test_the_facts_are_those_of_what_is_displayed(
    video: Video, name: str, fps: float, duration: float, last_at: float
) -> None:
    facts = last_frame(video(name)).facts
    assert facts.fps == pytest.approx(fps, abs=0.001)
    assert facts.duration == pytest.approx(duration, abs=0.001)
    assert facts.last_frame_at == pytest.approx(last_at, abs=0.001)


def test_a_variable_rate_is_averaged(video: Video) -> None:
    facts = last_frame(video("variable-rate")).facts
    last_at = (47 * 25 + 2 * 4 + 200) / 600
    assert facts.last_frame_at == pytest.approx(last_at, abs=0.001)
    assert facts.fps == pytest.approx(47 / last_at, abs=0.001)
    assert facts.duration > last_at


@pytest.mark.parametrize(
    ("name", "codec", "has_audio"),
    [
        ("plain", "h264", True),
        ("moov-last", "h264", False),
        ("hevc", "hevc", False),
        ("sound-shorter", "h264", True),
    ],
)
def test_codec_and_sound_are_told(video: Video, name: str, codec: str, has_audio: bool) -> None:
    facts = last_frame(video(name)).facts
    assert (facts.codec, facts.has_audio, facts.pix_fmt) == (codec, has_audio, "yuv420p")


def test_seeking_spares_most_of_the_decoding(video: Video) -> None:
    path = video("sound-longer")
    frame, decoded = lastframe._decode_to_end(path, start=lastframe._scan(path).last)
    assert frame is not None
    assert decoded == 12


def test_everything_is_decoded_where_seeking_does_not_reach_the_end(
    video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[int | None] = []
    decode_to_end = lastframe._decode_to_end

    def watched(path: Path, *, start: int | None) -> tuple[VideoFrame | None, int]:
        starts.append(start)
        return (None, 0) if start is not None else decode_to_end(path, start=start)

    monkeypatch.setattr(lastframe, "_decode_to_end", watched)
    path = video("intra-refresh")
    assert read_number(last_frame(path).image) == 47
    assert starts == [lastframe._scan(path).last, None]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_video_that_is_displayed_turned_is_turned(tmp_path: Path, degrees: int) -> None:
    last = last_frame(make(tmp_path / "turned.mp4", Recipe(frames=3, rotate=degrees)))
    turned = degrees in (90, 270)
    assert last.image.size == ((HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT))
    assert (last.facts.width, last.facts.height) == last.image.size
    assert read_number(last.image.rotate(-degrees, expand=True)) == 2


def colour(path: Path, red: int, green: int, blue: int, *, bt709: bool, tagged: bool) -> Path:
    """A video of one colour, turned into YUV here, by the one matrix or the other."""
    kr, kb = (0.2126, 0.0722) if bt709 else (0.299, 0.114)
    luma = (kr * red + (1 - kr - kb) * green + kb * blue) / 255
    levels = (
        round(16 + 219 * luma),
        round(128 + 112 * (blue / 255 - luma) / (1 - kb)),
        round(128 + 112 * (red / 255 - luma) / (1 - kr)),
    )
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 128, 128, "yuv420p"
        matrix = "bt709" if bt709 else "smpte170m"
        stream.options = {"qp": "0"} | ({"x264-params": f"colormatrix={matrix}"} if tagged else {})
        for number in range(3):
            frame = VideoFrame(128, 128, "yuv420p")
            for plane, level in zip(frame.planes, levels, strict=True):
                plane.update(bytes([level]) * plane.buffer_size)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("rgb", [(200, 40, 60), (20, 180, 90), (60, 60, 210)])
@pytest.mark.parametrize(
    ("bt709", "tagged", "name"),
    [(True, True, "bt709"), (False, True, "smpte170m"), (False, False, "unspecified")],
)
def test_colour_follows_the_tags_and_is_bt601_without(
    tmp_path: Path, rgb: tuple[int, int, int], bt709: bool, tagged: bool, name: str
) -> None:
    last = last_frame(colour(tmp_path / "colour.mp4", *rgb, bt709=bt709, tagged=tagged))
    assert last.facts.color_space == name
    middle = last.image.getpixel((64, 64))
    assert isinstance(middle, tuple)
    assert max(abs(got - wanted) for got, wanted in zip(middle, rgb, strict=True)) <= 3


def test_a_file_with_sound_only_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(DamagedVideo, match="no video stream"):
        last_frame(sound_only(tmp_path / "sound.mp4"))


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "cover.mp4"
    with av.open(path, "w", format="mp4") as container:
        cover = container.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(VideoFrame.from_image(Image.new("RGB", (64, 64)))))
        container.mux(cover.encode(None))
    with pytest.raises(DamagedVideo, match="no video stream"):
        last_frame(path)


@pytest.mark.parametrize("data", [b"", b"<html>502 Bad Gateway</html>" * 40, bytes(5000)])
def test_what_is_no_video_is_damaged(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(data)
    with pytest.raises(DamagedVideo, match="can't be decoded: Invalid data"):
        last_frame(path)


def test_a_playlist_is_not_followed(video: Video, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_text(f"ffconcat version 1.0\nfile '{video('plain')}'\n")
    with pytest.raises(DamagedVideo, match="can't be decoded"):
        last_frame(path)


def test_pictures_that_do_not_decode_are_damaged(video: Video, tmp_path: Path) -> None:
    data = video("faststart").read_bytes()
    body = find(data, b"mdat") + 8
    path = tmp_path / "video.mp4"
    path.write_bytes(data[:body] + bytes(len(data) - body))
    with pytest.raises(DamagedVideo, match="decode"):
        last_frame(path)


def test_a_last_frame_that_does_not_decode_is_not_replaced_by_another(tmp_path: Path) -> None:
    path = make(tmp_path / "video.mp4", ALL_KEYFRAMES)
    with av.open(path) as container:
        sizes = [packet.size for packet in container.demux(video=0) if packet.size]
    data = path.read_bytes()
    path.write_bytes(data[: -sizes[-1]] + b"\xff" * sizes[-1])
    with pytest.raises(DamagedVideo, match=r"the last frame, at 0\.458 s, does not decode: 11 of 12 frames do"):
        last_frame(path)


def test_a_glitch_before_the_end_is_passed_over_as_players_do(tmp_path: Path) -> None:
    path = make(tmp_path / "video.mp4", ALL_KEYFRAMES)
    with av.open(path) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    at, size = packets[5]
    assert at is not None
    data[at : at + size] = b"\xff" * size
    path.write_bytes(data)
    assert read_number(last_frame(path).image) == 11


def test_too_many_pixels_are_not_decoded(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lastframe, "MOST_PIXELS", WIDTH * HEIGHT - 1)
    with pytest.raises(DamagedVideo, match=f"256x144 pixels is more than {WIDTH * HEIGHT - 1}"):
        last_frame(video("plain"))


def test_the_decoder_too_is_held_to_the_bound(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lastframe, "MOST_PIXELS", WIDTH * HEIGHT // 2)
    monkeypatch.setattr(lastframe, "_bound", lambda path, width, height: None)
    with pytest.raises(DamagedVideo, match="can't be decoded: Invalid argument"):
        last_frame(video("plain"))


def test_a_missing_file_is_not_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        last_frame(tmp_path / "nothing.mp4")
