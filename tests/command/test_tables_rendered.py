"""A list of shots from a spreadsheet, as a person hands it to the command."""

from __future__ import annotations

from person import Desk

from rushes.exits import Exit

WHOSE = ("--provider", "fal", "--model", "seedance-2.0-fast")


def test_bad_rows_are_told_or_written_beside_the_table(alone: Desk) -> None:
    (alone.folder / "night.csv").write_text("name,prompt,seed\na,A dog,1\nb,A cat,x\n")
    told = alone.run("plan", *WHOSE, "night.csv")
    assert told.code == Exit.WRONG_INPUT
    assert "row 3, column C (seed): 'x' is not a whole number" in told.output
    assert not (alone.folder / "night.rejected.csv").exists()
    planned = alone.run("plan", *WHOSE, "--skip-bad-rows", "night.csv")
    assert planned.code == Exit.DONE
    assert "1 row is left out as wrong, and written to night.rejected.csv" in planned.output
    rejected = (alone.folder / "night.rejected.csv").read_text(encoding="utf-8-sig")
    assert rejected == "#reason,name,prompt,seed\ncolumn C (seed): 'x' is not a whole number,b,A cat,x\n"


def test_options_of_tables_are_refused_with_a_manifest(alone: Desk) -> None:
    (alone.folder / "night.yaml").write_text("batch: night\n")
    told = alone.run("plan", "--provider", "fal", "night.yaml")
    assert told.code == Exit.WRONG_INPUT
    assert "the options for them are for tables" in told.output
