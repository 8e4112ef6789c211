"""A night with two providers, of which one is out of money from the start: the other one renders it all, once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from five import billed, pointed, sandboxed
from front_door import Desk

EXAMPLE = Path(__file__).parents[2] / "manifests" / "failover.yaml"


def test_what_the_first_takes_no_money_for_the_second_renders(desk: Desk, clips: Path) -> None:
    shutil.copy(EXAMPLE, desk.folder)
    with sandboxed(clips, locked=True) as broke, sandboxed(clips) as other:
        desk.environ |= {**pointed("fal", broke.url), **pointed("anyfast", other.url)}
        ended = desk.run("run", "failover.yaml")
        assert ended.code == 0, ended.output
        assert (sum(billed(broke).values()), sum(billed(other).values())) == (0, 8)
        again = desk.run("run", "failover.yaml")
        assert (again.code, "0 submissions, 0 objects written" in again.output) == (0, True)
        assert sum(billed(other).values()) == 8
    found = [json.loads(path.read_text()) for path in desk.files("failover/**/*.receipt.json")]
    assert [receipt["provider"] for receipt in found] == ["anyfast"] * 8
    shown = desk.run("limits")
    assert shown.code == 0
