"""`rushes export` and `rushes download`: tables of a batch's takes, and its files at hand."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import Result
from mutagen.mp4 import MP4
from PIL import Image
from workbench import Bench

from workers.errors import StoreError
from workers.exports.downloading import download
from workers.exports.embedding import has_provenance
from workers.exports.rows import columns, done_receipts, rows
from workers.exports.tables import write_csv
from workers.picks import Pick, add_picks
from workers.receipts import read_receipt

Rushes = Callable[..., Result]
WHEAT, FORMULA = "good/0001-wheat", "good/0002-1-1"


@pytest.fixture
def picked(night: Bench) -> Bench:
    add_picks(night.store, "night", {WHEAT: Pick(star=True, rating=4, note="=the light!", at=1.0)})
    return night


def test_a_spreadsheet_gets_a_row_a_take_and_no_formula(picked: Bench, rushes: Rushes) -> None:
    told = rushes("export", "night", "--csv")
    assert told.exit_code == 0, told.output
    found = {row["take"]: row for row in csv.DictReader(io.StringIO(told.stdout))}
    assert list(found) == [WHEAT, FORMULA, "refused/0001", "lost/0001"]
    assert [row["state"] for row in found.values()] == ["done", "done", "failed", "in doubt"]
    assert found[FORMULA]["axis.place"] == "'=1+1"
    assert found[WHEAT]["note"] == "'=the light!"
    assert (found[WHEAT]["picked"], found[WHEAT]["rating"], found[FORMULA]["picked"]) == ("true", "4", "")
    receipt = read_receipt(picked.store, "night", WHEAT)
    assert found[WHEAT]["video_sha256"] == receipt.video.sha256
    assert found[WHEAT]["video"] == picked.store.url(receipt.video.key)
    assert float(found[WHEAT]["cost"]) > 0
    assert (found["refused/0001"]["failure"], found["refused/0001"]["cost"]) == ("input-moderation", "")


def test_numbers_stay_numbers_though_they_begin_with_a_minus() -> None:
    out = io.StringIO()
    row = {"a": -3, "b": "-3", "c": "@SUM(1)", "d": True, "e": None, "f": "\tx", "g": -0.5, "h": 'say "hi", \n'}
    assert write_csv([row], list(row), out) == 1
    assert next(iter(list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1:])) == [
        *("-3", "'-3", "'@SUM(1)", "true", "", "'\tx", "-0.5", 'say "hi", \n')
    ]


def test_a_program_gets_lines_and_parquet_of_the_same(picked: Bench, rushes: Rushes) -> None:
    lines = [json.loads(line) for line in rushes("export", "night", "--jsonl").stdout.splitlines()]
    assert rushes("export", "night", "--parquet", "--out", "night.parquet").exit_code == 0
    table = pq.read_table("night.parquet")
    assert table.to_pylist() == lines
    assert (str(table.schema.field("index").type), str(table.schema.field("star").type)) == ("int64", "bool")
    assert [path.name for path in Path().iterdir()] == ["night.parquet"], "nothing is left on the way"


def test_axes_have_the_type_of_their_values(bench: Bench, rushes: Rushes) -> None:
    sweep = {"seed": [1, 2**62], "speed": [1, 0.5], "mood": ["glad", 7]}
    bench.open(
        "a {mood} dog at {speed}", batch="night", shots=[{"name": "s", "prompt": "{mood} {speed}", "sweep": sweep}]
    )
    assert rushes("export", "night", "--parquet", "--out", "night.parquet").exit_code == 0
    schema = pq.read_schema("night.parquet")
    assert [str(schema.field(f"axis.{name}").type) for name in sweep] == ["int64", "double", "string"]
    assert columns(bench.context.expansion("night"))[9:12] == ("axis.seed", "axis.speed", "axis.mood")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "say one of"),
        (("--parquet",), "--out night.parquet"),
        (("--embed",), "--to FOLDER"),
        (("--csv", "--to", "x"), "--to FOLDER"),
    ],
)
def test_what_is_missing_is_said(arguments: tuple[str, ...], told: str, rushes: Rushes) -> None:
    result = rushes("export", "night", *arguments)
    assert result.exit_code == 2
    assert told in result.output


@pytest.mark.parametrize(("form", "module"), [("--parquet", "pyarrow.parquet"), ("--embed", "mutagen.mp4")])
def test_without_the_extra_it_says_which(
    night: Bench, rushes: Rushes, monkeypatch: pytest.MonkeyPatch, form: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    where = ("--out", "x.parquet") if form == "--parquet" else ("--to", "x")
    error = rushes("export", "night", form, *where).exception
    assert f"pip install 'rushes[{form.removeprefix('--')}]'" in str(error)


def test_files_come_once_under_their_names_and_again_when_they_differ(night: Bench, rushes: Rushes) -> None:
    first = rushes("download", "night")
    assert first.exit_code == 0, first.output
    assert first.output.startswith("night: 6 files brought to night (")
    names = sorted(str(path.relative_to("night")) for path in Path("night").rglob("*") if path.is_file())
    assert names == sorted(
        f"{take}{end}" for take in (WHEAT, FORMULA) for end in (".mp4", ".last.png", ".receipt.json")
    )
    video = Path("night") / f"{WHEAT}.mp4"
    theirs = night.store.get(f"night/{WHEAT}.mp4")
    assert video.read_bytes() == theirs
    assert "0 files brought to night (0.0 MB), 6 were there already" in rushes("download", "night").output
    video.write_bytes(theirs[:-1] + b"!")
    (Path("night") / f"{FORMULA}.last.png").unlink()
    assert "2 files brought to night" in rushes("download", "night").output
    assert video.read_bytes() == theirs


def test_only_what_was_picked_comes(picked: Bench, rushes: Rushes) -> None:
    assert "3 files brought to selects" in rushes("download", "night", "--picked", "--to", "selects").output
    assert {path.name.partition(".")[0] for path in Path("selects").rglob("*.mp4")} == {"0001-wheat"}
    assert [row["take"] for row in rows(picked.context, "night", picked=True)] == [WHEAT]


def test_what_was_changed_in_the_store_is_told_and_not_brought(night: Bench, rushes: Rushes) -> None:
    night.store.put_bytes(f"night/{WHEAT}.mp4", b"something else", content_type="video/mp4")
    told = rushes("download", "night")
    assert isinstance(told.exception, StoreError)
    assert f"night/{WHEAT}.mp4 is not what its receipt tells of" in told.output
    assert not (Path("night") / f"{WHEAT}.mp4").exists()
    assert (Path("night") / f"{FORMULA}.mp4").exists(), "the others come all the same"
    found = list(download(night.store, done_receipts(night.context, "night"), Path("night")))
    assert [each.path.name for each in found if each.fault] == ["0001-wheat.mp4"]


def test_the_last_frame_tells_what_it_was_made_by(night: Bench) -> None:
    receipt = read_receipt(night.store, "night", WHEAT)
    with Image.open(io.BytesIO(night.store.get(receipt.last_frame.key))) as picture:
        picture.load()
        text = picture.text  # type: ignore[attr-defined]
    lines = text["parameters"].splitlines()
    assert lines[0] == "a dog in wheat"
    assert f"Seed: {receipt.seed}, Size: {receipt.video.width}x{receipt.video.height}" in lines[1]
    told = json.loads(text["rushes:receipt"])
    assert (told["take"], told["video"]["sha256"]) == (WHEAT, receipt.video.sha256)
    assert "answer" not in told
    assert "source_url" not in told["video"]


def test_copies_of_videos_carry_it_and_what_lies_in_the_store_stays(night: Bench, rushes: Rushes) -> None:
    before = night.store.get(f"night/{WHEAT}.mp4")
    told = rushes("export", "night", "--embed", "--to", "marked")
    assert told.exit_code == 0, told.output
    assert night.store.get(f"night/{WHEAT}.mp4") == before
    copy = Path("marked") / f"{WHEAT}.mp4"
    tags = MP4(copy).tags
    assert tags["\xa9nam"] == [f"night/{WHEAT}"]
    assert tags["\xa9cmt"][0].startswith("a dog in wheat\nSeed: ")
    assert json.loads(bytes(tags["----:rushes:receipt"][0]))["take"] == WHEAT
    assert copy.read_bytes() != before


def test_a_copy_of_a_video_with_provenance_is_warned_of(night: Bench, rushes: Rushes) -> None:
    uuid = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
    body = night.store.get(f"night/{WHEAT}.mp4")
    head = int.from_bytes(body[:4], "big")
    marked = body[:head] + (24).to_bytes(4, "big") + b"uuid" + uuid + body[head:]
    assert has_provenance(marked)
    assert not has_provenance(body)
    night.store.put_bytes(
        f"night/{FORMULA}.mp4", body + (24).to_bytes(4, "big") + b"uuid" + uuid, content_type="video/mp4"
    )
    told = rushes("export", "night", "--embed", "--to", "marked").output
    assert f"warning: marked/{FORMULA}.mp4: its provenance (C2PA) doesn't hold for this copy" in told
    assert told.count("warning:") == 1
