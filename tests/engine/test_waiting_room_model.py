"""Any sequence of steps, against a model of what a waiting room is."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
import redis
from hand_time import LEASES, Hall
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from workers.engine.room import Limits, Work
from workers.engine.states import ALIVE, State, Step
from workers.errors import IllegalTransition

LEADS_TO = {
    State.ADMITTED: {State.SUBMITTING, State.WAITING, State.FAILED, State.DOUBT},
    State.SUBMITTING: {State.WAITING, State.FAILED, State.DOUBT},
    State.RENDERING: {State.RENDERING, State.COLLECTING, State.WAITING, State.FAILED},
    State.COLLECTING: {State.COLLECTING, State.RENDERING, State.DONE, State.FAILED},
    State.DOUBT: {State.DOUBT},
    State.FAILED: {State.WAITING, State.RENDERING},
    State.WAITING: {State.FAILED},
    State.DONE: set(),
}
SEATED = (State.ADMITTED, State.SUBMITTING, State.RENDERING)
STEP_OF = {State.ADMITTED: Step.SUBMIT, State.RENDERING: Step.POLL, State.COLLECTING: Step.COLLECT}
LEASE_OF = {Step.SUBMIT: LEASES.admitted, Step.POLL: LEASES.poll, Step.COLLECT: LEASES.collect}
TAKES = 4
SEATS = 2
BATCHES = ("one", "two")


@dataclass
class Modelled:
    """A take as it should be. `due` is when it next is, in ms; None when it never is by itself."""

    state: State = State.WAITING
    fence: int = 0
    attempt: int = 1
    due: int | None = None
    ready: int = 0
    job: str | None = None
    known: bool = False
    """Whether Redis keeps anything of it."""

    unbidden: bool = False
    """Whether it took a seat without being admitted to it."""


@dataclass
class Model:
    takes: dict[tuple[str, int], Modelled] = field(
        default_factory=lambda: {(batch, index): Modelled() for batch in BATCHES for index in range(TAKES)}
    )
    orphans: dict[str, set[str]] = field(default_factory=lambda: {batch: set() for batch in BATCHES})


class RoomMachine(RuleBasedStateMachine):
    client: ClassVar[redis.Redis]

    takes = st.sampled_from([(batch, index) for batch in BATCHES for index in range(TAKES)])

    def __init__(self) -> None:
        super().__init__()
        self.hall = Hall(self.client, f"m{uuid.uuid4().hex[:12]}")
        self.model = Model()
        self.begun: set[str] = set()
        self.queues = True

    @initialize(queues=st.booleans(), begun=st.sets(st.sampled_from(BATCHES)))
    def open(self, queues: bool, begun: set[str]) -> None:
        self.queues = queues
        self.begun = begun
        for batch in BATCHES:
            self.hall.open(batch, total=TAKES, limits=Limits(seats=SEATS, queues=queues), begin=batch in begun)

    def _held_by(self) -> tuple[State, ...]:
        return SEATED if self.queues else (*SEATED, State.DOUBT)

    def _seats(self) -> int:
        return sum(take.state in self._held_by() for take in self.model.takes.values())

    def _hand(self, at: tuple[str, int], *, stale: bool = False) -> Work:
        take = self.model.takes[at]
        return Work(STEP_OF.get(take.state, Step.SUBMIT), *at, take.fence - stale, take.attempt)

    @rule(batch=st.sampled_from(BATCHES))
    def begin(self, batch: str) -> None:
        self.hall.room.begin(batch)
        self.begun.add(batch)

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 31.0, 120.0]))
    def wait(self, seconds: float) -> None:
        self.hall.time.forward(seconds)

    @rule(most=st.sampled_from([1, 3, 50]))
    def tick(self, most: int) -> None:
        now = self.hall.time.ms
        due = sorted(
            ((take.due, f"{at[0]}:{at[1]}", at) for at, take in self.model.takes.items() if take.due is not None),
        )
        expected = []
        for moment, _, at in due[:most]:
            take = self.model.takes[at]
            if moment > now:
                break
            take.fence += 1
            if take.state is State.SUBMITTING:
                self._moved(take, State.DOUBT, 0)
            else:
                expected.append((STEP_OF[take.state], at, take.fence))
                take.due = now + round(LEASE_OF[STEP_OF[take.state]] * 1000)
        before = self._seats()

        works = self.hall.room.tick(most=most)

        handed = [(work.step, (work.batch, work.index), work.fence) for work in works]
        assert handed[: len(expected)] == expected
        admitted = works[len(expected) :]
        ready = [
            at
            for at, take in self.model.takes.items()
            if take.state is State.WAITING and take.ready <= now and at[0] in self.begun
        ]
        room_left = max(0, min(SEATS - before, most - len(expected)))
        assert len(admitted) == min(len(ready), room_left), "all that can be admitted is, and no more"
        for work in admitted:
            at = (work.batch, work.index)
            take = self.model.takes[at]
            assert at in ready
            ready.remove(at)
            assert (work.step, work.fence, work.attempt) == (Step.SUBMIT, take.fence + 1, take.attempt)
            take.state, take.known, take.fence = State.ADMITTED, True, work.fence
            take.due = now + round(LEASES.admitted * 1000)

    @rule(at=takes, end=st.sampled_from(State), delay=st.sampled_from([0.0, 5.0, 90.0]), stale=st.booleans())
    def move(self, at: tuple[str, int], end: State, delay: float, stale: bool) -> None:
        take = self.model.takes[at]
        if end is State.ADMITTED or (take.state in (State.SUBMITTING, State.DOUBT) and end is State.RENDERING):
            return  # these are a tick's and an acceptance's
        start = take.state
        if take.state is State.DONE and end is State.DONE:
            assert self.hall.room.move(self._hand(at), State.COLLECTING, State.DONE), "it is, whoever did it"
            return
        if not take.known or stale:
            before = self.hall.keys()
            assert not self.hall.room.move(self._hand(at, stale=stale), start, end)
            assert self.hall.keys() == before
            return
        if end not in LEADS_TO[start]:
            before = self.hall.keys()
            with pytest.raises(IllegalTransition):
                self.hall.room.move(self._hand(at), start, end, counters={"objects": 1})
            assert self.hall.keys() == before
            return
        attempt = take.attempt + (end is State.WAITING)
        assert self.hall.room.move(self._hand(at), start, end, delay=delay, fields={"attempt": attempt})
        take.unbidden |= end is State.RENDERING and start in (State.COLLECTING, State.FAILED)
        self._moved(take, end, round(delay * 1000))
        take.attempt = attempt

    @precondition(lambda self: any(take.known for take in self.model.takes.values()))
    @rule(data=st.data(), delay=st.sampled_from([0.0, 5.0]))
    def carry_on(self, data: st.DataObject, delay: float) -> None:
        """The legal step of a take that is under way, which blind choice seldom hits."""
        at = data.draw(st.sampled_from([at for at, take in self.model.takes.items() if take.known]))
        start = self.model.takes[at].state
        if start is State.SUBMITTING and data.draw(st.booleans()):
            self.accept(at, data.draw(st.sampled_from(["job-1", "job-2"])))
        else:
            self.move(at, data.draw(st.sampled_from(sorted(LEADS_TO[start]))), delay, stale=False)

    @rule(at=takes, job=st.sampled_from(["job-1", "job-2"]))
    def accept(self, at: tuple[str, int], job: str) -> None:
        take = self.model.takes[at]
        named = f"{job} of {at}"
        answer = self.hall.room.accept(*at, job_id=named, first_poll=2.0, fields={})
        if take.known and take.job == named:
            assert answer == "known"
        elif take.state in (State.SUBMITTING, State.DOUBT):
            assert answer == "rendering"
            take.unbidden |= take.state is State.DOUBT and self.queues
            self._moved(take, State.RENDERING, 2000)
            take.job = named
        else:
            assert answer == "orphan"
            self.model.orphans[at[0]].add(named)

    @rule(at=takes, state=st.sampled_from([s for s in State if s is not State.DONE]), receipt_lost=st.booleans())
    def adopt(self, at: tuple[str, int], state: State, receipt_lost: bool) -> None:
        take = self.model.takes[at]
        taken = self.hall.room.adopt(*at, state, {"attempt": 1}, receipt_lost=receipt_lost)
        unknown = not take.known and (take.state is not State.DONE or receipt_lost)
        assert taken == unknown
        if taken:
            take.fence, take.attempt, take.job = 0, 1, None
            self._moved(take, state, 0)
            take.unbidden = state in self._held_by()

    @rule(at=takes)
    def mark_done(self, at: tuple[str, int]) -> None:
        take = self.model.takes[at]
        self.hall.room.mark_done(at[0], [at[1]])
        if take.state not in ALIVE:
            self._moved(take, State.DONE, 0)

    def _moved(self, take: Modelled, end: State, delay: int) -> None:
        now = self.hall.time.ms
        take.state = end
        take.due = now + delay if end in ALIVE else None
        take.ready = now + delay if end is State.WAITING else 0
        take.known = end is not State.DONE
        take.unbidden &= end in self._held_by()
        if end is State.DONE:
            take.fence, take.attempt, take.job = 0, 1, None

    @invariant()
    def everything_is_where_it_belongs(self) -> None:
        """One look at Redis, for the many things that must hold after every step."""
        takes, namespace = self.model.takes, self.hall.namespace
        pipe = self.client.pipeline(transaction=False)
        pipe.zrange(f"{namespace}:due", 0, -1, withscores=True)
        pipe.zrange(f"{namespace}:lane:fal:batches", 0, -1)
        pipe.smembers(f"{namespace}:lane:fal:seats")
        for batch, index in takes:
            pipe.hmget(f"{namespace}:take:{batch}:{index}", "state", "fence", "attempt")
        for batch in BATCHES:
            pipe.smembers(f"{namespace}:batch:{batch}:failed")
            pipe.smembers(f"{namespace}:batch:{batch}:doubt")
            pipe.zrange(f"{namespace}:batch:{batch}:back", 0, -1)
        due, listed, seats, *rest = pipe.execute()

        # Nothing is lost: whatever is alive is due at some time, and due for nothing else.
        assert {member.decode(): score for member, score in due} == {
            f"{batch}:{index}": take.due for (batch, index), take in takes.items() if take.due is not None
        }
        assert all(take.due is not None for take in takes.values() if take.state in ALIVE)
        # Seats are held by whom they should be, and no more are given away than there are.
        assert {member.decode() for member in seats} == {
            f"{batch}:{index}" for (batch, index), take in takes.items() if take.state in self._held_by()
        }
        assert sum(take.state in SEATED and not take.unbidden for take in takes.values()) <= SEATS
        for take, (state, fence, attempt) in zip(takes.values(), rest[: len(takes)], strict=True):
            assert (state is not None) == take.known
            if state is not None:
                assert (state.decode(), int(fence), int(attempt)) == (take.state, take.fence, take.attempt)
        for place, batch in enumerate(BATCHES):
            failed, doubt, back = rest[len(takes) + 3 * place : len(takes) + 3 * place + 3]
            here = {index: take for (of, index), take in takes.items() if of == batch}
            assert failed == {str(index).encode() for index, take in here.items() if take.state is State.FAILED}
            assert doubt == {str(index).encode() for index, take in here.items() if take.state is State.DOUBT}
            waiting = {index for index, take in here.items() if take.state is State.WAITING}
            # What waits is found by a tick: in the list of those that came back, or by not being anywhere.
            assert {int(index) for index in back} == {index for index in waiting if here[index].known}
            if waiting:
                assert batch.encode() in listed
            assert set(self.hall.room.done(batch)) == {
                index for index, take in here.items() if take.state is State.DONE
            }
            standing = self.hall.room.standing(batch)
            assert standing is not None
            states = [take.state for take in here.values()]
            assert standing.states == {state: states.count(state) for state in State}
            assert sum(standing.states.values()) == standing.total == TAKES
            assert standing.orphans == len(self.model.orphans[batch])

    def teardown(self) -> None:
        keys = list(self.client.scan_iter(match=f"{self.hall.namespace}:*", count=10_000))
        if keys:
            self.client.delete(*keys)


@pytest.fixture
def hasty(redis_client: redis.Redis) -> Iterator[redis.Redis]:
    """The session's Redis without its fsync at every write, which is most of the time of a few thousand scripts."""
    redis_client.config_set("appendfsync", "no")
    yield redis_client
    redis_client.config_set("appendfsync", "always")


def test_any_sequence_of_steps_keeps_every_take_in_its_place(hasty: redis.Redis) -> None:
    machine = type("Machine", (RoomMachine,), {"client": hasty})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=100,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
