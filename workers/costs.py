"""What a take has cost, as far as it can be known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from jobs.prices import Price, PriceTable, price_of
from jobs.takes import Take
from workers.receipts import Cost


def cost_of(take: Take, answer: Any, seconds: float, own: PriceTable | None, estimated: Price | None = None) -> Cost:
    """The cost of a take whose video is `seconds` long, and which its provider reported on with `answer`.

    What the provider itself says was billed comes first (Apiframe's `creditCost`), then the price tables. `own` is the
    user's table of prices. `estimated` is the highest price that was reserved, or noted in the intent, before it was
    submitted. Unknown is unknown, and never zero.
    """
    before: dict[str, Any] = {}
    if estimated is not None:
        before = {"estimated": estimated.amount, "estimated_currency": estimated.currency}
    billed = answer.get("creditCost") if isinstance(answer, dict) else None
    if isinstance(billed, int) and not isinstance(billed, bool):
        return Cost(amount=Decimal(billed), currency="credits", basis="billed", **before)
    asked = take.asked
    if not isinstance(asked.duration, int):
        asked = asked.model_copy(update={"duration": round(seconds)})
    price = price_of(asked, take.provider, own=own)
    if price is None:
        return Cost(**before)
    return Cost(amount=price.amount, currency=price.currency, basis=price.basis, **before)
