"""A manifest that was edited: what it asks for anew is rendered, and nothing that there is already."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_fal import ScriptedFal
from taken_up import admitted, done, edited, finish, opened, receipt, shot, stored
from workbench import Bench

from jobs.takes.lineage import Lineage
from workers.engine.states import State, Step
from workers.errors import StoreError
from workers.ledger import Ledger, ManifestChanged
from workers.money import quotes
from workers.steps import submit


def test_of_an_axis_with_one_value_more_only_the_new_take_is_rendered(bench: Bench, fal: ScriptedFal) -> None:
    opened(bench, edited(shot(seed=[1, 2])))
    done(bench, 0, 1)
    assert opened(bench, edited(shot(seed=[1, 2]))).done == 2

    found = opened(bench, edited(shot(seed=[1, 2, 3])))

    assert (found.grown, found.total, found.done, found.reused) == (True, 3, 2, 2)
    assert [take.name for take in bench.context.expansion("b")] == [
        "s.2/0001-seed1",
        "s.2/0002-seed2",
        "s.2/0003-seed3",
    ]
    assert admitted(bench) == [4]
    assert fal.asked == []
    standing = bench.room.standing("b")
    assert standing is not None
    assert (standing.total, standing.states[State.DONE], standing.objects) == (3, 2, 8)


def test_what_was_copied_says_so_and_cost_nothing(bench: Bench) -> None:
    opened(bench, edited(shot(seed=[1])))
    done(bench, 0)
    before = receipt(bench, "s/0001-seed1")
    opened(bench, edited(shot(seed=[1, 2])))
    copied = receipt(bench, "s.2/0001-seed1")
    assert copied.reused is not None
    assert (copied.reused.batch, copied.reused.take) == ("b", "s/0001-seed1")
    assert (copied.cost.amount, copied.cost.currency, copied.cost.basis) == (0, "USD", "reused")
    assert (copied.take, copied.index, copied.identity) == ("s.2/0001-seed1", 1, before.identity)
    assert copied.video.key == "b/s.2/0001-seed1.mp4"
    assert copied.video.sha256 == before.video.sha256
    assert bench.store.get(copied.video.key) == bench.store.get(before.video.key)
    assert bench.store.get(copied.last_frame.key) == b"a picture"
    assert copied.poster is not None
    assert copied.poster.key == "b/s.2/0001-seed1.poster.webp"
    assert bench.store.get(copied.poster.key) == b"a poster"
    assert receipt(bench, "s/0001-seed1") == before


def test_what_was_rendered_before_there_were_posters_is_copied_without_one(bench: Bench) -> None:
    opened(bench, edited(shot(seed=[1])))
    done(bench, 0, poster=False)
    opened(bench, edited(shot(seed=[1, 2])))
    assert receipt(bench, "s.2/0001-seed1").poster is None
    standing = bench.room.standing("b")
    assert standing is not None
    assert standing.objects == 3


def test_a_second_opening_copies_and_writes_nothing(bench: Bench) -> None:
    opened(bench, edited(shot(seed=[1])))
    done(bench, 0)
    grown = edited(shot(seed=[1, 2]))
    opened(bench, grown)
    before, puts = stored(bench), len(bench.store.puts)
    again = opened(bench, grown)
    assert (again.grown, again.done, again.reused, again.lost) == (False, 1, 0, 0)
    assert stored(bench) == before
    assert len(bench.store.puts) == puts


def test_another_prompt_is_another_take_under_a_name_of_its_own(bench: Bench, fal: ScriptedFal) -> None:
    opened(bench, edited(shot(prompt="a dog"), shot("t")))
    done(bench, 0, 1)
    found = opened(bench, edited(shot(prompt="a cat"), shot("t")))
    assert (found.total, found.done, found.reused) == (2, 1, 0)
    work = bench.due(Step.SUBMIT)
    submit(bench.context, work)
    assert work.index == 2
    assert bench.context.take("b", 2).name == "s.2/0001"
    assert b"a cat" in fal.asked[0].body
    assert "b/.rushes/attempts/s.2/0001/1.accepted.json" in bench.store.puts


def test_a_shot_that_is_taken_away_while_it_renders_is_followed_to_its_end(bench: Bench, fal: ScriptedFal) -> None:
    opened(bench, edited(shot(), shot("t")))
    submit(bench.context, bench.all_due(Step.SUBMIT)[0])
    found = opened(bench, edited(shot("t")))
    assert (found.total, found.done) == (1, 0)
    assert bench.state(0) is State.RENDERING
    fal.rendered()
    bench.poll()
    assert bench.state(0) is State.COLLECTING
    standing = bench.room.standing("b")
    assert standing is not None
    assert (standing.total, standing.alive) == (2, 2)


def test_one_that_is_taken_away_before_it_was_admitted_is_never_sent(bench: Bench) -> None:
    opened(bench, edited(shot(), shot("t")))
    opened(bench, edited(shot("t")))
    assert admitted(bench) == [1]
    bench.clock.forward(1e5)
    assert {work.index for work in bench.room.tick()} == {1}


@pytest.mark.parametrize("state", [State.RENDERING, State.DOUBT])
def test_what_is_under_way_under_another_name_is_waited_for(bench: Bench, fal: ScriptedFal, state: State) -> None:
    if state is State.DOUBT:
        fal.posts = [lambda asked: asked.hang_up()]
    opened(bench, edited(shot(seed=[1])))
    bench.submit()
    assert bench.state(0) is state

    opened(bench, edited(shot(seed=[1, 2])))

    assert bench.state(1) is State.BLOCKED
    assert admitted(bench) == [2]
    assert fal.count("POST") == 1


def test_what_it_brings_is_taken_over_without_a_post(bench: Bench, fal: ScriptedFal) -> None:
    opened(bench, edited(shot(seed=[1])))
    bench.submit()
    opened(bench, edited(shot(seed=[1, 2])))
    finish(bench, 0)
    assert bench.record(1).fields["reuse"] == "0"
    works = bench.all_due(Step.SUBMIT)
    assert sorted(work.index for work in works) == [1, 2]
    submit(bench.context, next(work for work in works if work.index == 1))
    assert bench.state(1) is State.DONE
    assert receipt(bench, "s.2/0001-seed1").reused is not None
    assert fal.count("POST") == 1


def test_one_whose_twin_has_lost_its_files_is_rendered_itself(bench: Bench, fal: ScriptedFal) -> None:
    opened(bench, edited(shot(seed=[1])))
    bench.submit()
    opened(bench, edited(shot(seed=[1, 2])))
    finish(bench, 0)
    bench.store._path("b/s/0001-seed1.mp4").unlink()
    works = bench.all_due(Step.SUBMIT)
    submit(bench.context, next(work for work in works if work.index == 1))
    assert bench.state(1) is State.WAITING
    assert "reuse" not in bench.record(1).fields
    (work,) = [each for each in bench.all_due(Step.SUBMIT) if each.index == 1]
    submit(bench.context, work)
    assert fal.count("POST") == 2


def test_while_the_store_fails_nothing_is_taken_over_and_nothing_rendered(bench: Bench, fal: ScriptedFal) -> None:
    opened(bench, edited(shot(seed=[1])))
    bench.submit()
    opened(bench, edited(shot(seed=[1, 2])))
    finish(bench, 0)
    works = bench.all_due(Step.SUBMIT)
    bench.store.fail(".receipt.json")
    submit(bench.context, next(work for work in works if work.index == 1))
    assert bench.state(1) is State.WAITING
    assert bench.record(1).fields["reuse"] == "0"
    bench.store.mend()
    bench.clock.forward(10)
    submit(bench.context, next(work for work in bench.all_due(Step.SUBMIT) if work.index == 1))
    assert bench.state(1) is State.DONE
    assert fal.count("POST") == 1


def test_after_redis_was_lost_it_still_waits_for_the_twin(bench: Bench, fal: ScriptedFal) -> None:
    opened(bench, edited(shot(seed=[1])))
    bench.submit()
    grown = edited(shot(seed=[1, 2]))
    opened(bench, grown)
    bench.forget()
    found = opened(bench, grown)
    assert (found.new, found.followed) == (True, 1)
    assert bench.state(0) is State.RENDERING
    assert bench.state(1) is State.BLOCKED
    assert admitted(bench) == [2]
    assert fal.count("POST") == 1


def test_back_to_the_old_manifest_what_it_had_is_there_again(bench: Bench) -> None:
    first, second = edited(shot(prompt="a dog")), edited(shot(prompt="a cat"))
    opened(bench, first)
    done(bench, 0)
    opened(bench, second)
    done(bench, 1)
    found = opened(bench, first)
    assert (found.grown, found.total, found.done, found.reused) == (True, 1, 1, 0)
    assert [take.name for take in bench.context.expansion("b")] == ["s/0001"]
    assert admitted(bench) == []
    found = opened(bench, second)
    assert (found.total, found.done, found.lost) == (1, 1, 0)
    assert admitted(bench) == []


def test_a_shot_that_is_only_called_otherwise_is_not_rendered_again(bench: Bench) -> None:
    opened(bench, edited(shot("s")))
    done(bench, 0)
    found = opened(bench, edited(shot("renamed")))
    assert (found.done, found.reused) == (1, 1)
    assert receipt(bench, "renamed/0001").reused is not None
    assert admitted(bench) == []


def test_two_takes_that_ask_for_the_same_are_two_videos(bench: Bench) -> None:
    """One video stands in for one take: whoever asks twice wants to choose."""
    opened(bench, edited(shot("s")))
    done(bench, 0)
    found = opened(bench, edited(shot("one"), shot("two")))
    assert (found.done, found.reused) == (1, 1)
    assert len(admitted(bench)) == 1


def test_other_terms_alone_are_no_other_takes(bench: Bench) -> None:
    opened(bench, edited(shot(seed=[1, 2])))
    done(bench, 0)
    found = opened(bench, edited(shot(seed=[1, 2]), max_failures=3))
    assert (found.grown, found.done, found.reused) == (True, 1, 0)
    assert bench.context.take("b", 1).name == "s/0002-seed2"
    assert admitted(bench) == [1]


def test_what_the_name_has_stood_for_is_frozen_with_it(bench: Bench) -> None:
    opened(bench, edited(shot(prompt="a dog")))
    opened(bench, edited(shot(prompt="a cat")))
    frozen = bench.context.ledger("b").frozen()
    assert frozen is not None
    assert b"a dog" in frozen
    assert frozen == bench.room.manifest("b")


def test_redis_and_the_store_may_each_know_an_earlier_one(bench: Bench) -> None:
    opened(bench, edited(shot(prompt="a dog")))
    bench.forget()
    opened(bench, edited(shot(prompt="a cat")))
    assert bench.context.take("b", 1).asked.prompt == "a cat"
    bench.store._path("b/.rushes/manifest.json").unlink()
    assert opened(bench, edited(shot(prompt="a cat"))).new is False
    assert bench.context.take("b", 0).asked.prompt == "a dog"


def test_two_batches_of_one_name_are_told_apart(bench: Bench) -> None:
    """The bucket was replaced while Redis still knew what was there before."""
    opened(bench, edited(shot(prompt="a dog")))
    kept = bench.room.manifest("b")
    bench.context.ledger("b").freeze(edited(shot(prompt="a cat")).model_dump_json().encode())
    with pytest.raises(ManifestChanged, match="know different batches under the name 'b'"):
        opened(bench, edited(shot(prompt="a cat")))
    assert bench.room.manifest("b") == kept


def test_a_freezing_that_was_cut_short_is_made_whole(bench: Bench) -> None:
    first, second = edited(shot(prompt="a dog")), edited(shot(prompt="a cat"))
    opened(bench, first)
    before = bench.store.get("b/.rushes/manifest.json")
    opened(bench, second)
    bench.store.put_bytes("b/.rushes/manifest.json", before, content_type="application/json")
    bench.forget()
    opened(bench, second)
    frozen = bench.context.ledger("b").frozen()
    assert frozen is not None
    assert b"a cat" in frozen


@pytest.mark.parametrize("at", ["before Redis is told", "before it is frozen"])
def test_one_that_was_suspended_while_another_edited_the_batch_does_not_undo_that(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    first, second, late = (edited(shot(prompt=f"a {animal}")) for animal in ("dog", "cat", "cow"))
    opened(bench, first)
    of: Any = bench.room if at == "before Redis is told" else Ledger
    name = "open" if at == "before Redis is told" else "freeze"
    real = getattr(of, name)

    def suspended(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(of, name, real)
        # Longer than its lock lasts.
        bench.room._redis.delete(bench.room._key("opening", "b"))
        opened(bench, second)
        return real(*args, **named)

    monkeypatch.setattr(of, name, suspended)
    opened(bench, late)

    frozen = bench.context.ledger("b").frozen()
    assert frozen == bench.room.manifest("b")
    assert [each.shots[0].prompt for each in Lineage.from_json(frozen or b"").manifests][-2:] == ["a cat", "a cow"]
    assert len(bench.context.expansion("b").lineage.strands()) >= 3, "what was opened meanwhile keeps its place"


def test_a_second_edit_heals_one_that_died_while_freezing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (edited(shot(prompt=f"a {animal}")) for animal in ("dog", "cat", "cow"))
    opened(bench, first)
    put = bench.store.put_bytes

    def failing(key: str, body: bytes, *, content_type: str) -> None:
        if key.endswith("manifest.json"):
            raise StoreError("the store is down")
        put(key, body, content_type=content_type)

    monkeypatch.setattr(bench.store, "put_bytes", failing)
    with pytest.raises(StoreError):
        opened(bench, second)
    monkeypatch.undo()
    bench.forget()
    assert opened(bench, third).total == 1


def test_a_take_whose_receipt_is_there_is_booked_once(bench: Bench, fal: ScriptedFal) -> None:
    """The manifest is edited between a take's receipt and its move to done."""
    terms = {"budget": "5 USD", "price": "1 USD"}
    opened(bench, edited(shot(seed=[1]), **terms))
    for work in bench.all_due(Step.QUOTE):
        bench.room.quote(work.batch, quotes(bench.context, work.batch, work.index))
    bench.submit()
    done(bench, 0)
    opened(bench, edited(shot(seed=[1, 2]), **terms))
    standing = bench.room.standing("b")
    assert standing is not None
    assert (standing.money.spent, standing.money.reserved) == (0, 1_000_000), "it is booked when it moves to done"


