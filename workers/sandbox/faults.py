"""What can go wrong in the sandbox, by dice or by a word in the prompt.

A prompt asks for a fault as `[sandbox: NAME]`, as often as it likes:

    on submitting
      429             refused with `Retry-After`                                          once
      500             the provider's own failure, nothing accepted                        once
      saturated       refused for want of capacity, by Ark and AnyFast                    once
      hangup          the connection closes without an answer, nothing accepted           once
      drop            accepted and billed, then the connection closes without an answer   once
      garbage-submit  accepted and billed, but the answer is no JSON                      once
    in the render
      moderation      the result is refused, not billed                                   always
      moderation-input  what was asked is refused, not billed                             always
      fail            the provider's own failure, not billed                              always
      slow            it takes ten times as long                                          always
      stops           cancelled while it renders, it stops; it is billed all the same     always
    on asking for the status
      poll-429        refused with `Retry-After`                                          once
      poll-500        the provider's own failure; the job is well                         once
      garbage         the answer is no JSON                                               once
    on downloading
      busy            503 with `Retry-After`                                              once
      cut             the connection closes halfway through what was asked for            once
      html            200 and a web page in place of the video                            once
      truncated       one byte short, with a `Content-Length` that agrees                 once
      expired         403                                                                 always
      chunked         no `Content-Length`, no `Range`                                     always
      no-range        `Range` is ignored                                                  always
      weak-etag       the `ETag` is a weak one                                            always
      new-etag        the `ETag` is another one every time                                always

`once` strikes the first such request, so that asking again helps: for submitting and rendering, the first
with this body; for the rest, the first about this job. `[sandbox: cut always]` and `[sandbox: fail once]`
say the other. An option such as `cut_rate` throws a die instead: for submitting and rendering at every
submission, for the rest at the first request about a job.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from enum import StrEnum


class Fault(StrEnum):
    """Something that goes wrong; the value is its name in a prompt."""

    RATE_LIMIT = "429"
    ERROR = "500"
    SATURATED = "saturated"
    HANGUP = "hangup"
    DROP = "drop"
    GARBAGE_SUBMIT = "garbage-submit"
    MODERATION = "moderation"
    MODERATION_INPUT = "moderation-input"
    FAIL = "fail"
    SLOW = "slow"
    STOPS = "stops"
    POLL_RATE_LIMIT = "poll-429"
    POLL_ERROR = "poll-500"
    GARBAGE = "garbage"
    BUSY = "busy"
    CUT = "cut"
    HTML = "html"
    TRUNCATED = "truncated"
    EXPIRED = "expired"
    CHUNKED = "chunked"
    NO_RANGE = "no-range"
    WEAK_ETAG = "weak-etag"
    NEW_ETAG = "new-etag"


_EACH_SUBMISSION = frozenset(
    {
        Fault.RATE_LIMIT,
        Fault.SATURATED,
        Fault.ERROR,
        Fault.HANGUP,
        Fault.DROP,
        Fault.GARBAGE_SUBMIT,
        Fault.MODERATION,
        Fault.MODERATION_INPUT,
        Fault.FAIL,
        Fault.SLOW,
    }
)
_ALWAYS = frozenset(
    {
        Fault.MODERATION,
        Fault.MODERATION_INPUT,
        Fault.FAIL,
        Fault.SLOW,
        Fault.STOPS,
        Fault.EXPIRED,
        Fault.CHUNKED,
        Fault.NO_RANGE,
        Fault.WEAK_ETAG,
        Fault.NEW_ETAG,
    }
)
_NAMES = frozenset(fault.value for fault in Fault)
_TRIGGER = re.compile(r"\[sandbox:\s*([^\]]*?)\s*\]")


class UnknownFault(ValueError):
    """A prompt asks for a fault that there is not. The message names those there are."""


def asked_for(prompt: str) -> dict[Fault, bool]:
    """The faults that `prompt` asks for, and for each whether it strikes every time.

    Raises:
        UnknownFault: one of them is none.
    """
    faults: dict[Fault, bool] = {}
    for trigger in _TRIGGER.findall(prompt):
        name, _, often = trigger.partition(" ")
        if name not in _NAMES or often.strip() not in ("", "once", "always"):
            known = ", ".join(Fault)
            raise UnknownFault(f"[sandbox: {trigger}] is no fault; they are {known}, and then `once` or `always`")
        fault = Fault(name)
        faults[fault] = fault in _ALWAYS if not often else often.strip() == "always"
    return faults


def die(seed: int, *marks: str | int) -> float:
    """A number from 0 up to 1, always the same for the same seed and marks."""
    named = "\x1f".join(str(mark) for mark in (seed, *marks))
    return int.from_bytes(hashlib.sha256(named.encode()).digest()[:8], "big") / 2**64


class Faults:
    """Which fault strikes which request. Remembers how often each was possible, for `once` and the dice."""

    def __init__(self) -> None:
        self._times: Counter[tuple[Fault, str]] = Counter()

    def strikes(self, fault: Fault, subject: str, prompt: str, *, rate: float = 0.0, seed: int = 0) -> bool:
        """Whether `fault` strikes this time.

        `subject` is what it would happen to: a submission's digest for faults in submitting and rendering,
        the job for the others. `prompt` may ask for it; otherwise it strikes with the share `rate`.
        """
        always = asked_for(prompt).get(fault)
        if always is None and not rate:
            return False
        times = self._times[fault, subject]
        self._times[fault, subject] += 1
        if always is not None:
            return always or times == 0
        return (fault in _EACH_SUBMISSION or times == 0) and die(seed, fault, subject, times) < rate
