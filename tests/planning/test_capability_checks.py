"""What a provider takes: fal's table, and one with everything that the others differ in."""

from __future__ import annotations

import pytest

from jobs.capabilities import Capabilities, capabilities, known_providers
from jobs.checks.misfits import manifest_misfits, misfits, shot_misfits
from jobs.errors import ManifestError
from jobs.faults import place
from jobs.manifest import Defaults, Manifest, Shot
from jobs.reading.loading import load_text
from jobs.takes import Asked
from jobs.takes.mode import mode

URL = "https://example.com/{}"

# Unlike fal in every way that a table can say.
PICKY = Capabilities.model_validate(
    {
        "provider": "picky",
        "source": "made up",
        "read": "2026-11-21",
        "models": {
            "plain": {
                "endpoints": {"text": "p", "image": "p", "reference": "p"},
                "resolutions": ["480p", "720p", "1080p", "4k"],
            },
            "quick": {
                "endpoints": {"text": "q", "image": "q"},
                "resolutions": ["480p", "720p"],
                "aspect_ratios": ["1:1"],
                "durations": {"least": 4, "most": 8, "auto": True},
            },
        },
        "modes": {
            "text": ["prompt", "duration", "resolution", "aspect_ratio", "seed"],
            "image": ["prompt", "start_image", "duration", "resolution", "seed"],
            "reference": ["prompt", "reference_images", "duration", "resolution", "aspect_ratio", "seed"],
        },
        "durations": {"least": 4, "most": 12, "auto": False},
        "aspect_ratios": ["16:9", "9:21", "1:1"],
        "references": {"reference_images": 4, "total": 4},
        "seed": {"least": 0, "most": 4294967295},
        "longest_prompt": 20,
        "rules": [{"field": "resolution", "values": ["1080p", "4k"], "forbids": ["reference_images"]}],
        "defaults": {"duration": 5, "resolution": "720p"},
    }
)


def urls(count: int) -> tuple[str, ...]:
    return tuple(URL.format(at) for at in range(count))


def fal(**fields: object) -> list[tuple[str, str]]:
    return misfits(Asked.model_validate({"model": "seedance-2.0", "prompt": "x", **fields}), capabilities("fal"))


def picky(**fields: object) -> list[tuple[str, str]]:
    return misfits(Asked.model_validate({"model": "plain", "prompt": "x", **fields}), PICKY)


def test_fal_is_known() -> None:
    assert "fal" in known_providers()
    table = capabilities("fal")
    assert table.models["seedance-2.0-fast"].endpoints["image"] == "bytedance/seedance-2.0/fast/image-to-video"
    assert table.models["seedance-2.0"].endpoints["reference"] == "bytedance/seedance-2.0/reference-to-video"
    with pytest.raises(KeyError):
        capabilities("../fal")


@pytest.mark.parametrize("provider", known_providers())
def test_every_table_bears_its_own_name_and_takes_its_own_defaults(provider: str) -> None:
    table = capabilities(provider)
    assert table.provider == provider
    defaults = table.defaults.model_dump(exclude_none=True)
    for model in table.models:
        assert misfits(Asked.model_validate({"model": model, "prompt": "x", **defaults}), table) == []


