"""The command as a person runs it: in a folder of its own, against a provider on loopback."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from front_door import at_the_front_door
from imitation import KEY

QUICK = {"RUSHES_FAL_FIRST_POLL": "0.2", "RUSHES_FAL_SLOWEST_POLL": "0.5", "RUSHES_FAL_SEATS": "20"}


@dataclass
class Ended:
    """How a command ended."""

    code: int
    output: str

    def __post_init__(self) -> None:
        assert "Traceback" not in self.output, self.output


@dataclass
class Desk:
    """A folder that a person works in, and the environment they have set."""

    folder: Path
    environ: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def write(self, name: str, text: str) -> Path:
        """Write a file in the folder."""
        path = self.folder / name
        path.write_text(text)
        return path

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start `rushes ...` and leave it running."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rushes", *arguments],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, **environ: str) -> Ended:
        """Run `rushes ...` to its end."""
        return self.end(self.start(*arguments, **environ))

    def ask(self, *arguments: str, **environ: str) -> Ended:
        """Run a `rushes ...` that starts no other process, in this one."""
        said = at_the_front_door(*arguments, folder=self.folder, environ={**self.environ, **environ})
        return Ended(said.code, said.out + said.err)

    def end(self, process: subprocess.Popen[str], *, timeout: float = 600) -> Ended:
        """Wait for the end of what was started."""
        output, _ = process.communicate(timeout=timeout)
        return Ended(process.returncode, output)

    def files(self, pattern: str) -> list[Path]:
        """Files in the store, without what is hidden."""
        store = self.folder / "renders"
        return sorted(path for path in store.glob(pattern) if ".rushes" not in path.parts)

    def log(self) -> str:
        """What the workers of this folder's store have logged."""
        return (self.folder / "renders/.rushes/state/worker.log").read_text()


def pointed_at(url: str) -> dict[str, str]:
    """The environment in which fal is the imitation at `url`."""
    return {"RUSHES_FAL_URL": url, "FAL_KEY": KEY}


def until(condition: Callable[[], bool], *, seconds: float = 300.0, what: str = "the condition") -> None:
    """Wait for something to become true; fail if it doesn't in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(0.02)


def manifest(shots: str, batch: str = "night") -> str:
    """A manifest with small defaults."""
    return (
        f"batch: {batch}\nprovider: fal\nmodel: seedance-2.0-fast\n"
        "defaults: {duration: 4, resolution: 480p, aspect_ratio: '16:9'}\nshots:\n" + shots
    )


SWEEP = """
  - name: sweep
    prompt: A dog in the {place}
    sweep:
      place: [field, city, sea, sky]
      seed: 1..3
"""
