from __future__ import annotations

import pytest
from scripted_fal import ScriptedFal
from workbench import Bench, Make


@pytest.fixture
def bench(make: Make, fal: ScriptedFal) -> Bench:
    """A worker before a scripted fal."""
    return make(fal.url)
