"""Tables as manifests: what spreadsheets and people make of a list of shots, and how each fault is told."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path

import openpyxl
import pytest

from jobs.errors import ManifestError
from jobs.manifest import Manifest
from jobs.reading.loading import load_with_inputs
from jobs.tables import TableHead

HEAD = TableHead(provider="fal", model="seedance-2.0-fast")


def load(folder: Path, body: str | bytes, name: str = "night.csv", head: TableHead = HEAD) -> Manifest:
    path = folder / name
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return load_with_inputs(path, head).manifest


def problems(folder: Path, body: str | bytes, name: str = "night.csv", head: TableHead = HEAD) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load(folder, body, name, head)
    return [str(problem) for problem in caught.value.problems]


PLAIN = "name,prompt,seed,duration\nopening,A dog,7,5\n"


@pytest.mark.parametrize(
    "body",
    [
        PLAIN.encode(),
        PLAIN.replace("\n", "\r\n").encode("utf-8-sig"),
        PLAIN.replace(",", ";").encode(),
        f"sep=;\r\n{PLAIN.replace(',', ';')}".encode(),
        PLAIN.replace(",", "\t").encode("utf-16"),
        'Name, Prompt ,SEED,Duration,,\r\nopening, A\u00a0dog,7.0,"5,0",,\r\n,,,,,\r\n,,,,,\r\n'.encode(),
        b'name,prompt,seed,duration,#notes\n"opening","A dog",7,5,"for Ann, and\nfor Bob"\n',
    ],
)
def test_what_is_the_same_to_a_person_is_the_same_manifest(tmp_path: Path, body: bytes) -> None:
    [shot] = load(tmp_path, body).shots
    assert (shot.name, shot.prompt, shot.seed, shot.duration) == ("opening", "A dog", 7, 5)


def test_cells_hold_sweeps_lists_and_options(tmp_path: Path) -> None:
    body = (
        "name,prompt,vars.place,seed,duration,reference_images,aspect_ratio\n"
        "a,In {place},wheat|rye \\| barley,1..4,5|10,https://x.test/1.png|https://x.test/2.png,16:09:00\n"
    )
    [shot] = load(tmp_path, body).shots
    assert shot.sweep == {"place": ("wheat", "rye | barley"), "seed": "1..4", "duration": (5, 10)}
    assert shot.reference_images == ("https://x.test/1.png", "https://x.test/2.png")
    assert shot.aspect_ratio == "16:9"
    assert shot.count() == 16


def test_defaults_and_the_batch_come_from_beside_the_table(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text("duration: 8\nbudget: 40 USD\nprovider: ark\n")
    head = TableHead(provider="fal", model="seedance-2.0-fast", defaults=tmp_path / "d.yaml")
    manifest = load(tmp_path, "prompt,duration\nA dog,\nA cat,5\n", head=head)
    assert (manifest.batch, manifest.provider, manifest.defaults.duration) == ("night", "fal", 8)
    assert [shot.duration for shot in manifest.shots] == [None, 5]
    (tmp_path / "d.yaml").write_text("duration: 99\n")
    assert problems(tmp_path, "prompt\nA dog\n", head=head) == [
        "line 1: d.yaml, defaults.duration: 99 is above 15, the most that fal allows"
    ]


def test_a_manifest_names_a_table_and_holds_what_it_said(tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_text("name\tprompt\nopening\tA dog\n")
    text = "batch: night\nprovider: fal\nmodel: seedance-2.0-fast\nshots: {csv: list.tsv}\n"
    manifest = load(tmp_path, text, "night.yaml", TableHead())
    (tmp_path / "list.tsv").unlink()
    assert Manifest.model_validate_json(manifest.model_dump_json()).shots[0].prompt == "A dog"
    [told] = problems(tmp_path, text, "night.yaml", TableHead())
    assert told.startswith("line 4: shots.csv: 'list.tsv' is not there")


@pytest.mark.parametrize("path", ["../list.csv", "/etc/list.csv", "away.csv", "zero.csv", "list.txt", 3])
def test_a_table_lies_in_the_manifests_folder(tmp_path: Path, path: object) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (tmp_path / "list.csv").write_text("prompt\nA dog\n")
    (folder / "away.csv").symlink_to(tmp_path / "list.csv")
    (folder / "zero.csv").symlink_to("/dev/zero")
    (folder / "list.txt").write_text("prompt\nA dog\n")
    text = f"batch: night\nprovider: fal\nmodel: seedance-2.0-fast\nshots: {{csv: {path}}}\n"
    [told] = problems(folder, text, "night.yaml", TableHead())
    assert told.startswith("line 4: shots.csv: ")


def test_a_device_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "night.csv").symlink_to("/dev/zero")
    with pytest.raises(ManifestError, match="it is not a file"):
        load_with_inputs(tmp_path / "night.csv", HEAD)


def test_json_lines_keep_kinds(tmp_path: Path) -> None:
    rows = [{"name": "a", "prompt": "In {place}", "vars": {"place": ["wheat", "rye"]}, "seed": [1, 2]}, {"prompt": "B"}]
    first, second = load(tmp_path, "\n\n".join(map(json.dumps, rows)), "night.jsonl").shots
    assert first.sweep == {"place": ("wheat", "rye"), "seed": (1, 2)}
    assert second.prompt == "B"
    assert problems(tmp_path, '{"prompt": "A"}\n{"prompt": \n[1]\n{"prompt": "B", "prompt": "C"}\n', "night.jsonl") == [
        "row 2: not JSON: Expecting value at character 12",
        'row 3: [1] is no shot; every line is one mapping, as  {"name": ..., "prompt": ...}',
        "row 4: 'prompt' is written twice; keep one of the two",
    ]


def test_a_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = openpyxl.Workbook()
    book.active.append(["name", "prompt", "seed", "aspect_ratio", "generate_audio"])
    book.active.append(["opening", "A dog", 7.0, datetime.time(16, 9), True])
    book.save(found := io.BytesIO())
    [shot] = load(tmp_path, found.getvalue(), "night.xlsx").shots
    assert (shot.seed, shot.aspect_ratio, shot.generate_audio) == (7, "16:9", True)
    assert "it is no workbook of Excel" in problems(tmp_path, b"PK\x03\x04 not really", "night.xlsx")[0]
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    assert "pip install 'rushes[xlsx]'" in problems(tmp_path, found.getvalue(), "night.xlsx")[0]


def test_a_row_without_a_name_keeps_the_one_that_it_gets(tmp_path: Path) -> None:
    before = {shot.prompt: shot.name for shot in load(tmp_path, "prompt,seed\nA dog runs,1\nÜber\n").shots}
    body = "seed,prompt,resolution\n9,A new one,\n,Über,\n1.0,A dog runs,\n"
    after = {shot.prompt: shot.name for shot in load(tmp_path, body).shots}
    assert before.items() <= after.items()
    assert before["A dog runs"].startswith("a-dog-runs-")
    assert problems(tmp_path, "prompt,seed\nA dog,1\n\nA dog,1\n") == [
        "row 4: this row is the same as row 2; take it away, or give each of the two a name"
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", "it is empty; its first row names the columns, as  name,prompt,seed"),
        ("prompt\n", "there are no shots"),
        ("name,seed\na,1\n", "row 1: there is no column prompt"),
        ("prompt,duraton\nA,5\n", "row 1, column B: unknown column 'duraton'; did you mean 'duration'?"),
        ("prompt,ratio\nA,16:9\n", "row 1, column B: unknown column 'ratio'; did you mean 'aspect_ratio'?"),
        (
            "prompt,place\nA {place},x\n",
            "row 1, column B: unknown column 'place'; the variable {place} of the prompts has the column 'vars.place'",
        ),
        ("prompt,Prompt\nA,B\n", "row 1, column B: 'Prompt' is the name of column A already"),
        ("prompt,provider\nA,fal\n", "row 1, column B: provider is one for the whole batch"),
        ("prompt,vars.seed\nA,1\n", "row 1, column B: 'vars.seed': seed is a field, so its column is 'seed'"),
        ("prompt\nA,B\n", "row 2: 'B' stands in column B, which has no name"),
        ('prompt\n"A\n', 'row 2 (line 2) is not CSV: a quote (") is opened and never closed'),
        ("prompt,seed\nA,1.23E+09\n", "row 2, column B (seed): '1.23E+09' was rounded by the spreadsheet"),
        ("prompt,seed\nA,#REF!\n", "row 2, column B (seed): #REF! is a spreadsheet's error"),
        ('prompt,price\nA,"1,234 USD"\n', "row 2, column B (price): '1,234 USD' may have a decimal comma"),
        ("prompt,seed\n\nA,1\n\nB,1||2\n", "row 5, column B (seed): '1||2' has nothing beside a |"),
        ("prompt,seed\nA,1..99999999999999999999\n", "takes, and 1,000,000,000,000 is the most"),
        ("prompt\nIn {place}\n", "row 2, column A (prompt): {place} has no value; a column vars.NAME holds"),
        ("prompt\nA\0\n", "it is no text: it has a NUL byte in line 2"),
        ("name,prompt\n../../etc,A\n", "row 2, column A (name): '../../etc' is not a name"),
        ("name,prompt\na,A\nA,B\n", "row 3, column A (name): 'A' is already the name of row 2"),
    ],
)
def test_each_fault_is_told_by_its_row_and_column(tmp_path: Path, body: str, expected: str) -> None:
    found = problems(tmp_path, body)
    assert any(expected in each for each in found), found


def test_ten_thousand_bad_rows_are_told_in_few_lines(tmp_path: Path) -> None:
    (tmp_path / "night.csv").write_text("prompt,seed\n" + "".join(f"A {at},x{at}\n" for at in range(2_000)))
    with pytest.raises(ManifestError) as caught:
        load_with_inputs(tmp_path / "night.csv", HEAD)
    assert len(caught.value.problems) == 2_000
    assert len(str(caught.value).splitlines()) < 110


def test_bad_rows_are_skipped_and_handed_back(tmp_path: Path) -> None:
    path = tmp_path / "night.csv"
    path.write_text("name,prompt,seed,duration\na,A,1,5\nb,B,x,5\na,C,3,99\n,,,\nd,D,4,5\n")
    loaded = load_with_inputs(path, HEAD, skip_bad_rows=True)
    assert [shot.name for shot in loaded.manifest.shots] == ["a", "d"]
    assert loaded.rejected is not None
    assert loaded.rejected.name == "night.rejected.csv"
    assert set(loaded.rejected.reasons) == {3, 4}
    (tmp_path / "again.csv").write_text(loaded.rejected.csv().replace(",x,", ",2,").replace("a,C,3,99", "c,C,3,5"))
    assert [shot.seed for shot in load_with_inputs(tmp_path / "again.csv", HEAD).manifest.shots] == [2, 3]
    path.write_text("prompt,seed\nA,x\n")
    with pytest.raises(ManifestError):
        load_with_inputs(path, HEAD, skip_bad_rows=True)


def test_the_example(tmp_path: Path) -> None:
    manifests = Path(__file__).parents[2] / "manifests"
    head = TableHead(provider="fal", model="seedance-2.0-fast", defaults=manifests / "defaults" / "overnight.yaml")
    manifest = load_with_inputs(manifests / "overnight.csv", head).manifest
    assert manifest.batch == "overnight"
    assert [shot.count() for shot in manifest.shots] == [4, 3, 1, 1]
    assert str(manifest.budget) != "None"
