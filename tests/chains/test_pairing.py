"""Which take goes with which, computed by hand."""

from __future__ import annotations

import pytest
from chained import chained, refusal

from jobs.takes.expansion import Expansion

OPENING = """\
  - name: opening
    prompt: A dog in {place}
    sweep: {place: [rye, wheat], seed: 1..3}
"""


LAST = "start_image: opening.last_frame"
CHOSEN = "['opening[seed=1,place=wheat].last_frame', 'opening[seed=2,place=rye].last_frame']"


def parents(shots: str) -> list[list[int]]:
    """The parents of each take that has any."""
    expansion = Expansion(chained(shots))
    found = [[parent.index for parent in expansion.parents(index)] for index in range(expansion.total)]
    return [each for each in found if each]


@pytest.mark.parametrize(
    ("follow", "expected"),
    [
        # rye 1-3 are takes 0-2, wheat 1-3 takes 3-5
        ("start_image: opening.last_frame\n    sweep: {place: [wheat, rye], seed: 1..3}", [3, 4, 5, 0, 1, 2]),
        ("start_image: opening.last_frame\n    sweep: {seed: [3, 1], place: [rye, wheat]}", [2, 5, 0, 3]),
        ("start_image: opening[seed=2].last_frame\n    sweep: {place: [wheat, rye]}", [4, 1]),
        ('start_image: "opening[seed=3, place=wheat].last_frame"', [5]),
        ("for_each: opening\n    start_image: opening.last_frame", [0, 1, 2, 3, 4, 5]),
        (
            "for_each: opening\n    start_image: opening.last_frame\n    sweep: {seed: [8, 9]}",
            [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5],
        ),
        (
            f"{LAST}\n    sweep: {{place: [rye, wheat], seed: [3, 2]}}\n    combine: (place, seed)",
            [2, 4],
        ),
        (
            "sweep: {start_image: ['opening[seed=1,place=wheat].last_frame', 'opening[seed=2,place=rye].last_frame']}",
            [3, 1],
        ),
    ],
)
def test_a_take_finds_its_parent_by_the_values_they_share(follow: str, expected: list[int]) -> None:
    prompt = "It leaps in {place}" if "place: [" in follow else "It leaps"
    shots = OPENING + f"  - name: follow\n    prompt: {prompt}\n    {follow}\n"
    assert parents(shots) == [[index] for index in expected]


def test_a_parent_of_which_cells_are_left_out_is_found_all_the_same() -> None:
    shots = (
        "  - name: opening\n    prompt: A dog in {place}\n    sweep: {place: [rye, wheat, oats], seed: 1..2}\n"
        "    exclude: [{place: wheat}]\n"
        "  - name: follow\n    prompt: It leaps in {place}\n    start_image: opening.last_frame\n"
        "    sweep: {place: [oats, rye], seed: 1..2}\n"
    )
    assert parents(shots) == [[2], [3], [0], [1]]


def test_a_take_may_have_several_parents() -> None:
    shots = (
        OPENING + "  - name: between\n    prompt: It leaps in {place}\n    start_image: opening[seed=1].last_frame\n"
        "    end_image: opening[seed=3].last_frame\n    sweep: {place: [rye, wheat]}\n"
    )
    assert parents(shots) == [[0, 2], [3, 5]]


def test_what_is_rendered_for_each_has_the_values_of_that() -> None:
    shots = OPENING + f"  - name: follow\n    for_each: opening\n    prompt: It leaps in {{place}}\n    {LAST}\n"
    take = Expansion(chained(shots))[9]
    assert take.name == "follow/0004-wheat-seed1"
    assert (take.asked.prompt, take.asked.seed) == ("It leaps in wheat", 1)


def test_a_million_takes_find_their_parents_without_being_laid_out() -> None:
    shots = (
        "  - name: opening\n    prompt: a dog\n    sweep: {seed: 1..500000}\n"
        "  - name: follow\n    prompt: It leaps\n    start_image: opening.last_frame\n    sweep: {seed: 1..500000}\n"
    )
    expansion = Expansion(chained(shots))
    assert [parent.index for parent in expansion.parents(734_112)] == [234_112]


