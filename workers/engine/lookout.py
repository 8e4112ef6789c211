"""What can be seen of the waiting room, without changing anything in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal, cast

from jobs.sweeps.picks import Picks, merged
from jobs.takes.spans import from_json
from workers.deferring import DEFERRED
from workers.engine.census import Census
from workers.engine.scripts import Scripts, as_text, reaching
from workers.engine.standing import Lane, Money, Standing, Stopped, most_open
from workers.engine.states import ALIVE, State
from workers.engine.work import TakeRecord

RESTING = (State.FAILED, State.DOUBT, State.BLOCKED, State.CANCELLED, State.WAIVED)
DAY_MS = 86_400_000

PACE_MINUTES = 15
LEAST_ENDS = 2
LEAST_PACE_SECONDS = 30.0
"""Of what is shorter, or fewer, a pace says nothing."""

Held = Literal[State.FAILED, State.DOUBT, State.BLOCKED, State.CANCELLED, State.WAIVED]


class Lookout:
    """Reads the waiting room. All of it raises `RedisError` when Redis stays unreachable."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis = scripts.client
        self._key = scripts.key

    @property
    def scripts(self) -> Scripts:
        """The scripts of its namespace."""
        return self._scripts

    def time(self) -> float:
        """What time it is by Redis's clock, the same for all workers, in seconds since the epoch."""
        if self._scripts.clock is not None:
            return self._scripts.clock() / 1000
        with reaching():
            seconds, micros = self._redis.time()
        return seconds + micros / 1e6

    def batches(self) -> list[str]:
        """The names of all open batches."""
        with reaching():
            return sorted(as_text(name) for name in cast("set[bytes]", self._redis.smembers(self._key("batches"))))

    def manifest(self, batch: str) -> bytes | None:
        """The frozen manifests (JSON) of an open batch."""
        with reaching():
            return cast("bytes | None", self._redis.get(self._key("batch", batch, "manifest")))

    def digest(self, batch: str) -> str | None:
        """The digest of the manifests that an open batch stands for; None when Redis doesn't know the batch."""
        return self._field(batch, "digest")

    def begun(self, batch: str) -> bool:
        """Whether the takes of an open batch may be admitted: all that the store knows of them was taken over."""
        return self._field(batch, "begun") is not None

    def on_doubt(self, batch: str) -> str:
        """What is to be done with a doubt that can't be settled: `hold` or `resubmit`."""
        return self._field(batch, "on_doubt") or "hold"

    def provider(self, batch: str) -> str | None:
        """The provider of a batch, the first where it has several; None when Redis doesn't know the batch."""
        return self._field(batch, "lane")

    def spans(self, batch: str) -> str:
        """The spans of a batch's takes as JSON (`jobs.takes.spans`), in the order in which they are admitted."""
        with reaching():
            raw = cast("bytes | None", self._redis.get(self._key("batch", batch, "spans")))
        return "[]" if raw is None else raw.decode()

    def picked(self, batch: str) -> str:
        """Where the takes of a batch are that a person has picked (JSON)."""
        with reaching():
            raw = cast("bytes | None", self._redis.get(self._key("batch", batch, "picked")))
        return "[]" if raw is None else raw.decode()

    def chosen(self, batch: str) -> Picks | None:
        """Where the takes of a batch are that the last run was about, by index; None: all of them."""
        written = self._field(batch, "chosen")
        return None if written is None else merged((int(start), int(end)) for start, end in json.loads(written))

    def done(self, batch: str) -> Iterator[int]:
        """The indices of the takes that Redis believes to be done."""
        with reaching():
            bits = cast("bytes | None", self._redis.get(self._key("batch", batch, "done"))) or b""
        for position, byte in enumerate(bits):
            if byte:
                yield from (position * 8 + bit for bit in range(8) if byte & (0x80 >> bit))

    def withdrawn(self, batch: str) -> set[int]:
        """The takes that nobody asks for any more, and that count all the same: they were under way at the time."""
        with reaching():
            members = cast("set[bytes]", self._redis.smembers(self._key("batch", batch, "withdrawn")))
        return {int(member) for member in members}

    def alive(self, batch: str) -> list[int]:
        """The indices of what a worker or the provider works on; those from `ORPHANS` on are jobs besides takes."""
        with reaching():
            members = cast("set[bytes]", self._redis.smembers(self._key("batch", batch, "alive")))
        return sorted(int(member) for member in members)

    def spent(self, batch: str, provider: str) -> tuple[int, int]:
        """What a batch is believed to have spent in all, and today (UTC) at a provider, in micros."""
        spent, days, _ = self.accounts(batch, [provider])
        return spent, days[provider]

    def accounts(self, batch: str, providers: Sequence[str]) -> tuple[int, dict[str, int], dict[int, int]]:
        """What a batch is believed to have spent, in all and today at each of these providers (micros), and the takes
        that are open in that very moment: the attempt of each, by index.

        What an open attempt costs is booked when it ends, whatever the record says of it by then.
        """
        found = [int(each) for each in cast("list[bytes]", self._scripts.run("accounts", batch, *providers))]
        rest = found[1 + len(providers) :]
        days = dict(zip(providers, found[1:], strict=False))
        return found[0], days, dict(zip(rest[::2], rest[1::2], strict=True))

    def take(self, batch: str, index: int) -> TakeRecord | None:
        """What Redis holds of one take; None when it is merely waiting, or done."""
        with reaching():
            raw = cast("dict[bytes, bytes]", self._redis.hgetall(self._key("take", batch, str(index))))
        return _record(batch, index, raw)

    def takes(self, which: Sequence[tuple[str, int]]) -> list[TakeRecord | None]:
        """As `take`, of many at once, each named by its batch and index, in their order."""
        pipe = self._redis.pipeline(transaction=False)
        for batch, index in which:
            pipe.hgetall(self._key("take", batch, str(index)))
        with reaching():
            found = cast("list[dict[bytes, bytes]]", pipe.execute())
        return [_record(batch, index, raw) for (batch, index), raw in zip(which, found, strict=True)]

    def in_flight(self, provider: str) -> int:
        """How many takes have a seat at a provider."""
        with reaching():
            return int(self._redis.scard(self._key("lane", provider, "seats")))

    def lane_of(self, batch: str, index: int) -> str | None:
        """The provider that a take is at, or was sent to; None when it merely waits, or is done."""
        return self.lanes_of([(batch, index)])[0]

    def lanes_of(self, which: Sequence[tuple[str, int]]) -> list[str | None]:
        """As `lane_of`, of many at once, each named by its batch and index, in their order."""
        pipe = self._redis.pipeline(transaction=False)
        for batch, index in which:
            pipe.hget(self._key("take", batch, str(index)), "lane")
        with reaching():
            found = cast("list[bytes | None]", pipe.execute())
        return [None if lane is None else as_text(lane) for lane in found]

    def held(self, batch: str, state: Held, *, most: int | None = None) -> list[TakeRecord]:
        """The takes that have come to rest in `state`, by index; the first `most` of them."""
        with reaching():
            members = cast("set[bytes]", self._redis.smembers(self._key("batch", batch, state)))
        records = (self.take(batch, index) for index in sorted(int(member) for member in members)[:most])
        return [record for record in records if record is not None and record.state == state]

    def census(self, batch: str) -> Census:
        """Which takes of a batch are where, all of them at about one moment."""
        with reaching():
            pipe = self._redis.pipeline(transaction=True)
            pipe.get(self._key("batch", batch, "done"))
            for state in RESTING:
                pipe.smembers(self._key("batch", batch, state))
            pipe.smembers(self._key("batch", batch, "alive"))
            done, *resting, alive = pipe.execute()
            # What has moved on since it was listed is told as what it is by now.
            moving = sorted(int(index) for index in alive)
            pipe = self._redis.pipeline(transaction=False)
            for index in moving:
                pipe.hget(self._key("take", batch, str(index)), "state")
            states = pipe.execute()
        elsewhere = {int(index): state for state, found in zip(RESTING, resting, strict=True) for index in found}
        for index, told in zip(moving, states, strict=True):
            if told is not None and as_text(told) in ALIVE:
                elsewhere[index] = State(as_text(told))
        return Census(done or b"", elsewhere)

    def hold_on(self, batch: str) -> tuple[str | None, str]:
        """By what a whole batch is held (`paused`, `cancelled`, None) and why."""
        with reaching():
            found = cast("list[bytes | None]", self._redis.hmget(self._key("batch", batch), "hold", "hold_reason"))
        kind, reason = found
        return None if kind is None else as_text(kind), "" if reason is None else as_text(reason)

    def being_settled(self, batch: str) -> set[int]:
        """The takes in doubt about which the provider, or the store, will still be asked."""
        with reaching():
            doubted = cast("set[bytes]", self._redis.smembers(self._key("batch", batch, State.DOUBT)))
            indices = sorted(int(index) for index in doubted)
            due = self._redis.zmscore(self._key("due"), [f"{batch}:{index}" for index in indices]) if indices else []
        return {index for index, moment in zip(indices, due, strict=True) if moment is not None}

    def known_jobs(self, provider: str, jobs: Sequence[str]) -> set[str]:
        """Those of `jobs` that are some take's already, at a provider that lists its jobs."""
        if not jobs:
            return set()
        with reaching():
            known = cast("list[int]", self._redis.smismember(self._key("lane", provider, "jobs"), list(jobs)))
        return {job for job, is_known in zip(jobs, known, strict=True) if is_known}

    def orphans(self, batch: str) -> dict[str, str]:
        """The jobs that were accepted while their take was elsewhere already: the id of each, and what came of it.

        That is `done`, `failed`, `cancelled`, or an index while it is still followed.
        """
        with reaching():
            raw = cast("dict[bytes, bytes]", self._redis.hgetall(self._key("batch", batch, "orphans")))
        return {as_text(job): as_text(state) for job, state in sorted(raw.items())}

    def lane(self, provider: str) -> Lane:
        """The seats of a provider, and what holds it back."""
        now = round(self.time() * 1000)
        with reaching():
            return self._lane(provider, now)

    def store_trouble(self) -> tuple[str, float] | None:
        """What is wrong with the store, and for how many seconds it has been; None when nothing is known to be."""
        now = self.time()
        with reaching():
            raw = cast("list[bytes | None]", self._redis.hmget(self._key("store"), "trouble", "since"))
        if raw[0] is None:
            return None
        return as_text(raw[0]), max(0.0, now - float(raw[1] or now * 1000) / 1000)

    def overdue(self) -> tuple[int, float]:
        """How many polls, collections and leases are due and not handed out yet, and for how many seconds the first."""
        now = self.time()
        with reaching():
            count = self._redis.zcount(self._key("due"), "-inf", now * 1000)
            first = cast("list[tuple[bytes, float]]", self._redis.zrange(self._key("due"), 0, 0, withscores=True))
        return count, max(0.0, now - first[0][1] / 1000) if first else 0.0

    def queued(self, queue: str) -> int:
        """How many messages lie in a queue."""
        with reaching():
            return self._redis.llen(queue)

    def remembered(self, name: str) -> str | None:
        """What is kept under `name`, or None."""
        with reaching():
            value = cast("bytes | None", self._redis.get(self._key("kept", name)))
        return None if value is None else as_text(value)

    def render_times(self, kind: str) -> tuple[list[float], list[float]]:
        """How long renders of a kind ran, and how long they waited before: seconds, the newest first."""
        with reaching():
            pipe = self._redis.pipeline(transaction=False)
            for part in ("run", "wait"):
                pipe.lrange(self._key("renders", part, kind), 0, -1)
            runs, waits = ([max(1, int(each)) / 1000 for each in found] for found in pipe.execute())
        return runs, waits

    def waiting_on(self, batch: str, *, look_at: int = 200) -> tuple[int, str] | None:
        """Why a take of this batch that is alive doesn't get on: its index and the reason, None when none has one.

        It looks at the `look_at` takes that are due first.
        """
        with reaching():
            due = cast("list[bytes]", self._redis.zrange(self._key("due"), 0, look_at - 1))
            found = (as_text(member).rpartition(":") for member in due)
            indices = [index for of, _, index in found if of == batch]
            pipe = self._redis.pipeline(transaction=False)
            for index in indices:
                pipe.hget(self._key("take", batch, index), "waits_for")
            reasons = pipe.execute()
        told = ((int(index), as_text(why)) for index, why in zip(indices, reasons, strict=True) if why)
        return next(told, None)

    def lanes(self) -> list[Lane]:
        """What holds for each provider whose limits were ever set, and what was learned of it."""
        with reaching():
            members = cast("set[bytes]", self._redis.smembers(self._key("lanes")))
            now = round(self.time() * 1000)
            return [self._lane(name, now) for name in sorted(as_text(member) for member in members)]

    def standing(self, batch: str) -> Standing | None:
        """How a batch stands, or None when Redis knows no such batch."""
        with reaching():
            pipe = self._redis.pipeline(transaction=True)
            pipe.hgetall(self._key("batch", batch))
            pipe.bitcount(self._key("batch", batch, "done"))
            pipe.hlen(self._key("batch", batch, "orphans"))
            pipe.hgetall(self._key("store"))
            pipe.hgetall(self._key("batch", batch, "pace"))
            pipe.time()
            raw, done, orphans, store, ends, (seconds, micros) = pipe.execute()
            fields = {as_text(name): as_text(value) for name, value in raw.items()}
            if "digest" not in fields:
                return None
            clock = self._scripts.clock
            now = seconds * 1000 + micros // 1000 if clock is None else clock()
            lanes = [self._lane(each, now) for each in fields.get("lanes", fields["lane"]).split()]
            lane = most_open(lanes)
        trouble = {as_text(name): as_text(value) for name, value in store.items()}
        total = int(fields["total"])
        states = {state: int(fields.get(f"n:{state}", 0)) for state in State}
        states[State.DONE] = int(done)
        states[State.WAITING] = total - sum(n for state, n in states.items() if state != State.WAITING)
        again = 0
        if states[State.WAITING] and not any(states[state] for state in ALIVE):
            lane = self._full_of_doubts(lanes) or lane
            again = self._sent_again(batch)
        money = _money(fields)
        held, deferred_blocked = self._held_back(batch, states)
        return Standing(
            batch=batch,
            digest=fields["digest"],
            total=total,
            states=states,
            submissions=int(fields.get("submissions", 0)),
            objects=int(fields.get("objects", 0)),
            orphans=int(orphans),
            lane=lane,
            lanes=tuple(lanes),
            store_trouble=trouble.get("trouble"),
            store_trouble_for=max(0.0, (now - float(trouble.get("since", now))) / 1000),
            settling=len(self.being_settled(batch)) if states[State.DOUBT] else 0,
            again=again,
            orphans_alive=sum(int(fields.get(f"o:{state}", 0)) for state in (State.RENDERING, State.COLLECTING)),
            stopped=_stopped(fields, money, lanes),
            money=money,
            recovering="recovering" in fields,
            priority=int(fields.get("priority", 0)),
            held=held,
            deferred_blocked=deferred_blocked,
            attempts={
                name.partition(":")[2]: int(count) for name, count in fields.items() if name.startswith("attempts:")
            },
            per_minute=_per_minute({int(minute): int(count) for minute, count in ends.items()}, now),
        )

    def _held_back(self, batch: str, states: Mapping[State, int]) -> tuple[dict[str, int], int]:
        """Of the takes that wait, how many are held by what; and how many are blocked that are deferred."""
        held: dict[str, list[tuple[int, int]]] = {}
        for span in from_json(self.spans(batch)):
            if span.hold is not None:
                held.setdefault(span.hold, []).append((span.start, span.end))
        if not held or not (states[State.WAITING] or states[State.BLOCKED]):
            return {}, 0
        census = self.census(batch)
        counted = {kind: census.counted(ranges) for kind, ranges in held.items()}
        blocked = counted[DEFERRED][State.BLOCKED] if DEFERRED in counted else 0
        return {kind: counts[State.WAITING] for kind, counts in counted.items()}, blocked

    def _full_of_doubts(self, lanes: Sequence[Lane]) -> Lane | None:
        """The first provider whose seats are all taken, with how many of them by doubts; of several, all of them."""
        for lane in lanes:
            if lane.seats_taken >= lane.seats:
                lane = replace(lane, seats_in_doubt=self._seats_in_doubt(lane.provider))
                if len(lanes) == 1 or lane.seats_in_doubt >= lane.seats:
                    return lane
        return None

    def _sent_again(self, batch: str) -> int:
        """How many takes wait to be sent again under their key, of the first thousand that came back."""
        with reaching():
            back = cast("list[bytes]", self._redis.zrange(self._key("batch", batch, "back"), 0, 999))
            pipe = self._redis.pipeline(transaction=False)
            for index in back:
                pipe.hexists(self._key("take", batch, as_text(index)), "again_since")
            return sum(bool(each) for each in pipe.execute())

    def _seats_in_doubt(self, provider: str) -> int:
        with reaching():
            seated = sorted(cast("set[bytes]", self._redis.smembers(self._key("lane", provider, "seats"))))
            pipe = self._redis.pipeline(transaction=False)
            for who in seated:
                pipe.hget(self._key("take", as_text(who)), "state")
                pipe.zscore(self._key("due"), who)
            told = pipe.execute()
        # One that is still being settled may give its seat back by itself.
        return sum(
            state == State.DOUBT.encode() and due is None for state, due in zip(told[::2], told[1::2], strict=True)
        )

    def _lane(self, provider: str, now: int) -> Lane:
        raw = cast("dict[bytes, bytes]", self._redis.hgetall(self._key("lane", provider)))
        fields = {as_text(name): as_text(value) for name, value in raw.items()}
        slowed_for = max(0.0, (float(fields.get("not_before", 0)) - now) / 1000)
        quota_for = max(0.0, (float(fields.get("quota_until", 0)) - now) / 1000)
        day: list[bytes | None] = [None, None]
        if "day_budget" in fields:
            day = cast(
                "list[bytes | None]",
                self._redis.hmget(self._key("lane", provider, f"day:{now // DAY_MS}"), "spent", "reserved"),
            )
        return Lane(
            provider=provider,
            seats=_seats(fields),
            seats_taken=int(self._redis.scard(self._key("lane", provider, "seats"))),
            paused=fields.get("paused"),
            paused_kind=fields.get("paused_kind"),
            slowed=fields.get("slowed") if slowed_for else None,
            slowed_for=slowed_for,
            seats_set=int(fields.get("seats", 0)),
            least_seats=int(fields.get("least", 1)),
            lead=int(fields.get("lead", 0)),
            learned=float(fields["learned"]) if "learned" in fields else None,
            taught=fields.get("taught") if "learned" in fields else None,
            broken=int(fields.get("broken", 0)),
            quota_left=int(fields["quota_left"]) if quota_for else None,
            quota_for=quota_for,
            interval=int(fields.get("interval", 0)) / 1000,
            polls=int(fields.get("polls", 0)),
            polls_seconds=int(fields.get("polls_ms", 0)) / 1000,
            day_budget=int(fields["day_budget"]) if "day_budget" in fields else None,
            day_spent=int(day[0] or 0),
            day_reserved=int(day[1] or 0),
        )

    def _field(self, batch: str, name: str) -> str | None:
        with reaching():
            found = cast("bytes | None", self._redis.hget(self._key("batch", batch), name))
        return None if found is None else as_text(found)


