"""Which cells of a grid are left by rules, by rank, without laying any of them out.

A rule is a box: for each dimension the places that it is about. The diagram reads a cell dimension by dimension and
keeps, at each, only which rules still match. Cells that differ in nothing that a rule looks at share their node, so its
size depends on the rules and not on the grid. It gives the number of cells, the cell of a rank, in the order of the
grid, and the rank of a cell.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import accumulate, product

from jobs.sweeps.picks import Picks, common, merged, size

Box = tuple[Picks | None, ...]
"""For each dimension the places that a rule is about; None is all of them."""

MOST_NODES = 20_000
MOST_SPANS = 500_000
"""How large a diagram may grow. Rules that need more cut the grid into more pieces than anyone can have meant."""


class TooManyPieces(ValueError):
    """The rules cut the grid into more pieces than are kept."""


class Lengths:
    """How much each place of a dimension counts for: 1, or by its weight."""

    def __init__(self, count: int, weights: Sequence[int] | None = None) -> None:
        self.count = count
        self._until = None if weights is None else [0, *accumulate(weights)]
        self.total = count if self._until is None else self._until[-1]

    def until(self, place: int) -> int:
        """How much all places before `place` count for."""
        return place if self._until is None else self._until[place]

    def place_at(self, offset: int) -> int:
        """The place in which `offset`, from 0 to `total` - 1, lies."""
        return offset if self._until is None else bisect_right(self._until, offset) - 1


class _Node:
    """One state before one dimension: spans of its places, what follows after each, and how much comes before it."""

    __slots__ = ("before", "children", "ends", "starts", "total")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.children: list[_Node | None] = []
        self.before: list[int] = []
        self.total = 0


_Alive = tuple[frozenset[int] | None, frozenset[int]]
"""Which of the include rules still match (None: it is included, whatever comes), and which of the exclude rules."""


class Diagram:
    """The cells of a grid that match any of `include` (where it is not None) and none of `exclude`.

    `lengths` are the grid's dimensions; with weights among them, a cell counts for the product of its weights. Raises
    `TooManyPieces`.
    """

    def __init__(
        self, lengths: Sequence[Lengths], include: Sequence[Box] | None = None, exclude: Sequence[Box] = ()
    ) -> None:
        self.lengths = tuple(lengths)
        self._include = tuple(include or ())
        self._exclude = tuple(exclude)
        self._tails = [1]
        for each in reversed(self.lengths):
            self._tails.append(self._tails[-1] * each.total)
        self._tails.reverse()
        # The first dimension from which on a rule is about everything: if it matched so far, it matches.
        self._settled = [[_settled_at(box) for box in boxes] for boxes in (self._include, self._exclude)]
        self._known: list[dict[_Alive, _Node | None]] = [{} for _ in self.lengths]
        self._pieces = 0
        self._root = self._follow(
            0, None if include is None else frozenset(range(len(self._include))), frozenset(range(len(self._exclude)))
        )
        self.total = self._total(self._root, 0)
        """How many cells are left; with weights, what they count for together."""

    @property
    def whole(self) -> bool:
        """Whether no cell is left out."""
        return self._root is _FULL

    def cell(self, rank: int) -> tuple[int, ...]:
        """The places of the cell at `rank`; with weights, of the one in which `rank` lies."""
        node: _Node | None = self._root
        found: list[int] = []
        for at, lengths in enumerate(self.lengths):
            if node is _FULL or node is None:
                offset, rank = divmod(rank, self._tails[at + 1])
                place = lengths.place_at(offset)
                child: _Node | None = _FULL
            else:
                span = bisect_right(node.before, rank) - 1
                child = node.children[span]
                offset, rank = divmod(rank - node.before[span], self._total(child, at + 1))
                place = lengths.place_at(lengths.until(node.starts[span]) + offset)
            found.append(place)
            node = child
        return tuple(found)

    def rank(self, cell: Sequence[int]) -> int | None:
        """The rank of the cell with these places, or None when it is left out. Only without weights."""
        node, rank = self._root, 0
        for at, place in enumerate(cell):
            if node is None:
                return None
            if node is _FULL:
                rank += place * self._tails[at + 1]
                continue
            span = bisect_right(node.starts, place) - 1
            if span < 0 or place >= node.ends[span]:
                return None
            child = node.children[span]
            rank += node.before[span] + (place - node.starts[span]) * self._total(child, at + 1)
            node = child
        return None if node is None else rank

    def occurring(self, given: Box | None = None) -> list[Picks]:
        """For each dimension the places that occur in the cells that are left, of those that `given` is about."""
        box: Box = given or (None,) * len(self.lengths)
        reaching: dict[tuple[int, int], bool] = {}

        def reaches(node: _Node | None, at: int) -> bool:
            if node is None:
                return False
            if at == len(self.lengths):
                return True
            key = (at, id(node))
            if key not in reaching:
                reaching[key] = any(reaches(child, at + 1) for _, child in self._spans(node, at, box[at]))
            return reaching[key]

        found: list[Picks] = []
        level: dict[int, _Node] = {} if self._root is None else {id(self._root): self._root}
        for at in range(len(self.lengths)):
            spans: list[tuple[int, int]] = []
            following: dict[int, _Node] = {}
            for node in level.values():
                for piece, child in self._spans(node, at, box[at]):
                    if child is not None and reaches(child, at + 1):
                        spans += piece
                        following[id(child)] = child
            found.append(merged(spans))
            level = following
        return found

    def tally(self, keys: Sequence[Callable[[int], Hashable] | None]) -> dict[tuple[Hashable, ...], int]:
        """How many cells are left, by the keys of their places; a dimension whose key is None isn't told apart.

        Each place of a dimension that has a key is looked at, so those must be few. Only without weights.
        """
        known: dict[tuple[int, int], dict[tuple[Hashable, ...], int]] = {}

        def of(node: _Node | None, at: int) -> dict[tuple[Hashable, ...], int]:
            if node is None:
                return {}
            if at == len(self.lengths):
                return {(): 1}
            if (at, id(node)) in known:
                return known[at, id(node)]
            found: dict[tuple[Hashable, ...], int] = {}
            key = keys[at]
            for piece, child in self._spans(node, at, None):
                following = of(child, at + 1)
                here = (
                    {(): size(piece)}
                    if key is None
                    else Counter((key(place),) for start, end in piece for place in range(start, end))
                )
                for (mine, count), (theirs, others) in product(here.items(), following.items()):
                    found[mine + theirs] = found.get(mine + theirs, 0) + count * others
            known[at, id(node)] = found
            return found

        return of(self._root, 0)

    def _spans(self, node: _Node, at: int, given: Picks | None) -> Iterator[tuple[Picks, _Node | None]]:
        """What follows after which places at a node, of those that are `given`."""
        if node is _FULL:
            yield (((0, self.lengths[at].count),) if given is None else given), _FULL
            return
        for start, end, child in zip(node.starts, node.ends, node.children, strict=True):
            piece: Picks = ((start, end),)
            piece = piece if given is None else common(piece, given)
            if piece:
                yield piece, child

    def _total(self, node: _Node | None, at: int) -> int:
        if node is None:
            return 0
        return self._tails[at] if node is _FULL else node.total

    def _follow(self, at: int, include: frozenset[int] | None, exclude: frozenset[int]) -> _Node | None:
        """What is left from dimension `at` on, while these rules match."""
        includes, excludes = self._settled
        if any(excludes[rule] <= at for rule in exclude):
            return None
        if include is not None:
            if not include:
                return None
            if any(includes[rule] <= at for rule in include):
                include = None
        if include is None and not exclude:
            return _FULL
        known = self._known[at]
        state = (include, exclude)
        if state not in known:
            known[state] = self._node(at, include, exclude)
        return known[state]

    def _node(self, at: int, include: frozenset[int] | None, exclude: frozenset[int]) -> _Node | None:
        kept = (include or frozenset(), exclude)
        cuts: dict[int, list[tuple[int, int, bool]]] = {0: []}
        throughout: tuple[set[int], set[int]] = (set(), set())
        for kind, (boxes, rules) in enumerate(zip((self._include, self._exclude), kept, strict=True)):
            for rule in rules:
                picks = boxes[rule][at]
                if picks is None:
                    throughout[kind].add(rule)
                    continue
                self._pieces += len(picks)
                for start, end in picks:
                    cuts.setdefault(start, []).append((kind, rule, True))
                    cuts.setdefault(end, []).append((kind, rule, False))
        if self._pieces > MOST_SPANS or sum(map(len, self._known)) > MOST_NODES:
            raise TooManyPieces
        node = _Node()
        edges = sorted(cuts)
        alive = (set(throughout[0]), set(throughout[1]))
        for edge, following in zip(edges, [*edges[1:], self.lengths[at].count], strict=True):
            for kind, rule, begins in cuts[edge]:
                (alive[kind].add if begins else alive[kind].discard)(rule)
            if edge >= following:
                continue
            child = self._follow(at + 1, None if include is None else frozenset(alive[0]), frozenset(alive[1]))
            self._add(node, at, edge, following, child)
        return node if node.total else None

    def _add(self, node: _Node, at: int, start: int, end: int, child: _Node | None) -> None:
        each = self._total(child, at + 1)
        if not each:
            return
        if node.ends and node.ends[-1] == start and node.children[-1] is child:
            node.ends[-1] = end
        else:
            node.starts.append(start)
            node.ends.append(end)
            node.children.append(child)
            node.before.append(node.total)
        node.total += (self.lengths[at].until(end) - self.lengths[at].until(start)) * each


def _settled_at(box: Box) -> int:
    return next((at + 1 for at in reversed(range(len(box))) if box[at] is not None), 0)


_FULL = _Node()
"""Everything that can follow."""
