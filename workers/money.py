"""What a take may cost at most, and what it did, in the micros that the waiting room keeps accounts in.

There are up to two accounts: the batch's budget, in the currency that its manifest gives, and what may be spent at a
provider in a day, in the currency of the settings. A price in another currency is no price there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from jobs.fields.amounts import micros
from jobs.manifest import Manifest
from jobs.prices import Price, highest_price
from jobs.takes import Take
from jobs.takes.expansion import Expansion
from workers.accounts.attempts import AttemptCost, attempt_costs
from workers.context import Context
from workers.engine.limits import Spend, Terms
from workers.engine.states import State
from workers.errors import ObjectMissing
from workers.holds import Holds
from workers.ledger import RESUBMITTED
from workers.receipts import Cost
from workers.routing import ways

QUOTED_AT_ONCE = 100
UNKNOWN = "?"
DAY_SECONDS = 86_400
STILL_OPEN = frozenset({"rendering", "in doubt"})


def terms_of(manifest: Manifest, holds: Holds) -> Terms:
    """What the manifest that holds sets for its batch; its moments were reckoned when a person opened it."""
    budget = manifest.budget
    return Terms(
        currency=None if budget is None else budget.currency,
        budget=None if budget is None else budget.limit.micros(),
        budget_stop=None if budget is None else budget.stop.micros(),
        budget_cancel=None if budget is None else budget.cancel.micros(),
        deadline=holds.deadline,
        not_before=holds.not_before,
        openings=holds.openings,
        weight=manifest.weight or 1,
        max_failures=manifest.max_failures,
        on_doubt=manifest.on_doubt or "hold",
        chosen=holds.chosen,
    )


def reservation(context: Context, take: Take) -> tuple[int | None, int | None]:
    """What is to be reserved for a take, for its batch's account and for its provider's day; None without an account.

    A price that isn't known counts as nothing here: it is for what the provider has accepted already.
    """
    price = highest_price(take, own=context.own_prices)
    known = [_in(price, currency) for currency in _currencies(context, take)]
    return known[0], known[1]


def quotes(context: Context, batch: str, index: int) -> dict[int, str]:
    """What the take at `index` and those after it may cost at most, as `WaitingRoom.quote` wants it."""
    expansion = context.expansion(batch)
    found = {}
    for at in range(index, min(index + QUOTED_AT_ONCE, expansion.total)):
        if at == index or expansion.is_live(at):
            take = expansion[at]
            found[at] = _quoted(context, take) if len(take.providers) < 2 else _routed(context, take)
    return found


def _quoted(context: Context, take: Take) -> str:
    price = highest_price(take, own=context.own_prices)
    return ",".join(_quote(price, currency) for currency in _currencies(context, take))


def _routed(context: Context, take: Take) -> str:
    """The providers that can render a take, the first to be tried first, each with what it may cost there."""
    return ";".join(f"{each}={_quoted(context, take.at(each))}" for each in ways(context, take))


def spend_of(context: Context, take: Take, cost: Cost) -> Spend:
    """What a take that is done has cost, for both accounts."""
    batch, day = (
        micros(cost.amount) if cost.amount is not None and cost.currency == currency else None
        for currency in _currencies(context, take)
    )
    return batch, day


def spent_on_record(
    context: Context, expansion: Expansion, unbooked: Mapping[int, int]
) -> tuple[int | None, dict[str, int]]:
    """What a batch has cost by the store's record: in all, None without a budget; and today, at each provider that has
    a daily budget.

    What may have been billed counts as billed. What is still open is not in it: that is reserved. So are the attempts
    that are `unbooked`, by index: Redis has them open, and books what they cost when they end, though it may be on
    record already.
    """
    manifest = expansion.manifest
    daily = {
        provider: budget.currency
        for provider in manifest.providers
        if (budget := context.settings.provider(provider).daily_budget) is not None
    }
    if manifest.budget is None and not daily:
        return None, {}
    open_ones = {(expansion[index].name, attempt) for index, attempt in unbooked.items() if index < expansion.total}
    # Waived in Redis, where it counts as spent, by a command that has not put it on record yet.
    given_up = {
        (expansion[record.index].name, record.attempt)
        for record in context.room.held(manifest.batch, State.WAIVED)
        if record.index < expansion.total and "paid" in record.fields
    }
    costs = [
        cost
        for cost in _each_once(attempt_costs(context.store, manifest.batch))
        if (cost.outcome not in STILL_OPEN and (cost.outcome == "orphan" or (cost.take, cost.attempt) not in open_ones))
        or (cost.take, cost.attempt) in given_up
    ]
    spent = None if manifest.budget is None else _sum(costs, manifest.budget.currency)
    today = context.room.time() // DAY_SECONDS
    of_today = [cost for cost in costs if cost.at is not None and cost.at // DAY_SECONDS == today]
    days = {
        provider: _sum([cost for cost in of_today if cost.provider == provider], currency)
        for provider, currency in daily.items()
    }
    return spent, days


def counted_already(context: Context, batch: str, name: str, attempt: int) -> bool:
    """Whether a job that came besides its take is of an attempt that counts as spent as it is.

    Whoever submitted it once more took it to have been paid for, at its highest price. Raises as the store does.
    """
    try:
        return context.ledger(batch).ending(name, attempt).kind == RESUBMITTED
    except ObjectMissing:
        return False


def _each_once(costs: Iterable[AttemptCost]) -> Iterator[AttemptCost]:
    counted = set()
    for cost in costs:
        attempt = cost.take, cost.attempt
        if cost.kind == RESUBMITTED:
            counted.add(attempt)
        elif cost.outcome == "orphan" and attempt in counted:
            counted.remove(attempt)  # it is what that attempt was taken to have been paid for
            continue
        yield cost


def _sum(costs: list[AttemptCost], currency: str) -> int:
    amounts = (_at_most(cost, currency) for cost in costs)
    return sum(micros(amount) for amount in amounts if amount is not None)


def _at_most(cost: AttemptCost, currency: str) -> Decimal | None:
    known = cost.at_most
    if known is not None and known[0] and known[1] != currency and cost.estimated_currency == currency:
        # What it cost is known in another currency only: it counts as what was reserved for it, as when it was done.
        return cost.estimated
    return known[0] if known is not None and known[1] == currency else None


def _currencies(context: Context, take: Take) -> tuple[str | None, str | None]:
    budget = context.expansion(take.batch).manifest.budget
    daily = context.settings.provider(take.provider).daily_budget
    return None if budget is None else budget.currency, None if daily is None else daily.currency


def _in(price: Price | None, currency: str | None) -> int | None:
    return micros(price.amount) if price is not None and price.currency == currency else None


def _quote(price: Price | None, currency: str | None) -> str:
    if currency is None:
        return ""
    known = _in(price, currency)
    return UNKNOWN if known is None else str(known)
