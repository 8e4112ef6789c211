"""Amounts of money, as a person writes them: `40 USD`, `1200 credits`, `300 CNY`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from jobs.faults import choice, nearest, shown

Currency = Literal["USD", "credits", "CNY"]
"""`credits` are the provider's own, which each account may have bought at another rate."""

MICROS = 1_000_000
"""How many micros are one of any currency."""

LARGEST = Decimal(10**9)
"""The largest amount. In micros it is still exact in a double, which is how Redis's scripts count."""

_CURRENCIES: dict[str, Currency] = {"usd": "USD", "cny": "CNY", "credits": "credits", "credit": "credits"}
_NUMBER = r"\d{1,12}(?:\.\d{1,12})?"
_WRITTEN = re.compile(rf"\s*({_NUMBER})\s*([A-Za-z]+)\s*", re.ASCII)
_DOLLARS = re.compile(rf"\s*\$\s*({_NUMBER})\s*(?:USD)?\s*", re.ASCII | re.IGNORECASE)
_NUMBER_ALONE = re.compile(rf"\s*{_NUMBER}\s*", re.ASCII)


def micros(amount: Decimal) -> int:
    """`amount` of any currency in micros (millionths of it), rounded up."""
    return int((amount * MICROS).to_integral_value(rounding=ROUND_CEILING))


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of money, in whole micros. `str` writes it as it can be read again: `40 USD`."""

    amount: Decimal
    currency: Currency

    def micros(self) -> int:
        """It in micros of its currency; what has further decimals is rounded up."""
        return micros(self.amount)

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency}"


def read_amount(written: object) -> Amount:
    """An amount as a manifest has it. Raises ValueError with a message that says how to write it."""
    if isinstance(written, Amount):
        return written
    if isinstance(written, int | float) and not isinstance(written, bool) and written >= 0:
        raise ValueError(f"{shown(written)} names no currency; write {shown(written)} USD, or CNY or credits")
    if not isinstance(written, str):
        raise ValueError(f"{shown(written)} is not an amount of money; write it as 40 USD")
    if dollars := _DOLLARS.fullmatch(written):
        return _amount(dollars[1], "USD", written)
    if _NUMBER_ALONE.fullmatch(written):
        raise ValueError(f"{shown(written)} names no currency; write {written.strip()} USD, or CNY or credits")
    found = _WRITTEN.fullmatch(written)
    if found is None:
        raise ValueError(f"{shown(written)} is not an amount of money; write it as 40 USD")
    currency = _CURRENCIES.get(found[2].lower())
    if currency is None:
        meant = nearest(found[2], _CURRENCIES.values())
        hint = f"did you mean {meant}?" if meant else f"known are {choice(dict.fromkeys(_CURRENCIES.values()))}"
        raise ValueError(f"{shown(found[2])} is not a currency that is known here; {hint}")
    return _amount(found[1], currency, written)


def _amount(number: str, currency: Currency, written: str) -> Amount:
    amount = Decimal(number)
    if amount != amount.quantize(Decimal(1) / MICROS):
        raise ValueError(f"{shown(written)} has more than six decimals, and money is counted in millionths")
    if amount > LARGEST:
        raise ValueError(f"{shown(written)} is more than {LARGEST:,}, the most that can be counted exactly")
    return Amount(amount, currency)
