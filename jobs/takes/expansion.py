"""From a manifest to its takes, any one of them without the others.

A take is a function of the manifests that its batch has had and an index. So a waiting take needs no memory at all, and
the last of a million costs what the first does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property, lru_cache

from jobs.chains.graph import depths
from jobs.chains.parents import Chained, Parent, is_chained
from jobs.fields.readers import READERS, REFERENCES
from jobs.fields.templates import Template
from jobs.manifest import Manifest
from jobs.sweeps.space import REPEAT, Space
from jobs.takes import Asked, AxisValue, Take
from jobs.takes.identities import MOST_PROMPTS, Identities
from jobs.takes.lineage import Lineage
from jobs.takes.naming import parse_take_name, strand_folder, take_name
from jobs.takes.spans import Span, merged
from jobs.takes.strands import Strand, common_fields, live_digests

MOST_PARENTS = 4096
"""How many identities of takes that others take up are kept at hand."""


class Expansion:
    """All takes that a batch has had; of one manifest alone, all of its takes.

    They have the indices from 0 to `total`. Live are those of the current manifest; the others, of shots that were
    changed or taken away since, are withdrawn. Each is there by its index and its name for ever.
    """

    def __init__(self, source: Manifest | Lineage) -> None:
        lineage = Lineage.of(source) if isinstance(source, Manifest) else source
        self.lineage = lineage
        self.manifest = lineage.current
        """The manifest that holds."""
        self._by_shot: dict[int, dict[str, Strand]] = {}
        self._grids = [_Grid(strand, self) for strand in lineage.strands()]
        self._starts = [grid.strand.start for grid in self._grids]
        self.total = self._grids[-1].strand.end
        """How many takes there are, the withdrawn ones too."""
        self._by_folder = {grid.folder: grid for grid in self._grids}
        by_digest = {grid.strand.digest: grid for grid in self._grids}
        self._live = [by_digest[digest] for digest in live_digests(self.manifest)]
        self._live_starts = {grid.strand.start for grid in self._live}
        depth = depths(self.manifest.shots, self.manifest.defaults)
        first = sorted(self._live, key=lambda grid: -depth[grid.strand.shot.name])
        self.live = merged(Span(at.strand.start, at.strand.end, at.priority) for at in first)
        """The live takes: those upon which most others follow, one upon the other, first, and in the order of the
        manifest among equals. So a take comes after those that it takes something up of."""
        self.chained = tuple((grid.strand.start, grid.strand.end) for grid in self._grids if is_chained(grid.strand))
        """Where takes are, live or withdrawn, that take up something of others: from an index up to another."""
        self.live_total = sum(grid.strand.count for grid in self._live)
        """How many takes are live."""

    def __len__(self) -> int:
        return self.total

    def __iter__(self) -> Iterator[Take]:
        """The live takes in the order of the manifest, shot by shot, in each the last axis turning fastest."""
        for grid in self._live:
            for index in range(grid.strand.start, grid.strand.end):
                yield self[index]

    def __getitem__(self, index: int) -> Take:
        """The take at `index`, live or withdrawn. Raises IndexError where there is none."""
        if not 0 <= index < self.total:
            raise IndexError(f"take {index} of a batch of {self.total}")
        return self._grid_at(index).take(index)

    def identity(self, index: int) -> str:
        """`self[index].asked.identity()`, faster than by way of the take. Raises IndexError where there is none."""
        if not 0 <= index < self.total:
            raise IndexError(f"take {index} of a batch of {self.total}")
        return self._grid_at(index).identity(index)

    def parents(self, index: int) -> tuple[Parent, ...]:
        """What the take at `index` takes up of other takes of the batch. Raises IndexError where there is none."""
        if not 0 <= index < self.total:
            raise IndexError(f"take {index} of a batch of {self.total}")
        return self._grid_at(index).parents(index)

    def strand_beside(self, strand: Strand, shot: str) -> Strand:
        """The strand of `shot` in the manifest that `strand` is of."""
        beside = self._by_shot.get(id(strand.manifest))
        if beside is None:
            by_digest = {grid.strand.digest: grid.strand for grid in self._grids}
            digests = zip(live_digests(strand.manifest), strand.manifest.shots, strict=True)
            beside = self._by_shot[id(strand.manifest)] = {each.name: by_digest[digest] for digest, each in digests}
        return beside[shot]

    def is_live(self, index: int) -> bool:
        """Whether the take at `index` is one of the current manifest's. False where there is none."""
        return 0 <= index < self.total and self._grid_at(index).strand.start in self._live_starts

    def shot_span(self, shot: str) -> tuple[int, int] | None:
        """The first index of the live takes of `shot` and the one after the last, or None when there is no such shot
        in the current manifest."""
        found = next((grid.strand for grid in self._live if grid.strand.shot.name == shot), None)
        return None if found is None else (found.start, found.end)

    def first_of(self, at: int) -> Take:
        """The first take of the shot at `at` in the current manifest."""
        return self[self._live[at].strand.start]

    def find(self, name: str) -> int | None:
        """The index of the take called `name`, live or withdrawn, or None when no take is called exactly so."""
        parsed = parse_take_name(name)
        if parsed is None or parsed[0] not in self._by_folder:
            return None
        folder, number = parsed
        return self._by_folder[folder].find(number, name)

    def _grid_at(self, index: int) -> _Grid:
        # A shot has at least one take, so no two begin at the same index.
        return self._grids[bisect_right(self._starts, index) - 1]


