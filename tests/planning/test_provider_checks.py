"""What each of the providers takes and doesn't, by its pages."""

from __future__ import annotations

import pytest

from jobs.capabilities import capabilities
from jobs.checks.misfits import misfits
from jobs.errors import ManifestError
from jobs.reading.loading import load_text
from jobs.takes import Asked

URL = "https://example.com/a"
ASSET = "asset://a-1"
EVERYWHERE = ("anyfast", "apiframe", "ark", "cloudflare", "fal")
FAST = "seedance-2.0-fast"


def found(provider: str, **fields: object) -> list[tuple[str, str]]:
    asked = Asked.model_validate({"model": "seedance-2.0", "prompt": "x", **fields})
    return misfits(asked, capabilities(provider))


@pytest.mark.parametrize(
    ("fields", "takers"),
    [
        # Models and resolutions.
        ({"model": "seedance-2.0"}, EVERYWHERE),
        ({"model": FAST}, EVERYWHERE),
        ({"resolution": "480p"}, EVERYWHERE),
        ({"resolution": "1080p"}, ("anyfast", "apiframe", "ark", "cloudflare")),
        ({"resolution": "4k"}, ("apiframe", "cloudflare")),
        ({"model": FAST, "resolution": "1080p"}, ()),
        ({"model": FAST, "resolution": "4k"}, ()),
        ({"model": FAST, "resolution": "720p"}, EVERYWHERE),
        # Durations.
        ({"duration": 3}, ()),
        ({"duration": 4}, EVERYWHERE),
        ({"duration": 12}, EVERYWHERE),
        ({"duration": 13}, ("anyfast", "apiframe", "ark", "fal")),
        ({"duration": 15}, ("anyfast", "apiframe", "ark", "fal")),
        ({"duration": 16}, ()),
        ({"duration": "auto"}, ("anyfast", "ark", "fal")),
        # Aspect ratios.
        ({"aspect_ratio": "21:9"}, EVERYWHERE),
        ({"aspect_ratio": "9:21"}, ("cloudflare",)),
        ({"aspect_ratio": "auto"}, ("anyfast", "apiframe", "ark", "fal")),
        ({"aspect_ratio": "adaptive"}, ()),
        # Seeds.
        ({"seed": -1}, EVERYWHERE),
        ({"seed": -2}, ("apiframe", "cloudflare", "fal")),
        ({"seed": 2**32 - 1}, EVERYWHERE),
        ({"seed": 2**32}, ("apiframe", "cloudflare", "fal")),
        ({"seed": -(2**53) + 1}, ("apiframe", "cloudflare", "fal")),
        ({"seed": 2**53}, ("apiframe", "fal")),
        # Switches.
        ({"generate_audio": False}, EVERYWHERE),
        ({"camera_fixed": True}, ("apiframe", "cloudflare")),
        ({"camera_fixed": False}, EVERYWHERE),
        ({"watermark": True}, ("anyfast", "ark", "cloudflare")),
        ({"watermark": False}, ("anyfast", "ark", "cloudflare")),
        ({"web_search": True}, ("anyfast", "apiframe", "ark")),
        ({"web_search": False}, EVERYWHERE),
        ({"return_last_frame": True}, ("anyfast", "apiframe", "ark")),
        ({"return_last_frame": False}, EVERYWHERE),
        # First and last frames.
        ({"start_image": URL}, EVERYWHERE),
        ({"start_image": ASSET}, ("anyfast", "apiframe", "ark")),
        ({"start_image": URL, "end_image": URL}, EVERYWHERE),
        ({"start_image": URL, "end_image": ASSET}, ("anyfast", "apiframe", "ark")),
        ({"end_image": URL}, ()),
        ({"start_image": URL, "web_search": True}, ()),
        ({"start_image": URL, "web_search": False}, EVERYWHERE),
        ({"start_image": URL, "return_last_frame": True}, ("anyfast", "apiframe", "ark")),
        ({"start_image": URL, "reference_images": (URL,)}, ()),
        ({"start_image": URL, "reference_videos": (URL,)}, ()),
        ({"start_image": URL, "reference_audio": (URL,)}, ()),
        # References.
        ({"reference_images": (URL,) * 4}, EVERYWHERE),
        ({"reference_images": (URL,) * 5}, ("anyfast", "apiframe", "ark", "fal")),
        ({"reference_images": (URL,) * 9}, ("anyfast", "apiframe", "ark", "fal")),
        ({"reference_images": (URL,) * 10}, ()),
        ({"reference_images": (URL, ASSET)}, ("anyfast", "apiframe", "ark")),
        ({"reference_videos": (URL,)}, EVERYWHERE),
        ({"reference_videos": (URL,) * 3}, ("anyfast", "apiframe", "ark", "fal")),
        ({"reference_videos": (URL,) * 4}, ()),
        ({"reference_audio": (URL,)}, ()),
        ({"reference_audio": (URL,), "reference_images": (URL,)}, ("anyfast", "apiframe", "ark", "fal")),
        ({"reference_audio": (URL,) * 4, "reference_images": (URL,)}, ()),
        (
            {"reference_images": (URL,) * 9, "reference_videos": (URL,) * 3, "reference_audio": (URL,) * 3},
            ("anyfast", "apiframe", "ark"),
        ),
        ({"reference_images": (URL,), "resolution": "1080p"}, ("anyfast", "apiframe", "ark")),
        ({"reference_images": (URL,), "resolution": "4k"}, ("apiframe", "cloudflare")),
        ({"reference_videos": (URL,), "resolution": "1080p"}, ("anyfast", "apiframe", "ark", "cloudflare")),
        ({"reference_images": (URL,), "web_search": True}, ()),
        # Prompts.
        ({"prompt": "x" * 2000}, EVERYWHERE),
        ({"prompt": "x" * 2001}, ("anyfast", "apiframe", "ark", "fal")),
        ({"prompt": "x" * 4001}, ("anyfast", "ark", "fal")),
        ({"prompt": "字" * 500}, EVERYWHERE),
        ({"prompt": "字" * 501}, ("apiframe", "cloudflare", "fal")),
        ({"prompt": "字。" * 251}, ("apiframe", "cloudflare", "fal")),
        ({"prompt": "a " * 1000}, EVERYWHERE),
        ({"prompt": "a " * 1000 + "b"}, ("apiframe", "fal")),
        ({"prompt": "字a" * 400 + " b" * 601}, ("apiframe", "fal")),
        # The providers' own fields.
        ({"provider_options": {}}, EVERYWHERE),
        ({"provider_options": {"end_user_id": "u-1"}}, ("fal",)),
        ({"provider_options": {"end_user_id": 1}}, ()),
        ({"provider_options": {"fps": 24}}, ("cloudflare",)),
        ({"provider_options": {"fps": 25}}, ()),
        ({"provider_options": {"fps": True}}, ()),
        ({"provider_options": {"execution_expires_after": 3600, "priority": 0}}, ("anyfast", "ark")),
        ({"provider_options": {"execution_expires_after": 3599}}, ()),
        ({"provider_options": {"execution_expires_after": 259201}}, ()),
        ({"provider_options": {"safety_identifier": "x" * 64}}, ("anyfast", "ark")),
        ({"provider_options": {"safety_identifier": "x" * 65}}, ()),
        ({"provider_options": {"service_tier": "default", "output_format": "mp4"}}, ("anyfast", "ark")),
        ({"provider_options": {"service_tier": "flex"}}, ()),
        ({"provider_options": {"callback_url": URL}}, ()),
        ({"provider_options": {"webhookUrl": URL}}, ()),
        ({"provider_options": {"draft": True}}, ()),
        ({"provider_options": {"prompt": "y"}}, ()),
    ],
)
def test_who_takes_what(fields: dict[str, object], takers: tuple[str, ...]) -> None:
    assert tuple(provider for provider in EVERYWHERE if found(provider, **fields) == []) == takers


