"""A process's parts put together by hand, so that each step can be done by itself, at a time of one's choosing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from jobs.manifest import Manifest
from workers.context import Context
from workers.engine.lease import LeaseKeeper
from workers.engine.room import WaitingRoom
from workers.engine.states import State, Step
from workers.engine.work import TakeRecord, Work
from workers.errors import RedisError, StoreError
from workers.http.calls import LongCalls
from workers.http.download import Download
from workers.http.wire import Wire
from workers.opening import Opening, open_batch
from workers.settings import load_settings
from workers.steps import collect, poll, settle, submit
from workers.store.folder import FolderStore

KEY = "id-of-the-key:secret-of-the-key"
TEXT_TO_VIDEO = "/bytedance/seedance-2.0/fast/text-to-video"


def until(true: Callable[[], object], *, within: float = 300.0) -> None:
    """Return as soon as `true()` is; fail when it is not within so many seconds."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, f"not so within {within:g} s"
        time.sleep(0.01)


@dataclass
class HandClock:
    """A clock that stands still until it is moved; sleeping moves it."""

    time: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def forward(self, seconds: float) -> None:
        self.time += seconds

    def ms(self) -> int:
        return round(self.time * 1000)


class WatchedStore(FolderStore):
    """A folder that remembers what was put, in order, and fails when it is told to."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.puts: list[str] = []
        self.refuse: Callable[[str], StoreError | None] = lambda key: None
        self.before: Callable[[str], None] = lambda key: None

    def put_file(self, key: str, path: Path, *, sha256: str, content_type: str) -> None:
        self._ask(key)
        super().put_file(key, path, sha256=sha256, content_type=content_type)
        self.puts.append(key)

    def put_bytes(self, key: str, body: bytes, *, content_type: str) -> None:
        self._ask(key)
        super().put_bytes(key, body, content_type=content_type)
        self.puts.append(key)

    def fail(self, *endings: str, error: StoreError | None = None) -> None:
        """Fail, from now on, to put whatever key ends so; without an ending, whatever it is."""
        trouble = error or StoreError("the disk is on strike")
        self.refuse = lambda key: trouble if not endings or key.endswith(endings) else None

    def mend(self) -> None:
        self.refuse = lambda key: None

    def _ask(self, key: str) -> None:
        self.before(key)
        error = self.refuse(key)
        if error is not None:
            raise error


class AwayRoom(WaitingRoom):
    """A waiting room whose Redis goes away for so many calls of `accept`."""

    away = 0

    def accept(self, *args: Any, **named: Any) -> Any:
        if self.away:
            self.away -= 1
            raise RedisError("Redis can't be reached: connection refused")
        return super().accept(*args, **named)


@dataclass
class Bench:
    """The parts of one worker, and the hands to work them."""

    context: Context
    room: AwayRoom
    store: WatchedStore
    clock: HandClock
    client: redis.Redis
    works: list[Work] = field(default_factory=list)

    def open(self, prompt: str = "a dog", *, batch: str = "b", takes: int = 1, **fields: Any) -> Opening:
        """Open a batch of so many takes, and let every provider admit."""
        opening = open_batch(self.context, manifest(prompt, batch=batch, takes=takes, **fields))
        for provider in self.context.settings.providers:
            self.room.set_limits(provider, self.context.limits(provider))
        return opening

    def due(self, step: Step) -> Work:
        """The one hand for `step` that is handed out now."""
        (work,) = self.all_due(step)
        return work

    def all_due(self, step: Step) -> list[Work]:
        """The hands for `step` among what is handed out now; the others are kept for the next call."""
        self.works += self.room.tick()
        found = [work for work in self.works if work.step is step]
        self.works = [work for work in self.works if work.step is not step]
        return found

    def submit(self) -> Work:
        work = self.due(Step.SUBMIT)
        submit(self.context, work)
        return work

    def poll(self, *, after: float = 60.0) -> Work:
        self.clock.forward(after)
        work = self.due(Step.POLL)
        poll(self.context, [work])
        return work

    def collect(self, *, after: float = 0.0) -> Work:
        self.clock.forward(after)
        work = self.due(Step.COLLECT)
        collect(self.context, work)
        return work

    def settle(self, *, after: float = 60.0) -> Work:
        self.clock.forward(after)
        work = self.due(Step.SETTLE)
        settle(self.context, work)
        return work

    def render(self) -> None:
        """Bring one take as far as its video being finished at the provider."""
        self.submit()
        self.poll(after=1000.0)
        assert self.state() is State.COLLECTING

    def record(self, index: int = 0, batch: str = "b") -> TakeRecord:
        record = self.room.take(batch, index)
        assert record is not None, "the take merely waits, or is done"
        return record

    def state(self, index: int = 0, batch: str = "b") -> State:
        if index in self.room.done(batch):
            return State.DONE
        record = self.room.take(batch, index)
        return State.WAITING if record is None else record.state

    def delay(self, index: int = 0, batch: str = "b") -> float | None:
        """In how many seconds a take is due, or may be admitted again."""
        namespace = self.context.settings.namespace
        score = self.client.zscore(f"{namespace}:due", f"{batch}:{index}")
        if score is None:
            score = self.client.zscore(f"{namespace}:batch:{batch}:back", str(index))
        return None if score is None else (score - self.clock.ms()) / 1000

    def forget(self) -> None:
        """Lose everything that Redis holds of this namespace."""
        keys = list(self.client.scan_iter(match=f"{self.context.settings.namespace}:*", count=10_000))
        if keys:
            self.client.delete(*keys)
        self.works.clear()

    def everything_kept(self) -> str:
        """Whatever is kept anywhere, to look for what should not be."""
        found = [path.read_bytes() for path in self.context.spool.parent.rglob("*.json")]
        for key in self.client.scan_iter(match=f"{self.context.settings.namespace}:*", count=10_000):
            found.append(repr(self.client.hgetall(key)).encode() if self.client.type(key) == b"hash" else b"")
        return b"\n".join(found).decode()


def manifest(prompt: str = "a dog", *, batch: str = "b", takes: int = 1, **fields: Any) -> Manifest:
    """A manifest of one shot with so many takes, each with a seed of its own."""
    shot: dict[str, Any] = {"name": "s", "prompt": prompt}
    if takes > 1:
        shot["sweep"] = {"seed": list(range(1, takes + 1))}
    return Manifest.model_validate(
        {
            "batch": batch,
            "provider": "fal",
            "model": "seedance-2.0-fast",
            "defaults": {"duration": 4, "resolution": "480p", "aspect_ratio": "1:1"},
            "shots": [shot],
            **fields,
        }
    )


Make = Callable[..., Bench]


def benches(client: redis.Redis, namespace: str, folder: Path) -> Iterator[Make]:
    """Yields what makes a bench for the provider at an address; its parts are let go of afterwards."""
    made: list[Bench] = []
    clock = HandClock()

    def make(url: str, **environ: str) -> Bench:
        values: Mapping[str, str] = {
            "FAL_KEY": KEY,
            "RUSHES_FAL_URL": url,
            "RUSHES_FAL_LEAD": "0",
            "RUSHES_NAMESPACE": namespace,
            "RUSHES_STORE": str(folder / "store"),
            "PATH": os.environ["PATH"],
            **environ,
        }
        settings = load_settings(values, folder)
        room = AwayRoom(client, namespace, clock=clock.ms)
        store = WatchedStore(folder / "store")
        wire = Wire(user_agent="rushes/test")
        context = Context(
            settings=settings,
            room=room,
            store=store,
            wire=wire,
            calls=LongCalls(wire),
            download=Download(wire),
            leases=LeaseKeeper(room, clock),
            clock=clock,
            spool=folder / "spool",
        )
        made.append(Bench(context, room, store, clock, client))
        return made[-1]

    yield make
    for bench in made:
        bench.context.close()
