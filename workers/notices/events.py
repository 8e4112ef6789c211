"""What is worth waking somebody for, as a batch stands now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from workers.engine.standing import Standing
from workers.engine.states import State

Event = Literal["end", "failure", "paused", "doubt"]
"""`end`: it has ended, or stopped by a limit of its own. `failure`: the first take has failed. `paused`: nothing is
submitted any more for want of money or a key. `doubt`: takes are in doubt that only a person can decide about."""

EVENTS: tuple[str, ...] = get_args(Event)

_OF_MONEY = frozenset({"budget", "day", "unpriced"})
_OF_LIMITS = frozenset({"failures", "deadline"})


def events_of(standing: Standing) -> Mapping[Event, str]:
    """The events of a batch, each with a token: another one is told again, and `''` says that it doesn't hold.

    An end is left out while it hasn't come: one that was told stays told until something was done again. Of a batch for
    which nothing was done since Redis knows it, nothing is told: whoever looks at an old one wakes nobody.
    """
    done_since = standing.submissions + standing.objects
    if done_since <= 0:
        return {}
    stopped = None if standing.stopped is None else standing.stopped.kind
    of_person = standing.states[State.DOUBT] - standing.settling
    money = standing.open > 0 and (stopped in _OF_MONEY or standing.lane.paused is not None)
    found: dict[Event, str] = {
        "failure": "1" if standing.states[State.FAILED] else "",
        "doubt": "1" if of_person > 0 else "",
        "paused": f"{stopped or standing.lane.paused_kind}" if money else "",
    }
    resting = standing.alive == 0 and standing.settling == 0 and not standing.recovering
    if standing.open == 0 or (stopped in _OF_LIMITS and resting):
        found["end"] = str(done_since)
    return found
