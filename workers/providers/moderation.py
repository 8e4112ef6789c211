"""Telling from a provider's free text that moderation said no, and to what: for providers that have no code for it."""

from __future__ import annotations

import re

from workers.providers.errors import InputRefused, OutputRefused

# The first three are what a client of Apiframe's was seen to look for; Ark's codes, which resellers pass on, hold
# "SensitiveContent" and "PolicyViolation".
_REFUSES = re.compile(r"copyright|polic(?:y|ies)|blocked|moderat|sensitive|nsfw|violat|safety", re.I)
_INPUT = re.compile(r"input|prompt|reference", re.I)
_OUTPUT = re.compile(r"output|generated|rendered|result", re.I)


def refusal(text: str) -> type[InputRefused] | type[OutputRefused] | None:
    """What moderation refused by `text`, or None when it doesn't speak of moderation.

    `InputRefused` only where the text names the input and nothing else. The rest is taken for the output: that at most
    lets a person who asked for it pay for another attempt, while `InputRefused` gives up a take that might pass. To
    take some other failure for a refusal is harmless as well, for nothing is made again without being asked for.
    """
    if not _REFUSES.search(text):
        return None
    return InputRefused if _INPUT.search(text) and not _OUTPUT.search(text) else OutputRefused
