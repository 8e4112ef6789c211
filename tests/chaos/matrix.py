"""The matrix: every crash point and every fault, at every provider at which it means something.

Which of the providers' manners of settling a doubt a scenario meets is what the providers differ in here: fal's doubts
are held for a person, Apiframe's are settled by key, Ark's by its list, and Cloudflare answers with the video itself.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from launcher import Orders
from loopback import Mood, Trouble
from scenario import Moment, Scenario, manifest
from stage import Stage
from strikes import OF_THE_COMMAND, POINTS, Strike

from jobs.manifest import Manifest
from jobs.prices import highest_price
from jobs.takes.expansion import Expansion

PROVIDERS = ("fal", "apiframe", "ark", "cloudflare")

SEED = os.environ.get("RUSHES_CHAOS_SEED", "1")
"""From which everything follows that is left to chance here: what is struck, when, and how often."""

WHOLE = os.environ.get("RUSHES_CHAOS") == "whole"
"""Whether the whole matrix is run, or a part of it that is fit for every run of the suite."""

EVERY_STEP = ("submit", "poll", "collect", "settle")

SLOWLY = {f"RUSHES_{provider}_REQUESTS_PER_MINUTE": "240" for provider in ("ARK", "CLOUDFLARE")}
"""No thread waits for the answers of these two. So few calls die with a worker, and leave takes for the next death."""

_NEVER = {("between-polls", "cloudflare")}
"""A provider that answers with the video itself is not polled."""


def _orders(strike: Strike | None = None) -> Orders:
    return Orders(log="", strike=strike)


_NOTHING_WAS_SENT = frozenset({"before-intent", *OF_THE_COMMAND})
"""Points at which whoever dies has left no intent, so that nothing may be in doubt."""


def crash(point: str, provider: str) -> Scenario:
    """Two processes in turn die at `point`, each at another take."""
    dice = random.Random(f"{SEED}/{point}/{provider}")
    name = f"{point}-{provider}-{SEED}"
    if point in OF_THE_COMMAND:
        return Scenario(name, {"night": provider}, takes=4, command=_orders(Strike(point)), sure=True)
    deaths = tuple(_orders(Strike(point, nth=dice.randint(1, 2))) for _ in range(2))
    if point in _NOTHING_WAS_SENT:
        # One take at a time: another one that is further must not die with it.
        return Scenario(name, {"night": provider}, takes=4, seats={provider: 1}, orders=deaths, sure=True)
    return Scenario(name, {"night": provider}, takes=9, seats={"fal": 2}, orders=deaths, environ=SLOWLY)


def _restart(stage: Stage) -> None:
    stage.redis.kill()
    stage.redis.start()


def _cut(stage: Stage) -> None:
    stage.redis.kill()
    stage.redis.cut(stage.dice.uniform(0.02, 0.3))
    stage.redis.start()


def _killed(provider: str, dice: random.Random) -> Scenario:
    return Scenario("", {"night": provider}, takes=10, together=2, every=2.0)


def _pump_killed(provider: str, dice: random.Random) -> Scenario:
    moments = tuple(Moment(at, Stage.kill_workers) for at in sorted(dice.sample(range(1, 7), 2)))
    return Scenario("", {"night": provider}, takes=8, moments=moments)


def _redis_restarted(provider: str, dice: random.Random) -> Scenario:
    moments = tuple(Moment(at, _restart) for at in sorted(dice.sample(range(1, 7), 2)))
    return Scenario("", {"night": provider}, takes=8, together=2, moments=moments, sure=True)


def _redis_flushed(provider: str, dice: random.Random) -> Scenario:
    flushes = (Moment(dice.randint(1, 6), lambda stage: stage.redis.flush()),)
    return Scenario("", {"night": provider}, takes=8, together=2, moments=flushes)


def _redis_cut_short(provider: str, dice: random.Random) -> Scenario:
    return Scenario("", {"night": provider}, takes=8, moments=(Moment(dice.randint(2, 6), _cut),))


def _message_twice(provider: str, dice: random.Random) -> Scenario:
    return Scenario("", {"night": provider}, together=2, orders=(Orders(log="", twice=EVERY_STEP),) * 2)


def _two_hands(provider: str, dice: random.Random) -> Scenario:
    point = dice.choice(("after-intent", "before-intent"))
    hands = (Orders(log="", twice=("submit",), strike=Strike(point, act="linger")),) * 2
    return Scenario("", {"night": provider}, together=2, orders=hands)


def _frozen(provider: str, dice: random.Random) -> Scenario:
    point = dice.choice(("after-intent", "last-look", "before-post"))
    orders = (_orders(Strike(point, nth=dice.randint(1, 2), act="freeze")), _orders())
    return Scenario("", {"night": provider}, together=2, orders=orders)


def _reset(provider: str, dice: random.Random) -> Scenario:
    return Scenario("", {"night": provider}, trouble=dict.fromkeys(dice.sample(range(1, 5), 2), "reset"))


def _accepted_and_5xx(provider: str, dice: random.Random) -> Scenario:
    return Scenario("", {"night": provider}, trouble=dict.fromkeys(dice.sample(range(1, 5), 2), "5xx"))


def _cut_body(provider: str, dice: random.Random) -> Scenario:
    return Scenario("", {"night": provider}, trouble=dict.fromkeys(dice.sample(range(1, 5), 2), "cut"))


def _answers_lost(provider: str, dice: random.Random) -> Scenario:
    lost: tuple[Trouble, ...] = ("reset", "5xx", "cut")
    return Scenario("", {"night": provider}, trouble=dict(zip(dice.sample(range(1, 6), 3), lost, strict=True)))


def _storm(provider: str, dice: random.Random) -> Scenario:
    def calm(stage: Stage) -> None:
        stage.providers.sandbox.change(rate_limit_rate=0.0)

    storm = Moment(0, lambda stage: None, lasting=8.0, undo=calm)
    return Scenario("", {"night": provider}, moments=(storm,), options={"rate_limit_rate": 1.0})


def _outage(mood: Mood, seconds: float) -> Callable[[str, random.Random], Scenario]:
    def scenario(provider: str, dice: random.Random) -> Scenario:
        moment = Moment(
            dice.randint(1, 4), lambda stage: stage.mood(mood), lasting=seconds, undo=lambda stage: stage.mood("up")
        )
        return Scenario("", {"night": provider}, takes=8, moments=(moment,))

    return scenario


def _s3_down_and_failing(provider: str, dice: random.Random) -> Scenario:
    down = Moment(
        dice.randint(1, 3), lambda stage: stage.mood("down"), lasting=3.0, undo=lambda stage: stage.mood("half")
    )
    failing = Moment(1, lambda stage: None, lasting=8.0, undo=lambda stage: stage.mood("up"))
    return Scenario("", {"night": provider}, takes=8, moments=(down, failing))


def _clock_off(provider: str, dice: random.Random) -> Scenario:
    hour = dice.choice((3600.0, -3600.0))
    wrong = Orders(log="", clock=hour, strike=Strike("no-response", nth=2))
    return Scenario("", {"night": provider}, together=2, orders=(wrong, _orders(), Orders(log="", clock=hour)))


def _disk_full(provider: str, dice: random.Random) -> Scenario:
    full = Orders(log="", largest_file=200_000)
    # It says what it waits for, and goes on once a worker has room.
    room = Moment(1, lambda stage: None, lasting=6.0, undo=Stage.kill_workers)
    return Scenario("", {"night": provider}, orders=(full,), moments=(room,))


def _edited(provider: str, dice: random.Random) -> Scenario:
    """Edited twice while takes render, each time with every process killed: an axis gets a value more, and then the
    prompt of one shot is changed. What was begun is followed, and nothing is paid for twice.
    """

    def first(told: dict[str, Any]) -> None:
        told["shots"][0]["sweep"]["place"].append("night field more")

    def second(told: dict[str, Any]) -> None:
        told["shots"][1]["prompt"] = "A cat in {place}"

    moments = (
        Moment(dice.randint(2, 3), lambda stage: stage.edit("night", first)),
        Moment(
            dice.randint(4, 6),
            lambda stage: stage.edit("night", second),
            when=lambda stage: stage.editions("night") > 1,
        ),
    )
    still = {"name": "still", "prompt": "A fox in {place}", "sweep": {"place": ["den 1", "den 2"]}}
    shots = [*manifest("night", provider, 4, ())["shots"], still]
    return Scenario(
        "",
        {"night": provider},
        terms={"shots": shots},
        editions=3,
        seats={"fal": 3},
        moments=moments,
        options={"render_seconds": 2.0},
    )


def _cancelled(provider: str, dice: random.Random) -> Scenario:
    """Cancelled while some takes wait, some are queued at the provider, some render, and some are finished."""
    moment = Moment(dice.randint(3, 5), lambda stage: stage.run("cancel", "night"))
    return Scenario(
        "",
        {"night": provider},
        takes=9,
        seats={provider: 4},
        moments=(moment,),
        options={"render_seconds": 1.2, "seats": 2},
        codes=frozenset({6, 7}),
        sure=True,
    )


def _budget(provider: str, dice: random.Random) -> Scenario:
    """A budget for five takes of eight, while answers are lost and workers die with a job in hand."""
    points = (dice.choice(("id-not-stored", "id-not-filed")), "mid-upload")
    return Scenario(
        "",
        {"night": provider},
        takes=8,
        seats={provider: 2},
        terms={"budget": _budget_for(provider, Decimal("5.5"))},
        trouble={dice.randint(1, 2): dice.choice(("reset", "cut"))},
        orders=tuple(_orders(Strike(point)) for point in points),
        environ=SLOWLY,
        codes=frozenset({6, 7}),
    )


def _budget_for(provider: str, takes: Decimal) -> str:
    sample = Expansion(Manifest.model_validate(manifest("night", provider, 1, ())))[0]
    price = highest_price(sample, own=None)
    assert price is not None, f"{provider} has no prices, so it can have no budget"
    return f"{price.amount * takes} {price.currency}"


def _seats_in_doubt(provider: str, dice: random.Random) -> Scenario:
    """Nothing settles what was lost on the way, and it holds all seats: it ends, and says so. Another batch goes on."""
    return Scenario(
        "", {"night": provider, "day": "fal"}, takes=3, faults=("drop",) * 2, seats={provider: 2}, sure=True
    )


FAULTS: dict[str, Callable[[str, random.Random], Scenario]] = {
    "worker-killed": _killed,
    "pump-killed": _pump_killed,
    "redis-restarted": _redis_restarted,
    "redis-flushed": _redis_flushed,
    "redis-cut-short": _redis_cut_short,
    "message-twice": _message_twice,
    "two-hands": _two_hands,
    "frozen": _frozen,
    "reset": _reset,
    "5xx-after-acceptance": _accepted_and_5xx,
    "cut-body": _cut_body,
    "answers-lost": _answers_lost,
    "storm-of-429": _storm,
    "s3-down": _outage("down", 6.0),
    "s3-slow": _outage("slow", 8.0),
    "s3-half": _outage("half", 8.0),
    "s3-down-and-failing": _s3_down_and_failing,
    "clock-off": _clock_off,
    "disk-full": _disk_full,
    "edited": _edited,
    "cancelled": _cancelled,
    "budget": _budget,
    "seats-in-doubt": _seats_in_doubt,
}

_ONLY: Mapping[str, tuple[str, ...]] = {
    # Cloudflare answers with the video, so there is nothing left to cancel.
    "cancelled": ("fal", "apiframe", "ark"),
    "budget": ("fal", "apiframe", "ark"),
    # fal's doubts keep no seat, Apiframe's are settled by key, and Ark's by its list.
    "seats-in-doubt": ("cloudflare",),
}
"""Where a fault means something, if not everywhere."""


def fault(name: str, provider: str) -> Scenario:
    """The scenario of one fault at one provider."""
    made = FAULTS[name](provider, random.Random(f"{SEED}/{name}/{provider}"))
    return replace(made, name=f"{name}-{provider}-{SEED}")


CHAINS: Mapping[str, tuple[str, ...]] = {
    "fal": ("after-intent", "no-response", "id-not-stored", "mid-upload", "not-acknowledged"),
    "apiframe": ("before-post", "no-response", "id-not-filed", "between-polls", "mid-download", "no-receipt"),
    "ark": ("before-intent", "no-response", "id-not-stored", "not-downloaded", "mid-upload", "not-acknowledged"),
    "cloudflare": ("before-post", "id-not-filed", "not-downloaded", "mid-download", "no-receipt"),
}
"""Every point of a worker in one batch a provider: each worker in turn dies at the next of them."""

SHORT_CHAINS: Mapping[str, tuple[str, ...]] = {
    "fal": ("before-intent", "no-response", "id-not-filed", "mid-upload"),
    "apiframe": ("before-post", "between-polls", "mid-download", "not-acknowledged"),
    "ark": ("after-intent", "id-not-stored", "not-downloaded", "no-receipt"),
}
"""Every point once."""


def chain(provider: str) -> Scenario:
    """One batch in which one worker after the other dies, each at another point and all but the last."""
    points = (CHAINS if WHOLE else SHORT_CHAINS)[provider]
    deaths = tuple(_orders(Strike(point)) for point in points)
    return Scenario(
        f"chain-{provider}-{SEED}",
        {"night": provider},
        takes=len(points) + 2,
        seats={"fal": 2, "apiframe": 2, "ark": 4},
        orders=deaths,
        environ=SLOWLY,
    )


def judging(takes: int, seconds: float, every: float) -> Scenario:
    """The night that this is judged by: three providers, drops after acceptance, a worker killed every few seconds, and
    in the middle a Redis that forgets everything and a bucket that is down. Each batch has a budget that leaves a tenth
    of its takes, and at least one, undone.

    All of it, it is played with processes that are started from scratch, as a person starts them.
    """
    drops = ("drop", "drop", "garbage-submit")
    batches = {"one": "fal", "two": "apiframe", "three": "ark"}
    payable = min(Decimal(takes) * Decimal("0.9"), Decimal(takes - 1)) + Decimal("0.5")
    return Scenario(
        f"judging-{takes}-{SEED}",
        batches,
        takes=takes,
        together=2,
        faults=drops,
        every=every,
        most=max(2, takes // 2),
        seats={"fal": 10, "apiframe": 10, "ark": 40},
        budgets={batch: _budget_for(provider, payable) for batch, provider in batches.items()},
        codes=frozenset({6, 7}),
        moments=(
            Moment(takes, lambda stage: stage.mood("down"), lasting=4.0, undo=lambda stage: stage.mood("up")),
            Moment(takes * 3 // 2, lambda stage: stage.redis.flush()),
        ),
        forked=not WHOLE,
        patience=60.0,
        runs=20,
        seconds=seconds,
    )


def _crashes() -> Iterator[tuple[str, str]]:
    """Every crash point at every provider at which there is one."""
    for point in POINTS:
        for provider in PROVIDERS:
            if (point, provider) not in _NEVER:
                yield point, provider


def _faults() -> Iterator[tuple[str, str]]:
    for name in FAULTS:
        for provider in _ONLY.get(name, PROVIDERS):
            yield name, provider


IN_THE_SUITE = (
    ("frozen", "apiframe"),
    ("budget", "fal"),
    ("edited", "ark"),
    ("cancelled", "fal"),
    ("seats-in-doubt", "cloudflare"),
    ("redis-cut-short", "fal"),
    ("redis-restarted", "apiframe"),
    ("answers-lost", "ark"),
)

PLAYED_CHAINS = tuple(CHAINS if WHOLE else SHORT_CHAINS)
CRASHES = tuple(_crashes()) if WHOLE else (("opened-not-begun", "fal"),)
FAULTED = tuple(_faults()) if WHOLE else IN_THE_SUITE
"""What is played this time."""
