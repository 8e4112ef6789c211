"""Take names: readable, safe, unique, and sorted as the takes are numbered."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.manifest import Manifest, Shot
from jobs.takes import AxisValue
from jobs.takes.expansion import Expansion
from jobs.takes.naming import name_fault, parse_take_name, take_name

SAFE = re.compile(r"Opening_1/[0-9]{4,}(-[a-z0-9_-]*[a-z0-9_])?")


@pytest.mark.parametrize(
    ("axes", "name"),
    [
        ({}, "opening/0007"),
        ({"place": "wheat", "seed": 3}, "opening/0007-wheat-seed3"),
        ({"seed": 3, "place": "wheat"}, "opening/0007-seed3-wheat"),
        (
            {"duration": 5, "resolution": "720p", "aspect_ratio": "16:9"},
            "opening/0007-duration5-resolution720p-aspect16x9",
        ),
        ({"duration": "auto", "generate_audio": False}, "opening/0007-durationauto-audiofalse"),
        ({"seed": -3}, "opening/0007-seedminus3"),
        ({"place": "黄金 Ünder &amp; <b>"}, "opening/0007-huang-jin-under-amp-b"),
        ({"place": "🎉", "seed": 1}, "opening/0007-seed1"),
        ({"place": "..", "light": "-"}, "opening/0007"),
        ({"place": "&#99999999999999;"}, "opening/0007-99999999999999"),
        ({"light": "a very long description of the light"}, "opening/0007-a-very-long-description"),
        ({"model": "seedance-2.0-fast"}, "opening/0007-seedance-2-0-fast"),
        ({"start_image": "https://example.com/a/dog%20one.png?x=1"}, "opening/0007-start-dog-one"),
        ({"reference_images": "https://example.com/"}, "opening/0007"),
        ({"start_image": "https://[/x.png"}, "opening/0007-start-x"),
        ({"number": 1.5, "flag": True}, "opening/0007-1-5-true"),
    ],
)
def test_what_a_take_is_called(axes: dict[str, AxisValue], name: str) -> None:
    assert take_name("opening", 7, 12, axes) == name


def test_the_last_part_is_cut_and_never_ends_in_a_dash() -> None:
    axes: dict[str, AxisValue] = {f"axis{at}": "x" * 18 for at in range(20)}
    last = take_name("opening", 7, 12, axes).removeprefix("opening/")
    assert len(last) <= 100
    assert last.endswith("x")


def test_numbers_are_as_wide_as_the_shot_needs() -> None:
    assert take_name("a", 1, 9999, {}) == "a/0001"
    assert take_name("a", 1, 10_000, {}) == "a/00001"
    assert take_name("a", 1, 10**9, {"seed": 1}) == "a/0000000001-seed1"


values = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)


@given(st.lists(values, min_size=1, max_size=12, unique_by=str), st.integers(1, 3))
def test_wild_values_make_safe_unique_sorted_names(wild: list[AxisValue], seeds: int) -> None:
    count = len(wild) * seeds
    names = [
        take_name("Opening_1", at * seeds + seed, count, {"thing": value, "start_image": str(value), "seed": seed})
        for at, value in enumerate(wild)
        for seed in range(1, seeds + 1)
    ]
    assert all(SAFE.fullmatch(name) for name in names), names
    assert all(len(name.partition("/")[2]) <= 100 for name in names)
    assert len({name.lower() for name in names}) == count
    assert sorted(names) == names
    assert [parse_take_name(name) for name in names] == [("Opening_1", at + 1) for at in range(count)]


@given(st.integers(1, 20_000), st.data())
def test_names_sort_as_numbers_do(count: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, count))
    second = data.draw(st.integers(1, count))
    names = [take_name("a", number, count, {"seed": 20_000 - number}) for number in (first, second)]
    assert (names[0] < names[1]) == (first < second)


@given(st.text(max_size=100))
def test_a_suggested_name_is_a_good_one(name: str) -> None:
    fault = name_fault(name, reserved=("rehearsal",))
    suggested = re.search(r"(?:how about|take another, as) '([^']*)'", fault or "")
    if suggested is not None:
        assert name_fault(suggested[1], reserved=("rehearsal",)) is None


def test_a_suggestion_is_made() -> None:
    assert "how about 'Sun-flowers_2'?" in str(name_fault("Sün flowers_2!"))
    assert "how about" not in str(name_fault("🎉"))
    assert "as 'nul-1'" in str(name_fault("nul"))


@pytest.mark.parametrize("name", ["a", "Opening", "0007", "a_b-c", "x" * 64, "console", "com10"])
def test_good_names(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize(
    "name", ["", "-a", "_a", ".", "..", "a.b", "a/b", "a b", "a\n", "é", "x" * 65, "CON", "aux", "Com1", "lpt9"]
)
def test_bad_names(name: str) -> None:
    assert name_fault(name) is not None


@given(st.text(max_size=30))
def test_find_takes_no_name_but_the_exact_one(name: str) -> None:
    shot = Shot(name="a", prompt="{x}", sweep={"x": ("b", "c")})
    expansion = Expansion(Manifest(batch="b", provider="fal", model="m", shots=(shot,)))
    found = expansion.find(name)
    assert found is None or expansion[found].name == name
