"""The price tables that Rushes brings along."""

from __future__ import annotations

from functools import cache
from importlib import resources

from ruamel.yaml import YAML

from jobs.prices.table import PriceTable


@cache
def price_table(provider: str) -> PriceTable:
    """What is known of `provider`'s prices. Raises KeyError when there is no table for it."""
    entry = resources.files("jobs.prices").joinpath(f"{provider}.yaml")
    if not provider.isidentifier() or not entry.is_file():
        raise KeyError(provider)
    return PriceTable.model_validate(YAML(typ="safe", pure=True).load(entry.read_text(encoding="utf-8")))
