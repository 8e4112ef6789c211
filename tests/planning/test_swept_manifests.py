"""Manifests with all that a sweep can hold: read, frozen, checked, priced and expanded."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from jobs.checks.misfits import manifest_misfits
from jobs.errors import ManifestError
from jobs.manifest import Manifest, Shot
from jobs.planning.plan import Seconds, plan
from jobs.prices import price_of
from jobs.prices.totals import shot_totals
from jobs.reading.loading import load, load_text, load_with_inputs
from jobs.takes import Asked
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from jobs.takes.strands import live_digests

HEAD = "batch: night\nprovider: fal\nmodel: seedance-2.0\ndefaults: {duration: 5, resolution: 720p}\n"
FROZEN = Path(__file__).with_name("frozen_sweeps.json")


def one_shot(body: str, head: str = HEAD) -> str:
    return f"{head}shots:\n  - name: opening\n" + "".join(f"    {line}\n" for line in body.strip().splitlines())


def loaded(body: str) -> Manifest:
    return load_text(one_shot(dedent(body)), "test.yaml")


def problems(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load_text(text, "test.yaml")
    return [str(problem) for problem in caught.value.problems]


def names(manifest: Manifest) -> list[str]:
    return [take.name.removeprefix("opening/") for take in Expansion(manifest)]


def slow_identity(asked: Asked) -> str:
    """As identities were first reckoned; those in stores everywhere are of this form."""
    given = {name: value for name, value in asked.model_dump(mode="json").items() if value not in (None, [])}
    text = json.dumps(given, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("frozen", json.loads(FROZEN.read_text()), ids=lambda frozen: frozen["manifest"]["batch"])
def test_manifests_from_before_are_what_they_were(frozen: dict[str, Any]) -> None:
    """Written before a sweep could hold anything but a product: digests, indices, names and identities."""
    manifest = Manifest.model_validate(frozen["manifest"])
    assert json.loads(manifest.model_dump_json()) == frozen["manifest"]
    assert (manifest.digest(), list(live_digests(manifest))) == (frozen["digest"], frozen["strands"])
    expansion = Expansion(manifest)
    assert expansion.total == frozen["total"]
    for told in frozen["takes"]:
        take = expansion[told["index"]]
        assert (take.name, dict(take.axes)) == (told["name"], told["axes"])
        assert take.asked.identity() == expansion.identity(take.index) == told["identity"] == slow_identity(take.asked)


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(str.strip)
values: dict[str, st.SearchStrategy[Any]] = {
    "duration": st.integers(1, 20) | st.just("auto"),
    "resolution": st.sampled_from(["480p", "4\u2028k", 'a"b\\']),
    "seed": st.integers(-(10**20), 10**20),
    "generate_audio": st.booleans(),
    "reference_images": st.sampled_from(["https://a/b.png", "asset://u-1", "a b.png"]),
    "start_image": st.sampled_from(["https://a/b.png", "é.png"]),
    "model": texts,
    "word": texts | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    "other": texts,
}


@given(
    st.sets(st.sampled_from(sorted(values))).flatmap(
        lambda names: st.fixed_dictionaries(
            {name: st.lists(values[name], min_size=1, max_size=2, unique_by=str) for name in names}
        )
    ),
    texts.map(lambda text: text.replace("{", "{{").replace("}", "}}")),
    st.booleans(),
)
def test_identities_are_those_of_the_takes(sweep: dict[str, list[Any]], prompt: str, swept: bool) -> None:
    prompt += "".join(f" {{{name}}}" for name in ("word", "other", "word") if name in sweep)
    for name in sweep:
        if any(str(value) in ("True", "False") and isinstance(value, bool) for value in sweep[name]) and name == "word":
            sweep[name] = [sweep[name][0]]
    shot: dict[str, Any] = {"name": "a", "provider_options": {"é": [1.5, None, {"b": True, "a": "x"}]}, "sweep": sweep}
    if swept:
        shot["sweep"] = {**sweep, "prompt": [prompt, f"{prompt}!"]}
    else:
        shot["prompt"] = prompt
    manifest = Manifest.model_validate(
        {"batch": "b", "provider": "fal", "model": "m", "defaults": {"watermark": False}, "shots": [shot]}
    )
    expansion = Expansion(manifest)
    for take in expansion:
        again = Asked.model_validate(take.asked.model_dump(exclude_unset=True))
        assert again == take.asked
        assert again.model_fields_set == take.asked.model_fields_set
        assert again.model_dump_json() == take.asked.model_dump_json()
        assert slow_identity(again) == take.asked.identity() == expansion.identity(take.index)


def test_axes_of_every_kind() -> None:
    manifest = loaded(
        """
        prompt: "{n} {step} {tenth} at {light}"
        sweep:
          n: 1..2
          step: 1..10:6
          tenth: 0.1..0.3:0.2
          light: [{value: 007, weight: 3}, dusk]
        sample: 16
        """
    )
    prompts = {take.asked.prompt for take in Expansion(manifest)}
    assert prompts == {
        f"{n} {step} {tenth} at {light}"
        for n in (1, 2)
        for step in (1, 7)
        for tenth in (0.1, 0.3)
        for light in ("007", "dusk")
    }
    assert manifest.shots[0].sweep["step"] == "1..10:6"
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


def test_ranges_with_decimals_are_exact() -> None:
    axis = loaded("prompt: '{x}'\nsweep: {x: 0.1..0.9:0.1}").shots[0].axes()["x"]
    assert [axis[at] for at in range(axis.count)] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def test_a_combination_by_hand() -> None:
    manifest = loaded(
        """
        prompt: A dog in {place} at {light}
        sweep: {place: [wheat, rye], light: [dawn, dusk], seed: 1..2}
        combine: (place, light) * seed
        """
    )
    assert names(manifest) == [
        "0001-wheat-dawn-seed1",
        "0002-wheat-dawn-seed2",
        "0003-rye-dusk-seed1",
        "0004-rye-dusk-seed2",
    ]
    assert Expansion(manifest).total == manifest.shots[0].count() == 4


def test_a_union_sweeps_one_thing_at_a_time() -> None:
    body = "prompt: x\nsweep: {duration: [4, 5], resolution: [480p, 720p]}\ncombine: duration + resolution"
    assert "two parts of the union ask for the same, with resolution '720p'" in problems(one_shot(body))[0]
    manifest = loaded(f"{body}\nexclude: [{{resolution: 720p}}]")
    asked = [(take.asked.duration, take.asked.resolution) for take in Expansion(manifest)]
    assert asked == [(4, "720p"), (5, "720p"), (5, "480p")]


def test_exclude_and_include_by_hand() -> None:
    body = "prompt: '{place} {light}'\nsweep: {place: [wheat, rye, oats], light: [dawn, dusk], seed: 1..4}\n"
    manifest = loaded(body + "exclude:\n  - {place: [wheat, rye], seed: 2..4}\n  - {light: dusk}\n")
    assert names(manifest) == [
        "0001-wheat-dawn-seed1",
        "0002-rye-dawn-seed1",
        *(f"000{n + 2}-oats-dawn-seed{n}" for n in range(1, 5)),
    ]
    manifest = loaded(body + "include: [{place: oats, seed: 4}, {light: dusk, seed: 1}]\nexclude: [{place: rye}]\n")
    assert names(manifest) == [
        "0001-wheat-dusk-seed1",
        "0002-oats-dawn-seed4",
        "0003-oats-dusk-seed1",
        "0004-oats-dusk-seed4",
    ]


def test_takes_deals_seeds_that_stay() -> None:
    def seeds(body: str, batch: str = "night") -> list[int | None]:
        text = one_shot(f"prompt: x\n{body}", HEAD.replace("night", batch))
        return [take.asked.seed for take in Expansion(load_text(text, "t"))]

    four = seeds("takes: 4")
    assert four == SEEDS and len(set(four)) == 4
    assert all(seed is not None and 1 <= seed < 2**31 for seed in four)
    assert seeds("takes: 6")[:4] == four
    assert seeds("takes: 4", "day") != four
    assert seeds("takes: {n: 4, seed: mine}", "day") == seeds("takes: {n: 4, seed: mine}")
    manifest = loaded("prompt: '{x}'\nsweep: {x: [a, b]}\ntakes: 2")
    assert [take.asked.prompt for take in Expansion(manifest)] == ["a", "a", "b", "b"]
    assert names(manifest)[0] == f"0001-a-seed{four[0]}"


SEEDS = [1611425294, 1594551717, 1902732286, 676358532]


def test_repeat_makes_distinct_takes_that_ask_for_the_same() -> None:
    manifest = loaded("prompt: '{x}'\nsweep: {x: [a, b]}\nrepeat: 2")
    assert names(manifest) == ["0001-a-repeat1", "0002-a-repeat2", "0003-b-repeat1", "0004-b-repeat2"]
    takes = list(Expansion(manifest))
    assert takes[0].asked == takes[1].asked and takes[0].asked.identity() == takes[1].asked.identity()
    assert dict(takes[1].axes) == {"x": "a", "repeat": 2}
    assert all(Expansion(manifest).find(take.name) == take.index for take in takes)
    once = loaded("prompt: '{repeat}'\nsweep: {repeat: [a, b]}\nrepeat: 1")
    assert names(once) == ["0001-a", "0002-b"]


def test_a_sample_goes_by_the_batch_or_its_seed() -> None:
    body = "prompt: '{n}'\nsweep: {n: 1..1000}\n"

    def sampled(more: str, batch: str = "night") -> list[str]:
        return [
            take.asked.prompt for take in Expansion(load_text(one_shot(body + more, HEAD.replace("night", batch)), "t"))
        ]

    assert sampled("sample: 5") == sampled("sample: {n: 5, how: random}")
    assert sampled("sample: 5") != sampled("sample: 5", "day")
    assert sampled("sample: 5\nsample_seed: 3") == sampled("sample: {n: 5, seed: 3}", "day")
    assert sampled("sample: 9")[:5] == sampled("sample: 5")
    spread = sorted(int(value) for value in sampled("sample: {n: 10, how: spread, seed: 3}"))
    assert all(50 < later - earlier < 200 for earlier, later in pairwise(spread))


def test_another_sweep_is_another_strand() -> None:
    body = "prompt: '{x}'\nsweep: {x: [a, b, c]}\n"
    edits = ["", "combine: x", "exclude: [{x: b}]", "include: [{x: b}]", "sample: 2", "takes: 2", "repeat: 2"]
    digests = {live_digests(loaded(body + edit)) for edit in edits}
    assert len(digests) == len({loaded(body + edit).digest() for edit in edits}) == len(edits)
    lineage = Lineage.of(loaded(body)).grown(loaded(body + "exclude: [{x: b}]"))
    assert [take.name for take in Expansion(lineage)] == ["opening.2/0001-a", "opening.2/0002-c"]
    again = Lineage.from_json(lineage.to_json())
    assert again.digest() == lineage.digest()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("prompt: '{a} {b}'\nsweep: {a: [x, y], b: 1..3}\ncombine: a", ["combine: b is left out; add  * b"]),
        (
            "prompt: '{a} {b}'\nsweep: {a: [x, y], b: 1..3}\ncombine: (a, b)",
            ["combine: what stands in ( , ) must be equally long: a has 2 and b has 3"],
        ),
        (
            "prompt: '{a} {b}'\nsweep: {a: [x, y], b: [u, v]}\ncombine: a + b",
            ["combine: {b} has no value in the part of the union that has a"],
        ),
        (
            "prompt: '{a} {b}'\nsweep: {a: [x, x], b: [u, u]}\ncombine: (a, b)",
            ["combine: (a, b) has the same values at [1] as at [0]"],
        ),
        ("prompt: '{a}'\nsweep: {a: [x, x]}\ncombine: a", ["sweep.a[1]: 'x' stands in this axis already"]),
        ("prompt: '{a}'\nsweep: {a: [x, y]}\ncombine: 5", ["combine: 5 doesn't say how axes go together"]),
        ("prompt: '{a}'\nsweep: {a: [x, y]}\nexclude: {a: x}", ["exclude: this is a list of partial takes"]),
        (
            "prompt: '{a}'\nsweep: {a: [x, y]}\nexclude: [x, {}]",
            ["exclude[0]: 'x' is no partial take", "exclude[1]: {} is no"],
        ),
        (
            "prompt: '{place}'\nsweep: {place: [wheat, rye]}\nexclude: [{plaice: rye}]",
            ["exclude[0].plaice: the sweep has nothing called 'plaice'; did you mean 'place'?"],
        ),
        (
            "prompt: '{place}'\nsweep: {place: [wheat, rye]}\nexclude: [{place: [rye, whaet]}]",
            ["exclude[0].place: no value of the axis is 'whaet'; did you mean 'wheat'?"],
        ),
        (
            "prompt: x\nsweep: {seed: 1..9}\ninclude: [{seed: 10}]",
            ["include[0].seed: no value of the axis is 10; it is 1..9"],
        ),
        ("prompt: x\nsweep: {seed: 1..9}\nexclude: [{seed: 1..20}]", ["exclude: nothing is left of the sweep"]),
        ("prompt: x\nsweep: {seed: 1..9}\nsample: 10", ["sample: a sample of 10 can't be taken of 9 cells"]),
        (
            "prompt: x\nsweep: {seed: 1..9}\nsample: {n: 2, how: spred}",
            ["sample.how: 'spred' is no way to take a sample"],
        ),
        ("prompt: x\nsweep: {seed: 1..9}\nsample: {m: 2}", ["sample.m: unknown key 'm'; it has n, how or seed"]),
        ("prompt: x\nsweep: {seed: 1..9}\nsample: 0", ["sample: 0 is not a number of cells; give 1 or more"]),
        (
            "prompt: x\nsweep: {seed: 1..999999}\nsample: {n: 200000, how: spread}",
            ["sample: a sample that is spread may hold 100,000"],
        ),
        ("prompt: x\nsample_seed: 3", ["sample_seed: there is no sample for it"]),
        ("prompt: x\nsweep: {seed: 1..3}\ntakes: 2", ["takes: takes deals seeds, and the sweep has a seed of its own"]),
        ("prompt: x\nseed: 4\ntakes: 2", ["takes: takes deals seeds, and the shot sets one"]),
        ("prompt: x\ntakes: [1]", ["takes: [1] is not a number"]),
        ("prompt: x\nrepeat: 0", ["repeat: 0 is not a number of times"]),
        ("prompt: '{repeat}'\nsweep: {repeat: [a, b]}\nrepeat: 2", ["repeat: the sweep has an axis of this name"]),
        ("prompt: '{a}'\nsweep: {a: [{value: x, weight: 2}, y]}", ["sweep.a: weights say what a sample holds more of"]),
        ("prompt: '{a}'\nsweep: {a: [{value: x, weight: 0}, y]}", ["sweep.a[0].weight: 0 is no weight"]),
        ("prompt: '{a}'\nsweep: {a: [{value: x, wait: 2}]}", ["sweep.a[0]: a value with a weight is"]),
        (
            "prompt: '{a} {b}'\nsweep: {r: [{a: x, b: y}, {a: z}]}",
            ["sweep.r[1]: this sets a, and the first one here sets a or b"],
        ),
        ("prompt: '{a}'\nsweep: {r: [{a: x}], a: [y]}", ["sweep.a: a is set by r already"]),
        ("prompt: '{a}'\nsweep: {a: {b: c}}", ["sweep.a: {'b': 'c'} is a mapping; an axis is a list, a range, or"]),
        ("prompt: x\nsweep: {duration: 4.5..6.5:1}", ["sweep.duration: '4.5..6.5:1' gives decimals"]),
        (
            "prompt: '{a}'\nsweep: {a: {lines: words.txt}}",
            ["sweep.a: 'words.txt' is a file, and there is no folder here"],
        ),
    ],
)
def test_what_is_wrong_with_a_sweep(body: str, expected: list[str]) -> None:
    found = [problem.split("shots[0].", 1)[-1] for problem in problems(one_shot(body))]
    assert len(found) == len(expected), found
    for problem, begins in zip(found, expected, strict=True):
        assert problem.startswith(begins), problem


def test_what_is_excluded_need_not_fit() -> None:
    body = "prompt: x\nsweep: {model: [seedance-2.0, seedance-2.0-fast], resolution: [720p, 1080p]}\n"
    head = HEAD.replace("fal", "anyfast").replace(", resolution: 720p", "")
    assert "1080p" in problems(one_shot(body, head))[0]
    manifest = load_text(one_shot(body + "exclude: [{model: seedance-2.0-fast, resolution: 1080p}]", head), "t")
    assert len(names(manifest)) == 3
    zipped = load_text(
        one_shot(body + "combine: (model, resolution)", head).replace("[720p, 1080p]", "[1080p, 720p]"), "t"
    )
    assert [(take.asked.model, take.asked.resolution) for take in Expansion(zipped)] == [
        ("seedance-2.0", "1080p"),
        ("seedance-2.0-fast", "720p"),
    ]


def test_a_union_is_checked_part_by_part() -> None:
    body = "prompt: x\nsweep: {start_image: ['https://a/b.png'], reference_images: ['https://a/c.png'], seed: 1..2}\n"
    assert "can't go together" in problems(one_shot(body))[0]
    manifest = loaded(body + "combine: start_image * seed + reference_images * seed")
    assert [bool(take.asked.start_image) for take in Expansion(manifest)] == [True, True, False, False]


def test_a_sample_is_checked_by_what_is_in_it_and_a_large_one_by_what_could_be() -> None:
    def misfitting(n: int, batch: str) -> tuple[list[str], bool]:
        raw = {"name": "a", "prompt": "x", "sweep": {"duration": [5, 99], "seed": "1..400000"}, "sample": {"n": n}}
        manifest = Manifest.model_validate({"batch": batch, "provider": "fal", "model": "seedance-2.0", "shots": [raw]})
        within = any(take.asked.duration == 99 for take in Expansion(manifest)) if n < 10 else True
        return [fault.message for fault in manifest_misfits(manifest)], within

    told = [misfitting(2, f"b{at}") for at in range(20)]
    assert {within for _, within in told} == {True, False}
    assert all(bool(messages) == within for messages, within in told)
    messages, _ = misfitting(300_000, "b")
    assert len(messages) == 1 and "reckoned for the whole sweep" in messages[0]


def test_the_longest_values_need_not_stand_together() -> None:
    long = "x" * 2_500
    head = HEAD.replace("fal", "apiframe")
    body = f"prompt: '{{a}}{{b}}'\nsweep: {{a: [{long}, s], b: [t, {long}]}}\n"
    assert "a prompt of up to 5000 characters" in problems(one_shot(body, head))[0]
    manifest = load_text(one_shot(body + "combine: (a, b)", head), "t")
    assert [len(take.asked.prompt) for take in Expansion(manifest)] == [2_501, 2_501]


SWEPT = [
    "sweep: {duration: 4..6, resolution: [480p, 720p], seed: 1..3}\nexclude: [{duration: 5, seed: 2..3}]",
    "sweep: {duration: [4, auto, 6], resolution: [480p, 720p, 480p]}\ncombine: (duration, resolution)",
    "sweep: {duration: [4, 6], resolution: [480p]}\ncombine: duration + resolution\nrepeat: 3",
    "sweep: {duration: 4..15, resolution: [480p, 720p], seed: 1..3}\nsample: 17\ntakes: 2".replace(", seed: 1..3", ""),
    "sweep: {model: [seedance-2.0, seedance-2.0-fast], duration: 4..9}\ninclude: [{duration: 4, model: seedance-2.0}, {duration: 8..9}]",  # noqa: E501
]


@pytest.mark.parametrize("body", SWEPT)
def test_a_plan_and_its_price_are_those_of_the_takes(body: str) -> None:
    manifest = loaded(f"prompt: x\n{body}")
    found = plan(manifest)
    takes = [take.asked for take in Expansion(manifest)]
    assert found.takes == len(takes)
    assert found.seconds.least == sum(4 if asked.duration == "auto" else asked.duration or 0 for asked in takes)
    assert found.seconds.most == sum(15 if asked.duration == "auto" else asked.duration or 0 for asked in takes)
    prices = [price_of(asked, "fal") for asked in takes]
    assert found.price.by_currency["USD"].most == sum((price.amount for price in prices if price), Decimal(0))
    assert found.price.unknown == 0
    assert set(found.models) == {asked.model for asked in takes}
    assert found.shots[0].first_takes == tuple(take.name for take in list(Expansion(manifest))[:3])


def test_a_plan_of_more_than_can_be_looked_at_is_between_bounds() -> None:
    manifest = loaded("prompt: x\nsweep: {duration: [4, 8], seed: 1..1000000}\nsample: 1000000")
    found = plan(manifest)
    assert found.seconds == Seconds(4_000_000, 8_000_000)
    total = found.price.by_currency["USD"]
    assert total.basis == "estimate" and total.most == 2 * total.least
    one = price_of(Asked(model="seedance-2.0", prompt="x", duration=8, resolution="720p"), "fal")
    assert one is not None and total.most == one.amount * 1_000_000
    assert shot_totals(manifest, 0, Expansion(manifest)) == found.price


def test_a_plan_tells_how_axes_go_together() -> None:
    manifest = loaded(
        "prompt: '{a}'\nsweep: {a: [x, y], seed: 1..4}\ncombine: a * seed\nexclude: [{a: x, seed: 1}]\n"
        "sample: 3\nrepeat: 2"
    )
    lines = list(plan(manifest).lines())
    assert "opening: 6 from text, 30 s  (a 2, seed 4; a * seed, exclude 1 rule, sample 3, repeat 2)" in lines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "words.txt").write_bytes(b"\xef\xbb\xbfwheat field\r\n\r\n  rye \n{odd} # one\n")
    (tmp_path / "subjects.csv").write_text(
        'name;place;duration;weight\n"Rex; the dog";barn;4;3\nMax;"the\nsea";5;\n\n;;;\n'
    )
    (tmp_path / "stills").mkdir()
    for at, name in enumerate(["b.png", "a.png", ".hidden.png", "note.txt"]):
        Image.new("RGB", (512, 512), (at, 0, 0)).save(tmp_path / "stills" / name, format="PNG")
    (tmp_path / "outside.txt").symlink_to("/etc/hosts")
    (tmp_path / "away").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def in_folder(folder: Path, body: str) -> Path:
    path = folder / "manifest.yaml"
    path.write_text(one_shot(body))
    return path


def test_lines_of_a_file(folder: Path) -> None:
    manifest = load(in_folder(folder, "prompt: A dog in {place}\nsweep: {place: {lines: words.txt}}"))
    assert manifest.shots[0].sweep == {"place": ("wheat field", "rye", "{odd} # one")}
    assert [take.asked.prompt for take in Expansion(manifest)] == [
        f"A dog in {x}" for x in ("wheat field", "rye", "{odd} # one")
    ]


def test_rows_of_a_csv(folder: Path) -> None:
    body = "prompt: '{name} in {place} at {light}'\nsweep: {who: {csv: subjects.csv}, light: [dawn, dusk]}\nsample: 4"
    manifest = load(in_folder(folder, body))
    assert manifest.shots[0].sweep["who"] == (
        {"name": "Rex; the dog", "place": "barn", "duration": 4, "weight": 3},
        {"name": "Max", "place": "the\nsea", "duration": 5, "weight": 1},
    )
    told = Counter((take.asked.prompt, take.asked.duration) for take in Expansion(manifest))
    rows = [("Rex; the dog in barn", 4), ("Max in the\nsea", 5)]
    assert told == Counter((f"{text} at {light}", seconds) for text, seconds in rows for light in ("dawn", "dusk"))
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


def test_images_of_a_folder(folder: Path) -> None:
    body = "prompt: x\nsweep: {start_image: {files: stills/*.png}, seed: 1..2}\n"
    body += "exclude: [{start_image: stills/b.png, seed: 2}]"
    found = load_with_inputs(in_folder(folder, body))
    assert [each.path.name for each in found.inputs] == ["a.png", "b.png"]
    a, b = (each.reference for each in found.inputs)
    assert [(take.asked.start_image, take.asked.seed) for take in Expansion(found.manifest)] == [(a, 1), (a, 2), (b, 1)]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{lines: word.txt}", "'word.txt' is not there (looked in "),
        ("{lines: /etc/hosts}", "'/etc/hosts' is not relative"),
        ("{lines: ~/x}", "'~/x' is not relative"),
        ("{lines: 'C:\\x'}", "is not relative"),
        ("{lines: ../x.txt}", "'../x.txt' leads out with '..'"),
        ("{lines: 'stills\\..\\..\\x'}", "leads out with '..'"),
        ("{lines: outside.txt}", "'outside.txt' leads out of the manifest's folder"),
        ("{lines: away/hosts}", "'away/hosts' leads out of the manifest's folder"),
        ("{lines: pipe}", "'pipe' is not a file"),
        ("{lines: stills}", "'stills' can't be read: Is a directory"),
        ("{lines: stills/a.png}", "is no text: it has a NUL byte in line "),
        ('{lines: "a\\x01b"}', "control character"),
        ("{lines: [x]}", "['x'] is no path"),
        ("{lines: words.txt, csv: x}", "has one of lines, csv and files and nothing beside it"),
        ("{files: stills/*.png}", "files are images, videos or audio, and a holds none"),
        ("{csv: words.txt}", "'wheat field' is no name of a column"),
        ("{lines: manifest.yaml}", None),
    ],
)
def test_files_that_give_no_values(folder: Path, written: str, message: str | None) -> None:
    path = in_folder(folder, f"prompt: '{{a}}'\nsweep: {{a: {written}}}")
    if message is None:
        assert len(load(path).shots[0].axes()["a"].samples.__self__.values) > 5  # type: ignore[attr-defined]
        return
    with pytest.raises(ManifestError) as caught:
        load(path)
    (problem,) = caught.value.problems
    assert problem.place == "shots[0].sweep.a"
    assert message in problem.message


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("stills/*.jpg", "no file is called 'stills/*.jpg'"),
        ("../*.png", "leads out with '..'"),
        ("**/*.png", "has ** in it"),
        ("away/*", "leads out of the manifest's folder"),
    ],
)
def test_patterns_that_lead_nowhere(folder: Path, pattern: str, message: str) -> None:
    with pytest.raises(ManifestError, match="start_image") as caught:
        load_with_inputs(in_folder(folder, f"prompt: x\nsweep: {{start_image: {{files: '{pattern}'}}}}"))
    assert message in caught.value.problems[0].message


def test_wrong_rows_are_told_with_their_lines(folder: Path) -> None:
    (folder / "bad.csv").write_text("a,duration\nx,5\ny,five\nz,6,7\nv,\n")
    with pytest.raises(ManifestError) as caught:
        load(in_folder(folder, "prompt: '{a}'\nsweep: {r: {csv: bad.csv}}"))
    (problem,) = caught.value.problems
    assert "line 3, duration: 'five' is not a whole number of seconds" in problem.message
    assert "line 4 has 3 cells, and there are 2 columns; line 5, duration: it is empty" in problem.message


def test_a_shot_by_hand_may_say_it_all() -> None:
    shot = Shot.model_validate(
        {"name": "a", "prompt": "{x}", "sweep": {"x": ["a", "b"]}, "exclude": [{"x": "a"}], "takes": 3, "repeat": 2}
    )
    assert shot.count() == 6
