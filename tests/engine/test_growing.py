"""A batch whose manifest was edited: other takes live, and what is under way belongs to it until it is settled."""

from __future__ import annotations

import pytest
from hand_time import Hall

from workers.engine.limits import Limits, Terms
from workers.engine.states import State, Step

MOST = Limits(seats=99, queues=True)
LIVE = "[[1,2,0,null],[5,8,0,null]]"
"""Of five takes the second is left, and three are new."""


def grow(hall: Hall, *, live: int = 4, spans: str = LIVE, provider: str = "fal", terms: Terms | None = None) -> str:
    return hall.room.open(
        "b", digest=f"with {spans}", live=live, provider=provider, manifest=b'{"2": 2}', spans=spans, terms=terms
    )


def test_only_what_is_asked_for_now_is_admitted(hall: Hall) -> None:
    hall.open(total=5)
    assert grow(hall) == "grown"
    assert hall.room.tick() == [], "what the store has of it is not known yet"
    hall.room.begin("b")
    assert [work.index for work in hall.room.tick()] == [1, 5, 6, 7]
    assert hall.room.manifest("b") == b'{"2": 2}'
    assert hall.room.digest("b") == f"with {LIVE}"


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        (State.WAITING, False),
        (State.FAILED, False),
        (State.CANCELLED, False),
        (State.WAIVED, False),
        (State.ADMITTED, False),
        (State.SUBMITTING, True),
        (State.RENDERING, True),
        (State.COLLECTING, True),
        (State.DOUBT, True),
    ],
)
def test_what_is_or_may_be_at_the_provider_stays_and_the_rest_is_dropped(hall: Hall, state: State, kept: bool) -> None:
    hall.open(total=5, limits=Limits(seats=1, queues=True))
    work = hall.reached(state)
    assert work.index == 0
    assert grow(hall) == "grown"
    assert sum(hall.states().values()) == 4 + kept
    assert hall.state(0) == (state if kept else None)
    assert (hall.room.take("b", 0) is not None) == kept
    assert hall.members(state) == ({"0"} if state is State.DOUBT else set())


@pytest.mark.parametrize("awaited", [True, False])
def test_what_may_be_accepted_is_sent_again_only_for_one_that_waits_for_it(hall: Hall, awaited: bool) -> None:
    hall.open(total=5, limits=Limits(seats=1, again_seconds=300.0))
    hall.submitting(lease=1.0)
    hall.time.forward(1)
    hall.room.pause("fal", kind="auth", reason="why")
    hall.room.tick()
    assert hall.states() == {State.WAITING: 5}
    grow(hall)
    assert hall.states() == {State.WAITING: 5}
    if awaited:
        hall.room.adopt("b", 1, State.BLOCKED, {"attempt": 1, "blocked_on": 0})
    hall.room.begin("b")
    hall.room.set_limits("fal", Limits(seats=99, again_seconds=300.0))
    works = {work.index: work for work in hall.room.tick()}
    assert (0 in works) == awaited
    if awaited:
        assert hall.room.move(works[0], State.ADMITTED, State.SUBMITTING)
        assert hall.room.may_send(works[0], lease=1.0)
    else:
        assert hall.state(0) is State.DOUBT, "nobody asks for it, and whether it was accepted isn't known"


def test_of_what_is_to_be_sent_again_the_last_look_sees_that_nobody_asks_for_it(hall: Hall) -> None:
    hall.open(total=5, limits=Limits(seats=1, again_seconds=300.0))
    hall.submitting(lease=1.0)
    hall.time.forward(1)
    (again,) = hall.room.tick()
    assert hall.room.move(again, State.ADMITTED, State.SUBMITTING)
    assert hall.room.may_send(again, lease=1.0)
    grow(hall)
    assert not hall.room.may_send(again, lease=1.0)


def test_one_that_grew_from_what_is_no_longer_there_changes_nothing(hall: Hall) -> None:
    """A process that was suspended while another one edited the batch."""
    hall.open(total=5)
    before = hall.room.digest("b")
    assert grow(hall) == "grown"
    hall.room.begin("b")
    kept = hall.keys()
    assert before is not None
    stale = hall.room.open(
        "b", digest="late", live=1, provider="fal", manifest=b"{}", spans="[[0,1,0,null]]", grew_from=before
    )
    assert stale == "overtaken"
    assert not hall.room.set_spans("b", LIVE, "[[0,1,0,null]]", digest=before)
    assert not hall.room.begin("b", digest=before)
    assert hall.keys() == kept


@pytest.mark.parametrize("state", [State.WAITING, State.ADMITTED])
def test_what_a_redis_that_may_have_gone_back_knows_is_kept_until_the_record_was_read(hall: Hall, state: State) -> None:
    """Whose the intent on record is, for one: without it, what was never sent would fall in doubt."""
    hall.open(total=5, limits=Limits(seats=1, queues=True))
    hall.reached(state)
    hall.server = "another"
    grow(hall)
    assert hall.room.take("b", 0) is not None
    hall.room.begin("b")
    assert hall.room.take("b", 0) is None
    assert hall.states() == {State.WAITING: 4}


