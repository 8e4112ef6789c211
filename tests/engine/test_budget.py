"""What a batch, and a provider's day, may come to: reserved with the seat, and let go of once."""

from __future__ import annotations

import pytest
from hand_time import Hall

from workers.engine.limits import Limits, Spend, Terms
from workers.engine.standing import Money
from workers.engine.states import State, Step
from workers.engine.work import Work

DAY = 86_400_000


def budget(stop: int, *, cancel: int | None = None) -> Terms:
    return Terms(currency="USD", budget=stop, budget_stop=stop, budget_cancel=stop if cancel is None else cancel)


def opened(
    hall: Hall, *, total: int = 5, stop: int = 100, price: int = 30, seats: int = 5, queues: bool = True
) -> None:
    """A batch whose takes cost 30 each, with 100 to spend."""
    hall.open(total=total, limits=Limits(seats=seats, queues=queues), terms=budget(stop))
    hall.room.quote("b", dict.fromkeys(range(total), f"{price},"))


def money(hall: Hall, batch: str = "b") -> tuple[int, int]:
    """What is spent, and what is reserved."""
    standing = hall.room.standing(batch)
    assert standing is not None
    return standing.money.spent, standing.money.reserved


def stopped(hall: Hall, batch: str = "b") -> str | None:
    standing = hall.room.standing(batch)
    assert standing is not None
    return None if standing.stopped is None else standing.stopped.kind


def day(hall: Hall, at: int | None = None, provider: str = "fal") -> dict[str, int]:
    """A provider's account of the day, without what is nothing."""
    number = (hall.time.ms if at is None else at) // DAY
    found = hall.client.hgetall(f"{hall.namespace}:lane:{provider}:day:{number}")
    return {name.decode(): int(value) for name, value in found.items() if int(value)}


class TestAdmission:
    def test_no_more_is_admitted_than_the_budget_can_pay_for(self, hall: Hall) -> None:
        opened(hall)
        assert [work.index for work in hall.room.tick()] == [0, 1, 2]
        assert money(hall) == (0, 90)
        assert stopped(hall) == "budget"
        assert hall.room.tick() == []
        standing = hall.room.standing("b")
        assert standing is not None
        assert standing.money == Money("USD", 100, 0, 90)
        assert standing.stopped is not None
        assert "0.00 are spent and 0.00 reserved" in standing.stopped.told

    def test_what_is_exactly_left_may_be_spent(self, hall: Hall) -> None:
        opened(hall, stop=90)
        assert len(hall.room.tick()) == 3
        assert money(hall) == (0, 90)

    def test_no_seat_no_reservation(self, hall: Hall) -> None:
        opened(hall, seats=1)
        assert len(hall.room.tick()) == 1
        assert money(hall) == (0, 30)

    def test_what_is_not_known_to_cost_anything_is_asked_for_and_not_admitted(self, hall: Hall) -> None:
        hall.open(total=3, terms=budget(100))
        (quote,) = hall.room.tick()
        assert (quote.step, quote.batch, quote.index) == (Step.QUOTE, "b", 0)
        assert hall.states() == {State.WAITING: 3}
        hall.room.quote("b", {0: "30,", 1: "30,"})
        assert [(work.step, work.index) for work in hall.room.tick()] == [
            (Step.SUBMIT, 0),
            (Step.SUBMIT, 1),
            (Step.QUOTE, 2),
        ]

    def test_what_has_no_price_is_not_admitted(self, hall: Hall) -> None:
        hall.open(total=1, terms=budget(100))
        hall.room.quote("b", {0: "?,"})
        assert hall.room.tick() == []
        assert stopped(hall) == "unpriced"
        assert hall.states() == {State.WAITING: 1}

    def test_a_quote_without_an_account_that_there_is_by_now_is_asked_for_anew(self, hall: Hall) -> None:
        hall.open(total=1, terms=budget(100), limits=Limits(seats=5, day_budget=50))
        hall.room.quote("b", {0: "30,"})
        assert [work.step for work in hall.room.tick()] == [Step.QUOTE]

    def test_without_a_budget_nobody_asks(self, hall: Hall) -> None:
        hall.open(total=3)
        assert [work.step for work in hall.room.tick()] == [Step.SUBMIT] * 3
        assert money(hall) == (0, 0)

    def test_it_goes_on_when_money_comes_back(self, hall: Hall) -> None:
        opened(hall, total=2, stop=30)
        work = hall.submitting()
        assert hall.room.tick() == []
        assert stopped(hall) == "budget"
        hall.room.move(work, State.SUBMITTING, State.FAILED, spend="none")
        assert [again.index for again in hall.room.tick()] == [1]
        assert stopped(hall) is None

    def test_a_batch_that_can_pay_no_more_holds_up_no_other(self, hall: Hall) -> None:
        opened(hall, stop=10)
        hall.open("rich", total=1)
        assert [work.batch for work in hall.room.tick()] == ["rich"]

    def test_a_higher_budget_lets_it_go_on(self, hall: Hall) -> None:
        opened(hall, stop=30)
        assert len(hall.room.tick()) == 1
        hall.open(total=5, limits=None, terms=budget(60))
        hall.room.quote("b", {1: "30,"})
        assert [work.index for work in hall.room.tick()] == [1]

    def test_a_thousand_quotes_are_not_kept_for_ever(self, hall: Hall) -> None:
        hall.open(total=1, terms=budget(100))
        for start in range(0, 10_000, 100):
            hall.room.quote("b", dict.fromkeys(range(start, start + 100), "1,"))
        assert hall.client.hlen(f"{hall.namespace}:batch:b:prices") <= 2100


