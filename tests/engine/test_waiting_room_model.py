"""Any sequence of steps, against a model of what a waiting room is."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
import redis
from hand_time import LEASES, Hall
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from workers.engine.limits import Limits
from workers.engine.states import ALIVE, ORPHANS, State, Step
from workers.engine.work import Work
from workers.errors import IllegalTransition, RedisError

LEADS_TO = {
    State.ADMITTED: {
        State.SUBMITTING,
        State.WAITING,
        State.FAILED,
        State.DOUBT,
        State.DONE,
        State.CANCELLED,
    },
    State.SUBMITTING: {State.WAITING, State.FAILED, State.DOUBT, State.CANCELLED},
    State.RENDERING: {State.RENDERING, State.COLLECTING, State.WAITING, State.FAILED, State.CANCELLED},
    State.COLLECTING: {State.COLLECTING, State.RENDERING, State.DONE, State.FAILED},
    State.DOUBT: {State.DOUBT, State.WAITING, State.WAIVED},
    State.FAILED: {State.WAITING, State.RENDERING, State.WAIVED},
    State.WAITING: {State.FAILED, State.BLOCKED, State.DOUBT, State.CANCELLED, State.WAIVED},
    State.BLOCKED: {State.WAITING, State.CANCELLED, State.WAIVED},
    State.CANCELLED: {State.WAITING, State.BLOCKED, State.WAIVED},
    State.WAIVED: {State.WAITING, State.BLOCKED},
    State.DONE: set(),
}
"""By a hand's move; besides these a tick admits, and an acceptance makes `RENDERING` of all in `TAKEN_UP`."""

TAKEN_UP = (
    State.WAITING,
    State.BLOCKED,
    State.ADMITTED,
    State.SUBMITTING,
    State.DOUBT,
    State.CANCELLED,
    State.WAIVED,
)
SEATED = (State.ADMITTED, State.SUBMITTING, State.RENDERING)
FOLLOWED = (State.RENDERING, State.COLLECTING)
UNSEATED = (State.COLLECTING, State.FAILED)
"""From here a job is asked about that is over at the provider."""

SETS = (State.FAILED, State.DOUBT, State.BLOCKED, State.CANCELLED, State.WAIVED)
OVER = (State.DONE, State.FAILED, State.CANCELLED, State.WAIVED)
STEP_OF = {
    State.ADMITTED: Step.SUBMIT,
    State.RENDERING: Step.POLL,
    State.COLLECTING: Step.COLLECT,
    State.DOUBT: Step.SETTLE,
}
LEASE_OF = {
    Step.SUBMIT: LEASES.admitted,
    Step.POLL: LEASES.poll,
    Step.COLLECT: LEASES.collect,
    Step.SETTLE: LEASES.settle,
}
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

    seated: bool = False
    cancelling: bool = False


