"""The waiting room: a thin face of the Lua scripts that hold the truth about every take.

Each method is one atomic script, safe to send twice: a repeated call is answered as it was the first time.
All of them raise `workers.errors.RedisError` when Redis stays unreachable for as long as the client retries.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal, cast

import redis
from redis.exceptions import NoScriptError, ResponseError

from workers.engine.states import ALIVE, State, Step
from workers.errors import IllegalTransition, RedisError

SHUT_OUT = "shut-out"
"""The kind of a pause under which not even accepted jobs can be asked about: the key is refused there as well."""

_MARK_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Leases:
    """How long a hand may be silent before its work is given to another, in seconds.

    An admitted take costs nothing to hand out again: a stale message is refused by its fence. A poll's lease
    must outlive the poll's deadline, and a collection renews its own while it works.
    """

    admitted: float = 30.0
    poll: float = 75.0
    collect: float = 30.0
    settle: float = 90.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider allows us, and what it offers when a submission is in doubt.

    `queues` says that it queues what is over its own limit, instead of refusing it. `again_seconds` is for how long an
    attempt may be sent again under its key, to be answered with the job it was the first time; 0 where it may not.
    `lists` says that it can be asked for the jobs it has accepted.
    """

    seats: int
    requests_per_minute: float | None = None
    queues: bool = False
    again_seconds: float = 0.0
    lists: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """One step that can be done now. `fence` proves that it is the newest hand on the take."""

    step: Step
    batch: str
    index: int
    fence: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Lane:
    """What Redis says of one provider. `paused` is the reason, when it is; times are in seconds from now."""

    provider: str
    seats: int
    seats_taken: int
    paused: str | None
    paused_kind: str | None
    slowed: str | None
    slowed_for: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How a batch stands: takes by state, counters since it was opened, and what holds it up."""

    batch: str
    digest: str
    total: int
    states: Mapping[State, int]
    submissions: int
    objects: int
    orphans: int
    lane: Lane
    store_trouble: str | None
    store_trouble_for: float
    settling: int = 0
    """Of the takes in doubt, those about which the provider will still be asked."""

    @property
    def alive(self) -> int:
        """Takes that a worker or the provider still works on."""
        return sum(self.states[state] for state in ALIVE)

    @property
    def open(self) -> int:
        """Takes that have not come to an end: waiting, alive, or in doubt and being settled."""
        return self.states[State.WAITING] + self.alive + self.settling


@dataclass(frozen=True, slots=True)
class TakeRecord:
    """What Redis holds of one take that is not merely waiting and not yet done."""

    batch: str
    index: int
    state: State
    fence: int
    attempt: int
    failures: int
    job: dict[str, Any] | None
    fields: Mapping[str, str] = field(repr=False)

    def value(self, name: str) -> Any:
        """One of the fields that are kept as JSON, or None."""
        raw = self.fields.get(name)
        return None if raw is None else json.loads(raw)

    def time(self, name: str) -> float | None:
        """One of the times, in seconds since the epoch, or None."""
        raw = self.fields.get(name)
        return None if raw is None else float(raw) / 1000


class WaitingRoom:
    """The takes of all batches of one namespace. Safe to use from any number of threads.

    The time is Redis's own, the same for all workers, unless `clock` tells it (in ms since the epoch).
    """

    def __init__(
        self,
        client: redis.Redis,
        namespace: str,
        *,
        leases: Leases | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._redis = client
        self._namespace = namespace
        self._clock = clock
        self.leases = leases or Leases()

    def open(self, batch: str, *, digest: str, total: int, provider: str, manifest: bytes) -> str:
        """Open a batch: `"new"`, `"same"`, or `"other"` when the name stands for another manifest already.

        Nothing of a new one is admitted before `begin`.
        """
        return self._text(self._run("open", batch, digest, total, provider, manifest))

    def begin(self, batch: str) -> None:
        """Let the takes of an open batch be admitted: all that the store knows of them has been taken over."""
        self._run("begin", batch)

    def manifest(self, batch: str) -> bytes | None:
        """The frozen manifest (JSON) of an open batch."""
        with _reaching():
            return cast("bytes | None", self._redis.get(self._key("batch", batch, "manifest")))

    def digest(self, batch: str) -> str | None:
        """The digest of the manifest that an open batch stands for; None when Redis doesn't know the batch."""
        with _reaching():
            found = cast("bytes | None", self._redis.hget(self._key("batch", batch), "digest"))
        return None if found is None else self._text(found)

    def batches(self) -> list[str]:
        """The names of all open batches."""
        with _reaching():
            return sorted(self._text(name) for name in cast("set[bytes]", self._redis.smembers(self._key("batches"))))

    def set_limits(self, provider: str, limits: Limits) -> None:
        """Set a provider's limits for all workers, and lift its pause."""
        interval = 0 if limits.requests_per_minute is None else round(60_000 / limits.requests_per_minute)
        self._run(
            "lane",
            provider,
            limits.seats,
            interval,
            int(limits.queues),
            _ms(limits.again_seconds),
            int(limits.lists),
        )

    def pause(self, provider: str, *, kind: str, reason: str) -> None:
        """Admit nothing more to a provider until its limits are set again. What is accepted goes on."""
        self._run("pause", provider, 0, kind, reason)

    def slow_down(self, provider: str, *, seconds: float, reason: str) -> None:
        """Admit nothing more to a provider for so many seconds."""
        self._run("pause", provider, max(1, round(seconds * 1000)), "rate", reason)

    def store_fails(self, reason: str, *, seconds: float) -> None:
        """Hold all admission back for so many seconds: there is nowhere to put what would be paid for.

        Unless it is said again meanwhile, the trouble is taken to be over.
        """
        self._run("store_trouble", max(1, round(seconds * 1000)), reason)

    def tick(self, *, most: int = 200, most_unstarted: int = 128) -> list[Work]:
        """Hand out what can be done now: at most `most` steps, each under a fresh fence and a lease."""
        flat = cast(
            "list[bytes]",
            self._run(
                "tick",
                most,
                _ms(self.leases.admitted),
                _ms(self.leases.poll),
                _ms(self.leases.collect),
                most_unstarted,
                _ms(self.leases.settle),
            ),
        )
        parts = [self._text(part) for part in flat]
        return [
            Work(Step(parts[i]), parts[i + 1], int(parts[i + 2]), int(parts[i + 3]), int(parts[i + 4]))
            for i in range(0, len(parts), 5)
        ]

    def move(
        self,
        work: Work,
        from_state: State,
        to_state: State,
        *,
        delay: float = 0.0,
        fields: Mapping[str, Any] | None = None,
        counters: Mapping[str, int] | None = None,
    ) -> bool:
        """One transition, compare-and-set: False when the take has moved on without this hand.

        `delay` (seconds) says when the take is due next: as a lease, a poll, or a return from waiting. `fields` are
        kept with the take (None removes one). Raises `IllegalTransition` for a step that the states don't have.
        """
        hand = secrets.token_hex(8)
        answer = self._run(
            "move",
            work.batch,
            work.index,
            work.fence,
            from_state,
            to_state,
            _ms(delay),
            _fields(fields),
            hand,
            json.dumps(dict(counters or {})),
        )
        return bool(self._text(answer))

    def accept(
        self,
        batch: str,
        index: int,
        *,
        job_id: str,
        first_poll: float,
        fields: Mapping[str, Any],
        counters: Mapping[str, int] | None = None,
    ) -> Literal["rendering", "known", "orphan"]:
        """Record a job that a provider has named. It is never refused; a take that is elsewhere makes it an orphan."""
        answer = self._run(
            "accept", batch, index, job_id, _ms(first_poll), _fields(fields), json.dumps(dict(counters or {}))
        )
        return cast("Literal['rendering', 'known', 'orphan']", self._text(answer))

    def note(self, batch: str, index: int, job_id: str | None, fields: Mapping[str, Any]) -> None:
        """Keep `fields` with a take that is alive and, unless it is None, still that job's."""
        self._run("note", batch, index, job_id or "", _fields(fields))

    def renew(self, work: Work, *, lease: float) -> bool:
        """Put off the end of a hand's lease (seconds). False when the hand is stale."""
        return bool(self._run("renew", work.batch, work.index, work.fence, _ms(lease)))

    def adopt(
        self, batch: str, index: int, state: State, fields: Mapping[str, Any], *, receipt_lost: bool = False
    ) -> bool:
        """Take over from the store's record what Redis doesn't know. False when it does know.

        `receipt_lost` says that a take which Redis believes to be done is not: the store has no receipt of it.
        """
        return bool(self._run("adopt", batch, index, state, _fields(fields), int(receipt_lost)))

    def mark_done(self, batch: str, indices: Iterable[int]) -> None:
        """Believe that these takes are done, as the store says. Those that are alive come to it by themselves."""
        pending = list(indices)
        for start in range(0, len(pending), _MARK_AT_ONCE):
            self._run("mark", batch, *pending[start : start + _MARK_AT_ONCE])

    def done(self, batch: str) -> Iterator[int]:
        """The indices of the takes that Redis believes to be done."""
        with _reaching():
            bits = cast("bytes | None", self._redis.get(self._key("batch", batch, "done"))) or b""
        for position, byte in enumerate(bits):
            for bit in range(8):
                if byte & (0x80 >> bit):
                    yield position * 8 + bit

    def count(self, batch: str, **counters: int) -> None:
        """Add to a batch's counters."""
        with _reaching():
            for name, by in counters.items():
                self._redis.hincrby(self._key("batch", batch), name, by)

    def take(self, batch: str, index: int) -> TakeRecord | None:
        """What Redis holds of one take; None when it is merely waiting, or done."""
        with _reaching():
            raw = cast("dict[bytes, bytes]", self._redis.hgetall(self._key("take", batch, str(index))))
        if not raw:
            return None
        fields = {self._text(name): self._text(value) for name, value in raw.items()}
        job = fields.get("job")
        return TakeRecord(
            batch=batch,
            index=index,
            state=State(fields["state"]),
            fence=int(fields.get("fence", 0)),
            attempt=int(fields.get("attempt", 1)),
            failures=int(fields.get("failures", 0)),
            job=None if job is None else json.loads(job),
            fields=fields,
        )

    def held(self, batch: str, state: Literal[State.FAILED, State.DOUBT]) -> list[TakeRecord]:
        """The takes that have failed, or that are in doubt, by index."""
        with _reaching():
            members = cast("set[bytes]", self._redis.smembers(self._key("batch", batch, state)))
        records = (self.take(batch, index) for index in sorted(int(member) for member in members))
        return [record for record in records if record is not None and record.state == state]

    def known_jobs(self, provider: str, jobs: Sequence[str]) -> set[str]:
        """Those of `jobs` that are some take's already, at a provider that lists its jobs."""
        if not jobs:
            return set()
        with _reaching():
            known = cast("list[int]", self._redis.smismember(self._key("lane", provider, "jobs"), list(jobs)))
        return {job for job, is_known in zip(jobs, known, strict=True) if is_known}

    def orphans(self, batch: str) -> list[str]:
        """The ids of jobs that were accepted, and so paid for, while their take was elsewhere already."""
        with _reaching():
            return sorted(
                self._text(job) for job in cast("list[bytes]", self._redis.hkeys(self._key("batch", batch, "orphans")))
            )

    def remember(self, name: str, value: str, *, seconds: float) -> None:
        """Keep `value` under `name`, for all workers, for so many seconds."""
        with _reaching():
            self._redis.set(self._key("kept", name), value, px=max(1, _ms(seconds)))

    def remembered(self, name: str) -> str | None:
        """What is kept under `name`, or None."""
        with _reaching():
            value = cast("bytes | None", self._redis.get(self._key("kept", name)))
        return None if value is None else self._text(value)

    def waiting_on(self, batch: str, *, look_at: int = 200) -> tuple[int, str] | None:
        """Why a take of this batch that is alive doesn't get on: its index and the reason, None when none has one.

        It looks at the `look_at` takes that are due first.
        """
        with _reaching():
            due = cast("list[bytes]", self._redis.zrange(self._key("due"), 0, look_at - 1))
            found = (self._text(member).rpartition(":") for member in due)
            indices = [index for of, _, index in found if of == batch]
            pipe = self._redis.pipeline(transaction=False)
            for index in indices:
                pipe.hget(self._key("take", batch, index), "waits_for")
            reasons = pipe.execute()
        told = ((int(index), self._text(why)) for index, why in zip(indices, reasons, strict=True) if why)
        return next(told, None)

    def standing(self, batch: str) -> Standing | None:
        """How a batch stands, or None when Redis knows no such batch."""
        with _reaching():
            pipe = self._redis.pipeline(transaction=True)
            pipe.hgetall(self._key("batch", batch))
            pipe.bitcount(self._key("batch", batch, "done"))
            pipe.hlen(self._key("batch", batch, "orphans"))
            pipe.hgetall(self._key("store"))
            pipe.time()
            raw, done, orphans, store, (seconds, micros) = pipe.execute()
            if not raw:
                return None
            fields = {self._text(name): self._text(value) for name, value in raw.items()}
            now = seconds * 1000 + micros // 1000 if self._clock is None else self._clock()
            lane = self._lane(fields["lane"], now)
        trouble = {self._text(name): self._text(value) for name, value in store.items()}
        total = int(fields["total"])
        states = {state: int(fields.get(f"n:{state}", 0)) for state in State}
        states[State.DONE] = int(done)
        states[State.WAITING] = total - sum(n for state, n in states.items() if state != State.WAITING)
        return Standing(
            batch=batch,
            digest=fields["digest"],
            total=total,
            states=states,
            submissions=int(fields.get("submissions", 0)),
            objects=int(fields.get("objects", 0)),
            orphans=int(orphans),
            lane=lane,
            store_trouble=trouble.get("trouble"),
            store_trouble_for=max(0.0, (now - float(trouble.get("since", now))) / 1000),
            settling=self._settling(batch) if states[State.DOUBT] else 0,
        )

    def _settling(self, batch: str) -> int:
        with _reaching():
            doubted = cast("set[bytes]", self._redis.smembers(self._key("batch", batch, State.DOUBT)))
            members = [f"{batch}:{self._text(index)}" for index in doubted]
            due = self._redis.zmscore(self._key("due"), members) if members else []
        return sum(moment is not None for moment in due)

    def _lane(self, provider: str, now: int) -> Lane:
        raw = cast("dict[bytes, bytes]", self._redis.hgetall(self._key("lane", provider)))
        fields = {self._text(name): self._text(value) for name, value in raw.items()}
        slowed_for = max(0.0, (float(fields.get("not_before", 0)) - now) / 1000)
        return Lane(
            provider=provider,
            seats=int(fields.get("seats", 0)),
            seats_taken=int(self._redis.scard(self._key("lane", provider, "seats"))),
            paused=fields.get("paused"),
            paused_kind=fields.get("paused_kind"),
            slowed=fields.get("slowed") if slowed_for else None,
            slowed_for=slowed_for,
        )

    def _key(self, *parts: str) -> str:
        return ":".join((self._namespace, *parts))

    def _run(self, script: str, *args: Any) -> Any:
        digest, source = _script(script)
        now = "" if self._clock is None else self._clock()
        argv: Sequence[Any] = (self._namespace, now, *(_writable(arg) for arg in args))
        with _reaching():
            try:
                return self._redis.evalsha(digest, 0, *argv)
            except NoScriptError:
                return self._redis.eval(source, 0, *argv)

    @staticmethod
    def _text(value: bytes | str) -> str:
        return value if isinstance(value, str) else value.decode()


@cache
def _script(name: str) -> tuple[str, str]:
    folder = files("workers.engine") / "scripts"
    source = (folder / "_prelude.lua").read_text() + (folder / f"{name}.lua").read_text()
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest(), source


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _fields(fields: Mapping[str, Any] | None) -> str:
    kept = {
        name: value if value is None or isinstance(value, str) else json.dumps(value)
        for name, value in (fields or {}).items()
    }
    return json.dumps(kept, ensure_ascii=False)


def _writable(arg: Any) -> Any:
    # json.loads lets half a surrogate pair through, which no UTF-8 can hold, and a provider's words must be kept.
    return arg.encode("utf-8", "replace") if isinstance(arg, str) else arg


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except ResponseError as error:
        if "ILLEGAL" in str(error):
            raise IllegalTransition(str(error).partition("ILLEGAL ")[2]) from error
        raise RedisError(f"Redis refused a command: {error}") from error
    except redis.RedisError as error:
        raise RedisError(
            f"Redis can't be reached: {str(error).rstrip('.')}. Check that it runs, and RUSHES_REDIS_URL."
        ) from error
