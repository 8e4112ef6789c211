"""A command whose output is read no further (`rushes export night --csv | head`) ends in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rushes.exits import Exit

UNFLUSHED = "import sys; from rushes.command import main; sys.stdout.write('as export does'); main()"


@pytest.mark.parametrize(
    "program",
    [["-m", "rushes", "schema"], ["-m", "rushes", "--version"], ["-c", UNFLUSHED, "plan", "--help"]],
    ids=["much", "little", "unflushed"],
)
def test_it_ends_without_a_word(program: list[str], tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(
        [sys.executable, "-P", *program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=environ
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(100) == Exit.INTERRUPTED
