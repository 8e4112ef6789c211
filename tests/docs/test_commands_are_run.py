"""The commands of the README and of the quickstart are run as they stand there, and print what is shown there.

They are run by bash, in a fresh folder, by real processes. Three things are other than for a reader: the key is made up
and its provider is a sandbox here, of each shot one take is rendered, and `make` is only noted down. A command that the
README has run already is not run again for the quickstart, which goes on in the same folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import README, ROOT, blocks, fenced, indented

from workers.sandbox.server import SandboxOptions, running_sandbox

QUICKSTART = ROOT / "docs/quickstart.md"
MAKEFILE = (ROOT / "Makefile").read_text()
ONE_TAKE = "--set shots.opening.sample=1"

RUSHES = f"""#!/bin/sh
case $1 in
run | plan | diff | submit) exec {sys.executable} -P -m rushes "$@" {ONE_TAKE} ;;
*) exec {sys.executable} -P -m rushes "$@" ;;
esac
"""
MAKE = """#!/bin/sh
echo "$@" >>"$MADE"
"""


class Reader:
    """Somebody who types what a page says, line by line, and sees what is printed."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.typed, self.printed = folder, list[str](), ""
        self.made = folder.parent / "made"
        (folder / ".venv/bin").mkdir(parents=True)
        for name, text in (("rushes", RUSHES), ("make", MAKE)):
            program = folder / ".venv/bin" / name
            program.write_text(text)
            program.chmod(0o755)
        (folder / ".venv/bin/activate").write_text(f'export PATH="{folder}/.venv/bin:$PATH"\n')
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUSHES_", "FAL_", "AWS_"))}
        self.environ = kept | {
            "HOME": str(folder.parent),
            "MADE": str(self.made),
            "PATH": f"{folder}/.venv/bin:{os.environ['PATH']}",
            "RUSHES_FAL_URL": url,
            "RUSHES_FAL_FIRST_POLL": "0.2",
            "RUSHES_SPOOL": str(folder.parent / "spool"),
        }

    def read(self, page: Path) -> None:
        """Type every command of a page, and look whether what it shows was printed. What is exported holds on."""
        for language, text in fenced(page):
            if language == "sh":
                self.printed += self._type(text)
        shown = [line for text in blocks(page, "text") for line in text.splitlines()]
        assert shown
        for line in shown:
            assert plain(line) in plain(self.printed), f"{page.name} shows {line!r}; printed was:\n{self.printed}"

    def _type(self, text: str) -> str:
        new = [line for line in text.splitlines() if command(line) not in self.typed]
        self.typed += map(command, new)
        script = "\n".join(new).replace("FAL_KEY=...", "FAL_KEY=made-up:key")
        script += '\nenv | grep -E "^(FAL|RUSHES|AWS)_" >../exported || true\n'
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0 and "Traceback" not in done.stdout, f"{script}\n{done.stdout}"
        exported = (self.folder.parent / "exported").read_text()
        self.environ |= dict(line.split("=", 1) for line in exported.splitlines())
        return done.stdout


def command(line: str) -> str:
    """A line without what is said beside it."""
    return re.sub(r"\s+#.*$", "", line).strip()


def plain(text: str) -> str:
    """Without what differs from one run to another: numbers, the batch's name, and where things lie."""
    placed = re.sub(r"(?<=\s)(?:\.\.\.|/\S*?)/renders", "/renders", text)
    return re.sub(r"\d[\d.]*", "N", re.sub(r"\b(?:demo|night)\b", "BATCH", placed))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with running_sandbox(SandboxOptions(cache=tmp_path / "clips", queue_seconds=0, render_seconds=0.2)) as sandbox:
        yield Reader(tmp_path / "desk", sandbox.url)


@pytest.mark.timeout(1200)  # a dozen processes, one after the other; a busy machine takes its time
def test_a_newcomer_can_type_what_the_readme_and_the_quickstart_say(reader: Reader) -> None:
    for page in (README, QUICKSTART):
        reader.read(page)
    desk = reader.folder
    assert len([*desk.glob("renders/rehearsal/night/opening/*.mp4")]) == 1
    assert len([*desk.glob("renders/night/opening/*.receipt.json")]) == 1
    for made in ("renders/night/gallery.html", "night.csv", "night.png"):
        assert (desk / made).stat().st_size > 0
    assert reader.made.read_text().split() == ["demo", "test", "setup"]


def test_make_does_what_the_pages_say() -> None:
    """`make demo` rehearses the demo, `make test` runs the whole suite, and both leave the command where it is said."""
    assert re.search(r"^VENV +:= \.venv\nBIN +:= \$\(VENV\)/bin$", MAKEFILE, re.MULTILINE)
    assert re.search(
        r"^demo: setup .*\n\t\$\(BIN\)/rushes run --sandbox manifests/demo\.yaml\n\n", MAKEFILE, re.MULTILINE
    )
    assert re.search(r"^test: .*\blint\b.*\n\t\$\(BIN\)/python -m pytest\b", MAKEFILE, re.MULTILINE)
    assert re.search(r"^setup: \$\(VENV\)/\.installed\b", MAKEFILE, re.MULTILINE)


def test_every_command_that_is_shown_in_these_pages_is_run() -> None:
    """What isn't in a block of its own language would be passed over."""
    for page in (README, QUICKSTART):
        assert {language for language, _ in fenced(page)} <= {"sh", "text", "yaml"}
        assert blocks(page, "sh") and not indented(page)
