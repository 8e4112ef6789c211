"""How long a batch takes, by hand-computed numbers."""

from __future__ import annotations

from collections import Counter

import pytest

from jobs.capabilities import capabilities, known_providers
from jobs.forecasting import Kind, Lane, Polling, Spread, Stage, forecast, kinds_of
from jobs.forecasting.assumed import assumed, render_seconds
from jobs.forecasting.forecast import SUBMISSION_SECONDS
from jobs.manifest import Defaults, Manifest, Shot
from jobs.planning.plan import plan
from jobs.reading.loading import load_text
from jobs.takes.choosing import Choice
from jobs.takes.expansion import Expansion

KIND = Kind("seedance-2.0", "720p", 5, 5)


class Learned:
    """A render time that somebody has learned, of one kind."""

    def __init__(self, seconds: float) -> None:
        self._found = Spread(seconds, seconds, seconds)

    def seconds(self, provider: str, model: str, resolution: str, duration: int) -> Spread | None:
        known = (provider, model, resolution, duration) == ("fal", "seedance-2.0", "720p", 5)
        return self._found if known else None


def of(takes: int, seats: int, rate: float | None = None, seconds: float = 59.0) -> float:
    found = forecast("fal", [Stage("s", Counter({KIND: takes}))], Lane(seats, rate, None), [Learned(seconds)])
    assert found.basis == "learned"
    return found.seconds.likely


@pytest.mark.parametrize(
    ("takes", "seats", "rate", "seconds"),
    [
        (1, 2, None, 60),
        (2, 2, None, 60),
        (3, 2, None, 120),
        (100, 10, None, 600),
        (100, 10, 600, 600),  # ten a second is more than the seats take
        (100, 10, 6, 99 * 10 + 60),  # one in ten seconds is less
        (1_000_000, 100, None, 600_000),
        (0, 2, None, 0),
    ],
)
def test_seats_and_rates(takes: int, seats: int, rate: float | None, seconds: float) -> None:
    assert SUBMISSION_SECONDS == 1
    assert of(takes, seats, rate) == pytest.approx(seconds)


def test_a_longer_kind_among_shorter_ones_is_waited_for() -> None:
    kinds = Counter({KIND: 1, Kind("seedance-2.0", "480p", 15, 15): 1})
    found = forecast("fal", [Stage("s", kinds)], Lane(10, None, None), [Learned(1)])
    longest = assumed().seconds("fal", "seedance-2.0", "480p", 15).likely + 1
    assert found.seconds.likely == pytest.approx(longest)
    assert found.basis == "assumed"


@pytest.mark.parametrize(
    ("seconds", "polls", "at"),
    [
        (0, 1, 2),
        (2, 1, 2),
        (2.1, 2, 5),
        (9, 3, 9.5),
        (16, 4, 16.25),
        (17, 5, 26.25),
        (26.3, 6, 36.25),
        (1000, 103, 1006.25),
    ],
)
def test_polls_until_a_render_is_found_at_its_end(seconds: float, polls: int, at: float) -> None:
    """2, 3, 4.5, 6.75, then every 10 seconds: at 2, 5, 9.5, 16.25, 26.25 and so on."""
    assert Polling(2, 10, 1.5).until(seconds) == (polls, pytest.approx(at))


def test_polls_and_when_they_see_the_end() -> None:
    found = forecast("fal", [Stage("s", Counter({KIND: 10}))], Lane(10, None, Polling(2, 10, 1.5)), [Learned(20)])
    assert found.polls.likely == 50
    assert found.seconds.likely == pytest.approx(27.25)
    assert forecast("cloudflare", [Stage("s", Counter({KIND: 10}))], Lane(10, None, None)).polls == Spread(0, 0, 0)


def test_a_duration_left_to_the_provider_spreads() -> None:
    found = forecast("fal", [Stage("s", Counter({Kind("seedance-2.0", "720p", 4, 15): 1}))], Lane(1, None, None))
    table = assumed()
    assert found.seconds.least == table.seconds("fal", "seedance-2.0", "720p", 4).least + 1
    assert found.seconds.most == table.seconds("fal", "seedance-2.0", "720p", 15).most + 1
    assert found.bytes.least == table.bytes("seedance-2.0", "720p", 4).least


def test_how_many_takes_a_deadline_leaves() -> None:
    found = forecast("fal", [Stage("s", Counter({KIND: 100}))], Lane(10, None, None), [Learned(59)])
    assert (found.takes_within(600), found.takes_within(300), found.takes_within(0)) == (100, 50, 0)


