"""Axes and the space that they span."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.faults import Loc
from jobs.sweeps import Axis, Listed, Range, Space, Written, axis
from jobs.sweeps.picks import Picks
from jobs.takes import AxisValue


class CountedAxis(Axis):
    """An axis that notes which of its values were asked for."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.asked: list[int] = []

    @property
    def count(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> AxisValue:
        self.asked.append(index)
        return index

    def samples(self, picks: Picks | None = None) -> Iterator[tuple[Loc, AxisValue]]:
        raise AssertionError("a cell was asked for, not a sample")

    def matching(self, wanted: Sequence[AxisValue]) -> Picks:
        raise AssertionError("a cell was asked for, not a value")

    def written(self) -> Written:
        raise AssertionError("a cell was asked for, not the writing")


def test_one_cell_of_a_million_touches_no_other() -> None:
    axes = {"a": CountedAxis(100), "b": CountedAxis(100), "c": CountedAxis(100)}
    assert Space(axes)[734_112] == {"a": 73, "b": 41, "c": 12}
    assert [each.asked for each in axes.values()] == [[73], [41], [12]]


def test_a_range_of_a_thousand_million_is_never_laid_out() -> None:
    space = Space({"word": axis(("a", "b")), "seed": axis("1..1000000000")})
    assert space.count == len(space) == 2_000_000_000
    assert space[1_999_999_999] == {"word": "b", "seed": 1_000_000_000}


def test_counts_beyond_what_len_can_say() -> None:
    space = Space({"a": axis(f"1..{10**30}")})
    assert space.count == 10**30
    assert space[10**30 - 1] == {"a": 10**30}


@given(st.lists(st.integers(1, 4), max_size=4))
def test_a_space_is_the_product_of_its_axes_in_order(counts: list[int]) -> None:
    names = [f"axis{at}" for at in range(len(counts))]
    space = Space({name: Range(1, count) for name, count in zip(names, counts, strict=True)})
    laid_out = [dict(zip(names, cell, strict=True)) for cell in product(*(range(1, count + 1) for count in counts))]
    assert [space[index] for index in range(space.count)] == laid_out
    for outside in (-1, space.count):
        with pytest.raises(IndexError):
            space[outside]


@given(st.integers(-(10**20), 10**20), st.integers(0, 10**20), st.data())
def test_a_range_by_its_places(first: int, width: int, data: st.DataObject) -> None:
    found = axis(f" {first} .. {first + width} ")
    assert found.count == width + 1
    place = data.draw(st.integers(0, width))
    assert found[place] == first + place
    assert found.written() == f"{first}..{first + width}"


@pytest.mark.parametrize("values", [Listed((1, 2)), Range(1, 2)])
def test_an_axis_has_nothing_outside(values: Axis) -> None:
    for outside in (-1, 2):
        with pytest.raises(IndexError):
            values[outside]


@pytest.mark.parametrize(
    "written", ["1", "1..", "..3", "a..b", "1.5..3", "1..2..3", "", "8..1", "1..9:0", "1..9:-2", "0.1..0.5"]
)
def test_what_is_no_range(written: str) -> None:
    with pytest.raises(ValueError, match=r"\.\."):
        axis(written)
