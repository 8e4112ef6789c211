"""Reading and loading: what is taken, and every way in which a manifest can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from jobs.errors import ManifestError
from jobs.manifest import Defaults, Manifest, Shot
from jobs.reading.loading import load, load_text
from jobs.reading.manifests import parse_manifest, read_manifest
from jobs.sweeps import Written

HEAD = "batch: sunflowers\nprovider: fal\nmodel: seedance-2.0-fast\n"
SHOTS = "shots:\n  - name: opening\n    prompt: A dog\n"
MANIFESTS = Path(__file__).parents[2] / "manifests"


def problems(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load_text(text, "test.yaml")
    return [str(problem) for problem in caught.value.problems]


def one_shot(body: str, head: str = HEAD) -> str:
    return f"{head}shots:\n  - {{name: opening, {body}}}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty; a manifest begins with  batch: NAME"),
        ("# nothing here\n", "the file is empty; a manifest begins with  batch: NAME"),
        ("---\n", "the file is empty; a manifest begins with  batch: NAME"),
        ("- a\n- b\n", "line 1: a manifest is a mapping, with  batch: NAME  and so on at its top"),
        ("just words", "line 1: a manifest is a mapping, with  batch: NAME  and so on at its top"),
        ("batch: x\na: b: c\n", "line 2: not YAML: mapping values are not allowed here (text with ': ' in it needs"),
        ("batch: x\n\tprovider: fal\n", "line 2: not YAML: found character '\\t' that cannot start any token"),
        ("batch: x\nnote: \x01\n", "line 2: not YAML: the character U+0001 can't stand here"),
        ("batch: *x\n", "line 1: not YAML: found undefined alias 'x'"),
        (HEAD + "---\n" + SHOTS, "line 4: not YAML: a second document begins here"),
        ("[" * 3000, "not a manifest: it is nested without end"),
        ("shots: &s [*s]\n", "shots[0][0][0]: the manifest is too large or nested too deeply"),
    ],
)
def test_what_is_no_manifest_at_all(text: str, message: str) -> None:
    found = problems(text)
    assert len(found) == 1
    assert found[0].startswith(message)


def test_an_alias_bomb_is_refused() -> None:
    layers = ["l0: &l0 [a, a, a, a, a, a, a, a, a, a]"]
    layers += [f"l{at}: &l{at} [{', '.join([f'*l{at - 1}'] * 10)}]" for at in range(1, 9)]
    assert "too large or nested too deeply" in problems("\n".join(layers))[0]


def test_a_bomb_of_long_text_is_refused() -> None:
    text = f"a: &a {'x' * 1_000_000}\nb: [{', '.join(['*a'] * 60)}]\n"
    assert "too large or nested too deeply" in problems(text)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The top of the manifest.
        (SHOTS, ["batch: missing: a manifest needs the batch's name", "provider: missing", "model: missing"]),
        (HEAD, ["shots: missing: a manifest needs a list of shots"]),
        (HEAD + "shots: []\n", ["shots: there are no shots, and so there is nothing to render"]),
        (HEAD + "shots:\n", ["shots: nothing is written here; give a value or take the key away"]),
        (HEAD + "shots: {a: 1}\n", ["shots: the shots are not a list"]),
        (HEAD + "shots: [nope]\n", ["shots[0]: 'nope' is not a shot"]),
        (HEAD + "shot: []\n", ["shot: unknown key 'shot'; did you mean 'shots'?"]),
        (HEAD + "sample: 4\n" + SHOTS, ["sample: 'sample' belongs in a shot"]),
        (HEAD + "zzz: 1\n" + SHOTS, ["zzz: unknown key 'zzz'; known here: batch, provider, model"]),
        (HEAD + "name: x\n" + SHOTS, ["name: 'name' belongs in a shot"]),
        (HEAD + "batch: x\n" + SHOTS, ["batch: written twice, first in line 1; keep one of the two"]),
        (HEAD + "defaults: 5\n" + SHOTS, ["defaults: 5 is not a mapping"]),
        (HEAD + "defaults: {prompt: x}\n" + SHOTS, ["defaults.prompt: 'prompt' belongs in a shot"]),
        (HEAD + "<<: {a: 1}\n" + SHOTS, ["<<: merging with << isn't YAML 1.2"]),
        (HEAD.replace("fal", "fall") + SHOTS, ["provider: unknown provider 'fall'; did you mean 'fal'?"]),
        (HEAD.replace("fal", "sora") + SHOTS, ["provider: unknown provider 'sora'; known: anyfast, apiframe"]),
        (HEAD.replace("fal", "[fal, fal]") + SHOTS, ["provider: 'fal' is named twice"]),
        (HEAD.replace("fal", "[]") + SHOTS, ["provider: a provider has no name"]),
        (HEAD.replace("fal", "fal|") + SHOTS, ["provider: a provider has no name"]),
        (HEAD.replace("fal", "[fal, flicks]") + SHOTS, ["provider: unknown provider 'flicks'"]),
        (HEAD + "route: quickest\n" + SHOTS, ["route: 'quickest' is no route; write ordered, cheapest or fastest"]),
        (HEAD + "moderation: no\n" + SHOTS, ["moderation: 'no' is neither stay"]),
        (HEAD.replace("-fast", "-fats") + SHOTS, ["model: fal has no model 'seedance-2.0-fats'; did you mean 'seed"]),
        (HEAD.replace("seedance-2.0-fast", "veo") + SHOTS, ["model: fal has no model 'veo'; it has seedance-2.0 or"]),
        # Names.
        (HEAD.replace("sunflowers", "sun flowers!") + SHOTS, ["batch: 'sun flowers!' is not a name: use letters"]),
        (HEAD.replace("sunflowers", "Ünder") + SHOTS, ["batch: 'Ünder' is not a name"]),
        (HEAD.replace("sunflowers", "x" * 65) + SHOTS, ["batch: 'xxx"]),
        (HEAD.replace("sunflowers", "Rehearsal") + SHOTS, ["batch: 'Rehearsal' is a name that Rushes keeps"]),
        (HEAD + "shots: [{name: nul, prompt: x}]\n", ["shots[0].name: 'nul' is the name of a device on Windows"]),
        (HEAD + "shots: [{name: '', prompt: x}]\n", ["shots[0].name: the name is empty"]),
        (HEAD + "shots: [{name: ../x, prompt: x}]\n", ["shots[0].name: '../x' is not a name"]),
        (HEAD + "shots: [{prompt: x}]\n", ["shots[0].name: missing: every shot needs a name"]),
        (
            HEAD + "shots: [{name: A, prompt: x}, {name: a, prompt: x}]\n",
            ["shots[1].name: 'a' is already the name of shots[0] (as 'A', and case makes no difference)"],
        ),
        # Prompts.
        (HEAD + "shots: [{name: a}]\n", ["shots[0].prompt: missing: a shot needs a prompt, or a sweep over prompt"]),
        (one_shot("promt: x"), ["shots[0].promt: unknown key 'promt'; did you mean 'prompt'?"]),
        (one_shot("prompt: ' '"), ["shots[0].prompt: the text is empty"]),
        (one_shot("prompt: {place}"), ["shots[0].prompt: this is a mapping, not text; text that begins with a brace"]),
        (one_shot("prompt: 'a }'"), ["shots[0].prompt: the '}' at character 3 has no partner; write '}}'"]),
        (one_shot("prompt: 'a {b'"), ["shots[0].prompt: the '{' at character 3 has no partner; write '{{'"]),
        (one_shot("prompt: 'a {}'"), ["shots[0].prompt: empty braces name no variable"]),
        (one_shot("prompt: 'a { b }'"), ["shots[0].prompt: { b } has blanks in it; write {b}"]),
        (one_shot("prompt: 'a {b.c}'"), ["shots[0].prompt: 'b.c' in braces is not a variable's name"]),
        (one_shot("prompt: 'a {place}'"), ["shots[0].prompt: {place} has no value; give it an axis"]),
        (one_shot("prompt: '{seed}', sweep: {seed: 1..2}"), ["shots[0].prompt: {seed} is the name of a field"]),
        (
            one_shot("prompt: 'in {plase}', sweep: {place: [a]}"),
            [
                "shots[0].prompt: {plase} has no value; did you mean 'place'?",
                "shots[0].sweep.place: the prompt doesn't",
            ],
        ),
        (
            one_shot("sweep: {prompt: ['in {x}', b], x: [c]}"),
            ["shots[0].sweep.x: prompt[1] doesn't use {x}"],
        ),
        (one_shot("prompt: x, sweep: {prompt: [a]}"), ["shots[0].sweep.prompt: prompt is swept here and also set"]),
        (one_shot("prompt: '{x}', sweep: {x: ['', ' ']}"), ["shots[0].prompt: at least one take would have an empty"]),
        # Axes.
        (one_shot("prompt: x, sweep: {seeds: 1..2}"), ["shots[0].sweep.seeds: the prompt doesn't use {seeds}, and no"]),
        (one_shot("prompt: x, sweep: [1]"), ["shots[0].sweep: [1] is not a mapping"]),
        (one_shot("prompt: x, sweep: {seed: 1}"), ["shots[0].sweep.seed: 1 is one value; an axis is a list"]),
        (one_shot("prompt: x, sweep: {seed: []}"), ["shots[0].sweep.seed: the axis has no values"]),
        (one_shot("prompt: x, sweep: {seed: 8..1}"), ["shots[0].sweep.seed: '8..1' runs backwards; write 1..8"]),
        (one_shot("prompt: x, sweep: {seed: 1...8}"), ["shots[0].sweep.seed: '1...8' is not a range"]),
        (one_shot("prompt: x, sweep: {seed: '1..8:0'}"), ["shots[0].sweep.seed: '1..8:0' has a step of nothing"]),
        (one_shot("prompt: x, sweep: {seed: [1, [2]]}"), ["shots[0].sweep.seed[1]: an axis holds single values"]),
        (one_shot("prompt: x, sweep: {seed: [1, 2, 1]}"), ["shots[0].sweep.seed[2]: 1 stands in this axis already"]),
        (one_shot("prompt: x, sweep: {seed: [1, x]}"), ["shots[0].sweep.seed[1]: 'x' is not a whole number"]),
        (one_shot("prompt: x, sweep: {resolution: 1..2}"), ["shots[0].sweep.resolution: '1..2' gives numbers"]),
        (one_shot("prompt: x, seed: 1, sweep: {seed: [2]}"), ["shots[0].sweep.seed: seed is swept here and also"]),
        (one_shot("prompt: x, sweep: {a b: [1]}"), ["shots[0].sweep.a b: 'a b' can't be an axis"]),
        (one_shot("prompt: x, sweep: {seed: 1..9999999999999}"), ["shots: together they have 9,999,999,999,999 takes"]),
        (one_shot("prompt: '{x}', sweep: {x: [null]}"), ["shots[0].sweep.x[0]: nothing is written here"]),
        # Fields.
        (one_shot("prompt: x, seed: '3'"), ["shots[0].seed: '3' is text; write 3 without quotes"]),
        (one_shot("prompt: x, seed: true"), ["shots[0].seed: true is not a whole number"]),
        (one_shot("prompt: x, seed: 1.5"), ["shots[0].seed: 1.5 is not a whole number"]),
        (one_shot("prompt: x, duration: 5s"), ["shots[0].duration: '5s' has a unit; write 5, which means seconds"]),
        (one_shot("prompt: x, duration: long"), ["shots[0].duration: 'long' is not a whole number of seconds"]),
        (
            one_shot("prompt: x, resolution: 720"),
            ["shots[0].resolution: 720 is not a resolution; did you mean '720p'?"],
        ),
        (one_shot("prompt: x, generate_audio: yes"), ["shots[0].generate_audio: 'yes' is not a yes or no; write true"]),
        (one_shot("prompt: x, ratio: '1:1'"), ["shots[0].ratio: unknown key 'ratio'; did you mean 'aspect_ratio'?"]),
        (one_shot("prompt: x, provider: y"), ["shots[0].provider: 'provider' belongs at the top of the manifest"]),
        (one_shot("prompt: x, start_image: dog.png"), ["shots[0].start_image: 'dog.png' is a local file, and local"]),
        (one_shot("prompt: x, start_image: 'C:\\dog.png'"), ["shots[0].start_image: 'C:\\\\dog.png' is a local file"]),
        (one_shot("prompt: x, start_image: a.last_frame"), ["shots[0].start_image: there is no shot 'a'"]),
        (one_shot("prompt: x, start_image: 'data:image/png;base64,AA'"), ["shots[0].start_image: 'data:image/png"]),
        (one_shot("prompt: x, start_image: 'https://'"), ["shots[0].start_image: 'https://' names no host"]),
        (one_shot("prompt: x, start_image: 'https://a/b c'"), ["shots[0].start_image: 'https://a/b c' has blanks"]),
        (one_shot("prompt: x, reference_images: https://a/b"), ["shots[0].reference_images: this is a list of URLs"]),
        (one_shot("prompt: x, reference_images: [https://a/b, c]"), ["shots[0].reference_images[1]: 'c' is a local"]),
        (one_shot("prompt: !secret x"), ["shots[0].prompt: the tag '!secret' means nothing here"]),
        (one_shot("prompt: x, ? [a] : 3"), ["shots[0]: a key here is not plain text"]),
        (one_shot('prompt: "\\ud800"'), ["shots[0].prompt: '\\ud800' holds half a character"]),
        # What fal takes.
        (one_shot("prompt: x, duration: 17"), ["shots[0].duration: 17 is above 15, the most that fal allows"]),
        (
            one_shot("prompt: x, resolution: 1080p"),
            ["shots[0].resolution: '1080p' is not a resolution that fal allows"],
        ),
        (one_shot("prompt: x, sweep: {duration: [5, 99]}"), ["shots[0].sweep.duration[1]: 99 is above 15"]),
    ],
)
def test_each_mistake_is_one_problem_with_its_place(text: str, expected: list[str]) -> None:
    found = [problem.partition(": ")[2] for problem in problems(text)]
    assert len(found) == len(expected), found
    for said, start in zip(found, expected, strict=True):
        assert said.startswith(start), found


def test_everything_is_said_in_one_go_and_in_file_order() -> None:
    text = """\