@dataclass
class Model:
    takes: dict[tuple[str, int], Modelled] = field(
        default_factory=lambda: {(batch, index): Modelled() for batch in BATCHES for index in range(TAKES)}
    )
    besides: dict[tuple[str, int], Modelled] = field(default_factory=dict)
    """Jobs that came besides their take's own and are still followed."""

    orphans: dict[str, dict[str, str]] = field(default_factory=lambda: {batch: {} for batch in BATCHES})
    followed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BATCHES, 0))
    """How many jobs ever were."""

    over: set[str] = field(default_factory=set)
    """Jobs that are."""

    held: dict[str, str] = field(default_factory=dict)

    def everything(self) -> dict[tuple[str, int], Modelled]:
        return {**self.takes, **self.besides}


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

    def _seats(self) -> int:
        return sum(take.seated for take in self.model.everything().values())

    def _hand(self, at: tuple[str, int], *, stale: bool = False) -> Work:
        take = self.model.everything()[at]
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
            (
                (take.due, f"{at[0]}:{at[1]}", at)
                for at, take in self.model.everything().items()
                if take.due is not None
            ),
        )
        expected = []
        for moment, _, at in due[:most]:
            take = self.model.everything()[at]
            if moment > now:
                break
            take.fence += 1
            if take.state is State.SUBMITTING:
                self._moved(take, State.DOUBT, 1000)
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
            if take.state is State.WAITING
            and take.ready <= now
            and at[0] in self.begun
            and at[0] not in self.model.held
        ]
        room_left = max(0, min(SEATS - before, most - len(expected)))
        assert len(admitted) == min(len(ready), room_left), "all that can be admitted is, and no more"
        for work in admitted:
            at = (work.batch, work.index)
            take = self.model.takes[at]
            assert at in ready
            ready.remove(at)
            assert (work.step, work.fence, work.attempt) == (Step.SUBMIT, take.fence + 1, take.attempt)
            take.state, take.known, take.fence, take.seated = State.ADMITTED, True, work.fence, True
            take.due = now + round(LEASES.admitted * 1000)

    @rule(at=takes, end=st.sampled_from(State), delay=st.sampled_from([0.0, 5.0, 90.0]), stale=st.booleans())
    def move(self, at: tuple[str, int], end: State, delay: float, stale: bool) -> None:
        take = self.model.takes[at]
        if end is State.ADMITTED or (take.state in TAKEN_UP and end is State.RENDERING):
            return  # these are a tick's and an acceptance's
        start = take.state
        if take.state is State.DONE and end is State.DONE:
            assert self.hall.room.move(self._hand(at), State.COLLECTING, State.DONE), "it is, whoever did it"
            return
        untrusted = end is State.SUBMITTING and at[0] not in self.begun
        if not take.known or stale or untrusted:
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
        if end is State.WAITING and start in ALIVE and take.cancelling:
            end = State.CANCELLED
        self._moved(take, end, round(delay * 1000))
        if end is not State.DONE:
            take.attempt = attempt

    @precondition(lambda self: self.model.besides)
    @rule(data=st.data(), delay=st.sampled_from([0.0, 5.0]))
    def follow(self, data: st.DataObject, delay: float) -> None:
        """Carry on what came besides a take's own job."""
        at = data.draw(st.sampled_from(sorted(self.model.besides)))
        one = self.model.besides[at]
        end = data.draw(st.sampled_from(sorted(LEADS_TO[one.state])))
        assert self.hall.room.move(self._hand(at), one.state, end, delay=delay)
        if end is State.WAITING:
            end = State.CANCELLED  # nobody asks for another one
        job = one.job
        assert job is not None
        self._moved(one, end, round(delay * 1000))
        if end in OVER:
            del self.model.besides[at]
            self.model.orphans[at[0]][job] = end

    @rule(at=takes, to=st.sampled_from([State.CANCELLED, State.WAIVED]))
    def withdraw(self, at: tuple[str, int], to: State) -> None:
        take = self.model.takes[at]
        if at[0] not in self.begun:
            with pytest.raises(RedisError):
                self.hall.room.withdraw(*at, to)  # type: ignore[arg-type]
            return
        answer = self.hall.room.withdraw(*at, to)  # type: ignore[arg-type]
        if to is State.CANCELLED and take.state in (State.SUBMITTING, State.RENDERING):
            assert answer == "asked"
            self._asked_to_end(take)
        elif to in LEADS_TO[take.state]:
            assert answer == to
            take.fence += 1
            self._moved(take, to, 0)
        else:
            assert answer == take.state

    @rule(batch=st.sampled_from(BATCHES), kind=st.sampled_from(["paused", "cancelled", None]))
    def hold(self, batch: str, kind: str | None) -> None:
        asked = self.hall.room.hold(batch, kind)  # type: ignore[arg-type]
        if kind is None:
            self.model.held.pop(batch, None)
            return
        self.model.held[batch] = kind
        expected = 0
        for (of, _), take in self.model.everything().items():
            if of != batch or kind != "cancelled":
                continue
            if take.state is State.ADMITTED:
                take.fence += 1
                self._moved(take, State.CANCELLED if take.cancelling else State.WAITING, 0)
            elif take.state in (State.SUBMITTING, State.RENDERING):
                expected += 1
                self._asked_to_end(take)
        assert asked == expected

    def _asked_to_end(self, take: Modelled) -> None:
        take.cancelling = True
        if take.state is State.RENDERING:
            take.fence += 1
            take.due = self.hall.time.ms

    @precondition(lambda self: any(take.known for take in self.model.takes.values()))
    @rule(data=st.data(), delay=st.sampled_from([0.0, 5.0]))
    def carry_on(self, data: st.DataObject, delay: float) -> None:
        """The legal step of a take that is under way, which blind choice seldom hits."""
        at = data.draw(st.sampled_from([at for at, take in self.model.takes.items() if take.known]))
        start = self.model.takes[at].state
        if start is State.SUBMITTING and data.draw(st.booleans()):
            self.accept(at, data.draw(st.sampled_from(["job-1", "job-2"])), 0)
        else:
            self.move(at, data.draw(st.sampled_from(sorted(LEADS_TO[start]))), delay, stale=False)

    @rule(at=takes, job=st.sampled_from(["job-1", "job-2"]), behind=st.sampled_from([0, 0, 1]))
    def accept(self, at: tuple[str, int], job: str, behind: int) -> None:
        take = self.model.takes[at]
        named = f"{job} of {at}"
        attempt = take.attempt - behind
        orphans = self.model.orphans[at[0]]
        answer = self.hall.room.accept(*at, attempt=attempt, job_id=named, first_poll=2.0, fields={})
        if take.known and take.job == named:
            over = take.state in (State.FAILED, State.CANCELLED, State.WAIVED)
            assert answer == ("over" if over else "known")
        elif take.state in TAKEN_UP and not behind:
            assert answer == "rendering"
            # It may have been taken for one that came besides.
            besides = orphans.pop(named, "")
            if besides.isdigit():
                del self.model.besides[at[0], int(besides)]
            take.unbidden |= not take.seated
            take.cancelling |= take.state is State.CANCELLED
            take.fence += 1
            self._moved(take, State.RENDERING, 2000)
            take.job = named
        elif orphans.get(named, "").isdigit():
            assert answer == "orphan"
        elif named in orphans or named in self.model.over:
            assert answer == "over"
        else:
            assert answer == "orphan"
            self.model.followed[at[0]] += 1
            own = ORPHANS + self.model.followed[at[0]]
            orphans[named] = str(own)
            due = self.hall.time.ms + 2000
            self.model.besides[at[0], own] = Modelled(
                State.RENDERING, attempt=attempt, due=due, job=named, known=True, seated=True, unbidden=True
            )

    @rule(
        at=takes,
        state=st.sampled_from([s for s in State if s not in (State.DONE, State.BLOCKED)]),
        receipt_lost=st.booleans(),
        older=st.booleans(),
    )
    def adopt(self, at: tuple[str, int], state: State, receipt_lost: bool, older: bool) -> None:
        take = self.model.takes[at]
        taken = self.hall.room.adopt(*at, state, {"attempt": 1}, receipt_lost=receipt_lost, older=older)
        unknown = not take.known and (take.state is not State.DONE or receipt_lost)
        assert taken == (unknown or (take.known and older))
        if taken:
            take.fence = (take.fence if take.known else 0) + 1
            take.attempt, take.job, take.cancelling = 1, None, False
            self._moved(take, state, 0)
            take.due = self.hall.time.ms if state in (*ALIVE, State.DOUBT) else None
            take.seated = take.unbidden = state in SEATED or (state is State.DOUBT and not self.queues)

    @rule(at=takes)
    def mark_done(self, at: tuple[str, int]) -> None:
        take = self.model.takes[at]
        self.hall.room.mark_done(at[0], [at[1]])
        if take.state not in ALIVE:
            self._moved(take, State.DONE, 0)

    def _moved(self, take: Modelled, end: State, delay: int) -> None:
        now = self.hall.time.ms
        if take.state in FOLLOWED and end not in FOLLOWED and take.job:
            self.model.over.add(take.job)
        if take.state is not end:
            if end in SEATED:
                take.seated = take.state not in UNSEATED
            elif end is not State.DOUBT or self.queues:
                take.seated = False
        take.state = end
        take.due = now + delay if end in ALIVE or (end is State.DOUBT and delay) else None
        take.ready = now + delay if end is State.WAITING else 0
        take.known = end is not State.DONE
        take.unbidden &= take.seated
        take.cancelling &= end is not State.CANCELLED
        if end is State.DONE:
            take.fence, take.attempt, take.job, take.cancelling = 0, 1, None, False

    @invariant()
    def everything_is_where_it_belongs(self) -> None:
        """One look at Redis, for the many things that must hold after every step."""
        takes, everything, namespace = self.model.takes, self.model.everything(), self.hall.namespace
        pipe = self.client.pipeline(transaction=False)
        pipe.zrange(f"{namespace}:due", 0, -1, withscores=True)
        pipe.zrange(f"{namespace}:lane:fal:batches", 0, -1)
        pipe.smembers(f"{namespace}:lane:fal:seats")
        for batch, index in everything:
            pipe.hmget(f"{namespace}:take:{batch}:{index}", "state", "fence", "attempt", "cancelling")
        for batch in BATCHES:
            for state in SETS:
                pipe.smembers(f"{namespace}:batch:{batch}:{state}")
            pipe.smembers(f"{namespace}:batch:{batch}:alive")
            pipe.zrange(f"{namespace}:batch:{batch}:back", 0, -1)
        due, listed, seats, *rest = pipe.execute()

        # Nothing is lost: whatever is alive is due at some time, and due for nothing else.
        assert {member.decode(): score for member, score in due} == {
            f"{batch}:{index}": take.due for (batch, index), take in everything.items() if take.due is not None
        }
        assert all(take.due is not None for take in everything.values() if take.state in ALIVE)
        # Seats are held by whom they should be, and no more are given away than there are.
        assert {member.decode() for member in seats} == {
            f"{batch}:{index}" for (batch, index), take in everything.items() if take.seated
        }
        assert sum(take.seated and not take.unbidden for take in takes.values()) <= SEATS
        for take, (state, fence, attempt, cancelling) in zip(everything.values(), rest[: len(everything)], strict=True):
            assert (state is not None) == take.known
            if state is not None:
                assert (state.decode(), int(fence), int(attempt)) == (take.state, take.fence, take.attempt)
                assert (cancelling is not None) == take.cancelling
        width = len(SETS) + 2
        for place, batch in enumerate(BATCHES):
            start = len(everything) + width * place
            *sets, alive, back = rest[start : start + width]
            here = {index: take for (of, index), take in takes.items() if of == batch}
            besides = {index: one for (of, index), one in self.model.besides.items() if of == batch}
            for state, members in zip(SETS, sets, strict=True):
                assert members == {str(index).encode() for index, take in here.items() if take.state is state}
            living = {index for index, take in {**here, **besides}.items() if take.state in ALIVE}
            assert {int(index) for index in alive} == living
            waiting = {index for index, take in here.items() if take.state is State.WAITING}
            # What waits is found by a tick: in the list of those that came back, or by not being anywhere.
            assert {int(index) for index in back} == {index for index in waiting if here[index].known}
            if waiting and batch not in self.model.held:
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
            assert standing.orphans_alive == len(besides)
            assert self.hall.room.orphans(batch) == self.model.orphans[batch]

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
            max_examples=60,
            # No shrinking: it would take longer than a test may, and hide what was found behind that.
            phases=[Phase.generate],
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
