"""The sandbox's videos: real MP4s that play, decode to a known number of frames, and show their numbers.

Encoding is the costly part, so it is done once for each kind of clip, a *master*, and kept on disk. What a
provider would return for one job is a master with that job's id in a box at the end: other bytes, another
hash, the same pictures, made in microseconds.

The same parameters give the same bytes, again and in another process. Another version of FFmpeg or Pillow may
not, and is another master.
"""

from __future__ import annotations

import colorsys
import hashlib
import io
import json
import math
import struct
import tempfile
import threading
from array import array
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import PIL
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from PIL import Image, ImageDraw, ImageFont

from jobs.prices.pixels import SIZES
from workers.sandbox.burn import HIGHEST, ROW, burn

LOOKS = 12
"""How many looks differ; `look` counts on from there to the same ones again."""

# 9:21 is on no page that gives sizes; it is 21:9 on its side.
_SIZES = {resolution: {**sizes, "9:21": (sizes["21:9"][1], sizes["21:9"][0])} for resolution, sizes in SIZES.items()}
# No provider's page gives the others: they are 720p enlarged, as 1920x1080 and 3840x2160 are.
_ENLARGED = {"1080p": Fraction(3, 2), "4k": Fraction(3)}
_LEFT_TO_PROVIDER = frozenset({"auto", "adaptive"})

_RECIPE = 1
"""Counts up when the masters are drawn or encoded otherwise, so that none of the old ones is used."""

_SAMPLE_RATE = 24_000
_AAC_FRAME = 1024
_BOX_OWNER = b"rushes sandbox 1"


def frame_size(resolution: str, aspect_ratio: str) -> tuple[int, int]:
    """The width and height in pixels that a provider renders for `720p` and `16:9`, say.

    `auto` and `adaptive` are 16:9. Raises `ValueError` for what no provider here offers.
    """
    shape = "16:9" if aspect_ratio in _LEFT_TO_PROVIDER else aspect_ratio
    sizes = _SIZES["720p" if resolution in _ENLARGED else resolution] if resolution in _resolutions() else {}
    if shape not in sizes:
        raise ValueError(
            f"no frame size is known for {resolution} {aspect_ratio}: resolutions are "
            f"{', '.join(_resolutions())}; aspect ratios are {', '.join(_SIZES['720p'])}, auto, adaptive"
        )
    width, height = sizes[shape]
    scale = _ENLARGED.get(resolution, Fraction(1))
    # H.264 with its colour at half size takes even sizes only.
    return int(width * scale) // 2 * 2, int(height * scale) // 2 * 2


def _resolutions() -> tuple[str, ...]:
    return (*_SIZES, *_ENLARGED)


def tail(job_id: str, master_bytes: int, pad_to: int | None = None) -> bytes:
    """What makes a master of `master_bytes` bytes the clip of one job, when it is put behind it.

    A `uuid` box with the job's id and, to fill the clip up to `pad_to` bytes, a `free` box of zeros. An empty
    box takes 8 bytes: a clip that lacks fewer than that comes out up to 7 bytes longer than `pad_to`.
    """
    named = _BOX_OWNER + job_id.encode()
    mark = struct.pack(">I4s", 8 + len(named), b"uuid") + named
    lacking = (pad_to or 0) - master_bytes - len(mark)
    if lacking <= 0:
        return mark
    length = max(8, lacking)
    return mark + struct.pack(">I4s", length, b"free") + bytes(length - 8)


def last_frame(video: bytes) -> bytes:
    """The last frame of an MP4 as a PNG. Raises `ValueError` when it has none."""
    last: VideoFrame | None = None
    with av.open(io.BytesIO(video), "r") as container:
        for frame in container.decode(video=0):
            last = frame
    if last is None:
        raise ValueError("the video has no frame")
    png = io.BytesIO()
    picture: Image.Image = last.to_image()  # type: ignore[no-untyped-call]
    picture.save(png, "PNG")
    return png.getvalue()


