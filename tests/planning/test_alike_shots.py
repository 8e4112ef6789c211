"""In a long list each likeness of shots is looked at once, and what is wrong with one of them is found all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.checks.misfits import manifest_misfits
from jobs.errors import ManifestError
from jobs.manifest import Manifest
from jobs.reading.loading import load_with_inputs
from jobs.tables import TableHead

FINE: dict[str, Any] = {
    "prompt": "A dog at {light}",
    "duration": 5,
    "resolution": "720p",
    "seed": 7,
    "sweep": {"light": ["dawn", "dusk"]},
}


def found(*shots: dict[str, Any]) -> list[tuple[int, str]]:
    """What is wrong with the shots at Ark: at which, and what."""
    named = [{"name": f"shot-{at}", **shot} for at, shot in enumerate(shots)]
    manifest = Manifest.model_validate({"batch": "b", "provider": "ark", "model": "seedance-2.0", "shots": named})
    faults = manifest_misfits(manifest)
    return [(int(fault.loc[1]), fault.message) for fault in faults]


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2**33},
        {"resolution": "721p"},
        {"duration": 1_000},
        {"prompt": "字" * 501 + " {light}"},
        {"prompt": "a dog " * 1_001 + "{light}"},
        {"sweep": {"light": ["dawn", "字" * 501]}},
        {"sweep": {"light": ["dawn", "字" * 499 + " too"]}, "prompt": "字 {light} 字"},
        {"sweep": {"light": ["dawn"], "aspect_ratio": ["16:9", "7:5"]}},
        {"sweep": {"light": ["dawn"], "model": ["seedance-2.0", "seedance-9"]}},
        {"reference_audio": ["https://example.com/a.mp3"] * 9},
        {"last_frame": "provider", "return_last_frame": False},
        {"provider_options": {"no_such_field": 1}},
    ],
)
def test_what_is_wrong_beside_others_that_are_alike_is_found(other: dict[str, Any]) -> None:
    wrong = FINE | other
    alone = [message for _, message in found(wrong)]
    assert alone
    assert found(FINE, FINE, wrong, FINE, FINE) == [(2, message) for message in alone]


def test_what_is_alike_is_taken_as_often_as_it_comes() -> None:
    assert found(*[FINE | {"seed": at, "prompt": f"Dog {at} at {{light}}"} for at in range(20)]) == []


def test_files_are_looked_at_in_every_row_that_has_one(tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text("prompt,start_image\nA,\nB,\nC,missing.png\nD,\nE,gone.png\n")
    with pytest.raises(ManifestError) as refused:
        load_with_inputs(table, TableHead(provider="ark", model="seedance-2.0"))
    assert [problem.place for problem in refused.value.problems] == [
        "row 4, column B (start_image)",
        "row 6, column B (start_image)",
    ]
