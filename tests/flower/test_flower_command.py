"""What `rushes flower` refuses before there is a Flower."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rushes.services import flower
from workers.errors import SettingsError


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.execve", lambda *_: pytest.fail("Flower was started"))

    def run(auth: str, *arguments: str) -> Result:
        monkeypatch.setenv("RUSHES_FLOWER_AUTH", auth)
        return CliRunner().invoke(flower, arguments)

    return run


def test_it_is_not_opened_to_everyone_without_a_password(run) -> None:
    ended = run("", "--address", "0.0.0.0")
    assert isinstance(ended.exception, SettingsError)
    assert "RUSHES_FLOWER_AUTH=user:password" in str(ended.exception)


@pytest.mark.parametrize("auth", ["night", "night:", ":secret", "night:comma,secret", "night:secret,", "a:b,c"])
def test_half_a_pair_lets_nobody_in(run, auth: str) -> None:
    ended = run(auth)
    assert isinstance(ended.exception, SettingsError)
    assert "user:password" in str(ended.exception)
    assert "secret" not in str(ended.exception)
