"""The README's tables of settings say what the settings are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import NOT_BUILT, PAGES, README, ROOT, spans, table, tables, text_of

from workers import settings
from workers.providers import PROVIDERS, adapter
from workers.providers.protocol import Settling
from workers.settings import CONVENTIONS, SETTINGS_FILE, ProviderSettings, Settings
from workers.supervisor import PARENT_VARIABLE

OWN = {variable: Settings.model_fields[field].default for field, variable in settings._OWN.items()}
OWN["RUSHES_SETTINGS"] = SETTINGS_FILE
OF_PROVIDERS = {
    f"RUSHES_{provider.upper()}_{field.upper()}" for provider in CONVENTIONS for field in settings._OF_PROVIDER
}
LOST: dict[Settling, str] = {
    "held": "is for you to settle",
    "again": "is asked for again under the same key",
    "listing": "is looked for in its list of jobs",
}
INTERNAL = {PARENT_VARIABLE}
"""Set by one of our processes for another, and never by a person."""

_NAMED = re.compile(r"\bRUSHES_(?:<PROVIDER>_)?[A-Z0-9_]*[A-Z0-9]\b")


def own_table() -> dict[str, str]:
    found = [each for each in tables(README) if each.header[0] == "variable" and "`RUSHES_STORE`" in each.rows[0]]
    assert len(found) == 1
    return {row[0].strip("`"): row[1] for row in found[0].rows}


def of_compose() -> set[str]:
    """What docker-compose.yml reads, but for what Rushes itself reads."""
    text = (ROOT / "docker-compose.yml").read_text()
    read = set(re.findall(r"\$\{((?:RUSHES_|REDIS_)\w+)", text))
    return read - set(OWN) - OF_PROVIDERS


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    documented = own_table()
    assert set(documented) == set(OWN)
    for variable, default in OWN.items():
        shown = [] if default is None else [f"{default:g}" if isinstance(default, float) else str(default)]
        assert spans(documented[variable]) == shown, variable


def test_every_setting_of_a_provider_is_in_the_readme_with_its_default() -> None:
    found = [each for each in tables(README) if each.rows and "<PROVIDER>" in each.rows[0][0]]
    assert len(found) == 1
    documented = {row[0].strip("`"): row[1].strip("`") for row in found[0].rows}
    assert set(documented) == {f"RUSHES_<PROVIDER>_{field.upper()}" for field in settings._OF_PROVIDER}
    for field in ("first_poll", "slowest_poll"):
        assert documented[f"RUSHES_<PROVIDER>_{field.upper()}"] == str(ProviderSettings.model_fields[field].default)


def test_every_provider_is_in_the_readme_with_what_is_conventional_for_it() -> None:
    rows = {row[0].removesuffix(NOT_BUILT).strip(): row for row in table(README, "provider", "key").rows}
    assert set(rows) == set(CONVENTIONS)
    for name, convention in CONVENTIONS.items():
        called, keys, address, seats, lost = rows[name]
        account = convention.account_variable
        assert spans(keys) == [convention.key_variable, *([account] if account else [])]
        assert address == f"`{convention.url}`"
        assert int(seats) == convention.seats
        assert (NOT_BUILT in called) == (name not in PROVIDERS), f"{name}: is there an adapter or isn't there?"
        assert name not in PROVIDERS or lost == LOST[adapter(name).settling]


def test_what_compose_reads_besides_is_in_the_readme() -> None:
    rows = table(README, "for compose").rows
    assert {row[0].strip("`") for row in rows} == of_compose()
    text = (ROOT / "docker-compose.yml").read_text()
    for name, default, _ in rows:
        with_default = re.search(rf"\${{{name.strip('`')}:-(\w+)}}", text)
        assert default == (f"`{with_default[1]}`" if with_default else "required"), name


@pytest.mark.parametrize("package", ["jobs", "workers", "rushes"])
def test_no_variable_is_read_that_the_readme_does_not_name(package: str) -> None:
    for path in sorted((ROOT / package).rglob("*.py")):
        named = set(re.findall(r"[\"']((?:RUSHES)_[A-Z_]*[A-Z])[\"']", path.read_text()))
        assert named <= set(OWN) | OF_PROVIDERS | INTERNAL, path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_document_names_a_variable_that_nobody_reads(page: Path) -> None:
    named = set(_NAMED.findall(text_of(page)))
    placeholders = {f"RUSHES_<PROVIDER>_{field.upper()}" for field in settings._OF_PROVIDER}
    assert named <= set(OWN) | OF_PROVIDERS | of_compose() | placeholders | read_by_the_tests()


def read_by_the_tests() -> set[str]:
    """The variables by which the crash matrix and the simulation are made larger, or repeated."""
    folders = (ROOT / "tests/chaos", ROOT / "tests/simulation")
    sources = [path.read_text() for folder in folders for path in folder.glob("*.py")]
    return {name for source in sources for name in re.findall(r"[\"'](RUSHES_[A-Z_]*[A-Z])[\"']", source)}


def test_the_foreign_secrets_are_in_the_readme() -> None:
    named = spans(text_of(README))
    assert set(settings._FOREIGN_SECRETS) <= set(named)
