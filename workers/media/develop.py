"""The program that develops one video: its last frame as a PNG, a poster, and its facts.

    python -m workers.media.develop VIDEO OUT.png [POSTER.webp [last|first|middle]]

It is a process of its own because native code decodes bytes that came from elsewhere: it may crash, hang or
ask for all the memory there is, and then nobody else is harmed. `workers.media.darkroom` runs it; it prints
one line of JSON and exits with

    0   the facts
    3   {"damaged": reason}: the file is not a video that decodes
    4   {"os_error": errno, "message": ..., "file": ...}: the machine is at fault, a full disk for instance
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

# The writers of the two formats are imported by name so that Pillow doesn't load all the others to save.
from PIL import (
    Image,
    PngImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from workers.errors import DamagedVideo
from workers.media.facts import poster_size
from workers.media.lastframe import earlier_frame, last_frame

DAMAGED = 3
OS_ERROR = 4

_MOST_MEMORY = 4 << 30
_MOST_CPU = 600


def main(arguments: list[str]) -> int:
    """Develop as `arguments` say; the exit code. It writes to standard output."""
    if len(arguments) not in (2, 3, 4) or arguments[3:] not in ([], ["last"], ["first"], ["middle"]):
        sys.stderr.write("usage: python -m workers.media.develop VIDEO OUT.png [POSTER.webp [last|first|middle]]\n")
        return 2
    video, png, *poster = (Path(argument) for argument in arguments[:3])
    try:
        return say(_develop(video, png, poster[0] if poster else None, *arguments[3:]), code=0)
    except DamagedVideo as error:
        return say({"damaged": str(error)}, code=DAMAGED)
    except MemoryError:
        return say({"damaged": f"{video}: developing it takes more memory than it may have"}, code=DAMAGED)
    except OSError as error:
        message = error.strerror or str(error)
        return say({"os_error": error.errno, "message": message, "file": error.filename}, code=OS_ERROR)


def say(answer: dict[str, Any], *, code: int) -> int:
    """Answer the parent with one line of JSON, and with `code`, which it returns."""
    sys.stdout.write(json.dumps(answer) + "\n")
    return code


def _develop(video: Path, png: Path, poster: Path | None, of: str = "last") -> dict[str, Any]:
    last = last_frame(video)
    # Level 1 takes a quarter of the time of the usual 6 and makes the file at most 5 % larger.
    write_image(png, last.image, "PNG", compress_level=1)
    if poster is not None:
        earlier = None if of == "last" else earlier_frame(video, "first" if of == "first" else "middle")
        write_poster(poster, last.image if earlier is None else earlier)
    return dataclasses.asdict(last.facts)


def write_poster(path: Path, image: Image.Image) -> None:
    """Write `image` to `path` at the poster's size, as WEBP. Raises OSError when it can't be written."""
    size = poster_size(image.width, image.height)
    small = image if size == image.size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    write_image(path, small, "WEBP", quality=80)


def write_image(path: Path, image: Image.Image, form: str, **options: int) -> None:
    """Write `image` to `path`. Raises OSError when it can't be written."""
    # By way of memory: a full disk is then Python's own OSError, not Pillow's "encoder error".
    encoded = io.BytesIO()
    image.save(encoded, form, **options)
    try:
        path.write_bytes(encoded.getbuffer())
    except OSError as error:
        # A failed write, unlike a failed open, doesn't say of which file.
        raise OSError(error.errno, error.strerror, str(path)) from error


def limit_itself() -> None:
    """Let this process have no more of the machine than a picture needs."""
    os.nice(10)
    _lower(resource.RLIMIT_CPU, _MOST_CPU)
    if sys.platform == "linux":
        _lower(resource.RLIMIT_AS, _MOST_MEMORY)


def _lower(limit: int, most: int) -> None:
    """Let the process have no more than `most` of it, or than the hard limit that it already has."""
    hard = resource.getrlimit(limit)[1]
    lowered = most if hard == resource.RLIM_INFINITY else min(hard, most)
    resource.setrlimit(limit, (lowered, lowered))


if __name__ == "__main__":
    limit_itself()
    sys.exit(main(sys.argv[1:]))
