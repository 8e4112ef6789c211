"""Looks: presets that shots apply or sweep over, against expansions that were done by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.errors import ManifestError
from jobs.reading.loading import load
from jobs.reading.manifests import draft
from jobs.takes.expansion import Expansion

HEAD = """
batch: looks
provider: fal
model: seedance-2.0-fast
defaults: {duration: 5, resolution: 720p}
looks:
  noir: {prompt_suffix: in black and white, resolution: 480p}
  bright: {prompt: "bright daylight: {prompt}, saturated"}
  slow: {duration: 10, prompt_prefix: "Slow motion:"}
shots:
"""


def asked(shot: str) -> list[tuple[str, object, object]]:
    found = Expansion(draft(HEAD + shot, "looks.yaml").whole())
    return [(take.asked.prompt, take.asked.resolution, take.asked.duration) for take in found]


def refusal(shot: str, head: str = HEAD) -> str:
    with pytest.raises(ManifestError) as caught:
        draft(head + shot, "looks.yaml").whole()
    return str(caught.value)


@pytest.mark.parametrize(
    ("shot", "expected"),
    [
        ("look: noir", [("A dog in black and white", "480p", 5)]),
        ("look: bright", [("bright daylight: A dog, saturated", "720p", 5)]),
        ("look: [noir, slow]", [("Slow motion: A dog in black and white", "480p", 10)]),
        ("look: noir, resolution: 1080p", [("A dog in black and white", "1080p", 5)]),
        (
            "look: noir, sweep: {resolution: [480p, 720p]}",
            [("A dog in black and white", "480p", 5), ("A dog in black and white", "720p", 5)],
        ),
        (
            "sweep: {look: [noir, bright]}",
            [("A dog in black and white", "480p", 5), ("bright daylight: A dog, saturated", "720p", 5)],
        ),
        (
            "look: slow, sweep: {look: [noir, bright]}",
            [
                ("Slow motion: A dog in black and white", "480p", 10),
                ("bright daylight: Slow motion: A dog, saturated", "720p", 10),
            ],
        ),
    ],
)
def test_a_look_sets_fields_and_puts_words_around_the_prompt(shot: str, expected: list[object]) -> None:
    assert asked(f"  - {{name: one, prompt: A dog, {shot}}}\n") == expected


def test_looks_go_around_prompts_that_are_swept_and_around_wildcards() -> None:
    swept = asked("  - {name: one, look: noir, sweep: {prompt: [A dog, A cat]}}\n")
    assert [prompt for prompt, _, _ in swept] == ["A dog in black and white", "A cat in black and white"]
    wild = asked("  - {name: one, look: noir, prompt: 'A {dog|cat}'}\n")
    assert wild == swept


def test_a_look_changes_nothing_beyond_what_it_says() -> None:
    plain = HEAD.replace("looks:\n", "looks:\n  other: {seed: 3}\n")
    by_look = draft(HEAD + "  - {name: one, prompt: A dog, look: noir}\n", "looks.yaml").whole()
    by_hand = draft(
        plain + "  - {name: one, prompt: A dog in black and white, resolution: 480p}\n", "looks.yaml"
    ).whole()
    assert by_look.digest() == by_hand.digest()


@pytest.mark.parametrize(
    ("shot", "said"),
    [
        ("look: noire", "did you mean 'noir'?"),
        ("look: 3.5", "no look is called"),
        ("look: {a: b}", "names no look"),
        ("sweep: {look: [noir, brigth]}", "did you mean 'bright'?"),
        ("sweep: {look: noir}", "is no list of looks"),
        ("looks: noir", "belongs at the top of the manifest"),
    ],
)
def test_what_cannot_be_applied_is_said_with_its_place(shot: str, said: str) -> None:
    assert said in refusal(f"  - {{name: one, prompt: A dog, {shot}}}\n")


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("exclude: [{look: noir, animal: cat}]", ["noir dog", "bright dog", "bright cat"]),
        ("include: [{look: bright}]", ["bright dog", "bright cat"]),
        ("include: [{look: [noir, bright], animal: dog}]", ["noir dog", "bright dog"]),
        ("exclude: [{look: [bright, noir], animal: dog}, {animal: cat, look: bright}]", ["noir cat"]),
        ("include: [{animal: cat}], exclude: [{look: noir}]", ["bright cat"]),
        ("combine: '(animal, look)', exclude: [{look: noir}]", ["bright cat"]),
    ],
)
def test_rules_know_swept_looks_by_their_names(rules: str, expected: list[str]) -> None:
    swept = "{animal: [dog, cat], look: [noir, {value: bright}]}"
    found = asked(f"  - {{name: one, prompt: '{{animal}}', sweep: {swept}, {rules}}}\n")
    words = {"dog in black and white": "noir dog", "cat in black and white": "noir cat"}
    words |= {f"bright daylight: {each}, saturated": f"bright {each}" for each in ("dog", "cat")}
    assert sorted(words[prompt] for prompt, _, _ in found) == sorted(expected)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{look: slow}", "shots[0].exclude[0].look: the look 'slow' isn't swept here; it has noir or bright"),
        ("{look: brigth}", "isn't swept here; did you mean 'bright'?"),
        ("{look: [noir, 3]}", "the look '3' isn't swept here"),
        ("{look: []}", "names no look"),
        ("{look: noir, resolution: 480p}", "exclude[0].resolution: the look 'noir' sets resolution already"),
    ],
)
def test_a_rule_that_names_no_swept_look_is_told(rule: str, said: str) -> None:
    shot = f"{{name: one, prompt: A dog, sweep: {{look: [noir, bright]}}, exclude: [{rule}]}}"
    assert said in refusal(f"  - {shot}\n")


@pytest.mark.parametrize(
    ("look", "said"),
    [
        ("{resolutoin: 480p}", "did you mean 'resolution'?"),
        ("{prompt: in black and white}", "needs {prompt} once"),
        ("{prompt_suffix: 3}", "is not text"),
        ("{seed: many}", "looks.noir.seed"),
        ("plain", "is no look"),
    ],
)
def test_a_look_that_is_wrong_is_told_even_if_no_shot_applies_it(look: str, said: str) -> None:
    head = HEAD.replace("{prompt_suffix: in black and white, resolution: 480p}", look)
    assert said in refusal("  - {name: one, prompt: A dog}\n", head)


def test_the_example_of_looks_and_wildcards_is_what_it_says() -> None:
    manifest = load(Path(__file__).parents[2] / "manifests" / "looks-and-wildcards.yaml")
    assert manifest.shots[0].mix().space("any").unsampled().count == 32
    assert [shot.count() for shot in manifest.shots] == [12, 1]
    prompts = {take.asked.prompt for take in Expansion(manifest)}
    assert "The dog falls asleep by the fire, in black and white, with hard shadows" in prompts
    assert len(prompts) == 13
