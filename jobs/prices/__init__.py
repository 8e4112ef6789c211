"""What a take costs, as data: one table a provider, read from the YAML file of its name, and the user's own on top.

What isn't known is unknown (None), never zero.
"""

from __future__ import annotations

from jobs.prices.pricing import highest_price, price_of, price_range
from jobs.prices.table import Price, PriceTable, Rate
from jobs.prices.tables import price_table

__all__ = ["Price", "PriceTable", "Rate", "highest_price", "price_of", "price_range", "price_table"]
