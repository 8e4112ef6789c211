"""The states of a take: where each leads, and what is refused."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hand_time import Hall

from workers.engine.limits import Limits
from workers.engine.room import WaitingRoom
from workers.engine.states import ALIVE, ORPHANS, State, Step
from workers.engine.work import Work
from workers.errors import IllegalTransition

LEADS_TO = {
    State.WAITING: {
        State.ADMITTED,
        State.FAILED,
        State.BLOCKED,
        State.RENDERING,
        State.DOUBT,
        State.CANCELLED,
        State.WAIVED,
    },
    State.ADMITTED: {
        State.SUBMITTING,
        State.WAITING,
        State.FAILED,
        State.DOUBT,
        State.DONE,
        State.RENDERING,
        State.CANCELLED,
    },
    State.SUBMITTING: {State.RENDERING, State.WAITING, State.FAILED, State.DOUBT, State.CANCELLED},
    State.RENDERING: {State.RENDERING, State.COLLECTING, State.WAITING, State.FAILED, State.CANCELLED},
    State.COLLECTING: {State.COLLECTING, State.RENDERING, State.DONE, State.FAILED},
    State.DOUBT: {State.DOUBT, State.RENDERING, State.WAITING, State.WAIVED},
    State.FAILED: {State.WAITING, State.RENDERING, State.WAIVED},
    State.CANCELLED: {State.WAITING, State.BLOCKED, State.RENDERING, State.WAIVED},
    State.WAIVED: {State.WAITING, State.BLOCKED, State.RENDERING},
}
"""Of a blocked take nothing is done by hand: what it waits for releases it (`test_twins.py`)."""

OPEN = (*ALIVE, State.WAITING)
AT_REST = (State.FAILED, State.DOUBT, State.BLOCKED, State.CANCELLED, State.WAIVED)
EVERY = list(itertools.product(LEADS_TO, State))
LEGAL = [(start, end) for start, end in EVERY if end in LEADS_TO[start]]
ILLEGAL = [(start, end) for start, end in EVERY if end not in LEADS_TO[start]]
SEATED = {State.ADMITTED, State.SUBMITTING, State.RENDERING}
UNSEATED = {State.COLLECTING, State.FAILED}
"""From here a job is asked about that is over at the provider, and takes no seat any more."""

TAKEN_UP = [State.WAITING, State.ADMITTED, State.SUBMITTING, State.DOUBT, State.CANCELLED, State.WAIVED]
"""Where a take may be when its attempt's own job is named at last."""


def named(pair: tuple[State, State]) -> str:
    return f"{pair[0]}-{pair[1]}"


@pytest.mark.parametrize("pair", LEGAL, ids=named)
def test_a_step_that_the_states_have_is_taken(hall: Hall, pair: tuple[State, State]) -> None:
    start, end = pair
    hall.open(total=1)
    work = hall.reached(start)
    assert hall.states() == {start: 1}

    assert hall.room.move(work, start, end, delay=7.0, fields={"word": "said"}, counters={"objects": 3})

    assert hall.states() == {end: 1}
    standing = hall.room.standing("b")
    assert standing is not None
    assert standing.objects == 3
    assert standing.settling == (end is State.DOUBT), "a doubt is looked into once, whatever the provider offers"
    assert standing.open == (end in (*OPEN, State.BLOCKED, State.DOUBT))
    assert hall.seats() == ({"b:0"} if end in SEATED and start not in UNSEATED else set())
    assert hall.due() == ({"b:0": 7.0} if end in (*ALIVE, State.DOUBT) else {})
    assert {state: hall.members(state) for state in AT_REST} == {
        state: {"0"} if end is state else set() for state in AT_REST
    }
    assert hall.set_of("alive") == ({"0"} if end in ALIVE else set())
    if end is State.DONE:
        assert hall.room.take("b", 0) is None
        assert list(hall.room.done("b")) == [0]
    else:
        record = hall.room.take("b", 0)
        assert record is not None
        assert record.state is end
        assert record.fields["word"] == "said"


