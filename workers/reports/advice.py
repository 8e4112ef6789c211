"""Failures as advice: what a class of failure is, what it costs, and which command comes next.

The classes are those of `workers/providers/errors.py`, and `damaged` of the collect step. What follows from each is
decided elsewhere; this says it to a person.
"""

from __future__ import annotations

from dataclasses import dataclass

SHOWN = 400
"""Characters of a provider's own words in one sentence; the whole of it is in `rushes show TAKE --json`."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What a class of failure means: `what` happened, `why`, with what it costs, and what to do `then`.

    `command` is the one to type next, or None where the answer isn't a command of ours.
    """

    what: str
    why: str
    then: str
    command: str | None = None

    def lines(self) -> list[str]:
        """For a person, three lines at the most."""
        return [f"{self.what}. {self.why}.", f"{self.then}{'' if self.command is None else f': {self.command}'}"]

    def to_json(self) -> dict[str, str | None]:
        """As plain text."""
        return {"what": self.what, "why": self.why, "then": self.then, "command": self.command}


_EDIT = "Change {place} in the manifest, and run it again"
_KNOWN: dict[str, tuple[str, str, str, str | None]] = {
    "input-moderation": (
        "The provider's moderation refused the prompt or an input",
        "Asked again unchanged it would be refused again; it cost nothing",
        _EDIT,
        None,
    ),
    "output-moderation": (
        "The provider's moderation held back what it had rendered",
        "The same request may pass another time; this one may have been billed",
        "Try it once more, at its price",
        "rushes retry {target} --class output-moderation{besides}",
    ),
    "invalid": (
        "The provider can't render what was asked, as it was asked",
        "Asking again changes nothing; it cost nothing",
        _EDIT,
        None,
    ),
    "transient": (
        "The provider failed by itself, as often as a take is tried",
        "None of it was billed",
        "Try again, perhaps later",
        "rushes retry {target} --class transient{besides}",
    ),
    "auth": (
        "The provider refused the key",
        "Nothing was accepted, so nothing was billed",
        "Set the key right, and try again",
        "rushes retry {target} --class auth{besides}",
    ),
    "quota": (
        "The account at the provider is out of money, or locked",
        "Nothing was accepted, so nothing was billed",
        "Top it up, and try again",
        "rushes retry {target} --class quota{besides}",
    ),
    "rate": (
        "The provider had too much to do",
        "Nothing was accepted, so nothing was billed",
        "Try again",
        "rushes retry {target} --class rate{besides}",
    ),
    "expired": (
        "The video can't be had from the provider any more",
        "It was rendered and most likely billed, and its links are dead",
        "Render it once more, at its price",
        "rushes retry {target} --class expired{besides}",
    ),
    "damaged": (
        "The video came damaged each time",
        "It is paid for, and what the provider keeps doesn't decode",
        "Fetch it once more, or render it anew at its price",
        "rushes retry {target} --class damaged{besides}",
    ),
    "cancelled": (
        "Its job was cancelled at the provider",
        "What had not begun was not billed; of what had, only the provider knows",
        "Take it up again",
        "rushes retry {target} --class cancelled{besides}",
    ),
    "in-doubt": (
        "The answer to its submission was lost, so the provider may or may not have accepted it",
        "It may have been paid for, and is never sent again by itself",
        "See how it could be found at the provider, and decide",
        "rushes doubts {batch}{besides}",
    ),
}
_UNKNOWN = (
    "The provider gave an answer that its documents don't explain",
    "Whether it was billed is not known",
    "Read the answer, then decide whether to try it again",
    "rushes show {example}{besides}",
)


def advice_on(kind: str, *, batch: str, take: str | None = None, rehearsed: bool = False) -> Advice:
    """What to do about failures of a class. `take` names one of them; with None the whole batch is meant.

    `rehearsed` says that the commands are to look at the rehearsal.
    """
    what, why, then, command = _KNOWN.get(kind, _UNKNOWN)
    shot = None if take is None else take.partition("/")[0].partition(".")[0]
    words = {
        "batch": batch,
        "target": batch if take is None else f"{batch}/{take}",
        "example": f"{batch}/SHOT/TAKE" if take is None else f"{batch}/{take}",
        "place": "its prompt or inputs" if shot is None else f"the prompt or inputs of the shot {shot}",
        "besides": " --sandbox" if rehearsed else "",
    }
    return Advice(what, why, then.format(**words), None if command is None else command.format(**words))


def in_a_sentence(message: str) -> str:
    """A provider's words on one line, and no longer than a person reads."""
    told = " ".join(message.split())
    return told if len(told) <= SHOWN else f"{told[:SHOWN].rstrip()} ..."