def _moment(ms: str | None) -> str:
    return "a later time" if ms is None else f"{datetime.fromtimestamp(float(ms) / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _per_minute(ends: Mapping[int, int], now: int) -> float | None:
    """The pace by how many takes have ended in which minute (since the epoch); `now` is in ms."""
    lately = {minute: count for minute, count in ends.items() if minute > now // 60_000 - PACE_MINUTES}
    if sum(lately.values()) < LEAST_ENDS:
        return None
    seconds = now / 1000 - min(lately) * 60
    return sum(lately.values()) * 60 / seconds if seconds >= LEAST_PACE_SECONDS else None


def _record(batch: str, index: int, raw: Mapping[bytes, bytes]) -> TakeRecord | None:
    fields = {as_text(name): as_text(value) for name, value in raw.items()}
    return TakeRecord.read(batch, index, fields) if "state" in fields else None


def _seats(fields: Mapping[str, str]) -> int:
    """What the scripts' `seats_of` says."""
    seats = int(fields.get("seats", 0))
    if "learned" in fields:
        seats = min(seats, int(float(fields["learned"])))
    return seats + (int(fields.get("lead", 0)) if fields.get("queues") == "1" else 0)


def _money(fields: Mapping[str, str]) -> Money:
    limit = fields.get("budget")
    return Money(
        currency=fields.get("currency"),
        limit=None if limit is None else int(limit),
        spent=int(fields.get("spent", 0)),
        reserved=int(fields.get("reserved", 0)),
    )


def _stopped(fields: Mapping[str, str], money: Money, lanes: Sequence[Lane]) -> Stopped | None:
    kind = fields.get("hold") or fields.get("stopped")
    if kind is None:
        return None
    paused = [f"{each.provider} is paused: {each.paused}" for each in lanes if each.paused is not None]
    providers = " or ".join(each.provider for each in lanes)
    because = f": {fields['hold_reason']}" if fields.get("hold_reason") else ""
    spent = f"{money.spent / 1e6:.2f} are spent and {money.reserved / 1e6:.2f} reserved"
    limit = f"{(money.limit or 0) / 1e6:.2f} {money.currency}"
    told = {
        "paused": f"it is paused{because}",
        "cancelled": f"it is cancelled{because}",
        "waived": "what is left of it was waived",
        "unpicked": "what is left of it waits until a person has picked what it is made from",
        DEFERRED: "what is left of it was left out by --only or --limit, and waits for a run without them",
        "budget": f"the next take doesn't fit into the budget of {limit}; {spent}",
        "day": f"the next take doesn't fit into what may be spent at {providers} today (UTC)",
        "provider": f"those who could render what is left take nothing: {'; '.join(paused)}",
        "unpriced": "the next take has no known price, and there is a budget",
        "failures": f"{fields.get('n:failed', 0)} takes have failed, and max_failures is {fields.get('max_failures')}",
        "deadline": "its deadline has passed",
        "early": f"it was to begin at {_moment(fields.get('opens_at'))}",
        "window": f"its window opens at {_moment(fields.get('opens_at'))}",
    }
    return Stopped(kind, told.get(kind, kind))
