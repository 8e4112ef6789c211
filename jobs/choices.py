"""What each field is in the takes of one shot, and where that is written.

A sweep is never laid out for it: of an axis the values stand here that stand for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from jobs.faults import Loc
from jobs.fields import REFERENCES
from jobs.manifest import Defaults, Shot
from jobs.sweep import axis
from jobs.takes import Asked, LastFrame


class Chosen(NamedTuple):
    """One value that a field has in some takes, and where it is written."""

    loc: Loc
    value: object


Choices = Mapping[str, tuple[Chosen, ...]]

OPT_INS = ("camera_fixed", "web_search", "return_last_frame")
"""Fields whose `false` asks for nothing: it is what a provider does anyway that knows no such field."""


def choices_of_asked(asked: Asked) -> Choices:
    """What the fields are that `asked` sets."""
    set_fields = ((name, getattr(asked, name)) for name in Asked.model_fields)
    return {name: (Chosen((name,), value),) for name, value in set_fields if value not in (None, (), {})}


def choices_of_shot(
    model: str | None, defaults: Defaults, at: int, shot: Shot, *, last_frame: LastFrame | None = None
) -> Choices:
    """What the fields are in the takes of the shot at `at`.

    `model` is None when it isn't known; `last_frame` is the batch's. Asking for the provider's last frame sets
    `return_last_frame`, unless that is set itself.
    """
    loc: Loc = ("shots", at)
    choices: dict[str, tuple[Chosen, ...]] = {}
    if model is not None:
        choices["model"] = (Chosen(("model",), model),)
    whose = whose_last_frame(defaults, at, shot, last_frame=last_frame)
    if whose is not None and whose.value == "provider":
        choices["return_last_frame"] = (Chosen(whose.loc, True),)
    for name, value in defaults.given().items():
        choices[name] = (Chosen(("defaults", name), value),)
    for name, value in shot.given().items():
        choices[name] = (Chosen((*loc, name), value),)
    axes = {name: axis(written) for name, written in shot.sweep.items()}
    for name, values in axes.items():
        if name in Asked.model_fields:
            here = (*loc, "sweep", name)
            one = (lambda value: (value,)) if name in REFERENCES else (lambda value: value)
            choices[name] = tuple(Chosen((*here, *step), one(value)) for step, value in values.samples())
    return choices


def whose_last_frame(defaults: Defaults, at: int, shot: Shot, *, last_frame: LastFrame | None) -> Chosen | None:
    """What `last_frame` is for a shot and where that is written, or None when it is written nowhere."""
    written: tuple[tuple[Loc, LastFrame | None], ...] = (
        (("shots", at, "last_frame"), shot.last_frame),
        (("defaults", "last_frame"), defaults.last_frame),
        (("last_frame",), last_frame),
    )
    return next((Chosen(loc, value) for loc, value in written if value is not None), None)


def asked_for(choices: Choices) -> Choices:
    """`choices` without what asks for nothing: the `false` of `OPT_INS`."""
    kept = {
        name: tuple(each for each in chosen if not (name in OPT_INS and each.value is False))
        for name, chosen in choices.items()
    }
    return {name: chosen for name, chosen in kept.items() if chosen}
