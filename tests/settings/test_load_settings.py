"""The settings: where each comes from, which source wins, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workers.errors import SettingsError
from workers.settings import CONVENTIONS, environment, load_settings

SECRET = "very-secret-indeed"


def write(folder: Path, *, toml: str = "", env: str = "") -> None:
    if toml:
        (folder / "rushes.toml").write_text(toml)
    if env:
        (folder / ".env").write_text(env)


def wrong(folder: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ or {}, folder)
    return str(caught.value)


class TestPrecedence:
    def test_with_nothing_set_everything_has_its_convention(self, tmp_path: Path) -> None:
        settings = load_settings({}, tmp_path)
        assert (settings.redis_url, settings.store, settings.namespace) == (None, "./renders", "rushes")
        fal = settings.provider("fal")
        assert (fal.url, fal.seats, fal.requests_per_minute, fal.key) == ("https://queue.fal.run", 2, None, None)
        assert set(settings.providers) == set(CONVENTIONS)

    @pytest.mark.parametrize(
        ("toml", "env", "environ", "seats"),
        [
            ("[fal]\nseats = 3", "", {}, 3),
            ("[fal]\nseats = 3", "RUSHES_FAL_SEATS=4", {}, 4),
            ("[fal]\nseats = 3", "RUSHES_FAL_SEATS=4", {"RUSHES_FAL_SEATS": "5"}, 5),
            ("", "RUSHES_FAL_SEATS=4", {"RUSHES_FAL_SEATS": "5"}, 5),
            ("[fal]\nseats = 3", "", {"RUSHES_FAL_SEATS": ""}, 3),
        ],
    )
    def test_the_environment_wins_over_env_and_env_over_toml(
        self, tmp_path: Path, toml: str, env: str, environ: dict[str, str], seats: int
    ) -> None:
        write(tmp_path, toml=toml, env=env)
        assert load_settings(environ, tmp_path).provider("fal").seats == seats

    @pytest.mark.parametrize(
        ("variable", "field", "value", "read"),
        [
            ("RUSHES_STORE", "store", "s3://bucket/prefix", "s3://bucket/prefix"),
            ("RUSHES_NAMESPACE", "namespace", "night-7", "night-7"),
            ("RUSHES_ATTEMPTS", "attempts", "7", 7),
            ("RUSHES_PATIENCE", "patience", "1.5", 1.5),
            ("RUSHES_SPOOL", "spool", "/var/spool", Path("/var/spool")),
        ],
    )
    def test_each_can_be_set_everywhere(self, tmp_path: Path, variable: str, field: str, value: str, read: Any) -> None:
        assert getattr(load_settings({variable: value}, tmp_path), field) == read
        write(tmp_path, env=f"{variable}={value}")
        assert getattr(load_settings({}, tmp_path), field) == read
        write(tmp_path, env="# nothing", toml=f'{field} = "{value}"')
        assert getattr(load_settings({}, tmp_path), field) == read

    def test_the_limits_of_a_provider(self, tmp_path: Path) -> None:
        write(tmp_path, toml='[fal]\nurl = "https://proxy/fal/"\nrequests_per_minute = 60\nfirst_poll = 0.5\n')
        fal = load_settings({"RUSHES_FAL_SLOWEST_POLL": "3"}, tmp_path).provider("fal")
        assert (fal.url, fal.requests_per_minute, fal.first_poll, fal.slowest_poll) == ("https://proxy/fal", 60, 0.5, 3)

    def test_another_settings_file_can_be_named(self, tmp_path: Path) -> None:
        write(tmp_path, toml="attempts = 5")
        other = tmp_path / "other.toml"
        other.write_text("attempts = 6")
        assert load_settings({"RUSHES_SETTINGS": str(other)}, tmp_path).attempts == 6
        write(tmp_path, env=f"RUSHES_SETTINGS={other}")
        assert load_settings({}, tmp_path).attempts == 6

    def test_keys_come_under_the_names_that_the_providers_use(self, tmp_path: Path) -> None:
        write(tmp_path, env=f"FAL_KEY={SECRET}")
        assert load_settings({}, tmp_path).key("fal").get_secret_value() == SECRET
        assert load_settings({"FAL_KEY": "other"}, tmp_path).key("fal").get_secret_value() == "other"

    @pytest.mark.parametrize("name", list(CONVENTIONS))
    def test_a_missing_key_is_named(self, tmp_path: Path, name: str) -> None:
        convention = CONVENTIONS[name]
        settings = load_settings({}, tmp_path)
        with pytest.raises(SettingsError, match=f"no key for {name}: set {convention.key_variable}"):
            settings.key(name)
        if convention.account_variable is not None:
            keyed = load_settings({convention.key_variable: "k"}, tmp_path)
            with pytest.raises(SettingsError, match=f"set {convention.account_variable}"):
                keyed.key(name)

    def test_the_environment_is_on_top_of_the_env_file(self, tmp_path: Path) -> None:
        write(tmp_path, env="A=file\nB=file\nC\n")
        assert environment({"B": "given", "D": "given"}, tmp_path) == {"A": "file", "B": "given", "D": "given"}


class TestWrong:
    @pytest.mark.parametrize(
        ("environ", "told"),
        [
            ({"RUSHES_FAL_SEATS": "0"}, "RUSHES_FAL_SEATS: '0': "),
            ({"RUSHES_FAL_SEATS": "many"}, "RUSHES_FAL_SEATS: 'many': "),
            ({"RUSHES_FAL_URL": "queue.fal.run"}, "RUSHES_FAL_URL: 'queue.fal.run': must begin with http"),
            ({"RUSHES_FAL_REQUESTS_PER_MINUTE": "nan"}, "RUSHES_FAL_REQUESTS_PER_MINUTE: 'nan': "),
            ({"RUSHES_FAL_FIRST_POLL": "-1"}, "RUSHES_FAL_FIRST_POLL: '-1': "),
            ({"RUSHES_ATTEMPTS": "0"}, "RUSHES_ATTEMPTS: '0': "),
            ({"RUSHES_PATIENCE": "soon"}, "RUSHES_PATIENCE: 'soon': "),
            ({"RUSHES_NAMESPACE": "Not One"}, "RUSHES_NAMESPACE: 'Not One': "),
            ({"RUSHES_SETTINGS": "/nowhere/rushes.toml"}, "RUSHES_SETTINGS: there is no file /nowhere/rushes.toml"),
        ],
    )
    def test_a_wrong_variable_is_named_with_its_value(self, tmp_path: Path, environ: dict[str, str], told: str) -> None:
        assert wrong(tmp_path, environ).startswith(told)

    @pytest.mark.parametrize(
        ("toml", "told"),
        [
            ("[fal]\nseats = 0", "rushes.toml: fal.seats: 0: "),
            ("[fal]\nurl = 3", "rushes.toml: fal.url: 3: "),
            ("[fal]\nseat = 3", "rushes.toml: fal.seat: Extra inputs are not permitted"),
            ("fal = 3", "rushes.toml: fal: what belongs to a provider stands under [fal]"),
            ("attempts = 'many'", "rushes.toml: attempts: 'many': "),
            ("[fall]\nseats = 3", "rushes.toml: 'fall' is neither a setting nor a provider ("),
            ("colour = 'red'", "rushes.toml: 'colour' is neither a setting nor a provider ("),
        ],
    )
    def test_a_wrong_line_of_the_file_is_named_with_its_value(self, tmp_path: Path, toml: str, told: str) -> None:
        write(tmp_path, toml=toml)
        assert wrong(tmp_path).startswith(told)

    def test_everything_that_is_wrong_is_said_at_once(self, tmp_path: Path) -> None:
        write(tmp_path, toml="[fal]\nseats = 0\nfirst_poll = 0\n", env="RUSHES_ATTEMPTS=99")
        told = wrong(tmp_path, {"RUSHES_PATIENCE": "-1"}).splitlines()
        assert len(told) == 4
        assert {line.partition(": ")[0] for line in told} == {"rushes.toml", "RUSHES_ATTEMPTS", "RUSHES_PATIENCE"}

    def test_a_value_that_is_overridden_is_not_complained_about(self, tmp_path: Path) -> None:
        write(tmp_path, toml="[fal]\nseats = 0")
        assert load_settings({"RUSHES_FAL_SEATS": "2"}, tmp_path).provider("fal").seats == 2

    def test_a_file_that_is_no_toml(self, tmp_path: Path) -> None:
        write(tmp_path, toml="[fal\n")
        assert wrong(tmp_path).startswith(f"{tmp_path}/rushes.toml: can't be read as TOML: ")

    @pytest.mark.parametrize("name", ["rushes.toml", ".env"])
    def test_a_file_that_is_no_text(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"\xff\xfe\x00")
        assert wrong(tmp_path).startswith(f"{tmp_path / name}: can't be read")

    def test_a_folder_where_the_file_should_be(self, tmp_path: Path) -> None:
        (tmp_path / "rushes.toml").mkdir()
        assert "rushes.toml: can't be read as TOML: " in wrong(tmp_path)


class TestSecrets:
    @pytest.mark.parametrize(
        "environ",
        [
            {"FAL_KEY": SECRET},
            {"RUSHES_REDIS_URL": f"redis://:{SECRET}@host/0"},
            {"RUSHES_FLOWER_AUTH": f"me:{SECRET}"},
            {"AWS_SECRET_ACCESS_KEY": SECRET},
            {"AWS_SESSION_TOKEN": SECRET},
        ],
        ids=lambda environ: next(iter(environ)),
    )
    def test_none_is_seen_and_all_are_known(self, tmp_path: Path, environ: dict[str, str]) -> None:
        settings = load_settings(environ, tmp_path)
        assert SECRET not in repr(settings)
        assert SECRET not in str(settings)
        assert SECRET not in settings.model_dump_json()
        assert any(SECRET in value for value in settings.secret_values())

    @pytest.mark.parametrize(
        "toml", [f'[fal]\nkey = "{SECRET}"', f'[fal]\ntoken = "{SECRET}"', f'[fal]\napi_key = "{SECRET}"']
    )
    def test_one_in_the_file_is_refused_unseen(self, tmp_path: Path, toml: str) -> None:
        write(tmp_path, toml=toml)
        assert SECRET not in wrong(tmp_path)

    def test_where_a_key_belongs_is_said(self, tmp_path: Path) -> None:
        write(tmp_path, toml=f'[fal]\nkey = "{SECRET}"')
        assert wrong(tmp_path) == "rushes.toml: fal.key: keys don't belong there; set FAL_KEY"

    def test_none_is_in_the_error_about_another_setting(self, tmp_path: Path) -> None:
        told = wrong(tmp_path, {"FAL_KEY": SECRET, "RUSHES_REDIS_URL": f"redis://:{SECRET}@h", "RUSHES_ATTEMPTS": "x"})
        assert SECRET not in told


def test_where_the_excess_is_queued_the_lead_grows_with_the_seats_unless_it_is_set(tmp_path: Path) -> None:
    def lead(provider: str = "fal", **variables: str) -> int:
        return load_settings(variables, tmp_path).provider(provider).lead

    assert [lead(RUSHES_FAL_SEATS=seats) for seats in ("2", "15", "16", "40", "160")] == [1, 1, 2, 3, 11]
    assert [lead(RUSHES_FAL_SEATS="40", RUSHES_FAL_LEAD=given) for given in ("0", "5")] == [0, 5]
    assert lead("ark", RUSHES_ARK_SEATS="40") == 0
