"""The JSON Schema for editors: it agrees with the models, takes what they take, and refuses what is plainly wrong."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from jobs.capabilities import capabilities, known_providers
from jobs.fields.readers import READERS
from jobs.manifest import Defaults, Manifest, Shot
from jobs.reading.loading import load_text
from jobs.schema import _words, schema, text

MANIFESTS = Path(__file__).parents[2] / "manifests"
STARTERS = Path(__file__).parents[2] / "rushes" / "starters"
EXAMPLES = sorted([*MANIFESTS.glob("*.yaml"), *STARTERS.glob("*.yaml")])
HEADER = "# yaml-language-server: $schema="

HEAD = "batch: b\nprovider: fal\nmodel: seedance-2.0\n"
SHOT = HEAD + "shots:\n  - name: a\n    prompt: x {place}\n"


def found(written: str) -> list[str]:
    """Where the schema finds something wrong in a manifest, and what."""
    validator = jsonschema.Draft7Validator(schema())
    return [
        f"{each.json_path}: {each.message}" for each in validator.iter_errors(YAML(typ="safe", pure=True).load(written))
    ]


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema())


def test_what_lies_beside_the_manifests_is_what_the_models_give() -> None:
    remake = "remake it with: rushes schema > manifests/manifest.schema.json"
    assert (MANIFESTS / "manifest.schema.json").read_text(encoding="utf-8") == text(), remake


def test_every_field_of_the_models_is_told_in_words() -> None:
    fields = {*Manifest.model_fields, *Defaults.model_fields, *Shot.model_fields}
    words = _words()["fields"]
    assert {name for name in fields if "description" not in words.get(name, {})} == set(), "say it in schema/words.yaml"
    # Looks are resolved when a manifest is read, and so are in no model.
    assert schema()["$defs"]["Shot"]["properties"].keys() == {*Shot.model_fields, "look"}
    assert schema()["$defs"]["Defaults"]["properties"].keys() == Defaults.model_fields.keys()
    assert schema()["properties"].keys() == {*Manifest.model_fields, "looks", "include"}


def test_every_field_has_a_hover_text_and_none_may_be_null() -> None:
    made = schema()
    for part in (made, made["$defs"]["Shot"], made["$defs"]["Defaults"]):
        assert [name for name, field in part["properties"].items() if not field.get("description")] == []
    assert '"null"' not in text()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_manifests_that_come_along_are_right_and_lead_to_it(path: Path) -> None:
    written = path.read_text(encoding="utf-8")
    assert found(written) == []
    first = written.splitlines()[0]
    assert first.startswith(HEADER)
    beside = MANIFESTS if path.parent == STARTERS else path.parent
    assert (beside / first.removeprefix(HEADER)).resolve() == MANIFESTS / "manifest.schema.json"


@pytest.mark.parametrize(
    "more",
    [
        "    sweep: {place: [a, {value: b, weight: 2}], seed: 1..8, duration: 4..15:2}\n    sample: 5",
        "    sweep: {place: [{place: a, duration: 5}, {place: 0.1, duration: 6}]}",
        "    sweep: {place: 0.1..0.5:0.1}",
        "    sweep: {place: [1, 2.5, true], seed: 1..4}\n    sample: {n: 2, how: spread, seed: 3}",
        "    sweep: {place: [a], seed: 1..4}\n    combine: place * seed",
        "    sweep: {place: [a, b]}\n    exclude: [{place: a}]\n    takes: 4\n    repeat: 2",
        "    sweep: {place: [a, b]}\n    include: [{place: [a, b]}]\n    sample: 1\n    sample_seed: x",
        "    sweep: {place: [a]}\n    price: $0.40\n    priority: -3\n    last_frame: decoded\n    retry_moderated: 1",
        "    sweep: {place: [a]}\n    aspect_ratio: 16:9\n    duration: auto\nbudget: {limit: 40 USD, stop: 90%}",
        "    sweep: {place: [a]}\ndeadline: 07:00\non_doubt: hold\nreuse: true\nmax_failures: 3\nbudget: 3 usd",
        "    sweep: {place: [a]}\n    reference_images: [https://example.com/a.png]\n    generate_audio: false",
        "    sweep: {place: [a], start_image: [https://example.com/a.png]}\n    provider_options: {end_user_id: me}",
    ],
)
def test_what_the_reader_takes_the_schema_takes(more: str) -> None:
    load_text(SHOT + more, "test")
    assert found(SHOT + more) == []


def test_axes_from_files_are_in_it() -> None:
    for source in ("lines: a.txt", "csv: a.csv", "files: 'stills/*.png'"):
        assert found(SHOT + f"    sweep: {{place: {{{source}}}}}") == []


@pytest.mark.parametrize(
    ("written", "place"),
    [
        (SHOT + "    sweep: {place: [a]}\n    ratio: 16:9", "$.shots[0]"),
        (SHOT + "    sweep: {place: []}", "$.shots[0].sweep.place"),
        (SHOT + "    sweep: {place: one}", "$.shots[0].sweep.place"),
        (SHOT + "    sweep: {place: [[a]]}", "$.shots[0].sweep.place"),
        (SHOT + "    sweep: {1st: [a]}", "$.shots[0].sweep"),
        (SHOT + "    sweep: {place: [a]}\n    duration: 5s", "$.shots[0].duration"),
        (SHOT + "    sweep: {place: [a]}\n    resolution: 720", "$.shots[0].resolution"),
        (SHOT + "    sweep: {place: [a]}\n    sample: {how: spread}", "$.shots[0].sample"),
        (SHOT + "    sweep: {place: [a]}\n    generate_audio: 'yes'", "$.shots[0].generate_audio"),
        (SHOT + "    sweep: {place: [a]}\n    seed: null", "$.shots[0].seed"),
        (SHOT + "    sweep: {place: [a]}\nbudget: 40", "$.budget"),
        (SHOT + "    sweep: {place: [a]}\non_doubt: retry", "$.on_doubt"),
        (SHOT.replace("fal", "runway"), "$.provider"),
        (SHOT.replace("fal", "ark").replace("seedance-2.0", "sora"), "$.model"),
        (HEAD, "$"),
        (HEAD + "shots: []", "$.shots"),
        (HEAD.replace("batch: b\n", "") + "shots: [{name: a, prompt: x}]", "$"),
        (HEAD + "shots: [{prompt: x}]", "$.shots[0]"),
    ],
)
def test_what_is_plainly_wrong_is_refused(written: str, place: str) -> None:
    assert place in {each.partition(": ")[0] for each in found(written)}


def test_a_model_is_one_of_its_provider() -> None:
    for provider in known_providers():
        for model in capabilities(provider).models:
            assert found(f"batch: b\nprovider: {provider}\nmodel: {model}\nshots: [{{name: a, prompt: x}}]") == []
    fast = "batch: b\nprovider: cloudflare\nmodel: nothing\nshots: [{name: a, prompt: x}]"
    assert found(fast)


def test_every_field_that_can_be_swept_is_offered_as_an_axis() -> None:
    axes = schema()["$defs"]["sweep"]["properties"]
    assert axes.keys() == READERS.keys()
    assert all(axis["description"] for axis in axes.values())


def test_it_is_plain_json() -> None:
    assert json.loads(text()) == schema()
