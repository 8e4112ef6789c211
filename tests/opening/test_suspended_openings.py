"""A command that was suspended while it opened a batch, for longer than its lock lasts, and whose batch was edited."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from taken_up import edited, opened, shot
from workbench import Bench

from workers.ledger import Ledger
from workers.reconciling import Overtaken

FIRST, SECOND, LATE = (edited(shot(prompt=f"a {animal}")) for animal in ("dog", "cat", "cow"))

MANIFEST = "b/.rushes/manifest.json"


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is begun anew, as if the command was killed where it noticed."""
    monkeypatch.setattr(importlib.import_module("workers.opening"), "_ATTEMPTS", 1)


def edited_elsewhere(bench: Bench) -> None:
    """The lock has lapsed, and another command opens the batch meanwhile."""
    bench.room._redis.delete(bench.room._key("opening", "b"))
    opened(bench, SECOND)


def test_what_it_put_over_a_newer_manifest_it_takes_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, once: None
) -> None:
    opened(bench, FIRST)
    real = Ledger.freeze

    def suspended(ledger: Ledger, manifest: bytes) -> None:
        monkeypatch.setattr(Ledger, "freeze", real)
        edited_elsewhere(bench)
        real(ledger, manifest)

    monkeypatch.setattr(Ledger, "freeze", suspended)
    with pytest.raises(Overtaken):
        opened(bench, LATE)
    frozen = bench.context.ledger("b").frozen()
    assert frozen is not None
    assert frozen == bench.room.manifest("b")
    assert b"a cat" in frozen


def test_one_that_can_know_it_puts_nothing_there(bench: Bench, monkeypatch: pytest.MonkeyPatch, once: None) -> None:
    opened(bench, FIRST)
    real = bench.room.open

    def suspended(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(bench.room, "open", real)
        told = real(*args, **named)
        edited_elsewhere(bench)
        bench.store.puts.clear()
        return told

    monkeypatch.setattr(bench.room, "open", suspended)
    with pytest.raises(Overtaken):
        opened(bench, LATE)
    assert MANIFEST not in bench.store.puts
    frozen = bench.context.ledger("b").frozen()
    assert frozen == bench.room.manifest("b")
