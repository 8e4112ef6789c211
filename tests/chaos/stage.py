"""One scenario played to its end: real processes, struck as its plan says, and the evidence that they leave behind."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import redis
from evidence import Again, Evidence, Said, Sample
from gathering import gather
from launcher import VARIABLE, Orders
from loopback import KEYS, NAMESPACE, Bucket, Mood, Providers, RedisServer, bucket, providers
from nursery import Child, Nursery
from scenario import Scenario, manifest

from jobs.takes.lineage import Lineage
from workers.engine.room import WaitingRoom
from workers.errors import RedisError
from workers.settings import CONVENTIONS
from workers.supervisor import PARENT_VARIABLE

LAUNCHER = Path(__file__).with_name("launcher.py")

SEATS = {"fal": 4, "apiframe": 4, "ark": 12, "cloudflare": 12}
"""Where doubts keep their seats and nothing settles them, there are more seats than takes that may be in doubt."""

READY = b" ready."
"""What a worker's log says once it takes messages."""

Process = subprocess.Popen[bytes] | Child

LOOK_SECONDS = 0.7
"""Between two looks at what the command lines of all processes say."""

FROZEN_SECONDS = 7.5
"""Longer than a lease, and than what may lie between an intent and its POST."""


@dataclass
class Stage:
    """A scenario under way."""

    folder: Path
    scenario: Scenario
    dice: random.Random
    redis: RedisServer
    bucket: Bucket
    providers: Providers
    environ: dict[str, str]
    nursery: Nursery
    workers: list[Process] = field(default_factory=list)
    commands: dict[str, Process] = field(default_factory=dict)
    errands: dict[str, Process] = field(default_factory=dict)
    logs: dict[int, Path] = field(default_factory=dict)
    manifests: dict[str, dict[str, Any]] = field(default_factory=dict)
    money: list[Sample] = field(default_factory=list)
    said: dict[str, list[Said]] = field(default_factory=dict)
    cmdlines: set[bytes] = field(default_factory=set)
    sessions: set[int] = field(default_factory=set)
    started: int = 0
    kills: int = 0

    @property
    def strikes(self) -> Path:
        """Where processes write down that they were struck."""
        return self.folder / "strikes.log"

    def struck(self) -> list[dict[str, Any]]:
        """The strikes so far."""
        return [json.loads(line) for line in self.strikes.read_text().splitlines()] if self.strikes.exists() else []

    def play(self) -> Evidence:
        """Play it to its end; what it left behind."""
        scenario = self.scenario
        for batch, provider in scenario.batches.items():
            told = manifest(batch, provider, scenario.takes, scenario.faults) | dict(scenario.terms)
            if batch in scenario.budgets:
                told["budget"] = scenario.budgets[batch]
            self._write(batch, told)
        with self._observed():
            while len(self.workers) < scenario.together:
                self._start_worker()
            for batch in scenario.batches:
                self._start_command(batch, scenario.command)
            self._watch()
        ended = {batch: said[-1] for batch, said in self.said.items()}
        again = self._again()
        self._end_workers()
        return gather(self, ended, again)

    def kill_workers(self) -> None:
        """kill -9 of every worker there is. Others take their places."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
                self.kills += 1

    def kill_one(self) -> bool:
        """kill -9 of one worker that was ready, if there is one."""
        ready = [worker for worker in self.workers if worker.poll() is None and self._is_ready(worker)]
        if ready:
            self.dice.choice(ready).kill()
            self.kills += 1
        return bool(ready)

    def editions(self, batch: str) -> int:
        """How many manifests of a batch are on record in the store."""
        frozen = self.bucket.get(f"{batch}/.rushes/manifest.json")
        return 0 if frozen is None else len(Lineage.from_json(frozen).manifests)

    def edit(self, batch: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Change a batch's manifest, kill -9 every worker, and the command that has followed it. Others begin anew."""
        change(self.manifests[batch])
        self._write(batch, self.manifests[batch])
        self.kill_workers()
        if batch in self.commands:
            self.commands[batch].kill()
        else:
            self._start_command(batch, None)

    def run(self, *arguments: str) -> None:
        """Start a command of `rushes` that has to end well, whenever that may be."""
        output = self.folder / f"errand{len(self.errands) + 1}.out"
        process = self._start(["rushes", *arguments], Orders(log=str(self.strikes)), output)
        self.errands[output.name] = process

    def mood(self, mood: Mood) -> None:
        """How the bucket is from now on."""
        self.bucket.mood = mood

    def close(self) -> None:
        """End whatever still runs."""
        for process in (*self.workers, *self.commands.values(), *self.errands.values()):
            if process.poll() is None:
                process.kill()
            process.wait()

    @contextmanager
    def _observed(self) -> Iterator[None]:
        """Look at the money of every batch with a budget, all the while."""
        if "budget" not in self.scenario.terms and not self.scenario.budgets:
            yield
            return
        over = threading.Event()

        def look() -> None:
            with self.redis.client() as client:
                room = WaitingRoom(client, NAMESPACE)
                while not over.wait(0.03):
                    for batch in self.scenario.batches:
                        with contextlib.suppress(redis.RedisError, RedisError):
                            standing = room.standing(batch)
                            money = None if standing is None else standing.money
                            if money is not None and money.limit is not None:
                                self.money.append(Sample(batch, money.limit, money.spent, money.reserved))

        observer = threading.Thread(target=look, name="chaos-observer", daemon=True)
        observer.start()
        try:
            yield
        finally:
            over.set()
            observer.join()

    def _watch(self) -> None:
        deadline = time.monotonic() + self.scenario.seconds
        moments, undoing = list(self.scenario.moments), list[tuple[float, Callable[[Stage], None]]]()
        thawed, next_kill = 0, time.monotonic() + (self.scenario.every or float("inf"))
        next_look = 0.0
        while self.commands or moments or undoing:
            now = time.monotonic()
            assert now < deadline, f"not at an end after {self.scenario.seconds:g} s: {self.told()}"
            for moment in [one for one in moments if self.providers.accepted >= one.accepted and one.when(self)]:
                moments.remove(moment)
                moment.act(self)
                if moment.undo is not None:
                    undoing.append((now + moment.lasting, moment.undo))
            for due in [one for one in undoing if now >= one[0]]:
                undoing.remove(due)
                due[1](self)
            frozen = [one for one in self.struck() if one["act"] == "freeze"][thawed:]
            for one in frozen:
                if time.time() - one["at"] >= FROZEN_SECONDS:
                    thawed += 1
                    os.kill(one["pid"], signal.SIGCONT)
            every = self.scenario.every
            if every is not None and now >= next_kill and self.kills < self.scenario.most and self.kill_one():
                next_kill = now + every * self.dice.uniform(0.6, 1.4)
            self._revive()
            self._see_commands()
            if not self.scenario.forked and now >= next_look:
                self._look_at_processes()
                next_look = now + LOOK_SECONDS
            time.sleep(0.05)
        for name, process in self.errands.items():
            assert process.wait(300) == 0, (self.folder / name).read_text(errors="replace")

    def _see_commands(self) -> None:
        for batch, process in list(self.commands.items()):
            if process.poll() is None:
                continue
            del self.commands[batch]
            said = Said(process.returncode, self._output(batch).read_text(errors="replace"))
            self.said.setdefault(batch, []).append(said)
            killed, lost = said.code == -signal.SIGKILL, said.code == 5
            if killed or lost or said.code not in self.scenario.codes:
                runs = self.scenario.runs
                assert len(self.said[batch]) < runs, f"run {runs} times and not at an end: {self.told()}"
                self._start_command(batch, None)

    def _again(self) -> Again:
        posts, writes = self.providers.posts, len(self.bucket.writes)
        said = []
        started = [self._start_command(batch, None) for batch in self.scenario.batches]
        for batch, process in zip(self.scenario.batches, started, strict=True):
            self.commands.pop(batch)
            process.wait(300)
            said.append(Said(process.returncode, self._output(batch).read_text(errors="replace")))
        return Again(self.providers.posts - posts, tuple(self.bucket.writes[writes:]), tuple(said))

    def _start_worker(self) -> None:
        orders = Orders(log=str(self.strikes))
        if self.started < len(self.scenario.orders):
            orders = replace(self.scenario.orders[self.started], log=str(self.strikes))
        self.started += 1
        name = f"chaos{self.started}@{self.folder.name}"
        arguments = ["workers", "worker", "-c", "8", "-n", name, "-l", "info", "--without-gossip", "--without-mingle"]
        log = self.folder / f"worker{self.started}.log"
        self.workers.append(self._start(arguments, orders, log))
        self.logs[self.workers[-1].pid] = log

    def _is_ready(self, worker: Process) -> bool:
        return READY in self.logs[worker.pid].read_bytes()

    def _write(self, batch: str, told: dict[str, Any]) -> None:
        self.manifests[batch] = told
        (self.folder / f"{batch}.yaml").write_text(json.dumps(told))

    def _start_command(self, batch: str, orders: Orders | None) -> Process:
        orders = replace(orders, log=str(self.strikes)) if orders is not None else Orders(log=str(self.strikes))
        self.said.setdefault(batch, [])
        output = self._output(batch, new=True)
        process = self._start(["rushes", "submit", "--wait", f"{batch}.yaml"], orders, output)
        self.commands[batch] = process
        return process

    def _start(self, arguments: list[str], orders: Orders, output: Path) -> Process:
        environ = {**self.environ, VARIABLE: replace(orders, develops=self.scenario.forked).to_json()}
        output.touch()
        process: Process
        if self.scenario.forked:
            process = self.nursery.start(arguments, folder=self.folder, environ=environ, output=output)
        else:
            with output.open("wb") as file:
                process = subprocess.Popen(
                    [sys.executable, str(LAUNCHER), *arguments],
                    cwd=self.folder,
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        self.sessions.add(process.pid)
        return process

    def _output(self, batch: str, *, new: bool = False) -> Path:
        there = len(list(self.folder.glob(f"{batch}.*.out")))
        return self.folder / f"{batch}.{there + 1 if new else there}.out"

    def _revive(self) -> None:
        for worker in list(self.workers):
            if worker.poll() is not None:
                self.workers.remove(worker)
                self._start_worker()

    def _end_workers(self) -> None:
        for worker in self.workers:
            worker.send_signal(signal.SIGCONT)
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            worker.wait(300)

    def _look_at_processes(self) -> None:
        for place in Path("/proc").iterdir():
            if place.name.isdigit():
                with contextlib.suppress(OSError):
                    if os.getsid(int(place.name)) in self.sessions:
                        self.cmdlines.add((place / "cmdline").read_bytes())

    def told(self) -> str:
        """What the commands have said last, and what was struck: for a person who has to find out."""
        last = {path.name: path.read_text(errors="replace")[-600:] for path in sorted(self.folder.glob("*.out"))}
        return "\n".join([f"{name}: {text}" for name, text in last.items()] + [f"strikes: {self.struck()}"])


@dataclass(frozen=True)
class House:
    """What all scenarios share: the folder of the videos that providers deliver, an S3 server's address, a nursery."""

    clips: Path
    moto: str
    nursery: Nursery


def perform(scenario: Scenario, *, folder: Path, house: House, seed: str) -> Evidence:
    """Play `scenario` by `seed`, and check that what was to strike did strike."""
    dice = random.Random(f"{seed}/{scenario.name}")
    with ExitStack() as stack:
        server = RedisServer(folder / "redis")
        server.start()
        stack.callback(server.kill)
        name = f"films-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
        films = stack.enter_context(bucket(house.moto, name, dice))
        made = stack.enter_context(providers(house.clips, scenario.trouble, **scenario.options))
        environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RUSHES_", "AWS_", "FAL_", "APIFRAME_", "ARK_", "CLOUDFLARE_"))
        }
        environ |= {
            "HOME": str(folder),
            "COLUMNS": "200",
            "RUSHES_REDIS_URL": server.url,
            "RUSHES_SPOOL": str(folder / "spool"),
            "RUSHES_PATIENCE": f"{scenario.patience:g}",
            # A worker ends when this process does, whatever that one dies of.
            PARENT_VARIABLE: str(os.getpid()),
            **films.environ(),
        }
        for provider, key in KEYS.items():
            convention = CONVENTIONS[provider]
            upper = provider.upper()
            environ |= {
                convention.key_variable: key,
                f"RUSHES_{upper}_URL": made.url,
                f"RUSHES_{upper}_FIRST_POLL": "0.2",
                f"RUSHES_{upper}_SLOWEST_POLL": "0.5",
                f"RUSHES_{upper}_SEATS": str(scenario.seats.get(provider, SEATS[provider])),
            }
            if convention.account_variable is not None:
                environ[convention.account_variable] = "0123456789abcdef"
        environ |= dict(scenario.environ)
        stage = Stage(folder, scenario, dice, server, films, made, environ, house.nursery)
        stack.callback(stage.close)
        evidence = stage.play()
        _has_struck(stage)
        return evidence


def _has_struck(stage: Stage) -> None:
    scenario = stage.scenario
    points = [one["point"] for one in stage.struck()]
    for orders in (*scenario.orders, scenario.command):
        if orders is not None and orders.strike is not None:
            assert orders.strike.point in points, f"nothing was struck at {orders.strike.point}: {stage.told()}"
    assert stage.providers.struck == len(scenario.trouble), f"{stage.providers.struck} submissions met trouble"
    assert scenario.every is None or stage.kills > 0
