"""What Prometheus is told, and that the dashboard asks for nothing else."""

from __future__ import annotations

import json
import os
import re
import socket
import urllib.request
from pathlib import Path

import pytest
import redis
from prometheus_client import CollectorRegistry

from workers.broker.embedded import EmbeddedRedis
from workers.engine.limits import Limits, Terms
from workers.engine.room import WaitingRoom
from workers.engine.states import State, Step
from workers.errors import SettingsError
from workers.monitoring import metrics
from workers.monitoring.metrics import FAMILIES, Standings
from workers.monitoring.metrics_server import serving
from workers.settings import load_settings
from workers.steps.failures import attempts_of

DASHBOARD = Path(__file__).parents[2] / "deploy/grafana/rushes.json"


@pytest.fixture
def registry(room: WaitingRoom) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Standings(room, ["fal"], ["nobodys.queue"]))
    return registry


def opened(room: WaitingRoom, batch: str = "night") -> None:
    terms = Terms(currency="USD", budget=10_000_000, budget_stop=10_000_000, budget_cancel=10_000_000)
    room.open(
        batch, digest="d", live=3, provider="fal", manifest=b"{}", spans="[[0,3,0,null]]", terms=terms, chains="[]"
    )
    room.set_limits("fal", Limits(seats=2, queues=True))
    room.begin(batch)
    room.quote(batch, {0: "2000000,", 1: "2000000,", 2: "2000000,"})


def test_takes_seats_and_money_are_those_of_the_room(room: WaitingRoom, registry: CollectorRegistry) -> None:
    opened(room)
    assert len([work for work in room.tick() if work.step is Step.SUBMIT]) == 2
    value = registry.get_sample_value
    assert value("rushes_takes", {"batch": "night", "state": "admitted"}) == 2
    assert value("rushes_takes", {"batch": "night", "state": "waiting"}) == 1
    assert value("rushes_seats", {"provider": "fal"}) == 2
    assert value("rushes_seats_taken", {"provider": "fal"}) == 2
    assert value("rushes_reserved", {"batch": "night", "currency": "USD"}) == 4
    assert value("rushes_budget_left", {"batch": "night", "currency": "USD"}) == 6
    assert value("rushes_redis_up") == 1


def test_failures_are_told_by_class(room: WaitingRoom, registry: CollectorRegistry) -> None:
    opened(room)
    work = next(work for work in room.tick() if work.step is Step.SUBMIT)
    fields = {"error": {"kind": "invalid", "message": "no"}}
    assert room.move(work, State.ADMITTED, State.FAILED, fields=fields)
    assert registry.get_sample_value("rushes_failed_takes", {"batch": "night", "class": "invalid"}) == 1


def test_attempts_are_told_by_what_became_of_them_and_with_them_the_pace(
    room: WaitingRoom, registry: CollectorRegistry, redis_client: redis.Redis, namespace: str
) -> None:
    opened(room)
    for work in [work for work in room.tick() if work.step is Step.SUBMIT]:
        assert room.move(work, State.ADMITTED, State.FAILED, counters={attempts_of("invalid"): 1})
    value = registry.get_sample_value
    assert value("rushes_attempts", {"batch": "night", "class": "invalid"}) == 2
    assert redis_client.hlen(f"{namespace}:batch:night:pace") in (1, 2), "in one minute, or at its turn"
    # As it is seen four minutes later.
    [minute, *_] = sorted(int(each) for each in redis_client.hkeys(f"{namespace}:batch:night:pace"))
    redis_client.delete(f"{namespace}:batch:night:pace")
    redis_client.hset(f"{namespace}:batch:night:pace", str(minute - 4), 20)
    assert 20 / 6 < (value("rushes_takes_per_minute", {"batch": "night"}) or 0) <= 20 / 4


