"""What a peer is told: the same requests that our own adapter would send, and how it is to go about them."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Order:
    """`requests` are URL, headers and body of each submission; `poll` is in seconds; finished videos go to `out`."""

    requests: list[dict[str, Any]]
    seats: int
    poll: float
    out: str
    base_url: str
    redis: str

    @property
    def folder(self) -> Path:
        """Where the videos go; made when it is missing."""
        folder = Path(self.out)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def order() -> Order:
    """The order whose file is named on the command line."""
    return Order(**json.loads(Path(sys.argv[1]).read_text()))
