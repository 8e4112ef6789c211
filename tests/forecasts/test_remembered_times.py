"""Render times by the receipts of a local store: what a plan goes by where there is no Redis to ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from jobs.forecasting import Spread
from jobs.takes import Asked
from rushes.planning import plan
from workers.polling import remembered as module
from workers.polling.durations import ENOUGH
from workers.polling.remembered import remembered
from workers.receipts import Cost, LastFrame, Receipt, Times, VideoFacts, keys_of, write_receipt
from workers.store.folder import FolderStore

MANIFEST = """\
batch: night
provider: fal
model: seedance-2.0-fast
defaults: {duration: 5, resolution: 480p}
shots:
  - {name: opening, prompt: a dog, sweep: {seed: 1..4}}
"""


def receipts(store: FolderStore, batch: str, *seconds: float, duration: int = 5, reused: bool = False) -> None:
    """Receipts of takes whose renders took so long."""
    for number, took in enumerate(seconds, 1):
        take = f"opening/{number:04}"
        keys = keys_of(batch, take)
        asked = Asked(model="seedance-2.0-fast", prompt="a dog", duration=duration, resolution="480p", seed=number)
        hashed = "0" * 64
        write_receipt(
            store,
            Receipt(
                batch=batch,
                shot="opening",
                take=take,
                index=number - 1,
                number=number,
                identity=asked.identity(),
                axes={},
                asked=asked,
                provider="fal",
                model=asked.model,
                job_id=f"j{number}",
                attempt=1,
                times=Times(submitted=1000.0, rendered=1000.0 + took),
                video=VideoFacts(
                    key=keys.video,
                    bytes=1,
                    sha256=hashed,
                    content_type="video/mp4",
                    source_url="http://127.0.0.1/v.mp4",
                    width=16,
                    height=16,
                    fps=24.0,
                    frames=96,
                    duration=4.0,
                    codec="h264",
                ),
                last_frame=LastFrame(
                    key=keys.last_frame, bytes=1, sha256=hashed, width=16, height=16, source="decoded"
                ),
                poster=None,
                cost=Cost(amount=None, currency=None, basis="unknown"),
                rushes_version="0",
            ),
        )


def asked_for(store: FolderStore, duration: int = 5) -> Spread | None:
    [known] = remembered(store, "night")
    return known.seconds("fal", "seedance-2.0-fast", "480p", duration)


def test_twenty_of_a_kind_are_enough_and_fewer_are_not(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    assert asked_for(store) is None
    receipts(store, "earlier", *(float(at) for at in range(100, 100 + ENOUGH - 1)))
    assert asked_for(store) is None
    receipts(store, "night", 50.0)
    assert asked_for(store) == Spread(101.0, 109.0, 117.0)
    assert asked_for(store, 6) is None


def test_what_is_no_receipt_or_no_folder_teaches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderStore(tmp_path)
    receipts(store, "night", *[60.0] * ENOUGH)
    (tmp_path / "night" / "opening" / "0001.receipt.json").write_text("{")
    assert asked_for(store) is None
    receipts(store, "night", *[60.0] * (ENOUGH + 1))
    assert asked_for(store) == Spread(60.0, 60.0, 60.0)
    monkeypatch.setattr(module, "MOST_READ", ENOUGH - 1)
    assert asked_for(store) is None
    assert remembered(object(), "night") == ()  # type: ignore[arg-type]


def test_a_plan_goes_by_them_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "night.yaml").write_text(MANIFEST)
    for name, value in {"RUSHES_STORE": str(tmp_path / "renders"), "RUSHES_FAL_SEATS": "2"}.items():
        monkeypatch.setenv(name, value)
    before = CliRunner().invoke(plan, ["night.yaml"]).output
    assert "by render times that are assumed" in before
    receipts(FolderStore(tmp_path / "renders"), "other", *[600.0] * ENOUGH)
    after = CliRunner().invoke(plan, ["night.yaml"]).output
    assert "by how long such renders took before, by the receipts of the store" in after
    assert "time      about 20 min" in after, after
