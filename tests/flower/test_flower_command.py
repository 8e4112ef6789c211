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


def started(run, monkeypatch: pytest.MonkeyPatch, auth: str, *arguments: str) -> tuple[list[str], dict[str, str], str]:
    """The command line and the environment with which Flower would be started, and what was said before."""
    seen: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr("os.execve", lambda _, argv, environ: seen.append((argv, environ)))
    ended = CliRunner().invoke(flower, arguments, env={"RUSHES_FLOWER_AUTH": auth})
    assert ended.exception is None and ended.exit_code == 0, ended.output
    [(argv, environ)] = seen
    return argv, environ, ended.output


def test_without_a_password_one_is_made_up_and_kept(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = tmp_path / "flower"
    argv, first, said = started(run, monkeypatch, "", f"--data={data}")
    _, again, _ = started(run, monkeypatch, "", f"--data={data}")
    user, _, password = first["FLOWER_BASIC_AUTH"].partition(":")
    assert user == "rushes" and len(password) >= 20
    assert again["FLOWER_BASIC_AUTH"] == first["FLOWER_BASIC_AUTH"]
    assert str(data / "password") in said and password not in said
    assert not [argument for argument in argv if password in argument]
    assert (data / "password").stat().st_mode & 0o777 == 0o600 and data.stat().st_mode & 0o777 == 0o700
    assert f"--db={data / 'tasks'}" in argv and "--persistent=True" in argv


def test_what_was_seen_lies_beside_the_state_of_the_store(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    argv, environ, _ = started(run, monkeypatch, "night:secret")
    [db] = [argument.removeprefix("--db=") for argument in argv if argument.startswith("--db=")]
    assert (tmp_path / db).parent == tmp_path / "renders/.rushes/state/flower-rushes"
    assert environ["FLOWER_BASIC_AUTH"] == "night:secret"
    assert not (tmp_path / db).parent.joinpath("password").exists()


def test_it_keeps_nothing_and_asks_for_nothing_when_it_is_told_so(
    run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    argv, environ, _ = started(run, monkeypatch, "", "--forget", "--no-password", "--url_prefix=flower")
    assert not [argument for argument in argv if argument.startswith(("--db", "--persistent"))]
    assert argv[-1] == "--url_prefix=flower"
    assert "FLOWER_BASIC_AUTH" not in environ and not (tmp_path / "renders").exists()


def test_a_folder_that_others_may_write_to_is_not_read(run, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o777)
    (tmp_path / "shared").chmod(0o777)
    ended = run("night:secret", f"--data={tmp_path / 'shared'}")
    assert isinstance(ended.exception, SettingsError) and "chmod 700" in str(ended.exception)


def test_a_folder_that_cant_be_made_is_named(run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = run("night:secret", f"--data={tmp_path / 'file' / 'flower'}")
    assert isinstance(ended.exception, SettingsError) and "--data" in str(ended.exception)
