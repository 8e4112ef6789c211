"""How local files get to a provider: what is chosen, and what is said when there is no way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from input_files import film, paint

from jobs.capabilities import capabilities, known_providers
from jobs.fields.references import Medium
from jobs.inputs import LocalInput, inspect
from jobs.manifest import Manifest
from workers.inputs.handover import (
    Handover,
    NotHandedOver,
    StoreFacts,
    body_bound,
    choose,
    data_uri_bytes,
    facts_of,
    plan_inputs,
)

FOLDER = StoreFacts(signs=False, reachable=False)
PRIVATE = StoreFacts(signs=True, reachable=False)
AWS = StoreFacts(signs=True, reachable=True)


@pytest.mark.parametrize(
    ("signed", "public", "facts"),
    [
        (None, False, FOLDER),
        (None, True, FOLDER),
        ("http://127.0.0.1:9000/films/a?X-Amz-Signature=1", False, PRIVATE),
        ("http://127.0.0.1:9000/films/a?X-Amz-Signature=1", True, AWS),
        ("https://films.s3.amazonaws.com/a?X-Amz-Signature=1", False, AWS),
        ("https://films.s3.cn-north-1.amazonaws.com.cn/a?X-Amz-Signature=1", False, AWS),
        ("https://amazonaws.com.example.com/a?X-Amz-Signature=1", False, PRIVATE),
    ],
)
def test_what_of_the_store_matters(signed: str | None, public: bool, facts: StoreFacts) -> None:
    assert facts_of(signed, public=public) == facts


@pytest.mark.parametrize(
    ("provider", "medium", "store", "chosen"),
    [
        ("fal", "image", AWS, "presigned"),
        ("fal", "image", PRIVATE, "upload"),
        ("fal", "video", FOLDER, "upload"),
        ("apiframe", "audio", AWS, "presigned"),
        ("apiframe", "audio", FOLDER, "upload"),
        ("cloudflare", "image", AWS, "presigned"),
        ("cloudflare", "image", FOLDER, "data"),
        ("cloudflare", "video", PRIVATE, "data"),
        ("anyfast", "image", FOLDER, "data"),
        ("anyfast", "audio", FOLDER, "data"),
        ("ark", "image", PRIVATE, "data"),
        ("ark", "video", AWS, "presigned"),
    ],
)
def test_what_is_chosen(provider: str, medium: Medium, store: StoreFacts, chosen: Handover) -> None:
    assert choose(capabilities(provider), medium, store) == chosen


@pytest.mark.parametrize("provider", ["anyfast", "ark"])
@pytest.mark.parametrize(("store", "advice"), [(FOLDER, "RUSHES_STORE=s3://"), (PRIVATE, "RUSHES_STORE_PUBLIC=true")])
def test_where_there_is_no_way_it_says_what_to_do(provider: str, store: StoreFacts, advice: str) -> None:
    with pytest.raises(NotHandedOver, match=f"{provider} takes a video only by a URL") as caught:
        choose(capabilities(provider), "video", store)
    assert advice in str(caught.value)


@pytest.mark.parametrize("wanted", ["presigned", "data", "upload"])
@pytest.mark.parametrize("store", [FOLDER, PRIVATE, AWS])
@pytest.mark.parametrize("provider", known_providers())
def test_what_a_person_wants_is_what_is_done_or_refused(provider: str, store: StoreFacts, wanted: Handover) -> None:
    table = capabilities(provider)
    can = store.signs if wanted == "presigned" else wanted in table.ways_of("image")
    if can:
        assert choose(table, "image", store, wanted) == wanted
    else:
        with pytest.raises(NotHandedOver, match=f"RUSHES_INPUTS={wanted}: "):
            choose(table, "image", store, wanted)


def frozen(provider: str, *images: LocalInput, **fields: object) -> Manifest:
    shot = {"name": "a", "prompt": "x", "reference_images": [each.reference for each in images], **fields}
    return Manifest.model_validate(
        {"batch": "b", "provider": provider, "model": "seedance-2.0-fast", "shots": [shot]},
    )


def test_the_plan_says_how_many_how_large_and_how(tmp_path: Path) -> None:
    red, blue = (inspect(paint(tmp_path / f"{name}.png", colour=name)) for name in ("red", "blue"))
    red, blue = replace(red, bytes=1_000_000), replace(blue, bytes=300_000)
    table = capabilities("cloudflare")
    planned = plan_inputs(frozen("cloudflare", red, blue), [red, blue], table, FOLDER)
    assert str(planned) == "2 files, 1.3 MB: as data URIs"
    assert planned.to_json() == {"files": 2, "bytes": 1_300_000, "handover": {"image": "data"}}
    assert str(plan_inputs(frozen("fal", red), [red], capabilities("fal"), FOLDER)).startswith("1 file, 1.0 MB: by ")
    video = inspect(film(tmp_path / "a.mp4", 1, (64, 64)))
    both = frozen("ark", red, reference_videos=[video.reference])
    with pytest.raises(NotHandedOver, match="ark takes a video only by a URL"):
        plan_inputs(both, [red, video], capabilities("ark"), FOLDER)
    assert plan_inputs(both, [red, video], capabilities("ark"), AWS).handovers == {
        "image": "presigned",
        "video": "presigned",
    }


def test_data_uris_that_make_too_large_a_request_are_refused_beforehand(tmp_path: Path) -> None:
    table = capabilities("ark")
    found = [inspect(paint(tmp_path / f"{at}.png", (400, 400 + at))) for at in range(3)]
    large = [replace(each, bytes=20_000_000) for each in found]
    plan_inputs(frozen("ark", *large[:2]), large[:2], table, FOLDER)
    with pytest.raises(NotHandedOver, match=r"the shot a: its files make a request of 80,000,\d+ bytes as data URIs"):
        plan_inputs(frozen("ark", *large), large, table, FOLDER)
    plan_inputs(frozen("ark", *large), large, table, AWS)
    assert data_uri_bytes(20_000_000) * 2 < body_bound(table) < data_uri_bytes(20_000_000) * 3


def test_what_an_upload_takes_is_checked_where_it_is_uploaded(tmp_path: Path) -> None:
    table = capabilities("apiframe")
    bmp, large = inspect(paint(tmp_path / "a.bmp")), replace(inspect(paint(tmp_path / "a.png")), bytes=25_000_001)
    manifest = frozen("apiframe", bmp, large)
    plan_inputs(manifest, [bmp, large], table, AWS)
    with pytest.raises(NotHandedOver) as caught:
        plan_inputs(manifest, [bmp, large], table, FOLDER)
    bmp_line, large_line = str(caught.value).splitlines()
    assert "a.bmp is BMP, and apiframe's upload takes png, jpeg, webp or gif" in bmp_line
    assert "a.png has 25,000,001 bytes; 25,000,000 is the most that apiframe's upload allows" in large_line
