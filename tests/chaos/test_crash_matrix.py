"""The crash matrix: real processes, real kill -9, real Redis, real S3, and providers that count what they bill.

The suite plays a part of it, in which one batch meets many deaths; `make chaos` plays all of it, each by itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from evidence import Evidence
from invariants import blind, complaints
from matrix import CRASHES, FAULTED, PLAYED_CHAINS, SEED, WHOLE, chain, crash, fault, judging
from scenario import Scenario
from stage import House, perform


def holds(scenario: Scenario, folder: Path, house: House) -> Evidence:
    """Play it, and see that every invariant holds, and that each would have noticed; what it left behind."""
    evidence = perform(scenario, folder=folder, house=house, seed=SEED)
    said = "\n".join(batch.said.output for batch in evidence.batches)
    told = f"\nto see it again: RUSHES_CHAOS_SEED={SEED}\n{said}"
    wrong = complaints(evidence)
    assert not wrong, "\n".join(wrong) + told
    assert blind(evidence) == [], "this scenario leaves nothing by which these could fail" + told
    return evidence


# The longest first, so that no process is left alone with it.
@pytest.mark.timeout(1800)
def test_the_night_that_it_is_judged_by(tmp_path: Path, house: House) -> None:
    evidence = holds(judging(100, 1500.0, 4.0) if WHOLE else judging(4, 600.0, 2.0), tmp_path, house)
    for batch in evidence.batches:
        assert (batch.stopped, batch.said.code in (6, 7)) == ("budget", True), f"{batch.name}: its budget was no limit"
        assert batch.waiting > 0


@pytest.mark.parametrize("provider", PLAYED_CHAINS)
def test_one_death_after_the_other(provider: str, tmp_path: Path, house: House) -> None:
    holds(chain(provider), tmp_path, house)


@pytest.mark.parametrize(("point", "provider"), CRASHES)
def test_a_crash(point: str, provider: str, tmp_path: Path, house: House) -> None:
    holds(crash(point, provider), tmp_path, house)


@pytest.mark.parametrize(("name", "provider"), FAULTED)
def test_a_fault(name: str, provider: str, tmp_path: Path, house: House) -> None:
    holds(fault(name, provider), tmp_path, house)