@pytest.mark.parametrize("duration", [None, "auto", *range(4, 16)])
@pytest.mark.parametrize("resolution", [None, "480p", "720p"])
def test_what_fal_takes(duration: object, resolution: str | None) -> None:
    assert fal(duration=duration, resolution=resolution, seed=-(2**70), generate_audio=False) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"start_image": URL},
        {"start_image": URL, "end_image": URL, "aspect_ratio": "21:9"},
        {"reference_images": urls(9), "reference_videos": urls(3)},
        {"reference_images": urls(6), "reference_videos": urls(3), "reference_audio": urls(3)},
        {"reference_videos": urls(1), "reference_audio": urls(1)},
    ],
)
def test_the_media_that_fal_takes(fields: dict[str, object]) -> None:
    assert fal(**fields) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"model": "seedance-3"}, [("model", "fal has no model 'seedance-3'; did you mean 'seedance-2.0'?")]),
        ({"duration": 3}, [("duration", "3 is below 4, the least that fal allows")]),
        ({"duration": 16}, [("duration", "16 is above 15, the most that fal allows")]),
        (
            {"resolution": "1080p"},
            [
                (
                    "resolution",
                    "'1080p' is not a resolution that fal allows: 480p or 720p; "
                    "anyfast, apiframe, ark and cloudflare take it",
                )
            ],
        ),
        (
            {"aspect_ratio": "9:21"},
            [
                (
                    "aspect_ratio",
                    "'9:21' is not an aspect ratio that fal allows: auto, 21:9, 16:9, 4:3, 1:1, 3:4 or 9:16; "
                    "cloudflare takes it",
                )
            ],
        ),
        ({"end_image": URL}, [("end_image", "end_image needs start_image beside it at fal")]),
        (
            {"reference_audio": urls(1)},
            [("reference_audio", "reference_audio needs reference_images or reference_videos beside it at fal")],
        ),
        (
            {"start_image": URL, "end_image": URL, "reference_videos": urls(1)},
            [
                ("start_image", "start_image can't go together with reference_videos at fal; keep one"),
                ("end_image", "end_image can't go together with reference_videos at fal; keep one"),
            ],
        ),
        ({"reference_images": urls(10)}, [("reference_images", "10 are too many; 9 is the most that fal allows")]),
        (
            {"reference_images": urls(9), "reference_videos": urls(4)},
            [
                ("reference_videos", "4 are too many; 3 is the most that fal allows"),
                ("", "13 references in one take; 12 is the most that fal allows"),
            ],
        ),
        (
            {"duration": 99, "resolution": "8k"},
            [
                ("duration", "99 is above 15, the most that fal allows"),
                ("resolution", "'8k' is not a resolution that fal allows: 480p or 720p"),
            ],
        ),
    ],
)
def test_what_fal_does_not_take(fields: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert fal(**fields) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"resolution": "4k", "aspect_ratio": "9:21", "seed": 2**32 - 1, "duration": 12}, []),
        ({"duration": "auto"}, [("duration", "auto is not a duration that picky allows; give seconds, 4 to 12")]),
        ({"model": "quick", "duration": "auto"}, []),
        ({"model": "quick", "duration": 9}, [("duration", "9 is above 8, the most that picky allows for quick")]),
        (
            {"model": "quick", "resolution": "4k"},
            [("resolution", "'4k' is not a resolution that picky allows for quick: 480p or 720p")],
        ),
        (
            {"model": "quick", "aspect_ratio": "16:9"},
            [("aspect_ratio", "'16:9' is not an aspect ratio that picky allows for quick: 1:1")],
        ),
        ({"seed": -1}, [("seed", "-1 is below 0, the least that picky allows")]),
        ({"seed": 2**32}, [("seed", "4294967296 is above 4294967295, the most that picky allows")]),
        ({"prompt": "x" * 21}, [("prompt", "a prompt of 21 characters; 20 is the most that picky allows")]),
        ({"generate_audio": True}, [("generate_audio", "picky has no generate_audio; take it away")]),
        ({"reference_audio": urls(1)}, [("reference_audio", "picky has no reference_audio; take it away")]),
        (
            {"start_image": URL, "aspect_ratio": "1:1"},
            [("aspect_ratio", "aspect_ratio can't go together with start_image at picky; keep one")],
        ),
        (
            {"resolution": "4k", "reference_images": urls(1)},
            [("resolution", "resolution 4k can't go together with reference_images at picky")],
        ),
        (
            {"model": "quick", "reference_images": urls(1)},
            [("reference_images", "quick at picky takes no reference_images")],
        ),
    ],
)
def test_tables_that_differ_from_fals(fields: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert picky(**fields) == expected


def in_manifest(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load_text("batch: b\nprovider: fal\nmodel: seedance-2.0\n" + text, "test.yaml")
    return [f"{problem.place}: {problem.message}" for problem in caught.value.problems]


def test_the_blame_goes_where_the_value_was_written() -> None:
    text = """\
defaults: {start_image: https://example.com/a.png, duration: 99}
shots:
  - {name: a, prompt: x, reference_images: [https://example.com/b.png], duration: 5}
  - {name: b, prompt: x, sweep: {resolution: [480p, 1080p], duration: 1..20}}
  - {name: c, prompt: x}
  - {name: d, prompt: x, sweep: {model: [seedance-2.0, seedance-1], seed: 1..1000000000}}
"""
    assert in_manifest(text) == [
        "defaults.duration: 99 is above 15, the most that fal allows",
        "shots[0].reference_images: reference_images can't go together with start_image, which the defaults set, "
        "at fal; keep one",
        "shots[1].sweep.duration: 1 is below 4, the least that fal allows; 20 is above 15, the most that fal allows",
        "shots[1].sweep.resolution[1]: '1080p' is not a resolution that fal allows: 480p or 720p; "
        "anyfast, apiframe, ark and cloudflare take it",
        "shots[3].sweep.model[1]: fal has no model 'seedance-1'; did you mean 'seedance-2.0'?",
    ]


def test_too_many_references_together_is_the_shots_affair() -> None:
    images = ", ".join(urls(9))
    videos = ", ".join(urls(3))
    text = f"shots:\n  - {{name: a, prompt: x, reference_images: [{images}], reference_videos: [{videos}],\n"
    text += f"     reference_audio: [{URL.format('a')}]}}\n"
    assert in_manifest(text) == [
        "shots[0]: 13 references in one take; 12 is the most that fal allows; anyfast, apiframe and ark can"
    ]


def test_a_damaged_shot_is_not_blamed_for_what_it_lost() -> None:
    text = (
        "shots:\n  - {name: a, prompt: x, start_image: dog.png, end_image: https://example.com/b.png, duration: 99}\n"
    )
    found = in_manifest(text)
    assert [problem.partition(":")[0] for problem in found] == ["shots[0].start_image", "shots[0].duration"]


def test_with_an_unknown_model_the_rest_is_still_checked() -> None:
    text = "shots: [{name: a, prompt: x, duration: 99}]\n"
    with pytest.raises(ManifestError) as caught:
        load_text("batch: b\nprovider: fal\nmodel: nope\n" + text, "test.yaml")
    assert [problem.place for problem in caught.value.problems] == ["model", "shots[0].duration"]


def test_the_longest_prompt_is_found_without_laying_out_the_sweep() -> None:
    shots = {
        0: Shot(name="a", prompt="{x} and {n}", sweep={"x": ("a", "a" * 10), "n": "1..1000000"}),
        1: Shot(name="b", sweep={"prompt": ("short", "y" * 21)}),
        2: Shot(name="c", prompt="{x} and {n}", sweep={"x": ("a",), "n": "1..1000000"}),
    }
    found = shot_misfits("plain", Defaults(), shots, PICKY)
    assert [(place(fault.loc), fault.message) for fault in found] == [
        ("shots[0].prompt", "a prompt of up to 22 characters; 20 is the most that picky allows"),
        ("shots[1].sweep.prompt[1]", "a prompt of up to 21 characters; 20 is the most that picky allows"),
    ]


def test_every_swept_model_is_asked() -> None:
    shots = {0: Shot(name="a", prompt="x", sweep={"model": ("plain", "quick"), "resolution": ("480p", "4k")})}
    found = list(shot_misfits("plain", Defaults(), shots, PICKY))
    assert [(place(fault.loc), fault.message) for fault in found] == [
        ("shots[0].sweep.resolution[1]", "'4k' is not a resolution that picky allows for quick: 480p or 720p")
    ]


def test_what_a_take_would_not_fit_its_manifest_does_not_either() -> None:
    """The two ways to ask agree: nothing found in the manifest, nothing found in any of its takes."""
    shot = Shot(name="a", prompt="x", start_image=URL.format("a"), sweep={"duration": "4..15", "seed": "1..3"})
    manifest = Manifest(batch="b", provider="fal", model="seedance-2.0", shots=(shot,))
    assert manifest_misfits(manifest) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "text"),
        ({"start_image": URL}, "image"),
        ({"end_image": URL}, "image"),
        ({"reference_audio": (URL,)}, "reference"),
        ({"start_image": URL, "reference_images": (URL,)}, "reference"),
    ],
)
def test_the_mode_that_a_take_calls_for(fields: dict[str, object], expected: str) -> None:
    assert mode(Asked.model_validate({"model": "m", "prompt": "x", **fields})) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modes": {"text": ["prompt", "sead"]}}, "no such fields"),
        ({"rules": [{"field": "sead"}]}, "no such fields"),
        ({"modes": {"text": ["prompt"]}}, "modes that take no fields"),
        ({"colour": "blue"}, "Extra inputs"),
    ],
)
def test_a_table_must_make_sense(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Capabilities.model_validate({**PICKY.model_dump(), **change})
