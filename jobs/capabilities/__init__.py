"""What each provider takes, as data: one table a provider, read from the YAML file of its name."""

from __future__ import annotations

from functools import cache
from importlib import resources

from ruamel.yaml import YAML

from jobs.capabilities.table import Capabilities

__all__ = ["Capabilities", "capabilities", "known_providers"]

_SUFFIX = ".yaml"


@cache
def known_providers() -> tuple[str, ...]:
    """The providers that there is a table for, in alphabetical order."""
    names = (entry.name for entry in resources.files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


@cache
def capabilities(provider: str) -> Capabilities:
    """What `provider` takes. Raises KeyError when there is no table for it."""
    if provider not in known_providers():
        raise KeyError(provider)
    text = resources.files(__name__).joinpath(f"{provider}{_SUFFIX}").read_text(encoding="utf-8")
    return Capabilities.model_validate(YAML(typ="safe", pure=True).load(text))
