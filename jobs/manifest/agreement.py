"""What has to agree within one shot: its fields, its prompt and its axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jobs.chains.links import read_link
from jobs.faults import Fault, Loc, did_you_mean, listing, place
from jobs.fields.readers import (
    READERS,
)
from jobs.fields.references import MEDIA, kind_of
from jobs.fields.templates import Template, TemplateError, as_text
from jobs.manifest.defaults import Handling
from jobs.sweeps import Axis, Space, Written
from jobs.sweeps.keys import columns_of
from jobs.sweeps.mixing import axes_of
from jobs.takes import AxisValue

NO_AXIS = "; give it an axis of that name under sweep"
"""The end of what is said of a variable without a value."""


def shot_faults(
    given: Mapping[str, object],
    prompt: str | None,
    sweep: Mapping[str, Written],
    space: Space | None = None,
    besides: Mapping[str, Axis] | None = None,
) -> Iterator[Fault]:
    """What doesn't fit together within one shot: its fields, its prompt and its axes.

    `space` is what the axes span, if that is known; without it every value is taken to go with every other. `besides`
    are further axes, which the prompt may use and need not.
    """
    keys = {name: key for key, written in sweep.items() for name in columns_of(key, written)}
    for name, key in keys.items():
        if name in given:
            yield Fault(("sweep", key), f"{name} is swept here and also set for the shot; keep one of the two")
    if "prompt" not in keys:
        if prompt is None:
            yield Fault(("prompt",), "missing: a shot needs a prompt, or a sweep over prompt")
            return
        yield from _Prompts(keys, sweep, space, besides, _of_another(given)).faults(("prompt",), prompt)
        return
    if prompt is not None:
        yield Fault(("sweep", keys["prompt"]), "prompt is swept here and also set for the shot; keep one of the two")
    if space is not None and any("prompt" not in term.names for term in space.terms):
        yield Fault(("combine",), "a part of the union has no prompt; every part needs one")
    prompts = _Prompts(keys, sweep, space, besides, _of_another(given))
    for loc, swept in prompts.axes["prompt"].samples():
        yield from prompts.faults(("sweep", keys["prompt"], *loc), as_text(swept))


def _of_another(given: Mapping[str, object]) -> str:
    """How a shot that takes up something of another one gets the values of that one's takes."""
    for field in MEDIA:
        value = given.get(field)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, str) and kind_of(each) == "link":
                return f"; or, for those of the takes that it follows, say  for_each: {read_link(each).shot}"
    return ""


class _Prompts:
    """What all prompts of a shot are looked at with. `keys` has, for each name, the key of the sweep that sets it."""

    def __init__(
        self,
        keys: Mapping[str, str],
        sweep: Mapping[str, Written],
        space: Space | None,
        besides: Mapping[str, Axis] | None,
        of_another: str = "",
    ) -> None:
        self._keys = keys
        self._besides = [name for name in besides or {} if name not in READERS]
        self.axes = {**(besides or {}), **axes_of(sweep)}
        self._space = space
        self._of_another = of_another
        self._barest: dict[str, AxisValue] = {}
        self._cells: dict[tuple[str, ...], list[tuple[dict[str, AxisValue], int]] | None] = {}

    def faults(self, loc: Loc, prompt: str) -> Iterator[Fault]:
        """What is wrong with `prompt`, which stands at `loc`."""
        try:
            template = Template.parse(prompt)
        except TemplateError as error:
            yield Fault(loc, str(error))
            return
        axes = [name for name in self._keys if name not in READERS]
        unfilled = [name for name in template.variables if name not in axes and name not in self._besides]
        unused = [name for name in axes if name not in template.variables]
        for name in unfilled:
            if name in READERS:
                yield Fault(loc, f"{{{name}}} is the name of a field; call the variable something else")
                continue
            hint = did_you_mean(name, (*unused, *self._besides)) or f"{NO_AXIS}{self._of_another}"
            yield Fault(loc, f"{{{name}}} has no value{hint}")
        for name in unused:
            here: Loc = ("sweep", self._keys[name])
            if name in Handling.model_fields:
                yield Fault(here, f"{name} can't be swept; set it for the shot")
                continue
            hint = did_you_mean(name, [*unfilled, *(field for field in READERS if field not in self._keys)])
            where = "the prompt doesn't use" if loc == ("prompt",) else f"{place(loc[1:])} doesn't use"
            yield Fault(here, f"{where} {{{name}}}, and no field has this name{hint}")
        if unfilled:
            return
        for term in () if self._space is None else self._space.terms:
            lacking = [name for name in template.variables if name not in term.names]
            if lacking:
                told = f"{{{lacking[0]}}} has no value in the part of the union that has {listing(term.names)}"
                yield Fault(("combine",), f"{told}; every part needs all that the prompt uses")
                return
        if self._may_be_empty(prompt, template):
            yield Fault(loc, "at least one take would have an empty prompt")

    def _may_be_empty(self, prompt: str, template: Template) -> bool:
        if template.fill({name: self._barest_of(name) for name in template.variables}).strip():
            return False
        # The barest values need not stand together.
        if self._space is None or self._space.is_product:
            return True
        names = (*template.variables, *(["prompt"] if "prompt" in self.axes else []))
        if names not in self._cells:
            self._cells[names] = self._space.tally(names)
        cells = self._cells[names]
        if cells is None:
            return True
        return any(cell.get("prompt", prompt) == prompt and not template.fill(cell).strip() for cell, _ in cells)

    def _barest_of(self, name: str) -> AxisValue:
        if name not in self._barest:
            values = (value for _, value in self.axes[name].samples())
            self._barest[name] = min(values, key=lambda value: len(as_text(value).strip()))
        return self._barest[name]
