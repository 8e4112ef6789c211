"""Every example request of the providers' pages, as a manifest: it loads, and asks what the example asks.

The documented bodies are turned back into what is asked by the reading below, which knows no adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from jobs.capabilities import capabilities
from jobs.checks.misfits import manifest_misfits, misfits
from jobs.manifest import Manifest
from jobs.reading.loading import load_text
from jobs.reading.manifests import parse_manifest
from jobs.takes import Asked
from jobs.takes.expansion import Expansion
from jobs.takes.mode import mode

OCTOPUS = (
    "An octopus finds a football in the ocean and excitedly calls its octopus friends to come and play. "
    "Cut scene to an octopus football game under the sea."
)
FOOTBALL = "https://v3b.fal.media/files/b/0a8eba37/Cqg-4Uwzyz4DELfceT1CF_a17e588773ec45b1a9e6f100a787b80b.jpg"
FLOWER = "A timelapse of a flower blooming in a garden, close up macro shot"
RETRIEVER = "A golden retriever running through a field of sunflowers on a sunny day"
PEAKS = "A dramatic drone shot flying through misty mountain peaks at sunrise, cinematic lighting with volumetric fog"
SKYLINE = (
    "A sweeping cinematic shot of a futuristic city skyline at dusk, flying past glass towers with neon reflections "
    "and dramatic clouds"
)
BARISTA = "A barista pouring latte art in a cozy coffee shop, close-up with shallow depth of field"
PERFUME = "Replace the water bottle in the video with the perfume bottle from the image, keep camera movement unchanged"


class Example(NamedTuple):
    """A request as a page has it, and the shot that asks for it."""

    name: str
    provider: str
    model: str
    body: Mapping[str, Any]
    shot: str
    mode: str = "text"


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def medium(kind: str, role: str, url: str) -> dict[str, Any]:
    return {"type": f"{kind}_url", f"{kind}_url": {"url": url}, "role": role}


FAST = "seedance-2.0-fast"
AUTO = "resolution: 720p, duration: auto, aspect_ratio: auto, generate_audio: true"
AUTO_BODY = {"resolution": "720p", "duration": "auto", "aspect_ratio": "auto", "generate_audio": True}

EXAMPLES = [
    Example("fal text, as called", "fal", FAST, {"prompt": OCTOPUS}, f"prompt: '{OCTOPUS}'"),
    Example("fal text", "fal", FAST, {"prompt": OCTOPUS, **AUTO_BODY}, f"prompt: '{OCTOPUS}', {AUTO}"),
    Example(
        "fal image, as called",
        "fal",
        FAST,
        {"prompt": OCTOPUS, "image_url": FOOTBALL},
        f"prompt: '{OCTOPUS}', start_image: '{FOOTBALL}'",
        "image",
    ),
    Example(
        "fal image",
        "fal",
        FAST,
        {"prompt": OCTOPUS, "image_url": FOOTBALL, **AUTO_BODY},
        f"prompt: '{OCTOPUS}', start_image: '{FOOTBALL}', {AUTO}",
        "image",
    ),
    Example(
        "fal reference",
        "fal",
        FAST,
        {"prompt": OCTOPUS, "image_urls": [FOOTBALL], **AUTO_BODY},
        f"prompt: '{OCTOPUS}', reference_images: ['{FOOTBALL}'], {AUTO}",
        "reference",
    ),
    *(
        Example(
            f"cloudflare {model} {name}",
            "cloudflare",
            model,
            {"prompt": prompt, "aspect_ratio": ratio, "duration": seconds, "resolution": resolution},
            f"prompt: '{prompt}', aspect_ratio: '{ratio}', duration: {seconds}, resolution: {resolution}",
        )
        for model, name, prompt, ratio, seconds, resolution in (
            (FAST, "usage", RETRIEVER, "16:9", 5, "720p"),
            (FAST, "portrait video", BARISTA, "9:16", 5, "720p"),
            ("seedance-2.0", "usage", RETRIEVER, "16:9", 5, "720p"),
            ("seedance-2.0", "high resolution cinematic", PEAKS, "16:9", 10, "1080p"),
            (
                "seedance-2.0",
                "portrait video",
                "Abstract ink drops spreading through water, vivid colors mixing in slow motion",
                "9:16",
                5,
                "720p",
            ),
            ("seedance-2.0", "4k cinematic video", SKYLINE, "16:9", 5, "4k"),
        )
    ),
    Example(
        "apiframe",
        "apiframe",
        FAST,
        {"prompt": FLOWER, "duration": 4, "resolution": "720p", "generate_audio": False},
        f"prompt: '{FLOWER}', duration: 4, resolution: 720p, generate_audio: false",
    ),
    Example(
        "anyfast text-to-video",
        "anyfast",
        FAST,
        {
            "content": [text("A cat playing piano in a sunlit room, cinematic lighting")],
            "generate_audio": True,
            "ratio": "16:9",
            "duration": 8,
        },
        "prompt: 'A cat playing piano in a sunlit room, cinematic lighting', generate_audio: true,\n"
        "     aspect_ratio: '16:9', duration: 8",
    ),
    Example(
        "anyfast multimodal reference",
        "anyfast",
        FAST,
        {
            "content": [
                text("Extend the video with a smooth camera pan, festive atmosphere"),
                medium("image", "reference_image", "https://example.com/character.jpg"),
                medium("video", "reference_video", "https://example.com/clip.mp4"),
                medium("audio", "reference_audio", "https://example.com/bgm.mp3"),
            ],
            "generate_audio": True,
            "ratio": "16:9",
            "duration": 11,
        },
        "prompt: 'Extend the video with a smooth camera pan, festive atmosphere', generate_audio: true,\n"
        "     reference_images: ['https://example.com/character.jpg'], aspect_ratio: '16:9', duration: 11,\n"
        "     reference_videos: ['https://example.com/clip.mp4'], reference_audio: ['https://example.com/bgm.mp3']",
        "reference",
    ),
    Example(
        "anyfast video editing",
        "anyfast",
        FAST,
        {
            "content": [
                text(PERFUME),
                medium("image", "reference_image", "https://example.com/perfume.jpg"),
                medium("video", "reference_video", "https://example.com/original.mp4"),
            ],
            "generate_audio": True,
            "ratio": "16:9",
            "duration": 5,
        },
        f"prompt: '{PERFUME}', generate_audio: true, aspect_ratio: '16:9', duration: 5,\n"
        "     reference_images: ['https://example.com/perfume.jpg'],\n"
        "     reference_videos: ['https://example.com/original.mp4']",
        "reference",
    ),
    Example(
        "anyfast web search",
        "anyfast",
        FAST,
        {
            "content": [text("Macro shot of cherry blossoms in spring, petals falling slowly")],
            "generate_audio": True,
            "ratio": "16:9",
            "duration": 11,
            "tools": [{"type": "web_search"}],
        },
        "prompt: 'Macro shot of cherry blossoms in spring, petals falling slowly', generate_audio: true,\n"
        "     aspect_ratio: '16:9', duration: 11, web_search: true",
    ),
]

# The page gives the image itself, as a data URI; a manifest names the file that it is.
FROM_A_FILE = Example(
    "cloudflare seedance-2.0 image to video",
    "cloudflare",
    "seedance-2.0",
    {
        "image": "character.png",
        "prompt": "The character begins walking forward through the scene",
        "aspect_ratio": "16:9",
        "duration": 5,
        "resolution": "720p",
    },
    "prompt: The character begins walking forward through the scene, start_image: character.png,\n"
    "     aspect_ratio: 16:9, duration: 5, resolution: 720p",
    "image",
)

# Modes that the pages describe and give no whole example of.
DESCRIBED = [
    *(
        Example(f"{provider} {name}", provider, FAST, {"content": content}, shot, mode)
        for provider in ("anyfast", "ark")
        for name, content, shot, mode in (
            (
                "first frame",
                [text("x"), medium("image", "first_frame", "https://example.com/a.png")],
                "prompt: x, start_image: 'https://example.com/a.png'",
                "image",
            ),
            (
                "first and last frame",
                [
                    text("x"),
                    medium("image", "first_frame", "https://example.com/a.png"),
                    medium("image", "last_frame", "asset://b-1"),
                ],
                "prompt: x, start_image: 'https://example.com/a.png', end_image: 'asset://b-1'",
                "image",
            ),
            (
                "video extension",
                [text("x"), *(medium("video", "reference_video", f"https://example.com/{at}.mp4") for at in range(3))],
                "prompt: x, reference_videos: ['https://example.com/0.mp4', 'https://example.com/1.mp4',\n"
                "     'https://example.com/2.mp4']",
                "reference",
            ),
        )
    ),
    Example(
        "anyfast everything else",
        "anyfast",
        FAST,
        {
            "content": [text("x")],
            "resolution": "480p",
            "ratio": "adaptive",
            "duration": -1,
            "watermark": True,
            "return_last_frame": True,
            "seed": 1,
        },
        "prompt: x, resolution: 480p, aspect_ratio: auto, duration: auto, watermark: true,\n"
        "     return_last_frame: true, seed: 1",
    ),
    Example(
        "apiframe everything",
        "apiframe",
        "seedance-2.0",
        {
            "prompt": "x",
            "duration": 15,
            "resolution": "4k",
            "aspect_ratio": "adaptive",
            "reference_image_urls": ["asset://i"],
            "reference_video_urls": ["asset://v"],
            "reference_audio_urls": ["asset://a"],
            "generate_audio": True,
            "return_last_frame": True,
            "seed": -5,
            "camera_fixed": True,
        },
        "prompt: x, duration: 15, resolution: 4k, aspect_ratio: auto, reference_images: ['asset://i'],\n"
        "     reference_videos: ['asset://v'], reference_audio: ['asset://a'], generate_audio: true,\n"
        "     return_last_frame: true, seed: -5, camera_fixed: true",
        "reference",
    ),
    Example(
        "cloudflare everything with a first and a last frame",
        "cloudflare",
        "seedance-2.0",
        {
            "prompt": "x",
            "image": "https://example.com/a.png",
            "last_frame_image": "https://example.com/b.png",
            "duration": 12,
            "resolution": "4k",
            "aspect_ratio": "9:21",
            "fps": 24,
            "camera_fixed": True,
            "generate_audio": False,
            "watermark": True,
            "seed": -9007199254740991,
        },
        "prompt: x, start_image: 'https://example.com/a.png', end_image: 'https://example.com/b.png', duration: 12,\n"
        "     resolution: 4k, aspect_ratio: '9:21', provider_options: {fps: 24}, camera_fixed: true,\n"
        "     generate_audio: false, watermark: true, seed: -9007199254740991",
        "image",
    ),
    Example(
        "cloudflare references",
        "cloudflare",
        FAST,
        {
            "prompt": "x",
            "reference_images": [f"https://example.com/{at}.png" for at in range(4)],
            "reference_video": "https://example.com/a.mp4",
        },
        "prompt: x, reference_videos: ['https://example.com/a.mp4'], reference_images: [\n"
        "     'https://example.com/0.png', 'https://example.com/1.png', 'https://example.com/2.png',\n"
        "     'https://example.com/3.png']",
        "reference",
    ),
]

_AUTO = {"adaptive": "auto", -1: "auto"}


def asked_by(example: Example) -> Asked:
    """What the documented body asks, read by nothing but the names that the table says Rushes sends."""
    table = capabilities(example.provider)
    fields: dict[str, Any] = {"model": example.model}
    for name, value in example.body.items():
        if name == "content":
            fields |= _content(value)
        elif name == "tools":
            assert value == [{"type": "web_search"}]
            fields["web_search"] = True
        elif name in table.options:
            fields.setdefault("provider_options", {})[name] = value
        else:
            field = table.sets[name]
            assert field is not None, name
            listed = field.startswith("reference_") and isinstance(value, str)
            auto = field in ("aspect_ratio", "duration") and value in _AUTO
            fields[field] = (value,) if listed else _AUTO[value] if auto else value
    return Asked.model_validate(fields)


def _content(items: list[dict[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for item in items:
        if item["type"] == "text":
            fields["prompt"] = item["text"]
            continue
        url = item[item["type"]]["url"]
        match item["role"]:
            case "first_frame":
                fields["start_image"] = url
            case "last_frame":
                fields["end_image"] = url
            case role:
                field = {"reference_image": "reference_images", "reference_video": "reference_videos"}.get(role, role)
                fields.setdefault(field, []).append(url)
    return fields


def manifest_text(example: Example) -> str:
    head = f"batch: b\nprovider: {example.provider}\nmodel: {example.model}\n"
    return f"{head}shots:\n  - {{name: a, {example.shot}}}\n"


def only_take(manifest: Manifest) -> Asked:
    [take] = Expansion(manifest)
    return take.asked


@pytest.mark.parametrize("example", [*EXAMPLES, *DESCRIBED], ids=lambda example: example.name)
def test_a_manifest_loads_and_asks_what_the_page_asks(example: Example) -> None:
    asked = only_take(load_text(manifest_text(example), "test.yaml"))
    assert asked == asked_by(example)
    assert misfits(asked, capabilities(example.provider)) == []


def test_an_image_within_the_request_is_a_file_in_the_manifest() -> None:
    manifest = parse_manifest(manifest_text(FROM_A_FILE), "test.yaml")
    assert manifest_misfits(manifest) == []
    assert only_take(manifest) == asked_by(FROM_A_FILE)
    assert "data" in capabilities("cloudflare").ways_of("image")


@pytest.mark.parametrize("example", [*EXAMPLES, *DESCRIBED, FROM_A_FILE], ids=lambda example: example.name)
def test_the_mode_is_that_of_the_page(example: Example) -> None:
    assert mode(asked_by(example)) == example.mode
    assert example.mode in capabilities(example.provider).models[example.model].endpoints


@pytest.mark.parametrize("example", [*EXAMPLES, *DESCRIBED], ids=lambda example: example.name)
def test_what_a_manifest_sets_itself_no_option_can_set(example: Example) -> None:
    table = capabilities(example.provider)
    for name in example.body:
        if name in table.options:
            continue
        asked = Asked(model=example.model, prompt="x", provider_options={name: 1})
        [(field, message)] = misfits(asked, table)
        assert field == "provider_options"
        assert message.startswith((f"{name} is sent by Rushes", f"{name} is a field of the manifest"))
