"""What the documents say of the command: its commands, options, exit codes, and what it prints."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import click
import pytest
from documents import PAGES, REFERENCE, ROOT, SANDBOX, code, spans, table, tables, text_of

from rushes import exits
from rushes.command import cli
from workers.sandbox.faults import _ALWAYS, Fault

_CALL = re.compile(r"(?<![\w./:-])rushes +([a-z][a-z-]*)([^`\n#]*)")
_OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")


def options_of(command: click.Command) -> set[str]:
    context = click.Context(command)
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    own = {option for parameter in command.get_params(context) for option in parameter.opts}
    return own.union(*(options_of(each) for each in inner))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_and_option_that_is_named_is_one(page: Path) -> None:
    for piece in code(page):
        for name, rest in _CALL.findall(piece):
            assert name in cli.commands, f"{page.name}: rushes {name}"
            assert set(_OPTION.findall(rest)) <= options_of(cli.commands[name]) | {"--help"}, f"rushes {name}{rest}"


def test_every_command_is_in_the_reference_at_a_glance() -> None:
    rows = [row for each in tables(REFERENCE / "commands.md") if each.header[0] == "command" for row in each.rows]
    assert sorted(name for cell, _ in rows for name in spans(cell)) == sorted(cli.commands)
    assert all(said.endswith(".") for _, said in rows)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_target_of_make_that_is_named_is_one(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for piece in code(page) for name in re.findall(r"(?<!\S)make ([a-z]+)", piece)}
    assert named <= targets


def test_the_exit_codes_are_those_of_the_command() -> None:
    """In the same order and in the same words: the order decides which is told."""
    [codes] = [node for node in ast.parse(Path(exits.__file__).read_text()).body if isinstance(node, ast.ClassDef)]
    meanings = [
        ast.literal_eval(said.value)
        for before, said in zip(codes.body, codes.body[1:], strict=False)
        if isinstance(before, ast.Assign) and isinstance(said, ast.Expr)
    ]
    expected = [(str(int(each)), f"`{each.name}`", said) for each, said in zip(exits.Exit, meanings, strict=True)]
    assert list(table(REFERENCE / "exit-codes.md", "code", "name").rows) == expected


def test_the_faults_are_those_of_the_sandbox() -> None:
    rows = {name.strip("`"): often for name, _, often in table(SANDBOX, "name", "what happens").rows}
    assert rows == {fault.value: "always" if fault in _ALWAYS else "once" for fault in Fault}


def test_the_options_of_the_sandbox_are_its_own() -> None:
    named = {span for span in spans(text_of(SANDBOX)) if span.startswith("--")}
    assert named
    assert named <= options_of(cli.commands["sandbox"])
