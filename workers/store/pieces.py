"""Bringing an object to a file piece by piece, so that memory doesn't depend on how long it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

PIECE = 1024**2
"""Bytes."""


def write_pieces(pieces: Iterable[bytes], path: Path) -> str:
    """Write `pieces` to `path`, down to the disk; their sha256 (hex). Raises what they raise, and OSError."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
