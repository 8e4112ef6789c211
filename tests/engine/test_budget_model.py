"""Any sequence of steps, against two accounts that are kept by hand: a batch's budget and a provider's day."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest
import redis
from hand_time import Hall
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from workers.engine.limits import Limits, Spend, Terms
from workers.engine.states import State, Step
from workers.engine.work import Work

BATCHES = ("one", "two")
TAKES = 5
STOP = {"one": 100, "two": 70}
DAY_BUDGET = 120
DAY = 86_400_000
ENDS = {
    State.ADMITTED: [State.SUBMITTING, State.WAITING, State.FAILED, State.DOUBT],
    State.SUBMITTING: [State.WAITING, State.FAILED, State.DOUBT, State.RENDERING],
    State.RENDERING: [State.COLLECTING, State.WAITING, State.FAILED, State.CANCELLED],
    State.COLLECTING: [State.RENDERING, State.DONE, State.FAILED],
    State.DOUBT: [State.DOUBT, State.WAITING, State.WAIVED, State.RENDERING],
    State.FAILED: [State.WAITING, State.RENDERING, State.WAIVED],
    State.WAITING: [State.FAILED],
    State.CANCELLED: [State.WAITING, State.RENDERING],
    State.WAIVED: [State.WAITING, State.RENDERING],
}
RESTS = {State.WAITING, State.FAILED, State.CANCELLED, State.DONE, State.WAIVED}
COSTS = {State.DONE, State.WAIVED}
At = tuple[str, int]


@dataclass
class Put:
    """What is put aside for a take, or was paid for it."""

    batch: int
    day: int
    on: int


class AccountsMachine(RuleBasedStateMachine):
    client: ClassVar[redis.Redis]

    def __init__(self) -> None:
        super().__init__()
        self.hall = Hall(self.client, f"m{uuid.uuid4().hex[:12]}")
        self.aside: dict[At, Put] = {}
        self.paid: dict[At, Put] = {}
        self.spent: Counter[str] = Counter()
        self.spent_on: Counter[tuple[int, str]] = Counter()
        self.quoted: dict[At, tuple[int, int]] = {}
        self.jobs = 0

    @initialize(queues=st.booleans(), again=st.sampled_from([0.0, 300.0]), seats=st.sampled_from([2, 5]))
    def open(self, queues: bool, again: float, seats: int) -> None:
        limits = Limits(seats=seats, queues=queues, again_seconds=again, day_budget=DAY_BUDGET)
        for batch, stop in STOP.items():
            terms = Terms(currency="USD", budget=stop, budget_stop=stop, budget_cancel=stop + 1)
            self.hall.open(batch, total=TAKES, limits=limits, terms=terms)

    @property
    def today(self) -> int:
        return self.hall.time.ms // DAY

    def _state(self, at: At) -> tuple[State | None, int, int, bool]:
        record = self.hall.room.take(*at)
        if record is None:
            return None, 0, 1, False
        return record.state, record.fence, record.attempt, "again_since" in record.fields

    @rule(seconds=st.sampled_from([1.0, 40.0, 110.0, 20_000.0, 86_400.0]))
    def wait(self, seconds: float) -> None:
        self.hall.time.forward(seconds)

    @rule(amount=st.sampled_from([0, 7, 30, 45]), day=st.sampled_from([5, 30, 60]))
    def tick(self, amount: int, day: int) -> None:
        wanted = {work.batch for work in self._ticked() if work.step is Step.QUOTE}
        for batch in wanted:
            quoted = {(batch, index): (amount + index % 2, day) for index in range(TAKES)}
            self.quoted |= quoted
            prices = {index: f"{price},{of_day}" for (_, index), (price, of_day) in quoted.items()}
            self.hall.room.quote(batch, prices)
        if wanted:
            assert [work for work in self._ticked() if work.step is Step.QUOTE] == []

    def _ticked(self) -> list[Work]:
        before = set(self.aside)
        works = self.hall.room.tick()
        for work in works:
            at = work.batch, work.index
            if work.step is Step.SUBMIT and at not in before:
                price, of_day = self.quoted.pop(at)
                self.aside[at] = Put(price, of_day, self.today)
                self.paid.pop(at, None)
                reserved = sum(put.day for put in self.aside.values() if put.on == self.today)
                assert reserved + sum(self.spent_on[self.today, each] for each in BATCHES) <= DAY_BUDGET
        return works

    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """The same again, for more of it."""
        self.carry_on(data, 1.0)

    @rule(data=st.data(), delay=st.sampled_from([1.0, 5.0]))
    def carry_on(self, data: st.DataObject, delay: float) -> None:
        known = [(at, held) for at in self._all() if (held := self._state(at))[0] in ENDS]
        if not known:
            return
        at, (state, fence, attempt, again) = data.draw(st.sampled_from(known))
        assert state is not None
        end = data.draw(st.sampled_from(ENDS[state]))
        if end is State.RENDERING and state not in (State.COLLECTING, State.FAILED):
            self._accept(at, attempt, data.draw(st.booleans()))
            return
        again = again and state in (State.ADMITTED, State.SUBMITTING, State.WAITING)
        put = self.aside.get(at, Put(0, 0, 0))
        spend: Spend | None = None
        if end in RESTS and at in self.aside and not (again and end is State.WAITING):
            actual = data.draw(st.integers(0, put.batch)), data.draw(st.integers(0, put.day))
            spend = data.draw(st.sampled_from([None, "none", "all", actual, (None, actual[1])]))
        fields: dict[str, int | None] = {}
        if end is State.WAITING and not again:
            fields = {"attempt": attempt + 1, "again_since": None}
        hand = Work(Step.SUBMIT, *at, fence, attempt)
        assert self.hall.room.move(hand, state, end, delay=delay, fields=fields, spend=spend)
        if spend is None:
            if again and end is State.WAITING:
                return
            costs = end in COSTS or (state is State.DOUBT and end is State.WAITING)
            self._rest(at, end, "all" if costs else "none")
        else:
            self._rest(at, end, spend)
        if end is State.RENDERING and state is State.FAILED:
            self._unpay(at)

    def _rest(self, at: At, end: State, spend: Spend) -> None:
        if end not in RESTS or at not in self.aside:
            return
        put = self.aside.pop(at)
        if spend == "all":
            batch, day = put.batch, put.day
        elif spend == "none":
            batch, day = 0, 0
        else:
            batch, day = (
                kept if given is None else given for given, kept in zip(spend, (put.batch, put.day), strict=True)
            )
        self.spent[at[0]] += batch
        self.spent_on[put.on, at[0]] += day
        self.paid[at] = Put(batch, day, put.on)

    def _unpay(self, at: At) -> None:
        paid = self.paid.pop(at, Put(0, 0, 0))
        self.spent[at[0]] -= paid.batch
        self.spent_on[paid.on, at[0]] -= paid.day
        if paid.batch or paid.day:
            self.aside[at] = paid

    def _accept(self, at: At, attempt: int, late: bool) -> None:
        """The take's own job is named, or, late, that of an attempt before."""
        state = self._state(at)[0]
        self.jobs += 1
        answer = self.hall.room.accept(
            *at, attempt=attempt - late, job_id=f"job-{self.jobs}", first_poll=1.0, fields={"again_since": None}
        )
        assert answer == ("orphan" if late else "rendering")
        if answer == "rendering" and state in (State.CANCELLED, State.WAIVED):
            self._unpay(at)

    @rule(data=st.data(), to=st.sampled_from([State.CANCELLED, State.WAIVED]))
    def withdraw(self, data: st.DataObject, to: State) -> None:
        at = data.draw(st.sampled_from(self._all()))
        before = self._state(at)[0]
        answer = self.hall.room.withdraw(*at, to)  # type: ignore[arg-type]
        if answer == to and before not in (to, None):
            self._rest(at, to, "all" if to is State.WAIVED else "none")

    @rule(batch=st.sampled_from(BATCHES), kind=st.sampled_from(["cancelled", "paused", None, None]))
    def hold(self, batch: str, kind: str | None) -> None:
        admitted = {at: held for at in self._all() if at[0] == batch and (held := self._state(at))[0] is State.ADMITTED}
        self.hall.room.hold(batch, kind)  # type: ignore[arg-type]
        for at, (_, _, _, again) in admitted.items():
            if kind == "cancelled" and not again:
                self._rest(at, State.WAITING, "none")

    @rule(batch=st.sampled_from(BATCHES))
    def read_the_record(self, batch: str) -> None:
        """What the store says is what was spent."""
        spent, so_far = self.hall.room.spent(batch, "fal")
        today = self.spent_on[self.today, batch]
        self.hall.room.begin(batch, spent=self.spent[batch], believed=spent, days={"fal": (today, so_far)})

    @rule(data=st.data())
    def go_back(self, data: st.DataObject) -> None:
        """Redis has an earlier state of a take than the record, by which it is in doubt."""
        at = data.draw(st.sampled_from(self._all()))
        if at not in self.aside:
            return
        put = self.aside[at]
        fields = {"attempt": self._state(at)[2], "lane": "fal"}
        assert self.hall.room.adopt(*at, State.DOUBT, fields, older=True, reserved=(put.batch, put.day))
        put.on = self.today
        self.paid.pop(at, None)

    @rule(data=st.data())
    def mark_done(self, data: st.DataObject) -> None:
        at = data.draw(st.sampled_from(self._all()))
        self.hall.room.mark_done(at[0], [at[1]])
        if self._state(at)[0] is None:
            self._rest(at, State.DONE, "all")

    def _all(self) -> list[At]:
        return [(batch, index) for batch in BATCHES for index in range(TAKES)]

    @invariant()
    def the_accounts_are_right_and_nothing_is_overdrawn(self) -> None:
        days = {on for on, _ in self.spent_on} | {put.on for put in self.aside.values()} | {self.today}
        for batch in BATCHES:
            aside = sum(put.batch for at, put in self.aside.items() if at[0] == batch)
            standing = self.hall.room.standing(batch)
            assert standing is not None
            assert (standing.money.spent, standing.money.reserved) == (self.spent[batch], aside)
            assert self.spent[batch] + aside <= STOP[batch]
        for on in days:
            name = f"{self.hall.namespace}:lane:fal:day:{on}"
            kept = {field.decode(): int(value) for field, value in self.client.hgetall(name).items()}
            aside = sum(put.day for put in self.aside.values() if put.on == on)
            spent = sum(self.spent_on[on, batch] for batch in BATCHES)
            assert (kept.get("spent", 0), kept.get("reserved", 0)) == (spent, aside)
            for batch in BATCHES:
                assert kept.get(f"spent:{batch}", 0) == self.spent_on[on, batch]

    def teardown(self) -> None:
        keys = list(self.client.scan_iter(match=f"{self.hall.namespace}:*", count=10_000))
        if keys:
            self.client.delete(*keys)


@pytest.fixture
def hasty(redis_client: redis.Redis) -> Iterator[redis.Redis]:
    """The session's Redis without its fsync at every write."""
    redis_client.config_set("appendfsync", "no")
    yield redis_client
    redis_client.config_set("appendfsync", "always")


def test_no_sequence_of_steps_loses_money_or_spends_more_than_there_is(hasty: redis.Redis) -> None:
    machine = type("Machine", (AccountsMachine,), {"client": hasty})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=100,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
