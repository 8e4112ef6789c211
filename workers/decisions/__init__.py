"""What a person decides about a batch, a shot or a take while it is under way, from any machine.

Redis is told first, so that it holds within a second, and the store then, so that it outlives Redis. Each decision may
be made twice, and by two people at once: what comes of it is told as it is afterwards.
"""

from __future__ import annotations

from workers.decisions.doubting import Doubt, doubts, resolve, resubmission
from workers.decisions.giving_up import cancel, waive
from workers.decisions.holding import pause, prioritize, resume
from workers.decisions.outcome import Bill, Outcome
from workers.decisions.picking import Choice, choices, pick, starred, unpick
from workers.decisions.retrying import retrial, retry
from workers.decisions.targets import Target, UnknownTarget

__all__ = [
    "Bill",
    "Choice",
    "Doubt",
    "Outcome",
    "Target",
    "UnknownTarget",
    "cancel",
    "choices",
    "doubts",
    "pause",
    "pick",
    "prioritize",
    "resolve",
    "resubmission",
    "resume",
    "retrial",
    "retry",
    "starred",
    "unpick",
    "waive",
]
