"""Picks: kept in the store, merged, listed and read back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import ValidationError
from workbench import WatchedStore, manifest

from jobs.takes.lineage import Lineage
from rushes.command import cli
from workers.errors import StoreRefused
from workers.ledger import Ledger
from workers.picks import Pick, Picks, add_picks, picks_key, read_picks

ONE, TWO, THREE = (f"s/000{number}-seed{number}" for number in (1, 2, 3))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WatchedStore:
    """A store with the batch `b` of three takes."""
    store = WatchedStore(tmp_path / "store")
    Ledger(store, "b").freeze(Lineage.of(manifest(takes=3)).to_json())
    monkeypatch.setenv("RUSHES_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return store


def rushes(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=given)


def test_what_was_picked_is_kept_and_read_back(store: WatchedStore) -> None:
    pick = Pick(star=True, rating=4, note="夜, the light!", at=1_795_241_643.25)
    add_picks(store, "b", {ONE: pick})
    assert read_picks(store, "b").picks == {ONE: pick}
    told = json.loads(store.get(picks_key("b")))
    assert told["picks"][ONE] == {
        "star": True,
        "rating": 4,
        "rejected": False,
        "note": "夜, the light!",
        "at": "2026-11-21T06:14:03.250000Z",
    }


def test_of_one_take_the_later_word_holds_and_others_stay(store: WatchedStore) -> None:
    add_picks(store, "b", {ONE: Pick(star=True, at=10), TWO: Pick(rating=2, at=10)})
    add_picks(store, "b", {ONE: Pick(rejected=True, at=9), TWO: Pick(rating=5, at=11), THREE: Pick(at=1)})
    found = read_picks(store, "b")
    assert found.picks == {ONE: Pick(star=True, at=10), TWO: Pick(rating=5, at=11), THREE: Pick(at=1)}
    assert [take for take, _ in found.said()] == [ONE, TWO], "of the third nothing is said any more"


def test_what_changes_nothing_writes_nothing(store: WatchedStore) -> None:
    add_picks(store, "b", {ONE: Pick(star=True, at=10)})
    puts = len(store.puts)
    add_picks(store, "b", {ONE: Pick(star=True, at=10)})
    add_picks(store, "b", {ONE: Pick(at=9)})
    assert len(store.puts) == puts


def test_picked_is_what_has_the_star_and_was_not_rejected() -> None:
    picks = Picks(
        batch="b",
        picks={ONE: Pick(star=True, at=1), TWO: Pick(star=True, rejected=True, at=1), THREE: Pick(rating=5, at=1)},
    )
    assert picks.picked() == [ONE]


@pytest.mark.parametrize("values", [{"rating": 0}, {"rating": 6}, {"note": "x" * 4_001}])
def test_what_is_no_pick(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Pick.model_validate({**values, "at": 1.0})


def test_something_else_in_its_place_is_not_guessed_at(store: WatchedStore) -> None:
    store.put_bytes(picks_key("b"), b"{}", content_type="application/json")
    with pytest.raises(StoreRefused, match="is not the picks that Rushes wrote there"):
        read_picks(store, "b")


def test_listing(store: WatchedStore) -> None:
    assert "nothing is picked yet" in rushes("picks", "b").output
    add_picks(store, "b", {ONE: Pick(star=True, rating=4, note="yes", at=1), TWO: Pick(rejected=True, at=1)})
    lines = rushes("picks", "b").output.splitlines()
    assert [line.split() for line in lines[1:]] == [
        [ONE, "starred", "4", "yes"],
        [TWO, "rejected"],
        ["b:", "1", "picked"],
    ]
    assert rushes("picks", "b", "--picked", "--names").output == f"b/{ONE}\n"
    assert list(json.loads(rushes("picks", "--json", "b").output)["picks"]) == [ONE, TWO]
    assert "exclude each other" in rushes("picks", "b", "--json", "--csv").output


@pytest.mark.parametrize("note", ["=1+1", "+1", "-1", "@x", '=HYPERLINK("http://x","y")'])
def test_no_spreadsheet_takes_a_note_for_a_formula_either(store: WatchedStore, note: str) -> None:
    add_picks(store, "b", {ONE: Pick(note=note, at=1)})
    (row,) = csv.DictReader(io.StringIO(rushes("picks", "b", "--csv").output))
    assert (row["take"], row["note"], row["star"], row["rating"]) == (ONE, f"'{note}", "0", "")


def test_what_the_page_exported_is_read_back(store: WatchedStore) -> None:
    given = Picks(batch="b", picks={ONE: Pick(star=True, at=5), "s/0009": Pick(star=True, at=5)})
    told = rushes("picks", "import", "-", given=given.to_json().decode())
    assert told.exit_code == 0, told.output
    assert "1 picks read, 1 of them new or changed" in told.output
    assert "no such takes: s/0009" in told.output
    assert read_picks(store, "b").picked() == [ONE]
    again = rushes("picks", "import", "-", given=given.to_json().decode())
    assert "0 of them new or changed" in again.output


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{", "not JSON"),
        ("[]", "Input should be"),
        ('{"batch": "b", "picks": {"s/0001": {"rating": 9, "at": "2026-11-21T06:14:03Z"}}}', "rating"),
        ('{"batch": "nobody", "picks": {}}', "there is no batch 'nobody'"),
    ],
)
def test_what_are_no_picks_is_not_read(store: WatchedStore, given: str, words: str) -> None:
    told = rushes("picks", "import", "-", given=given)
    assert told.exit_code != 0
    assert words in told.output + str(told.exception)
    assert not store.exists(picks_key("b"))
