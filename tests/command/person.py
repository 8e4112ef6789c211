"""A person at a desk: the command in a folder, with what is set in its environment."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from front_door import at_the_front_door


@dataclass
class Ended:
    """How a command ended."""

    code: int
    output: str

    def __post_init__(self) -> None:
        assert "Traceback" not in self.output, self.output


@dataclass
class Desk:
    """A folder that a person works in, and the environment that they have set."""

    folder: Path
    environ: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `rushes ...` and leave it running."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rushes", *arguments],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str) -> Ended:
        """Run `rushes ...` to its end: in this process, unless it starts others and is their parent."""
        if arguments[0] == "run" or (arguments[0] == "recover" and "--sandbox" in arguments):
            return self.end(self.start(*arguments))
        said = at_the_front_door(*arguments, folder=self.folder, environ=self.environ)
        return Ended(said.code, said.out + said.err)

    def end(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for the end of what was started."""
        output, _ = process.communicate(timeout=600)
        return Ended(process.returncode, output)
