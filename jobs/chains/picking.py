"""Which takes wait until a person has picked among those that they hang on. No take is laid out where that can be told
by whole ranges, as for a shot that promotes another one or is rendered for each of its takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from jobs.chains.graph import parents_of, picking_shots, written_links
from jobs.sweeps.picks import Picks, common, merged

if TYPE_CHECKING:
    from jobs.takes.expansion import Expansion
    from jobs.takes.strands import Strand


def awaiting(expansion: Expansion, picked: Sequence[tuple[int, int]]) -> Picks:
    """Where the live takes are that wait for a pick, by index; `picked` is where those are that a person has picked."""
    manifest = expansion.manifest
    asked = picking_shots(manifest.shots)
    if not asked:
        return ()
    return _Awaiting(expansion, asked, merged(picked)).ranges()


def to_pick_from(expansion: Expansion) -> tuple[Strand, ...]:
    """The strands that hold now, of whose takes a person has to pick."""
    asked = picking_shots(expansion.manifest.shots)
    return tuple(strand for strand in _live(expansion) if strand.shot.name in asked)


def carried(expansion: Expansion, picked: Sequence[tuple[int, int]], most: int) -> Picks:
    """What is picked once the manifest that holds is another one: of what is asked for no more, the takes that ask for
    the same. Only of up to `most` takes in all that can be picked."""
    live = [(strand.start, strand.end) for strand in to_pick_from(expansion)]
    kept = common(merged(picked), merged(live))
    gone = [index for start, end in _without(merged(picked), kept) for index in range(start, end)]
    if not gone or sum(end - start for start, end in live) > most:
        return kept
    wanted = {expansion.identity(index) for index in gone[:most] if index < expansion.total}
    found = [index for start, end in live for index in range(start, end) if expansion.identity(index) in wanted]
    return merged([*kept, *((index, index + 1) for index in found)])


class _Awaiting:
    def __init__(self, expansion: Expansion, asked: frozenset[str], picked: Picks) -> None:
        self._expansion = expansion
        self._asked = asked
        self._picked = picked
        self._strands = {strand.shot.name: strand for strand in _live(expansion)}
        self._free: dict[str, Picks] = {}

    def ranges(self) -> Picks:
        return merged(
            each
            for name, strand in self._strands.items()
            for each in _without(((strand.start, strand.end),), self._let_go(name))
        )

    def _let_go(self, name: str) -> Picks:
        """The takes of a shot that wait for no pick."""
        if name not in self._free:
            self._free[name] = self._reckoned(self._strands[name])
        return self._free[name]

    def _usable(self, name: str) -> Picks:
        """The takes of a shot that others may take something up of."""
        free = self._let_go(name)
        return common(free, self._picked) if name in self._asked else free

    def _reckoned(self, strand: Strand) -> Picks:
        shot, defaults = strand.shot, strand.manifest.defaults
        found: Picks = ((strand.start, strand.end),)
        for name, each in ((shot.promote, 1), (shot.for_each, 0)):
            if name is not None:
                source = self._strands[name]
                times = each or strand.count // source.count
                usable = common(self._usable(name), ((source.start, source.end),))
                found = common(found, merged(_scaled(usable, source.start, strand.start, times)))
        rest = {written.link.shot for written in written_links(defaults, shot)} - {shot.for_each}
        held = {name: self._usable(name) for name in rest & set(parents_of(defaults, shot))}
        held = {name: usable for name, usable in held.items() if not self._all_of(name, usable)}
        if not all(held.values()):
            return ()
        return merged(self._looked_at(found, held)) if held else found

    def _all_of(self, name: str, usable: Picks) -> bool:
        strand = self._strands[name]
        return usable == ((strand.start, strand.end),)

    def _looked_at(self, ranges: Picks, held: dict[str, Picks]) -> Iterator[tuple[int, int]]:
        usable = {index for picks in held.values() for start, end in picks for index in range(start, end)}
        among = [(self._strands[name].start, self._strands[name].end) for name in held]
        for start, end in ranges:
            for index in range(start, end):
                parents = [parent.index for parent in self._expansion.parents(index)]
                hang = [at for at in parents if any(first <= at < last for first, last in among)]
                if all(at in usable for at in hang):
                    yield index, index + 1


def _scaled(ranges: Picks, start: int, to: int, times: int) -> Iterator[tuple[int, int]]:
    for first, last in ranges:
        yield to + (first - start) * times, to + (last - start) * times


def _without(ranges: Picks, others: Picks) -> Iterator[tuple[int, int]]:
    """The places of `ranges` that aren't in `others`."""
    for start, end in ranges:
        at = start
        for first, last in common(((start, end),), others):
            if at < first:
                yield at, first
            at = last
        if at < end:
            yield at, end


def _live(expansion: Expansion) -> Iterator[Strand]:
    return (strand for strand in expansion.lineage.strands() if expansion.is_live(strand.start))
