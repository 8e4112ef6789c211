"""The last frame of a video that is really displayed.

Asking for "the frame near the end" goes wrong without a word when the sound is longer than the picture, when
an edit list trims the end, or when a video refreshes without keyframes. So it is done in three steps: read
all packets without decoding, which tells the time of the last frame that is shown; decode from the keyframe
before it; and, if that doesn't reach it, decode everything.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from workers.errors import DamagedVideo
from workers.media.facts import Facts

MOST_PIXELS = 8192 * 4320
"""The largest picture that is decoded, in pixels: a hostile header may claim any size."""

_MOST_THREADS = 4

# AVColorSpace (libavutil/pixfmt.h), by the names that FFmpeg prints.
_COLOR_SPACES = {
    0: "gbr",
    1: "bt709",
    2: "unspecified",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    14: "ictcp",
}


@dataclass(frozen=True, slots=True)
class LastFrame:
    """The last frame as an RGB image, turned as the video is displayed, and the facts of the video."""

    image: Image.Image
    facts: Facts


@dataclass(frozen=True, slots=True)
class _Shown:
    """The packets whose frames are displayed: how many, and their times in units of `base` seconds."""

    codec: str
    has_audio: bool

    count: int
    first: int
    middle: int
    last: int
    last_length: int
    base: Fraction
    rate: Fraction | None

    @property
    def duration(self) -> Fraction:
        length = self.last_length
        if not length and self.rate:
            return (self.last - self.first) * self.base + 1 / self.rate
        return (self.last - self.first + length) * self.base

    @property
    def fps(self) -> Fraction:
        if self.count > 1:
            return (self.count - 1) / ((self.last - self.first) * self.base)
        return self.rate or Fraction(0)


def last_frame(path: Path) -> LastFrame:
    """The last displayed frame of the MP4 at `path`, with the facts of the video.

    Colour follows the video's tags; an untagged one is read as BT.601, which is what FFmpeg writes when it
    makes a video from RGB. Pixels that aren't square are left as they are stored.

    Raises `DamagedVideo` when there is no video stream, when the pictures are larger than `MOST_PIXELS`, or
    when the last frame does not decode, and `OSError` when the file can't be read. Native code decodes here:
    give it a file that you don't trust only in a process of its own (`workers.media.darkroom`).
    """
    with path.open("rb"):
        # An unreadable file is the machine's fault, not the video's: let Python say so before FFmpeg does.
        pass
    try:
        shown = _scan(path)
        frame, decoded = _decode_to_end(path, start=shown.last)
        if frame is None or frame.pts != shown.last or frame.is_corrupt:
            frame, decoded = _decode_to_end(path, start=None)
    except (av.FFmpegError, MemoryError) as error:
        if isinstance(error, OSError):
            raise
        reason = getattr(error, "strerror", None) or "it needs more memory than it may have"
        raise DamagedVideo(f"{path}: the video can't be decoded: {reason}") from error
    at = float(shown.last * shown.base)
    if frame is None:
        raise DamagedVideo(f"{path}: none of the video's {shown.count} frames decodes")
    if frame.pts != shown.last:
        raise DamagedVideo(
            f"{path}: the last frame, at {at:.3f} s, does not decode: {decoded} of {shown.count} frames do"
        )
    return _developed(path, frame, shown)


def earlier_frame(path: Path, where: Literal["first", "middle"]) -> Image.Image | None:
    """The first displayed frame of the MP4 at `path`, or the one in the middle of all, turned as it is displayed.

    None when it doesn't decode, which doesn't say that the last one does not. Raises `DamagedVideo` as `last_frame`
    does for a file that is no video, and OSError.
    """
    shown = _scan(path)
    wanted = shown.first if where == "first" else shown.middle
    try:
        with _open(path) as container:
            stream = _video(container, path)
            stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
            container.seek(wanted, stream=stream)
            for frame in container.decode(stream):
                if frame.pts is not None and frame.pts >= wanted:
                    return _turned(path, frame)
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
    return None


def _open(path: Path) -> InputContainer:
    # The format is fixed because FFmpeg would otherwise take a playlist for a video and open what it lists.
    return av.open(path.resolve(), "r", format="mp4", options={"protocol_whitelist": "file"})


def _video(container: InputContainer, path: Path) -> VideoStream:
    """The stream that a player shows: the first that is no cover picture."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            break
    else:
        raise DamagedVideo(f"{path}: there is no video stream in the file")
    if stream.codec_context is None:
        raise DamagedVideo(f"{path}: the video's codec is not known here")
    _bound(path, stream.width, stream.height)
    return stream


def _bound(path: Path, width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise DamagedVideo(f"{path}: a picture of {width}x{height} pixels is more than {MOST_PIXELS} in all")


def _scan(path: Path) -> _Shown:
    """Read every packet, decode none."""
    with _open(path) as container:
        stream = _video(container, path)
        times = {
            packet.pts: packet.duration or 0
            for packet in container.demux(stream)
            if packet.pts is not None and packet.size and not packet.is_discard
        }
        if not times or stream.time_base is None:
            raise DamagedVideo(f"{path}: the video stream holds no frames")
        last = max(times)
        return _Shown(
            codec=stream.codec_context.name,
            has_audio=bool(container.streams.audio),
            count=len(times),
            first=min(times),
            middle=sorted(times)[len(times) // 2],
            last=last,
            last_length=times[last],
            base=stream.time_base,
            rate=stream.average_rate,
        )


def _decode_to_end(path: Path, *, start: int | None) -> tuple[VideoFrame | None, int]:
    """The frame that is displayed last, decoding from the keyframe before `start` or from the beginning.

    Also how many frames were decoded. A packet that doesn't decode is passed over, as players do: what
    counts is whether the last frame is reached.
    """
    last: VideoFrame | None = None
    decoded = 0
    with _open(path) as container:
        stream = _video(container, path)
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
        stream.thread_type = "AUTO"
        # Each thread has its own arena, and the address space is limited where this runs.
        stream.thread_count = min(_MOST_THREADS, os.cpu_count() or 1)
        if start is not None:
            container.seek(start, stream=stream)
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                decoded += 1
                if last is None or last.pts is None or (frame.pts is not None and frame.pts >= last.pts):
                    last = frame
    return last, decoded


def _turned(path: Path, frame: VideoFrame) -> Image.Image:
    _bound(path, frame.width, frame.height)
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    # Counter-clockwise, in Pillow as in FFmpeg's display matrix.
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image


def _developed(path: Path, frame: VideoFrame, shown: _Shown) -> LastFrame:
    image = _turned(path, frame)
    facts = Facts(
        width=image.width,
        height=image.height,
        fps=round(float(shown.fps), 3),
        frames=shown.count,
        duration=round(float(shown.duration), 6),
        codec=shown.codec,
        pix_fmt=frame.format.name,
        color_space=_COLOR_SPACES.get(frame.colorspace, str(frame.colorspace)),
        has_audio=shown.has_audio,
        last_frame_at=round(float(shown.last * shown.base), 6),
    )
    return LastFrame(image=image, facts=facts)
