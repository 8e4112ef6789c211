"""Which takes of a batch are where: those that merely wait are not stored, so they are what is left of a range."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workers.engine.states import ORPHANS, State


@dataclass(frozen=True)
class Census:
    """The takes of a batch at one moment. `done` is the bitmap, `elsewhere` the state of each take that has one."""

    done: bytes
    elsewhere: Mapping[int, State]

    def counted(self, ranges: Iterable[tuple[int, int]]) -> Counter[State]:
        """How many takes of these ranges of indices (from, up to) are in each state. No range may overlap another."""
        found: Counter[State] = Counter()
        parts = list(ranges)
        for start, end in parts:
            found[State.DONE] += self._done_within(start, end)
        for index, state in self.elsewhere.items():
            if index < ORPHANS and any(start <= index < end for start, end in parts):
                found[state] += 1
        found[State.WAITING] = sum(end - start for start, end in parts) - found.total()
        return found

    def state(self, index: int) -> State:
        """The state of one take."""
        if self._done_within(index, index + 1):
            return State.DONE
        return self.elsewhere.get(index, State.WAITING)

    def _done_within(self, start: int, end: int) -> int:
        first, last = start // 8, min(-(-end // 8), len(self.done))
        if last <= first:
            return 0
        bits = int.from_bytes(self.done[first:last], "big")
        length = (last - first) * 8
        bits &= (1 << max(0, length - (start - first * 8))) - 1  # those before the start
        return (bits >> max(0, first * 8 + length - end)).bit_count()