def test_what_nobody_asks_for_any_more_is_followed_to_its_end(hall: Hall) -> None:
    hall.open(total=5, limits=Limits(seats=1, queues=True))
    poll = hall.rendering()
    grow(hall)
    hall.room.begin("b")
    assert hall.room.move(poll, State.RENDERING, State.COLLECTING)
    collect = hall.handed(Step.COLLECT)
    assert hall.room.move(collect, State.COLLECTING, State.DONE)
    assert hall.states() == {State.DONE: 1, State.ADMITTED: 1, State.WAITING: 3}


def test_it_is_not_begun_again(hall: Hall) -> None:
    hall.open(total=5, limits=Limits(seats=1, queues=True))
    poll = hall.rendering()
    grow(hall)
    hall.room.begin("b")
    assert hall.room.move(poll, State.RENDERING, State.WAITING, fields={"attempt": 2})
    assert hall.state(0) is State.CANCELLED
    hall.room.set_limits("fal", MOST)
    assert [work.index for work in hall.room.tick()] == [1, 5, 6, 7]


def test_a_doubt_that_nobody_asks_for_any_more_is_not_submitted_again(hall: Hall) -> None:
    hall.open(total=5, limits=Limits(seats=1, queues=True))
    work = hall.doubted()
    grow(hall)
    hall.room.begin("b")
    assert hall.room.move(work, State.DOUBT, State.WAITING, fields={"attempt": 2})
    assert hall.state(0) is State.CANCELLED
    hall.room.set_limits("fal", MOST)
    assert [work.index for work in hall.room.tick()] == [1, 5, 6, 7]


def test_what_is_asked_for_again_is_wanted_again(hall: Hall) -> None:
    hall.open(total=5, limits=Limits(seats=1, queues=True))
    poll = hall.rendering()
    grow(hall)
    assert grow(hall, live=5, spans="[[0,5,0,null]]") == "grown"
    hall.room.begin("b")
    assert hall.states() == {State.RENDERING: 1, State.WAITING: 4}
    assert hall.room.move(poll, State.RENDERING, State.WAITING, fields={"attempt": 2})
    assert [(work.index, work.attempt) for work in hall.room.tick()] == [(0, 2)]


def test_what_is_done_and_not_asked_for_any_more_is_not_counted(hall: Hall) -> None:
    hall.open(total=5)
    hall.room.mark_done("b", [0, 1])
    grow(hall)
    hall.room.unmark("b", [0])
    assert hall.states() == {State.DONE: 1, State.WAITING: 3}


def test_what_is_live_is_not_touched(hall: Hall) -> None:
    hall.open(total=5, limits=Limits(seats=1, queues=True), spans="[[1,5,1,null],[0,1,0,null]]")
    poll = hall.rendering()
    before = hall.room.take("b", 1)
    assert before is not None
    grow(hall)
    assert hall.room.take("b", 1) == before
    assert hall.room.move(poll, State.RENDERING, State.COLLECTING)


def test_another_provider_renders_what_is_left_and_the_first_one_what_it_has(hall: Hall) -> None:
    hall.open(total=5, limits=Limits(seats=1, queues=True))
    poll = hall.rendering()
    grow(hall, provider="ark")
    hall.room.set_limits("ark", MOST)
    hall.room.begin("b")
    works = hall.room.tick()
    assert [(work.step, work.index) for work in works] == [
        (Step.SUBMIT, 1),
        (Step.SUBMIT, 5),
        (Step.SUBMIT, 6),
        (Step.SUBMIT, 7),
    ]
    assert hall.seats("ark") == {"b:1", "b:5", "b:6", "b:7"}
    assert hall.seats("fal") == {"b:0"}
    hall.room.move(poll, State.RENDERING, State.COLLECTING)
    assert hall.seats("fal") == set()
    standing = hall.room.standing("b")
    assert standing is not None
    assert standing.lane.provider == "ark"


def test_prices_of_another_manifest_are_forgotten(hall: Hall) -> None:
    terms = Terms(currency="USD", budget=100, budget_stop=100, budget_cancel=100)
    hall.open(total=5, terms=terms)
    hall.room.quote("b", {1: "30,"})
    grow(hall, terms=terms)
    hall.room.begin("b")
    assert [work.step for work in hall.room.tick()] == [Step.QUOTE]


def test_terms_that_are_taken_back_hold_no_more(hall: Hall) -> None:
    hall.open(total=5, terms=Terms(deadline=1.0, max_failures=1, currency="USD", budget_stop=1, on_doubt="resubmit"))
    assert hall.room.on_doubt("b") == "resubmit"
    hall.open(total=5, limits=None, terms=Terms())
    assert len(hall.room.tick()) == 5
    assert hall.room.on_doubt("b") == "hold"
