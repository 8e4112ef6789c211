"""The parents of a take, by its index and nothing else: which takes of other shots it takes up a file of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.chains.graph import written_links
from jobs.chains.links import TakeFile, named, read_link
from jobs.chains.pairing import Finder, shared_names
from jobs.fields.references import MEDIA, kind_of
from jobs.fields.templates import as_text
from jobs.sweeps.space import Space
from jobs.takes import Asked, AxisValue

if TYPE_CHECKING:
    from jobs.takes.strands import Strand


@dataclass(frozen=True, slots=True)
class Parent:
    """A take whose `file` is taken up. `index` is its place in the batch; `reference` is what the request calls it."""

    index: int
    file: TakeFile
    reference: str


class Chained:
    """How the takes of one strand hang on those of others.

    `strand_of` gives the strand of a shot by its name, as it was when `strand` was made, and `identity` what the take
    at an index asks.
    """

    def __init__(self, strand: Strand, strand_of: Callable[[str], Strand], identity: Callable[[int], str]) -> None:
        self._strand = strand
        self._strand_of = strand_of
        self._identity = identity
        self._spaces: dict[str, Space] = {}
        self._finders: dict[tuple[str, tuple[str, ...]], Finder] = {}

    def resolved(self, asked: Asked, place: int, axes: Mapping[str, AxisValue]) -> Asked:
        """`asked` with each link in it replaced by what the request calls that file."""
        changed: dict[str, Any] = {}
        for field in MEDIA:
            given = getattr(asked, field)
            if isinstance(given, tuple):
                if any(kind_of(each) == "link" for each in given):
                    changed[field] = tuple(self._reference(each, place, axes) for each in given)
            elif given is not None and kind_of(given) == "link":
                changed[field] = self._reference(given, place, axes)
        return asked.with_checked(changed)

    def parents(self, asked: Asked, place: int, axes: Mapping[str, AxisValue]) -> tuple[Parent, ...]:
        """What the take at `place` of the strand takes up, each once; `asked` is as the manifest has it."""
        found: dict[Parent, None] = {}
        for written in _links_of(asked):
            index, file = self._taken_up(written, place, axes)
            found[Parent(index, file, named(self._identity(index), file))] = None
        return tuple(found)

    def _reference(self, written: str, place: int, axes: Mapping[str, AxisValue]) -> str:
        if kind_of(written) != "link":
            return written
        index, file = self._taken_up(written, place, axes)
        return named(self._identity(index), file)

    def _taken_up(self, written: str, place: int, axes: Mapping[str, AxisValue]) -> tuple[int, TakeFile]:
        link = read_link(written)
        parent = self._strand_of(link.shot)
        each = self._strand.shot.each
        if each is not None and link.shot == self._strand.shot.for_each:
            return parent.start + place // (self._strand.count // each.count), link.file
        space = self._spaces.get(link.shot)
        if space is None:
            space = self._spaces[link.shot] = parent.shot.space(parent.manifest.batch)
        shared = shared_names(space, axes, link)
        chosen = dict(link.where)
        names = (*shared, *chosen)
        finder = self._finders.get((link.shot, names))
        if finder is None:
            finder = self._finders[link.shot, names] = Finder(space, names)
        values = {**{name: as_text(axes[name]) for name in shared}, **chosen}
        return parent.start + finder.place(values), link.file


def is_chained(strand: Strand) -> bool:
    """Whether takes of the strand take up files of others."""
    return any(True for _ in written_links(strand.manifest.defaults, strand.shot))


def _links_of(asked: Asked) -> Iterator[str]:
    for field in MEDIA:
        given = getattr(asked, field)
        for each in given if isinstance(given, tuple) else () if given is None else (given,):
            if kind_of(each) == "link":
                yield each
