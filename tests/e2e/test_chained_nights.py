"""Chains as a person runs them: to their end, through failures and losses, and by picking."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from pathlib import Path
from typing import Any

from desk import until
from five import billed, pointed, sandboxed
from front_door import Desk

EXAMPLES = Path(__file__).parents[2] / "manifests"


def receipts(desk: Desk, batch: str = "rehearsal/night") -> dict[str, dict[str, Any]]:
    found = (json.loads(path.read_text()) for path in desk.files(f"{batch}/**/*.receipt.json"))
    return {receipt["take"]: receipt for receipt in found}


def test_a_chain_that_is_killed_and_forgotten_in_the_middle_is_rendered_once(desk: Desk, clips: Path) -> None:
    shutil.copy(EXAMPLES / "chain.yaml", desk.folder)
    with sandboxed(clips, render_seconds=0.5) as sandbox:
        desk.environ |= pointed("fal", sandbox.url, seats=2)
        running = desk.start("run", "chain.yaml")
        until(lambda: any(name.startswith("leap") for name in receipts(desk, "chain")))
        running.send_signal(signal.SIGKILL)
        running.communicate()
        until(lambda: desk.log().count("Warm shutdown") >= 2, what="the workers' end")
        shutil.rmtree(desk.folder / "renders/.rushes/state")
        ended = desk.run("run", "chain.yaml")
        assert ended.code == 0, ended.output
        assert sum(billed(sandbox).values()) == 10
    found = receipts(desk, "chain")
    assert len(found) == 10
    for name, receipt in found.items():
        parents = {"opening": [], "leap": [name.replace("leap", "opening")]}
        expected = parents.get(receipt["shot"], [f"leap/000{2 if 'sunflowers' in name else 4}-{name[10:]}-seed2"])
        assert [parent["take"] for parent in receipt["parents"]] == expected
        for parent in receipt["parents"]:
            picture = desk.folder / "renders/chain" / f"{parent['take']}.last.png"
            assert parent["sha256"] == hashlib.sha256(picture.read_bytes()).hexdigest()


def test_the_example_of_drafts_that_are_promoted(desk: Desk, clips: Path) -> None:
    shutil.copy(EXAMPLES / "draft-and-promote.yaml", desk.folder)
    with sandboxed(clips) as sandbox:
        desk.environ |= pointed("fal", sandbox.url)
        drafted = desk.run("run", "draft-and-promote.yaml")
        assert drafted.code == 7, drafted.output
        assert "4 of 8 takes wait until you have picked what they are made from" in drafted.output
        assert "rushes pick --list draft-and-promote" in drafted.output
        picked = desk.ask("pick", "draft-and-promote/drafts/0002", "draft-and-promote/drafts/0003")
        assert picked.code == 0, picked.output
        ended = desk.run("run", "draft-and-promote.yaml")
        assert ended.code == 7, ended.output
        found = receipts(desk, "draft-and-promote")
        assert [name for name in sorted(found) if "final" in name] == ["final/0002-dawn-seed2", "final/0003-dusk-seed1"]
        assert found["final/0002-dawn-seed2"]["asked"]["seed"] == 2
        assert found["final/0002-dawn-seed2"]["model"] == "seedance-2.0"
