"""A link: what a take takes up of a take of another shot, as it is written: `opening[seed=3].last_frame`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, cast

from jobs.faults import shown
from jobs.fields.references import Medium

TakeFile = Literal["last_frame", "video"]

MEDIUM_OF: Mapping[TakeFile, Medium] = MappingProxyType({"last_frame": "image", "video": "video"})
"""What can be taken up of a take, and of which medium it is."""

_LINK = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*)(?:\[([^\[\]]*)\])?\.(last_frame|video)", re.ASCII)
_CHOSEN = re.compile(r"\s*(\w+)\s*=\s*(.*?)\s*")
_TAKE = re.compile(r"take:([0-9a-f]{64})\.(last_frame|video)")


@dataclass(frozen=True, slots=True)
class Link:
    """What is taken up of which shot. `where` has for some of its axes the value that is meant, as text."""

    shot: str
    file: TakeFile
    where: tuple[tuple[str, str], ...] = ()

    @property
    def medium(self) -> Medium:
        """Of which medium it is."""
        return MEDIUM_OF[self.file]


@lru_cache(maxsize=1024)
def read_link(written: str) -> Link:
    """The link that `written` is. Raises ValueError, saying how one is written."""
    found = _LINK.fullmatch(written)
    if found is None:
        raise ValueError(f"{shown(written)} is no link to another shot; one is written opening.last_frame")
    where: dict[str, str] = {}
    for part in [] if found[2] is None else found[2].split(","):
        chosen = _CHOSEN.fullmatch(part)
        if chosen is None or not chosen[2]:
            raise ValueError(
                f"{shown(written)}: in [ ] stands which take is meant, as in {found[1]}[seed=3].{found[3]}"
            )
        if chosen[1] in where:
            raise ValueError(f"{shown(written)} gives {chosen[1]} twice; keep one")
        where[chosen[1]] = chosen[2]
    return Link(found[1], cast("TakeFile", found[3]), tuple(where.items()))


def named(identity: str, file: TakeFile) -> str:
    """How a take's request names the file of another take: by what that one asks, and by no name."""
    return f"take:{identity}.{file}"


def file_of(reference: str) -> TakeFile:
    """Which file of a take `reference`, as `named` made it, is."""
    found = _TAKE.fullmatch(reference)
    assert found is not None, reference
    return cast("TakeFile", found[2])
