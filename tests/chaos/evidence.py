"""What a scenario leaves behind, for `invariants.py` to judge: plain values, so that a copy can be spoilt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

_ATTEMPT = re.compile(r"(?P<take>.+)/(?P<number>[1-9][0-9]*)\.(?P<kind>[a-z0-9.-]+)\.json")


@dataclass(frozen=True)
class Billing:
    """One submission that a provider accepted, by the provider's own account. `sha256` is of the video it delivers."""

    job: str
    provider: str
    prompt: str
    billed: bool
    sha256: str | None = None


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    output: str


@dataclass(frozen=True)
class Again:
    """What running the finished batches once more did: submissions that were sent, and keys that were written."""

    posts: int
    writes: tuple[str, ...]
    said: tuple[Said, ...]


@dataclass(frozen=True)
class Batch:
    """One batch as it was planned, as Redis has it, and as its last command ended.

    `prompts` are those of all takes it has ever had, by name; `withdrawn` are those that its last manifest asks for no
    more. `doubts`, `failed` and `cancelled` are the names of takes in those states. `waiting` counts the live takes
    that were not begun, `blocked` those that wait for what another one is to bring. `stopped` is the kind of what keeps
    takes from being begun, and `full` says that doubts hold all seats. `queues` says that its provider queues what is
    over its limit, so that doubts keep no seat. `prices` is what each take costs and `budget` what all may, in micros.
    """

    name: str
    prompts: Mapping[str, str]
    doubts: frozenset[str]
    failed: frozenset[str]
    alive: int
    waiting: int
    queues: bool
    said: Said
    withdrawn: frozenset[str] = frozenset()
    cancelled: frozenset[str] = frozenset()
    blocked: int = 0
    stopped: str | None = None
    full: bool = False
    budget: int | None = None
    prices: Mapping[str, int] = field(default_factory=dict)

    @property
    def live(self) -> frozenset[str]:
        """The names of the takes that its last manifest asks for."""
        return frozenset(self.prompts) - self.withdrawn


@dataclass(frozen=True)
class Attempt:
    """What the store's record says of one attempt: the ids of all jobs that it names, and how it ended, if it did."""

    batch: str
    take: str
    number: int
    intended: bool
    jobs: tuple[str, ...]
    ended: str | None


@dataclass(frozen=True)
class Sample:
    """What Redis said of a batch's money at one moment, in micros."""

    batch: str
    limit: int
    spent: int
    reserved: int


@dataclass(frozen=True)
class Evidence:
    """Everything. `objects` are the store's, by key; `texts` all else that was written or said, by where it was found.

    `orphans` are the job ids that Redis holds as such; `seats` the members `<batch>:<index>` of every lane's. `posted`
    are the prompts of all submissions that came to a provider, accepted or not. `sure` says that no hand was lost
    between its intent and its POST, so that nothing may be in doubt that did not come there. `money` was looked at all
    the while.
    """

    batches: tuple[Batch, ...]
    billings: tuple[Billing, ...]
    objects: Mapping[str, bytes] = field(repr=False)
    texts: Mapping[str, bytes] = field(repr=False)
    orphans: frozenset[str]
    seats: frozenset[str]
    secrets: tuple[str, ...]
    again: Again
    posted: frozenset[str] = frozenset()
    sure: bool = False
    money: tuple[Sample, ...] = ()

    @cached_property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every attempt of every batch that is on record in the store."""
        return tuple(attempt for batch in self.batches for attempt in _attempts(batch.name, self.objects))

    def attempts_of(self, batch: str, take: str) -> list[Attempt]:
        """The attempts of one take, in order."""
        found = [one for one in self.attempts if (one.batch, one.take) == (batch, take)]
        return sorted(found, key=lambda one: one.number)

    def receipt(self, batch: str, take: str) -> dict[str, Any] | None:
        """A take's receipt; None when it has none."""
        body = self.objects.get(f"{batch}/{take}.receipt.json")
        return None if body is None else json.loads(body)

    def keys_besides(self, batch: str, take: str) -> list[str]:
        """The keys of the receipts of what came for a take besides its own video."""
        stem = f"{batch}/{take}.orphan-"
        return [key for key in self.objects if key.startswith(stem) and key.endswith(".receipt.json")]

    def besides(self, batch: str, take: str) -> list[dict[str, Any]]:
        """The receipts of what came for a take besides its own video."""
        return [json.loads(self.objects[key]) for key in self.keys_besides(batch, take)]

    def billings_of(self, prompt: str) -> list[Billing]:
        """What was accepted for one take."""
        return [one for one in self.billings if one.prompt == prompt]

    def takes(self) -> Iterator[tuple[Batch, str, str]]:
        """Every take: its batch, its name, and its prompt."""
        for batch in self.batches:
            for take, prompt in batch.prompts.items():
                yield batch, take, prompt

    def wanted(self) -> Iterator[Wanted]:
        """Everything that was ever asked for, once, with all takes that ask for it."""
        for batch in self.batches:
            asking: dict[str, list[str]] = {}
            for take, prompt in batch.prompts.items():
                asking.setdefault(prompt, []).append(take)
            for prompt, takes in asking.items():
                attempts = tuple(one for take in takes for one in self.attempts_of(batch.name, take))
                yield Wanted(batch, tuple(takes), prompt, attempts)


@dataclass(frozen=True)
class Wanted:
    """What one prompt asks for: a take, or the takes of several editions of a shot; and all attempts at it."""

    batch: Batch
    takes: tuple[str, ...]
    prompt: str
    attempts: tuple[Attempt, ...]

    @property
    def name(self) -> str:
        """What it is called in a complaint."""
        return f"{self.batch.name}/{' = '.join(self.takes)}"

    @property
    def times(self) -> int:
        """How many videos of it were asked for."""
        return max(1, len(self.batch.live.intersection(self.takes)))


def is_job(told: str, job: str) -> bool:
    """Whether the id that was told is that job: Ark puts a prefix before it."""
    return told == job or told.endswith(f"-{job}")


def _attempts(batch: str, objects: Mapping[str, bytes]) -> Iterator[Attempt]:
    folder = f"{batch}/.rushes/attempts/"
    found: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
    for key, body in objects.items():
        if key.startswith(folder) and (match := _ATTEMPT.fullmatch(key.removeprefix(folder))):
            found.setdefault((match["take"], int(match["number"])), {})[match["kind"]] = json.loads(body)
    for (take, number), records in found.items():
        jobs = [str(record["job_id"]) for record in records.values() if record.get("job_id")]
        ended = records.get("ended")
        yield Attempt(
            batch,
            take,
            number,
            "intent" in records,
            tuple(dict.fromkeys(jobs)),
            None if ended is None else ended["kind"],
        )
