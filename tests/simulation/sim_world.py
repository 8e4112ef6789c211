"""What all hands of one schedule share: the time, the dice, the faults in force, and what has been written down."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sim_hands import Hand

T = TypeVar("T")

BEGINNING = 1_800_000_000.0
MOST_SKEW = 3600.0


class Violation(AssertionError):
    """A rule that must always hold was broken."""


@dataclass
class World:
    """One schedule's world. `rate` (0 to 1) is how often things go wrong by themselves; 0 in the quiet ending."""

    seed: int
    dice: random.Random = field(init=False)
    time: float = BEGINNING
    rate: float = 0.0
    quiet: bool = False
    strict: bool = False
    """Whether nobody is at work any more to whom something went wrong before the quiet ending."""
    current: Hand | None = None
    redis_away_until: float = 0.0
    store_down_until: float = 0.0
    run_id: int = 1
    """Of the Redis server: another one after each restart."""
    redis_lost: bool = False
    """Whether Redis has ever forgotten anything."""
    effects: int = 0
    """How many there were."""
    trace: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def ms(self) -> int:
        """The time by Redis's own clock, which is right."""
        return round(self.time * 1000)

    def tell(self, what: str) -> None:
        self.trace.append(f"{self.time - BEGINNING:9.1f}  {what}")

    def happens(self, share: float = 1.0) -> bool:
        """Whether something goes wrong here, where `share` scales how often it does."""
        return self.rate > 0 and self.dice.random() < self.rate * share

    def violated(self, what: str) -> Violation:
        """Write down that a rule was broken, for production code may catch what is raised."""
        self.tell(f"VIOLATION: {what}")
        self.broken.append(what)
        return Violation(what)

    def effect(self, kind: str, what: str, do: Callable[[], T], fail: Callable[[], Exception] | None = None) -> T:
        """Do one effect of whoever moves now, unless what it needs is away."""
        hand = self.current
        self.effects += 1
        if hand is None:
            return do()

        def done() -> T:
            if fail is not None and (
                (kind == "redis" and self.time < self.redis_away_until)
                or (kind == "store" and self.time < self.store_down_until)
            ):
                self.tell(f"      {hand.name} {what}: is away")
                raise fail()
            self.tell(f"      {hand.name} {what}")
            return do()

        return hand.effect(kind, done, fail)


class SimClock:
    """One machine's clock: off by `skew` seconds, while the time that only grows is right."""

    def __init__(self, world: World, skew: float) -> None:
        self._world = world
        self.skew = skew

    def now(self) -> float:
        return self._world.time + self.skew

    def monotonic(self) -> float:
        return self._world.time

    def sleep(self, seconds: float) -> None:
        hand = self._world.current
        if hand is not None and hand.threaded:
            hand.sleep_until(self._world.time + seconds)
        else:
            self._world.time += seconds
