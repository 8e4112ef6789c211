"""The file that a manifest is read from, as text."""

from __future__ import annotations

from pathlib import Path

from jobs.errors import ManifestError, Problem

LARGEST_FILE = 32 * 1024 * 1024
"""In bytes. A manifest is written by hand; what is larger is another file."""


def read_text(path: Path) -> str:
    """The text of the file at `path`. Raises `ManifestError`."""
    try:
        with path.open("rb") as file:
            body = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise unreadable(path, "there is no such file") from None
    except IsADirectoryError:
        raise unreadable(path, "this is a directory; name the manifest in it") from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise unreadable(path, f"it can't be read: {said}") from None
    if len(body) > LARGEST_FILE:
        raise unreadable(path, f"it is larger than {LARGEST_FILE // 1024 // 1024} MiB, so it is hardly a manifest")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        problem = Problem("", f"not UTF-8 text: byte 0x{body[error.start]:02x} can't stand here", line)
        raise ManifestError(str(path), [problem]) from None


def unreadable(path: Path, message: str) -> ManifestError:
    return ManifestError(str(path), [Problem("", message)])
