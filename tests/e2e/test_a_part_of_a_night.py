"""The example of a spreadsheet as a person renders it: a few takes first by `--only`, and then the rest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from front_door import Desk

MANIFESTS = Path(__file__).parents[2] / "manifests"
NIGHT = ("--provider", "fal", "--model", "seedance-2.0-fast", "--defaults", "defaults.yaml", "overnight.csv")


def test_a_part_is_rendered_and_the_rest_by_the_next_run(desk: Desk) -> None:
    shutil.copy(MANIFESTS / "overnight.csv", desk.folder)
    defaults = (MANIFESTS / "defaults" / "overnight.yaml").read_text()
    desk.write("defaults.yaml", defaults.replace("720p", "480p"))
    first = desk.run("run", "--sandbox", *NIGHT, "--only", "kitchen", "--only", "WAVES*")
    assert first.code == 0, first.output
    assert "overnight: 7 takes left out by --only or --limit" in first.output
    assert "overnight: 2 of 9 takes done" in first.output
    assert "7 left out by --only or --limit: a run without them renders these as well" in first.output
    assert len(desk.files("rehearsal/overnight/*/*.mp4")) == 2
    compared = json.loads(desk.run("diff", "--sandbox", "--json", *NIGHT, "--limit", "1").output)
    assert {part: compared[part] for part in ("done", "left_out", "to_render")} == {
        "done": 2,
        "left_out": 6,
        "to_render": 1,
    }
    whole = desk.run("run", "--sandbox", *NIGHT)
    assert whole.code == 0 and "overnight: 9 of 9 takes done" in whole.output, whole.output
    assert "this time: 7 submissions" in whole.output
    assert len(desk.files("rehearsal/overnight/*/*.mp4")) == 9
