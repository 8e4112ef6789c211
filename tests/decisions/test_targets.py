"""What a person may call a batch, a shot or a take, and what they are told when there is no such thing."""

from __future__ import annotations

import pytest
from decided import named
from workbench import Bench

from workers.decisions import Target, UnknownTarget
from workers.decisions.targets import aim_at
from workers.opening import reopen_batch

OTHER = [{"name": "second", "prompt": "a {animal}", "sweep": {"animal": ["cat", "cow", "hen"]}}]


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("night", Target("night")),
        ("night/opening", Target("night", "opening")),
        ("night/opening/0007-wheat", Target("night", "opening", "0007-wheat")),
        ("night/opening.2/0007", Target("night", "opening.2", "0007")),
    ],
)
def test_a_name_is_a_batch_a_shot_or_a_take(written: str, target: Target) -> None:
    assert Target.parse(written) == target
    assert str(target) == written


@pytest.mark.parametrize("written", ["", "/", "night/", "a/b/c/d", "night//0001", "../night"])
def test_anything_else_is_refused_with_the_way_to_write_it(written: str) -> None:
    with pytest.raises(UnknownTarget):
        Target.parse(written)


@pytest.mark.parametrize(
    ("written", "ranges", "index"),
    [
        ("night", ((0, 5),), None),
        ("night/second", ((3, 5),), None),
        ("night/second/0002", ((4, 5),), 4),
        ("night/second/2", ((4, 5),), 4),
        ("night/second/0002-cow", ((4, 5),), 4),
        ("night/second/0002-c", ((4, 5),), 4),
    ],
)
def test_what_it_names_is_found(night: Bench, written: str, ranges: object, index: int | None) -> None:
    aim = aim_at(night.context, named(written))
    assert (aim.ranges, aim.index) == (ranges, index)


def test_a_shot_is_all_its_editions_and_one_edition_is_named_by_its_folder(night: Bench) -> None:
    night.open(batch="night", shots=OTHER)
    assert aim_at(night.context, named("night/second")).ranges == ((3, 5), (5, 8))
    assert aim_at(night.context, named("night/second.2")).ranges == ((5, 8),)
    assert aim_at(night.context, named("night/second.2/0003")).name(7) == "second.2/0003-hen"
    assert aim_at(night.context, named("night/second/0001")).index == 3


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("nigth", "there is no batch 'nigth' in the store .*; did you mean night?"),
        ("other", "there is no batch 'other' in the store .*; it has night"),
        ("night/frist", "night has no shot 'frist'; did you mean first?"),
        ("night/opening", "night has no shot 'opening'; it has first, second"),
        ("night/second/0003", "there is no take 'second/0003': second has second/0001-cat to second/0002-cow"),
        ("night/second/cow", "there is no take 'second/cow'"),
        ("night/second/0002-cat", "there is no take 'second/0002-cat'; did you mean second/0002-cow?"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(night: Bench, written: str, told: str) -> None:
    with pytest.raises(UnknownTarget, match=told):
        aim_at(night.context, named(written))


def test_a_batch_that_redis_does_not_know_is_taken_up_and_set_to_no_work(night: Bench) -> None:
    night.forget()
    assert aim_at(night.context, named("night")).expansion.total == 5
    standing = night.room.standing("night")
    assert standing is not None and standing.stopped is not None
    assert standing.stopped.kind == "paused"
    assert "looked at" in standing.stopped.told
    for provider in night.context.settings.providers:
        night.room.set_limits(provider, night.context.limits(provider))
    assert night.room.tick() == []
    # A restart of Redis doesn't set it to work either; running it does.
    night.client.hset(f"{night.context.settings.namespace}:batch:night", "server", "another")
    assert reopen_batch(night.context, "night", unless_trusted=True) is not None
    assert night.room.tick() == []
    assert reopen_batch(night.context, "night") is not None
    assert [work.index for work in night.room.tick()] == [0, 1]
    assert b"paused" not in (night.context.ledger("night").holds() or b"")