@pytest.mark.parametrize("pair", ILLEGAL, ids=named)
def test_a_step_that_the_states_do_not_have_is_refused_and_changes_nothing(
    hall: Hall, pair: tuple[State, State]
) -> None:
    start, end = pair
    hall.open(total=1)
    work = hall.reached(start)
    before = hall.keys()

    with pytest.raises(IllegalTransition, match=f"{start} -> {end} for take 0 of b"):
        hall.room.move(work, start, end, fields={"word": "said"}, counters={"objects": 1})

    assert hall.keys() == before


@pytest.mark.parametrize("pair", LEGAL, ids=named)
def test_a_stale_fence_is_refused(hall: Hall, pair: tuple[State, State]) -> None:
    start, end = pair
    hall.open(total=1)
    work = hall.reached(start)
    before = hall.keys()

    stale = Work(work.step, work.batch, work.index, work.fence - 1, work.attempt)
    assert not hall.room.move(stale, start, end, fields={"word": "said"}, counters={"objects": 1})

    assert hall.keys() == before


def test_a_hand_whose_take_is_in_another_state_is_refused(hall: Hall) -> None:
    hall.open(total=1)
    work = hall.submitting()
    before = hall.keys()
    assert not hall.room.move(work, State.ADMITTED, State.SUBMITTING)
    assert not hall.room.move(work, State.RENDERING, State.COLLECTING)
    assert hall.keys() == before


def test_a_take_that_was_never_admitted_can_be_moved_by_nobody(hall: Hall) -> None:
    hall.open(total=2)
    assert not hall.room.move(Work(Step.SUBMIT, "b", 1, 0, 1), State.WAITING, State.FAILED)
    assert hall.states() == {State.WAITING: 2}


def test_two_hands_of_one_fence_move_a_take_once(hall: Hall) -> None:
    hall.open(total=1)
    work = hall.admitted()
    moved = [hall.room.move(work, State.ADMITTED, State.SUBMITTING, counters={"submissions": 1}) for _ in range(2)]
    assert moved == [True, False]
    standing = hall.room.standing("b")
    assert standing is not None
    assert standing.submissions == 1


@pytest.mark.parametrize("pair", LEGAL, ids=named)
def test_a_move_whose_answer_was_lost_is_answered_as_the_first_time(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, pair: tuple[State, State]
) -> None:
    """The client sends a command again when the connection broke: the same bytes, so the same hand."""
    start, end = pair
    hall.open(total=1)
    work = hall.reached(start)
    evalsha = hall.client.evalsha
    answers = []

    def twice(*args: object) -> object:
        answers.extend([evalsha(*args), evalsha(*args)])  # type: ignore[arg-type]
        return answers[-1]

    monkeypatch.setattr(hall.client, "evalsha", twice)
    assert hall.room.move(work, start, end, counters={"submissions": 1})
    assert answers == [end.encode(), end.encode()]
    monkeypatch.undo()

    assert hall.states() == {end: 1}
    standing = hall.room.standing("b")
    assert standing is not None
    assert standing.submissions == 1


