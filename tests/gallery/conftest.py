from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shown_batch import MakeShown, Shown, seeds


@pytest.fixture
def shown(tmp_path: Path) -> MakeShown:
    """Makes a batch of these shots; of one of three takes where none is given."""

    def make(*shots: dict[str, Any]) -> Shown:
        return Shown(tmp_path / "store", list(shots) or [seeds(3)])

    return make
