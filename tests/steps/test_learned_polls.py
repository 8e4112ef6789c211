"""Render times are learned by polling, kept in Redis, read back from receipts, and used to place polls."""

from __future__ import annotations

import pytest
from scripted_fal import Answer, ScriptedFal
from workbench import Bench

from workers.polling.learning import KEPT, MOST_KINDS, RenderTimes, kind_of
from workers.polling.placing import Lesson


def say(status: int, body: object) -> Answer:
    return lambda asked: asked.say(status, body)


def teach(bench: Bench, *, seconds: float = 120.0, times: int = 30) -> None:
    take = bench.context.take("b", 0)
    for at in range(times):
        bench.context.renders.learn(take, Lesson(seconds + at, None))


def times_of(bench: Bench) -> tuple[list[float], list[float]]:
    take = bench.context.take("b", 0)
    return bench.room.render_times(kind_of(take.provider, take.asked))


class TestLearning:
    def test_a_poll_that_finds_the_end_teaches_how_long_it_took(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        bench.submit()
        fal.statuses = [say(202, {"status": "IN_PROGRESS"})]
        bench.poll(after=100.0)
        fal.rendered()
        bench.poll(after=10.0)
        assert times_of(bench) == ([105.0], [])

    def test_a_queue_is_told_apart_from_the_render(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        bench.submit()
        fal.statuses = [say(202, {"status": "IN_QUEUE", "queue_position": 3})]
        bench.poll(after=50.0)
        fal.statuses = [say(202, {"status": "IN_PROGRESS"})]
        bench.poll(after=10.0)
        fal.rendered()
        bench.poll(after=100.0)
        assert times_of(bench) == ([55.0], [55.0])

    def test_what_one_worker_learned_another_knows(self, bench: Bench) -> None:
        bench.open()
        take = bench.context.take("b", 0)
        other = RenderTimes(bench.room, bench.clock)
        assert other.known(take).runs is None
        teach(bench)
        bench.clock.forward(60)
        assert other.known(take).runs is not None

    def test_it_can_be_asked_how_long_a_take_will_run(self, bench: Bench) -> None:
        bench.open()
        take = bench.context.take("b", 0)
        assert bench.context.renders.expected(take) is None
        teach(bench)
        expected = bench.context.renders.expected(take)
        assert expected is not None
        assert (expected.seen, expected.median, expected.nine_of_ten, expected.wait) == (
            30,
            pytest.approx(135.0, abs=0.1),
            pytest.approx(147.0, abs=0.1),
            None,
        )

    def test_no_more_than_so_much_is_kept(self, bench: Bench) -> None:
        bench.open()
        teach(bench, times=KEPT + 5)
        assert len(times_of(bench)[0]) == KEPT
        assert times_of(bench)[0][0] == 120.0 + KEPT + 4
        for number in range(MOST_KINDS + 3):
            bench.clock.forward(1)
            bench.room.learn(f"kind-{number}", 1.0, 2.0, kept=KEPT, kinds=MOST_KINDS)
        namespace = bench.context.settings.namespace
        assert bench.client.zcard(f"{namespace}:renders") == MOST_KINDS
        assert bench.room.render_times("kind-0") == ([], [])
        assert bench.room.render_times(f"kind-{MOST_KINDS + 2}") == ([1.0], [2.0])
        assert len(list(bench.client.scan_iter(match=f"{namespace}:renders:*"))) == 2 * MOST_KINDS

    @pytest.mark.parametrize("seconds", [-3600.0, 0.0, 30 * 86400.0])
    def test_what_two_clocks_that_disagree_would_teach_is_not_learned(self, bench: Bench, seconds: float) -> None:
        bench.open()
        bench.context.renders.learn(bench.context.take("b", 0), Lesson(seconds, None))
        assert times_of(bench) == ([], [])


class TestPlacing:
    def test_the_first_poll_waits_until_something_can_have_ended(self, bench: Bench) -> None:
        bench.open()
        teach(bench, seconds=50.0)
        bench.submit()
        delay = bench.delay()
        assert delay is not None
        assert 20.0 < delay < 60.0

    def test_near_the_end_polls_come_closer_together(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        teach(bench)
        bench.submit()
        fal.statuses = [say(202, {"status": "IN_PROGRESS"})]
        bench.poll(after=60.0)
        early = bench.delay()
        bench.poll(after=70.0)
        late = bench.delay()
        assert early is not None
        assert late is not None
        assert late < early / 2

    def test_a_provider_that_says_when_to_ask_again_is_heeded(self, bench: Bench, fal: ScriptedFal) -> None:
        bench.open()
        teach(bench)
        bench.submit()
        fal.statuses = [lambda asked: asked.say(429, {"detail": "slow down"}, retry_after="240")]
        bench.poll(after=130.0)
        assert bench.delay() == 240.0


class TestAfterALoss:
    def test_receipts_tell_it_again(self, bench: Bench) -> None:
        bench.open()
        take = bench.context.take("b", 0)
        teach(bench, times=5)
        bench.context.renders.learn_again([(take, 60.0 + at) for at in range(20)])
        assert len(times_of(bench)[0]) == 25
        bench.context.renders.learn_again([(take, 60.0)])
        assert len(times_of(bench)[0]) == 25

    def test_a_batch_that_is_taken_up_from_the_store_alone_brings_them(self, rehearsal: tuple[Bench, object]) -> None:
        bench, _ = rehearsal
        bench.open()
        bench.render()
        bench.collect()
        before = times_of(bench)[0]
        assert len(before) == 1
        bench.forget()
        bench.open()
        assert len(times_of(bench)[0]) == 1