class TestAccept:
    @pytest.mark.parametrize("start", TAKEN_UP)
    def test_a_job_is_taken_up_from_where_it_may_come(self, hall: Hall, start: State) -> None:
        hall.open(total=1)
        work = hall.reached(start)
        answer = hall.room.accept(
            "b",
            work.index,
            attempt=work.attempt,
            job_id="job-1",
            first_poll=3.0,
            fields={"job": {"id": "job-1"}},
            counters={"objects": 1},
        )
        assert answer == "rendering"
        assert hall.states() == {State.RENDERING: 1}
        assert hall.due() == {"b:0": 3.0}
        assert hall.seats() == {"b:0"}
        assert hall.members(State.DOUBT) == set()
        standing = hall.room.standing("b")
        assert standing is not None
        assert (standing.objects, standing.orphans) == (1, 0)
        record = hall.room.take("b", 0)
        assert record is not None
        assert record.job == {"id": "job-1"}
        assert record.fence == work.fence + 1, "no hand that is older may go on with it"
        assert record.fields.get("cancelling") == ("wanted" if start is State.CANCELLED else None)
        assert "error" not in record.fields

    @pytest.mark.parametrize("start", TAKEN_UP)
    def test_a_job_of_an_attempt_that_is_over_is_followed_besides(self, hall: Hall, start: State) -> None:
        hall.open(total=1)
        work = hall.reached(start)
        before = hall.room.take("b", 0)
        late = replace(work, attempt=work.attempt + 1)
        assert hall.accept(late, "job of another attempt") == "orphan"
        assert hall.room.take("b", 0) == before

    @pytest.mark.parametrize("start", [State.RENDERING, State.COLLECTING])
    def test_a_job_that_is_known_changes_nothing(self, hall: Hall, start: State) -> None:
        hall.open(total=1)
        work = hall.reached(start)
        before = hall.keys()
        assert hall.accept(work, "job-1") == "known"
        assert hall.keys() == before

    @pytest.mark.parametrize("start", [s for s in LEADS_TO if s not in TAKEN_UP])
    def test_a_job_of_a_take_that_is_elsewhere_is_followed_besides_it(self, hall: Hall, start: State) -> None:
        hall.open(total=1)
        work = hall.reached(start)
        before = hall.room.take("b", 0)
        assert hall.accept(work, "another job") == "orphan"
        assert hall.room.take("b", 0) == before
        standing = hall.room.standing("b")
        assert standing is not None
        assert (standing.orphans, standing.orphans_alive) == (1, 1)
        assert hall.room.orphans("b") == {"another job": str(ORPHANS + 1)}

    def test_of_a_batch_that_redis_has_forgotten_nothing_is_kept(self, hall: Hall) -> None:
        """Half of a batch would be taken for the whole of it. Whoever asked keeps the job in the store."""
        assert hall.accept(Work(Step.SUBMIT, "b", 0, 1, 1), "job-1") == "unknown"
        assert hall.count_keys() == 0

    def test_a_job_of_a_take_that_was_never_admitted_is_its_first_attempts(self, hall: Hall) -> None:
        """As far as Redis knows, which has gone back: the job is there all the same."""
        hall.open(total=2)
        assert hall.accept(Work(Step.SUBMIT, "b", 0, 1, 1), "job-1") == "rendering"
        assert hall.states() == {State.RENDERING: 1, State.WAITING: 1}
        assert (hall.seats(), hall.due()) == ({"b:0"}, {"b:0": 0.0})
        hall.accept(Work(Step.SUBMIT, "b", 0, 1, 1), "job-1")
        works = hall.room.tick()
        assert sorted((work.step, work.index) for work in works) == [(Step.POLL, 0), (Step.SUBMIT, 1)]

    @pytest.mark.parametrize(
        ("index", "attempt", "besides"),
        [(0, 2, False), (0, 1, True), (7, 1, False)],
        ids=["a later attempt", "known to have come besides", "nobody asks for it"],
    )
    def test_a_job_that_cannot_be_that_of_a_take_that_was_never_admitted_is_followed_besides_it(
        self, hall: Hall, index: int, attempt: int, besides: bool
    ) -> None:
        hall.open(total=1)
        answer = hall.room.accept(
            "b", index, attempt=attempt, job_id="job-1", first_poll=1.0, fields={}, besides=besides
        )
        assert answer == "orphan"
        assert hall.states() == {State.WAITING: 1}
        assert [work.index for work in hall.room.tick()] == [0], "it is admitted like any other"

    @pytest.mark.parametrize("end", [State.DONE, State.FAILED, State.CANCELLED, State.WAITING])
    def test_a_job_that_is_over_is_known_to_be_for_a_day(self, hall: Hall, end: State) -> None:
        """A hand that Redis was away for names it late, and the acceptance was found in the store meanwhile."""
        hall.open(total=1)
        work = hall.reached(State.COLLECTING if end is State.DONE else State.RENDERING)
        start = State.COLLECTING if end is State.DONE else State.RENDERING
        gone = {"job": None, "job_id": None, "attempt": 2}
        assert hall.room.move(work, start, end, fields=gone if end is State.WAITING else {})
        before = hall.keys()
        hall.time.forward(86_000)
        assert hall.accept(Work(Step.SUBMIT, "b", 0, 1, 1), "job-1") == "over"
        assert hall.keys() == before

    def test_it_is_not_remembered_for_ever(self, hall: Hall) -> None:
        hall.open(total=2, limits=Limits(seats=1, queues=True))
        first = hall.rendering("job-1")
        hall.room.move(first, State.RENDERING, State.FAILED)
        hall.time.forward(90_000)
        second = hall.rendering("job-2")
        hall.room.move(second, State.RENDERING, State.FAILED)
        assert hall.client.zrange(f"{hall.namespace}:batch:b:over", 0, -1) == [b"job-2"]

    def test_one_that_the_store_says_is_done_is_known_as_well(self, hall: Hall) -> None:
        hall.open(total=1)
        hall.rendering("job-1")
        hall.room.mark_done("b", [0], gone_back=True)
        assert hall.accept(Work(Step.SUBMIT, "b", 0, 1, 1), "job-1") == "over"

    def test_a_job_that_arrives_after_its_take_fell_in_doubt_is_taken_up(self, hall: Hall) -> None:
        hall.open(total=1)
        work = hall.submitting(lease=100.0)
        hall.time.forward(101)
        assert hall.room.tick() == []
        assert hall.state(0) is State.DOUBT
        assert not hall.room.move(work, State.SUBMITTING, State.WAITING), "the silent hand has lost the take"
        assert hall.accept(work, "job-1") == "rendering"

    def test_names_and_words_that_no_utf_8_can_hold_are_kept_as_far_as_can_be(self, hall: Hall) -> None:
        hall.open(total=1)
        work = hall.submitting()
        answer = hall.room.accept(
            "b", 0, attempt=1, job_id="job-\ud800", first_poll=0.0, fields={"waits_for": "half \udc00 é"}
        )
        assert answer == "rendering"
        record = hall.room.take("b", work.index)
        assert record is not None
        assert record.fields["job_id"] == "job-?"
        assert record.fields["waits_for"] == "half ? é"
        hall.room.pause("fal", kind="auth", reason="\ud800")
        hall.room.slow_down("fal", seconds=1, reason="\ud800")
        hall.room.store_fails("\ud800", seconds=1)


