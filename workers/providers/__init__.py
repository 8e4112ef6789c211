"""The providers: one adapter each, found by name."""

from __future__ import annotations

from workers.errors import SettingsError
from workers.providers.anyfast import AnyFast
from workers.providers.apiframe import Apiframe
from workers.providers.ark import Ark
from workers.providers.cloudflare import Cloudflare
from workers.providers.fal import Fal
from workers.providers.protocol import Adapter

_ADAPTERS: dict[str, Adapter] = {each.provider: each for each in (Fal(), Cloudflare(), Apiframe(), AnyFast(), Ark())}

PROVIDERS: tuple[str, ...] = tuple(_ADAPTERS)
"""The names by which a manifest may call a provider."""


def adapter(provider: str) -> Adapter:
    """The adapter of `provider`. Raises `SettingsError` when there is no such provider."""
    found = _ADAPTERS.get(provider)
    if found is None:
        raise SettingsError(f"There is no provider {provider!r}; there is: {', '.join(PROVIDERS)}.")
    return found


__all__ = ["PROVIDERS", "adapter"]
