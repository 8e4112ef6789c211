"""A model provider that knows what it accepted and what it bills, and the wire and the links that lead to it."""

from __future__ import annotations

import errno
import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from sim_dialects import DIALECTS, Asked, JobFacts, Refusal, Saying, cut
from sim_hands import Hand
from sim_world import World

from workers.errors import DownloadError, LinkExpired
from workers.http.download import Fetched
from workers.http.errors import Broken, NotSent
from workers.providers.protocol import Request, Response

TakeId = tuple[str, int]
End = Literal["ready", "transient", "moderation", "lost"]

STRAGGLING_SECONDS = 900.0
"""For how long a request may be under way after its sender has given it up."""

MOST_LIES = 1
"""A gateway may fail once in the provider's own words for a job that lives; said twice, it is believed."""

SOON_OVER = 20.0
"""Seconds for which a job that was queued a moment ago may be over, here, where renders are short."""

MOST_DEAD_LINKS = 3
"""Fewer than are believed: a link that is dead time and again is a verdict, and no fault."""

REFUSALS: Sequence[Refusal] = ("rate", "rate", "auth", "quota", "invalid", "input-moderation", "broken", "broken")


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


_CLIP = _box(b"ftyp", b"isomiso2mp41") + _box(b"moov", _box(b"mvhd", b"\0" * 100)) + _box(b"mdat", b"\1" * 64)


@dataclass
class Job:
    """A submission that the provider accepted. What it will come to is decided at once, and shows when it is over."""

    facts: JobFacts
    prompt: str
    take: TakeId
    attempt: int
    over_at: float
    end: End
    at: str
    lies: int = 0
    dead_links: int = 0
    cancelled: bool = False

    @property
    def id(self) -> str:
        return self.facts.id

    @property
    def video(self) -> bytes:
        """The MP4, no two jobs' alike: whole by its boxes, with the job's name in one that players skip."""
        return _CLIP + _box(b"free", self.id.encode())

    def state(self, now: float) -> End | Literal["running", "cancelled"]:
        if self.cancelled:
            return "cancelled"
        return self.end if now >= self.over_at else "running"

    @property
    def billed(self) -> bool:
        """Whether it is, or will be, on the provider's bill."""
        return not self.cancelled and self.end in ("ready", "lost")

    def queued(self, now: float) -> bool:
        """Whether it has not begun to be rendered yet, where the provider tells."""
        return not self.cancelled and now < self.facts.created + (self.over_at - self.facts.created) / 2


