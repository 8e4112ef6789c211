"""Points of a grid of which few cover it: spread out together, and of each dimension each place equally often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from jobs.sweeps.diagram import Lengths
from jobs.sweeps.shuffling import Spread

LONGEST_BLOCK = 64
"""Up to how many places a dimension is kept exactly even. A longer one is even by the points alone."""

MOST_BESIDE = 24
"""How many cells are looked at in place of one that is taken already."""


class Balanced:
    """Cells of a grid by their place in an order without end; a cell may come again.

    The points are those of `Spread`. Of a dimension of k places (or as many as its weights come to), each k points that
    follow each other are put in the order of where they lie, and get one place each.
    """

    def __init__(self, lengths: Sequence[Lengths], key: str) -> None:
        self._lengths = tuple(lengths)
        self._points = Spread(len(self._lengths), key)
        self._counts: list[Counter[int]] = [Counter() for _ in self._lengths]
        self._blocks: list[tuple[int, list[int]]] = [(-1, [])] * len(self._lengths)

    def __getitem__(self, index: int) -> list[int]:
        """The places of the cell at `index`."""
        point = self._points[index]
        return [
            each.place_at(
                self._in_block(at, index, each.total) if each.total <= LONGEST_BLOCK else part * each.total >> 64
            )
            for at, (each, part) in enumerate(zip(self._lengths, point, strict=True))
        ]

    def count(self, cell: Sequence[int]) -> None:
        """Note that this cell is taken."""
        for counts, place in zip(self._counts, cell, strict=True):
            counts[place] += 1

    def beside(self, cell: Sequence[int]) -> Iterator[list[int]]:
        """Some cells to take in place of this one, which differ from it in one dimension: where that keeps the
        dimension most even first."""
        options = []
        for at, each in enumerate(self._lengths):
            if each.total > LONGEST_BLOCK:
                continue
            for place in range(each.count):
                weight = each.until(place + 1) - each.until(place)
                share = self._counts[at][place] * each.total * 1_000 // weight
                options.append((share, at, place))
        for _, at, place in sorted(options)[:MOST_BESIDE]:
            if place != cell[at]:
                yield [*cell[:at], place, *cell[at + 1 :]]

    def _in_block(self, at: int, index: int, size: int) -> int:
        block, step = divmod(index, size)
        known, ranks = self._blocks[at]
        if known != block:
            parts = [(self._points[block * size + each][at], each) for each in range(size)]
            ranks = [0] * size
            for rank, (_, each) in enumerate(sorted(parts)):
                ranks[each] = rank
            self._blocks[at] = (block, ranks)
        return ranks[step]