class TestSettling:
    @pytest.mark.parametrize(
        ("end", "spend", "spent"),
        [
            (State.FAILED, None, 0),
            (State.FAILED, "none", 0),
            (State.FAILED, "all", 30),
            (State.WAITING, None, 0),
            (State.WAITING, "all", 30),
            (State.CANCELLED, None, 0),
            (State.CANCELLED, "all", 30),
        ],
    )
    def test_a_render_that_ends_without_a_video_costs_what_it_was_billed(
        self, hall: Hall, end: State, spend: Spend | None, spent: int
    ) -> None:
        opened(hall, seats=1, stop=30)
        work = hall.rendering()
        assert hall.room.move(work, State.RENDERING, end, delay=50.0, spend=spend)
        assert money(hall) == (spent, 0)

    @pytest.mark.parametrize(
        ("spend", "spent"), [(None, 30), ((21, None), 21), ((None, None), 30), ((0, None), 0), ((45, None), 45)]
    )
    def test_what_is_done_costs_what_it_did_or_else_all_that_was_reserved(
        self, hall: Hall, spend: Spend | None, spent: int
    ) -> None:
        opened(hall, total=1)
        assert hall.room.move(hall.collecting(), State.COLLECTING, State.DONE, spend=spend)
        assert money(hall) == (spent, 0)

    @pytest.mark.parametrize("state", [State.SUBMITTING, State.RENDERING, State.COLLECTING, State.DOUBT])
    def test_what_may_be_billed_stays_reserved(self, hall: Hall, state: State) -> None:
        opened(hall, total=1)
        hall.reached(state)
        assert money(hall) == (0, 30)

    def test_a_doubt_that_is_submitted_again_counts_as_spent_and_the_new_attempt_is_reserved(self, hall: Hall) -> None:
        opened(hall, total=1)
        hall.room.move(hall.doubted(), State.DOUBT, State.WAITING, fields={"attempt": 2})
        assert money(hall) == (30, 0)
        hall.room.quote("b", {0: "30,"})
        assert [work.attempt for work in hall.room.tick()] == [2]
        assert money(hall) == (30, 30)

    def test_a_doubt_that_is_given_up_counts_as_spent(self, hall: Hall) -> None:
        opened(hall, total=1)
        hall.doubted()
        assert hall.room.withdraw("b", 0, State.WAIVED) == "waived"
        assert money(hall) == (30, 0)

    @pytest.mark.parametrize("how", ["silent", "refused", "not sent", "held back"])
    def test_what_is_sent_again_under_its_key_is_the_same_money(self, hall: Hall, how: str) -> None:
        """It may have been accepted. Given back, its money would pay for another take, and both be billed."""
        hall.open(total=1, limits=Limits(seats=5, again_seconds=300.0), terms=budget(30))
        hall.room.quote("b", {0: "30,"})
        hall.submitting(lease=1.0)
        hall.time.forward(1)
        work = hall.admitted()
        assert money(hall) == (0, 30)
        if how == "held back":
            hall.room.hold("b", "cancelled")
        else:
            hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=100.0)
            fields = {} if how == "not sent" else {"waits_for": "why"}
            if how != "silent":
                hall.room.move(work, State.SUBMITTING, State.WAITING, fields=fields)
            else:
                hall.time.forward(100)
                hall.room.tick()
        assert money(hall) == (0, 30)
        hall.room.hold("b", None)
        hall.room.tick()
        assert hall.state(0) is State.ADMITTED, "no new price is asked for, and none reserved"
        assert money(hall) == (0, 30)

    def test_what_may_have_been_accepted_is_not_cancelled_with_what_it_may_cost(self, hall: Hall) -> None:
        hall.open(total=1, limits=Limits(seats=5, again_seconds=300.0), terms=budget(30))
        hall.room.quote("b", {0: "30,"})
        hall.submitting(lease=1.0)
        hall.time.forward(1)
        work = hall.admitted()
        hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=100.0)
        assert hall.room.withdraw("b", 0, State.CANCELLED) == "asked"
        hall.room.move(work, State.SUBMITTING, State.WAITING, fields={"waits_for": "429"})
        assert hall.states() == {State.WAITING: 1}
        assert money(hall) == (0, 30)

    @pytest.mark.parametrize("rest", [State.WAIVED, State.FAILED])
    def test_what_was_counted_as_spent_is_not_counted_again_when_its_job_is_followed_after_all(
        self, hall: Hall, rest: State
    ) -> None:
        opened(hall, total=1)
        if rest is State.WAIVED:
            work = hall.doubted()
            hall.room.withdraw("b", 0, State.WAIVED)
            hall.accept(work, "job-1")
        else:
            work = hall.collecting()
            hall.room.move(work, State.COLLECTING, State.FAILED, spend="all")
            assert money(hall) == (30, 0)
            hall.room.move(work, State.FAILED, State.RENDERING)
        assert money(hall) == (0, 30)
        hall.room.move(hall.handed(Step.POLL), State.RENDERING, State.COLLECTING)
        hall.room.move(hall.handed(Step.COLLECT), State.COLLECTING, State.DONE, spend=(25, None))
        assert money(hall) == (25, 0)

    def test_what_an_earlier_attempt_cost_stays_spent(self, hall: Hall) -> None:
        opened(hall, total=1)
        hall.room.move(hall.doubted(), State.DOUBT, State.WAITING, fields={"attempt": 2})
        hall.room.quote("b", {0: "20,"})
        second = hall.submitting()
        hall.room.move(second, State.SUBMITTING, State.CANCELLED)
        assert money(hall) == (30, 0)
        assert hall.accept(second, "job-2") == "rendering"
        assert money(hall) == (30, 0), "of the second, nothing was put aside any more; the first stays what it was"

    def test_a_move_whose_answer_was_lost_settles_once(self, hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
        opened(hall, total=1)
        work = hall.collecting()
        evalsha = hall.client.evalsha
        monkeypatch.setattr(hall.client, "evalsha", lambda *args: [evalsha(*args) for _ in range(2)][-1])
        assert hall.room.move(work, State.COLLECTING, State.DONE, spend=(20, None))
        monkeypatch.undo()
        assert money(hall) == (20, 0)

    def test_a_receipt_that_turns_up_settles_what_was_reserved(self, hall: Hall) -> None:
        opened(hall, total=1)
        hall.doubted()
        hall.room.mark_done("b", [0])
        assert money(hall) == (30, 0)

    def test_what_is_reused_costs_nothing(self, hall: Hall) -> None:
        opened(hall, total=1, stop=10)
        hall.room.adopt("b", 0, State.WAITING, {"attempt": 1, "reuse": 7})
        hall.client.delete(f"{hall.namespace}:batch:b:prices")
        work = hall.admitted()
        assert money(hall) == (0, 0)
        assert hall.room.move(work, State.ADMITTED, State.DONE, spend="none")
        assert money(hall) == (0, 0)


class TestCancelling:
    def test_at_the_second_threshold_what_can_be_cancelled_is(self, hall: Hall) -> None:
        hall.open(total=5, limits=Limits(seats=4, queues=True), terms=budget(1000, cancel=40))
        hall.room.quote("b", dict.fromkeys(range(5), "30,"))
        works = hall.room.tick()
        for work in works[:3]:
            hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=1000.0)
        for work in works[:2]:
            hall.accept(work, f"job-{work.index}")
        polls = hall.room.tick()
        hall.room.move(polls[0], State.RENDERING, State.COLLECTING)
        hall.room.move(hall.handed(Step.COLLECT), State.COLLECTING, State.DONE, spend=(41, None))

        handed = hall.room.tick()

        assert [(work.step, work.index) for work in handed if work.step is Step.POLL] == [(Step.POLL, 1)], "due at once"
        for index in (1, 2):
            record = hall.room.take("b", index)
            assert record is not None
            assert record.fields["cancelling"] == "wanted"
        assert not hall.room.move(works[3], State.ADMITTED, State.SUBMITTING), "what is not sent yet isn't sent"
        assert money(hall)[0] == 41

    def test_it_does_so_though_no_seat_is_free_and_nothing_waits(self, hall: Hall) -> None:
        hall.open(total=2, limits=Limits(seats=2, queues=True), terms=budget(100, cancel=20))
        hall.room.quote("b", {0: "30,", 1: "30,"})
        first, second = hall.room.tick()
        for work in (first, second):
            hall.room.move(work, State.ADMITTED, State.SUBMITTING, delay=1000.0)
            hall.accept(work, f"job-{work.index}")
        hall.room.pause("fal", kind="quota", reason="no money")
        poll = hall.room.tick()[0]
        hall.room.move(poll, State.RENDERING, State.FAILED, spend="all")
        assert [work.index for work in hall.room.tick()] == [1]
        record = hall.room.take("b", 1)
        assert record is not None
        assert record.fields["cancelling"] == "wanted"

    def test_it_is_asked_for_once(self, hall: Hall) -> None:
        hall.open(total=1, terms=budget(100, cancel=0))
        hall.room.quote("b", {0: "30,"})
        hall.rendering()
        hall.room.tick()
        record = hall.room.take("b", 0)
        assert record is not None
        assert "cancelling" not in record.fields, "it was admitted after that, because a person wanted it"


