"""Where the next poll goes by what the polls before it said, and what a finished job teaches."""

from __future__ import annotations

import pytest

from workers.polling.placing import NOTHING, Bounds, Known, Seen, fixed_gap, lesson, pace

BOUNDS = Bounds(2.0, 60.0)
RUNS = [100.0 + at for at in range(40)]
KNOWN = Known(RUNS, [])


class TestGaps:
    def test_while_little_is_known_they_grow_by_half_up_to_ten_seconds(self) -> None:
        assert Known(RUNS[:19], []).runs is None
        gaps = [NOTHING.gap(Seen(0.0, polls=polls), 5.0, BOUNDS) for polls in range(8)]
        assert gaps[:3] == [2.0, 3.0, 4.5]
        assert gaps[-1] == 10.0
        assert fixed_gap(50, Bounds(0.2, 0.5)) == 0.5
        assert fixed_gap(3, Bounds(30.0, 60.0)) == 30.0

    def test_twenty_are_enough(self) -> None:
        assert Known(RUNS[:20], []).gap(Seen(0.0), 0.0, BOUNDS) > 10.0

    def test_they_keep_within_what_is_set(self) -> None:
        for age in (0.0, 50.0, 100.0, 119.0, 140.0, 1000.0, 100_000.0):
            seen = Seen(0.0, polls=3)
            assert 2.0 <= KNOWN.gap(seen, age, BOUNDS) <= 60.0
            assert KNOWN.gap(seen, age, Bounds(5.0, 5.0)) == 5.0

    def test_a_start_that_was_seen_is_what_the_render_is_aged_by(self) -> None:
        late = Seen(0.0).waiting(490.0, None).rendering(510.0)
        assert late.started == 500.0
        assert KNOWN.gap(late, 510.0, BOUNDS) == pytest.approx(KNOWN.gap(Seen(0.0), 10.0, BOUNDS))

    def test_what_waits_is_not_asked_about_as_though_it_could_end_now(self) -> None:
        waiting = Seen(0.0).waiting(120.0, None)
        assert KNOWN.gap(waiting, 120.0, BOUNDS) > 4 * KNOWN.gap(Seen(0.0), 120.0, BOUNDS)

    def test_far_back_in_a_queue_it_is_asked_about_more_rarely(self) -> None:
        wide = Bounds(2.0, 3600.0)
        back, near = Seen(0.0).waiting(60.0, 100), Seen(0.0).waiting(60.0, 2)
        assert KNOWN.gap(back, 60.0, wide, pace=10.0) == pytest.approx(500.0)
        assert KNOWN.gap(near, 60.0, wide, pace=10.0) < 100.0

    def test_learned_waits_are_used_while_it_waits(self) -> None:
        wide = Bounds(2.0, 3600.0)
        patient = Known(RUNS, [1000.0 + at for at in range(40)])
        waiting = Seen(0.0).waiting(10.0, None)
        assert patient.gap(waiting, 10.0, wide) > 500.0 > KNOWN.gap(waiting, 10.0, wide)


class TestPace:
    def test_two_positions_tell_it(self) -> None:
        before, after = Seen(0.0).waiting(10.0, 9), Seen(0.0).waiting(40.0, 6)
        assert pace(before, after) == 10.0

    def test_without_progress_there_is_none(self) -> None:
        still = Seen(0.0).waiting(10.0, 9)
        assert pace(still, still.waiting(20.0, 9)) is None
        assert pace(still, still.waiting(20.0, None)) is None
        assert pace(Seen(0.0), still) is None


class TestLessons:
    def test_an_end_lies_between_two_polls(self) -> None:
        assert lesson(Seen(100.0, polls=4), 210.0, 220.0).run == 115.0

    def test_a_wait_and_a_run_are_told_apart(self) -> None:
        seen = Seen(0.0).waiting(40.0, 1).rendering(50.0)
        learned = lesson(seen, 160.0, 170.0)
        assert (learned.run, learned.wait) == (120.0, 45.0)

    def test_a_start_that_is_hardly_known_teaches_no_run(self) -> None:
        seen = Seen(0.0).waiting(40.0, 1).rendering(140.0)
        learned = lesson(seen, 160.0, 170.0)
        assert (learned.run, learned.wait) == (None, 90.0)

    def test_one_that_was_last_seen_waiting_teaches_nothing(self) -> None:
        learned = lesson(Seen(0.0).waiting(40.0, 1), 40.0, 170.0)
        assert (learned.run, learned.wait) == (None, None)

    def test_it_is_kept_with_a_take_and_read_again(self) -> None:
        fields = {"polls": "3", "queued_at": "40000", "running_at": "50500", "position": "2", "position_at": "40000"}
        assert Seen.read(fields, 7.0) == Seen(7.0, 3, 40.0, 50.5, 2, 40.0)
        assert Seen.read({}, 7.0) == Seen(7.0)
