"""Hands that work in turn: each may be stopped before any of its effects, fail there, or die there.

An effect is what others can see: a call of Redis, a put or a get in the store, a request on the wire. Between two
effects nothing can be observed, so nothing is lost by letting only one hand move at a time. Who moves, and how far, is
the scheduler's to say, so a schedule is a function of its seed.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")

MOST_EFFECTS = 2000
"""Of one hand: what takes more goes round in circles."""

STUCK_SECONDS = 60.0
"""Real seconds after which a hand that doesn't give the baton back is a defect of the simulation."""


class Death(BaseException):
    """The process is gone. No `except Exception` of production code may catch it, as none catches a kill -9."""


class Endless(BaseException):
    """A hand goes round in circles."""


class Fault(StrEnum):
    """What goes wrong at an effect."""

    DIES_BEFORE = "dies before"
    DIES_AFTER = "dies after"
    FAILS_BEFORE = "fails before"
    FAILS_AFTER = "fails after"
    TWICE = "twice"
    """Redis's answer was lost and the client sent the command again."""


class Hand:
    """One piece of work in progress. `effect` is called by the parts that it was given, in its own thread."""

    def __init__(self, name: str, body: Callable[[], None], *, owner: Any, work: Any = None) -> None:
        self.name = name
        self.owner = owner
        self.work = work
        self.body = body
        self.steps: float = math.inf
        self.fault: Fault | None = None
        self.fault_in = 0
        self.dead = False
        self.over = False
        self.error: BaseException | None = None
        self.wakes_at = 0.0
        self.heard: list[str] = []
        """The jobs that were named to it."""
        self.effects = 0
        self.opening = False
        self.locks = 0
        """How many of its process's locks it holds: one that stopped with them would stop the others for ever."""
        self._runner: _Runner | None = None

    @property
    def threaded(self) -> bool:
        return self._runner is not None

    def plan(self, steps: float, fault: Fault | None = None, fault_in: int = 0) -> None:
        """Go on for so many effects; at the `fault_in`th of them, `fault` happens."""
        self.steps, self.fault, self.fault_in = steps, fault, fault_in if fault else 0

    def effect(self, kind: str, do: Callable[[], T], fail: Callable[[], Exception] | None) -> T:
        """Do one effect, when it is this hand's turn, and as is planned for it."""
        if self.steps <= 0 and self._runner is not None and not self.locks and not self.dead:
            self._runner.give_back()
        if self.dead:
            raise Death
        self.steps -= 1
        self.effects += 1
        if self.effects > MOST_EFFECTS:
            raise Endless(f"{self.name} has done {MOST_EFFECTS} things, the last of them {kind}, and comes to no end")
        fault: Fault | None = None
        if self.fault_in > 0:
            self.fault_in -= 1
            if self.fault_in == 0:
                fault = self.fault
        match fault:
            case Fault.DIES_BEFORE:
                self.dead = True
                raise Death
            case Fault.DIES_AFTER:
                do()
                self.dead = True
                raise Death
            case Fault.FAILS_BEFORE if fail is not None:
                raise fail()
            case Fault.FAILS_AFTER if fail is not None:
                do()
                raise fail()
            case Fault.TWICE if kind == "redis":
                do()
        return do()

    def sleep_until(self, moment: float) -> None:
        """Come to rest until the clock has got there; only of a hand with a thread of its own."""
        assert self._runner is not None
        self.wakes_at = moment
        self.steps = 0
        self._runner.give_back()
        if self.dead:
            raise Death

    def inline(self) -> None:
        """Work to the end in the caller's thread."""
        self._do()

    def go_on(self, pool: Pool) -> None:
        """Work, in a thread, until the planned effects are done or there is nothing more to do."""
        if self._runner is None:
            self._runner = pool.take()
            self._runner.begin(self)
        else:
            self._runner.resume()
        if self.over:
            pool.give(self._runner)

    def die(self, pool: Pool) -> None:
        """The process is killed: whatever this hand would do next, it doesn't do."""
        self.dead = True
        if self.over or self._runner is None:
            self.over = True
            return
        self.go_on(pool)

    def _do(self) -> None:
        try:
            if not self.dead:
                self.body()
        except BaseException as error:  # noqa: BLE001 - its death, too, is told to the scheduler
            self.error = error
        self.over = True


class HandLock:
    """A lock of a process's own. Only one hand moves at a time, and none stops while it holds one."""

    def __init__(self, current: Callable[[], Hand | None]) -> None:
        self._current = current

    def __enter__(self) -> None:
        hand = self._current()
        if hand is not None:
            hand.locks += 1

    def __exit__(self, *_: object) -> None:
        hand = self._current()
        if hand is not None:
            hand.locks -= 1


class _Runner:
    """A thread that works for one hand after another, and only while it holds the baton."""

    def __init__(self) -> None:
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._hand: Hand | None = None
        self._thread = threading.Thread(target=self._run, name="simulated hand", daemon=True)
        self._thread.start()

    def begin(self, hand: Hand) -> None:
        self._hand = hand
        self.resume()

    def resume(self) -> None:
        self._go.release()
        if not self._back.acquire(timeout=STUCK_SECONDS):
            raise RuntimeError(f"the simulated hand {self._hand and self._hand.name} doesn't come back")

    def give_back(self) -> None:
        self._back.release()
        self._go.acquire()

    def end(self) -> None:
        self._hand = None
        self._go.release()

    def _run(self) -> None:
        while True:
            self._go.acquire()
            if self._hand is None:
                return
            self._hand._do()
            self._back.release()


class Pool:
    """Threads that wait for hands: making one for each would cost more than what it does."""

    def __init__(self) -> None:
        self._idle: list[_Runner] = []

    def take(self) -> _Runner:
        return self._idle.pop() if self._idle else _Runner()

    def give(self, runner: _Runner) -> None:
        self._idle.append(runner)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().end()