batch: sun flowers
provider: fal
model: seedance-2.0-fast
defaults: {duration: 3}
shots:
  - name: opening
    promt: A dog in {place}
    duration: 17
    sweep:
      place: [a, a]
  - name: Opening
    prompt: A dog
    resolution: 4k
  - name: third
    prompt: A {thing}
    seed: x
"""
    with pytest.raises(ManifestError) as caught:
        load_text(text, "night.yaml")
    assert [(problem.line, problem.place) for problem in caught.value.problems] == [
        (1, "batch"),
        (4, "defaults.duration"),
        (7, "shots[0].promt"),
        (8, "shots[0].duration"),
        (10, "shots[0].sweep.place[1]"),
        (11, "shots[1].name"),
        (13, "shots[1].resolution"),
        (15, "shots[2].prompt"),
        (16, "shots[2].seed"),
    ]
    assert str(caught.value).startswith("night.yaml: 9 problems\n  line 1: batch: 'sun flowers' is not a name")


def test_a_default_that_does_not_fit_is_said_once() -> None:
    shots = "".join(f"  - {{name: s{at}, prompt: x}}\n" for at in range(50))
    found = problems(f"{HEAD}defaults: {{duration: 3}}\nshots:\n{shots}")
    assert found == ["line 4: defaults.duration: 3 is below 4, the least that fal allows"]


def test_reading_alone_does_not_ask_the_provider() -> None:
    manifest = parse_manifest(one_shot("prompt: x, duration: 99"), "test.yaml")
    assert manifest.shots[0].duration == 99


def test_yaml_is_1_2_and_words_stay_as_they_are_written() -> None:
    text = """\