@pytest.mark.parametrize(
    ("follow", "place", "said"),
    [
        ("start_image: opning.last_frame", "start_image", "there is no shot 'opning'; did you mean 'opening'?"),
        ("start_image: opening.last_frame", "start_image", "6 takes of opening would do; choose one by place and seed"),
        ("start_image: opening[sed=1].last_frame", "start_image", "opening has no axis 'sed'; did you mean 'seed'?"),
        ("start_image: opening[seed=9].last_frame", "start_image", "no take of opening has the seed '9'"),
        ("start_image: opening.video", "start_image", "write opening.last_frame"),
        ("reference_audio: [opening.video]", "reference_audio[0]", "a take brings no audio"),
        ("start_image: opening.lastframe", "start_image", "did you mean 'opening.last_frame'?"),
        ("start_image: 'opening[1].last_frame'", "start_image", "opening[seed=3].last_frame"),
        ("start_image: follow.last_frame", "start_image", "a shot can't take up what is its own"),
        ("for_each: openin", "for_each", "did you mean 'opening'?"),
        ("promote: openin", "promote", "did you mean 'opening'?"),
        ("promote: opening\n    takes: 2", "takes", "it has its takes from there"),
        ("for_each: opening\n    start_image: 'opening[seed=1].last_frame'", "start_image", "write opening.last_frame"),
        ("start_image: opening.last_frame\n    sweep: {seed: 1..9}", "start_image", "opening"),
        (
            "start_image: opening[seed=1,place=rye].last_frame\n    reference_images: ['https://example.com/a.png']",
            "start_image",
            "can't go together",
        ),
    ],
)
def test_what_does_not_fit_is_said_at_its_place(follow: str, place: str, said: str) -> None:
    found = refusal(OPENING + f"  - name: follow\n    prompt: It leaps\n    {follow}\n")
    assert any(at == f"shots[1].{place}" and said in message for at, message in found), found


def test_a_circle_is_told_by_its_shots() -> None:
    shots = (
        "  - name: a\n    prompt: x\n    start_image: c.last_frame\n"
        "  - name: b\n    prompt: x\n    start_image: a.last_frame\n"
        "  - name: c\n    prompt: x\n    start_image: b.last_frame\n"
    )
    [(place, message)] = refusal(shots)
    assert place == "shots[0].start_image"
    assert message == "a waits for c, which waits for b, which waits for a: so none of them could begin"


def test_a_chain_may_not_be_endless() -> None:
    links = "".join(f"  - name: s{n}\n    prompt: x\n    start_image: s{n - 1}.last_frame\n" for n in range(1, 70))
    [(place, message)] = refusal("  - name: s0\n    prompt: x\n" + links)
    assert place == "shots[64]" and "64 is the most" in message


@pytest.mark.parametrize("key", ["sample: 2", "combine: seed + seed2"])
def test_what_is_rendered_for_each_is_no_sample_and_no_union(key: str) -> None:
    sweep = "sweep: {seed: 1..3, seed2: [a, b]}" if "+" in key else "sweep: {seed: 1..3}"
    shots = OPENING + f"  - name: f\n    for_each: opening\n    prompt: x\n    {sweep}\n    {key}\n"
    assert any("for each take of opening" in said or "seed2" in said for _, said in refusal(shots))


def test_longest_chains_come_first_and_parents_before_their_children() -> None:
    shots = (
        "  - name: alone\n    prompt: x\n"
        "  - name: third\n    prompt: x\n    start_image: second.last_frame\n"
        "  - name: second\n    prompt: x\n    start_image: first.last_frame\n"
        "  - name: first\n    prompt: x\n"
    )
    expansion = Expansion(chained(shots))
    order = [expansion[index].shot for span in expansion.live for index in range(span.start, span.end)]
    assert order == ["first", "second", "alone", "third"]
