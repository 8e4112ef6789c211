"""Schedules with two providers: none is asked for what may be paid for at the other, or knows of its jobs."""

from __future__ import annotations

import importlib
import os

import pytest
from sim_schedule import Lean, Run

FROM = int(os.environ.get("RUSHES_FROM", "0"))
SCHEDULES = int(os.environ.get("RUSHES_FAILOVER_SCHEDULES", "30"))

FOUND = (17, 1013)
"""Seeds that broke a rule once."""


def test_no_schedule_with_two_providers_pays_twice_or_loses_anything(simulate: Run) -> None:
    carried = 0
    for seed in range(FROM, FROM + SCHEDULES):
        schedule, error = simulate(seed, Lean(several=True))
        if error is not None:
            trace = "\n".join(schedule.world.trace[:1] + schedule.world.trace[1:][-120:])
            pytest.fail(f"{trace}\n\nseed {seed}: {error}")
        first = schedule.provider.name
        carried += any(job.at != first for job in schedule.provider.jobs.values())
    assert carried, "no take went to the second provider, so nothing was looked at"


def test_a_doubt_that_is_carried_elsewhere_is_found(simulate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("workers.steps.settle")
    monkeypatch.setattr(module, "_was_intended", lambda *_: False)  # whoever is in doubt is taken to have sent nothing
    told = (str(simulate(seed, Lean(several=True, rate=0.25))[1]) for seed in range(100))
    assert any("paid twice" in each for each in told)


@pytest.mark.parametrize("seed", FOUND)
def test_what_a_schedule_with_two_providers_once_found_is_mended(simulate: Run, seed: int) -> None:
    schedule, error = simulate(seed, Lean(several=True))
    assert error is None, "\n".join(schedule.world.trace[-120:])
