"""`include:`: what is put together how, where mistakes are found, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from jobs.errors import ManifestError
from jobs.manifest import Manifest
from jobs.reading.including import DEEPEST, MOST_FILES
from jobs.reading.loading import load_text, load_with_inputs
from jobs.reading.manifests import read_manifest

HEAD = "batch: night\nprovider: fal\nmodel: seedance-2.0-fast\n"
SHOT = "  - {name: %s, prompt: 'a dog in {place}', sweep: {place: [sea, wheat]}}\n"
WHOLE = (
    HEAD
    + "defaults: {duration: 5, resolution: 480p}\nlooks:\n  noir: {prompt_suffix: in grey}\nshots:\n"
    + SHOT % "one"
    + SHOT % "two"
)


def read(folder: Path, **files: str) -> Manifest:
    """The manifest `night`, with other files beside it; `__` in a name is a folder, and all end in .yaml."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return read_manifest(folder / "night.yaml")


def refusal(folder: Path, **files: str) -> list[str]:
    with pytest.raises(ManifestError) as refused:
        read(folder, **files)
    return [str(problem) for problem in refused.value.problems]


def test_text_that_is_moved_into_another_file_changes_nothing(tmp_path: Path) -> None:
    whole = read(tmp_path, night=WHOLE)
    head, shots = WHOLE.split("shots:\n")
    first, second = shots.splitlines(keepends=True)
    for night, base in [
        (f"include: base.yaml\nshots:\n{first}{second}", head),
        (f"{head}include: base.yaml\n", f"shots:\n{first}{second}"),
        (f"{head}include: [base.yaml]\nshots:\n{second}", f"shots:\n{first}"),
        ("include: base.yaml\n", WHOLE),
    ]:
        moved = read(tmp_path, night=night, base=base)
        assert moved == whole and moved.digest() == whole.digest()


def test_what_stands_nearer_goes_before(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        night="include: [a.yaml, b.yaml]\nbatch: night\ndefaults: {seed: 3}\nshots:\n" + SHOT % "own",
        a="batch: a\nprovider: fal\nbudget: 5 USD\ndefaults: {duration: 5, resolution: 720p, seed: 1}\nshots:\n"
        + SHOT % "a",
        b="include: c.yaml\nmodel: seedance-2.0-fast\ndefaults: {resolution: 480p}\nshots:\n" + SHOT % "b",
        c="model: seedance-2.0\nbudget: 7 USD\nshots:\n" + SHOT % "c",
    )
    assert (found.batch, found.provider, found.model, str(found.budget and found.budget.limit)) == (
        "night",
        "fal",
        "seedance-2.0-fast",
        "7 USD",
    )
    assert found.defaults.given() == {"duration": 5, "resolution": "480p", "seed": 3}
    assert [shot.name for shot in found.shots] == ["a", "c", "b", "own"]


def test_looks_come_along_name_by_name(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        night="include: looks.yaml\n" + HEAD + "looks: {noir: {prompt_suffix: in black}}\nshots:\n"
        "  - {name: one, prompt: a dog, look: [noir, slow]}\n",
        looks="looks: {noir: {prompt_suffix: in grey}, slow: {prompt_prefix: Slowly}}\n",
    )
    assert found.shots[0].prompt == "Slowly a dog in black"


def test_a_file_counts_once_however_often_it_is_included(tmp_path: Path) -> None:
    one = "include: base.yaml\n"
    found = read(tmp_path, night="include: [a.yaml, b.yaml, base.yaml]\n", a=one, b=one, base=WHOLE)
    assert [shot.name for shot in found.shots] == ["one", "two"]


def test_mistakes_are_told_with_the_file_the_line_and_the_place_in_it(tmp_path: Path) -> None:
    assert refusal(
        tmp_path,
        night="include: shared__a.yaml\n".replace("__", "/") + HEAD + "defaults: {duration: much}\nshots:\n"
        "  - {name: own, prompt: a dog, sede: 1}\n",
        shared__a="include: b.yaml\ndefaults:\n  resolution: 480p\n  resolution: 720p\nlooks:\n  noir: {sede: 1}\n"
        "shots:\n  - name: a\n    prompt: a {place}\n",
        shared__b="shots:\n  - name: c\n    prompt: a dog\n  - {name: b, prompt: a dog, duration: }\n",
    ) == [
        "line 5: defaults.duration: 'much' is not a whole number of seconds",
        "line 7: shots[0].sede: unknown key 'sede'; did you mean 'seed'?",
        "shared/a.yaml, line 4: defaults.resolution: written twice, first in line 3; keep one of the two",
        "shared/a.yaml, line 6: looks.noir.sede: unknown key 'sede'; did you mean 'seed'?",
        "shared/a.yaml, line 9: shots[0].prompt: {place} has no value; give it an axis of that name under sweep",
        "shared/b.yaml, line 4: shots[1].duration: nothing is written here; give a value or take the key away",
    ]


def test_a_name_that_two_files_give_is_told_with_both(tmp_path: Path) -> None:
    [told] = refusal(
        tmp_path, night="include: b.yaml\n" + HEAD + "shots:\n" + SHOT % "one", b="shots:\n" + SHOT % "One"
    )
    assert told.startswith("line 6: shots[0].name: ") and "shots[0] of b.yaml" in told


