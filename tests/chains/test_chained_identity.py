"""What a chained take asks follows what its parent asks, and no name."""

from __future__ import annotations

import pytest
from chained import chained

from jobs.manifest import Manifest
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from jobs.takes.strands import live_digests

OPENING = "  - name: {name}\n    prompt: A {animal} in {{place}}\n    sweep: {{place: {places}}}\n"
FOLLOW = "  - name: follow\n    for_each: {name}\n    prompt: It leaps\n    start_image: {name}.{file}\n"


def shots(*, name: str = "opening", animal: str = "dog", places: str = "[rye, wheat]", turned: bool = False) -> str:
    parts = [
        OPENING.format(name=name, animal=animal, places=places),
        FOLLOW.format(name=name, file="last_frame"),
    ]
    return "".join(reversed(parts) if turned else parts)


def follows(manifest: Manifest) -> list[str]:
    expansion = Expansion(manifest)
    found = [take for take in expansion if take.shot == "follow"]
    assert [take.asked.identity() for take in found] == [expansion.identity(take.index) for take in found]
    return [take.asked.identity() for take in found]


BEFORE = follows(chained(shots()))


@pytest.mark.parametrize("changed", [shots(name="start"), shots(turned=True)])
def test_names_and_order_are_no_part_of_it(changed: str) -> None:
    assert follows(chained(changed, batch="other")) == BEFORE


def test_another_value_leaves_the_others_what_they_are() -> None:
    rye, oats, wheat = follows(chained(shots(places="[rye, oats, wheat]")))
    assert [rye, wheat] == BEFORE
    assert oats not in BEFORE


def test_another_parent_makes_another_take() -> None:
    assert not set(follows(chained(shots(animal="cat")))) & set(BEFORE)


def test_an_edited_parent_makes_a_new_strand_of_what_hangs_on_it() -> None:
    one, other = chained(shots()), chained(shots(animal="cat"))
    assert not set(live_digests(one)) & set(live_digests(other))
    grown = Expansion(Lineage.of(one).grown(other))
    assert grown.total == 8
    # Those that are withdrawn still have the parents that they had.
    assert [[parent.index for parent in grown.parents(index)] for index in range(8)] == [
        [], [], [0], [1], [], [], [4], [5],
    ]  # fmt: skip
    assert grown.find("follow.2/0001-rye") == 6


def test_a_manifest_is_the_same_when_it_is_read_back() -> None:
    lineage = Lineage.of(chained(shots()))
    again = Lineage.from_json(lineage.to_json())
    assert again.strands() == lineage.strands()
    assert follows(again.current) == BEFORE


def test_a_promoted_shot_has_the_takes_and_the_seeds_of_its_drafts() -> None:
    manifest = chained(
        "  - name: drafts\n    prompt: A dog in {place}\n    sweep: {place: [rye, wheat, oats]}\n    sample: 2\n"
        "    takes: 2\n    pick: true\n"
        "  - name: final\n    promote: drafts\n    model: seedance-2.0\n    resolution: 720p\n"
        "  - name: finest\n    promote: final\n    aspect_ratio: 16:9\n"
    )
    takes = list(Expansion(manifest))
    drafts, final, finest = takes[:4], takes[4:8], takes[8:]
    for other in (final, finest):
        assert [take.axes for take in other] == [take.axes for take in drafts]
        assert [take.asked.prompt for take in other] == [take.asked.prompt for take in drafts]
        assert {(take.asked.model, take.asked.resolution) for take in other} == {("seedance-2.0", "720p")}
    assert {take.asked.aspect_ratio for take in finest} == {"16:9"}
    again = Lineage.from_json(Lineage.of(manifest).to_json())
    assert list(Expansion(again)) == takes
