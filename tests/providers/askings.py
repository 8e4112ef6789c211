"""Takes for Hypothesis to ask of a provider: within what its table has, and slightly beyond it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from jobs.capabilities import Capabilities
from jobs.fields.readers import READERS, REFERENCES
from jobs.fields.references import MEDIA
from jobs.takes import Asked

SWITCHES = ("generate_audio", "camera_fixed", "watermark", "web_search", "return_last_frame")
FIELDS = (*(name for name in READERS if name != "prompt"), "prompt", "provider_options")

URLS = (
    "https://example.com/{}.bin",
    "http://127.0.0.1:9000/shots/a%20b.png?x-id=GetObject&n={}#top",
    "https://user:word@[2001:db8::1]:8443/~dogs/({}),'b';c@d!$&*+=",
    "https://xn--bcher-kva.example/?{}",
)

# Signs of every kind that a counter of characters, Chinese characters or words might see otherwise.
SIGNS = 'ab 字\u3400\U00020000、。かーＡ　\u4dc0\u00e9\U0001f418\n\t\u200b\u00a0."\\/@1'

# What the providers' own fields may be, and what they may not.
_ARKS: dict[str, tuple[Any, ...]] = {
    "execution_expires_after": (3600, 100_000, 172_800, 259_200),
    "safety_identifier": ("a", "x" * 64, "字" * 64),
    "priority": (0, 9),
    "service_tier": ("default",),
    "output_format": ("mp4",),
}
GOOD_OPTIONS: dict[str, dict[str, tuple[Any, ...]]] = {
    "cloudflare": {"fps": (24,)},
    "fal": {"end_user_id": ("user-7", "x" * 300)},
    "apiframe": {},
    "anyfast": _ARKS,
    "ark": _ARKS,
}
BAD_OPTIONS: tuple[dict[str, Any], ...] = (
    {"fps": 25},
    {"fps": True},
    {"fps": "24"},
    {"fps": None},
    {"end_user_id": 7},
    {"end_user_id": ""},
    {"execution_expires_after": 3599},
    {"execution_expires_after": 259_201},
    {"execution_expires_after": 3600.5},
    {"safety_identifier": "x" * 65},
    {"safety_identifier": ["x"]},
    {"priority": -1},
    {"priority": 10},
    {"priority": True},
    {"priority": "1"},
    {"service_tier": "flex"},
    {"output_format": "mov"},
    {"callback_url": "https://example.com/told"},
    {"webhookUrl": "https://example.com/told"},
    {"webhookEvents": ["completed"]},
    {"draft": True},
    {"frames": 57},
    {"omni_reference_task_type": "edit"},
    {"negative_prompt": "cats"},
    {"n": {"a": [1, None]}},
    *({name: value} for name, value in (("prompt", "a cat"), ("model", "seedance-2"), ("duration", 5), ("seed", 1))),
    *({name: "adaptive"} for name in ("ratio", "aspect_ratio")),
    *({name: True} for name in SWITCHES),
    *({name: ["https://example.com/1.png"]} for name in ("reference_images", "image_urls", "reference_image_urls")),
    *({name: "https://example.com/1.png"} for name in ("image", "image_url", "start_image", "last_frame_image")),
    {"tools": [{"type": "web_search"}]},
    {"content": [{"type": "text", "text": "a cat"}]},
    {"seedanceParams": {"duration": 5}},
)


@st.composite
def fitting(draw: st.DrawFn, table: Capabilities) -> Asked:
    """What the table has, at its bounds and between, in one of its modes."""
    return Asked.model_validate(draw(_within(table)))


@st.composite
def straying(draw: st.DrawFn, table: Capabilities) -> Asked:
    """What the table has, but for one to three fields that may be anything that a manifest can hold."""
    fields = draw(_within(table))
    for name in draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3, unique=True)):
        fields[name] = draw(_anything(name, table))
    return Asked.model_validate(fields)


@st.composite
def _within(draw: st.DrawFn, table: Capabilities) -> dict[str, Any]:
    model = draw(st.sampled_from(sorted(table.models)))
    mode = draw(st.sampled_from(sorted(table.models[model].endpoints)))
    durations = table.durations_of(model)
    values: dict[str, st.SearchStrategy[Any]] = {
        "duration": st.sampled_from([*range(durations.least, durations.most + 1), *["auto"] * durations.auto]),
        "resolution": st.sampled_from(table.resolutions_of(model)),
        "aspect_ratio": st.sampled_from(table.aspect_ratios_of(model)),
        "seed": _edges(table.seed.least, table.seed.most) | st.integers(table.seed.least, table.seed.most),
        **dict.fromkeys(SWITCHES, st.booleans()),
    }
    fields: dict[str, Any] = {"model": model, "prompt": draw(_prompts(table, over=0))}
    for name in table.modes[mode]:
        if name in values and draw(st.booleans()):
            fields[name] = draw(values[name])
    if mode == "image":
        fields["start_image"] = draw(_media("start_image", table))
        if draw(st.booleans()):
            fields["end_image"] = draw(_media("end_image", table))
    if mode == "reference":
        left = table.references.total
        for name in REFERENCES:
            most = min(left, int(getattr(table.references, name)))
            count = draw(st.sampled_from([0, 1, most]) | st.integers(0, most)) if most else 0
            least = 1 if name == "reference_videos" and not fields["reference_images"] else 0
            alone = name == "reference_audio" and not (fields["reference_images"] or fields["reference_videos"])
            count = 0 if alone else max(count, least)
            fields[name] = tuple(draw(_media(name, table)) for _ in range(count))
            left -= count
        if table.provider == "cloudflare" and fields["reference_images"] and fields.get("resolution") == "1080p":
            fields["resolution"] = "4k"
    good = GOOD_OPTIONS[table.provider]
    options = {name: draw(st.sampled_from(good[name])) for name in good if draw(st.booleans())}
    return {**fields, "provider_options": options} if options else fields


def _anything(name: str, table: Capabilities) -> st.SearchStrategy[Any]:
    """What a manifest can hold of a field, whether or not this provider takes it."""
    match name:
        case "model":
            return st.sampled_from(["seedance-2.0", "seedance-2.0-fast", "seedance-1.5", "bytedance/seedance-2.0"])
        case "prompt":
            return _prompts(table, over=1)
        case "duration":
            return st.none() | st.integers(3, 16) | st.just("auto")
        case "resolution":
            return st.sampled_from([None, "480p", "720p", "1080p", "4k", "4K", "360p"])
        case "aspect_ratio":
            ratios = ["auto", "16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "9:21", "adaptive", "2:1"]
            return st.sampled_from([None, *ratios])
        case "seed":
            own = _edges(table.seed.least, table.seed.most, over=1)
            return own | _edges(-1, 2**32 - 1, over=1) | _edges(-(2**53) + 1, 2**53 - 1, over=1)
        case "provider_options":
            return st.sampled_from(BAD_OPTIONS) | st.sampled_from([{}, *_each_good()])
        case _ if name in REFERENCES:
            return st.lists(_any_media(), max_size=10).map(tuple)
        case _ if name in MEDIA:
            return st.none() | _any_media()
    return st.sampled_from([True, False])


def _each_good() -> list[dict[str, Any]]:
    return [{name: each} for good in GOOD_OPTIONS.values() for name, values in good.items() for each in values]


def _edges(least: int | None, most: int | None, *, over: int = 0) -> st.SearchStrategy[int]:
    """The bounds and their neighbours, out to `over` beyond; huge numbers where there is none."""
    low, high = -(2**64) if least is None else least, 2**64 if most is None else most
    return st.sampled_from([low - over, low, low + 1, -1 if low <= -1 else 0, 0, 42, high - 1, high, high + over])


def _media(name: str, table: Capabilities) -> st.SearchStrategy[str]:
    return _any_media() if "asset" in table.ways_of(MEDIA[name]) else _written(URLS)


def _any_media() -> st.SearchStrategy[str]:
    return _written((*URLS, "asset://asset-2026.{}_x"))


def _written(forms: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.builds(str.format, st.sampled_from(forms), st.integers(0, 99))


def _prompts(table: Capabilities, *, over: int) -> st.SearchStrategy[str]:
    """Prompts that are short, and as long as the table has it, or longer by `over`."""
    ends = st.text(SIGNS, max_size=40).filter(str.strip)
    limits: list[str] = []
    if table.longest_prompt is not None:
        for sign in "x字\U0001f418":
            limits.append(sign * (table.longest_prompt + over))
    if table.longest_chinese is not None:
        # Hexagrams lie among the Chinese characters and are none.
        for sign in ("字", "a字", "\u3400", "\U00020000", "か", "\u4dc0"):
            limits.append(sign * (table.longest_chinese + over))
    if table.most_words is not None:
        for word in (" w\n", "w\u2003", "w\u00a0"):
            limits.append(word * (table.most_words + over))
    if not limits:
        limits.append("x" * 20_000)
    return ends | st.sampled_from(limits)