class ClipMaker:
    """Makes the sandbox's videos and keeps the masters in the folder `cache`, which is made if need be.

    Any number of threads and processes may share a cache: a master appears whole or not at all, and the
    threads that share a `ClipMaker` don't make the same one twice. Nothing is ever removed from the cache.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._guard = threading.Lock()
        self._making: dict[Path, threading.Lock] = {}
        cache.mkdir(parents=True, exist_ok=True)

    def master(
        self, width: int, height: int, seconds: float, *, fps: int = 24, audio: bool = True, look: int = 0
    ) -> Path:
        """The file of a clip of `round(seconds * fps)` frames, made now if there is none yet.

        `width` and `height` are in pixels, even, and at least 64. `look` picks one of `LOOKS` colourings. The
        video is H.264, the sound AAC, and `moov` comes first. Making one takes about 0.3 s of CPU for 5 s of
        480p, and 0.6 s for 720p.

        Raises `ValueError` for a size or length that can't be made.
        """
        frames = round(seconds * fps)
        if width < 64 or height < 64 or width % 2 or height % 2:
            raise ValueError(f"a clip of {width}x{height} pixels: both must be even and at least 64")
        if frames < 1:
            raise ValueError(f"a clip of {seconds} s at {fps} frames a second has no frame")
        if frames > HIGHEST + 1:
            raise ValueError(f"a clip of {frames} frames: only {HIGHEST + 1} can be numbered")
        look %= LOOKS
        recipe = [_RECIPE, av.__version__, PIL.__version__, width, height, frames, fps, audio, look]
        key = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()
        path = self._cache / f"{width}x{height}-{frames}-{key[:24]}.mp4"
        with self._guard:
            making = self._making.setdefault(path, threading.Lock())
        with making:
            if not path.exists():
                self._make(path, width, height, frames, fps, audio, look)
        return path

    def clip(self, job_id: str, master: Path, pad_to: int | None = None) -> bytes:
        """The video of the job `job_id`: the bytes of `master`, made unique and filled up by `tail`."""
        body = master.read_bytes()
        return body + tail(job_id, len(body), pad_to)

    def _make(self, path: Path, width: int, height: int, frames: int, fps: int, audio: bool, look: int) -> None:
        with tempfile.NamedTemporaryFile(dir=self._cache, prefix=".", suffix=".tmp", delete=False) as made:
            unfinished = Path(made.name)
        try:
            _encode(unfinished, width, height, frames, fps, audio, look)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def _encode(path: Path, width: int, height: int, frames: int, fps: int, audio: bool, look: int) -> None:
    # By name, not into memory: to put moov first, FFmpeg opens the file a second time.
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=fps)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        # A second thread would change the bytes.
        video.thread_count = 1
        video.options = {
            "preset": "ultrafast",
            "crf": "28",
            "g": str(2 * fps),
            "x264-params": "colorprim=bt709:transfer=bt709:colormatrix=bt709",
        }
        sound = None
        samples: Iterator[AudioFrame] = iter(())
        if audio:
            sound = container.add_stream("aac", rate=_SAMPLE_RATE, layout="mono")
            samples = _tone(round(Fraction(frames * _SAMPLE_RATE, fps)), look)
        heard = Fraction(0)
        for number, frame in enumerate(_pictures(width, height, frames, fps, look)):
            container.mux(video.encode(frame))
            while sound is not None and heard <= Fraction(number, fps):
                piece = next(samples, None)
                if piece is None:
                    break
                container.mux(sound.encode(piece))
                heard += Fraction(piece.samples, _SAMPLE_RATE)
        container.mux(video.encode(None))
        if sound is not None:
            for piece in samples:
                container.mux(sound.encode(piece))
            container.mux(sound.encode(None))


def _pictures(width: int, height: int, frames: int, fps: int, look: int) -> Iterator[VideoFrame]:
    """The frames: a wave that moves to the left, a disc that crosses once, the label, and the frame's number.

    Drawn straight into the luma plane, which spares a conversion from RGB; the colour planes stand still.
    """
    lines = [plane.line_size for plane in VideoFrame(width, height, "yuv420p").planes]
    period = width // 2
    backdrop = _backdrop(lines[0] + period, height, period)
    label = _label(f"{width}x{height}  {frames / fps:g} s  {fps} fps  look {look}", height)
    disc, centre = _disc(height // 5), height * 3 // 5
    chroma = [_tint(line, height // 2, look, plane).tobytes() for plane, line in enumerate(lines[1:])]
    for number in range(frames):
        at = number * period // (2 * fps) % period
        luma = backdrop.crop((at, 0, at + lines[0], height))
        luma.paste(225, (number * (width - disc.width) // frames, centre - disc.height // 2), disc)
        luma.paste(235, (width // 20, height - label.height - height // 20), label)
        picture = luma.crop((0, 0, width, height)) if lines[0] != width else luma
        burn(picture, number)
        if picture is not luma:
            luma.paste(picture, (0, 0))
        frame = VideoFrame(width, height, "yuv420p")
        for plane, content in zip(frame.planes, [luma.tobytes(), *chroma], strict=True):
            plane.update(content)
        frame.pts, frame.time_base = number, Fraction(1, fps)
        yield frame


def _backdrop(width: int, height: int, period: int) -> Image.Image:
    wave = bytes(round(110 + 50 * math.sin(2 * math.pi * x / period)) for x in range(width))
    shade = Image.linear_gradient("L").resize((width, height))
    return Image.blend(Image.frombytes("L", (width, 1), wave).resize((width, height)), shade, 0.25)


def _tint(width: int, height: int, look: int, plane: int) -> Image.Image:
    """One colour plane (0 for blue, 1 for red): the look's colour on the left, turning to its neighbour's."""
    left, right = (_chroma(hue)[plane] for hue in (look / LOOKS, (look + 2) / LOOKS))
    row = bytes(round(left + (right - left) * x / width) for x in range(width))
    tint = Image.frombytes("L", (width, 1), row).resize((width, height))
    # No colour where the number is burnt in: its blocks are black and white.
    tint.paste(128, (0, 0, width, -(-height // ROW)))
    return tint


def _chroma(hue: float) -> tuple[float, float]:
    """Blue and red difference (BT.709, limited range) of a colour of that hue, which counts from 0 to 1."""
    red, green, blue = colorsys.hls_to_rgb(hue % 1, 0.5, 0.6)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 128 + 224 * (blue - luma) / 1.8556, 128 + 224 * (red - luma) / 1.5748


def _disc(size: int) -> Image.Image:
    disc = Image.new("L", (size, size), 0)
    ImageDraw.Draw(disc).ellipse((0, 0, size - 1, size - 1), fill=200)
    return disc


def _label(text: str, height: int) -> Image.Image:
    font = ImageFont.load_default(size=max(8, height // 16))
    right, bottom = (math.ceil(edge) for edge in font.getbbox(text)[2:])
    label = Image.new("L", (right, bottom), 0)
    ImageDraw.Draw(label).text((0, 0), text, fill=255, font=font)
    return label


def _tone(samples: int, look: int) -> Iterator[AudioFrame]:
    """A quiet tone, `samples` long; its pitch goes with the look."""
    # A whole number of waves a second, so that one second of it can be repeated.
    pitch = 220 + 20 * look
    turn = 2 * math.pi * pitch / _SAMPLE_RATE
    second = array("f", (0.05 * math.sin(turn * n) for n in range(_SAMPLE_RATE)))
    twice = second + second
    for at in range(0, samples, _AAC_FRAME):
        count = min(_AAC_FRAME, samples - at)
        frame = AudioFrame(format="fltp", layout="mono", samples=count)
        frame.planes[0].update(twice[at % _SAMPLE_RATE : at % _SAMPLE_RATE + count].tobytes())
        frame.sample_rate = _SAMPLE_RATE
        frame.pts, frame.time_base = at, Fraction(1, _SAMPLE_RATE)
        yield frame
