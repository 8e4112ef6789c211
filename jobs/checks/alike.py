"""Shots that are alike to a provider: in a long list few differ in more than their words and their seeds.

What is found of one holds for all that are like it, so each likeness is looked at once.
"""

from __future__ import annotations

from jobs.capabilities import Capabilities
from jobs.fields.templates import as_text
from jobs.manifest import Shot
from jobs.takes import Asked


def likeness(shot: Shot, table: Capabilities) -> str | None:
    """What decides, beside the batch's model and defaults, whether the provider takes all of `shot`.

    Shots of the same are all taken or none is. None: this one has to be looked at by itself, as its sweep is no plain
    product, its seed is out of bounds, or its prompt may be too long.
    """
    if shot.prompt is None or not shot.plain:
        return None
    fields = shot.given()
    seed = fields.get("seed")
    if isinstance(seed, int):
        if not _within(seed, table):
            return None
        fields["seed"] = "any"
    longest = len(shot.prompt)
    swept = []
    for name, written in shot.sweep.items():
        if name in Asked.model_fields:
            swept.append((name, written))
            continue
        if isinstance(written, str) or dict in map(type, written):
            return None
        longest += shot.prompt.count(f"{{{name}}}") * max(len(as_text(entry)) for entry in written)  # type: ignore[arg-type]
    if longest > _sure_to_be_taken(table):
        return None
    return repr((fields, swept, shot.last_frame))


def _within(seed: int, table: Capabilities) -> bool:
    least, most = table.seed.least, table.seed.most
    return (least is None or seed >= least) and (most is None or seed <= most)


def _sure_to_be_taken(table: Capabilities) -> float:
    """How many characters a prompt may have whatever it says. A word takes at least one, and a blank before it."""
    words = None if table.most_words is None else 2 * table.most_words - 1
    limits = (table.longest_prompt, table.longest_chinese, words)
    return min((limit for limit in limits if limit is not None), default=float("inf"))
