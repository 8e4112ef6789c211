"""The processes of a schedule, and how their hands are moved: workers, their pumps and messages, and commands.

Everything here is done when the schedule says so. What may happen when is `sim_events`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim_batches import NAMESPACE, Batch, Takes, settings
from sim_hands import Death, Endless, Fault, Hand, HandLock, Pool
from sim_provider import Provider, SimCalls, SimDownload, SimWire
from sim_redis import SimRedis
from sim_store import SimStore
from sim_world import MOST_SKEW, SimClock, Violation, World

from workers import steps
from workers.chains.answering import parents_from
from workers.context import Context
from workers.decisions import UnknownTarget
from workers.engine.lease import LeaseKeeper
from workers.engine.room import WaitingRoom
from workers.engine.states import Step
from workers.engine.work import Work
from workers.errors import RedisError, StoreError
from workers.money import quotes
from workers.opening import open_batch, reopen_batch
from workers.reconciling import Emptied
from workers.steps.failures import store_failed

OPENING_SECONDS = 120.0
"""After which the lock of one who opens a batch, and was stopped, is taken by another: a process that was suspended as
a whole does not renew it."""


class SimRoom(WaitingRoom):
    """The waiting room, with the lock of those who open a batch by the schedule's clock, and not by the real one."""

    world: World
    openers: dict[str, tuple[Hand, float]]

    @contextmanager
    def opening(self, batch: str) -> Iterator[Callable[[], bool]]:
        world, hand = self.world, self.world.current
        assert hand is not None
        holder = self.openers.get(batch)
        if holder is not None and not holder[0].over and world.time - holder[1] < OPENING_SECONDS:
            raise RedisError("Redis can't be reached: another command is opening the batch")
        self.openers[batch] = hand, world.time

        def mine() -> bool:
            held = world.effect(
                "redis",
                "redis asks for the lock",
                lambda: self.openers.get(batch, (None,))[0] is hand,
                lambda: RedisError("Redis can't be reached: the simulated Redis is away"),
            )
            return bool(held)

        try:
            yield mine
        finally:
            if not hand.dead and self.openers.get(batch, (None,))[0] is hand:
                del self.openers[batch]


class SimLeases(LeaseKeeper):
    """Keeps leases when it is told to, and not in a thread of its own."""

    def holding(self, work: Work) -> Any:
        held = self._held

        class Holding:
            def __enter__(self) -> None:
                held.add(work)

            def __exit__(self, *_: object) -> None:
                held.discard(work)

        return Holding()


@dataclass
class Process:
    """A worker or a command: what it is made of, and the hands that die with it."""

    name: str
    clock: SimClock
    worker: bool
    context: Context = field(init=False)
    hands: list[Hand] = field(default_factory=list)


