"""The image: what goes into it, in which order, and as whom it runs."""

from __future__ import annotations

import json
import re

import pytest
from compose_file import ROOT


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines if line.strip()]


def copied() -> list[str]:
    """What comes from our folder."""
    copies = [more for name, more in instructions() if name == "COPY" and "--from" not in more]
    return [source for more in copies for source in more.split()[:-1]]


def test_it_runs_as_an_ordinary_user() -> None:
    last = [name for name, _ in instructions()][::-1].index("FROM")
    users = [more for name, more in instructions()[-last:] if name == "USER"]
    assert users, "the last stage names a user"
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", users[-1])


def test_it_runs_the_command() -> None:
    assert json.loads(dict(instructions())["ENTRYPOINT"]) == ["rushes"]


def test_dependencies_are_installed_from_the_constraints_before_the_source_is_there() -> None:
    steps = instructions()
    installed = next(i for i, (_, more) in enumerate(steps) if "pip install" in more)
    source = next(i for i, step in enumerate(steps) if step == ("COPY", "jobs jobs"))
    assert "--constraint constraints.txt" in steps[installed][1]
    assert installed < source
    assert any("pip install --no-deps ." in more for _, more in steps[source:])


def test_what_is_copied_is_there() -> None:
    for source in copied():
        assert (ROOT / source).exists(), source


def test_nothing_else_reaches_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == set(copied())


@pytest.mark.parametrize("secret", ["FAL_KEY", "REDIS_PASSWORD", "AWS_SECRET_ACCESS_KEY", "RUSHES_FLOWER_AUTH"])
def test_no_secret_is_built_in(secret: str) -> None:
    assert secret not in (ROOT / "Dockerfile").read_text()
