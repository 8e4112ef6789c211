"""What is put on record of a file that a take takes up of another one."""

from __future__ import annotations

from typing import Literal

from workers.records import Record


class TakenUp(Record):
    """A file of another take that was taken up: of which take of the batch, which file, and the sha256 (hex) of it."""

    take: str
    file: Literal["last_frame", "video"]
    sha256: str