class Machine:
    """All processes of a schedule, what they share, and the messages between them."""

    def __init__(self, world: World, client: SimRedis, pool: Pool, spool: Path, provider: Provider, seats: int) -> None:
        self.world = world
        self.dice = world.dice
        self.client = client
        self.pool = pool
        self.spool = spool
        self.provider = provider
        self.seats = seats
        self.base_skew = self.dice.choice((0.0, 0.0, -1.0, 1.0))
        self.settings = settings(seats, self.dice.choice((0, 0, 0, 20)), str(spool))
        self.store = SimStore(world)
        self.takes = Takes(self.store)
        self.batches: dict[str, Batch] = {}
        self.messages: list[list[Work]] = []
        self.hands: list[Hand] = []
        self.workers: list[Process] = []
        self.openers: dict[str, tuple[Hand, float]] = {}
        self.heard: set[str] = set()
        """The jobs that were named to a hand which lived to write them down."""
        self.born = 0
        client.world = world

    # Processes

    def new_worker(self) -> Process:
        self.born += 1
        return self._process(f"w{self.born}", worker=True)

    def _process(self, name: str, *, worker: bool) -> Process:
        process = Process(name, SimClock(self.world, self.skew()), worker)
        room = SimRoom(self.client, NAMESPACE, clock=self.world.ms, server=lambda: str(self.world.run_id))
        room.world, room.openers = self.world, self.openers
        wire: Any = SimWire(self.world, self.provider)
        calls: Any = SimCalls(wire, lambda name, body: self._call(process, name, body))
        download: Any = SimDownload(self.world, self.provider)
        context = process.context = Context(
            settings=self.settings,
            room=room,
            store=self.store,
            wire=wire,
            calls=calls,
            download=download,
            leases=SimLeases(room, process.clock),
            clock=process.clock,
            spool=self.spool / name,
        )
        lock: Any = HandLock(lambda: self.world.current)
        context._lock = lock
        return process

    def skew(self) -> float:
        return self.base_skew * self.dice.choice((0.0, 1.0, MOST_SKEW / 2, MOST_SKEW))

    def start(self, worker: Process) -> None:
        """As a worker does when it is ready."""
        context = worker.context

        def body() -> None:
            for name in self.provider.names_of:
                context.room.set_limits(name, context.limits(name))

        self.inline(f"start of {worker.name}", body, None)

    def kill(self, process: Process) -> None:
        """It dies wherever its hands are; a worker is started anew."""
        self.world.tell(f"   {process.name} dies")
        for hand in process.hands:
            before, self.world.current = self.world.current, hand
            hand.die(self.pool)
            self.world.current = before
        self.hands = [hand for hand in self.hands if not hand.over]
        if process in self.workers:
            another = self.new_worker()
            self.workers[self.workers.index(process)] = another
            self.start(another)

    # Hands

    def fault(self) -> Fault:
        return self.dice.choice(tuple(Fault))

    def inline(self, name: str, body: Callable[[], None], fault: Fault | None, *, owner: Any = None) -> None:
        """Do it all now, in this thread."""
        self.do_inline(Hand(name, body, owner=owner), fault)

    def do_inline(self, hand: Hand, fault: Fault | None) -> None:
        hand.plan(math.inf, fault, self.dice.choice((1, 2, 3, 4, 6, 8, 10, 12)) if fault else 0)
        if fault:
            self.world.tell(f"   {hand.name}: {fault} at effect {hand.fault_in}")
        before, self.world.current = self.world.current, hand
        hand.inline()
        self.world.current = before
        self._ended(hand)

    def go_on(self, hand: Hand) -> None:
        """Let a hand with a thread of its own do what is planned."""
        self.world.tell(f"   {hand.name} goes on for {hand.steps:g}")
        if not hand.over and hand not in self.hands:
            self.hands.append(hand)
            hand.owner.hands.append(hand)
        before, self.world.current = self.world.current, hand
        hand.go_on(self.pool)
        self.world.current = before
        if hand.over:
            self.hands.remove(hand)
            hand.owner.hands.remove(hand)
            self._ended(hand)

    def end_hands(self) -> None:
        """Let all that was begun come to its end."""
        while self.hands:
            for hand in list(self.hands):
                self.world.time = max(self.world.time, hand.wakes_at)
                hand.plan(math.inf)
                self.go_on(hand)

    def _call(self, owner: Process, name: str, body: Callable[[], None]) -> Hand:
        parent = self.world.current
        assert parent is not None
        hand = Hand(f"{parent.name}:{name}", body, owner=owner, work=parent.work)
        hand.plan(0)
        self.hands.append(hand)
        owner.hands.append(hand)
        return hand

    def _ended(self, hand: Hand) -> None:
        """What a hand ended with: nothing, its death, or an error that its process would log and live on."""
        error = hand.error
        if error is None:
            self.heard.update(hand.heard)
        if self.world.broken:
            raise Violation(self.world.broken[0])
        if error is None:
            return
        self.world.tell(f"   {hand.name} ends with {type(error).__name__}: {error}")
        if isinstance(error, Endless):
            raise self.world.violated(str(error))
        if isinstance(error, Death):
            if isinstance(hand.owner, Process) and hand.owner.worker:
                self.kill(hand.owner)
            return
        allowed: tuple[type[BaseException], ...] = (RedisError,)
        if hand.work is None:
            allowed = RedisError, StoreError, UnknownTarget
        if not isinstance(error, allowed) or "refused a command" in str(error):
            raise self.world.violated(f"{hand.name} raised {type(error).__name__}: {error}") from error
        # Once Redis has forgotten a batch, hands that are still on it may stumble; it is opened again after them.
        forgotten = isinstance(error, Emptied) or (self.world.redis_lost and "does not know the batch" in str(error))
        forgotten = forgotten or "another command is opening" in str(error)
        if self.world.strict and not forgotten:
            raise self.world.violated(f"{hand.name} failed in the quiet ending: {error}") from error

    # What workers do

    def tick(self, fault: Fault | None = None) -> None:
        """A pump's round, and another at once where it has found out what takes cost."""
        while self._tick(fault):
            fault = None

    def _tick(self, fault: Fault | None) -> bool:
        worker = self.dice.choice(self.workers)
        context = worker.context
        quoted: list[Work] = []

        def body() -> None:
            handed = context.room.tick()
            for work in handed:
                if work.step is Step.QUOTE:
                    context.room.quote(work.batch, quotes(context, work.batch, work.index))
                    quoted.append(work)
                if work.step is Step.PARENTS:
                    context.room.parents(work.batch, parents_from(context, work.batch, work.index))
                    quoted.append(work)
            found = [[work] for work in handed if work.step not in (Step.POLL, Step.QUOTE, Step.PARENTS)]
            if polls := [work for work in handed if work.step is Step.POLL]:
                found.append(polls)
            for one in found:
                told = ", ".join(f"{w.step} {w.batch}:{w.index} fence {w.fence} attempt {w.attempt}" for w in one)
                self.world.tell(f"   handed out: {told}")
            if found:
                self.world.effect("queue", "rings", lambda: self.messages.extend(found))

        self.inline(f"{worker.name} pump", body, fault, owner=worker)
        return bool(quoted)

    def hand_on(self, works: list[Work], worker: Process) -> Hand:
        """The hand that does what a message says."""
        work = works[0]
        context = worker.context

        def body() -> None:
            if work.step is Step.POLL:
                steps.poll(context, works)
            elif work.step is Step.RECOVER:
                self._recover(context, work.batch)
            else:
                getattr(steps, work.step.value)(context, work)

        return Hand(f"{worker.name} {work.step} {work.batch}:{work.index}", body, owner=worker, work=work)

    def _recover(self, context: Context, batch: str) -> None:
        """As the task of that name does."""
        try:
            opened = reopen_batch(context, batch, unless_trusted=True)
        except StoreError as error:
            store_failed(context, error)
            return
        self.world.tell(f"   recovered {batch}: {opened}")
        if opened is not None:
            for name in self.provider.names_of:
                context.room.set_limits(name, context.limits(name))

    # What a person does

    def command(self, name: str, body: Callable[[Context], None]) -> Hand:
        """The hand of a command, in a process of its own."""
        self.born += 1
        process = self._process(f"p{self.born}", worker=False)
        return Hand(f"{process.name} {name}", lambda: body(process.context), owner=process)

    def opener(self, batch: Batch) -> Hand:
        """The command that runs a batch's manifest as it is now."""
        manifest = batch.manifest

        def body(context: Context) -> None:
            for name in manifest.providers:
                context.room.set_limits(name, context.limits(name))
            self.world.tell(f"   {batch.name}: found {open_batch(context, manifest)}")

        return self.command(f"opens {batch.name}", body)

    def open(self, batch: Batch, fault: Fault | None = None) -> None:
        self.do_inline(self.opener(batch), fault)
