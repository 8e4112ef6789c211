"""One schedule: a batch or two, a few workers, and at each step the dice say what happens next.

What may happen stands in `sim_events.EVENTS`. After a few dozen events all faults end, each batch is opened again, and
whatever is due is done until nothing is: the quiet ending, after which every take has to have come to its own.

Everything is drawn from one `random.Random(seed)`, and only one hand moves at a time, so a seed is a schedule.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim_batches import NAMESPACE, Batch
from sim_dialects import DIALECTS
from sim_events import EVENTS
from sim_hands import Pool
from sim_machine import Machine
from sim_people import lift
from sim_provider import Job, Provider, TakeId
from sim_redis import SimRedis, Snapshot
from sim_rules import END_CHECKS, STEP_CHECKS, check_receipt, on_record
from sim_world import Violation, World

from workers.engine.standing import Standing
from workers.engine.states import State
from workers.engine.work import Work

ROUNDS = 400
"""Of the quiet ending, before it is said to be stuck."""

AGAIN_BY_A_PERSON = frozenset({"resubmitted", "retried", "waived"})
"""How a record says that a person has given an attempt up, knowing that it may have been paid for."""


@dataclass(frozen=True)
class Lean:
    """What schedules are to be about, instead of what the dice say: None leaves it to them."""

    provider: str | None = None
    rate: float | None = None
    events: frozenset[str] | None = None
    budget: float | None = None
    chained: bool = False
    several: bool = False


class Schedule(Machine):
    """One seed's world, and what may happen in it."""

    def __init__(self, seed: int, client: SimRedis, pool: Pool, spool: Path, lean: Lean) -> None:
        world = World(seed)
        dice = world.dice
        rate = dice.choice((0.0, 0.03, 0.1, 0.1, 0.25))
        self.rate = rate if lean.rate is None else lean.rate
        chosen = dice.choice(("fal", "apiframe", "ark", "cloudflare"))
        name = lean.provider or chosen
        beside = None
        if lean.several:
            beside = random.Random(seed).choice([each for each in DIALECTS if each != name])
        provider = Provider(name, world, beside)
        super().__init__(world, client, pool, spool, provider, dice.choice((1, 2, 2, 4)))
        for name in "ab"[: dice.choice((1, 1, 2))]:
            budget = dice.choice((None, None, None, 1, 2, 2.5, 4)) or lean.budget
            takes, on_doubt = dice.choice((1, 1, 2, 2, 3, 4)), dice.choice((None, None, None, "resubmit"))
            of = provider.name if beside is None else provider.names_of
            self.batches[name] = Batch(of, name, takes, budget, on_doubt, chained=lean.chained)
        self.snapshot: tuple[Snapshot, list[list[Work]]] | None = None
        self.decided: set[tuple[str, int | None]] = set()
        """The takes, or batches, of which a person has said that they may be paid for once more."""
        # Swarm testing: a schedule in which everything may happen is one in which little happens deeply.
        people = dice.random() < 0.4
        drawn = {each.name for each in EVENTS if dice.random() < 0.4 and (people or not each.of_person)}
        wanted = drawn if lean.events is None else lean.events
        self.events = [each for each in EVENTS if not each.drawn or each.name in wanted]
        self.weights = [each.weight * (dice.choice((0.3, 1, 3)) if each.drawn else 1) for each in self.events]
        self.people = any(each.of_person for each in self.events)
        provider.before_post = self._intent_must_be_stored
        provider.prompt_of = self.prompt
        provider.given_up = self.given_up
        self.store.watch = self._receipt_must_be_true
        self.workers += [self.new_worker() for _ in range(dice.choice((1, 2, 3)))]
        self._checked = 0
        world.tell(
            f"seed {seed}: {' and '.join(provider.names_of)}, {self.seats} seats, batches "
            + ", ".join(f"{each.name} of {each.takes} (budget {each.budget})" for each in self.batches.values())
            + f", {len(self.workers)} workers, rate {self.rate}, events: "
            + (", ".join(each.name for each in self.events if each.drawn) or "none")
        )

    # The course of a schedule

    def run(self) -> None:
        """The whole of it. Raises `Violation` as soon as a rule is broken."""
        self.world.rate = self.rate
        for worker in self.workers:
            self.start(worker)
        for batch in self.batches.values():
            self.open(batch)
        for _ in range(self.dice.choice((20, 40, 60))):
            (event,) = self.dice.choices(self.events, self.weights)
            self.world.tell(event.name)
            event.act(self)
            self._check_step()
        self._end_quietly()

    def _end_quietly(self) -> None:
        """No more faults: what was begun is ended, each batch is opened again, and what is due is done."""
        world = self.world
        world.tell("-- quiet")
        world.rate = 0.0
        world.quiet = True
        world.time = max(world.time, world.redis_away_until, world.store_down_until)
        self.provider.straggle()
        self.end_hands()
        world.strict = True
        for worker in self.workers:
            self.start(worker)
        lifting = self.people and self.dice.random() < 0.6
        for batch in self.batches.values():
            self.open(batch)
            if lifting:
                lift(self, batch)
        self._work_until_nothing_is_due()
        self._check_end()
        self._check_again()

    def _work_until_nothing_is_due(self) -> None:
        room = self.workers[0].context.room
        for _ in range(ROUNDS):
            for works in self.messages:
                self.do_inline(self.hand_on(works, self.workers[0]), None)
            self.messages = []
            self.end_hands()
            self.tick()
            self._check_step()
            if self.messages:
                continue
            standings = [room.standing(name) for name in self.batches]
            if all(each is not None and self._rests(each) for each in standings) or _named_blocker(standings):
                return
            self.jump_to_next(60.0)
        told = "; ".join(f"{each and each.batch}: {each and dict(each.states)}" for each in standings)
        raise self.world.violated(f"stuck: after {ROUNDS} rounds of the quiet ending there is something open: {told}")

    def _rests(self, standing: Standing) -> bool:
        """Whether a batch is over, or waits for a person or for money."""
        if standing.alive or standing.settling:
            return False
        states = standing.states
        others = sum(states[each] for each in (State.FAILED, State.CANCELLED, State.WAIVED, State.WAITING))
        chained = self.batches[standing.batch].chained
        if states[State.BLOCKED] and not states[State.DOUBT] and not (chained and others):
            return False
        if not states[State.WAITING]:
            return True
        stopped = standing.stopped
        if stopped is None:
            return False
        by_budget = stopped.kind == "budget" and self.batches[standing.batch].budget is not None
        return by_budget or (self.people and stopped.kind in ("paused", "cancelled", "waived"))

    def jump_to_next(self, otherwise: float) -> None:
        """The time goes to the next moment at which anything could be done."""
        now = self.world.ms()
        pipe = self.client.quiet_pipeline()
        pipe.zrange(f"{NAMESPACE}:due", 0, 0, withscores=True)
        for name in self.batches:
            pipe.zrangebyscore(f"{NAMESPACE}:batch:{name}:back", f"({now}", "+inf", 0, 1, withscores=True)
        for name in self.provider.names_of:
            pipe.hmget(f"{NAMESPACE}:lane:{name}", "not_before", "tat")
        pipe.hget(f"{NAMESPACE}:store", "until")
        found = pipe.execute()
        scored, lanes = found[: 1 + len(self.batches)], found[1 + len(self.batches) : -1]
        moments = [score for each in scored for _, score in each]
        moments += [float(value or 0) for value in (*(value for lane in lanes for value in lane), found[-1])]
        later = [moment / 1000 for moment in moments if moment > now]
        later += [hand.wakes_at for hand in self.hands if hand.wakes_at > self.world.time]
        later += [
            until for until in (self.world.redis_away_until, self.world.store_down_until) if until > self.world.time
        ]
        self.world.time = min(later, default=self.world.time + otherwise)

    def any_batch(self) -> Batch:
        """One of them."""
        return self.dice.choice(list(self.batches.values()))

    def redis_is_lost(self) -> None:
        """What is in Redis alone, as the store was down as well, is in doubt and can't be known any more."""
        self.world.redis_lost = True
        room = self.workers[0].context.room
        jobs = self.provider.jobs

        def alone(job: str) -> bool:
            record = room.take(*jobs[job].take)
            held = (record is not None and record.fields.get("job_id") == job) or job in room.orphans(jobs[job].take[0])
            return held and not on_record(self, jobs[job])

        for hand in self.hands:
            hand.heard = [job for job in hand.heard if not alone(job)]
        self.heard = {job for job in self.heard if on_record(self, jobs[job])}

    # The rules

    def name(self, take: TakeId) -> str:
        """What a take is called."""
        return self.takes.name(self.batches, take)

    def prompt(self, take: TakeId) -> str:
        """What a take asks for."""
        return self.takes.of(self.batches[take[0]])[take[1]].asked.prompt

    def given_up(self, job: Job) -> bool:
        """Whether a person, or `on_doubt: resubmit`, has given up the attempt that a job is of, and it is on record."""
        batch = self.batches[job.take[0]]
        if not {job.take, (batch.name, None)} & self.decided and batch.on_doubt != "resubmit":
            return False
        record = self.workers[0].context.room.take(*job.take)
        if record is not None and record.state is State.WAIVED:
            return True  # the command may have died before it could be put on record
        body = self.store.objects.get(f"{batch.name}/.rushes/attempts/{self.name(job.take)}/{job.attempt}.ended.json")
        ending = {} if body is None else json.loads(body)
        return bool({ending.get("kind"), ending.get("decided")} & AGAIN_BY_A_PERSON)

    def _intent_must_be_stored(self, take: TakeId, attempt: int, at: str) -> None:
        key = f"{take[0]}/.rushes/attempts/{self.name(take)}/{attempt}.intent.json"
        if key not in self.store.objects:
            raise self.world.violated(f"{take} attempt {attempt} was sent, and its intent is not in the store")
        if f'"provider": "{at}"'.encode() not in self.store.objects[key]:
            raise self.world.violated(f"{take} attempt {attempt} was sent to {at}, which its intent doesn't name")
        for parent in self.takes.of(self.batches[take[0]]).parents(take[1]):
            if f"{take[0]}/{self.name((take[0], parent.index))}.receipt.json" not in self.store.puts:
                raise self.world.violated(f"{take} was sent before {parent.index}, which it takes up, was done")

    def _receipt_must_be_true(self, key: str, body: bytes) -> None:
        if key.endswith(".receipt.json"):
            check_receipt(self, key, body)

    def _check_step(self) -> None:
        if self.world.broken:
            raise Violation(self.world.broken[0])
        if self._checked == self.world.effects:
            return  # nothing has happened that could be seen
        self._checked = self.world.effects
        for check in STEP_CHECKS:
            check(self)

    def _check_end(self) -> None:
        states = self.states()
        for check in END_CHECKS:
            check(self, states)
        if self.world.broken:
            raise Violation(self.world.broken[0])

    def _check_again(self) -> None:
        """A batch that is over and is opened again sends nothing and writes nothing."""
        self.world.tell("-- again")
        before = len(self.store.puts), self.provider.sent
        rests = [self.workers[0].context.room.standing(name) for name in self.batches]
        for batch in self.batches.values():
            self.open(batch)
        self.tick()
        if any(each is None or each.states[State.WAITING] or each.states[State.BLOCKED] for each in rests):
            return  # it wasn't finished: what waits, held back, may be given a copy of what is done meanwhile
        if self.messages or before != (len(self.store.puts), self.provider.sent):
            raise self.world.violated(
                f"a finished batch opened again handed out {self.messages}, and wrote {self.store.puts[before[0] :]}"
            )

    def states(self) -> dict[TakeId, State]:
        """Where Redis has each take that is asked for, and what is left of those that are not any more."""
        room = self.workers[0].context.room
        found: dict[TakeId, State] = {}
        for batch in self.batches.values():
            expansion, done = self.takes.of(batch), set(room.done(batch.name))
            for index in range(expansion.total):
                record = room.take(batch.name, index)
                if record is not None:
                    found[batch.name, index] = record.state
                elif index in done:
                    found[batch.name, index] = State.DONE
                elif expansion.is_live(index):
                    found[batch.name, index] = State.WAITING
        return found

    def close(self) -> None:
        """Nobody moves any more, and Redis is empty."""
        for hand in self.hands:
            self.world.current = hand
            hand.die(self.pool)
        self.world.current = None
        self.client.world = None
        self.client.flushdb()


def _named_blocker(standings: Sequence[Standing | None]) -> bool:
    """Whether what waits, waits for a person: doubts that nothing settles hold all seats (docs/decisions)."""
    known = [each for each in standings if each is not None]
    if len(known) < len(standings) or any(each.alive or each.settling for each in known):
        return False
    lane = known[0].lane
    return lane.seats_taken >= lane.seats and sum(each.states[State.DOUBT] for each in known) >= lane.seats


Run = Callable[..., tuple[Schedule, Exception | None]]
"""Runs a seed's schedule, about what a `Lean` says: what it came to, and what was wrong with it."""
