"""The program that makes a PNG of a picture that a provider gave, or a poster: a process of its own, as `develop` is.

    python -m workers.media.reprint PICTURE OUT.png
    python -m workers.media.reprint PICTURE POSTER.webp

It prints one line of JSON: `{"width": ..., "height": ...}`, in pixels.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from workers.media.develop import DAMAGED, OS_ERROR, limit_itself, say, write_image, write_poster

_MOST_PIXELS = 8192 * 4320


def main(arguments: list[str]) -> int:
    """Reprint as `arguments` say; the exit code. It writes to standard output."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m workers.media.reprint PICTURE OUT.png|POSTER.webp\n")
        return 2
    picture, png = (Path(argument) for argument in arguments)
    try:
        with Image.open(picture) as image:
            if image.width * image.height > _MOST_PIXELS:
                return say({"damaged": f"{picture}: {image.width}x{image.height} is too large"}, code=DAMAGED)
            if png.suffix == ".webp":
                write_poster(png, image.convert("RGB"))
            else:
                write_image(png, image.convert("RGB"), "PNG", compress_level=1)
            return say({"width": image.width, "height": image.height}, code=0)
    except UnidentifiedImageError:
        return say({"damaged": f"{picture}: it is not a picture"}, code=DAMAGED)
    except (MemoryError, SyntaxError, ValueError) as error:
        return say({"damaged": f"{picture}: it does not decode ({error})"}, code=DAMAGED)
    except OSError as error:
        if error.errno is None:  # Pillow's word for a picture that is cut
            return say({"damaged": f"{picture}: it does not decode ({error})"}, code=DAMAGED)
        message = error.strerror or str(error)
        return say({"os_error": error.errno, "message": message, "file": error.filename}, code=OS_ERROR)


if __name__ == "__main__":
    limit_itself()
    sys.exit(main(sys.argv[1:]))
