"""How a batch stands: takes by state, money, and what holds it up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workers.engine.states import ALIVE, State


@dataclass(frozen=True, slots=True)
class Lane:
    """What Redis says of one provider. `paused` is the reason, when it is; times are in seconds from now."""

    provider: str
    seats: int
    seats_taken: int
    paused: str | None
    paused_kind: str | None
    slowed: str | None
    slowed_for: float
    seats_set: int = 0
    """What the settings allow; `seats` is what is used of it at present, the lead included."""

    least_seats: int = 1
    lead: int = 0
    learned: float | None = None
    """The seats that refusals have left, where those are fewer; it grows back in parts of a seat."""

    taught: str | None = None
    """What the provider said when it last refused."""

    broken: int = 0
    """Submissions in a row that came to nothing by the provider's own fault."""

    quota_left: int | None = None
    quota_for: float = 0.0
    interval: float = 0.0
    """Seconds between two requests; 0 where there is no limit."""

    polls: int = 0
    """How often a job was asked about and not finished yet, and by how many seconds the next polls were put off."""

    polls_seconds: float = 0.0
    day_budget: int | None = None
    """Micros that may be spent there in a day (UTC), and what is spent and reserved of it today."""

    day_spent: int = 0
    day_reserved: int = 0
    seats_in_doubt: int = 0
    """Seats of takes in doubt that only a person can decide about; counted only where all seats are taken."""


def most_open(lanes: Sequence[Lane]) -> Lane:
    """Of the providers of a batch, the first at which there is nothing in the way, or else the least."""
    return min(
        lanes, key=lambda lane: (lane.paused is not None, lane.slowed is not None, lane.seats_taken >= lane.seats)
    )


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why nothing more of a batch is submitted, though takes wait.

    `kind` is one of `paused`, `cancelled`, `waived` (by a person), `budget`, `day` (the provider's budget of today),
    `unpriced`, `failures`, `deadline`, `provider` (of several, those that could render what is left are paused), and
    `early` or `window`, which are over by themselves; `told` says it in a
    sentence.
    """

    kind: str
    told: str


@dataclass(frozen=True, slots=True)
class Money:
    """What a batch has come to, in micros of `currency`. `limit` is None where there is no budget."""

    currency: str | None
    limit: int | None
    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a batch stands: takes by state, counters since it was opened, and what holds it up.

    `orphans` counts the jobs that came besides a take's own, `orphans_alive` those of them that are still followed.
    `recovering` says that it is being held against the store, and nothing is submitted meanwhile.
    """

    batch: str
    digest: str
    total: int
    states: Mapping[State, int]
    submissions: int
    objects: int
    orphans: int
    lane: Lane
    store_trouble: str | None
    store_trouble_for: float
    settling: int = 0
    """Of the takes in doubt, those about which the provider will still be asked."""

    again: int = 0
    """Of the takes that wait, those that are to be sent again under their key: they may be at the provider, and are
    sent whatever stops the others. Counted while nothing is alive."""

    orphans_alive: int = 0
    stopped: Stopped | None = None
    money: Money = Money(None, None, 0, 0)
    recovering: bool = False
    priority: int = 0
    lanes: tuple[Lane, ...] = ()
    """All of the batch's providers, in the order of its manifest; `lane` is the one that is most open."""

    held: Mapping[str, int] = field(default_factory=dict)
    """Of the takes that wait, how many are held with others: by a person (`paused`, `cancelled`, `waived`), until they
    are picked for (`unpicked`), or because the last run left them out (`deferred`)."""

    deferred_blocked: int = 0
    """Of the takes that are blocked, how many were left out by the last run."""

    attempts: Mapping[str, int] = field(default_factory=dict)
    """Attempts that have ended since the batch was opened: `done`, or the class of their failure."""

    per_minute: float | None = None
    """Takes that have come to an end in a minute, over the last quarter of an hour; None while too few have."""

    @property
    def alive(self) -> int:
        """Takes, and jobs besides them, that a worker or the provider still works on."""
        return sum(self.states[state] for state in ALIVE) + self.orphans_alive

    @property
    def deferred(self) -> int:
        """Takes that the last run left out. They wait for one that is about them."""
        return self.held.get("deferred", 0) + self.deferred_blocked

    @property
    def open(self) -> int:
        """Takes that have not come to an end: waiting, alive, or in doubt and being settled. Not those given up, nor
        those that the last run left out."""
        waiting = self.states[State.WAITING] - self.held.get("waived", 0)
        return waiting + self.states[State.BLOCKED] - self.deferred + self.alive + self.settling