@pytest.mark.parametrize(
    ("provider", "fields", "expected"),
    [
        ("fal", {"watermark": True}, ("watermark", "fal has no watermark; anyfast, ark and cloudflare have")),
        ("fal", {"camera_fixed": True}, ("camera_fixed", "fal has no camera_fixed; apiframe and cloudflare have")),
        (
            "cloudflare",
            {"reference_audio": (URL,)},
            ("reference_audio", "cloudflare has no reference_audio; anyfast, apiframe, ark and fal have"),
        ),
        (
            "cloudflare",
            {"reference_audio": (URL,), "reference_images": (URL,)},
            ("reference_audio", "cloudflare has no reference_audio; anyfast, apiframe, ark and fal have"),
        ),
        (
            "cloudflare",
            {"return_last_frame": True},
            ("return_last_frame", "cloudflare has no last frame of its own to give; anyfast, apiframe and ark have"),
        ),
        (
            "cloudflare",
            {"resolution": "1080p", "reference_images": (URL,)},
            (
                "resolution",
                "resolution 1080p can't go together with reference_images at cloudflare; anyfast, apiframe and ark can",
            ),
        ),
        (
            "cloudflare",
            {"duration": 13},
            ("duration", "13 is above 12, the most that cloudflare allows; anyfast, apiframe, ark and fal take it"),
        ),
        (
            "cloudflare",
            {"duration": "auto"},
            (
                "duration",
                "auto is not a duration that cloudflare allows; give seconds, 4 to 12; anyfast, ark and fal take it",
            ),
        ),
        (
            "fal",
            {"start_image": ASSET},
            (
                "start_image",
                "'asset://a-1' is an asset id, and fal takes none; give a URL; anyfast, apiframe and ark take it",
            ),
        ),
        (
            "apiframe",
            {"aspect_ratio": "9:21"},
            (
                "aspect_ratio",
                "'9:21' is not an aspect ratio that apiframe allows: auto, 21:9, 16:9, 4:3, 1:1, 3:4 or 9:16; "
                "cloudflare takes it",
            ),
        ),
        (
            "apiframe",
            {"model": FAST, "resolution": "1080p"},
            ("resolution", "'1080p' is not a resolution that apiframe allows for seedance-2.0-fast: 480p or 720p"),
        ),
        (
            "anyfast",
            {"web_search": True, "start_image": URL},
            ("web_search", "web_search can't go together with start_image at anyfast; keep one"),
        ),
        (
            "anyfast",
            {"prompt": "字" * 501},
            ("prompt", "a prompt of 501 Chinese characters; 500 is the most that anyfast allows"),
        ),
        (
            "ark",
            {"prompt": "a " * 1001},
            ("prompt", "a prompt of 1001 words; 1000 is the most that ark allows"),
        ),
        (
            "fal",
            {"provider_options": {"priority": 1}},
            ("provider_options", "fal has no field 'priority'; it has end_user_id; anyfast and ark take it"),
        ),
        (
            "fal",
            {"provider_options": {"end_userid": "x"}},
            ("provider_options", "fal has no field 'end_userid'; did you mean 'end_user_id'?"),
        ),
        ("apiframe", {"provider_options": {"foo": 1}}, ("provider_options", "apiframe has no field 'foo'")),
        (
            "ark",
            {"provider_options": {"priority": 10}},
            ("provider_options", "10 is above 9, the most"),
        ),
        (
            "ark",
            {"provider_options": {"priority": "3"}},
            ("provider_options", "'3' is not a whole number"),
        ),
        (
            "ark",
            {"provider_options": {"ratio": "16:9"}},
            ("provider_options", "ratio is sent by Rushes, from aspect_ratio; set that"),
        ),
        (
            "ark",
            {"provider_options": {"callback_url": URL}},
            ("provider_options", "callback_url is sent by Rushes; take it away"),
        ),
        (
            "apiframe",
            {"provider_options": {"seed": 1}},
            ("provider_options", "seed is a field of the manifest; set it there"),
        ),
    ],
)
def test_what_is_said(provider: str, fields: dict[str, object], expected: tuple[str, str]) -> None:
    assert found(provider, **fields) == [expected]


