"""`rushes plan` and `rushes run --sandbox` with local files, as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from front_door import at_the_front_door
from input_files import film, paint

MANIFEST = """
batch: night
provider: {provider}
model: seedance-2.0-fast
defaults: {{duration: 4, resolution: 480p, aspect_ratio: '1:1'}}
shots:
  - {{name: a, prompt: a dog, start_image: {image}}}
"""


def rushes(folder: Path, *arguments: str, **environ: str) -> tuple[int, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUSHES_", "FAL_", "AWS_"))}
    kept |= {
        "HOME": str(folder / "home"),
        "RUSHES_SPOOL": str(folder / "spool"),
        "RUSHES_FAL_FIRST_POLL": "0.2",
        "COLUMNS": "200",
        **environ,
    }
    if arguments[0] == "plan":
        said = at_the_front_door(*arguments, folder=folder, environ=kept)
        return said.code, said.out + said.err
    done = subprocess.run(
        [sys.executable, "-P", "-m", "rushes", *arguments],
        cwd=folder,
        env=kept,
        capture_output=True,
        text=True,
        timeout=600,
    )
    output = done.stdout + done.stderr
    assert "Traceback" not in output, output
    return done.returncode, output


def write(folder: Path, image: str, provider: str = "fal") -> None:
    (folder / "night.yaml").write_text(MANIFEST.format(provider=provider, image=image))


def billed(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "renders/rehearsal/.rushes/state/sandbox.jsonl").read_text().splitlines()
    return [json.loads(line)["body"] for line in lines]


@pytest.mark.parametrize(
    ("provider", "environ", "told"),
    [
        ("fal", {}, "inputs    1 file, "),
        ("fal", {}, ": by the provider's own upload"),
        ("cloudflare", {}, ": as data URIs"),
        ("fal", {"RUSHES_STORE": "s3://films", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, "presigned"),
    ],
)
def test_the_plan_shows_how_files_will_get_there(
    tmp_path: Path, provider: str, environ: dict[str, str], told: str
) -> None:
    paint(tmp_path / "stills/dog.png")
    write(tmp_path, "stills/dog.png", provider)
    code, output = rushes(tmp_path, "plan", "night.yaml", **environ)
    assert code == 0, output
    assert told in output
    code, output = rushes(tmp_path, "plan", "night.yaml", "--json", **environ)
    assert json.loads(output)["inputs"]["files"] == 1


def test_a_file_that_has_no_way_is_told_by_the_plan(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", 3)
    write(tmp_path, "gone.png", "ark")
    manifest = (tmp_path / "night.yaml").read_text()
    (tmp_path / "night.yaml").write_text(manifest.replace("start_image: gone.png", "reference_videos: [a.mp4]"))
    code, output = rushes(tmp_path, "plan", "night.yaml")
    assert code == 2
    assert "ark takes a video only by a URL that it can fetch" in output


@pytest.mark.long
def test_a_local_file_renders_once_whatever_it_is_called(tmp_path: Path) -> None:
    paint(tmp_path / "stills/dog.png")
    write(tmp_path, "stills/dog.png")
    code, output = rushes(tmp_path, "run", "--sandbox", "night.yaml")
    assert code == 0, output
    (body,) = billed(tmp_path)
    assert "/fal-files/" in str(body["image_url"])
    receipt = json.loads((tmp_path / "renders/rehearsal/night/a/0001.receipt.json").read_text())
    assert receipt["asked"]["start_image"].startswith("input:")

    (tmp_path / "stills/dog.png").rename(tmp_path / "hound.png")
    write(tmp_path, "hound.png")
    code, output = rushes(tmp_path, "run", "--sandbox", "night.yaml")
    assert code == 0, output
    assert "0 submissions, 0 objects written" in output
    assert len(billed(tmp_path)) == 1

    paint(tmp_path / "hound.png", colour="blue")
    code, output = rushes(tmp_path, "run", "--sandbox", "night.yaml")
    assert code == 0, output
    assert "1 submissions" in output
    assert len(billed(tmp_path)) == 2
    assert (tmp_path / "renders/rehearsal/night/a.2/0001.mp4").exists()
