"""Collect: a finished video is brought home whole, or asked for again."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from scripted_fal import ScriptedFal
from workbench import KEY, Bench, Make

from workers.engine.lease import LeaseKeeper
from workers.engine.states import State, Step
from workers.errors import RedisError, StoreFull
from workers.receipts import read_receipt
from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox
from workers.steps import collect
from workers.steps.collect import DAMAGE_BELIEVED, NEW_LINKS

VIDEO, FRAME, RECEIPT = "b/s/0001.mp4", "b/s/0001.last.png", "b/s/0001.receipt.json"
POSTER = "b/s/0001.poster.webp"


@pytest.fixture
def home(make: Make, clips: Path) -> Iterator[tuple[Bench, Sandbox]]:
    """A worker, and the sandbox it speaks to; both go by the worker's clock."""
    clock = make("http://127.0.0.1:9").clock
    with running_sandbox(SandboxOptions(cache=clips, jitter=0.0), clock=clock) as sandbox:
        yield make(sandbox.url), sandbox


def rendered(home: tuple[Bench, Sandbox], prompt: str = "a dog") -> Bench:
    bench, _ = home
    bench.open(prompt)
    bench.render()
    return bench


def billed(home: tuple[Bench, Sandbox]) -> int:
    return len(home[1].account.billed())


