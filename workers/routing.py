"""Which of a manifest's providers a take is tried with first."""

from __future__ import annotations

from jobs.capabilities import capabilities
from jobs.fields.references import MEDIA, kind_of
from jobs.forecasting.assumed import assumed
from jobs.prices import highest_price
from jobs.routing import capable, cheapest_first, fastest_first
from jobs.takes import Take
from workers.context import Context
from workers.inputs.handover import NotHandedOver, choose
from workers.inputs.resolving import store_facts


def ways(context: Context, take: Take) -> tuple[str, ...]:
    """The providers that can render `take`, the first to be tried first. Raises `RedisError`.

    Where by what is known none can, all of them: the one that is asked will say what is wrong.
    """
    able = tuple(each for each in capable(take) if _can_be_handed(context, take, each)) or take.providers
    route = context.expansion(take.batch).manifest.route or "ordered"
    if route == "cheapest":
        return cheapest_first({each: highest_price(take.at(each), own=context.own_prices) for each in able})
    if route == "fastest":
        return fastest_first({each: _seconds(context, take.at(each)) for each in able})
    return able


def _can_be_handed(context: Context, take: Take, provider: str) -> bool:
    """Whether the provider can be given the take's local files, and those of other takes."""
    values = ((medium, getattr(take.asked, field)) for field, medium in MEDIA.items())
    given = ((medium, each if isinstance(each, tuple) else (each,)) for medium, each in values if each)
    media = {medium for medium, each in given if any(kind_of(one) in ("input", "take") for one in each)}
    if not media:
        return True
    facts = store_facts(context.store, public=context.settings.store_public)
    try:
        for medium in media:
            choose(capabilities(provider), medium, facts, context.settings.inputs)
    except NotHandedOver:
        return False
    return True


def _seconds(context: Context, take: Take) -> float:
    """How long a render is likely to wait and to run there, by what was seen of it, or else by what is assumed."""
    known = context.renders.known(take)
    if known.runs is None:
        defaults = capabilities(take.provider).defaults
        resolution = take.asked.resolution or defaults.resolution
        duration = take.asked.duration if take.asked.duration is not None else defaults.duration
        longest = capabilities(take.provider).durations_of(take.asked.model).most
        seconds = duration if isinstance(duration, int) else longest
        return assumed().seconds(take.provider, take.asked.model, resolution, seconds).likely
    waits = 0.0 if known.waits is None else known.waits.quantile(0.5)
    return known.runs.quantile(0.5) + waits
