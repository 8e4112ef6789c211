"""Samples: which cells of a space are taken, in an order that a key decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from jobs.sweeps.balance import Balanced
from jobs.sweeps.diagram import Diagram, Lengths
from jobs.sweeps.shuffling import Permutation, Spread
from jobs.sweeps.terms import NoSpace, Term

MOST_PICKED = 100_000
"""The most that a sample by weights, or one that is spread, may hold: those are drawn one after the other."""

MOST_TRIED = 500_000
MOST_MISSED = 200
"""How many cells are tried for a sample in all, and how many in a row that are taken already or left out. What it lacks
then is drawn without regard to weights and spread."""

LARGEST_SAMPLED = 10**30
"""The largest sweep that a sample may be taken of."""

How = Literal["random", "spread"]


@dataclass(frozen=True, slots=True)
class Sample:
    """Which cells are taken: `n` of them, in an order that `key` decides. A larger `n` begins as a smaller one does."""

    n: int
    how: How
    key: str


def chosen(terms: Sequence[Term], starts: Sequence[int], cells: int, sample: Sample) -> Permutation | Drawn:
    """The ranks that `sample` takes of `cells` cells in `terms`, of which each starts at its place in `starts`.

    Raises `NoSpace` when it can't be taken.
    """
    if cells > LARGEST_SAMPLED:
        raise NoSpace("a sample is taken of at most 10^30 cells; make the axes shorter")
    if sample.n > cells:
        raise NoSpace(f"a sample of {sample.n:,} can't be taken of {cells:,} cells; sample {cells:,} or fewer")
    weighed = [term.weighed() for term in terms]
    if sample.how == "random" and all(each is None for each in weighed):
        return Permutation(cells, sample.key)
    if sample.n > MOST_PICKED:
        what = "by weights" if sample.how == "random" else "that is spread"
        raise NoSpace(f"a sample {what} may hold {MOST_PICKED:,} cells; this one has {sample.n:,}")
    return Drawn(terms, starts, cells, sample, weighed)


class Drawn:
    """A sample that is drawn one by one. It is drawn when it is first needed."""

    def __init__(
        self,
        terms: Sequence[Term],
        starts: Sequence[int],
        cells: int,
        sample: Sample,
        weighed: Sequence[Diagram | None],
    ) -> None:
        self._terms, self._starts, self._cells = list(terms), list(starts), cells
        self._sample = sample
        self._weighed = weighed
        self._ranks: list[int] | None = None

    def __getitem__(self, index: int) -> int:
        if self._ranks is None:
            self._ranks = list(self._drawn())
        return self._ranks[index]

    def _drawn(self) -> Iterator[int]:
        found: dict[int, None] = {}
        order = self._spread() if self._sample.how == "spread" else self._by_weight()
        missed = 0
        for rank in order:
            missed = missed + 1 if rank is None or rank in found else 0
            # When to stop may not depend on how many are wanted, or a larger sample would begin in another way.
            if missed > MOST_MISSED:
                break
            if rank is not None:
                found[rank] = None
                if len(found) == self._sample.n:
                    return iter(found)
        # What is left is hit too seldom to be waited for.
        rest = Permutation(self._cells, self._sample.key)
        for at in range(self._cells):
            found[rest[at]] = None
            if len(found) == self._sample.n:
                break
        return iter(found)

    def _by_weight(self) -> Iterator[int | None]:
        """Tickets, as many for each cell as it weighs, in a shuffled order."""
        diagrams = [each or term.diagram for each, term in zip(self._weighed, self._terms, strict=True)]
        starts = running(each.total for each in diagrams)
        tickets = starts.pop()
        order = Permutation(tickets, self._sample.key)
        for at in range(min(tickets, MOST_TRIED)):
            ticket = order[at]
            which = span(starts, ticket)
            yield self._rank(which, diagrams[which].cell(ticket - starts[which]))

    def _spread(self) -> Iterator[int | None]:
        key = self._sample.key
        # Which term comes next is spread too, and each has its own points.
        terms = Spread(1, key)
        grids = [
            Balanced([Lengths(each.count, each.weights) for each in term.dimensions], f"{at}:{key}")
            for at, term in enumerate(self._terms)
        ]
        drawn = [0] * len(grids)
        taken: set[int] = set()
        for at in range(MOST_TRIED):
            which = span(self._starts, terms[at][0] * self._cells >> 64)
            grid = grids[which]
            cell = grid[drawn[which]]
            drawn[which] += 1
            rank = self._rank(which, cell)
            if rank is None or rank in taken:
                moved = ((self._rank(which, each), each) for each in grid.beside(cell))
                rank, cell = next(((r, each) for r, each in moved if r is not None and r not in taken), (None, cell))
            if rank is not None:
                taken.add(rank)
                grid.count(cell)
            yield rank

    def _rank(self, which: int, places: Sequence[int]) -> int | None:
        rank = self._terms[which].rank(places)
        return None if rank is None else self._starts[which] + rank


def running(counts: Iterable[int]) -> list[int]:
    """The sums of the first none, one, two... of `counts`."""
    found = [0]
    for count in counts:
        found.append(found[-1] + count)
    return found


def span(starts: Sequence[int], rank: int) -> int:
    """In which of the spans that begin at `starts` a rank lies."""
    low, high = 0, len(starts)
    while high - low > 1:
        middle = (low + high) // 2
        if starts[middle] <= rank:
            low = middle
        else:
            high = middle
    return low
