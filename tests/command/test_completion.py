"""`rushes completion`: each shell gets a script, and the command answers what the script asks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rushes.command import cli
from rushes.completing import SHELLS


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_gets_its_script(shell: str) -> None:
    ended = CliRunner().invoke(cli, ["completion", shell])
    assert ended.exit_code == 0
    assert f"{shell}_complete" in ended.output and "_RUSHES_COMPLETE" in ended.output


def test_a_shell_that_is_not_known_is_refused() -> None:
    assert CliRunner().invoke(cli, ["completion", "tcsh"]).exit_code == 2


def test_commands_are_completed(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("rushes")
    asked = {"_RUSHES_COMPLETE": "bash_complete", "COMP_WORDS": "rushes doc", "COMP_CWORD": "1"}
    ended = subprocess.run(
        [program], env={**os.environ, **asked}, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.stdout.split() == ["plain,doctor"]