class TestNote:
    def test_something_is_kept_with_the_job_that_it_is_about(self, hall: Hall) -> None:
        hall.open(total=1)
        hall.rendering("job-1")
        hall.room.note("b", 0, "job-1", {"filed": 1, "job": None})
        hall.room.note("b", 0, "another", {"filed": 2})
        record = hall.room.take("b", 0)
        assert record is not None
        assert record.fields["filed"] == "1"
        assert record.job is None


class TestRenew:
    def test_a_lease_is_put_off(self, hall: Hall) -> None:
        hall.open(total=1)
        work = hall.collecting()
        hall.time.forward(20)
        assert hall.room.renew(work, lease=30.0)
        assert hall.due() == {"b:0": 30.0}

    def test_the_last_look_before_money_is_for_the_newest_hand_and_a_redis_that_is_trusted(self, hall: Hall) -> None:
        hall.open(total=1)
        work = hall.admitted()
        assert not hall.room.may_send(work, lease=100.0), "it is not submitting yet"
        hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=5.0)
        assert hall.room.may_send(work, lease=100.0)
        assert hall.due() == {"b:0": 100.0}
        assert not hall.room.may_send(replace(work, fence=work.fence - 1), lease=100.0)
        hall.server = "the second"
        assert not hall.room.may_send(work, lease=100.0)
        hall.server = "the first"
        hall.time.forward(100)
        hall.room.tick()
        assert not hall.room.may_send(work, lease=100.0), "it is in doubt"

    def test_a_step_that_is_claimed_has_one_hand(self, hall: Hall) -> None:
        hall.open(total=1)
        work = hall.collecting()
        mine = hall.room.claim(work)
        assert mine is not None
        assert hall.room.claim(work) is None
        assert not hall.room.move(work, State.COLLECTING, State.COLLECTING)
        assert hall.room.move(mine, State.COLLECTING, State.COLLECTING)

    def test_a_claim_whose_answer_was_lost_is_answered_as_the_first_time(
        self, hall: Hall, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hall.open(total=1)
        work = hall.collecting()
        evalsha = hall.client.evalsha
        monkeypatch.setattr(hall.client, "evalsha", lambda *args: [evalsha(*args) for _ in range(2)][-1])
        mine = hall.room.claim(work)
        monkeypatch.undo()
        assert mine is not None
        assert hall.room.move(mine, State.COLLECTING, State.COLLECTING)

    def test_a_stale_hand_renews_nothing(self, hall: Hall) -> None:
        hall.open(total=1)
        work = hall.collecting()
        hall.time.forward(31)
        hall.handed(Step.COLLECT)
        before = hall.due()
        assert not hall.room.renew(work, lease=500.0)
        assert hall.due() == before

    def test_a_take_that_is_not_due_is_not_made_so(self, hall: Hall) -> None:
        hall.open(total=1)
        work = hall.failed()
        assert not hall.room.renew(work, lease=30.0)
        assert hall.due() == {}


class TestSeats:
    def test_a_take_in_doubt_keeps_its_seat_where_the_provider_does_not_queue(self, hall: Hall) -> None:
        hall.open(total=2, limits=Limits(seats=1, queues=False))
        hall.doubted()
        assert hall.seats() == {"b:0"}
        assert hall.room.tick() == []

    def test_a_take_in_doubt_gives_its_seat_back_where_the_provider_queues(self, hall: Hall) -> None:
        hall.open(total=2, limits=Limits(seats=1, queues=True))
        hall.doubted()
        assert hall.seats() == set()
        assert [work.index for work in hall.room.tick()] == [1]


class TestAdopt:
    @pytest.mark.parametrize("state", [s for s in State if s not in (State.DONE, State.BLOCKED)])
    def test_what_redis_does_not_know_is_taken_over(self, hall: Hall, state: State) -> None:
        hall.open(total=2, begin=False)
        assert hall.room.adopt("b", 1, state, {"attempt": 4, "job": {"id": "job-1"}})
        assert hall.states() == {state: 1, State.WAITING: 1} if state is not State.WAITING else {State.WAITING: 2}
        assert hall.seats() == ({"b:1"} if state in SEATED else set())
        assert hall.due() == ({"b:1": 0.0} if state in (*ALIVE, State.DOUBT) else {})
        record = hall.room.take("b", 1)
        assert record is not None
        assert (record.state, record.attempt, record.job) == (state, 4, {"id": "job-1"})

    def test_a_take_that_came_back_is_admitted_with_its_attempt(self, hall: Hall) -> None:
        hall.open(total=2, begin=False)
        assert hall.room.adopt("b", 1, State.WAITING, {"attempt": 4})
        hall.room.begin("b")
        assert {(work.index, work.attempt) for work in hall.room.tick()} == {(0, 1), (1, 4)}
        assert hall.room.tick() == []

    @pytest.mark.parametrize("state", list(LEADS_TO))
    def test_what_redis_knows_is_left_alone(self, hall: Hall, state: State) -> None:
        hall.open(total=1)
        hall.reached(state)
        before = hall.keys()
        assert not hall.room.adopt("b", 0, State.RENDERING, {"attempt": 9})
        assert not hall.room.adopt("b", 0, State.WAITING, {"attempt": 9}, receipt_lost=True)
        assert hall.keys() == before

    def test_a_take_that_is_done_is_left_alone_unless_its_receipt_is_lost(self, hall: Hall) -> None:
        hall.open(total=1)
        hall.room.mark_done("b", [0])
        assert not hall.room.adopt("b", 0, State.WAITING, {"attempt": 1})
        assert hall.states() == {State.DONE: 1}
        assert hall.room.adopt("b", 0, State.WAITING, {"attempt": 1}, receipt_lost=True)
        assert hall.states() == {State.WAITING: 1}
        assert [work.index for work in hall.room.tick()] == [0]

    def test_a_doubt_taken_over_holds_a_seat_where_the_provider_does_not_queue(self, hall: Hall) -> None:
        hall.open(total=2, limits=Limits(seats=1, queues=False))
        assert hall.room.adopt("b", 0, State.DOUBT, {"attempt": 1})
        assert [(work.step, work.index) for work in hall.room.tick()] == [(Step.SETTLE, 0)]

    @pytest.mark.parametrize("state", [s for s in LEADS_TO if s is not State.COLLECTING])
    def test_what_redis_has_gone_back_to_gives_way_to_the_record(self, hall: Hall, state: State) -> None:
        hall.open(total=1, limits=Limits(seats=1, queues=False))
        work = hall.reached(state)
        fields = {"attempt": 3, "job": {"id": "job-3"}}
        assert hall.room.adopt("b", 0, State.COLLECTING, fields, older=True)
        assert hall.states() == {State.COLLECTING: 1}
        assert hall.seats() == set()
        assert hall.due() == {"b:0": 0.0}
        assert all(hall.members(rest) == set() for rest in AT_REST)
        record = hall.room.take("b", 0)
        assert record is not None
        assert (record.attempt, record.job) == (3, {"id": "job-3"})
        assert record.fence > work.fence, "the hand from before is stale"
        assert "last" not in record.fields

    def test_a_take_that_nobody_asks_for_any_more_is_counted_besides(self, hall: Hall) -> None:
        hall.open(total=2, begin=False)
        assert hall.room.adopt("b", 7, State.RENDERING, {"attempt": 1}, withdrawn=True)
        assert hall.states() == {State.WAITING: 2, State.RENDERING: 1}
        assert not hall.room.adopt("b", 7, State.RENDERING, {"attempt": 1}, withdrawn=True)
        assert hall.states() == {State.WAITING: 2, State.RENDERING: 1}

    def test_of_a_batch_that_redis_has_forgotten_nothing_is_taken_over(self, hall: Hall) -> None:
        """It was emptied between `open` and this. Half a record would keep the next opening from mending it."""
        assert not hall.room.adopt("b", 0, State.DOUBT, {"attempt": 1})
        assert hall.count_keys() == 0


class TestMarkDone:
    @pytest.mark.parametrize("state", [s for s in LEADS_TO if s not in ALIVE])
    def test_nothing_is_left_of_a_take_that_is_not_alive(self, hall: Hall, state: State) -> None:
        hall.open(total=1, limits=Limits(seats=5, queues=False))
        hall.reached(state)
        hall.room.mark_done("b", [0])
        assert hall.states() == {State.DONE: 1}
        assert hall.room.take("b", 0) is None
        assert hall.seats() == set()
        assert all(hall.members(rest) == set() for rest in AT_REST)
        hall.time.forward(5000)
        assert hall.room.tick() == [], "its receipt is in the store: to admit it would pay twice"

    @pytest.mark.parametrize("state", ALIVE)
    def test_a_take_that_is_alive_comes_to_it_by_itself(self, hall: Hall, state: State) -> None:
        hall.open(total=1)
        hall.reached(state)
        before = hall.keys()
        hall.room.mark_done("b", [0])
        assert hall.keys() == before

    @pytest.mark.parametrize("state", ALIVE)
    def test_when_redis_has_gone_back_what_seems_alive_is_done(self, hall: Hall, state: State) -> None:
        hall.open(total=1)
        work = hall.reached(state)
        hall.room.mark_done("b", [0], gone_back=True)
        assert hall.states() == {State.DONE: 1}
        assert (hall.seats(), hall.due(), hall.set_of("alive")) == (set(), {}, set())
        assert not hall.room.move(work, state, State.FAILED)

    def test_of_a_batch_that_redis_has_forgotten_nothing_is_marked(self, hall: Hall) -> None:
        hall.room.mark_done("b", [0])
        assert hall.count_keys() == 0

    def test_many_are_marked(self, hall: Hall) -> None:
        hall.open(total=20_000)
        hall.room.mark_done("b", range(0, 20_000, 2))
        assert hall.states() == {State.DONE: 10_000, State.WAITING: 10_000}
        assert list(hall.room.done("b"))[:3] == [0, 2, 4]


class TestOpen:
    def test_a_batch_is_new_then_the_same(self, hall: Hall) -> None:
        def open_it() -> str:
            return hall.room.open(
                "b", digest="one", live=3, provider="fal", manifest=b'{"frozen": 1}', spans="[[0,3,0,null]]"
            )

        assert open_it() == "new"
        hall.room.begin("b")
        before = hall.keys()
        assert open_it() == "same"
        assert hall.keys() == before
        assert hall.room.manifest("b") == b'{"frozen": 1}'
        assert hall.room.batches() == ["b"]

    def test_nothing_is_admitted_before_the_batch_begins(self, hall: Hall) -> None:
        """Or what the store knows to be paid for, and Redis not yet, would be paid for again."""
        hall.open("old", total=1)
        hall.open("b", total=3, begin=False)
        assert hall.room.adopt("b", 0, State.WAITING, {"attempt": 2})
        assert {work.batch for work in hall.room.tick()} == {"old"}
        hall.room.begin("b")
        assert [work.index for work in hall.room.tick()] == [0, 1, 2]

    def test_what_is_taken_over_as_rendering_is_polled_before_the_batch_begins(self, hall: Hall) -> None:
        hall.open(total=3, begin=False)
        hall.room.adopt("b", 1, State.RENDERING, {"attempt": 1, "job": {"id": "job-1"}})
        assert [(work.step, work.index) for work in hall.room.tick()] == [(Step.POLL, 1)]

    def test_what_redis_does_not_know_has_no_standing(self, room: WaitingRoom) -> None:
        assert room.standing("nowhere") is None
        assert room.manifest("nowhere") is None
        assert room.take("nowhere", 0) is None
        assert list(room.done("nowhere")) == []
        assert room.held("nowhere", State.FAILED) == []


class TestHeld:
    def test_failed_and_doubted_takes_are_told_by_index(self, hall: Hall) -> None:
        hall.open(total=12)
        works = {work.index: work for work in hall.room.tick()}
        for index, work in works.items():
            hall.room.move(work, State.ADMITTED, State.SUBMITTING)
            end = State.FAILED if index in (2, 10, 11) else State.DOUBT
            hall.room.move(work, State.SUBMITTING, end, fields={"error": {"kind": "invalid", "message": "é"}})
        assert [record.index for record in hall.room.held("b", State.FAILED)] == [2, 10, 11]
        assert len(hall.room.held("b", State.DOUBT)) == 9
        assert hall.room.held("b", State.FAILED)[0].value("error") == {"kind": "invalid", "message": "é"}
        assert hall.states() == {State.FAILED: 3, State.DOUBT: 9}
