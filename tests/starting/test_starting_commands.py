"""`rushes init` and `rushes schema`: what a beginner starts from plans as it is, and overwrites nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jobs.reading.loading import load
from jobs.schema import FILE_NAME, text
from rushes.command import cli
from rushes.starting import KINDS, NotWritten, starter


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize("kind", KINDS)
def test_a_starter_plans_as_it_is(here: Path, kind: str) -> None:
    result = run("init", "night", "--kind", kind)
    assert result.exit_code == 0, result.output
    manifest = load(here / "night.yaml")
    assert manifest.batch == "night"
    assert manifest.budget is not None
    written = (here / "night.yaml").read_text()
    count = sum(shot.count() for shot in manifest.shots)
    assert f" {count} takes." in written, "what the comment says is so"
    planned = run("plan", "night.yaml")
    assert planned.exit_code == 0, planned.output
    assert f"enough for all {count} takes" in planned.output
    assert "rushes plan night.yaml " in written and "FILE" not in written and "NAME" not in written


def test_without_a_name_there_is_one() -> None:
    assert run("init").exit_code == 0
    assert Path("first-batch.yaml").exists()


@pytest.mark.parametrize("name", ["12", "1e3", "true", "null", "no", "0x1F", "a_b-c"])
def test_any_name_stays_the_name(name: str) -> None:
    for kind in KINDS:
        assert f"batch: {name}" in starter(kind, name).replace('"', "")
    assert run("init", name).exit_code == 0
    assert load(Path(f"{name}.yaml")).batch == name


def test_the_schema_comes_along_once(here: Path) -> None:
    run("init", "a")
    assert (here / FILE_NAME).read_text() == text() == run("schema").output
    (here / FILE_NAME).write_text("mine")
    assert FILE_NAME not in run("init", "b").output
    assert (here / FILE_NAME).read_text() == "mine"


def test_nothing_is_overwritten(here: Path) -> None:
    (here / "night.yaml").write_text("mine")
    result = run("init", "night")
    assert isinstance(result.exception, NotWritten)
    assert result.exception.exit_code == 2
    assert (here / "night.yaml").read_text() == "mine"
    assert not (here / FILE_NAME).exists()


@pytest.mark.parametrize("name", ["../x", "a/b", "", "rehearsal", "con", "ä"])
def test_what_is_no_name_is_refused(here: Path, name: str) -> None:
    result = run("init", name)
    assert result.exit_code == 2
    assert list(here.iterdir()) == []


def test_a_folder_that_cannot_be_written_to(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    (here / "night.yaml").symlink_to(here / "nowhere" / "night.yaml")
    result = run("init", "night")
    assert isinstance(result.exception, NotWritten)


def test_every_command_is_where_it_is_said_to_be() -> None:
    assert {command.name for command in cli.commands.values()} == set(cli.commands)
