"""Worker processes are kept alive, ended in order, and never left behind: real processes, real signals."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import family
import pytest
from workbench import HandClock, until

from workers import supervisor as module
from workers.clock import SystemClock
from workers.supervisor import PARENT_VARIABLE, Supervisor, end_when_orphaned, is_orphan

Run = Callable[..., Supervisor]


def pids(folder: Path, word: str) -> list[int]:
    """The processes that have left `word` in the folder."""
    return [int(path.name.rpartition("-")[2]) for path in folder.glob(f"{word}-*")]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs supervisors of stand-in children in threads, and ends them all."""
    monkeypatch.setattr(module, "RESTART_SECONDS", 0.05)
    started: list[tuple[Supervisor, threading.Thread]] = []

    def begin(*hows: str) -> Supervisor:
        each = family.supervisor(tmp_path, *hows)
        thread = threading.Thread(target=each.run)
        thread.start()
        started.append((each, thread))
        return each

    yield begin
    for each, thread in started:
        each.stop()
        each.stop()
        thread.join(300)
        assert not thread.is_alive()


def test_each_child_is_run_once(run: Run, tmp_path: Path) -> None:
    run("stays", "stays")
    until(lambda: len(pids(tmp_path, "started")) == 2)
    assert all(lives(pid) for pid in pids(tmp_path, "started"))


def test_a_child_that_is_killed_is_started_again(run: Run, tmp_path: Path) -> None:
    run("stays")
    until(lambda: pids(tmp_path, "started"))
    (first,) = pids(tmp_path, "started")
    os.kill(first, signal.SIGKILL)
    until(lambda: len(pids(tmp_path, "started")) == 2)
    (second,) = set(pids(tmp_path, "started")) - {first}
    assert lives(second)


def test_a_child_that_keeps_dying_is_started_again_and_again(run: Run, tmp_path: Path) -> None:
    run("dies", "stays")
    until(lambda: len(pids(tmp_path, "started")) >= 4)


def test_stop_asks_the_children_to_end_and_waits_for_them(tmp_path: Path) -> None:
    each = family.supervisor(tmp_path, "stays", "stays")
    thread = threading.Thread(target=each.run)
    thread.start()
    until(lambda: len(pids(tmp_path, "started")) == 2)
    each.stop()
    thread.join(300)
    assert not thread.is_alive()
    assert sorted(pids(tmp_path, "ended")) == sorted(pids(tmp_path, "started"))
    assert not any(lives(pid) for pid in pids(tmp_path, "started"))


def test_a_second_stop_ends_a_child_that_will_not(run: Run, tmp_path: Path) -> None:
    each = run("stubborn")
    until(lambda: pids(tmp_path, "started"))
    (child,) = pids(tmp_path, "started")
    each.stop()
    until(lambda: pids(tmp_path, "asked"))
    assert lives(child)
    each.stop()
    until(lambda: not lives(child))
    assert pids(tmp_path, "started") == [child], "it is not started again"


def test_a_child_that_was_being_started_when_stop_came_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal comes at any moment, so in the midst of `Popen` as well."""
    each = family.supervisor(tmp_path, "stays")
    popen = subprocess.Popen

    def stopped_meanwhile(*args: Any, **named: Any) -> Any:
        process = popen(*args, **named)
        each.stop()
        return process

    monkeypatch.setattr(module.subprocess, "Popen", stopped_meanwhile)
    thread = threading.Thread(target=each.run)
    thread.start()
    thread.join(300)
    assert not thread.is_alive()


@dataclass
class Scripted:
    """A child that dies when its time has come."""

    clock: HandClock
    life: float
    born: float = field(init=False)

    def __post_init__(self) -> None:
        self.born = self.clock.time

    def poll(self) -> int | None:
        return 1 if self.clock.time - self.born >= self.life else None

    def send_signal(self, number: int) -> None:
        self.life = 0.0


def test_restarts_come_ever_later_until_a_child_has_run_steadily(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = HandClock()
    lives = iter([0.0] * 7 + [100.0, 0.0] + [1e9] * 3)
    born: list[float] = []

    def popen(*_: Any, **__: Any) -> Scripted:
        born.append(clock.time)
        if len(born) == 10:
            each.stop()
        return Scripted(clock, next(lives))

    monkeypatch.setattr(module.subprocess, "Popen", popen)
    each = Supervisor({"worker": ["worker"]}, clock=clock, environ={})
    each.run()
    waits = [round(later - earlier) for earlier, later in itertools.pairwise(born)]
    assert waits[:7] == [1, 2, 4, 8, 16, 30, 30]
    assert waits[7] == 101, "after a minute it counts as steady"
    assert waits[8] == 1


class TestOrphans:
    def grow(self, role: str, folder: Path) -> int:
        process = subprocess.Popen(
            [sys.executable, "-P", family.__file__, role, str(folder)],
            env={**os.environ, "PYTHONPATH": str(Path(module.__file__).parents[1])},
        )
        self.elder = process
        return process.pid

    def test_a_worker_whose_supervisor_was_killed_ends_gracefully(self, tmp_path: Path) -> None:
        parent = self.grow("parent", tmp_path)
        until(lambda: pids(tmp_path, "watching"))
        (watcher,) = pids(tmp_path, "watching")
        assert lives(watcher)
        os.kill(parent, signal.SIGKILL)
        self.elder.wait()
        until(lambda: pids(tmp_path, "ended") == [watcher])
        until(lambda: not lives(watcher))

    def test_a_supervisor_whose_command_was_killed_ends_its_children_and_itself(self, tmp_path: Path) -> None:
        grandparent = self.grow("grandparent", tmp_path)
        until(lambda: len(pids(tmp_path, "started")) == 2)
        (supervisor,) = pids(tmp_path, "supervisor")
        os.kill(grandparent, signal.SIGKILL)
        self.elder.wait()
        until(lambda: pids(tmp_path, "over") == [supervisor])
        assert sorted(pids(tmp_path, "ended")) == sorted(pids(tmp_path, "started"))
        until(lambda: not lives(supervisor))

    def test_one_without_an_expected_parent_is_no_orphan(self) -> None:
        assert not is_orphan(None)
        assert not is_orphan(os.getppid())
        assert is_orphan(os.getpid())

    @pytest.mark.parametrize("named", ["", "not a number", "our own"])
    def test_a_parent_that_was_named_for_somebody_else_is_not_watched(self, named: str) -> None:
        before = threading.active_count()
        pid = str(os.getpid()) if named == "our own" else named
        end_when_orphaned({PARENT_VARIABLE: pid}, SystemClock())
        assert threading.active_count() == before