def test_the_delay_of_polls_is_told(room: WaitingRoom, registry: CollectorRegistry) -> None:
    opened(room)
    work = next(work for work in room.tick() if work.step is Step.SUBMIT)
    assert room.move(work, State.ADMITTED, State.RENDERING)
    for delay in (2.0, 3.5):
        assert room.move(work, State.RENDERING, State.RENDERING, delay=delay)
    assert registry.get_sample_value("rushes_polls", {"provider": "fal"}) == 2
    assert registry.get_sample_value("rushes_poll_delay_seconds", {"provider": "fal"}) == 5.5


def test_what_a_provider_may_be_paid_in_a_day_is_told(room: WaitingRoom, registry: CollectorRegistry) -> None:
    opened(room)
    value = registry.get_sample_value
    assert value("rushes_provider_left_today", {"provider": "fal"}) is None
    room.set_limits("fal", Limits(seats=2, queues=True, day_budget=5_000_000))
    room.quote("night", {0: "2000000,2000000", 1: "2000000,2000000", 2: "2000000,2000000"})
    assert len([work for work in room.tick() if work.step is Step.SUBMIT]) == 2
    assert value("rushes_provider_spent_today", {"provider": "fal"}) == 0
    assert value("rushes_provider_left_today", {"provider": "fal"}) == 1


def test_what_holds_things_up_is_told(room: WaitingRoom, registry: CollectorRegistry) -> None:
    opened(room)
    room.pause("fal", kind="quota", reason="no money")
    room.store_fails("no room", seconds=60)
    value = registry.get_sample_value
    assert value("rushes_provider_paused", {"provider": "fal", "class": "quota"}) == 1
    assert (value("rushes_store_trouble_seconds") or 0) > 0


def test_what_is_due_is_told_with_its_lag(
    room: WaitingRoom, registry: CollectorRegistry, redis_client: redis.Redis, namespace: str
) -> None:
    assert registry.get_sample_value("rushes_due_lag_seconds") == 0
    redis_client.zadd(f"{namespace}:due", {"night:0": (room.time() - 90) * 1000})
    assert 89 < (registry.get_sample_value("rushes_due_lag_seconds") or 0) < 600
    assert registry.get_sample_value("rushes_overdue") == 1


def test_no_more_than_so_many_batches_are_read(
    room: WaitingRoom, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "MOST_BATCHES", 1)
    opened(room, "a")
    opened(room, "b")
    assert registry.get_sample_value("rushes_batches_left_out") == 1
    assert registry.get_sample_value("rushes_submissions", {"batch": "b"}) is None


def test_without_redis_that_is_all_that_is_told() -> None:
    gone = WaitingRoom(redis.Redis(host="127.0.0.1", port=9), "rushes")
    told = [family for family in Standings(gone, ["fal"], []).collect() if family.samples]
    assert [(family.name, family.samples[0].value) for family in told] == [("rushes_redis_up", 0)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_it_is_served_where_the_settings_say_and_nowhere_without(redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    port = str(free_port())
    environ = {"RUSHES_REDIS_URL": redis_server.url, "RUSHES_NAMESPACE": "metered", "RUSHES_METRICS_PORT": port}
    with serving(load_settings(environ, tmp_path)):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=300) as answer:
            assert "rushes_redis_up 1.0" in answer.read().decode()
        with pytest.raises(SettingsError, match="RUSHES_METRICS_PORT"), serving(load_settings(environ, tmp_path)):
            pass
    with pytest.raises(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=300):
        pass
    with serving(load_settings({"RUSHES_REDIS_URL": redis_server.url}, tmp_path)):
        pass
    assert os.environ.get("RUSHES_METRICS_PORT") is None


def test_the_dashboard_asks_for_metrics_and_labels_that_there_are() -> None:
    board = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    named = {name for expression in asked for name in re.findall(r"rushes_\w+", expression)}
    assert named == set(FAMILIES)
    for expression in asked:
        grouped = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
        for metric in set(re.findall(r"rushes_\w+", expression)):
            assert grouped <= {*FAMILIES[metric][1], "instance"}, expression
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
