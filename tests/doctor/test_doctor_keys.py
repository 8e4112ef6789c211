"""What the doctor says of keys: at the twins, and of answers that are none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from workers.doctor.finding import Finding, Level
from workers.doctor.keys import keys
from workers.http import Wire
from workers.providers import PROVIDERS, adapter
from workers.providers.errors import AuthRefused, ProviderError, QuotaExhausted, RateLimited, Transient, Unknown
from workers.providers.protocol import Access, Response, Vouching
from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox
from workers.settings import CONVENTIONS, load_settings

KEY = "afk_0123456789:secret0123456789"
VOUCHING = [name for name in PROVIDERS if isinstance(adapter(name), Vouching)]


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire(user_agent="rushes/test") as wire:
        yield wire


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(SandboxOptions(cache=tmp_path / "clips", key=KEY)) as sandbox:
        yield sandbox


def found(provider: str, url: str, key: str, wire: Wire, folder: Path) -> list[Finding]:
    convention = CONVENTIONS[provider]
    environ = {convention.key_variable: key, f"RUSHES_{provider.upper()}_URL": url}
    if convention.account_variable is not None:
        environ[convention.account_variable] = "0" * 32
    return [each for each in keys(load_settings(environ, folder), wire) if each.subject == provider]


def test_all_but_anyfast_can_be_asked() -> None:
    assert set(VOUCHING) == set(PROVIDERS) - {"anyfast"}


@pytest.mark.parametrize("provider", VOUCHING)
def test_a_good_key_is_fine_a_bad_one_a_problem_and_neither_is_a_job(
    provider: str, sandbox: Sandbox, wire: Wire, tmp_path: Path
) -> None:
    [good] = found(provider, sandbox.url, KEY, wire, tmp_path)
    assert good.level is Level.FINE, good
    [bad] = found(provider, sandbox.url, "afk_other:key", wire, tmp_path)
    assert (bad.level, bad.exit_code) == (Level.PROBLEM, 2)
    assert CONVENTIONS[provider].key_variable in bad.mend
    assert "other" not in f"{bad.told}{bad.mend}"
    assert sandbox.account.report(0.0)["submissions"] == 0


def test_a_provider_that_cannot_be_reached_is_no_verdict_about_the_key(wire: Wire, tmp_path: Path) -> None:
    [finding] = found("fal", "http://127.0.0.1:9", KEY, wire, tmp_path)
    assert finding.level is Level.WARNING
    assert "RUSHES_FAL_URL" in finding.mend


@pytest.mark.parametrize("key", ["no-colon", "two words:x", "café:geheim"])
def test_an_unusual_form_is_told_without_the_key(key: str, sandbox: Sandbox, wire: Wire, tmp_path: Path) -> None:
    first = found("fal", sandbox.url, key, wire, tmp_path)[0]
    assert first.level is Level.WARNING
    assert "unusual form" in first.told and key not in first.told


def test_without_any_key_it_says_which_there_could_be(wire: Wire, tmp_path: Path) -> None:
    first, *others = keys(load_settings({}, tmp_path), wire)
    assert first.level is Level.WARNING
    assert all(convention.key_variable in first.mend for convention in CONVENTIONS.values())
    assert {each.level for each in others} == {Level.NOTE}


def test_cloudflare_wants_its_account_too(wire: Wire, tmp_path: Path) -> None:
    settings = load_settings({"CLOUDFLARE_API_TOKEN": "token"}, tmp_path)
    [finding] = [each for each in keys(settings, wire) if each.subject == "cloudflare"]
    assert finding.level is Level.PROBLEM
    assert "CLOUDFLARE_ACCOUNT_ID" in finding.mend


def test_a_token_of_an_account_is_as_good_as_a_users(tmp_path: Path, wire: Wire) -> None:
    with running_sandbox(SandboxOptions(cache=tmp_path / "clips", key="cfat_0123456789")) as sandbox:
        [good] = found("cloudflare", sandbox.url, "cfat_0123456789", wire, tmp_path)
        [bad] = found("cloudflare", sandbox.url, "cfat_9876543210", wire, tmp_path)
    assert good.level is Level.FINE, good
    assert bad.level is Level.PROBLEM


@pytest.mark.parametrize("provider", VOUCHING)
@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        (401, (AuthRefused,)),
        (429, (RateLimited,)),
        (502, (Transient,)),
        (404, (Unknown,)),
        (200, (Unknown,)),
    ],
)
def test_a_gateways_page_is_never_taken_for_a_good_key(
    provider: str, status: int, kinds: tuple[type[ProviderError], ...]
) -> None:
    with pytest.raises(ProviderError) as caught:
        adapter(provider).vouched(Response(status, {}, b"<html>nginx</html>"))
    assert isinstance(caught.value, kinds)


def test_fal_tells_a_locked_account_and_says_no_more_than_is_certain() -> None:
    fal = adapter("fal")
    assert isinstance(fal, Vouching)
    with pytest.raises(QuotaExhausted):
        fal.vouched(Response(403, {}, b'{"detail": "User is locked. Reason: Exhausted balance."}'))
    assert "isn't refused" in fal.vouched(Response(404, {}, b'{"status": "NOT_FOUND"}'))
    request = fal.vouching(Access("https://queue.fal.run", SecretStr(KEY)))
    assert (request.method, request.url.endswith("/status")) == ("GET", True)
