"""`rushes limits`: what holds for each provider, for a person and for a program."""

from __future__ import annotations

import json

from person import Desk
from workbench import Bench

from rushes.limits import told
from workers.engine.limits import Limits
from workers.engine.standing import Lane


def lane(**told: object) -> Lane:
    usual = {"provider": "ark", "seats": 4, "seats_taken": 2, "paused": None, "paused_kind": None, "slowed": None}
    return Lane(**{**usual, "slowed_for": 0.0, "seats_set": 4, **told})  # type: ignore[arg-type]


def test_what_was_learned_is_shown(desk: Desk, bench: Bench) -> None:
    bench.open()
    bench.room.set_limits("ark", Limits(seats=9, requests_per_minute=30.0))
    for index in range(5):
        bench.client.sadd(f"{bench.room._scripts.namespace}:lane:ark:seats", f"b:{index}")
    bench.room.refused("ark", sent_at=bench.room.time(), seconds=30.0, told=False, reason="429: too many at once")
    shown = desk.run("limits")
    assert "ark: 5 of 3 seats taken" in shown.output
    assert "  learned: 3.0 of the 9 seats that are set: 429: too many at once" in shown.output
    assert "  rate: a request each 2 s" in shown.output
    [ark] = [each for each in json.loads(desk.run("limits", "--json").output) if each["provider"] == "ark"]
    assert (ark["seats"], ark["seats_set"], ark["learned"], ark["taught"]) == (3, 9, 3.0, "429: too many at once")
    assert ark["slowed_for"] > 0


def test_each_thing_that_holds_a_provider_back_has_a_line_of_its_own() -> None:
    assert list(told(lane())) == []
    assert list(told(lane(provider="fal", seats=5, lead=1))) == ["lead: 1 more than its seats, which it queues"]
    assert list(told(lane(quota_left=-1, quota_for=12.4))) == ["quota: 0 more requests within 12 s, it says"]
    assert list(told(lane(broken=2, slowed="502", slowed_for=5.0))) == [
        "trouble: 2 submissions in a row have come to nothing",
        "waits 5 s: 502",
    ]
    assert list(told(lane(paused="the key was refused", slowed="429", slowed_for=3.0))) == [
        "paused: the key was refused"
    ]