batch: 2024
provider: fal
model: seedance-2.0
defaults: {aspect_ratio: 16:9}
shots:
  - name: 0o17
    prompt: 'Agent {number}, {flag}, {day}: {{not a variable}}'
    sweep:
      number: [007, 7, 1.50]
      flag: [yes, no, true]
      day: [2024-01-01]
      seed: [0x10, 8]
"""
    manifest = load_text(text, "test.yaml")
    assert manifest.batch == "2024"
    assert manifest.defaults.aspect_ratio == "16:9"
    assert manifest.shots[0].name == "0o17"
    assert manifest.shots[0].sweep == {
        "number": ("007", "7", "1.50"),
        "flag": ("yes", "no", "true"),
        "day": ("2024-01-01",),
        "seed": (16, 8),
    }
    plain = [type(value) for axis in manifest.shots[0].axes().values() for _, value in axis.samples()]
    assert set(plain) == {str, int}


def test_aliases_are_taken() -> None:
    text = f"{HEAD}shots:\n  - {{name: a, prompt: '{{x}}', sweep: {{x: &x [1, 2]}}}}\n"
    text += "  - {name: b, prompt: '{x}', sweep: {x: *x}}\n"
    manifest = load_text(text, "test.yaml")
    assert manifest.shots[0].sweep == manifest.shots[1].sweep == {"x": ("1", "2")}


@pytest.mark.parametrize("name", sorted(path.name for path in MANIFESTS.glob("*.yaml")))
def test_the_bundled_manifests_load(name: str) -> None:
    manifest = load(MANIFESTS / name)
    assert manifest.batch == name.removesuffix(".yaml")


@pytest.mark.parametrize("name", ["demo.yaml", "seed-grid.yaml", "from-images.yaml"])
def test_the_frozen_form_comes_back_unchanged(name: str) -> None:
    manifest = read_manifest(MANIFESTS / name)
    frozen = manifest.model_dump_json()
    again = Manifest.model_validate_json(frozen)
    assert again == manifest
    assert again.model_dump_json() == frozen
    assert again.digest() == manifest.digest()
    assert [list(shot.sweep) for shot in again.shots] == [list(shot.sweep) for shot in manifest.shots]


def test_the_digest_is_what_it_was() -> None:
    """Frozen batches bear it: it may change only together with what it stands for."""
    shot = Shot(name="opening", prompt="A dog in {place}", sweep={"place": ("wheat", "rye"), "seed": "1..8"})
    manifest = Manifest(batch="b", provider="fal", model="seedance-2.0", defaults=Defaults(duration=5), shots=(shot,))
    assert manifest.digest() == "6c0e85932fd29c5a3dd080689585b82de77ecdc0b75382a42092e9ca89b8473a"


def test_the_order_of_axes_counts_in_the_digest() -> None:
    def of(*axes: str) -> str:
        values: dict[str, Written] = {"place": ("wheat", "rye"), "seed": "1..8"}
        shot = Shot(name="a", prompt="in {place}", sweep={axis: values[axis] for axis in axes})
        return Manifest(batch="b", provider="fal", model="m", shots=(shot,)).digest()

    assert of("place", "seed") != of("seed", "place")


def test_a_manifest_built_by_hand_must_make_sense_too() -> None:
    with pytest.raises(ValidationError, match=r"\{place\} has no value"):
        Shot(name="a", prompt="in {place}")
    twins = (Shot(name="a", prompt="x"), Shot(name="A", prompt="x"))
    with pytest.raises(ValidationError, match="already the name of"):
        Manifest(batch="b", provider="fal", model="m", shots=twins)
    with pytest.raises(ValidationError, match="frozen"):
        twins[0].name = "b"


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="there is no such file"):
        load(tmp_path / "missing.yaml")


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="this is a directory"):
        load(tmp_path)


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ManifestError, match="it can't be read"):
        load(tmp_path / "file" / "manifest.yaml")


def test_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(HEAD.encode() + b"# caf\xe9\n")
    with pytest.raises(ManifestError, match="line 4: not UTF-8 text: byte 0xe9"):
        load(path)


def test_a_file_too_large(tmp_path: Path) -> None:
    path = tmp_path / "video.yaml"
    with path.open("wb") as file:
        file.truncate(33 * 1024 * 1024)
    with pytest.raises(ManifestError, match="larger than 32 MiB"):
        load(path)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + SHOTS).encode())
    assert load(path).batch == "sunflowers"