def in_manifest(provider: str, rest: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load_text(f"batch: b\nprovider: {provider}\nmodel: seedance-2.0\n{rest}", "test.yaml")
    return [f"{problem.place}: {problem.message}" for problem in caught.value.problems]


def test_each_misfit_bears_its_place() -> None:
    text = """\
last_frame: provider
defaults: {watermark: true}
shots:
  - {name: a, prompt: x, provider_options: {priority: 1}, reference_images: [https://a/b, "asset://b"]}
  - {name: b, prompt: x, sweep: {web_search: [false, true], camera_fixed: [true, false]}}
"""
    assert in_manifest("fal", text) == [
        "last_frame: fal has no last frame of its own to give; anyfast, apiframe and ark have",
        "defaults.watermark: fal has no watermark; anyfast, ark and cloudflare have",
        "shots[0].reference_images: 'asset://b' is an asset id, and fal takes none; give a URL; "
        "anyfast, apiframe and ark take it",
        "shots[0].provider_options.priority: fal has no field 'priority'; it has end_user_id; anyfast and ark take it",
        "shots[1].sweep.web_search[1]: fal has no web_search; anyfast, apiframe and ark have",
        "shots[1].sweep.camera_fixed[0]: fal has no camera_fixed; apiframe and cloudflare have",
    ]


def test_a_shot_opts_out_of_what_the_defaults_ask_for() -> None:
    text = """\
defaults: {web_search: true}
shots:
  - {name: a, prompt: x}
  - {name: b, prompt: x, start_image: https://a/b.png, web_search: false}
"""
    manifest = load_text(f"batch: b\nprovider: anyfast\nmodel: {FAST}\n{text}", "test.yaml")
    assert manifest.shots[1].web_search is False


def test_words_that_two_variables_make_together_are_counted() -> None:
    text = "shots: [{name: a, prompt: '" + "w " * 998 + "{a}{b}', sweep: {a: [x, 'x y '], b: [z]}}]\n"
    assert in_manifest("ark", text) == [
        "shots[0].prompt: a prompt of up to 1001 words; 1000 is the most that ark allows"
    ]


def test_a_variable_that_parts_a_word_is_counted() -> None:
    text = "shots: [{name: a, prompt: '" + "w " * 999 + "a{x}b', sweep: {x: [yy, ' ']}}]\n"
    assert in_manifest("ark", text) == [
        "shots[0].prompt: a prompt of up to 1001 words; 1000 is the most that ark allows"
    ]
