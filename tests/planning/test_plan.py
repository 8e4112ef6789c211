"""The plan: counted and summed without laying anything out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.manifest import Defaults, Manifest, Shot
from jobs.planning.plan import Seconds, plan
from jobs.reading.loading import load
from jobs.takes.expansion import Expansion

MANIFESTS = Path(__file__).parents[2] / "manifests"


def manifest(*shots: Shot, **defaults: object) -> Manifest:
    return Manifest(
        batch="b", provider="fal", model="seedance-2.0", defaults=Defaults.model_validate(defaults), shots=shots
    )


@pytest.mark.parametrize(
    ("sweep", "duration", "default", "seconds"),
    [
        ({}, 5, None, Seconds(5, 5)),
        ({}, None, 6, Seconds(6, 6)),
        ({}, 5, 6, Seconds(5, 5)),
        ({}, None, None, Seconds(4, 15)),
        ({}, "auto", 6, Seconds(4, 15)),
        ({"seed": "1..10"}, 5, None, Seconds(50, 50)),
        ({"duration": (4, "auto"), "seed": "1..10"}, None, 6, Seconds(80, 190)),
        ({"duration": "4..15", "seed": "1..10"}, None, None, Seconds(1140, 1140)),
        ({"model": ("seedance-2.0", "seedance-2.0-fast"), "duration": (4, 6)}, None, None, Seconds(20, 20)),
    ],
)
def test_seconds_of_video(sweep: dict[str, object], duration: object, default: object, seconds: Seconds) -> None:
    shot = Shot.model_validate({"name": "a", "prompt": "x", "duration": duration, "sweep": sweep})
    found = plan(manifest(shot, duration=default))
    assert found.seconds == seconds
    laid_out = [take.asked.duration or "auto" for take in Expansion(manifest(shot, duration=default))]
    assert sum(4 if each == "auto" else each for each in laid_out) == seconds.least
    assert sum(15 if each == "auto" else each for each in laid_out) == seconds.most


def test_a_plan_of_a_thousand_million_takes() -> None:
    found = plan(manifest(Shot(name="a", prompt="x", duration=5, sweep={"seed": "1..1000000000"})))
    assert (found.takes, found.seconds) == (10**9, Seconds(5 * 10**9, 5 * 10**9))
    assert found.shots[0].first_takes == (
        "a/0000000001-seed1",
        "a/0000000002-seed2",
        "a/0000000003-seed3",
    )


def test_the_demo_is_twelve_short_takes() -> None:
    found = plan(load(MANIFESTS / "demo.yaml"))
    assert found.takes == 12
    assert list(found.lines()) == [
        "batch     demo",
        "provider  fal, seedance-2.0-fast",
        "takes     12 of 2 shots",
        "video     50 s",
        "price     5.68 USD (estimated)",
        "",
        "opening: 8 from text, 32 s  (place 2 x light 2 x seed 2)",
        "  opening/0001-sunflowers-dawn-seed1",
        "  opening/0002-sunflowers-dawn-seed2",
        "  opening/0003-sunflowers-dusk-seed1",
        "  and 5 more",
        "",
        "leap: 4 from text, 18 s  (duration 2 x seed 2)",
        "  leap/0001-duration4-seed1",
        "  leap/0002-duration4-seed2",
        "  leap/0003-duration5-seed1",
        "  and 1 more",
        "",
        "first take: opening/0001-sunflowers-dawn-seed1",
        "  model: seedance-2.0-fast",
        "  prompt: A golden retriever running through a field of sunflowers at dawn, low tracking shot",
        "  duration: 4",
        "  resolution: 480p",
        "  aspect_ratio: 16:9",
        "  seed: 1",
        "",
        "last take: leap/0004-duration5-seed2",
        "  model: seedance-2.0-fast",
        "  prompt: The dog leaps over a wooden fence in slow motion, the camera follows",
        "  duration: 5",
        "  resolution: 480p",
        "  aspect_ratio: 16:9",
        "  seed: 2",
    ]


def test_a_plan_as_json() -> None:
    shots = (
        Shot(name="a", prompt="x", start_image="https://a/b.png"),
        Shot(name="b", prompt="x", sweep={"model": ("seedance-2.0-fast",)}),
    )
    found = plan(manifest(*shots)).to_json()
    assert json.loads(json.dumps(found)) == found
    assert found["models"] == ["seedance-2.0", "seedance-2.0-fast"]
    assert found["seconds"] == {"least": 8, "most": 30}
    assert found["shots"][0] == {
        "name": "a",
        "mode": "image",
        "takes": 1,
        "takes_by_model": {"seedance-2.0": 1},
        "seconds": {"least": 4, "most": 15},
        "axes": [],
        "first_takes": ["a/0001"],
    }
