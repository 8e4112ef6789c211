"""What `--help` says: of each command, with examples that work; and what is coloured."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from rushes.command import GROUPS, cli
from rushes.examples import EXAMPLES

COLOUR = re.compile(r"\x1b\[[0-9;]*(?:3[0-9]|4[0-9]|9[0-7]|10[0-7])[0-9;]*m")


def test_every_command_has_examples_and_they_stand_in_its_help() -> None:
    assert set(EXAMPLES) == set(cli.commands)
    for name, examples in EXAMPLES.items():
        shown = CliRunner().invoke(cli, [name, "--help"])
        assert shown.exit_code == 0, name
        for line, said in examples:
            assert line.split()[0] == name
            assert f"rushes {line}" in shown.output and said in shown.output, line
        examples_shown = shown.output.partition("Examples:")[2].splitlines()
        assert max(len(line) for line in examples_shown) <= 80, name


@pytest.mark.parametrize("line", [line for examples in EXAMPLES.values() for line, _ in examples])
def test_each_example_parses(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("night.yaml", "shots.csv", "night-picks.json"):
        (tmp_path / name).write_text("")
    words = shlex.split(re.split(r" >+ ", line)[0])
    command: click.Command = cli.commands[words[0]]
    context = command.make_context(words[0], words[1:])
    if isinstance(command, click.Group):
        name, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert inner is not None
        inner.make_context(name, rest, parent=context)


def test_all_commands_stand_in_the_help_of_the_whole() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).output
    for title, names in GROUPS.items():
        assert f"{title}:" in shown
        assert all(re.search(rf"^  {name}  ", shown, re.MULTILINE) for name in names)


def seen_in_a_terminal(folder: Path, **environ: str) -> str:
    """What `rushes doctor` prints to a terminal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUSHES_", "FAL_", "AWS_"))}
    kept = {name: value for name, value in kept.items() if name not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rushes", "doctor"],
            cwd=folder,
            env={**kept, "TERM": "xterm-256color", "RUSHES_REDIS_URL": "redis://127.0.0.1:9/0", **environ},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        told = b""
        try:
            while piece := os.read(ours, 65536):
                told += piece
        except OSError:
            pass  # Linux says so that the other side is closed
        assert process.wait(60) in (2, 5)
    finally:
        os.close(ours)
    return told.decode()


def test_nothing_is_coloured_where_no_colour_is_wanted(tmp_path: Path) -> None:
    coloured, plain = seen_in_a_terminal(tmp_path), seen_in_a_terminal(tmp_path, NO_COLOR="1")
    assert COLOUR.search(coloured), "else this test could not fail"
    assert "problem" in plain and not COLOUR.search(plain)