class TestTheDay:
    LIMITS = Limits(seats=9, queues=True, day_budget=100)

    def opened(self, hall: Hall, *batches: str, total: int = 3) -> None:
        for batch in batches:
            hall.open(batch, total=total, limits=self.LIMITS)
            hall.room.quote(batch, dict.fromkeys(range(total), ",30"))

    def test_two_batches_share_it(self, hall: Hall) -> None:
        self.opened(hall, "one", "two")
        assert sorted(work.batch for work in hall.room.tick()) == ["one", "one", "two"]
        assert day(hall) == {"reserved": 90}
        assert (stopped(hall, "one"), stopped(hall, "two")) == ("day", "day")
        assert money(hall, "one") == (0, 0), "it has no budget of its own"

    def test_a_new_day_has_its_own(self, hall: Hall) -> None:
        self.opened(hall, "b", total=5)
        before = hall.time.ms
        works = hall.room.tick()
        assert len(works) == 3
        hall.room.move(works[0], State.ADMITTED, State.SUBMITTING, delay=1e6)
        hall.time.forward((DAY - before % DAY) / 1000 - 0.001)
        assert [work for work in hall.room.tick() if work.index > 2] == []
        hall.time.forward(0.001)
        assert [work.index for work in hall.room.tick() if work.index > 2] == [3, 4]
        assert day(hall) == {"reserved": 60}

        hall.room.move(works[0], State.SUBMITTING, State.FAILED, spend=(None, 20))
        assert day(hall, before) == {"reserved": 60, "spent": 20, "spent:b": 20}, "it counts where it was reserved"
        assert day(hall) == {"reserved": 60}

    def test_both_accounts_must_have_enough(self, hall: Hall) -> None:
        hall.open(total=3, limits=self.LIMITS, terms=budget(50))
        hall.room.quote("b", dict.fromkeys(range(3), "20,60"))
        assert len(hall.room.tick()) == 1
        assert stopped(hall) == "day"
        assert money(hall) == (0, 20)
        hall.time.forward(86_400)
        hall.room.tick()
        assert money(hall) == (0, 40)
        hall.time.forward(86_400)
        hall.room.tick()
        assert stopped(hall) == "budget"

    def test_what_is_counted_as_spent_and_followed_after_all_goes_back_to_its_own_day(self, hall: Hall) -> None:
        self.opened(hall, "b", total=1)
        before = hall.time.ms
        work = hall.doubted()
        hall.room.withdraw("b", 0, State.WAIVED)
        assert day(hall) == {"spent": 30, "spent:b": 30}
        hall.time.forward(86_400)
        hall.accept(work, "job-1")
        assert day(hall, before) == {"reserved": 30}
        assert day(hall) == {}

    def test_accounts_of_the_past_are_not_kept_for_ever(self, hall: Hall) -> None:
        self.opened(hall, "b")
        hall.room.tick()
        name = f"{hall.namespace}:lane:fal:day:{hall.time.ms // DAY}"
        assert 0 < hall.client.ttl(name) <= 864_000


