"""What is set and varied beside a manifest is as if it had been written in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from jobs.errors import ManifestError
from jobs.manifest import Manifest
from jobs.reading.manifests import draft
from jobs.reading.overrides import Override
from rushes.planning import plan

TEXT = """
batch: over
provider: fal
model: seedance-2.0-fast
shots:
  - {name: opening, prompt: "A dog in {place}", duration: 5, sweep: {place: [sea, barn]}}
  - {name: closing, prompt: A cat, seed: 3}
"""


def read(*given: tuple[str, str]) -> Manifest:
    return draft(TEXT, "over.yaml", overrides=[Override(*each) for each in given]).whole()


def test_a_value_is_set_with_the_type_that_yaml_gives_it() -> None:
    found = read(
        ("--set", "shots.opening.duration=8"),
        ("--set", "defaults.resolution=480p"),
        ("--set", "budget=10 USD"),
        ("--set", "shots.opening.sweep.place=[007, wheat]"),
    )
    assert found.shots[0].duration == 8
    assert found.defaults.resolution == "480p"
    assert found.shots[0].sweep["place"] == ("007", "wheat")
    assert found.budget is not None


def test_an_axis_is_varied_in_every_shot_in_place_of_a_field() -> None:
    found = read(("--vary", "seed=1..4"))
    assert [shot.count() for shot in found.shots] == [8, 4]
    assert found.shots[1].seed is None


@pytest.mark.parametrize(
    ("option", "written", "said"),
    [
        ("--set", "shots.openin.duration=8", "did you mean 'opening'?"),
        ("--set", "shots.opening.duraton=8", "did you mean 'duration'?"),
        ("--set", "shot.opening.duration=8", "did you mean 'shots'?"),
        ("--set", "shots.opening=8", "say what of the shot"),
        ("--set", "duration", "write it as"),
        ("--set", "shots.opening.duration=[", "not YAML"),
        ("--set", "batch.name.x=1", "nothing can be set within"),
        ("--vary", "shots.seed=1..4", "write it as"),
        ("--vary", "sed=1..4", "sed"),
    ],
)
def test_what_cannot_be_set_is_said(option: str, written: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read((option, written))
    assert said in str(caught.value)


def test_the_plan_is_of_what_is_set_and_varied(tmp_path: Path) -> None:
    path = tmp_path / "over.yaml"
    path.write_text(TEXT)
    told = CliRunner().invoke(plan, ["--json", "--vary", "seed=1..4", "--set", "batch=other", str(path)])
    assert told.exit_code == 0, told.output
    assert '"batch": "other"' in told.output
    assert '"takes": 12' in told.output
