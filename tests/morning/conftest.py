"""A night of a bit of everything: takes that are done, one that was refused, one in doubt, one that is paused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from workbench import KEY, Bench, Make

from rushes.command import cli
from workers.broker.embedded import EmbeddedRedis
from workers.engine.states import Step
from workers.money import quotes
from workers.sandbox.server import SandboxOptions, running_sandbox
from workers.steps import collect, poll, settle, submit

SHOTS = [
    {"name": "good", "prompt": "a dog in {place}", "sweep": {"place": ["wheat", "=1+1"]}},
    {"name": "refused", "prompt": "a cat [sandbox: moderation-input]"},
    {"name": "lost", "prompt": "a cow [sandbox: drop]"},
]

Rushes = Callable[..., Result]


@pytest.fixture
def bench(make: Make, clips: Path) -> Iterator[Bench]:
    """A worker before the sandbox, both by the same clock."""
    clock = make("http://127.0.0.1:9").clock
    with running_sandbox(SandboxOptions(cache=clips, jitter=0.0), clock=clock) as sandbox:
        yield make(sandbox.url)


@pytest.fixture
def night(bench: Bench) -> Bench:
    """The batch `night`, worked at until nothing more can be done by itself."""
    bench.open(batch="night", shots=SHOTS, budget="40 USD")
    work_on(bench)
    return bench


@pytest.fixture
def rushes(redis_server: EmbeddedRedis, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rushes:
    """The command, at the Redis and the store of `bench`."""
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    environ = {
        "COLUMNS": "200",
        "RUSHES_SPOOL": str(tmp_path / "desk-spool"),
        "RUSHES_REDIS_URL": redis_server.url,
        "RUSHES_NAMESPACE": namespace,
        "RUSHES_STORE": str(tmp_path / "store"),
        "RUSHES_PATIENCE": "1",
        "FAL_KEY": KEY,
    }

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, list(arguments), env=environ)

    return invoke


def work_on(bench: Bench, *, rounds: int = 12) -> None:
    """Do whatever is handed out, a minute apart, so many times."""
    for _ in range(rounds):
        bench.works += bench.room.tick()
        works, bench.works = bench.works, []
        for work in works:
            if work.step is Step.SUBMIT:
                submit(bench.context, work)
            elif work.step is Step.POLL:
                poll(bench.context, [work])
            elif work.step is Step.COLLECT:
                collect(bench.context, work)
            elif work.step is Step.SETTLE:
                settle(bench.context, work)
            elif work.step is Step.QUOTE:
                bench.room.quote(work.batch, quotes(bench.context, work.batch, work.index))
        bench.clock.forward(60.0)