class TestTheRecord:
    """`begin` with what the store says was spent."""

    def test_it_takes_the_place_of_what_redis_believed(self, hall: Hall) -> None:
        opened(hall, total=3)
        hall.room.tick()
        hall.room.begin("b", spent=17, believed=0)
        assert money(hall) == (17, 90)
        assert hall.room.spent("b", "fal") == (17, 0)

    def test_what_was_spent_while_it_was_read_is_not_forgotten(self, hall: Hall) -> None:
        opened(hall, total=1)
        work = hall.collecting()
        believed, _ = hall.room.spent("b", "fal")
        hall.room.move(work, State.COLLECTING, State.DONE, spend=(25, None))
        hall.room.begin("b", spent=10, believed=believed)
        assert money(hall) == (35, 0)

    def test_which_attempts_are_not_booked_yet_is_told_in_the_same_moment(self, hall: Hall) -> None:
        opened(hall, total=1)
        work = hall.collecting()
        assert hall.room.accounts("b", ["fal"]) == (0, {"fal": 0}, {work.index: 1})
        hall.room.move(work, State.COLLECTING, State.DONE, spend=(25, None))
        assert hall.room.accounts("b", ["fal"]) == (25, {"fal": 0}, {})

    def test_what_is_reserved_is_added_up_anew(self, hall: Hall) -> None:
        hall.open(total=3, begin=False, terms=budget(200), limits=Limits(seats=9, again_seconds=1e6))
        for index, state in enumerate((State.RENDERING, State.DOUBT, State.WAITING)):
            assert hall.room.adopt("b", index, state, {"attempt": 1, "again_since": "1"}, reserved=(30, None))
        hall.client.hset(f"{hall.namespace}:batch:b", "reserved", 7777)
        hall.room.begin("b", spent=0)
        assert money(hall) == (0, 90)

    def test_what_one_batch_spent_today_is_replaced_and_the_others_is_not(self, hall: Hall) -> None:
        for batch, spent in (("one", 40), ("two", 50)):
            hall.open(batch, limits=TestTheDay.LIMITS)
            hall.room.begin(batch, days={"fal": (spent, 0)})
        assert day(hall) == {"spent": 90, "spent:one": 40, "spent:two": 50}
        hall.room.begin("one", days={"fal": (10, hall.room.spent("one", "fal")[1])})
        assert day(hall) == {"spent": 60, "spent:one": 10, "spent:two": 50}

    def test_what_the_day_came_to_meanwhile_is_not_forgotten(self, hall: Hall) -> None:
        hall.open(total=1, limits=TestTheDay.LIMITS)
        hall.room.quote("b", {0: ",30"})
        work = hall.collecting()
        _, believed = hall.room.spent("b", "fal")
        hall.room.move(work, State.COLLECTING, State.DONE, spend=(None, 25))
        hall.room.begin("b", days={"fal": (5, believed)})
        assert day(hall) == {"spent": 30, "spent:b": 30}

    def test_none_leaves_what_redis_believes(self, hall: Hall) -> None:
        opened(hall, total=1)
        hall.room.move(hall.collecting(), State.COLLECTING, State.DONE)
        hall.room.begin("b")
        assert money(hall) == (30, 0)

    @pytest.mark.parametrize("state", [State.ADMITTED, State.RENDERING, State.DOUBT])
    def test_what_is_open_is_reserved_for_anew_when_the_accounts_are_others(self, hall: Hall, state: State) -> None:
        opened(hall, total=1)
        hall.reached(state)
        assert hall.room.reserve("b", 0, (45, None))
        assert money(hall) == (0, 45)

    @pytest.mark.parametrize("state", [State.WAITING, State.FAILED, State.CANCELLED])
    def test_what_is_not_open_is_not(self, hall: Hall, state: State) -> None:
        opened(hall, total=1)
        hall.reached(state)
        assert not hall.room.reserve("b", 0, (45, None))
        assert money(hall) == (0, 0)


def test_however_often_it_is_asked_no_more_is_reserved_than_there_is(hall: Hall) -> None:
    opened(hall, total=50, stop=300, seats=50)
    works: list[Work] = []
    for _ in range(16):
        works += hall.room.tick(most=1)
        assert sum(money(hall)) <= 300
    assert len(works) == 10