def test_something_is_assumed_of_every_model_and_resolution() -> None:
    for provider in known_providers():
        for model, facts in capabilities(provider).models.items():
            for resolution in facts.resolutions:
                spread, basis = render_seconds([], provider, model, resolution, 5)
                assert basis == "assumed"
                assert 0 < spread.least < spread.likely < spread.most
                size = assumed().bytes(model, resolution, 5)
                assert 0 < size.least < size.likely < size.most


@pytest.mark.parametrize(
    ("sweep", "more"),
    [
        ({"seed": "1..8"}, {}),
        ({"duration": (4, "auto", 7), "seed": "1..3"}, {}),
        ({"model": ("seedance-2.0", "seedance-2.0-fast"), "resolution": ("480p", "720p"), "seed": "1..3"}, {}),
        ({"duration": "4..15", "seed": "1..5"}, {"sample": 17}),
        ({"duration": "4..6", "resolution": ("480p", "720p")}, {"exclude": [{"duration": 4, "resolution": "720p"}]}),
    ],
)
def test_kinds_are_those_of_the_takes_laid_out(sweep: dict[str, object], more: dict[str, object]) -> None:
    shot = Shot.model_validate({"name": "a", "prompt": "x", "sweep": sweep, **more})
    manifest = Manifest(batch="b", provider="fal", model="seedance-2.0", defaults=Defaults(), shots=(shot,))
    laid_out: Counter[Kind] = Counter()
    for take in Expansion(manifest):
        asked = take.asked
        least, most = (asked.duration, asked.duration) if isinstance(asked.duration, int) else (4, 15)
        laid_out[Kind(asked.model, asked.resolution or "720p", least, most)] += 1
    assert kinds_of(manifest, shot) == laid_out
    found = plan(manifest)
    assert sum(found.to_json()["takes_by_model"].values()) == found.takes


def test_of_a_sample_too_large_to_look_at_no_take_is_left_out() -> None:
    sweep = {"duration": "4..15", "seed": "1..1000000"}
    shot = Shot.model_validate({"name": "a", "prompt": "x", "sweep": sweep, "sample": 5_000_003})
    manifest = Manifest(batch="b", provider="fal", model="seedance-2.0", defaults=Defaults(), shots=(shot,))
    assert kinds_of(manifest, shot).total() == 5_000_003


def line(*takes: int, seats: int = 100) -> float:
    """How long so many takes of each of some shots take, of which each waits for the one before; a take is a minute."""
    stages = [Stage(str(at), Counter({KIND: count}), (str(at - 1),) if at else ()) for at, count in enumerate(takes)]
    return forecast("fal", stages, Lane(seats, None, None), [Learned(59)]).seconds.likely


@pytest.mark.parametrize(
    ("takes", "seats", "minutes"),
    [
        ((8,), 100, 1),
        ((8, 8), 100, 2),
        ((8, 8, 1), 100, 3),
        ((8, 8), 4, 4),  # the seats are never idle: what waits leaves them to others
        ((1, 1), 1, 2),
        ((100, 1), 10, 11),
    ],
)
def test_what_waits_for_another_take_comes_after_it(takes: tuple[int, ...], seats: int, minutes: int) -> None:
    assert line(*takes, seats=seats) == pytest.approx(minutes * 60)


def test_a_plan_waits_along_its_longest_line_and_only_for_what_is_chosen() -> None:
    manifest = load_text(CHAIN, "night.yaml")
    whole, part = plan(manifest), plan(manifest, choice=Choice(("opening", "aside")))
    assert [(stage.shot, stage.after) for stage in whole.stages] == [
        ("opening", ()),
        ("leap", ("opening",)),
        ("rest", ("leap",)),
        ("aside", ()),
    ]
    lane = Lane(100, None, None)
    one = forecast("fal", part.stages, lane).seconds.likely
    assert forecast("fal", whole.stages, lane).seconds.likely == pytest.approx(3 * one)
    assert [stage.shot for stage in part.stages] == ["opening", "aside"]


CHAIN = """\
batch: night
provider: fal
model: seedance-2.0-fast
defaults: {duration: 5}
shots:
  - {name: opening, prompt: a dog, sweep: {seed: 1..2}}
  - {name: leap, for_each: opening, prompt: it leaps, start_image: opening.last_frame}
  - {name: rest, for_each: leap, prompt: it rests, start_image: leap.last_frame}
  - {name: aside, prompt: a cat}
"""
