"""The page of the settings says what the settings are, and no page names one that there isn't."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import PAGES, REFERENCE, ROOT, spans, table, tables, text_of

from workers import settings
from workers.providers import adapter
from workers.settings import CONVENTIONS, SETTINGS_FILE, ProviderSettings, Settings
from workers.supervisor import PARENT_VARIABLE

OWN = {variable: Settings.model_fields[field].default for field, variable in settings._OWN.items()}
OWN["RUSHES_SETTINGS"] = SETTINGS_FILE
OF_PROVIDERS = {
    f"RUSHES_{provider.upper()}_{field.upper()}" for provider in CONVENTIONS for field in settings._OF_PROVIDER
}
PAGE = REFERENCE / "settings.md"
SEVERAL_MACHINES = ROOT / "docs/how-to/several-machines.md"
INTERNAL = {PARENT_VARIABLE}
"""Set by one of our processes for another, and never by a person."""

_NAMED = re.compile(r"\bRUSHES_(?:<PROVIDER>_)?[A-Z0-9_]*[A-Z0-9]\b")


def of_compose() -> set[str]:
    """What docker-compose.yml reads, but for what Rushes itself reads."""
    text = (ROOT / "docker-compose.yml").read_text()
    read = set(re.findall(r"\$\{((?:RUSHES_|REDIS_)\w+)", text))
    return read - set(OWN) - OF_PROVIDERS


def documented() -> dict[str, tuple[str, ...]]:
    """The rows of all settings."""
    rows = [row for each in tables(PAGE) if each.header[0] == "variable" for row in each.rows]
    return {spans(row[0])[0]: row for row in rows}


def test_every_setting_is_told_with_its_default_and_what_it_means() -> None:
    of_provider = {f"RUSHES_<PROVIDER>_{field.upper()}": field for field in settings._OF_PROVIDER}
    assert set(documented()) == set(OWN) | set(of_provider)
    for variable, (_, plainly, kind, default, meaning) in documented().items():
        assert kind and meaning.endswith("."), variable
        if variable in of_provider:
            assert spans(plainly) == [of_provider[variable]]
            expected = ProviderSettings.model_fields[of_provider[variable]].get_default()
            assert spans(default) == ([f"{expected:g}"] if isinstance(expected, int | float) else []), variable
        else:
            expected = OWN[variable]
            shown = f"{expected:g}" if isinstance(expected, float) else str(expected)
            assert spans(default) == ([] if expected is None else [shown.lower() if expected is False else shown])


def test_every_provider_is_told_with_what_is_conventional_for_it() -> None:
    rows = {row[0]: row for row in table(PAGE, "provider", "key").rows}
    assert set(rows) == set(CONVENTIONS)
    for name, convention in CONVENTIONS.items():
        _, keys, address, seats, lost = rows[name]
        account = convention.account_variable
        assert spans(keys) == [convention.key_variable, *([account] if account else [])]
        assert address == f"`{convention.url}`"
        assert int(seats) == convention.seats
        assert ("for you" in lost) == (adapter(name).settling == "held")


def test_what_compose_reads_besides_is_told() -> None:
    rows = table(SEVERAL_MACHINES, "for compose").rows
    assert {row[0].strip("`") for row in rows} == of_compose()
    text = (ROOT / "docker-compose.yml").read_text()
    for name, default, _ in rows:
        with_default = re.search(rf"\${{{name.strip('`')}:-(\w+)}}", text)
        assert default == (f"`{with_default[1]}`" if with_default else "required"), name


@pytest.mark.parametrize("package", ["jobs", "workers", "rushes"])
def test_no_variable_is_read_that_is_not_told(package: str) -> None:
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


def test_the_foreign_secrets_are_told() -> None:
    named = spans(text_of(PAGE))
    assert set(settings._FOREIGN_SECRETS) <= set(named)