class TestHome:
    def test_the_video_is_stored_byte_for_byte_and_the_receipt_last(self, home: tuple[Bench, Sandbox]) -> None:
        bench = rendered(home)
        url = bench.record().value("rendered")["video_url"]
        theirs = httpx.get(url).content
        before = len(bench.store.puts)

        bench.collect()

        assert bench.state() is State.DONE
        assert bench.store.puts[before:] == [VIDEO, FRAME, POSTER, RECEIPT]
        assert bench.store.get(VIDEO) == theirs
        receipt = read_receipt(bench.store, "b", "s/0001")
        assert receipt.video.sha256 == hashlib.sha256(theirs).hexdigest()
        assert receipt.last_frame.sha256 == hashlib.sha256(bench.store.get(FRAME)).hexdigest()
        poster = bench.store.get(POSTER)
        assert receipt.poster is not None
        with Image.open(io.BytesIO(poster)) as image:
            sha256 = hashlib.sha256(poster).hexdigest()
            size = {"width": image.width, "height": image.height}
            told = {"key": POSTER, "bytes": len(poster), "sha256": sha256, **size}
            assert (receipt.poster.model_dump(), image.format) == (told, "WEBP")
        assert (receipt.job_id, receipt.attempt, receipt.asked.prompt) == (
            home[1].account.submissions()[0].id,
            1,
            "a dog",
        )
        assert receipt.times.submitted is not None
        assert receipt.times.stored is not None
        assert KEY not in bench.store.get(RECEIPT).decode()
        assert billed(home) == 1
        assert not list(bench.context.spool.iterdir()), "nothing is left on the way"

    def test_the_counters_and_sets_are_right_afterwards(self, home: tuple[Bench, Sandbox]) -> None:
        bench = rendered(home)
        bench.collect()
        standing = bench.room.standing("b")
        assert standing is not None
        assert (standing.submissions, standing.objects, standing.open) == (1, 6, 0)
        assert standing.objects == len(bench.store.puts) - 2, "all but the frozen manifest and its digest"
        assert standing.lane.seats_taken == 0

    def test_doing_it_again_with_the_same_message_does_nothing(self, home: tuple[Bench, Sandbox]) -> None:
        bench = rendered(home)
        work = bench.collect()
        puts = len(bench.store.puts)
        collect(bench.context, work)
        assert len(bench.store.puts) == puts

    def test_a_collection_that_was_not_put_down_as_done_is_made_again_alike(
        self, home: tuple[Bench, Sandbox], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench = rendered(home)
        work = bench.due(Step.COLLECT)
        with monkeypatch.context() as patch:

            def away(*_: object, **__: object) -> None:
                raise RedisError("Redis can't be reached")

            patch.setattr(bench.room, "move", away)
            with pytest.raises(RedisError):
                collect(bench.context, work)
        first = {key: bench.store.get(key) for key in (VIDEO, FRAME, RECEIPT)}
        bench.collect(after=30.0)
        assert bench.state() is State.DONE
        assert {key: bench.store.get(key) for key in (VIDEO, FRAME)} == {key: first[key] for key in (VIDEO, FRAME)}
        told = [json.loads(body) for body in (first[RECEIPT], bench.store.get(RECEIPT))]
        for receipt in told:
            del receipt["times"]
        assert told[0] == told[1]
        assert billed(home) == 1

    def test_a_stale_hand_brings_nothing_home(self, home: tuple[Bench, Sandbox]) -> None:
        bench = rendered(home)
        stale = bench.due(Step.COLLECT)
        bench.clock.forward(30)
        fresh = bench.due(Step.COLLECT)
        collect(bench.context, stale)
        assert VIDEO not in bench.store.puts
        collect(bench.context, fresh)
        assert bench.state() is State.DONE

    def test_a_hand_that_goes_stale_on_the_way_does_no_harm(self, home: tuple[Bench, Sandbox]) -> None:
        bench = rendered(home)
        stale = bench.due(Step.COLLECT)

        def overtaken(key: str) -> None:
            if key == RECEIPT:
                bench.store.before = lambda key: None
                bench.clock.forward(31)
                collect(bench.context, bench.due(Step.COLLECT))

        bench.store.before = overtaken
        collect(bench.context, stale)
        assert bench.state() is State.DONE
        standing = bench.room.standing("b")
        assert standing is not None
        assert standing.objects == 6, "counted by the one whose hand it was"


class TestArrivingOtherwise:
    @pytest.mark.parametrize(
        "fault", ["html", "cut", "truncated", "busy", "new-etag", "weak-etag", "chunked", "no-range"]
    )
    def test_a_video_that_did_not_arrive_whole_is_fetched_again(self, home: tuple[Bench, Sandbox], fault: str) -> None:
        bench = rendered(home, f"a dog [sandbox: {fault}]")
        for _ in range(3):
            if bench.state() is State.COLLECTING:
                bench.collect(after=5.0)
        assert bench.state() is State.DONE
        body = bench.store.get(VIDEO)
        assert body == httpx.get(f"{home[1].url}/files/{home[1].account.submissions()[0].id}.mp4").content
        assert billed(home) == 1

    def test_what_keeps_failing_waits_ever_longer_and_asks_for_a_new_link(self, home: tuple[Bench, Sandbox]) -> None:
        bench = rendered(home, "a dog [sandbox: html always]")
        states, delays = [], []
        for _ in range(9):
            if bench.state() is State.COLLECTING:
                bench.collect(after=200.0)
            else:
                bench.poll(after=200.0)
            states.append(bench.state())
            delays.append(bench.delay())
        assert State.RENDERING in states, "the provider is asked where the video is by now"
        assert "text/html" in bench.record().fields["waits_for"]
        assert max(delay for delay in delays if delay is not None) > 8
        assert VIDEO not in bench.store.puts
        assert billed(home) == 1

    def test_a_dead_link_is_exchanged_for_a_new_one(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        fal.rendered()
        bench.render()
        fal.files = [lambda asked: asked.say(403, {"detail": "expired"})]
        bench.collect()
        record = bench.record()
        assert (record.state, record.fields["links"]) == (State.RENDERING, "1")
        fal.results = [lambda asked: asked.say(200, {"video": {"url": f"{fal.url}/files/new.mp4"}})]
        bench.poll()
        assert bench.record().value("rendered")["video_url"] == f"{fal.url}/files/new.mp4"
        assert bench.record().fields["links"] == "1"

    def test_a_video_that_is_gone_for_good_fails_and_says_so(self, home: tuple[Bench, Sandbox]) -> None:
        bench = rendered(home, "a dog [sandbox: expired]")
        for _ in range(NEW_LINKS):
            bench.collect(after=200.0)
            assert bench.state() is State.RENDERING
            bench.poll(after=200.0)
        bench.collect(after=200.0)
        record = bench.record()
        assert (record.state, record.value("error")["kind"]) == (State.FAILED, "expired")
        assert bench.context.ledger("b").ending("s/0001", 1).kind == "expired"
        assert billed(home) == 1

    def test_a_video_that_is_damaged_at_the_provider_fails_and_its_job_is_kept(
        self, home: tuple[Bench, Sandbox]
    ) -> None:
        bench = rendered(home, "a dog [sandbox: truncated always]")
        for seen in range(1, DAMAGE_BELIEVED):
            bench.collect(after=200.0)
            record = bench.record()
            assert (record.state, record.fields["damaged"]) == (State.COLLECTING, str(seen))
        bench.collect(after=200.0)
        record = bench.record()
        assert (record.state, record.value("error")["kind"]) == (State.FAILED, "damaged")
        assert record.job is not None
        assert VIDEO not in bench.store.puts
        assert bench.context.ledger("b").ending("s/0001", 1).kind == "damaged"
        assert billed(home) == 1

    def test_a_provider_that_is_away_is_asked_again(self, bench: Bench, fal: ScriptedFal, nobody: str) -> None:
        bench.open()
        fal.completed()
        fal.results = [lambda asked: asked.say(200, {"video": {"url": f"{nobody}/v.mp4"}})]
        bench.render()
        bench.collect()
        assert bench.state() is State.COLLECTING
        assert bench.delay() == 1.0


class TestNowhereToPutIt:
    @pytest.mark.parametrize("ending", [".mp4", ".last.png", ".poster.webp", ".receipt.json"])
    def test_a_store_that_fails_is_tried_again_and_nothing_is_admitted_meanwhile(
        self, home: tuple[Bench, Sandbox], ending: str
    ) -> None:
        bench = rendered(home)
        bench.store.fail(ending, error=StoreFull("no room left on the disk"))
        bench.collect()
        assert bench.state() is State.COLLECTING
        assert bench.delay() == 10.0
        standing = bench.room.standing("b")
        assert standing is not None
        assert standing.store_trouble == "no room left on the disk"
        assert RECEIPT not in bench.store.puts, "what has a receipt is done"
        bench.store.mend()
        bench.collect(after=10.0)
        assert bench.state() is State.DONE
        assert billed(home) == 1

    def test_a_spool_without_room_is_tried_again(
        self, home: tuple[Bench, Sandbox], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench = rendered(home)

        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(bench.context.download, "fetch", full)
            bench.collect()
        assert bench.state() is State.COLLECTING
        standing = bench.room.standing("b")
        assert standing is not None
        assert "No space left on device" in (standing.store_trouble or "")
        assert "RUSHES_SPOOL" in (standing.store_trouble or "")
        bench.collect(after=10.0)
        assert bench.state() is State.DONE

    def test_a_spool_that_is_in_the_way_is_named(self, home: tuple[Bench, Sandbox]) -> None:
        bench = rendered(home)
        bench.context.spool.write_text("a file where the spool should be")
        bench.collect()
        assert bench.state() is State.COLLECTING
        assert str(bench.context.spool) in bench.record().fields["waits_for"]


class TestTheLease:
    def test_it_is_kept_while_the_hand_is_at_work(self, home: tuple[Bench, Sandbox]) -> None:
        bench = rendered(home)
        moments: list[Any] = []

        def at_work(key: str) -> None:
            if key == VIDEO:
                bench.clock.forward(29)
                bench.context.leases.renew()
                bench.clock.forward(29)
                moments.append(bench.room.tick())

        bench.store.before = at_work
        bench.collect()
        assert moments == [[]], "nobody else was given the take"
        assert bench.state() is State.DONE

    def test_nothing_is_renewed_that_is_not_in_hand(self, home: tuple[Bench, Sandbox]) -> None:
        bench = rendered(home)
        work = bench.due(Step.COLLECT)
        keeper = LeaseKeeper(bench.room, bench.clock)
        with keeper.holding(work):
            bench.clock.forward(20)
            keeper.renew()
            assert bench.delay() == 30.0
        bench.clock.forward(20)
        keeper.renew()
        assert bench.delay() == 10.0
        keeper.close()

    def test_redis_away_loses_no_lease_but_that_of_the_moment(
        self, home: tuple[Bench, Sandbox], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench = rendered(home)
        work = bench.due(Step.COLLECT)
        keeper = LeaseKeeper(bench.room, bench.clock)
        with keeper.holding(work):
            with monkeypatch.context() as patch:

                def away(*_: object, **__: object) -> None:
                    raise RedisError("Redis can't be reached")

                patch.setattr(bench.room, "renew", away)
                keeper.renew()
            bench.clock.forward(10)
            keeper.renew()
            assert bench.delay() == 30.0
        keeper.close()