class _Grid:
    """The takes of one strand: what they have in common, and the space of what they differ in.

    Most is made when it is first asked for: of many shots, a worker looks at few.
    """

    def __init__(self, strand: Strand, among: Expansion) -> None:
        self.strand = strand
        self._among = among
        self.folder = strand_folder(strand.shot.name, strand.edition)
        self.priority = strand.manifest.priority_of(strand.shot)
        self._repeated = strand.shot.repeat is not None
        self._last_frame = strand.last_frame
        self._retry_moderated = strand.manifest.retry_moderated_of(strand.shot)
        self._price = strand.manifest.price_of(strand.shot)
        self._parsed = lru_cache(MOST_PROMPTS)(Template.parse)

    @cached_property
    def _space(self) -> Space:
        return self.strand.shot.space(self.strand.manifest.batch)

    @cached_property
    def _template(self) -> Template | None:
        return None if self.strand.shot.prompt is None else Template.parse(self.strand.shot.prompt)

    @cached_property
    def _base(self) -> Asked:
        """Looked at once; what the axes give was looked at when the manifest was read."""
        common = common_fields(self.strand.manifest, self.strand.shot)
        return Asked.model_validate({"model": self.strand.manifest.model, **common, "prompt": "any"})

    @cached_property
    def _identities(self) -> Identities:
        return Identities(self._base, self._template)

    @cached_property
    def _chained(self) -> Chained | None:
        if not is_chained(self.strand):
            return None
        known = lru_cache(MOST_PARENTS)(self._among.identity)
        return Chained(self.strand, lambda shot: self._among.strand_beside(self.strand, shot), known)

    def parents(self, index: int) -> tuple[Parent, ...]:
        if self._chained is None:
            return ()
        cell = index - self.strand.start
        axes = self._space[cell]
        return self._chained.parents(self._as_written(axes), cell, axes)

    def take(self, index: int) -> Take:
        cell = index - self.strand.start
        axes = self._space[cell]
        return Take(
            batch=self.strand.manifest.batch,
            shot=self.strand.shot.name,
            index=index,
            number=cell + 1,
            name=self._name(cell + 1, axes),
            provider=self.strand.manifest.providers[0],
            providers=self.strand.manifest.providers,
            asked=self._asked(cell, axes),
            axes=axes,
            last_frame=self._last_frame,
            retry_moderated=self._retry_moderated,
            edition=self.strand.edition,
            price=self._price,
            priority=self.priority,
        )

    def identity(self, index: int) -> str:
        cell = index - self.strand.start
        axes = self._space[cell]
        return self._identities.of(axes) if self._chained is None else self._asked(cell, axes).identity()

    def find(self, number: int, name: str) -> int | None:
        if not 1 <= number <= self.strand.count or self._name(number, self._space[number - 1]) != name:
            return None
        return self.strand.start + number - 1

    def _name(self, number: int, axes: dict[str, AxisValue]) -> str:
        repeat = None
        if self._repeated:
            axes = dict(axes)
            repeat = axes.pop(REPEAT)
        shot, count, edition = self.strand.shot.name, self.strand.count, self.strand.edition
        return take_name(shot, number, count, axes, edition=edition, repeat=repeat)

    def _asked(self, cell: int, axes: dict[str, AxisValue]) -> Asked:
        asked = self._as_written(axes)
        return asked if self._chained is None else self._chained.resolved(asked, cell, axes)

    def _as_written(self, axes: dict[str, AxisValue]) -> Asked:
        fields: dict[str, object] = {}
        for name, value in axes.items():
            if name in REFERENCES:
                fields[name] = (value,)
            elif name in READERS:
                fields[name] = value
        template = self._template or self._parsed(str(axes["prompt"]))
        fields["prompt"] = template.fill(axes)
        return self._base.with_checked(fields)
