from __future__ import annotations

import pytest
from scripted_fal import ScriptedFal
from workbench import Bench, Make

from workers.engine.states import State


@pytest.fixture
def bench(make: Make, fal: ScriptedFal) -> Bench:
    """A worker before a scripted fal."""
    return make(fal.url)


SHOTS = [
    {"name": "first", "prompt": "a dog", "sweep": {"seed": [1, 2, 3]}},
    {"name": "second", "prompt": "a {animal}", "sweep": {"animal": ["cat", "cow"]}},
]


@pytest.fixture
def night(bench: Bench) -> Bench:
    """A batch of two shots: takes 0 to 2 are of the first, 3 and 4 of the second. None is admitted yet."""
    bench.open(batch="night", shots=SHOTS)
    return bench


@pytest.fixture
def doubted(bench: Bench, fal: ScriptedFal) -> Bench:
    """A batch `b` whose one take is in doubt."""
    fal.posts = [lambda asked: asked.hang_up()]
    bench.open()
    bench.submit()
    bench.settle()
    assert bench.state() is State.DOUBT
    fal.posts = [fal.accept]
    return bench