def test_circles_are_told_in_full(tmp_path: Path) -> None:
    [told, *_] = refusal(
        tmp_path, night="include: a.yaml\n" + WHOLE, a="include: b.yaml\n", b="include: ./night.yaml\n"
    )
    circle = "night.yaml includes a.yaml includes b.yaml includes night.yaml: a circle; take one of them away"
    assert told == f"b.yaml, line 1: include: {circle}"
    [own] = refusal(tmp_path, night="include: night.yaml\n" + WHOLE)
    assert "night.yaml includes night.yaml: a circle" in own


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("/etc/passwd", "not relative"),
        ("../night.yaml", "leads out with '..'"),
        ("out.yaml", "leads out of the manifest's folder"),
        ("pipe.yaml", "is not a file"),
        ("bace.yaml", "is not there"),
        ("bace.yaml", "did you mean 'base.yaml'?"),
        ("[]", "names no file"),
        ("{a: b}", "names no file"),
        ("[3]", "3 is no path"),
        ("list.yaml", "holds no mapping"),
        ("empty.yaml", "the file is empty"),
        ("broken.yaml", "not YAML"),
        ("nul.yaml", "is no text"),
    ],
)
def test_what_can_not_be_included_is_refused(tmp_path: Path, written: str, told: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret.yaml").write_text(WHOLE)
    (folder / "out.yaml").symlink_to(tmp_path / "secret.yaml")
    os.mkfifo(folder / "pipe.yaml")
    for name, text in {"base": WHOLE, "list": "- a\n", "empty": "", "broken": "a: [", "nul": "a: \0"}.items():
        (folder / f"{name}.yaml").write_text(text)
    found = refusal(folder, night=f"include: {written}\n{WHOLE}")
    assert len(found) == 1 and told in found[0], found
    assert "include" in found[0] or "broken.yaml" in found[0] or "empty.yaml" in found[0]


def test_depth_number_and_size_are_bounded(tmp_path: Path) -> None:
    chain = {f"f{at}": f"include: f{at + 1}.yaml\n" for at in range(DEEPEST)}
    found = refusal(tmp_path, night="include: f0.yaml\n" + WHOLE, **chain, **{f"f{DEEPEST}": "defaults: {seed: 1}\n"})
    assert any(f"by way of {DEEPEST} other files" in told for told in found)
    many = [f"g{at}" for at in range(MOST_FILES + 1)]
    names = ", ".join(f"{name}.yaml" for name in many)
    found = refusal(tmp_path, night=f"include: [{names}]\n{WHOLE}", **dict.fromkeys(many, "defaults: {seed: 1}\n"))
    assert found == [f"line 1: include[{MOST_FILES}]: 'g100.yaml' is one file too many; 100 are the most"]
    large = {f"h{at}": f"# {'x' * 12_000_000}\ndefaults: {{seed: 1}}\n" for at in range(3)}
    [told] = refusal(tmp_path, night=f"include: [h0.yaml, h1.yaml, h2.yaml]\n{WHOLE}", **large)
    assert "what is included is larger than 32 MiB" in told


def test_files_that_are_named_lie_beside_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "shared" / "stills").mkdir(parents=True)
    Image.new("RGB", (640, 480)).save(tmp_path / "shared" / "stills" / "one.png")
    (tmp_path / "shared" / "places.txt").write_text("sea\nwheat\n")
    (tmp_path / "shared" / "list.csv").write_text("name,prompt\nrow,a cat\n")
    shots = (
        "  - {name: a, prompt: 'a {place}', start_image: %s/one.png, sweep: {place: {lines: %splaces.txt}}}\n"
        "  - {name: b, prompt: x, sweep: {start_image: {files: %s/*.png}}}\n"
        "  - {name: c, prompt: x, sweep: {start_image: [%s/one.png, 'https://a.test/b.png']}}\n"
    )
    below, above = (
        shots % ("stills", "", "stills", "stills"),
        shots % (("shared/stills", "shared/") + ("shared/stills",) * 2),
    )
    files = {
        "night": f"include: shared/a.yaml\n{HEAD}",
        "shared/a": f"shots:\n{below}",
        "whole": f"{HEAD}shots:\n{above}",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    included, whole = (load_with_inputs(tmp_path / f"{name}.yaml") for name in ("night", "whole"))
    assert included.manifest == whole.manifest
    (tmp_path / "shared" / "a.yaml").write_text("shots: {csv: list.csv}\n")
    assert [shot.name for shot in read_manifest(tmp_path / "night.yaml").shots] == ["row"]


def test_a_table_of_shots_and_a_list_do_not_go_together(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("name,prompt\nrow,a cat\n")
    found = refusal(tmp_path, night=f"include: a.yaml\n{WHOLE}", a="shots: {csv: list.csv}\n")
    assert found == [
        "line 8: shots: shots from a table don't go together with those of another file; keep the ones or the others"
    ]


def test_without_a_folder_nothing_is_included() -> None:
    with pytest.raises(ManifestError, match="no folder to look for them"):
        load_text("include: base.yaml\n" + WHOLE, "night.yaml")
