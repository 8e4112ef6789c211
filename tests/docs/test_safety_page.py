"""docs/safety.md names tests that there are, and every scenario of the crash matrix by its name."""

from __future__ import annotations

import ast
import functools
import re

import click
import pytest
from documents import ROOT, spans, tables, text_of

from rushes.command import cli

PAGE = ROOT / "docs/safety.md"

NAMED = sorted({span for table in tables(PAGE) for _, cell in table.rows for span in spans(cell) if "::" in span})

ABOUT_A_BATCH = [
    "status",
    "watch",
    "pause",
    "resume",
    "cancel",
    "retry",
    "waive",
    "priority",
    "doubts",
    "resolve",
    "costs",
]


@functools.cache
def functions_of(file: str) -> frozenset[str]:
    """The names of a file's test functions, in classes or not."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@functools.cache
def struck() -> frozenset[str]:
    """The crash points and faults that the matrix has, read from its source: it is no package to import here."""
    found: set[str] = set()
    for file, name in (("tests/chaos/strikes.py", "POINTS"), ("tests/chaos/matrix.py", "FAULTS")):
        for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
                assert isinstance(node.value, ast.Dict)
                found |= {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
    return frozenset(found)


@pytest.mark.parametrize("named", NAMED)
def test_every_test_that_is_named_is_there(named: str) -> None:
    file, _, test = named.partition("::")
    assert test.startswith("test_")
    assert test in functions_of(file)


def test_every_row_names_what_holds_it() -> None:
    for table in tables(PAGE):
        for row in table.rows:
            assert len(row) == 2, row
            assert spans(row[1]) or row[1].startswith("the same"), row


def test_the_matrix_is_told_whole() -> None:
    [section] = re.findall(r"^## The crash matrix\n(.*?)^## ", text_of(PAGE), re.MULTILINE | re.DOTALL)
    told = {span for span in spans(section) if "/" not in span}
    assert told == struck()


def test_every_command_about_a_batch_can_answer_as_json() -> None:
    context = click.Context(cli)
    for name in ABOUT_A_BATCH:
        command = cli.get_command(context, name)
        assert command is not None
        assert any("--json" in parameter.opts for parameter in command.params), name
