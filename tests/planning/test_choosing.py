"""Choosing by --only and --limit: which takes, and what they follow upon."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import ManifestError
from jobs.manifest import Manifest
from jobs.planning.plan import plan
from jobs.reading.loading import load_text
from jobs.sweeps.picks import merged, places, without
from jobs.takes.choosing import MOST_FOLLOWED, Choice, chosen
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage

HEAD = """\
batch: night
provider: fal
model: seedance-2.0-fast
defaults: {duration: 4, resolution: 480p}
shots:
"""
OPENING = "  - {name: opening, prompt: a dog, sweep: {seed: 1..4}}\n"
CLOSING = "  - {name: closing, prompt: a cat, sweep: {seed: 1..3}}\n"
FOLLOW = "  - {name: follow, prompt: it leaps, sweep: {seed: 3..4}, start_image: opening.last_frame}\n"
LATER = "  - {name: later, for_each: follow, prompt: it rests, start_image: follow.last_frame}\n"


def manifest(*shots: str) -> Manifest:
    return load_text(HEAD + "".join(shots), "night.yaml")


def names(expansion: Expansion, *only: str, limit: int | None = None) -> list[str]:
    return [
        expansion[index].name for start, end in chosen(expansion, Choice(only, limit)) for index in range(start, end)
    ]


def refusal(expansion: Expansion, choice: Choice) -> str:
    with pytest.raises(ManifestError) as refused:
        chosen(expansion, choice)
    return str(refused.value)


def test_shots_are_chosen_by_name_or_by_wildcards() -> None:
    expansion = Expansion(manifest(OPENING, CLOSING))
    assert chosen(expansion, Choice(("closing",))) == ((4, 7),)
    assert chosen(expansion, Choice(("*ing",))) == ((0, 7),)
    assert chosen(expansion, Choice(("OPEN*", "c[lm]osing"))) == ((0, 7),)
    told = refusal(expansion, Choice(("closing", "openin")))
    assert "--only openin" in told and "no shot is called 'openin'; did you mean 'opening'?" in told
    assert "there is opening and closing" in refusal(expansion, Choice(("x*",)))


def test_what_a_chosen_take_follows_upon_is_chosen_with_it_and_no_more() -> None:
    expansion = Expansion(manifest(CLOSING, OPENING, FOLLOW, LATER))
    assert names(expansion, "later") == [
        "opening/0003-seed3",
        "opening/0004-seed4",
        "follow/0001-seed3",
        "follow/0002-seed4",
        "later/0001-seed3",
        "later/0002-seed4",
    ]


def test_of_very_many_takes_all_of_the_shots_that_they_follow_upon_are_chosen() -> None:
    many = f"  - {{name: many, prompt: 'a {{n}}', sweep: {{seed: 2..3, n: 1..{MOST_FOLLOWED}}}, start_image: %s}}\n"
    expansion = Expansion(manifest(OPENING, CLOSING, many % "opening.last_frame"))
    assert chosen(expansion, Choice(("many",))) == ((0, 4), (7, 7 + 2 * MOST_FOLLOWED))


def test_the_first_takes_are_those_that_are_begun_first() -> None:
    expansion = Expansion(manifest(CLOSING, OPENING, FOLLOW))
    assert names(expansion, limit=2) == ["opening/0001-seed1", "opening/0002-seed2"]
    assert names(expansion, limit=6)[:2] == ["closing/0001-seed1", "closing/0002-seed2"]
    assert len(names(expansion, limit=9)) == len(names(expansion, limit=10**9)) == 9


@pytest.mark.parametrize("limit", range(2, 10))
def test_a_limit_counts_what_the_chosen_takes_follow_upon(limit: int) -> None:
    urgent = FOLLOW.replace("name: follow", "name: follow, priority: 5")
    expansion = Expansion(manifest(CLOSING, OPENING, urgent))
    found = names(expansion, limit=limit)
    assert len(found) == limit
    assert set(found) >= {"opening/0003-seed3", "follow/0001-seed3"}
    both = {"opening/0004-seed4", "follow/0002-seed4"}
    assert (both <= set(found)) == (limit >= 4)


def test_a_larger_limit_adds_to_a_smaller_one() -> None:
    expansion = Expansion(manifest(CLOSING, OPENING, FOLLOW, LATER))
    found = [set(names(expansion, limit=limit)) for limit in range(1, 12)]
    assert all(one < other for one, other in pairwise(found))


def test_a_limit_that_lets_nothing_be_is_refused_with_the_one_that_does() -> None:
    expansion = Expansion(manifest(OPENING, FOLLOW, LATER))
    told = refusal(expansion, Choice(("later",), 2))
    assert "--limit 2" in told and "say  --limit 3  or more" in told
    assert names(expansion, "later", limit=3) == ["opening/0003-seed3", "follow/0001-seed3", "later/0001-seed3"]


def test_a_limit_within_a_million_takes_lays_out_none() -> None:
    expansion = Expansion(manifest("  - {name: grid, prompt: a dog, sweep: {seed: 1..1000000}}\n", OPENING))
    assert chosen(expansion, Choice((), 734_112)) == ((0, 734_112),)


def test_of_an_edited_batch_none_is_chosen_that_is_asked_for_no_more() -> None:
    before = Lineage.of(manifest(OPENING, CLOSING))
    expansion = Expansion(before.grown(manifest(OPENING.replace("1..4", "1..2"), CLOSING)))
    assert chosen(expansion, Choice(("opening",))) == ((7, 9),)
    assert chosen(expansion, Choice((), 4)) == ((4, 6), (7, 9))


def test_a_plan_tells_what_is_chosen_and_what_that_costs() -> None:
    mixed = "  - {name: mixed, prompt: a dog, sweep: {resolution: [480p, 720p], duration: [4, 8], seed: 1..2}}\n"
    whole = plan(manifest(mixed, CLOSING))
    parts = [plan(manifest(mixed, CLOSING), choice=Choice((), limit)) for limit in (1, 5, 8, 11)]
    assert [part.portion.takes for part in parts if part.portion is not None] == [1, 5, 8, 11]
    assert [part.takes for part in parts] == [11] * 4
    assert parts[-1].portion is not None and parts[-1].portion.price == whole.price
    assert parts[-1].kinds == whole.kinds
    five = parts[1].portion
    assert five is not None
    alone = plan(manifest(mixed.replace("[480p, 720p]", "[480p]")))
    one = plan(manifest("  - {name: one, prompt: a dog, resolution: 720p}\n"))
    assert five.price == alone.price + one.price
    assert five.to_json()["seconds"] == {"least": 4 * 2 + 8 * 2 + 4, "most": 4 * 2 + 8 * 2 + 4}
    assert any(line.startswith("chosen    5 takes, ") and "by --limit 5" in line for line in parts[1].lines())


def test_a_part_too_large_to_be_looked_at_is_estimated() -> None:
    grid = "  - {name: grid, prompt: a dog, sweep: {duration: [4, 8], seed: 1..300000}}\n"
    part = plan(manifest(grid), choice=Choice((), 150_000)).portion
    assert part is not None
    assert part.kinds.total() == 150_000 and sorted(part.kinds.values()) == [75_000, 75_000]
    [total] = part.price.by_currency.values()
    assert total.basis == "estimate" and total.least < total.most


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)))


@given(SPANS, SPANS)
def test_what_is_left_of_places_without_others(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    left = without(merged(one), merged(other))
    assert set(places(left)) == set(places(merged(one))) - set(places(merged(other)))
    assert left == merged(left)
