"""The account of what a sandbox has accepted and billed: the judge of double submission.

A job's whole life is settled when it is accepted: when it starts, when it ends, and how. What it is doing
at some moment is worked out from the times, so no timer runs and a restarted sandbox carries on.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import json
import os
import threading
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from workers.errors import SettingsError


class Stage(Enum):
    """What a job is doing."""

    WAITING = "waiting"
    RENDERING = "rendering"
    OVER = "over"


class Footage(BaseModel):
    """The video that a job renders: `seconds` long, `width` by `height` pixels.

    `look` chooses between the pictures that the sandbox can draw.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: int
    width: int
    height: int
    audio: bool
    look: int


Outcome = Literal["video", "refused", "failed", "invalid", "misdirected"]
"""How a job ends: a video; moderation; the provider's own failure; a body that breaks the schema, or a path
that leads nowhere, found out only while rendering. Only a video is billed."""


class Submission(BaseModel):
    """One accepted submission.

    `digest` is that of `endpoint` and `body`: two submissions with one digest asked for the same thing.
    `prompt` is where the body asks for faults. `key` is the idempotency key it came with, if any. `accepted`, `ready`,
    `starts`, `ends` and `cancelled` are seconds since the epoch. A job that was `cancelled` ended then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    provider: str
    endpoint: str
    body: Any
    prompt: str
    digest: str
    accepted: float
    ready: float
    starts: float
    ends: float
    outcome: Outcome
    footage: Footage | None = None
    cancelled: float | None = None
    key: str | None = None

    @property
    def billed(self) -> bool:
        """Whether it costs money, which is settled when it is accepted, unless it is cancelled before it starts."""
        return self.outcome == "video" and (self.cancelled is None or self.begun)

    @property
    def begun(self) -> bool:
        """Whether it was cancelled only after it had started."""
        return self.cancelled is not None and self.cancelled >= self.starts

    @property
    def over(self) -> float:
        """When it is over, or was cancelled, in seconds since the epoch."""
        return self.ends if self.cancelled is None else self.cancelled

    def stage(self, now: float) -> Stage:
        """What it is doing at `now`, in seconds since the epoch."""
        if self.cancelled is not None or now >= self.ends:
            return Stage.OVER
        return Stage.RENDERING if now >= self.starts else Stage.WAITING


def digest(endpoint: str, body: Any) -> str:
    """The sha256 (hex) of a submission's endpoint and JSON body, whatever the order of its keys."""
    canonical = json.dumps([endpoint, body], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


class Account:
    """Every submission that was accepted, in order. Safe to use from any number of threads.

    With `state`, each is on the disk before `add` returns, and read again by the next account. A line that
    was half written when the sandbox was killed is dropped: nobody was told of its acceptance.

    Raises:
        SettingsError: `state` can't be read or is not an account.
    """

    def __init__(self, state: Path | None = None) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._jobs: dict[str, Submission] = {}
        self._orders: dict[str, list[str]] = {}
        self._places: dict[str, int] = {}
        self._asked: dict[str, int] = {}
        self._keyed: dict[tuple[str, str], str] = {}
        self._taken: dict[str, _Seats] = {}
        if state is not None:
            self._read(state)

    def add(self, submission: Submission) -> None:
        """Take `submission` into the account, durably. Its id must be a new one."""
        with self._lock:
            self._write([submission])
            self._remember(submission)
            if submission.provider in self._taken:
                self._taken[submission.provider].take(submission.ends)

    def cancel(self, job: str, now: float, *, seats: int, rendering: bool = False) -> bool:
        """Cancel `job` if it still waits at `now`; those behind it move up. Says whether it was cancelled.

        A job that renders goes on rendering, unless `rendering` says that it stops too. It is billed either way: fal
        gives a running job a signal and promises no refund (fal docs, queue/cancel).
        """
        stoppable = (Stage.WAITING, Stage.RENDERING) if rendering else (Stage.WAITING,)
        with self._lock:
            submission = self._jobs.get(job)
            if submission is None or submission.stage(now) not in stoppable:
                return False
            cancelled = submission.model_copy(update={"cancelled": now})
            changed = [cancelled, *self._moved_up(cancelled, now, seats)]
            self._write(changed)
            for each in changed:
                self._remember(each)
            self._taken.pop(submission.provider, None)
            return True

    def get(self, job: str) -> Submission | None:
        """The submission that was accepted as `job`."""
        with self._lock:
            return self._jobs.get(job)

    def keyed(self, provider: str, key: str) -> Submission | None:
        """The last submission that `provider` accepted under the idempotency key `key`."""
        with self._lock:
            job = self._keyed.get((provider, key))
            return None if job is None else self._jobs[job]

    def submissions(self) -> tuple[Submission, ...]:
        """All that was accepted, in order."""
        with self._lock:
            return tuple(self._jobs.values())

    def billed(self) -> tuple[Submission, ...]:
        """What has to be paid for, in order."""
        return tuple(submission for submission in self.submissions() if submission.billed)

    def accepted(self, of: str) -> int:
        """How many submissions with the digest `of` were accepted."""
        with self._lock:
            return self._asked.get(of, 0)

    def start(self, provider: str, ready: float, *, seats: int) -> float:
        """When a job that may start at `ready` finds one of the provider's `seats` free, in its turn."""
        with self._lock:
            taken = self._taken.get(provider)
            if taken is None or taken.seats != seats:
                taken = self._taken[provider] = _Seats(seats)
                for job in self._of(provider):
                    if job.cancelled is None:
                        taken.take(job.ends)
            return taken.start(ready)

    def position(self, job: str, now: float) -> int:
        """How many jobs wait at `now` before `job` at the same provider."""
        with self._lock:
            order = self._orders[self._jobs[job].provider]
            ahead = 0
            for place in range(self._places[job] - 1, -1, -1):
                submission = self._jobs[order[place]]
                if submission.cancelled is not None:
                    continue
                if submission.starts <= now:
                    break
                ahead += 1
            return ahead

    def report(self, now: float) -> dict[str, Any]:
        """The account at `now` as JSON: counts, how many a provider had at once at most, seconds of billed video, and
        every job in order.
        """
        jobs = self.submissions()
        billed = [job for job in jobs if job.billed]
        return {
            "submissions": len(jobs),
            "cancelled": sum(job.cancelled is not None for job in jobs),
            "billed": len(billed),
            "most_at_once": self.most_at_once(),
            "billed_seconds": sum(job.footage.seconds for job in billed if job.footage is not None),
            "jobs": [
                {**job.model_dump(mode="json"), "billed": job.billed, "stage": job.stage(now).value} for job in jobs
            ],
        }

    def most_at_once(self) -> dict[str, int]:
        """By provider, the most jobs that were accepted and not over at any instant, to the last that is known of."""
        steps: dict[str, list[tuple[float, int]]] = {}
        for job in self.submissions():
            # At one instant, what ends makes room for what begins.
            steps.setdefault(job.provider, []).extend(((job.accepted, 1), (job.over, -1)))
        found = {}
        for provider, each in steps.items():
            found[provider] = max(itertools.accumulate(step for _, step in sorted(each)))
        return found

    def _of(self, provider: str) -> Iterable[Submission]:
        return (self._jobs[job] for job in self._orders.get(provider, []))

    def _moved_up(self, cancelled: Submission, now: float, seats: int) -> list[Submission]:
        taken = _Seats(seats)
        moved: list[Submission] = []
        for job in self._of(cancelled.provider):
            if job.id == cancelled.id and cancelled.begun:
                # Its seat is free from now on, and was not before.
                taken.take(now)
            if job.id == cancelled.id or job.cancelled is not None:
                continue
            if job.starts > now:
                start = taken.start(job.ready)
                if start != job.starts:
                    job = job.model_copy(update={"starts": start, "ends": start + (job.ends - job.starts)})
                    moved.append(job)
            taken.take(job.ends)
        return moved

    def _remember(self, submission: Submission) -> None:
        if submission.id not in self._jobs:
            order = self._orders.setdefault(submission.provider, [])
            self._places[submission.id] = len(order)
            order.append(submission.id)
            self._asked[submission.digest] = self._asked.get(submission.digest, 0) + 1
            if submission.key is not None:
                self._keyed[submission.provider, submission.key] = submission.id
        self._jobs[submission.id] = submission

    def _write(self, submissions: Iterable[Submission]) -> None:
        if self._state is None:
            return
        lines = "".join(submission.model_dump_json() + "\n" for submission in submissions)
        with self._state.open("a", encoding="utf-8") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())

    def _read(self, state: Path) -> None:
        try:
            state.parent.mkdir(parents=True, exist_ok=True)
            written = state.read_bytes() if state.exists() else b""
            whole = written[: written.rfind(b"\n") + 1]
            if whole != written:
                os.truncate(state, len(whole))
        except OSError as error:
            raise SettingsError(f"sandbox state {state}: {error.strerror}; name another file") from error
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                self._remember(Submission.model_validate_json(line))
            except ValidationError as error:
                raise SettingsError(
                    f"sandbox state {state}, line {number}: not a submission; move the file away to start afresh"
                ) from error


class _Seats:
    """When the next job may start, all before it served: once fewer than `seats` of them still render."""

    def __init__(self, seats: int) -> None:
        self.seats = seats
        self._latest_ends: list[float] = []

    def take(self, end: float) -> None:
        """A job holds a seat until `end`."""
        if len(self._latest_ends) < self.seats:
            heapq.heappush(self._latest_ends, end)
        else:
            heapq.heappushpop(self._latest_ends, end)

    def start(self, ready: float) -> float:
        """When a job that may start at `ready` does start."""
        return max(ready, self._latest_ends[0]) if len(self._latest_ends) == self.seats else ready
