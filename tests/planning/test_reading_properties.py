"""Whatever is in a file: a manifest comes out, or one error that says why."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import ManifestError
from jobs.reading.document import parse
from jobs.reading.loading import load_text, load_with_inputs
from jobs.reading.nodes import Mapping, Node, NotYaml, Scalar, Sequence, _by_ruamel, compose
from jobs.tables import TableHead

PIECES = st.sampled_from(
    (
        *(
            "a",
            "b: ",
            "- ",
            "\n",
            "  ",
            "[",
            "]",
            "{",
            "}",
            ",",
            "'",
            '"',
            ":",
            "?",
            "#",
            "&x ",
            "*x",
            "!t ",
            "|",
            ">",
            "~",
        ),
        *("9:16", "no", "1e3", "0x1F", "007", "<<: ", "---\n", "\t", "\0", "é", "\ud800", "shots:", "prompt: ", "\r"),
    )
)
CELLS = st.sampled_from(
    (
        *("name", "prompt", "seed", "vars.x", "duration", "price", ",", ",", ";", "\t", "\n", "\n", "\r\n", '"', "|"),
        *("1..3", "1e5", "A {x}", "16:09", "\ufeff", "\u00a0", "\0", "sep=;", "#REF!", "é", "../..", "5,0", "{", "\\|"),
    )
)


@given(st.lists(PIECES, max_size=40).map("".join))
@settings(max_examples=150)
def test_any_text_is_a_manifest_or_one_error(text: str) -> None:
    try:
        load_text(text, "fuzz.yaml")
    except ManifestError as error:
        assert error.problems


@given(st.lists(PIECES.filter(lambda piece: piece not in ("\0", "\ud800")), max_size=25).map("".join))
@settings(max_examples=150)
def test_what_libyaml_reads_is_what_ruamel_reads(text: str) -> None:
    """Where both read a document, values and lines are the same."""
    try:
        fast, slow = compose(text), _by_ruamel(text)
    except (NotYaml, RecursionError):
        return
    assert _told(fast) == _told(slow)


def _told(node: Node | None) -> object:
    """The node with its lines. Where a value isn't written, the two see it at different ends of the blank."""
    match node:
        case None:
            return None
        case Scalar():
            return (node.kind, node.text, None if node.text == "" else node.line)
        case Mapping():
            return [(_told(key), _told(value)) for key, value in node.items]
        case Sequence():
            return [node.line, *map(_told, node.items)]


@given(st.lists(CELLS, max_size=40).map("".join), st.sampled_from([".csv", ".tsv", ".jsonl", ".xlsx"]), st.booleans())
@settings(max_examples=150)
def test_any_table_is_a_manifest_or_one_error(text: str, ending: str, skip: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"fuzz{ending}"
        path.write_bytes(text.encode())
        try:
            load_with_inputs(path, TableHead(provider="fal", model="seedance-2.0-fast"), skip_bad_rows=skip)
        except ManifestError as error:
            assert error.problems


def test_what_yaml_1_1_reads_wrongly_is_text() -> None:
    found = parse("a: 9:16\nb: no\nc: 1e3\nd: 010\ne: 2024-01-01\nf: '5'\n", "x", as_written=lambda loc: False)
    assert found.data == {"a": "9:16", "b": "no", "c": 1000.0, "d": 10, "e": "2024-01-01", "f": "5"}
    assert found.line(("c",)) == 3
