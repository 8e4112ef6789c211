"""A desk of its own for every test of the command as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import QUICK
from front_door import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An empty desk with no keys and no Rushes settings; whatever it started is ended with it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("RUSHES_", "FAL_", "AWS_"))}
    environ |= {"HOME": str(tmp_path / "home"), "RUSHES_SPOOL": str(tmp_path / "spool"), "COLUMNS": "200", **QUICK}
    here = Desk(tmp_path / "desk", environ)
    here.folder.mkdir()
    yield here
    for process in here.started:
        if process.poll() is None:
            process.terminate()
            process.wait(300)
        if process.stdout is not None:
            process.stdout.close()
