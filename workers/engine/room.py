"""The waiting room: a thin face of the Lua scripts that hold the truth about every take.

Each method is one atomic script, safe to send twice: a repeated call is answered as it was the first time.
All of them raise `workers.errors.RedisError` when Redis stays unreachable for as long as the client retries.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Literal, cast

import redis

from workers.engine.limits import Leases, Limits, Spend, Terms
from workers.engine.lookout import Lookout
from workers.engine.scripts import Scripts, as_fields, as_text, reaching
from workers.engine.states import State, Step
from workers.engine.work import Stay, Work, as_ms
from workers.errors import RedisError

_MARK_AT_ONCE = 5000
_LOCK_SECONDS = 10.0
_LONGEST_OPENING = 120.0


class WaitingRoom(Lookout):
    """The takes of all batches of one namespace. Safe to use from any number of threads.

    The time is Redis's own, the same for all workers, unless `clock` tells it (in ms since the epoch); `server` tells
    the run id of the Redis server in place of the server itself.
    """

    def __init__(
        self,
        client: redis.Redis,
        namespace: str,
        *,
        leases: Leases | None = None,
        clock: Callable[[], int] | None = None,
        server: Callable[[], str] | None = None,
    ) -> None:
        super().__init__(Scripts(client, namespace, clock=clock, server=server))
        self._run = self._scripts.run
        self.leases = leases or Leases()

    # Batches

    @contextmanager
    def opening(self, batch: str) -> Iterator[Callable[[], bool]]:
        """Be the only one that opens this batch. Raises `RedisError` when another does for longer than two minutes.

        One that is killed is in the way for ten seconds, and one that was suspended for longer has lost its place: what
        this yields asks Redis whether it still has it. Should two open a batch at once after all, the scripts refuse
        the one that began by what is no longer so.
        """
        with reaching():
            lock = self._redis.lock(
                self._key("opening", batch),
                timeout=_LOCK_SECONDS,
                blocking_timeout=_LONGEST_OPENING,
                thread_local=False,
            )
            if not lock.acquire():
                raise RedisError(f"another command is opening the batch {batch!r}; try again in a moment")
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(_LOCK_SECONDS / 3):
                with suppress(redis.RedisError):
                    lock.reacquire()

        keeper = threading.Thread(target=renew, name="rushes-opening", daemon=True)
        keeper.start()

        def mine() -> bool:
            with reaching():
                return bool(lock.owned())

        try:
            yield mine
        finally:
            ended.set()
            keeper.join()
            # What was opened is opened, whether or not the lock outlived it.
            with suppress(redis.RedisError):
                lock.release()

    def open(
        self,
        batch: str,
        *,
        digest: str,
        live: int,
        provider: str | Sequence[str],
        manifest: bytes,
        spans: str,
        terms: Terms | None = None,
        grew_from: str | None = None,
        chains: str = "[]",
    ) -> Literal["new", "same", "grown", "overtaken"]:
        """Open a batch, open it again, or let it grow into another manifest. Nothing is admitted before `begin`.

        `live` is how many takes are asked for now, `spans` where in the index space they are (JSON). `grew_from` is the
        digest that Redis had when `manifest` was made of what it knew; `"overtaken"` says that it has another one by
        now, and that nothing was changed. None lets it grow from whatever there is. `chains` is where takes are that
        take up files of others (JSON). Of several providers, to which one each take may go is told by `quote`.
        """
        terms = terms or Terms()
        set_terms = {
            "currency": terms.currency,
            "budget": terms.budget,
            "budget_stop": terms.budget_stop,
            "budget_cancel": terms.budget_cancel,
            "cut": None,
            "deadline": None if terms.deadline is None else as_ms(terms.deadline),
            "max_failures": terms.max_failures,
            "not_before": None if terms.not_before is None else as_ms(terms.not_before),
            "openings": [[as_ms(start), as_ms(end)] for start, end in terms.openings] or None,
            "opens_at": None,
            "weight": terms.weight,
            "on_doubt": terms.on_doubt,
            "chosen": None if terms.chosen is None else json.dumps(terms.chosen),
        }
        grows = "*" if grew_from is None else grew_from
        lanes = (provider,) if isinstance(provider, str) else tuple(provider)
        several = " ".join(lanes) if len(lanes) > 1 else ""
        answer = self._run(
            "open", batch, digest, live, lanes[0], manifest, spans, as_fields(set_terms), grows, chains, several
        )
        return cast("Literal['new', 'same', 'grown', 'overtaken']", as_text(answer))

    def begin(
        self,
        batch: str,
        *,
        spent: int | None = None,
        believed: int = 0,
        days: Mapping[str, tuple[int, int]] | None = None,
        again: bool = True,
        server: str | None = None,
        digest: str | None = None,
    ) -> bool:
        """Let the takes of an open batch be admitted: all that the store knows of them has been taken over.

        `spent` (micros) is what the store says the batch has cost so far; None leaves what Redis believes. `believed`
        is what Redis said of it before the store was read: what has come to it meanwhile is added. `days` has, by
        provider, both of what the batch has cost there today. `again` says that a person has opened it, so failures are
        counted anew.

        False when Redis was emptied, is no longer the `server` that ran when the store began to be read, or knows the
        batch by another `digest` by now: then the batch is to be opened once more.
        """
        told = [[lane, *amounts] for lane, amounts in (days or {}).items()]
        begun = self._run(
            "begin",
            batch,
            "" if spent is None else spent,
            believed,
            json.dumps(told),
            int(again),
            self.server() if server is None else server,
            digest or "",
        )
        return bool(begun)

    def trusts(self, batch: str) -> bool:
        """Whether the batch was held against the store since Redis was last started."""
        known = self._field(batch, "server")
        return known is not None and known == self.server()

    def count(self, batch: str, **counters: int) -> None:
        """Add to a batch's counters."""
        with reaching():
            for name, by in counters.items():
                self._redis.hincrby(self._key("batch", batch), name, by)

    # Providers, and the store

    def set_limits(self, provider: str, limits: Limits) -> None:
        """Set a provider's limits for all workers, and lift its pause."""
        interval = 0 if limits.requests_per_minute is None else round(60_000 / limits.requests_per_minute)
        self._run(
            "lane",
            provider,
            limits.seats,
            interval,
            int(limits.queues),
            as_ms(limits.again_seconds),
            int(limits.lists),
            "" if limits.day_budget is None else limits.day_budget,
            limits.least_seats,
            limits.lead,
        )

    def pause(self, provider: str, *, kind: str, reason: str) -> None:
        """Admit nothing more to a provider until its limits are set again. What is accepted goes on."""
        self._run("pause", provider, 0, kind, reason)

    def slow_down(self, provider: str, *, seconds: float, reason: str) -> None:
        """Admit nothing more to a provider for so many seconds."""
        self._run("pause", provider, max(1, as_ms(seconds)), "rate", reason)

    def refused(self, provider: str, *, sent_at: float, seconds: float, told: bool, reason: str) -> None:
        """A submission sent at `sent_at` (seconds since the epoch, by Redis) was refused as one too many.

        Nothing more is admitted to the provider for so many `seconds`; `told` says that these are its own word. Its
        seats shrink, unless it was told and is the first time since something was accepted.
        """
        self._run("refused", provider, as_ms(sent_at), max(1, as_ms(seconds)), int(told), reason)

    def came_to_nothing(self, provider: str, *, reason: str, seconds: float = 0.0) -> float:
        """A submission came to nothing by the provider's own fault: admit nothing more to it for so many seconds.

        Returns for how long it will be sent nothing because too many did so in a row; 0 where they didn't.
        """
        return int(self._run("trouble", provider, as_ms(seconds), reason)) / 1000

    def quota(self, provider: str, left: int, *, seconds: float) -> None:
        """The provider has said how many more requests it takes within so many seconds."""
        self._run("quota", provider, max(0, left), max(1, as_ms(seconds)))

    def store_fails(self, reason: str, *, seconds: float) -> None:
        """Hold all admission back for so many seconds: there is nowhere to put what would be paid for.

        Unless it is said again meanwhile, the trouble is taken to be over.
        """
        self._run("store_trouble", max(1, as_ms(seconds)), reason)

    def remember(self, name: str, value: str, *, seconds: float) -> None:
        """Keep `value` under `name`, for all workers, for so many seconds."""
        with reaching():
            self._redis.set(self._key("kept", name), value, px=max(1, as_ms(seconds)))

    def learn(self, kind: str, run: float | None, wait: float | None, *, kept: int, kinds: int) -> None:
        """Keep how long a render ran, and how long it waited before (seconds; None where that isn't known).

        At most the `kept` newest of a kind, and the `kinds` that were learned of last.
        """
        parts = ["" if each is None else as_ms(each) for each in (run, wait)]
        self._run("learn", kind, *parts, kept, kinds)

    # Takes

    def tick(self, *, most: int = 200, most_unstarted: int = 128) -> list[Work]:
        """Hand out what can be done now: at most `most` steps, each under a fresh fence and a lease."""
        return self.ask(most=most, most_unstarted=most_unstarted)[0]

    def ask(self, *, most: int = 200, most_unstarted: int = 128) -> tuple[list[Work], float | None]:
        """What `tick` hands out, and in how many seconds there will be more, should nothing happen meanwhile.

        None when that can't be known. What happens meanwhile rings the bell.
        """
        flat = cast(
            "list[bytes]",
            self._run(
                "tick",
                most,
                as_ms(self.leases.admitted),
                as_ms(self.leases.poll),
                as_ms(self.leases.collect),
                most_unstarted,
                as_ms(self.leases.settle),
                as_ms(self.leases.recover),
            ),
        )
        again, *parts = [as_text(part) for part in flat]
        works = [
            Work(Step(parts[i]), parts[i + 1], int(parts[i + 2]), int(parts[i + 3]), int(parts[i + 4]))
            for i in range(0, len(parts), 5)
        ]
        return works, int(again) / 1000 if again else None

    def ring(self) -> None:
        """Wake one of the pumps that sleep: something has become possible."""
        self._run("ring")

    def await_bell(self, seconds: float) -> bool:
        """Sleep until the bell rings, which then wakes no other, or until `seconds` are over. Whether it has rung.

        The scripts ring it by themselves, when a seat is freed or something is due sooner than was told.
        """
        with reaching():
            return self._redis.blpop([self._key("bell")], timeout=seconds) is not None

    def quote(self, batch: str, prices: Mapping[int, str]) -> None:
        """Say what takes may cost at most, by index: `"<micros>,<micros>"` for the batch's account and the day's.

        Either is empty where there is no such account, and `?` where it isn't known. Where the batch has several
        providers, `"<provider>=<micros>,<micros>;..."` of those that can render the take, the first to be tried first.
        """
        self._run("quote", batch, *(part for pair in prices.items() for part in pair))

    def parents(self, batch: str, parents: Mapping[int, Iterable[int]]) -> None:
        """Say which takes of a batch some of its takes take up files of, all by index."""
        told = {index: ",".join(str(each) for each in theirs) for index, theirs in parents.items()}
        self._run("parents", batch, *(part for pair in told.items() for part in pair))

    def move(
        self,
        work: Work,
        from_state: State,
        to_state: State,
        *,
        delay: float = 0.0,
        fields: Mapping[str, Any] | None = None,
        counters: Mapping[str, int] | None = None,
        spend: Spend | None = None,
        server: str | None = None,
        held_by: str | None = None,
    ) -> bool:
        """One transition, compare-and-set: False when the take has moved on without this hand.

        `delay` (seconds) says when the take is due next: as a lease, a poll, or a return from waiting. `fields` are
        kept with the take (None removes one). `spend` says what becomes of the money reserved for it, None leaves that
        to where it goes. `server` is the run id of the Redis by which the caller knows the take: one that was started
        anew since may have gone back, and fences come again then; `held_by` is the token under which the caller took it
        in hand, which doesn't. Raises `IllegalTransition` for a step that the states don't have.
        """
        told = _move(work, from_state, to_state, delay, fields, counters, spend, server, held_by)
        return bool(as_text(self._run("move", *told)))

    def stay(self, stays: Sequence[Stay]) -> None:
        """As `move` from a state to the same one, of many at once. Those whose take has moved on are passed over."""
        calls = [_move(stay.work, stay.state, stay.state, stay.delay, stay.fields) for stay in stays]
        if calls:
            self._scripts.run_each("move", calls)

    def accept(
        self,
        batch: str,
        index: int,
        *,
        attempt: int,
        job_id: str,
        first_poll: float,
        fields: Mapping[str, Any],
        counters: Mapping[str, int] | None = None,
        besides: bool = False,
        provider: str | None = None,
    ) -> Literal["rendering", "known", "orphan", "over", "unknown"]:
        """Record a job that a provider has named. It is never refused. `besides` says that it is known to be an orphan.

        `provider` is the one that has named it; None stands for the one that the take is at.

        A take that is elsewhere, or at another attempt, makes it an orphan, which is followed besides the take. One
        that is `"known"` is the take's already, one that is `"over"` was followed to its end, so it is on record;
        `"unknown"` says that Redis doesn't know the batch any more, and has kept nothing.
        """
        answer = self._run(
            "accept",
            batch,
            index,
            job_id,
            as_ms(first_poll),
            as_fields(fields),
            json.dumps(dict(counters or {})),
            attempt,
            int(besides),
            provider or "",
        )
        return cast("Literal['rendering', 'known', 'orphan', 'over', 'unknown']", as_text(answer))

    def note(self, batch: str, index: int, job_id: str | None, fields: Mapping[str, Any]) -> None:
        """Keep `fields` with a take that is alive and, unless it is None, still that job's."""
        self._run("note", batch, index, job_id or "", as_fields(fields))

    def may_send(self, work: Work, *, lease: float, hand: str = "") -> bool:
        """The last look before money: whether the take is still this hand's. Its lease (seconds) begins anew.

        `hand` is the token that was kept with the take when it was taken in hand.
        """
        return bool(self._run("send", work.batch, work.index, work.fence, as_ms(lease), hand))

    def claim(self, work: Work) -> Work | None:
        """Be the only hand on a step, should its message have come twice: the work under a new fence, None if stale."""
        fence = int(self._run("claim", work.batch, work.index, work.fence, secrets.token_hex(8)))
        return replace(work, fence=fence) if fence else None

    def hint(
        self, batch: str, index: int, attempt: int, job_id: str | None, *, least: float
    ) -> Literal["soon", "kept", "nothing"]:
        """Somebody says that there is news of an attempt: its job is asked about now, at most every `least` seconds.

        `job_id` is the job that was named, which in doubt is kept to be looked into.
        """
        answer = self._run("hint", batch, index, attempt, job_id or "", as_ms(least))
        return cast("Literal['soon', 'kept', 'nothing']", as_text(answer))

    def renew(self, work: Work, *, lease: float) -> bool:
        """Put off the end of a hand's lease (seconds). False when the hand is stale."""
        return bool(self._run("renew", work.batch, work.index, work.fence, as_ms(lease)))

    def adopt(
        self,
        batch: str,
        index: int,
        state: State,
        fields: Mapping[str, Any],
        *,
        receipt_lost: bool = False,
        withdrawn: bool = False,
        older: bool = False,
        reserved: tuple[int | None, int | None] = (None, None),
    ) -> bool:
        """Take over from the store's record what Redis doesn't know. False when it does know.

        `receipt_lost` says that a take which Redis believes to be done is not: the store has no receipt of it.
        `withdrawn` says that nobody asks for the take any more, though it is or may be at the provider. `older` says
        that what Redis holds is older than the record, which then takes its place. `reserved` (micros) is what it may
        cost at most, for the batch's account and the day's.
        """
        amounts = ["" if amount is None else amount for amount in reserved]
        return bool(
            self._run(
                "adopt",
                batch,
                index,
                state,
                as_fields(fields),
                int(receipt_lost),
                int(withdrawn),
                int(older),
                *amounts,
            )
        )

    def reserve(self, batch: str, index: int, reserved: tuple[int | None, int | None]) -> bool:
        """Put aside, in the place of what was, what a take may cost at most: for the batch's account and the day's.

        False when nothing of the take can be billed any more.
        """
        amounts = ["" if amount is None else amount for amount in reserved]
        return bool(self._run("reserve", batch, index, *amounts))

    def mark_done(self, batch: str, indices: Iterable[int], *, gone_back: bool = False) -> None:
        """Believe that these takes are done, as the store says. Those that are alive come to it by themselves.

        `gone_back` says that Redis has forgotten how they did: those that it believes to be alive are done, too.
        """
        self._mark(batch, indices, "all" if gone_back else "")

    def unmark(self, batch: str, indices: Iterable[int]) -> None:
        """Count these takes, which are done, no more: nobody asks for them now."""
        self._mark(batch, indices, "unmark")

    # What a person decides

    def set_spans(
        self, batch: str, before: str, now: str, *, digest: str = "", picked: tuple[str, str] | None = None
    ) -> bool:
        """Put other spans (JSON) in the place of a batch's. False when they are no longer `before`: read them again.

        Nor are they put in the place of another manifest's than that with the `digest`. `picked` is what was picked
        before and what is by now (JSON), to be put in place with them.
        """
        return bool(self._run("spans", batch, before, now, digest, *(picked or ())))

    def hold(self, batch: str, kind: Literal["paused", "cancelled"] | None, reason: str = "") -> int:
        """Hold a whole batch, or, with None, let it go on. What is alive goes on when it is paused.

        When it is cancelled, what is not sent yet waits, and what the provider has is cancelled there, where it can be.
        Returns how many takes the provider is asked about.
        """
        return int(self._run("hold", batch, kind or "", reason))

    def withdraw(
        self,
        batch: str,
        index: int,
        to: Literal[State.CANCELLED, State.WAIVED],
        fields: Mapping[str, Any] | None = None,
    ) -> str:
        """Give a take up. Returns the state it has come to, or stays in; `asked` where the provider has to be asked,
        `withdrawn` when nothing is left of it and the manifest asks for it no more.

        What may have been paid for can't be cancelled; waived, it counts as spent. Raises `RedisError` when Redis
        doesn't know the batch, or what it says of it can't be trusted.
        """
        came_to = as_text(self._run("withdraw", batch, index, to, as_fields(fields)))
        if came_to == "unknown":
            raise RedisError(f"Redis does not know the batch {batch!r} any more; run it again to take it up")
        if came_to == "untrusted":
            raise RedisError(f"Redis was started anew, and {batch!r} is being held against the store; try again")
        return came_to

    def prefer(self, batch: str, priority: int) -> None:
        """Give a batch a priority among batches."""
        self._run("prefer", batch, priority)

    def _mark(self, batch: str, indices: Iterable[int], how: str) -> None:
        pending = list(indices)
        for start in range(0, len(pending), _MARK_AT_ONCE):
            self._run("mark", batch, how, *pending[start : start + _MARK_AT_ONCE])

    def server(self) -> str:
        """The run id of the Redis server, which is another one each time it is started."""
        if self._scripts.server is not None:
            return self._scripts.server()
        with reaching():
            return str(self._redis.info("server")["run_id"])


def _move(
    work: Work,
    from_state: State,
    to_state: State,
    delay: float,
    fields: Mapping[str, Any] | None,
    counters: Mapping[str, int] | None = None,
    spend: Spend | None = None,
    server: str | None = None,
    held_by: str | None = None,
) -> tuple[Any, ...]:
    """All that the script `move` is asked with, in its order."""
    return (
        work.batch,
        work.index,
        work.fence,
        from_state,
        to_state,
        as_ms(delay),
        as_fields(fields),
        secrets.token_hex(8),
        json.dumps(dict(counters or {})),
        "" if spend is None else json.dumps(spend),
        server or "",
        held_by or "",
    )
