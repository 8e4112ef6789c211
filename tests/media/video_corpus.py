"""How the corpus of small real videos is made; each frame carries its number."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from PIL import Image

from workers.sandbox.burn import burn

WIDTH, HEIGHT = 256, 144
RATE = 24_000


@dataclass(frozen=True)
class Recipe:
    """How one file of the corpus is made. `times` are the frames' times in 1/600 s; None is every 1/fps s."""

    frames: int = 48
    fps: int = 24
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=dict)
    x264: str = ""
    movflags: str = ""
    sound: float | None = None
    """Seconds of sound, None for no sound."""
    times: Sequence[int] | None = None
    rotate: int = 0
    patch: Callable[[bytes], bytes] | None = None


def find(data: bytes, *path: bytes) -> int:
    """Where the box at `path` (`moov`, `trak`, ...) begins: the first of each name."""
    at, end = 0, len(data)
    for name in path:
        while at < end:
            length, kind = struct.unpack(">I4s", data[at : at + 8])
            if kind == name:
                break
            at += length
        else:
            raise AssertionError(f"no {name!r} box")
        if name != path[-1]:
            at, end = at + 8, at + length
    return at


def trim_to_half(data: bytes) -> bytes:
    """Let the first track's edit list show only the first half of what is stored."""
    at = find(data, b"moov", b"trak", b"edts", b"elst")
    version, entries = data[at + 8], struct.unpack(">I", data[at + 12 : at + 16])[0]
    assert (version, entries) == (0, 1)
    (length,) = struct.unpack(">I", data[at + 16 : at + 20])
    return data[: at + 16] + struct.pack(">I", length // 2) + data[at + 20 :]


def make(path: Path, recipe: Recipe) -> Path:
    options = {"movflags": recipe.movflags} if recipe.movflags else {}
    with av.open(path, "w", format="mp4", options=options) as container:
        video = container.add_stream(recipe.codec, rate=recipe.fps)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.thread_count = 1
        video.options = {"preset": "ultrafast", "crf": "23", **recipe.options}
        if recipe.codec == "libx265":
            video.options |= {"x265-params": "log-level=none:pools=none:frame-threads=1"}
        elif recipe.x264:
            video.options |= {"x264-params": recipe.x264}
        base = Fraction(1, 600) if recipe.times else Fraction(1, recipe.fps)
        video.time_base = video.codec_context.time_base = base
        if recipe.rotate:
            video.set_display_rotation(recipe.rotate)
        sound = None
        if recipe.sound:
            sound = container.add_stream("aac", rate=RATE, layout="mono")
        for number in range(recipe.frames):
            image = Image.new("RGB", (WIDTH, HEIGHT), (40, (number * 5) % 200, 120))
            burn(image, number)
            frame = VideoFrame.from_image(image)
            frame.pts = recipe.times[number] if recipe.times else number
            frame.time_base = base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None and recipe.sound:
            for piece in tone(recipe.sound):
                container.mux(sound.encode(piece))
            container.mux(sound.encode(None))
    if recipe.patch:
        path.write_bytes(recipe.patch(path.read_bytes()))
    return path


def tone(seconds: float) -> list[AudioFrame]:
    pieces = []
    for at in range(0, round(seconds * RATE), 1024):
        piece = AudioFrame(format="fltp", layout="mono", samples=1024)
        wave = array("f", (0.1 * math.sin(0.1 * n) for n in range(at, at + 1024)))
        piece.planes[0].update(wave.tobytes())
        piece.sample_rate, piece.pts, piece.time_base = RATE, at, Fraction(1, RATE)
        pieces.append(piece)
    return pieces


def sound_only(path: Path) -> Path:
    with av.open(path, "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=RATE, layout="mono")
        for piece in tone(1):
            container.mux(sound.encode(piece))
        container.mux(sound.encode(None))
    return path


FRAGMENTED = "frag_keyframe+empty_moov+default_base_moof"

CORPUS: dict[str, Recipe] = {
    "plain": Recipe(sound=2),
    "moov-last": Recipe(),
    "faststart": Recipe(movflags="+faststart", sound=2),
    "b-frames": Recipe(x264="bframes=8:b-adapt=0:b-pyramid=normal:keyint=48"),
    "sound-longer": Recipe(sound=4.5, options={"g": "12"}),
    "sound-shorter": Recipe(sound=0.8),
    "variable-rate": Recipe(times=[n * 25 + (n % 5) * 4 + (200 if n > 30 else 0) for n in range(48)]),
    "fragmented": Recipe(movflags=FRAGMENTED, options={"g": "12"}),
    "open-gop": Recipe(x264="open-gop=1:keyint=12:min-keyint=1:bframes=3:b-adapt=0"),
    "intra-refresh": Recipe(x264="intra-refresh=1:keyint=20:bframes=0"),
    "start-delay": Recipe(times=[300 + n * 25 for n in range(48)], sound=2),
    "end-trimmed": Recipe(patch=trim_to_half),
    "end-trimmed-b-frames": Recipe(x264="bframes=3:b-adapt=0:keyint=10", patch=trim_to_half),
    "fps-30": Recipe(fps=30),
    "fps-60": Recipe(fps=60),
    "hevc": Recipe(codec="libx265", frames=24),
    "single": Recipe(frames=1),
}
