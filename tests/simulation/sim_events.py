"""What may happen in a schedule, and how often: the work going on, and what goes wrong with machines and networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim_people import cancel, edit, pause, resolve, resume, retry, waive

if TYPE_CHECKING:
    from sim_schedule import Schedule


@dataclass(frozen=True)
class Event:
    """Something that may happen. `weight` says how often, against the others.

    One that is `drawn` may happen in some schedules only. `of_person` says that a person does it.
    """

    name: str
    weight: float
    act: Callable[[Schedule], None]
    drawn: bool = True
    of_person: bool = False


def tick(of: Schedule) -> None:
    """A pump asks what is due. It may die before it has rung for it, or its answer be lost."""
    of.tick(of.fault() if of.world.happens(0.5) else None)


def deliver(of: Schedule) -> None:
    """A message arrives: at once and in order, or late, twice, or never."""
    if not of.messages:
        return tick(of)
    dice, world = of.dice, of.world
    works = of.messages.pop(0 if dice.random() < 0.7 else dice.randrange(len(of.messages)))
    if world.happens(0.6):
        if dice.random() < 0.4:
            world.tell("   the message is lost")
            return None
        world.tell("   the message will come again")
        of.messages.append(works)
    hand = of.hand_on(works, dice.choice(of.workers))
    if dice.random() < 0.5:
        of.do_inline(hand, of.fault() if world.happens() else None)
    else:
        hand.plan(dice.choice((1, 3, 6, 9)))
        of.go_on(hand)
    return None


def go_on(of: Schedule) -> None:
    """A hand that was stopped does some of its next effects, and may fail or die at one of them."""
    able = [hand for hand in of.hands if hand.wakes_at <= of.world.time]
    if not able:
        return deliver(of)
    hand = of.dice.choice(able)
    steps = of.dice.choice((1, 1, 2, 3, 5, math.inf))
    if of.world.happens():
        hand.plan(steps, of.fault(), of.dice.choice((1, 1, 2, 3)))
    else:
        hand.plan(steps)
    of.go_on(hand)
    return None


def pass_time(of: Schedule) -> None:
    """The time goes on to what is due next."""
    of.jump_to_next(10.0)


def renew(of: Schedule) -> None:
    """A worker renews the leases of what it has in hand."""
    of.inline("renewal", of.dice.choice(of.workers).context.leases.renew, None)


def open_again(of: Schedule) -> None:
    """A person runs a batch again; perhaps two do at once."""
    batch = of.any_batch()
    if of.dice.random() < 0.6:
        of.open(batch, of.fault() if of.world.happens() else None)
        return
    for _ in range(of.dice.choice((1, 2))):
        hand = of.opener(batch)
        hand.plan(of.dice.choice((1, 3, 8, 15)))
        of.go_on(hand)


def kill(of: Schedule) -> None:
    """A worker is killed wherever its hands are, and another takes its place."""
    of.kill(of.dice.choice(of.workers))


def jump(of: Schedule) -> None:
    """The time goes on while nobody moves: past a lease, past what a request may take, past a key's life."""
    seconds = of.dice.choice((31, 31, 76, 91, 101, 131, 345, 960, 1500))
    if of.dice.random() < 0.08:
        seconds = of.dice.choice((22.9, 23.0, 23.95, 24.05, 25)) * 3600
    of.world.time += seconds
    of.world.tell(f"   by {seconds:g} s")


def set_clock(of: Schedule) -> None:
    """A worker's own clock is set: never more than an hour from anybody else's."""
    worker = of.dice.choice(of.workers)
    worker.clock.skew = of.skew()
    of.world.tell(f"   {worker.name} is off by {worker.clock.skew:g} s")


def store_out(of: Schedule) -> None:
    """The store is down for a while."""
    of.world.store_down_until = of.world.time + of.dice.choice((5, 30, 120))


def redis_away(of: Schedule) -> None:
    """Redis can't be reached for a moment."""
    of.world.redis_away_until = of.world.time + of.dice.choice((1, 5, 40))


def straggle(of: Schedule) -> None:
    """Requests that were given up arrive after all."""
    of.provider.straggle()


def lose_redis(of: Schedule) -> None:
    """Redis forgets everything, its queue included. Perhaps it was restarted, perhaps somebody flushed it."""
    of.redis_is_lost()
    of.client.flushdb()
    of.openers.clear()
    of.messages = [] if of.dice.random() < 0.7 else of.messages
    if of.dice.random() < 0.5:
        of.world.run_id += 1


def go_back(of: Schedule) -> None:
    """Redis was restarted from a file that was cut short: it is as it was, and nobody told it what came since."""
    if of.snapshot is None:
        # What Redis holds now is what it may go back to.
        of.snapshot = of.client.snapshot(), list(of.messages)
        return
    held, messages = of.snapshot
    of.redis_is_lost()
    of.client.go_back(held)
    of.openers.clear()
    of.messages = list(messages)
    of.world.run_id += 1


def restart_redis(of: Schedule) -> None:
    """Redis is restarted and has lost nothing."""
    of.world.run_id += 1


EVENTS: Sequence[Event] = (
    Event("a pump ticks", 3, tick, drawn=False),
    Event("a message is delivered", 6, deliver, drawn=False),
    Event("a hand goes on", 6, go_on, drawn=False),
    Event("time passes", 4, pass_time, drawn=False),
    Event("leases are renewed", 0.5, renew, drawn=False),
    Event("a batch is opened again", 0.5, open_again, drawn=False),
    Event("a worker is killed", 1, kill),
    Event("the time jumps", 1, jump),
    Event("a clock is set", 0.5, set_clock),
    Event("the store is down", 0.7, store_out),
    Event("redis is away", 0.7, redis_away),
    Event("what was given up arrives", 0.7, straggle),
    Event("redis forgets everything", 0.5, lose_redis),
    Event("redis goes back", 0.7, go_back),
    Event("redis restarts", 0.3, restart_redis),
    Event("a person cancels", 0.5, cancel, of_person=True),
    Event("a person pauses", 0.5, pause, of_person=True),
    Event("a person resumes", 0.5, resume, of_person=True),
    Event("a person waives", 0.4, waive, of_person=True),
    Event("a person decides about doubts", 0.7, resolve, of_person=True),
    Event("a person has it tried again", 0.5, retry, of_person=True),
    Event("a manifest is edited", 0.6, edit, of_person=True),
)
