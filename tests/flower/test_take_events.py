"""The events that make a take a row in Flower."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from jobs.takes import Asked, Take
from workers.broker.embedded import EmbeddedRedis
from workers.celery import make_app
from workers.monitoring.flower_rows import FlowerRows
from workers.monitoring.take_events import TakeEvents
from workers.settings import load_settings

TAKE = Take(
    batch="night",
    shot="opening",
    index=0,
    number=1,
    name="opening/0001-wheat-seed3",
    provider="fal",
    asked=Asked(model="seedance-2.0-fast", prompt="A dog in the wheat", seed=3),
    axes={"place": "wheat", "seed": 3},
)

TURNS: list[tuple[Callable[[TakeEvents], None], dict[str, Any]]] = [
    (lambda events: events.accepted(TAKE), {"type": "task-received"}),
    (
        lambda events: events.done(TAKE, "s3://rushes/night/opening/0001-wheat-seed3.mp4", 83.2),
        {"type": "task-succeeded", "result": "s3://rushes/night/opening/0001-wheat-seed3.mp4", "runtime": 83.2},
    ),
    (
        lambda events: events.failed(TAKE, "refused by moderation"),
        {"type": "task-failed", "exception": "refused by moderation"},
    ),
]


@pytest.fixture
def app(tmp_path: Path, redis_server: EmbeddedRedis) -> Iterator[Any]:
    made = make_app(load_settings({}, tmp_path), redis_server.url)
    yield made
    made.close()


@pytest.mark.parametrize(("turn", "expected"), TURNS)
def test_each_event_says_all_there_is_to_know(
    app: Any, redis_client: redis.Redis, turn: Callable[[TakeEvents], None], expected: dict[str, Any]
) -> None:
    with redis_client.pubsub() as heard:
        heard.psubscribe("*celeryev*")
        assert heard.get_message(timeout=30)["type"] == "psubscribe"
        turn(FlowerRows(app, "steps@here-1"))
        event: dict[str, Any] = {}
        while event.get("uuid") != "night/opening/0001-wheat-seed3":
            message = heard.get_message(timeout=30)
            assert message is not None, "no event"
            event = body(message["data"])
    everywhere = {"name": "take · seedance-2.0-fast", "args": "place=wheat, seed=3", "hostname": "steps@here-1"}
    assert {**event, **everywhere, **expected} == event


def body(message: bytes) -> dict[str, Any]:
    """The event in a message of kombu's; workers send some in lists, and of those the first will do."""
    event = json.loads(base64.b64decode(json.loads(message)["body"]))
    return event[0] if isinstance(event, list) else event


@pytest.mark.parametrize(("turn", "expected"), TURNS)
def test_a_redis_that_is_gone_disturbs_no_step(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, turn: Callable[[TakeEvents], None], expected: dict[str, Any]
) -> None:
    gone = make_app(load_settings({}, tmp_path), f"unix://{tmp_path}/nothing.sock")
    gone.conf.broker_connection_timeout = 0.1
    with caplog.at_level(logging.DEBUG, "workers.monitoring"):
        turn(FlowerRows(gone, "steps@here-1"))
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG]
    assert any(expected["type"] in line and "night/opening/0001-wheat-seed3" in line for line in told)
    gone.close()


def test_a_mistake_of_ours_is_not_hidden(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise TypeError("a mistake")

    monkeypatch.setattr("celery.events.EventDispatcher.send", broken)
    with pytest.raises(TypeError):
        FlowerRows(app, "steps@here-1").failed(TAKE, "why")
