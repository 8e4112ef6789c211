"""`--only` and `--limit` as a person uses them: a few takes first, and then the rest."""

from __future__ import annotations

import json
from pathlib import Path

from desk import Desk, manifest
from five import billed, pointed, sandboxed

SHOTS = """
  - name: opening
    prompt: a dog
    sweep: {seed: 1..2}
  - name: follow
    for_each: opening
    prompt: it leaps
    start_image: opening.last_frame
  - name: other
    prompt: a cat
"""


def test_a_part_is_rendered_and_the_rest_by_the_next_run(desk: Desk, clips: Path) -> None:
    desk.write("night.yaml", manifest(SHOTS))
    with sandboxed(clips) as sandbox:
        desk.environ |= pointed("fal", sandbox.url)
        planned = desk.run("plan", "night.yaml", "--only", "follow", "--limit", "2")
        assert "chosen    2 takes, " in planned.output
        assert "by --only follow --limit 2; the others wait" in planned.output
        unknown = desk.run("run", "night.yaml", "--only", "folow")
        assert unknown.code == 2 and "no shot is called 'folow'; did you mean 'follow'?" in unknown.output
        first = desk.run("run", "night.yaml", "--only", "follow", "--limit", "2")
        assert first.code == 0, first.output
        assert "night: 3 takes left out by --only or --limit" in first.output
        assert "night: 2 of 5 takes done" in first.output
        assert "3 left out by --only or --limit: a run without them renders these as well" in first.output
        assert [path.parent.name for path in desk.files("night/**/*.mp4")] == ["follow", "opening"]
        again = desk.run("run", "night.yaml", "--only", "follow", "--limit", "2")
        assert again.code == 0 and "this time: 0 submissions, 0 objects written" in again.output, again.output
        stands = json.loads(desk.run("status", "night", "--json").output)
        assert (stands["deferred"], stands["open"], stands["held"]) == (3, 0, {"deferred": 3})
        compared = desk.run("diff", "night.yaml", "--only", "other")
        assert "  2 left out by --only or --limit" in compared.output and "  1 to render, " in compared.output
        whole = desk.run("run", "night.yaml")
        assert whole.code == 0 and "night: 5 of 5 takes done" in whole.output, whole.output
        assert sum(billed(sandbox).values()) == 5
