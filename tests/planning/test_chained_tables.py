"""Rows that follow upon other rows, are rendered for each of their takes, or promote them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.errors import ManifestError
from jobs.manifest import Manifest
from jobs.reading.loading import load_text, load_with_inputs
from jobs.tables import TableHead
from jobs.takes.expansion import Expansion

HEAD = TableHead(batch="night", provider="fal", model="seedance-2.0-fast")
YAML = """\
batch: night
provider: fal
model: seedance-2.0-fast
shots:
  - name: opening
    prompt: A dog in {place}
    sweep: {place: [sea, wheat], seed: 1..4}
  - {name: leap, for_each: opening, prompt: 'It leaps by the {place}', start_image: opening.last_frame}
  - {name: rest, prompt: It rests, start_image: "leap[seed=3, place=sea].last_frame", pick: true}
  - {name: final, promote: opening, model: seedance-2.0, resolution: 720p}
"""
CSV = """\
name,prompt,vars.place,seed,for_each,start_image,promote,model,resolution,pick
final,,,,,,opening,seedance-2.0,720p,
opening,A dog in {place},sea|wheat,1..4,,,,,,no
leap,It leaps by the {place},,,opening,opening.last_frame,,,,
rest,It rests,,,,"leap[seed=3, place=sea].last_frame",,,,yes
"""


def load(folder: Path, body: str, name: str = "night.csv", head: TableHead = HEAD) -> Manifest:
    (folder / name).write_text(body)
    return load_with_inputs(folder / name, head).manifest


def problems(folder: Path, body: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load(folder, body)
    return [str(problem) for problem in caught.value.problems]


def test_a_table_says_of_chains_what_a_manifest_says(tmp_path: Path) -> None:
    table, whole = load(tmp_path, CSV), load_text(YAML, "night.yaml")

    def told(manifest: Manifest) -> dict[str, tuple[object, ...]]:
        return {shot.name: (shot.for_each, shot.promote, bool(shot.pick), shot.model) for shot in manifest.shots}

    assert told(table) == told(whole)

    def asked(manifest: Manifest) -> dict[str, str]:
        return {take.name: take.asked.identity() for take in Expansion(manifest)}

    assert asked(table) == asked(whole)
    assert len(asked(table)) == 8 + 8 + 1 + 8


def test_one_model_is_a_field_and_several_are_an_axis(tmp_path: Path) -> None:
    one, several, none = load(
        tmp_path, "name,prompt,model\na,A dog,seedance-2.0\nb,A dog,seedance-2.0|seedance-2.0-fast\nc,A dog,\n"
    ).shots
    assert (one.model, one.sweep) == ("seedance-2.0", {})
    assert (several.model, several.sweep) == (None, {"model": ("seedance-2.0", "seedance-2.0-fast")})
    assert (none.model, none.sweep) == (None, {})


def test_looks_come_from_the_manifest_that_names_the_table(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("name,prompt,look\na,A dog,noir\nb,A cat,noir|warm\nc,A cow,\n")
    text = (
        "batch: night\nprovider: fal\nmodel: seedance-2.0-fast\nshots: {csv: list.csv}\n"
        "looks: {noir: {prompt_suffix: in grey}, warm: {prompt_suffix: in gold}}\n"
    )
    manifest = load(tmp_path, text, "night.yaml", TableHead())
    assert sorted(take.asked.prompt for take in Expansion(manifest)) == [
        "A cat in gold",
        "A cat in grey",
        "A cow",
        "A dog in grey",
    ]


def test_rows_that_promote_need_neither_a_prompt_nor_a_name(tmp_path: Path) -> None:
    table = load(tmp_path, "name,prompt,promote,model\nopening,A dog,,\n,,opening,seedance-2.0\n")
    promoted = table.shots[1]
    assert promoted.name.startswith("opening-") and promoted.prompt == "A dog"
    *_, told = problems(tmp_path, "name,promote,seed\na,b,\nb,,3\n")
    assert told == "row 3, column prompt: missing: a shot needs a prompt, or a sweep over prompt"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("name,prompt,for_each\na,A dog,\nb,It leaps,aa\n", "row 3, column C (for_each): there is no shot 'aa'"),
        (
            "name,prompt,start_image\na,A dog,b.last_frame\nb,A cat,a.last_frame\n",
            "row 2, column C (start_image): a w",
        ),
        ("name,prompt,seed,promote\na,A dog,1..2,\nb,,3..4,a\n", "row 3, column C (seed)"),
        ("name,prompt,pick\na,A dog,perhaps\n", "row 2, column C (pick): "),
        ("name,prompt,model\na,A dog,seedence-2.0\n", "row 2, column C (model): "),
        ("name,prompt,look\na,A dog,noir\n", "row 2, column C (look): no look is called 'noir'"),
        ("name,seed\na,1\n", "row 1: there is no column prompt"),
    ],
)
def test_what_is_wrong_is_told_by_its_cell(tmp_path: Path, body: str, told: str) -> None:
    found = problems(tmp_path, body)
    assert any(each.startswith(told) for each in found), found
