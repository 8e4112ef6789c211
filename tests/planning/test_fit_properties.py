"""The checks hold together: of random takes, of one wrong thing in a right take, and of manifests and their takes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.capabilities import Capabilities, capabilities, known_providers
from jobs.checks.misfits import manifest_misfits, misfits
from jobs.fields.readers import READERS
from jobs.manifest import Manifest
from jobs.takes import Asked
from jobs.takes.expansion import Expansion
from jobs.takes.mode import mode

TABLES = [capabilities(name) for name in known_providers()]
SWITCHES = ("generate_audio", "camera_fixed", "watermark", "web_search", "return_last_frame")

tables = st.sampled_from(TABLES)


def references(ways: tuple[str, ...]) -> st.SearchStrategy[str]:
    forms = ["https://example.com/{}.bin"] + (["asset://{}"] if "asset" in ways else [])
    return st.builds(str.format, st.sampled_from(forms), st.integers(0, 99))


@st.composite
def fitting(draw: st.DrawFn, table: Capabilities) -> dict[str, Any]:
    """A take that the table's provider takes, put together from the table's own words."""
    model = draw(st.sampled_from(sorted(table.models)))
    kind = draw(st.sampled_from(sorted(table.models[model].endpoints)))
    durations, seed = table.durations_of(model), table.seed
    values: dict[str, st.SearchStrategy[Any]] = {
        "duration": st.integers(durations.least, durations.most)
        | (st.just("auto") if durations.auto else st.nothing()),
        "resolution": st.sampled_from(table.resolutions_of(model)),
        "aspect_ratio": st.sampled_from(table.aspect_ratios_of(model)),
        "seed": st.integers(seed.least, seed.most),
        **dict.fromkeys(SWITCHES, st.booleans()),
    }
    asked: dict[str, Any] = {"model": model, "prompt": "x" + draw(st.text("ab 字", max_size=30))}
    for field in table.modes[kind]:
        if field in values and draw(st.booleans()):
            asked[field] = draw(values[field])
    images, videos, audio = (table.ways_of(medium) for medium in ("image", "video", "audio"))
    if kind == "image":
        asked["start_image"] = draw(references(images))
        if draw(st.booleans()):
            asked["end_image"] = draw(references(images))
    if kind == "reference":
        most = table.references
        asked["reference_images"] = draw(st.lists(references(images), min_size=1, max_size=most.reference_images))
        left = most.total - len(asked["reference_images"])
        asked["reference_videos"] = draw(st.lists(references(videos), max_size=min(left, most.reference_videos)))
        left -= len(asked["reference_videos"])
        asked["reference_audio"] = draw(st.lists(references(audio), max_size=min(left, most.reference_audio)))
        if asked.get("resolution") == "1080p" and table.provider == "cloudflare":
            del asked["resolution"]
    for name, option in table.options.items():
        if draw(st.booleans()):
            least, most_of = option.least or 0, option.most or 0
            value = draw(st.sampled_from(option.choices) if option.choices else st.integers(least, most_of))
            asked.setdefault("provider_options", {})[name] = str(value) if option.type == "text" else value
    return asked


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.provider)
@given(data=st.data())
def test_what_is_made_from_a_table_fits_it(table: Capabilities, data: st.DataObject) -> None:
    fields = data.draw(fitting(table))
    asked = Asked.model_validate(fields)
    assert misfits(asked, table) == []
    assert mode(asked) in table.models[asked.model].endpoints


@given(tables, st.data())
def test_one_wrong_thing_in_a_right_take_is_found_and_is_all_that_is_found(
    table: Capabilities, data: st.DataObject
) -> None:
    fields = data.draw(fitting(table))
    durations = table.durations_of(fields["model"])
    wrong: dict[str, st.SearchStrategy[Any]] = {
        "model": st.just("sora"),
        "duration": st.integers(max_value=durations.least - 1) | st.integers(durations.most + 1),
        "resolution": st.sampled_from(["360p", "8k"]),
        "aspect_ratio": st.sampled_from(["adaptive", "2:1"]),
        "provider_options": st.fixed_dictionaries({"prompt": st.just("y")}),
    }
    if table.seed.most is not None:
        wrong["seed"] = st.integers(table.seed.most + 1)
    if table.longest_prompt is not None:
        wrong["prompt"] = st.integers(table.longest_prompt + 1, table.longest_prompt * 2).map("x".__mul__)
    wrong |= {field: st.just(True) for field in SWITCHES if not table.takes(field)}
    field = data.draw(st.sampled_from(sorted(wrong)))
    asked = Asked.model_validate({**fields, field: data.draw(wrong[field])})
    found = [name for name, _ in misfits(asked, table)]
    # Without a known model nothing is known of what its resolutions are, so they may be blamed too.
    assert found == [field] or (field == "model" and found[0] == "model")


def anything(field: str) -> st.SearchStrategy[Any]:
    """A value of `field` that a manifest can hold, whether or not anyone takes it."""
    match field:
        case "duration":
            return st.integers(3, 16) | st.just("auto")
        case "resolution":
            return st.sampled_from(["480p", "720p", "1080p", "4k", "8k"])
        case "aspect_ratio":
            return st.sampled_from(["auto", "16:9", "9:21", "2:1"])
        case "seed":
            return st.sampled_from([-(2**60), -2, -1, 0, 2**32 - 1, 2**32, 2**60])
        case "start_image" | "end_image" | "reference_images" | "reference_videos" | "reference_audio":
            return references(("asset",))
        case "model":
            return st.sampled_from(["seedance-2.0", "seedance-2.0-fast"])
    return st.booleans()


FIELDS = sorted(field for field in READERS if field != "prompt")


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    shot: dict[str, Any] = {"name": "a", "prompt": "x"}
    defaults: dict[str, Any] = {}
    sweep: dict[str, Any] = {}
    for field in draw(st.lists(st.sampled_from(FIELDS), max_size=5, unique=True)):
        where = draw(st.sampled_from(["shot", "defaults", "sweep"]))
        if where == "sweep":
            sweep[field] = draw(st.lists(anything(field), min_size=1, max_size=3, unique_by=str))
        elif field != "model":
            listed = field.startswith("reference_")
            value = draw(st.lists(anything(field), min_size=1, max_size=5) if listed else anything(field))
            (shot if where == "shot" else defaults)[field] = value
    return Manifest.model_validate(
        {
            "batch": "b",
            "provider": draw(st.sampled_from(known_providers())),
            "model": "seedance-2.0",
            "last_frame": draw(st.sampled_from([None, "decoded", "provider"])),
            "defaults": defaults,
            "shots": [{**shot, "sweep": sweep}],
        }
    )


@settings(max_examples=400)
@given(manifests())
def test_a_manifest_fits_exactly_if_all_of_its_takes_do(manifest: Manifest) -> None:
    table = capabilities(manifest.provider)
    of_takes = {message for take in Expansion(manifest) for _, message in misfits(take.asked, table)}
    # That the provider is asked for no last frame although its own is to be kept is said of the manifest alone.
    of_manifest = {fault.message for fault in manifest_misfits(manifest) if "last_frame: provider" not in fault.message}
    assert bool(of_manifest) == bool(of_takes)