@dataclass
class Provider:
    """The truth about what was paid for. `sent` counts submissions that reached it.

    With one `beside` it, it is two providers that know each other's books, so that what is paid for at both shows.
    """

    name: str
    world: World
    beside: str | None = None
    jobs: dict[str, Job] = field(default_factory=dict)
    by_take: dict[TakeId, list[Job]] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[Job, float]] = field(default_factory=dict)
    names: dict[str, tuple[TakeId, int]] = field(default_factory=dict)
    by_prompt: dict[str, list[Job]] = field(default_factory=dict)
    given_up: Callable[[Job], bool] = lambda job: False
    """Whether a person has given up the attempt that a job is of, knowing that it may have been paid for."""
    stragglers: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    sent: int = 0
    before_post: Callable[[TakeId, int, str], None] = lambda take, attempt, at: None
    prompt_of: Callable[[TakeId], str] = lambda take: ""

    def __post_init__(self) -> None:
        self.names_of = (self.name,) if self.beside is None else (self.name, self.beside)
        self.dialects = {name: DIALECTS[name]() for name in self.names_of}

    def post(self, request: Request, asked: Asked, take: TakeId, attempt: int, at: str) -> tuple[Response, str | None]:
        """A submission arrives: it is accepted, or refused, or fails in between. The answer, and the job it names."""
        world, dialect = self.world, self.dialects[at]
        self.sent += 1
        if asked.key:
            known = self.names.setdefault(asked.key, (take, attempt))
            if known != (take, attempt):
                raise world.violated(f"the key of {known} was used for {take}, attempt {attempt}")
        if world.happens(1.2):
            kind = world.dice.choice(REFUSALS)
            world.tell(f"      {at} refuses {take} attempt {attempt}: {kind}")
            return dialect.refused(kind, world.dice.choice((None, 1, 30))), None
        known_job = self.keys.get((at, asked.key))
        if known_job is not None and world.time - known_job[1] < dialect.keyed_seconds:
            world.tell(f"      {at} answers with {known_job[0].id} again")
            job = known_job[0]
        else:
            job = self._accept(request, asked, take, attempt, at)
        response = dialect.accepted(job.facts)
        if world.happens(0.4):
            return dialect.refused("broken", None), None
        return (cut(response), None) if world.happens(0.4) else (response, job.id)

    def _accept(self, request: Request, asked: Asked, take: TakeId, attempt: int, at: str) -> Job:
        world = self.world
        alike = self.by_prompt.setdefault(asked.prompt, [])
        number = len(self.jobs) + 1
        ends: tuple[End, ...] = ("transient", "moderation", "lost", "transient")
        job = Job(
            JobFacts(f"job-{number}", f"http://files.test/job-{number}.mp4", world.time, request.json),
            asked.prompt,
            take,
            attempt,
            over_at=world.time if at == "cloudflare" else world.time + world.dice.choice((0.5, 5, 20, 120, 600)),
            end="ready" if at == "cloudflare" or not world.happens(1.2) else world.dice.choice(ends),
            at=at,
        )
        world.tell(f"      {at} accepts {take} attempt {attempt} as {job.id}, to be {job.end}")
        self.jobs[job.id] = job
        self.by_take.setdefault(take, []).append(job)
        if asked.key:
            self.keys[at, asked.key] = job, world.time
        for other in alike:
            self._must_be_another(job, other)
        alike.append(job)
        return job

    def _must_be_another(self, job: Job, other: Job) -> None:
        """Two jobs for the same thing: the one that came before is over at no cost, or a person wanted both."""
        world = self.world
        if (job.take, job.attempt) == (other.take, other.attempt):
            raise world.violated(f"paid twice: attempt {job.attempt} of {job.take} was accepted as {other.id} before")
        state = other.state(world.time)
        if state in ("transient", "moderation", "cancelled") or self.given_up(job) or self.given_up(other):
            return
        if state == "lost" and job.take != other.take:
            return  # the manifest asks for it under another name, after a verdict
        raise world.violated(
            f"paid twice: {job.take} was accepted as {job.id} (attempt {job.attempt}) while {other.id} "
            f"of {other.take} (attempt {other.attempt}) is {state}"
        )

    def get(self, asked: Asked, at: str) -> Response:
        """A question arrives, about a job or for the list."""
        world, dialect = self.world, self.dialects[at]
        if asked.what == "list":
            shown = [(job, job.state(world.time)) for job in self.jobs.values() if job.at == at]
            if world.happens():
                return dialect.refused("broken", None)
            return dialect.listed(
                [(job.facts, "ready" if state == "lost" else state) for job, state in shown],
                asked.page,
            )
        job = self.jobs.get(asked.job)
        if job is None or job.at != at:
            raise world.violated(f"{at} was asked about {asked.job!r}, which it never named")
        if asked.what == "cancel":
            return self._cancel(job)
        if world.quiet and job.over_at > world.time:
            job.over_at = world.time
        state = job.state(world.time)
        saying: Saying = "gone" if state == "lost" else state
        if state == "running" and job.queued(world.time):
            saying = "queued"
        if world.happens() and saying not in ("gone", "cancelled"):
            lies: tuple[Saying, ...] = ("busy", "shut-out", "running", "gone", "transient")
            lie = world.dice.choice(lies)
            if lie not in ("gone", "transient"):
                saying = "running" if lie == "running" else lie
            elif job.lies < MOST_LIES:
                job.lies += 1
                saying = lie
        world.tell(f"      {at} says of {job.id}: {saying}")
        return dialect.told(job.facts, saying, asked.what)

    def _cancel(self, job: Job) -> Response:
        """As each does: fal ends what it is told to end if it can, Ark what is still queued there."""
        world = self.world
        if job.at == "ark" and job.over_at < world.time - SOON_OVER:
            raise world.violated(f"{job.id} was to be cancelled when it was over, which deletes it at Ark")
        can = job.state(world.time) == "running" and (job.at == "fal" or job.queued(world.time))
        done = can and not world.happens()
        job.cancelled = job.cancelled or done
        world.tell(f"      {job.at} {'cancels' if done else 'does not cancel'} {job.id}")
        return self.dialects[job.at].cancelled(done)

    def straggle(self) -> None:
        """The requests that were given up and are still under way arrive, unless they are lost for good."""
        under_way, self.stragglers = self.stragglers, []
        for moment, arrive in under_way:
            if self.world.time - moment < STRAGGLING_SECONDS:
                arrive()


