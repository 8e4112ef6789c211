"""From a manifest to its takes."""

from __future__ import annotations

from itertools import islice

import pytest

from jobs.manifest import Defaults, Manifest, Shot
from jobs.sweeps import Range
from jobs.takes import Asked
from jobs.takes.expansion import Expansion


def manifest(*shots: Shot, **defaults: object) -> Manifest:
    return Manifest(
        batch="b", provider="fal", model="seedance-2.0", defaults=Defaults.model_validate(defaults), shots=shots
    )


def test_takes_come_shot_by_shot_the_last_axis_fastest() -> None:
    opening = Shot(name="opening", prompt="in {place}", sweep={"place": ("wheat", "rye"), "seed": "1..2"})
    expansion = Expansion(manifest(Shot(name="alone", prompt="A {{dog}}"), opening, duration=5))
    assert expansion.total == len(expansion) == 5
    assert [(take.index, take.number, take.shot, take.name, take.asked.prompt) for take in expansion] == [
        (0, 1, "alone", "alone/0001", "A {dog}"),
        (1, 1, "opening", "opening/0001-wheat-seed1", "in wheat"),
        (2, 2, "opening", "opening/0002-wheat-seed2", "in wheat"),
        (3, 3, "opening", "opening/0003-rye-seed1", "in rye"),
        (4, 4, "opening", "opening/0004-rye-seed2", "in rye"),
    ]
    assert list(expansion[3].axes.items()) == [("place", "rye"), ("seed", 1)]
    assert expansion[3].asked == Asked(model="seedance-2.0", prompt="in rye", duration=5, seed=1)
    assert (expansion[3].batch, expansion[3].provider) == ("b", "fal")


def test_a_shot_says_otherwise_than_the_defaults_and_the_sweep_than_both() -> None:
    shot = Shot(name="a", prompt="x", resolution="480p", sweep={"duration": (4, "auto"), "model": ("m",)})
    asked = Expansion(manifest(shot, duration=5, resolution="720p", generate_audio=False))[1].asked
    assert asked == Asked(model="m", prompt="x", duration="auto", resolution="480p", generate_audio=False)


def test_media_and_swept_prompts() -> None:
    shot = Shot(
        name="a",
        sweep={
            "prompt": ("one {x}", "two {x}"),
            "reference_images": ("https://a/1.png", "https://a/2.png"),
            "x": ("{y}",),
        },
    )
    asked = Expansion(manifest(shot))[3].asked
    assert asked == Asked(model="seedance-2.0", prompt="two {y}", reference_images=("https://a/2.png",))


def test_take_734112_of_a_million_without_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    plain = Range.__getitem__

    def counted(self: Range, index: int) -> object:
        asked.append(index)
        return plain(self, index)

    shot = Shot(name="grid", prompt="x {n} {m}", sweep={"n": "1..100", "m": "1..100", "seed": "1..100"})
    expansion = Expansion(manifest(Shot(name="first", prompt="y"), shot))
    monkeypatch.setattr(Range, "__getitem__", counted)
    take = expansion[734_112]
    assert take.name == "grid/0734112-74-42-seed12"
    assert take.asked.prompt == "x 74 42"
    assert asked == [73, 41, 11]


def test_a_batch_of_a_thousand_million_begins_at_once() -> None:
    expansion = Expansion(manifest(Shot(name="a", prompt="x", sweep={"seed": "1..1000000000"})))
    assert expansion.total == 10**9
    assert [take.asked.seed for take in islice(expansion, 3)] == [1, 2, 3]
    assert expansion[10**9 - 1].name == "a/1000000000-seed1000000000"
    assert expansion.find("a/0734112001-seed734112001") == 734_112_000


def test_every_take_is_found_by_its_name() -> None:
    shots = [Shot(name=f"s{at}", prompt="{x}", sweep={"x": ("a", "é", "🎉")}) for at in range(40)]
    expansion = Expansion(manifest(*shots))
    assert [expansion.find(take.name) for take in expansion] == list(range(120))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "a/",
        "a/0001",
        "a/0001-b ",
        "a/0001-c",
        "a/1-b",
        "a/00001-b",
        "a/0003-b",
        "a/0000-b",
        "b/0001-b",
        "A/0001-b",
    ],
)
def test_what_is_nobodys_name(name: str) -> None:
    expansion = Expansion(manifest(Shot(name="a", prompt="{x}", sweep={"x": ("b", "c")})))
    assert expansion.find("a/0001-b") == 0
    assert expansion.find(name) is None


@pytest.mark.parametrize("index", [-1, 1, 10**30])
def test_there_is_no_take_outside_the_batch(index: int) -> None:
    with pytest.raises(IndexError):
        Expansion(manifest(Shot(name="a", prompt="x")))[index]


def test_the_frozen_manifest_gives_the_same_takes() -> None:
    shot = Shot(name="a", prompt="{x}", sweep={"x": ("b", "ü"), "duration": (4, "auto"), "seed": "-1..1"})
    before = manifest(shot, generate_audio=True)
    after = Manifest.model_validate_json(before.model_dump_json())
    assert list(Expansion(after)) == list(Expansion(before))


def test_an_identity_is_what_it_was() -> None:
    """Receipts bear it: it may change only together with what it stands for."""
    asked = Asked(model="seedance-2.0-fast", prompt="Ein Hund läuft", duration=5, resolution="480p", seed=3)
    assert asked.identity() == "fb6d6867b4d1e8ab02423fd5cb70a2d053d36ccd784fe98b5f70c5e620cca8eb"
    assert asked.model_copy(update={"reference_images": ()}).identity() == asked.identity()
    assert asked.model_copy(update={"seed": 4}).identity() != asked.identity()
    assert asked.model_copy(update={"generate_audio": False}).identity() != asked.identity()
