"""Workers keep the pages of batches that no command follows: one at a time, and only when something happened."""

from __future__ import annotations

import io

import pytest
import redis
from rich.console import Console
from scripted_fal import ScriptedFal
from workbench import Bench, Make

from rushes.galleries import kept_gallery
from workers.engine.states import State, Step
from workers.errors import StoreError
from workers.gallery.tending import PageTender
from workers.steps import submit

PAGE = "b/gallery.html"


@pytest.fixture
def bench(make: Make, fal: ScriptedFal) -> Bench:
    """A batch of two takes, which the provider refuses when they are submitted."""
    fal.posts = [lambda asked: asked.say(422, {"detail": [{"msg": "no", "type": "x"}]})]
    bench = make(fal.url)
    bench.open(takes=2)
    return bench


def tender(bench: Bench) -> PageTender:
    return PageTender(bench.room, bench.store, bench.clock)


def fail_one(bench: Bench) -> None:
    bench.works += [work for work in bench.room.tick() if work.step is Step.SUBMIT]
    submit(bench.context, bench.works.pop(0))


def test_a_page_is_written_when_something_has_happened_and_only_then(bench: Bench) -> None:
    mine = tender(bench)
    assert mine.once() == ["b"]
    first = bench.store.get(PAGE)
    puts = len(bench.store.puts)
    assert mine.once() == [] and len(bench.store.puts) == puts
    fail_one(bench)
    assert mine.once() == ["b"]
    assert bench.store.get(PAGE) != first
    fail_one(bench)
    assert bench.state(1) is State.FAILED
    assert mine.once() == ["b"], "the last page, when all has ended"
    assert mine.once() == [] and tender(bench).once() == [], "nor by a worker that is started later"


def test_one_worker_at_a_time_writes_it_and_another_when_that_is_gone(
    bench: Bench, redis_client: redis.Redis, namespace: str
) -> None:
    mine, other = tender(bench), tender(bench)
    assert mine.once() == ["b"]
    fail_one(bench)
    assert other.once() == []
    assert mine.once() == ["b"]
    assert 0 < redis_client.pttl(f"{namespace}:gallery:b") <= 120_000, "it runs out when nobody holds it"
    fail_one(bench)
    redis_client.delete(f"{namespace}:gallery:b")
    assert other.once() == ["b"] and mine.once() == []


def test_workers_leave_it_to_a_command_that_follows_the_batch(bench: Bench) -> None:
    with kept_gallery(bench.context, "b", Console(file=io.StringIO())) as page:
        page.before()
        fail_one(bench)
        assert tender(bench).once() == []
    assert bench.store.exists(PAGE)


def test_a_store_that_fails_is_said_and_tried_again(bench: Bench) -> None:
    mine = tender(bench)
    bench.store.fail("gallery.html")
    with pytest.raises(StoreError):
        mine.once()
    bench.store.mend()
    assert mine.once() == ["b"]
