"""Schedules whose takes hang on one another: nothing is begun before its parent is done, sent twice, or left behind."""

from __future__ import annotations

import hashlib
import importlib
import os

import pytest
from sim_schedule import Lean, Run

FROM = int(os.environ.get("RUSHES_FROM", "0"))
SCHEDULES = int(os.environ.get("RUSHES_CHAINED_SCHEDULES", "25"))


def test_no_chained_schedule_pays_twice_or_loses_anything(simulate: Run) -> None:
    for seed in range(FROM, FROM + SCHEDULES):
        schedule, error = simulate(seed, Lean(chained=True))
        if error is not None:
            trace = "\n".join(schedule.world.trace[:1] + schedule.world.trace[1:][-120:])
            pytest.fail(f"{trace}\n\nseed {seed}: {error}")


def test_a_take_that_does_not_wait_for_its_parent_is_found(simulate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("workers.engine.scripts")
    real = module._script
    source = real("tick")[1].replace("if not chained(batch, index) or", "if true or")
    digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
    monkeypatch.setattr(module, "_script", lambda name: (digest, source) if name == "tick" else real(name))
    told = (str(simulate(seed, Lean(chained=True))[1]) for seed in range(100))
    assert any("before what it takes up was done" in each for each in told)
