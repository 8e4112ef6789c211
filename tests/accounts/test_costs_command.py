"""`rushes costs`, from a store on disk and from a bucket."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from account_books import BATCH, Books
from click.testing import CliRunner, Result
from front_door import Said, at_the_front_door

from rushes.costs import COLUMNS, costs
from rushes.session import rehearsal_store
from workers.store import Store, open_store


@pytest.fixture
def night(place: str, books: Books, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Books:
    """A batch with an attempt of every outcome, in the store that the settings name."""
    monkeypatch.setenv("RUSHES_STORE", place)
    monkeypatch.chdir(tmp_path)
    books.everything()
    return books


def asked(*arguments: str) -> Result:
    result = CliRunner().invoke(costs, arguments)
    assert result.exit_code == 0, result.output
    return result


def as_a_whole(*arguments: str) -> Said:
    """The command as its front door runs it: errors become a message and an exit code."""
    return at_the_front_door("costs", *arguments, folder=Path.cwd(), environ=os.environ)


def as_process(*arguments: str) -> Said:
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "rushes", "costs", *arguments],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return Said(ended.returncode, ended.stdout, ended.stderr)


def test_a_person_sees_every_line_with_its_currency(night: Books) -> None:
    output = asked(BATCH).output
    assert output.startswith("night: 11 attempts at 10 takes\n")
    rows = [" ".join(line.split()) for line in output.splitlines()]
    for row in [
        "takes attempts estimated actual at most",
        "opening 6 6 8.55 USD 2.2 USD 7.12 USD",
        "done 2 2 2.42 USD 2.2 USD 2.2 USD",
        "reused 1 0 0 USD 0 USD 0 USD",
        "in doubt 1 1 1.21 USD unknown for 1 1.21 USD",
        "discarded 1 1 35 credits unknown for 1 35 credits",
        "orphan 1 1 unknown for 1 unknown for 1 unknown for 1",
        "not submitted 1 1 nothing nothing nothing",
    ]:
        assert row in rows
    assert [row for row in rows if row.startswith("total ")] == ["total 10 11 8.55 USD 2.2 USD 7.12 USD"]
    after_total = rows[rows.index("total 10 11 8.55 USD 2.2 USD 7.12 USD") + 1 :]
    assert after_total[:2] == ["35 credits unknown for 6 35 credits", "unknown for 3 unknown for 2"]


def test_what_may_have_been_billed_for_nothing_is_named(night: Books) -> None:
    output = asked(BATCH).output
    for line in [
        "4 attempts brought no video and may have been billed:",
        "  follow/0001, attempt 1 at apiframe: at most 35 credits [discarded, waived]",
        "  follow/0003, attempt 1 at apiframe, job job-10: unknown [orphan]",
        "  opening.2/0001, attempt 1 at fal, job job-6: at most 2.5 USD [failed, output-moderation]",
        "  opening/0005, attempt 1 at fal: at most 1.21 USD [in doubt]",
    ]:
        assert line in output.splitlines()


def test_a_narrow_pipe_cuts_nothing(night: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    night.intend("a-shot-with-a-name-that-is-as-long-as-the-name-of-a-shot-may-be-/0001", price="123456.75")
    monkeypatch.setenv("COLUMNS", "40")
    output = as_process(BATCH).out
    rows = [" ".join(line.split()) for line in output.splitlines()]
    shot = "a-shot-with-a-name-that-is-as-long-as-the-name-of-a-shot-may-be-"
    assert f"{shot} 1 1 123,456.75 USD unknown for 1 123,456.75 USD" in rows


def test_more_than_a_few_are_counted_and_not_named(night: Books) -> None:
    for number in range(1, 21):
        night.intend(f"more/{number:04}")
    assert "  and 14 more" in asked(BATCH).output.splitlines()


def test_a_program_gets_json(night: Books) -> None:
    told = json.loads(asked(BATCH, "--json").stdout)
    assert told["batch"] == BATCH
    assert told["total"] == {
        "name": "total",
        "takes": 10,
        "attempts": 11,
        "estimated": {"by_currency": {"USD": "8.55", "credits": "35"}, "unknown_attempts": 3},
        "actual": {"by_currency": {"USD": "2.2"}, "unknown_attempts": 6},
        "at_most": {"by_currency": {"USD": "7.12", "credits": "35"}, "unknown_attempts": 2},
    }
    assert [line["name"] for line in told["shots"]] == ["follow", "opening"]
    assert [line["name"] for line in told["providers"]] == ["apiframe", "fal", "not submitted"]
    assert len(told["outcomes"]) == 8
    rows = told["attempts_on_record"]
    assert [tuple(row) for row in rows] == [COLUMNS] * 12
    doubt = next(row for row in rows if row["outcome"] == "in doubt")
    assert (doubt["estimated"], doubt["actual"], doubt["currency"]) == ("1.21", None, None)


def test_a_spreadsheet_gets_a_row_for_each_attempt(night: Books) -> None:
    rows = list(csv.DictReader(io.StringIO(asked(BATCH, "--csv").stdout)))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 12
    by_outcome = {row["outcome"]: row for row in rows}
    assert by_outcome["done"]["actual"] == "1.1"
    assert by_outcome["done"]["estimated"] == "1.21"
    assert by_outcome["in doubt"]["actual"] == "unknown"
    assert by_outcome["orphan"]["estimated"] == by_outcome["orphan"]["actual"] == "unknown"
    assert by_outcome["reused"]["attempt"] == ""
    assert by_outcome["reused"]["actual"] == "0"
    assert by_outcome["done"]["at"] == "2026-11-21T06:14:03Z"


@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_it_goes_to_a_file_and_is_the_same(night: Books, tmp_path: Path, form: str) -> None:
    shown = asked(BATCH, form).stdout
    assert asked(BATCH, form, "--out", str(tmp_path / "costs.out")).stdout == ""
    assert (tmp_path / "costs.out").read_text() == shown


def test_a_rehearsal_is_looked_at_by_itself(night: Books, place: str) -> None:
    Books(open_store(rehearsal_store(place)), "dry").render("s/0001")
    assert asked("dry", "--sandbox").output.startswith("dry: 1 attempt at 1 take\n")
    for arguments in (("dry",), (BATCH, "--sandbox")):
        told = as_a_whole(*arguments)
        assert (told.code, told.out) == (2, "")


def test_a_batch_that_is_not_there_is_one_message(night: Books, place: str, tmp_path: Path) -> None:
    told = as_a_whole("nigth", "--csv", "--out", str(tmp_path / "costs.csv"))
    assert told.code == 2
    assert told.err == f"rushes: there is no batch 'nigth' in the store {place}. Did you mean night?\n"
    assert not (tmp_path / "costs.csv").exists()


@pytest.mark.parametrize("name", ["zzz", "../night", "night/opening", ""])
def test_what_can_be_no_batch_is_not_there_either(night: Books, name: str) -> None:
    told = as_a_whole(name)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith(f"rushes: there is no batch {name!r} in the store")
    assert "night" in told.err.partition("in the store")[2]


def test_an_empty_store_says_what_to_look_at(place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUSHES_STORE", place)
    monkeypatch.chdir(tmp_path)
    told = as_a_whole(BATCH)
    assert told.code == 2
    assert "It holds no batch at all. Is RUSHES_STORE right" in told.err
    assert list(tmp_path.iterdir()) == [], "looking makes no folder"


def test_a_batch_that_was_opened_and_never_submitted_has_cost_nothing(
    store: Store, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUSHES_STORE", place)
    monkeypatch.chdir(tmp_path)
    Books(store).ledger.freeze(b"{}")
    assert asked(BATCH).output == "night: no attempt is on record, so nothing was paid for\n"
    assert json.loads(asked(BATCH, "--json").stdout)["attempts_on_record"] == []


def test_a_store_that_can_not_be_reached_is_trouble_and_no_missing_batch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "renders").write_text("I am a file")
    monkeypatch.setenv("RUSHES_STORE", str(tmp_path / "renders"))
    told = as_a_whole(BATCH)
    assert told.code == 5
    assert "renders" in told.err


@pytest.mark.parametrize(("arguments", "told"), [(("--json", "--csv"), "exclude"), (("--out", "x"), "--out needs")])
def test_options_that_make_no_sense_together(night: Books, arguments: tuple[str, ...], told: str) -> None:
    result = CliRunner().invoke(costs, [BATCH, *arguments])
    assert result.exit_code == 2
    assert told in result.output
