"""A manifest as far as it could be read."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobs.errors import ManifestError
from jobs.faults import Loc
from jobs.manifest import Defaults, Manifest, Shot
from jobs.reading.document import Document
from jobs.tables import TableShots
from jobs.takes import LastFrame


@dataclass
class Draft:
    """A manifest as far as it could be read.

    `manifest` is there when nothing was wrong. `providers` are there if all of them are known ones; `model` is None
    unless one of them has it, and `batch`, its name, and `last_frame`, the batch's, unless they are given and right.
    `shots` holds, by its place, every shot that is one; those in `damaged` lack what was wrong with them, and
    so may the defaults. `table` is the one that the shots come from, if they do.
    """

    document: Document
    batch: str | None = None
    providers: tuple[str, ...] = ()
    model: str | None = None
    last_frame: LastFrame | None = None
    defaults: Defaults = field(default_factory=Defaults)
    shots: dict[int, Shot] = field(default_factory=dict)
    table: TableShots | None = None
    damaged: set[int] = field(default_factory=set)
    defaults_damaged: bool = False
    manifest: Manifest | None = None

    def error(self) -> ManifestError:
        """Everything that was found, in file order."""
        found = sorted(
            self.document.problems.items(), key=lambda item: (item[1].file or "", item[1].line or 0, _shot_of(item[0]))
        )
        return ManifestError(self.document.source, (problem for _, problem in found))

    def whole(self) -> Manifest:
        """The manifest. Raises `ManifestError` when anything is wrong with it."""
        if self.manifest is None or self.document.problems:
            raise self.error()
        return self.manifest


def _shot_of(loc: Loc) -> int:
    return loc[1] if len(loc) > 1 and loc[0] == "shots" and isinstance(loc[1], int) else -1