class SimWire:
    """A worker's way to the provider. A submission is two effects: that it arrives, and that it is answered."""

    def __init__(self, world: World, provider: Provider) -> None:
        self._world = world
        self._provider = provider

    def send(self, request: Request, *, timeout: float) -> Response:
        outcome = self._one(request, self._world.time + timeout)
        if isinstance(outcome, Response):
            return outcome
        raise outcome

    def send_many(self, requests: Sequence[Request], *, timeout: float) -> list[Response | NotSent | Broken]:
        deadline = self._world.time + timeout
        return [self._one(request, deadline) for request in requests]

    def close(self) -> None:
        """There is nothing to close."""

    def _one(self, request: Request, deadline: float) -> Response | NotSent | Broken:
        at = (urlsplit(request.url).hostname or "").removesuffix(".test")
        asked = self._provider.dialects[at].read(request)
        if asked.what == "submit":
            return self._submit(request, asked, deadline, at)
        world = self._world

        def ask() -> Response | NotSent | Broken:
            if world.time >= deadline:
                return NotSent("the time was up before")
            if world.happens(0.3):
                return NotSent("the simulated wire leads nowhere")
            answer = self._provider.get(asked, at)
            return Broken("the simulated answer was lost") if world.happens(0.5) else answer

        return world.effect("wire", f"asks {asked.what} {asked.job}", ask)

    def _submit(self, request: Request, asked: Asked, deadline: float, at: str) -> Response | NotSent | Broken:
        world, provider = self._world, self._provider
        hand = world.current
        assert hand is not None and hand.work is not None
        work = hand.work
        take = work.batch, work.index
        if asked.prompt != provider.prompt_of(take):
            raise world.violated(
                f"the hand on {work} sent {asked.prompt!r}, and {take} is {provider.prompt_of(take)!r}"
            )

        def arrive() -> tuple[Response, str | None] | NotSent | None:
            if world.time >= deadline:
                return NotSent("the time was up before")
            if world.happens(0.5):
                return NotSent("the simulated wire leads nowhere")
            provider.before_post(take, work.attempt, at)
            if world.happens(0.5):
                if world.dice.random() < 0.5:
                    provider.stragglers.append(
                        (world.time, lambda: provider.post(request, asked, take, work.attempt, at)),
                    )
                return None
            return provider.post(request, asked, take, work.attempt, at)

        outcome = world.effect("wire", f"POST {take} attempt {work.attempt} to {at}", arrive)
        if isinstance(outcome, NotSent):
            return outcome

        def answered() -> Response | Broken:
            late = world.time > deadline and world.dice.random() < 0.5
            if outcome is None or late or world.happens(0.5):
                world.tell(f"      {hand.name} gets no answer")
                return Broken("the simulated answer was lost")
            response, job = outcome
            if job is not None:
                hand.heard.append(job)
            return response

        return world.effect("wire", "hears the answer", answered)


class SimCalls:
    """Calls that take minutes: each becomes a hand of its own, which the scheduler moves."""

    def __init__(self, wire: SimWire, begin: Callable[[str, Callable[[], None]], Hand]) -> None:
        self._wire = wire
        self._begin = begin

    def start(self, request: Request, *, timeout: float, then: Callable[[Response | NotSent | Broken], None]) -> None:
        self._begin("call", lambda: then(self._wire.send_many([request], timeout=timeout)[0]))

    def wait(self) -> None:
        """Nobody waits here: a process ends by dying."""

    def close(self) -> None:
        """There is nothing to close."""


class SimDownload:
    """Fetches a job's video in two effects: half of the file, then all of it."""

    def __init__(self, world: World, provider: Provider) -> None:
        self._world = world
        self._provider = provider

    def fetch(self, url: str, to: Path, **_: object) -> Fetched:
        job = self._provider.jobs[url.rpartition("/")[2].removesuffix(".mp4")]
        world = self._world

        def half() -> None:
            if world.happens(0.3) and job.dead_links < MOST_DEAD_LINKS:
                job.dead_links += 1
                raise LinkExpired("the simulated link is dead")
            if world.happens(0.3):
                raise DownloadError("the simulated download broke off")
            if world.happens(0.1):
                raise OSError(errno.ENOSPC, "No space left on device")
            to.write_bytes(job.video[: len(job.video) // 2])

        def whole() -> Fetched:
            damaged = world.happens(0.3)
            body = job.video[:-3] if damaged else job.video
            to.write_bytes(body)
            return Fetched(to, len(body), hashlib.sha256(body).hexdigest(), "video/mp4")

        world.effect("wire", f"downloads half of {job.id}", half)
        return world.effect("wire", f"downloads {job.id}", whole)
