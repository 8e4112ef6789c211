"""The providers' keys: whether they are set, look like keys, and are let in where that can be asked at no cost."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.doctor.finding import Finding, Level
from workers.errors import SettingsError
from workers.http import Wire
from workers.http.errors import Broken, NotSent
from workers.providers import PROVIDERS, adapter
from workers.providers.errors import AuthRefused, ProviderError, QuotaExhausted
from workers.providers.protocol import Access, Vouching, VouchingElse
from workers.redaction import redact
from workers.settings import CONVENTIONS, Settings

ANSWER_SECONDS = 20.0

_FORMS = {
    "fal": (re.compile(r"[^\s:]+:[^\s:]+"), "fal's keys are an id and a secret with a colon between"),
    "apiframe": (re.compile(r"afk_\S+"), "Apiframe's keys begin with afk_"),
}
_ANY = (re.compile(r"[!-~]+"), "a key has no spaces, line breaks or letters beyond ASCII")


def keys(settings: Settings, wire: Wire) -> Iterator[Finding]:
    """What is found of each provider's key. Nothing that is sent makes a job or costs anything."""
    if not any(settings.provider(name).key for name in PROVIDERS):
        names = ", ".join(CONVENTIONS[name].key_variable for name in PROVIDERS)
        yield Finding("keys", Level.WARNING, "no provider has a key", f"set one of {names}, or rehearse with --sandbox")
    for name in PROVIDERS:
        if settings.provider(name).key is None:
            yield Finding(
                name, Level.NOTE, f"{CONVENTIONS[name].key_variable} is not set; nothing can be rendered there"
            )
        else:
            yield from _of(name, settings, wire)


def _of(name: str, settings: Settings, wire: Wire) -> Iterator[Finding]:
    try:
        key = settings.key(name)
    except SettingsError as error:
        yield Finding(name, Level.PROBLEM, str(error), f"set {CONVENTIONS[name].account_variable}")
        return
    form, said = _ANY
    if form.fullmatch(key.get_secret_value()):
        form, said = _FORMS.get(name, _ANY)
    if not form.fullmatch(key.get_secret_value()):
        yield Finding(name, Level.WARNING, f"the key has an unusual form: {said}", _check(name))
    translator = adapter(name)
    if not isinstance(translator, Vouching):
        yield Finding(name, Level.NOTE, "the key is set; no free request is documented that tells whether it is let in")
        return
    own = settings.provider(name)
    access = Access(own.url, key, own.account)
    try:
        told = _vouched(translator, access, wire)
    except (NotSent, Broken) as error:
        told = redact(str(error), settings.secret_values())
        yield Finding(name, Level.WARNING, f"can't be reached: {told}", f"check the network, and {_url(name)}")
    except ProviderError as error:
        told = redact(str(error), settings.secret_values())
        if isinstance(error, AuthRefused):
            yield Finding(name, Level.PROBLEM, told, _check(name))
        elif isinstance(error, QuotaExhausted):
            yield Finding(name, Level.PROBLEM, told, "pay there, or use another key")
        else:
            yield Finding(
                name, Level.WARNING, f"whether the key is let in can't be told: {told}", f"check {_url(name)}"
            )
    else:
        yield Finding(name, Level.FINE, told)


def _vouched(translator: Vouching, access: Access, wire: Wire) -> str:
    try:
        return translator.vouched(wire.send(translator.vouching(access), timeout=ANSWER_SECONDS))
    except AuthRefused as error:
        if not isinstance(translator, VouchingElse):
            raise
        try:
            return translator.vouched(wire.send(translator.vouching_else(access), timeout=ANSWER_SECONDS))
        except AuthRefused:
            raise error from None


def _check(name: str) -> str:
    return f"check {CONVENTIONS[name].key_variable}, and the account's page of keys"


def _url(name: str) -> str:
    return f"RUSHES_{name.upper()}_URL"
