"""The page of the settings, with their types and bounds as they are checked."""

from __future__ import annotations

import re

from rushes.reference.writing import docstrings, filled, table
from workers.providers import adapter
from workers.settings import _OF_PROVIDER, _OWN, CONVENTIONS, SETTINGS_FILE, Convention, ProviderSettings, Settings

_HEADER = ("variable", "in `rushes.toml`", "type", "default", "")

_SETTLING = {
    "held": "is for you to settle",
    "again": "is asked for again under the same key",
    "listing": "is looked for in its list of jobs",
}
"""By an adapter's `settling`: what becomes of a submission whose answer was lost."""


def settings() -> str:
    """The page of the settings."""
    own = [_setting(variable, field, Settings) for field, variable in _OWN.items()]
    own.append(("`RUSHES_SETTINGS`", "", "path", f"`{SETTINGS_FILE}`", "Another settings file."))
    of_provider = [_setting(f"RUSHES_<PROVIDER>_{field.upper()}", field, ProviderSettings) for field in _OF_PROVIDER]
    providers = [_provider(name, convention) for name, convention in CONVENTIONS.items()]
    return filled(
        "settings.md",
        own=table(_HEADER, own),
        of_provider=table(_HEADER, of_provider),
        providers=table(("provider", "key", "address", "seats", "an answer that is lost"), providers),
    )


def _provider(name: str, convention: Convention) -> tuple[str, ...]:
    keys = [convention.key_variable, *filter(None, [convention.account_variable])]
    lost = _SETTLING[adapter(name).settling]
    return name, ", ".join(f"`{key}`" for key in keys), f"`{convention.url}`", str(convention.seats), lost


def _setting(variable: str, field: str, model: type[Settings] | type[ProviderSettings]) -> tuple[str, ...]:
    found = model.model_fields[field]
    secret = "SecretStr" in str(found.annotation)
    kind = "text, secret" if secret else _kind(found.annotation)
    bounds = ", ".join(_bound(each) for each in found.metadata if _bound(each))
    default = "" if found.is_required() or found.default is None else f"`{_plain(found.default)}`"
    typed = f"{kind}{f', {bounds}' if bounds else ''}"
    return f"`{variable}`", f"`{field}`", typed, default, docstrings(model)[field]


def _plain(value: object) -> str:
    """As a person writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _kind(annotation: object) -> str:
    text = str(annotation)
    if "Literal" in text:
        return " or ".join(f"`{each}`" for each in re.findall(r"'(\w+)'", text))
    for name, said in (("Amount", "amount"), ("Path", "path"), ("bool", "true or false"), ("float", "number")):
        if name in text:
            return said
    return "whole number" if "int" in text else "text"


def _bound(metadata: object) -> str:
    for name, said in (("ge", "from {}"), ("gt", "above {}"), ("le", "up to {}"), ("pattern", "as `{}`")):
        value = getattr(metadata, name, None)
        if value is not None:
            return said.format(value)
    return ""
