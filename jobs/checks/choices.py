"""What each field is in the takes of one shot, and where that is written.

A sweep is never laid out for it: of an axis the values stand here that stand for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from jobs.faults import Loc
from jobs.fields.readers import REFERENCES
from jobs.manifest import Defaults, Shot
from jobs.sweeps.axes import LARGEST_SEED
from jobs.sweeps.space import Samples, Space
from jobs.takes import Asked, AxisValue, LastFrame


class Chosen(NamedTuple):
    """One value that a field has in some takes, and where it is written."""

    loc: Loc
    value: object


Choices = Mapping[str, tuple[Chosen, ...]]

OPT_INS = ("camera_fixed", "web_search", "return_last_frame")
"""Fields whose `false` asks for nothing: it is what a provider does anyway that knows no such field."""


def references_of(loc: Loc, value: object) -> Iterator[tuple[Loc, str]]:
    """The references to media in one value of a field, each with where it is written."""
    if not isinstance(value, tuple):
        yield loc, str(value)
    elif "sweep" in loc:
        yield from ((loc, reference) for reference in value)
    else:
        yield from (((*loc, at), reference) for at, reference in enumerate(value))


def choices_of_asked(asked: Asked) -> Choices:
    """What the fields are that `asked` sets."""
    set_fields = ((name, getattr(asked, name)) for name in Asked.model_fields)
    return {name: (Chosen((name,), value),) for name, value in set_fields if value not in (None, (), {})}


def choices_of_shot(
    model: str | None,
    defaults: Defaults,
    at: int,
    shot: Shot,
    *,
    last_frame: LastFrame | None = None,
    swept: Samples | None = None,
) -> Choices:
    """What the fields are in the takes of the shot at `at`.

    `model` is None when it isn't known; `last_frame` is the batch's. Asking for the provider's last frame sets
    `return_last_frame`, unless that is set itself. `swept` is what the sweep gives (as `Space.parts` has it); left out,
    it is every value of every axis, whether or not a take has it.
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
    for name, values in (every_value(shot) if swept is None else swept).items():
        if name in Asked.model_fields:
            one = (lambda value: (value,)) if name in REFERENCES else (lambda value: value)
            choices[name] = tuple(Chosen((*loc, *step), one(value)) for step, value in values)
    return choices


def choices_by_model(
    model: str | None,
    defaults: Defaults,
    at: int,
    shot: Shot,
    space: Space,
    *,
    last_frame: LastFrame | None = None,
    taken: bool = False,
) -> Iterator[Choices]:
    """What the fields are in the takes of the shot at `at`, in parts: every value that a field has in one stands there
    beside the model that it has, and the same fields are set in all of its takes.

    Of a sample it is what could be taken or, with `taken`, what is; that is for samples of up to
    `jobs.sweeps.space.MOST_LAID_OUT`.
    """
    for swept in space.parts_taken("model") if taken else space.parts("model"):
        yield choices_of_shot(model, defaults, at, shot, last_frame=last_frame, swept=swept)


def every_value(shot: Shot) -> Samples:
    """Every value of every axis of `shot`, whether or not a take has it."""
    found: dict[str, tuple[tuple[Loc, AxisValue], ...]] = {}
    for written_under, key in shot.mix().keys().items():
        for name, axis in key.columns.items():
            found[name] = tuple((("sweep", written_under, *step), value) for step, value in axis.samples())
    if shot.takes is not None:
        found["seed"] = ((("takes",), 1), (("takes",), LARGEST_SEED))
    return found


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
