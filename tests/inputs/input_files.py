"""Real files of every kind that an input can be."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image


def paint(path: Path, size: tuple[int, int] = (640, 480), colour: str = "red") -> Path:
    """An image of one colour, in the format that the path's ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def sing(path: Path, seconds: float = 3.0) -> Path:
    """A silent WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(round(8000 * seconds) * 2))
    return path


def film(path: Path, seconds: int = 3, size: tuple[int, int] = (720, 720), fps: int = 24) -> Path:
    """A video without sound, in the container that the path's ending says."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for at in range(seconds * fps):
            frame = av.VideoFrame.from_image(Image.new("RGB", size, (at % 256, 0, 0)))
            frame.pts, frame.time_base = at, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def compress(path: Path, codec: str, seconds: int = 1) -> Path:
    """A silent audio in the container that the path's ending says."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=44100)
        stream.layout = "mono"
        for at in range(seconds * 44100 // 1024):
            frame = av.AudioFrame(format=stream.format.name, layout="mono", samples=1024)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate, frame.pts, frame.time_base = 44100, at * 1024, Fraction(1, 44100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
