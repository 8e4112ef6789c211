"""A mosaic: up to 25 takes playing together in one video, each with its label."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageDraw

from workers.errors import DamagedVideo
from workers.sheets.tiles import GROUND, INK, Tile, columns_of, fitted, shape_of, write

MOST = 25
FPS = 24
WIDTH, HEIGHT = 1920, 1080
"""About the size of the whole."""

_STRIP = 22


def mosaic(videos: Sequence[Path], tiles: Sequence[Tile], out: Path, *, columns: int | None) -> float:
    """Write the videos side by side to `out` (MP4, H.264, no sound); its length in seconds, which is the longest one's.

    One that is over shows its last frame until all are. Raises ValueError for none or more than `MOST`, `DamagedVideo`
    for one that does not decode, and OSError when `out` can't be written.
    """
    if not 1 <= len(videos) <= MOST:
        raise ValueError(f"a mosaic holds 1 to {MOST} takes, and not {len(videos)}")
    shape = shape_of(tile.sight for tile in tiles)
    across = columns or columns_of(len(videos), shape, WIDTH / HEIGHT)
    down = math.ceil(len(videos) / across)
    width = _even(min(WIDTH / across, (HEIGHT / down - _STRIP) * shape))
    height = _even(width / shape)
    cell = height + _STRIP
    canvas = Image.new("RGB", (_even(across * width), _even(down * cell)), GROUND)
    draw = ImageDraw.Draw(canvas)
    places = [(at % across * width, at // across * cell) for at in range(len(videos))]
    for tile, (left, top) in zip(tiles, places, strict=True):
        write(draw, (left + 6, top + height + 4), tile.label, size=13, room=width - 12, colour=INK)
    frames = 0
    with ExitStack() as stack, av.open(str(out), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height = canvas.size
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, FPS)
        sources = [stack.enter_context(_Source(path, width, height)) for path in videos]
        while True:
            moved = False
            for source, (left, top) in zip(sources, places, strict=True):
                image = source.at(frames / FPS)
                if image is not None:
                    canvas.paste(image, (left, top))
                    moved = True
            if not moved and all(source.over for source in sources):
                break
            frame = av.VideoFrame.from_image(canvas)  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = frames, Fraction(1, FPS)
            container.mux(stream.encode(frame))
            frames += 1
        container.mux(stream.encode())
    return frames / FPS


class _Source:
    """One video, asked for its picture at one moment after the other."""

    def __init__(self, path: Path, width: int, height: int) -> None:
        self._path, self._width, self._height = path, width, height
        self.over = False

    def __enter__(self) -> _Source:
        try:
            self._container = av.open(str(self._path), "r", format="mp4", options={"protocol_whitelist": "file"})
        except av.FFmpegError as error:
            raise DamagedVideo(f"{self._path}: the video can't be opened: {error.strerror}") from error
        self._frames = self._decoded()
        self._next: tuple[float, Image.Image] | None = next(self._frames, None)
        if self._next is None:
            self._container.close()
            raise DamagedVideo(f"{self._path}: none of the video's frames decodes")
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def at(self, moment: float) -> Image.Image | None:
        """The picture that is shown from this moment on, if it is another one than before."""
        found = None
        while self._next is not None and self._next[0] <= moment + 1e-3:
            found = self._next[1]
            self._next = next(self._frames, None)
        self.over = self._next is None
        return found

    def _decoded(self) -> Iterator[tuple[float, Image.Image]]:
        first: float | None = None
        try:
            for frame in self._container.decode(video=0):
                time = float(frame.time or 0.0)
                first = time if first is None else first
                yield time - first, self._shown(frame)
        except av.FFmpegError as error:
            raise DamagedVideo(f"{self._path}: the video can't be decoded: {error.strerror}") from error

    def _shown(self, frame: av.VideoFrame) -> Image.Image:
        image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
        if frame.rotation:
            image = image.rotate(frame.rotation, expand=True)
        fitting, place = fitted(image, self._width, self._height)
        if fitting.size == (self._width, self._height):
            return fitting
        whole = Image.new("RGB", (self._width, self._height), GROUND)
        whole.paste(fitting, place)
        return whole


def _even(number: float) -> int:
    return max(2, int(number) // 2 * 2)
