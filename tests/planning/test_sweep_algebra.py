"""The laws of the algebra, each against a model that lays everything out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise, product
from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jobs.sweeps import Listed, Range, Space
from jobs.sweeps.combining import CombineError, Named, Term, check, names_of, parse, written
from jobs.sweeps.diagram import Diagram, Lengths
from jobs.sweeps.keys import key
from jobs.sweeps.picks import common, merged, of_places, places, size
from jobs.sweeps.sampling import Sample
from jobs.sweeps.shuffling import Permutation, Spread
from jobs.sweeps.space import Samples
from jobs.sweeps.terms import NoSpace

Cell = dict[str, object]
NAMES = ("a", "b", "c", "d")


def laid_out(space: Space) -> list[Cell]:
    return [dict(space[index]) for index in range(space.count)]


def modelled(term: Term, counts: Mapping[str, int]) -> list[Cell]:
    """The cells of a term, by laying it out; the values of an axis are its places from 1."""
    dimensions = []
    for part in term:
        if isinstance(part, Named):
            dimensions.append([{part.name: at} for at in range(1, counts[part.name] + 1)])
        else:
            columns = [modelled(member, counts) for member in part.members]
            dimensions.append([{k: v for cell in row for k, v in cell.items()} for row in zip(*columns, strict=True)])
    return [{k: v for cell in cells for k, v in cell.items()} for cells in product(*dimensions)]


def axes(counts: Mapping[str, int]) -> dict[str, Range]:
    return {name: Range(1, count) for name, count in counts.items()}


def in_order(cell: Mapping[str, object]) -> list[tuple[str, object]]:
    return sorted(cell.items())


@st.composite
def sweeps(draw: st.DrawFn) -> tuple[dict[str, int], tuple[Term, ...] | None]:
    """How long some axes are, and a term or a union over them."""
    counts = {name: draw(st.integers(1, 4)) for name in NAMES[: draw(st.integers(1, 4))]}
    texts: list[str] = []
    for _ in range(draw(st.integers(1, 2))):
        names = draw(st.permutations(sorted(counts)))
        parts = []
        while names:
            several = draw(st.integers(1, min(3, len(names))))
            chosen, names = names[:several], names[several:]
            alike = len({counts[name] for name in chosen}) == 1
            parts.append(f"({', '.join(chosen)})" if several > 1 and alike else " * ".join(chosen))
        texts.append(" * ".join(parts))
    terms = parse(" + ".join(texts))
    return counts, draw(st.sampled_from([terms, None])) if len(texts) == 1 else terms


def conditions(counts: Mapping[str, int]) -> st.SearchStrategy[dict[str, tuple[int | str, ...]]]:
    def values(name: str) -> st.SearchStrategy[tuple[int | str, ...]]:
        one = st.integers(1, counts[name])
        spans = st.tuples(one, one).map(lambda ends: f"{min(ends)}..{max(ends)}")
        return st.lists(one | spans, min_size=1, max_size=2).map(tuple)

    return st.lists(st.sampled_from(sorted(counts)), min_size=1, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: values(name) for name in names})
    )


def matches(cell: Mapping[str, object], rule: Mapping[str, Sequence[int | str]]) -> bool:
    def holds(value: object, wanted: int | str) -> bool:
        if isinstance(wanted, int):
            return value == wanted
        first, last = wanted.split("..")
        return isinstance(value, int) and int(first) <= value <= int(last)

    return all(name in cell and any(holds(cell[name], each) for each in wanted) for name, wanted in rule.items())


@given(st.data(), sweeps())
def test_a_space_is_what_a_laid_out_model_is(
    data: st.DataObject, sweep: tuple[dict[str, int], tuple[Term, ...] | None]
) -> None:
    counts, terms = sweep
    include = data.draw(st.lists(conditions(counts), max_size=2))
    exclude = data.draw(st.lists(conditions(counts), max_size=3))
    expected: list[Cell] = []
    for term in terms or (tuple(Named(name) for name in counts),):
        for cell in modelled(term, counts):
            kept = not include or any(matches(cell, rule) for rule in include)
            if kept and not any(matches(cell, rule) for rule in exclude) and cell not in expected:
                expected.append(cell)
    assume(expected)
    space = Space(axes(counts), combine=terms, include=include, exclude=exclude)
    assert (space.count, laid_out(space)) == (len(expected), expected)
    assert all(list(cell) == [name for name in counts if name in cell] for cell in laid_out(space))
    for outside in (-1, space.count):
        with pytest.raises(IndexError):
            space[outside]
    asked = data.draw(st.lists(st.sampled_from(sorted(counts)), unique=True))
    told = Counter(tuple((name, cell[name]) for name in asked) for cell in expected)
    tally: Counter[tuple[tuple[str, object], ...]] = Counter()
    for cell, count in space.tally(asked) or ():
        tally[tuple((name, cell[name]) for name in asked)] += count
    assert tally == told


def beside(parts: Iterable[Samples], by: str) -> set[tuple[str, object, object]]:
    """Which values stand beside which values of `by`."""
    pairs = ((name, values, part[by]) for part in parts for name, values in part.items() if name != by)
    return {(name, value, mine) for name, values, others in pairs for _, value in values for _, mine in others}


@given(st.data(), sweeps())
def test_parts_hold_what_stands_beside_each_other_and_nothing_else(
    data: st.DataObject, sweep: tuple[dict[str, int], tuple[Term, ...] | None]
) -> None:
    counts, terms = sweep
    # Of lists every value is told, and of ranges the ends.
    lists = {name: Listed(tuple(range(1, count + 1))) for name, count in counts.items()}
    exclude = data.draw(st.lists(conditions(counts), max_size=3))
    by = data.draw(st.sampled_from(sorted(counts)))
    try:
        space = Space(lists, combine=terms, exclude=exclude)
    except NoSpace:
        return
    assert beside(space.parts(by), by) == {(n, cell[n], cell[by]) for cell in laid_out(space) for n in cell if n != by}
    taken = data.draw(st.integers(1, space.count))
    sampled = Space(lists, combine=terms, exclude=exclude, sample=Sample(taken, "random", "key"))
    found = {(name, cell[name], cell[by]) for cell in laid_out(sampled) for name in cell if name != by}
    assert beside(sampled.parts_taken(by), by) == found


@given(st.data(), st.sampled_from(["random", "spread"]), st.booleans(), sweeps())
def test_a_sample_is_of_the_space_without_repeats_and_grows(
    data: st.DataObject, how: str, weighted: bool, sweep: tuple[dict[str, int], tuple[Term, ...] | None]
) -> None:
    counts, terms = sweep
    exclude = data.draw(st.lists(conditions(counts), max_size=2))
    keys = {
        name: key(name, tuple({"value": at, "weight": at} for at in range(1, count + 1)) if weighted else f"1..{count}")
        for name, count in counts.items()
    }
    try:
        whole = Space(keys, combine=terms, exclude=exclude)
    except NoSpace:
        return
    cells = [tuple(cell.items()) for cell in laid_out(whole)]
    seed = data.draw(st.text(max_size=3))

    def taken(n: int) -> list[tuple[tuple[str, object], ...]]:
        sampled = Space(
            keys, combine=terms, exclude=exclude, sample=Sample(n, "spread" if how == "spread" else "random", seed)
        )
        assert sampled.count == n
        return [tuple(cell.items()) for cell in laid_out(sampled)]

    n = data.draw(st.integers(1, len(cells)))
    found = taken(n)
    assert len(set(found)) == n
    assert set(found) <= set(cells)
    assert taken(n) == found
    assert taken(len(cells))[:n] == found
    assert set(taken(len(cells))) == set(cells)
    with pytest.raises(NoSpace, match=f"can't be taken of {len(cells)} cells"):
        taken(len(cells) + 1)


@given(st.lists(st.integers(1, 5), max_size=4), st.data())
def test_a_diagram_counts_ranks_and_weighs(sizes: list[int], data: st.DataObject) -> None:
    def boxes() -> list[tuple[tuple[tuple[int, int], ...] | None, ...]]:
        one = [st.none() | st.lists(st.integers(0, each - 1), min_size=1, unique=True).map(of_places) for each in sizes]
        return data.draw(st.lists(st.tuples(*one), max_size=4))

    include, exclude = boxes() or None, boxes()
    weights = [data.draw(st.lists(st.integers(1, 4), min_size=each, max_size=each)) for each in sizes]

    def within(cell: tuple[int, ...], box: tuple[tuple[tuple[int, int], ...] | None, ...]) -> bool:
        return all(picks is None or place in set(places(picks)) for place, picks in zip(cell, box, strict=True))

    kept = [
        cell
        for cell in product(*map(range, sizes))
        if (include is None or any(within(cell, box) for box in include))
        and not any(within(cell, box) for box in exclude)
    ]
    plain = Diagram([Lengths(each) for each in sizes], include, exclude)
    assert plain.total == len(kept)
    assert [plain.cell(rank) for rank in range(plain.total)] == kept
    ranks = {cell: plain.rank(cell) for cell in product(*map(range, sizes))}
    assert ranks == {cell: kept.index(cell) if cell in kept else None for cell in ranks}
    occurring = plain.occurring()
    assert [set(places(picks)) for picks in occurring] == [{cell[at] for cell in kept} for at in range(len(sizes))]
    weighed = Diagram([Lengths(each, by) for each, by in zip(sizes, weights, strict=True)], include, exclude)
    tickets = Counter(weighed.cell(ticket) for ticket in range(weighed.total))
    for cell in kept:
        expected = 1
        for place, by in zip(cell, weights, strict=True):
            expected *= by[place]
        assert tickets[cell] == expected
    assert set(tickets) == set(kept)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20))),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20))),
)
def test_picks_are_sets_of_places(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    first, second = merged(one), merged(other)
    members = [{place for start, end in spans for place in range(start, end)} for spans in (one, other)]
    assert [set(places(first)), set(places(second))] == members
    assert set(places(common(first, second))) == members[0] & members[1]
    assert size(first) == len(members[0])
    assert all(end < start for (_, end), (start, _) in pairwise(first))


@given(st.integers(1, 600), st.text(max_size=5))
def test_a_permutation_holds_every_number_once(count: int, seed: str) -> None:
    order = Permutation(count, seed)
    assert sorted(order[at] for at in range(count)) == list(range(count))


def test_orders_are_the_same_everywhere_and_for_ever() -> None:
    """Frozen batches stand on them: what was sampled once is sampled again."""
    assert [Permutation(10, "night/opening")[at] for at in range(10)] == PERMUTED
    assert [Permutation(10**30, "x")[at] for at in (0, 10**29)] == FAR
    assert [[part >> 44 for part in Spread(2, "night")[at]] for at in range(3)] == SPREAD


PERMUTED = [0, 7, 8, 2, 1, 4, 6, 9, 5, 3]
FAR = [33228114821252643499429384436, 902166794721807138399604990571]
SPREAD = [[962155, 519470], [705125, 68415], [448096, 665936]]


@given(st.integers(2, 9), st.integers(2, 9), st.integers(2, 9), st.text(max_size=4), st.data())
def test_a_spread_sample_has_each_value_about_equally_often(
    a: int, b: int, c: int, seed: str, data: st.DataObject
) -> None:
    counts = {"a": a, "b": b, "c": c}
    # Few of them: of many, what is left over is left.
    n = data.draw(st.integers(1, max(1, a * b * c // 4)))
    cells = laid_out(Space(axes(counts), sample=Sample(n, "spread", seed)))
    for name, count in counts.items():
        told = Counter(cell[name] for cell in cells)
        for value in range(1, count + 1):
            assert abs(told[value] - n / count) <= 3


def test_a_spread_sample_covers_a_long_axis_from_end_to_end() -> None:
    space = Space(axes({"a": 10**6, "b": 4}), sample=Sample(40, "spread", "x"))
    told = Counter(int(str(cell["a"])) * 10 // (10**6 + 1) for cell in laid_out(space))
    assert set(told.values()) <= {2, 3, 4, 5, 6} and len(told) == 10


def test_a_lopsided_sample_grows_too() -> None:
    """Nearly all of the weight lies on few cells, and the wanted ones are soon hit too seldom to be waited for."""
    light = key("light", ({"value": "dawn", "weight": 1_000_000}, "dusk"))

    def taken(n: int, how: Literal["random", "spread"]) -> list[Cell]:
        space = Space(
            {"light": light, "seed": Range(1, 300)}, exclude=[{"seed": ("3..9",)}], sample=Sample(n, how, "x")
        )
        return laid_out(space)

    for how in ("random", "spread"):
        every = taken(586, how)
        assert len({tuple(cell.items()) for cell in every}) == 586
        assert all(taken(n, how) == every[:n] for n in (1, 250, 293, 294, 400))


def test_a_weighted_sample_holds_more_of_what_weighs_more() -> None:
    light = key("light", ({"value": "dawn", "weight": 3}, "dusk"))
    space = Space({"light": light, "seed": Range(1, 10**9)}, sample=Sample(2_000, "random", "night"))
    told = Counter(cell["light"] for cell in laid_out(space))
    assert 1_400 < told["dawn"] < 1_600
    spread = Space({"light": light, "seed": Range(1, 10**9)}, sample=Sample(100, "spread", "night"))
    assert 72 <= Counter(cell["light"] for cell in laid_out(spread))["dawn"] <= 78


@pytest.mark.parametrize("cells", [10**6, 10**12, 10**24])
def test_what_a_cell_costs_does_not_grow_with_the_space(cells: int) -> None:
    """By the number of values that are asked for, of each axis one."""
    asked: list[int] = []

    class Noting(Range):
        def __getitem__(self, index: int) -> int:
            asked.append(index)
            return self.first + index * self.step

    each = round(cells ** (1 / 3))
    noted = {name: Noting(1, each) for name in "abc"}
    rules = {
        "exclude": [{"a": ("2..5",), "b": (7,)}, {"c": (each,)}],
        "include": [{"a": (f"1..{each // 2}",)}, {"b": (3, 7)}],
    }
    space = Space(noted, **rules)  # type: ignore[arg-type]
    left = [space.count - 1, space.count // 2, 0]
    asked.clear()
    for index in left:
        assert not matches(space[index], {"c": (each,)})
    assert len(asked) == 9
    half = each // 2
    in_include = half * each + (each - half) * 2
    in_both = in_include - 4  # a in 2..5 with b = 7
    assert space.count == in_both * (each - 1)
    sampled = Space(noted, sample=Sample(min(10**6, space.count), "random", "x"), **rules)  # type: ignore[arg-type]
    asked.clear()
    assert sampled[sampled.count - 1] != sampled[0]
    assert len(asked) == 6


def test_repeat_and_seeds_turn_fastest() -> None:
    space = Space(axes({"a": 2}), repeat=2)
    assert laid_out(space) == [
        {"a": 1, "repeat": 1},
        {"a": 1, "repeat": 2},
        {"a": 2, "repeat": 1},
        {"a": 2, "repeat": 2},
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a", ["a"]),
        (" ( a * b ) * c ", ["a * b * c"]),
        ("(a, b) * c", ["(a, b) * c"]),
        ("((a, b), c)", ["(a, b, c)"]),
        ("a + b * c", ["a", "b * c"]),
        ("(a + b) * (c + d)", ["a * c", "a * d", "b * c", "b * d"]),
        ("(a * b, c)", ["(a * b, c)"]),
    ],
)
def test_what_is_combined(text: str, told: list[str]) -> None:
    assert [written(term) for term in parse(text)] == told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing is combined here"),
        ("a *", "it ends too early: expected the name of an axis or"),
        ("a b", r"expected \*, \+ or the end at character 3, where 'b' stands"),
        ("(a, b", r"it ends too early: expected a comma or '\)'"),
        ("a - b", r"expected \*, \+ or the end at character 3, where '- b' stands"),
        ("(a + b, c)", r"a \+ can't stand within \( , \): take a \+ b apart"),
        ("(" * 20 + "a" + ")" * 20, "it has more than 16 brackets within each other"),
        (" + ".join(["a"] * 65), "it has more than 64 terms"),
        (" * ".join(["(a + b)"] * 7), "multiplied out it has more than 64 terms"),
        ("a" * 4_001, "it is longer than 4,000 characters"),
    ],
)
def test_what_can_not_be_followed(text: str, message: str) -> None:
    with pytest.raises(CombineError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plase * light * seed", "the sweep has no axis 'plase'; did you mean 'place'?"),
        ("place * light * place * seed", r"place stands twice in place \* light \* place \* seed"),
        ("place * light", r"seed is left out; add  \* seed"),
        ("(place, light) * seed", r"must be equally long: place has 2 and light has 3; use \*"),
        ("(place * light, seed)", r"must be equally long: place \* light has 6 and seed has 8"),
    ],
)
def test_what_does_not_go_together(text: str, message: str) -> None:
    with pytest.raises(CombineError, match=message):
        check(parse(text), {"place": 2, "light": 3, "seed": 8})


@given(sweeps())
def test_what_is_combined_can_be_read_again(sweep: tuple[dict[str, int], tuple[Term, ...] | None]) -> None:
    _, terms = sweep
    for term in terms or ():
        assert parse(written(term)) == (term,)
        assert sorted(names_of(term)) == sorted(set(names_of(term)))


def test_a_union_of_what_is_too_large_to_compare_is_refused() -> None:
    with pytest.raises(NoSpace, match=r"more than 50,000 aren't compared"):
        Space(axes({"a": 10**5, "b": 10**5}), combine=parse("a * b + b * a"))
    small = Space(axes({"a": 10**4, "b": 10**4}), combine=parse("a * b + (a, b)"))
    assert small.count == 10**8


@pytest.mark.parametrize(
    ("how", "cells"),
    [
        ("random", ["dawn96", "dusk440", "dawn259", "dusk399", "dusk216"]),
        ("spread", ["dusk153", "dawn723", "dawn293", "dawn862", "dusk432"]),
    ],
)
def test_a_sample_is_the_same_for_ever(how: Literal["random", "spread"], cells: list[str]) -> None:
    """Frozen batches stand on it: another order would give other takes the names of those that are rendered."""
    light = key("light", ({"value": "dawn", "weight": 3}, "dusk"))
    space = Space({"light": light, "seed": Range(1, 1000)}, sample=Sample(5, how, "night/opening"))
    assert [f"{cell['light']}{cell['seed']}" for cell in laid_out(space)] == cells
