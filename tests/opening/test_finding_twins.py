"""Which takes an edited manifest need not pay for: each video, and each render under way, stands in for one of them."""

from __future__ import annotations

from taken_up import edited, shot

from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from workers.reuse import Source, twins

OLD = edited(shot("old"), shot("older"), shot("another", "a cat"))
NEW = edited(shot("new"), shot("newer"))
EXPANSION = Expansion(Lineage.of(OLD).grown(NEW))
"""Takes 0 and 1 ask for the same as 3 and 4; take 2 asks for something else."""


def source(index: int) -> Source:
    return Source("b", EXPANSION[index].name)


def test_two_videos_stand_in_for_two_takes() -> None:
    found, awaited = twins(EXPANSION, [3, 4], [0, 1], [])
    assert found == {3: source(0), 4: source(1)}
    assert awaited == {}


def test_one_video_stands_in_for_one_take_and_a_render_for_the_other() -> None:
    found, awaited = twins(EXPANSION, [3, 4], [1], [0])
    assert found == {3: source(1)}
    assert awaited == {4: 0}


def test_what_asks_for_something_else_stands_in_for_nothing() -> None:
    assert twins(EXPANSION, [3, 4], [2], [2]) == ({}, {})
