"""Time that stands still until it is moved, and what a test does in a waiting room that goes by it."""

from __future__ import annotations

from dataclasses import dataclass, field

import redis

from workers.engine.limits import Leases, Limits, Terms
from workers.engine.room import WaitingRoom
from workers.engine.states import State, Step
from workers.engine.work import Work

LEASES = Leases()
QUEUES = Limits(seats=1000, queues=True)


@dataclass
class HandTime:
    """A clock for `WaitingRoom`, in ms since the epoch."""

    ms: int = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms

    def forward(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


@dataclass
class Hall:
    """A waiting room whose time the test moves."""

    client: redis.Redis
    namespace: str
    time: HandTime = field(default_factory=HandTime)
    server: str = "the first"
    """The run id of Redis; another one says that it was started anew."""

    room: WaitingRoom = field(init=False)

    def __post_init__(self) -> None:
        self.room = WaitingRoom(self.client, self.namespace, leases=LEASES, clock=self.time, server=lambda: self.server)

    def open(
        self,
        batch: str = "b",
        *,
        total: int = 5,
        provider: str = "fal",
        limits: Limits | None = QUEUES,
        begin: bool = True,
        spans: str | None = None,
        terms: Terms | None = None,
    ) -> None:
        """Open a batch and let it begin; `limits` of None sets none."""
        self.room.open(
            batch,
            digest=f"digest of {batch}",
            live=total,
            provider=provider,
            manifest=b"{}",
            spans=spans or f"[[0,{total},0,null]]",
            terms=terms,
        )
        if limits is not None:
            self.room.set_limits(provider, limits)
        if begin:
            self.room.begin(batch)

    def admitted(self) -> Work:
        """The one take that is admitted now."""
        (work,) = self.room.tick()
        assert work.step is Step.SUBMIT
        return work

    def submitting(self, *, lease: float = 100.0) -> Work:
        work = self.admitted()
        assert self.room.move(work, State.ADMITTED, State.SUBMITTING, delay=lease)
        return work

    def rendering(self, job: str = "job-1") -> Work:
        """A take that is due to be polled, and the hand that is to do it."""
        work = self.submitting()
        self.accept(work, job)
        return self.handed(Step.POLL)

    def collecting(self) -> Work:
        work = self.rendering()
        assert self.room.move(work, State.RENDERING, State.COLLECTING)
        return self.handed(Step.COLLECT)

    def doubted(self) -> Work:
        work = self.submitting()
        assert self.room.move(work, State.SUBMITTING, State.DOUBT)
        return work

    def blocked(self) -> Work:
        """A take that waits for another one, which is in doubt and has no part in anything else."""
        assert self.room.adopt("b", 99, State.DOUBT, {"attempt": 1}, withdrawn=True)
        assert self.room.adopt("b", 0, State.BLOCKED, {"attempt": 1, "blocked_on": 99})
        return Work(Step.SUBMIT, "b", 0, 1, 1)

    def given_up(self, to: State) -> Work:
        work = self.admitted()
        assert self.room.move(work, State.ADMITTED, State.WAITING)
        assert self.room.withdraw("b", work.index, to) == to  # type: ignore[arg-type]
        return Work(work.step, work.batch, work.index, work.fence + 1, work.attempt)

    def failed(self) -> Work:
        work = self.submitting()
        assert self.room.move(work, State.SUBMITTING, State.FAILED)
        return work

    def reached(self, state: State) -> Work:
        """A hand on a take that has come to `state`, admitted when there is but one seat."""
        if state is State.WAITING:
            work = self.admitted()
            assert self.room.move(work, State.ADMITTED, State.WAITING, delay=1000.0)
            return work
        return {
            State.ADMITTED: self.admitted,
            State.SUBMITTING: self.submitting,
            State.RENDERING: self.rendering,
            State.COLLECTING: self.collecting,
            State.DOUBT: self.doubted,
            State.FAILED: self.failed,
            State.CANCELLED: lambda: self.given_up(State.CANCELLED),
            State.WAIVED: lambda: self.given_up(State.WAIVED),
        }[state]()

    def accept(self, work: Work, job: str) -> str:
        return self.room.accept(
            work.batch,
            work.index,
            attempt=work.attempt,
            job_id=job,
            first_poll=0.0,
            fields={"job": {"id": job, "urls": {}}},
        )

    def handed(self, step: Step) -> Work:
        """The hand that the next tick gives out for `step`, which must be the only one."""
        (work,) = [work for work in self.room.tick() if work.step is step]
        return work

    def state(self, index: int, batch: str = "b") -> State | None:
        """Where a take is; None for one that merely waits or is done."""
        record = self.room.take(batch, index)
        return None if record is None else record.state

    def states(self, batch: str = "b") -> dict[State, int]:
        """How many takes are in each state that any is in."""
        standing = self.room.standing(batch)
        assert standing is not None
        assert sum(standing.states.values()) == standing.total
        assert all(count >= 0 for count in standing.states.values())
        return {state: count for state, count in standing.states.items() if count}

    def seats(self, provider: str = "fal") -> set[str]:
        return self._members(f"lane:{provider}:seats")

    def members(self, state: State, batch: str = "b") -> set[str]:
        """The set in which failed takes, or those in doubt, are kept."""
        return self._members(f"batch:{batch}:{state}")

    def set_of(self, part: str, batch: str = "b") -> set[str]:
        """One of a batch's sets."""
        return self._members(f"batch:{batch}:{part}")

    def due(self) -> dict[str, float]:
        """When each take is due, in seconds from now."""
        found = self.client.zrange(f"{self.namespace}:due", 0, -1, withscores=True)
        return {member.decode(): (score - self.time.ms) / 1000 for member, score in found}

    def keys(self) -> dict[bytes, object]:
        """Everything in the namespace, to compare before and after; but for what wakes the pumps."""
        found: dict[bytes, object] = {}
        bells = {f"{self.namespace}:{part}".encode() for part in ("bell", "again")}
        for key in set(self.client.scan_iter(match=f"{self.namespace}:*", count=10_000)) - bells:
            found[key] = self.client.dump(key) if self.client.type(key) == b"string" else self._unordered(key)
        return found

    def count_keys(self) -> int:
        return sum(1 for _ in self.client.scan_iter(match=f"{self.namespace}:*", count=10_000))

    def _members(self, key: str) -> set[str]:
        return {member.decode() for member in self.client.smembers(f"{self.namespace}:{key}")}

    def _unordered(self, key: bytes) -> object:
        kind = self.client.type(key)
        if kind == b"hash":
            return self.client.hgetall(key)
        if kind == b"set":
            return self.client.smembers(key)
        return dict(self.client.zrange(key, 0, -1, withscores=True))
