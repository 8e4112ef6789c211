"""The example manifests, rehearsed: few takes of each, and all the rest as it is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from front_door import Desk
from ruamel.yaml import YAML

MANIFESTS = Path(__file__).parents[2] / "manifests"


def small(name: str) -> str:
    """The example with one take of each shot, as JSON, which is YAML."""
    written = YAML(typ="safe", pure=True).load((MANIFESTS / name).read_text(encoding="utf-8"))
    for shot in written["shots"]:
        shot["sample"] = 1
    written.pop("deadline", None)  # by the clock of whoever runs this
    return json.dumps(written)


@pytest.mark.parametrize(
    ("name", "shots"),
    [("prompt-sweep.yaml", 2), ("seed-grid.yaml", 1), ("looks-and-wildcards.yaml", 2), ("failover.yaml", 2)],
)
def test_it_is_rehearsed_to_its_end(desk: Desk, name: str, shots: int) -> None:
    shutil.copytree(MANIFESTS / "wildcards", desk.folder / "wildcards")
    manifest = str(desk.write(name, small(name)))
    ended = desk.run("run", "--sandbox", manifest)
    assert ended.code == 0, ended.output
    batch = name.removesuffix(".yaml")
    assert len(desk.files(f"rehearsal/{batch}/**/*.mp4")) == shots
    after = json.loads(desk.ask("diff", "--sandbox", "--json", manifest).output)
    assert (after["known"], after["done"], after["to_render"]) == (True, shots, 0)
