"""What holds submissions back: how long a hand may be silent, what a provider allows, what a batch may come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jobs.sweeps.picks import Picks

SHUT_OUT = "shut-out"
"""The kind of a pause under which not even accepted jobs can be asked about: the key is refused there as well."""


@dataclass(frozen=True, slots=True)
class Leases:
    """How long a hand may be silent before its work is given to another, in seconds.

    An admitted take costs nothing to hand out again: a stale message is refused by its fence. A poll's lease
    must outlive the poll's deadline, and a collection renews its own while it works. `recover` is for how long taking a
    batch up from the store may last.
    """

    admitted: float = 30.0
    poll: float = 75.0
    collect: float = 30.0
    settle: float = 90.0
    recover: float = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider allows us, and what it offers when a submission is in doubt.

    `queues` says that it queues what is over its own limit, instead of refusing it. `again_seconds` is for how long an
    attempt may be sent again under its key, to be answered with the job it was the first time; 0 where it may not.
    `lists` says that it can be asked for the jobs it has accepted. `day_budget` is the most that may be spent there in
    a day (UTC), in micros of the currency in which its prices are.

    Where it refuses too much at once, fewer `seats` are used for a while, but no fewer than `least_seats`. Where it
    queues the excess, `lead` takes more than seats are sent, so that none is idle until we know that it is free.
    """

    seats: int
    requests_per_minute: float | None = None
    queues: bool = False
    again_seconds: float = 0.0
    lists: bool = False
    day_budget: int | None = None
    least_seats: int = 1
    lead: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """What a batch may come to, beside its takes. Money is in micros of one currency.

    Nothing more is submitted once what is spent and reserved would exceed `budget_stop`; once `budget_cancel` is really
    spent, what can be cancelled is. `deadline` is in seconds since the epoch, after which nothing more is submitted;
    nor is it after `max_failures` takes have failed, before `not_before`, or outside of the `openings`, each from a
    moment up to another; after the last one they come each day as that did. A batch of `weight` 2 is served twice as
    often as one of 1. `chosen` is where the takes are that the last run was about, by index; None: all of them.
    """

    currency: str | None = None
    budget: int | None = None
    budget_stop: int | None = None
    budget_cancel: int | None = None
    deadline: float | None = None
    max_failures: int | None = None
    not_before: float | None = None
    openings: tuple[tuple[float, float], ...] = ()
    weight: int = 1
    on_doubt: Literal["hold", "resubmit"] = "hold"
    chosen: Picks | None = None


Spend = Literal["none", "all"] | tuple[int | None, int | None]
"""What becomes of the money that is reserved for a take: nothing was billed, all of it was, or so many micros were by
the batch's account and by the provider's day; None where that isn't known to be less than what was reserved."""