class TestOtherBatches:
    def test_with_reuse_what_another_batch_has_costs_nothing(self, bench: Bench, fal: ScriptedFal) -> None:
        opened(bench, edited(shot(seed=[1, 2]), batch="other"))
        done(bench, 0, batch="other")
        found = opened(bench, edited(shot("mine", seed=[1, 2]), reuse=True))
        assert (found.done, found.reused) == (1, 1)
        reused = receipt(bench, "mine/0001-seed1").reused
        assert reused is not None
        assert (reused.batch, reused.take) == ("other", "s/0001-seed1")
        assert [work.index for work in bench.all_due(Step.SUBMIT) if work.batch == "b"] == [1]
        assert fal.asked == []

    def test_without_it_everything_is_rendered(self, bench: Bench) -> None:
        opened(bench, edited(shot(seed=[1, 2]), batch="other"))
        done(bench, 0, batch="other")
        found = opened(bench, edited(shot("mine", seed=[1, 2])))
        assert (found.done, found.reused) == (0, 0)

    def test_a_batch_whose_manifest_cannot_be_read_is_passed_over(self, bench: Bench) -> None:
        opened(bench, edited(shot(seed=[1, 2]), batch="other"))
        done(bench, 0, batch="other")
        bench.store.put_bytes("other/.rushes/manifest.json", b"{}", content_type="application/json")
        assert opened(bench, edited(shot("mine", seed=[1, 2]), reuse=True)).reused == 0

    def test_without_its_files_a_take_is_rendered(self, bench: Bench) -> None:
        opened(bench, edited(shot(seed=[1, 2]), batch="other"))
        done(bench, 0, batch="other")
        bench.store._path("other/s/0001-seed1.mp4").unlink()
        found = opened(bench, edited(shot("mine", seed=[1, 2]), reuse=True))
        assert (found.done, found.reused) == (0, 0)
