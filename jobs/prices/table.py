"""The shape of a price table: what one provider's takes cost, as data.

A table is a YAML file beside this one, under the provider's name; a user's own has the same shape.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from jobs.faults import shown
from jobs.fields.amounts import Currency

Basis = Literal["exact", "estimate"]


@dataclass(frozen=True, slots=True)
class Price:
    """What something costs at most, or at least. `basis` says whether the source gives it so or it was worked out."""

    amount: Decimal
    currency: Currency
    basis: Basis
    source: str


def _money(value: object) -> Decimal:
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        # By way of its text: 0.3034 is meant, and not the binary fraction beside it.
        number = Decimal(str(value))
    else:
        raise ValueError(f"{shown(value)} is not a number")
    if not number.is_finite() or number < 0:
        raise ValueError(f"{shown(value)} is not a price")
    return number


Money = Annotated[Decimal, BeforeValidator(_money)]


class Rate(BaseModel):
    """What one second, a million tokens or a whole take costs, for the takes that it is about.

    It is about every take of `model` (None: of any), at one of `resolutions` (none: at any), and with or without a
    `reference_video` (None: either). `times` multiplies the price. `input_seconds` is how many seconds of reference
    videos are paid for on top, at most. Tokens are width x height x (24 x seconds + 1) / 1024.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = None
    resolutions: tuple[str, ...] = ()
    reference_video: bool | None = None
    per_second: Money | None = None
    per_million_tokens: Money | None = None
    per_take: Money | None = None
    times: Money = Decimal(1)
    input_seconds: int = Field(default=0, ge=0, le=3600)
    basis: Basis
    source: str | None = None

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        prices = (self.per_second, self.per_million_tokens, self.per_take)
        if sum(price is not None for price in prices) != 1:
            raise ValueError("give one of per_second, per_million_tokens and per_take")
        return self

    def is_about(self, model: str, resolution: str, *, reference_video: bool) -> bool:
        """Whether this is the price of a take of `model` at `resolution`."""
        return (
            self.model in (None, model)
            and (not self.resolutions or resolution in self.resolutions)
            and self.reference_video in (None, reference_video)
        )


class PriceTable(BaseModel):
    """What one provider's takes cost. The first rate that is about a take is its price; without one it is unknown.

    `source` says whose word it is, and `read` when it was read. `note` is for a person.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    currency: Currency
    source: str | None = None
    read: datetime.date | None = None
    note: str | None = None
    rates: tuple[Rate, ...] = ()

    def rate(self, model: str, resolution: str, *, reference_video: bool) -> Rate | None:
        """The price of a take of `model` at `resolution`, or None when it is not known."""
        about = (each for each in self.rates if each.is_about(model, resolution, reference_video=reference_video))
        return next(about, None)

    def price(self, rate: Rate, amount: Decimal) -> Price:
        """`amount` as a price by `rate` of this table."""
        said = rate.source or self.source or f"a table of {self.provider}'s prices"
        source = said if self.read is None else f"{said} ({self.read})"
        return Price(amount=amount, currency=self.currency, basis=rate.basis, source=source)
