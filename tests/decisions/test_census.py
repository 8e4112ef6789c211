"""Counting takes that are not stored."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from workers.engine.census import Census
from workers.engine.states import ORPHANS, State

LENGTH = 70


def bitmap(done: set[int]) -> bytes:
    """As Redis keeps it: the first take is the highest bit of the first byte."""
    found = bytearray(max(done, default=-1) // 8 + 1)
    for index in done:
        found[index // 8] |= 0x80 >> (index % 8)
    return bytes(found)


@given(
    done=st.sets(st.integers(0, LENGTH - 1)),
    elsewhere=st.dictionaries(st.integers(0, LENGTH - 1), st.sampled_from([State.FAILED, State.RENDERING])),
    cuts=st.lists(st.integers(0, LENGTH), min_size=2, max_size=6),
)
def test_every_take_of_the_ranges_is_counted_once(done: set[int], elsewhere: dict[int, State], cuts: list[int]) -> None:
    done -= elsewhere.keys()
    census = Census(bitmap(done), {**elsewhere, ORPHANS + 1: State.RENDERING})
    cuts.sort()
    ranges = list(zip(cuts[::2], cuts[1::2], strict=False))
    expected = Counter(
        State.DONE if index in done else elsewhere.get(index, State.WAITING)
        for start, end in ranges
        for index in range(start, end)
    )
    assert +census.counted(ranges) == expected
    for index in range(LENGTH):
        assert census.state(index) is (State.DONE if index in done else elsewhere.get(index, State.WAITING))
