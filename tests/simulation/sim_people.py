"""What a person does besides running a batch again: decisions about it, and editing its manifest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim_batches import Batch
from sim_hands import Hand

from workers import decisions
from workers.context import Context
from workers.decisions import Target
from workers.decisions.doubting import How

if TYPE_CHECKING:
    from sim_schedule import Schedule

MOST_TAKES = 5
WORDINGS = ("", "x", "y")


def cancel(of: Schedule) -> None:
    """A batch, a shot or a take is cancelled."""
    _decide(of, "cancels", lambda context, target: decisions.cancel(context, target))


def pause(of: Schedule) -> None:
    """A batch, a shot or a take is paused."""
    _decide(of, "pauses", lambda context, target: decisions.pause(context, target))


def resume(of: Schedule) -> None:
    """A batch, a shot or a take is let go on."""
    _decide(of, "resumes", lambda context, target: decisions.resume(context, target))


def waive(of: Schedule) -> None:
    """A batch, a shot or a take is given up, whatever it has cost."""
    _decide(of, "waives", lambda context, target: decisions.waive(context, target), pays=True)


def retry(of: Schedule) -> None:
    """What has failed or was given up is to be submitted anew."""
    _decide(of, "retries", lambda context, target: decisions.retry(context, target), pays=True)


def resolve(of: Schedule) -> None:
    """Doubts are submitted once more, or waived, though they may have been paid for."""
    how: How = of.dice.choice(("resubmit", "resubmit", "waive"))
    _decide(of, f"has to {how}", lambda context, target: decisions.resolve(context, target, how), pays=True)


def edit(of: Schedule) -> None:
    """The manifest says something else: a value more, a value less, other words, or what it said before. It is run."""
    batch = of.any_batch()
    kind = of.dice.choice(("more", "more", "less", "words", "words"))
    if kind == "words":
        batch.wording = of.dice.choice([wording for wording in WORDINGS if wording != batch.wording])
    else:
        batch.takes = max(1, min(MOST_TAKES, batch.takes + (1 if kind == "more" else -1)))
    of.world.tell(f"   {batch.name} asks for {batch.takes} takes with {batch.wording!r} now")
    _begin(of, of.opener(batch))


def lift(of: Schedule, batch: Batch) -> None:
    """All that a person has held back or given up of a batch goes on."""
    of.decided.add((batch.name, None))

    def body(context: Context) -> None:
        decisions.resume(context, Target(batch.name))
        decisions.retry(context, Target(batch.name))

    of.do_inline(of.command(f"lets {batch.name} go on", body), None)


def _decide(of: Schedule, verb: str, act: Callable[[Context, Target], object], *, pays: bool = False) -> None:
    batch = of.any_batch()
    expansion = of.takes.of(batch)
    target, index = Target(batch.name), None
    size = of.dice.random()
    if size < 0.5:
        index = of.dice.randrange(expansion.total)
        target = Target(batch.name, *expansion[index].name.split("/"))
    elif size < 0.7:
        target = Target(batch.name, "s")
    if pays:
        of.decided.add((batch.name, index))
    _begin(of, of.command(f"{verb} {target}", lambda context: of.world.tell(f"   came to {act(context, target)}")))


def _begin(of: Schedule, hand: Hand) -> None:
    if of.dice.random() < 0.6:
        of.do_inline(hand, of.fault() if of.world.happens() else None)
    else:
        hand.plan(of.dice.choice((1, 3, 8, 15)))
        of.go_on(hand)
