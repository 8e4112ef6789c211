"""Spans: cutting them anew loses no take, and has none twice."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.takes.spans import KEPT, Kept, Span, from_json, merged, recut, to_json

holds = st.sampled_from([None, "paused", "cancelled"])
priorities = st.integers(-2, 2)


@st.composite
def some_spans(draw: st.DrawFn) -> tuple[Span, ...]:
    """Apart from each other, in any order."""
    ends = sorted(draw(st.lists(st.integers(0, 40), min_size=2, max_size=12, unique=True)))
    spans = [Span(start, end, draw(priorities), draw(holds)) for start, end in itertools.pairwise(ends)]
    kept = draw(st.lists(st.sampled_from(spans), unique=True))
    return tuple(draw(st.permutations(kept)))


def laid_out(spans: tuple[Span, ...]) -> list[tuple[int, int, str | None]]:
    return [(index, span.priority, span.hold) for span in spans for index in range(span.start, span.end)]


@given(some_spans(), st.integers(-5, 45), st.integers(-5, 45), holds | st.just(KEPT), priorities | st.just(KEPT))
def test_a_part_is_changed_and_nothing_else(
    spans: tuple[Span, ...], start: int, end: int, hold: str | Kept | None, priority: int | Kept
) -> None:
    found = recut(spans, start, end, hold=hold, priority=priority)
    expected = [
        (
            index,
            old_priority if priority is KEPT or not start <= index < end else priority,
            old_hold if hold is KEPT or not start <= index < end else hold,
        )
        for index, old_priority, old_hold in laid_out(spans)
    ]
    assert laid_out(found) == expected
    assert all(span.start < span.end for span in found)
    assert merged(found) == found


@given(some_spans(), st.integers(0, 40), st.integers(0, 40))
def test_what_is_held_and_let_go_is_as_it_was(spans: tuple[Span, ...], start: int, end: int) -> None:
    free = recut(spans, 0, 41, hold=None)
    assert recut(recut(free, start, end, hold="paused"), start, end, hold=None) == free


def test_neighbours_that_are_alike_are_put_together() -> None:
    spans = (Span(0, 4), Span(4, 8, hold="paused"), Span(8, 9))
    assert recut(spans, 0, 9, hold=None) == (Span(0, 9),)
    assert recut(spans, 2, 6, priority=5) == (
        Span(0, 2),
        Span(2, 4, 5),
        Span(4, 6, 5, "paused"),
        Span(6, 8, 0, "paused"),
        Span(8, 9),
    )
    assert merged([Span(4, 8), Span(0, 4), Span(9, 9)]) == (Span(4, 8), Span(0, 4))
    assert (len(Span(2, 6)), 2 in Span(2, 6), 6 in Span(2, 6)) == (4, True, False)


@given(some_spans())
def test_what_is_written_is_read(spans: tuple[Span, ...]) -> None:
    assert from_json(to_json(spans)) == spans
    assert from_json(to_json(spans).encode()) == spans


def test_how_they_are_written() -> None:
    assert json.loads(to_json((Span(0, 10**12), Span(3, 4, -1, "paused")))) == [
        [0, 10**12, 0, None],
        [3, 4, -1, "paused"],
    ]
    assert to_json(()) == "[]"


@pytest.mark.parametrize(
    "written", ["", "{}", "[1]", "[[0,1]]", "[[0,1,0,1]]", "[[0,1.0,0,null]]", "[[0,true,0,null]]"]
)
def test_what_are_no_spans(written: str) -> None:
    with pytest.raises(ValueError):
        from_json(written)
