"""One entry of a manifest."""

from __future__ import annotations

import math
from typing import Self

from pydantic import Field, PrivateAttr, model_validator

from jobs.faults import Fault, Faults
from jobs.fields.templates import Template, TemplateError
from jobs.manifest.agreement import shot_faults
from jobs.manifest.defaults import MIXED, Fields, Handling
from jobs.manifest.kinds import (
    Combine,
    OtherShot,
    Repeats,
    Rules,
    Sampled,
    SampleSeed,
    Seeded,
    ShotName,
    Sweep,
    Text,
    YesOrNo,
)
from jobs.sweeps import Axis, Space
from jobs.sweeps.each import ForEach
from jobs.sweeps.keys import count_of
from jobs.sweeps.mixing import Mix, mix_faults

_BESIDES_AXES = frozenset({*MIXED, "for_each"})
MOST_FORMS = 10_000
_AGREED: set[tuple[tuple[str, ...], ...]] = set()
"""Forms of shots (`Shot._form`) that were found to agree with themselves. The same for ever, so any thread may add."""


class Shot(Handling, Fields):
    """One entry of the manifest. `prompt` is a template, and None only where the sweep gives the prompt.

    `sweep` holds the axes as they were written, in their order; `axes()` is the same, ready to use. `combine` says how
    they go together (None: each with every other), `include` and `exclude` which of their cells are meant, `sample` how
    many of those. `takes` deals seeds to each, and `repeat` renders each more than once. `model` is the shot's own,
    where it isn't the batch's.

    `for_each` names a shot for each of whose takes this one is rendered, with the values of that. `promote` names one
    of which this is a better version, take for take, rendered once a person has picked; what the shot doesn't say it
    has from there. `pick` says that takes which take up something of this shot's wait until a person has picked.
    """

    name: ShotName
    prompt: Text | None = None
    # Before the sweep, for it says where a value may stand twice.
    combine: Combine | None = None
    sweep: Sweep = Field(default={})
    include: Rules | None = None
    exclude: Rules | None = None
    sample: Sampled | None = None
    sample_seed: SampleSeed | None = None
    takes: Seeded | None = None
    repeat: Repeats = None
    model: Text | None = None
    for_each: OtherShot | None = None
    promote: OtherShot | None = None
    pick: YesOrNo | None = None
    # One for both: each costs as much as a field, in every shot.
    _linked: tuple[ForEach | None, str | None] | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        form = self._form()
        if form is not None and form in _AGREED:
            return self
        if self.for_each is not None and self.sample is not None:
            told = f"what is rendered for each take of {self.for_each} can't be a sample; sample there"
            raise Faults([Fault(("sample",), told)])
        mix = self.mix()
        faults = list(mix_faults(mix, self.given()))
        # Which cells a sample takes, only the batch's name may tell.
        space = None if faults or mix.plain else mix.space("").unsampled()
        if self.for_each is None:  # else its prompt can have what the other shot has
            faults += shot_faults(self.given(), self.prompt, self.sweep, space)
        if faults:
            raise Faults(faults)
        if form is not None and len(_AGREED) < MOST_FORMS:
            _AGREED.add(form)
        return self

    def given(self) -> dict[str, object]:
        """The fields of a take that are set here, by name."""
        return {**super().given(), **({} if self.model is None else {"model": self.model})}

    def link(self, each: ForEach | None, dealt_as: str | None) -> None:
        """Know of the shots beside it: what it is rendered for each of, and the name by which its seeds are dealt and
        its sample is taken (None: its own). Only for `jobs.chains.graph`."""
        self._linked = (each, dealt_as)

    @property
    def dealt_as(self) -> str:
        """The name by which its seeds are dealt and its sample is taken."""
        return (self._linked and self._linked[1]) or self.name

    @property
    def each(self) -> ForEach | None:
        """What it is rendered once for each of."""
        return self._linked and self._linked[0]

    @property
    def plain(self) -> bool:
        """Whether nothing is said of its sweep but the axes, so that each of their values goes with every other."""
        return _BESIDES_AXES.isdisjoint(self.model_fields_set)

    def _form(self) -> tuple[tuple[str, ...], ...] | None:
        """The names of its axes, its fields and its prompt's variables, where nothing more decides whether it agrees
        with itself. In a long list few differ in that, and looking at each anew takes most of the time of reading it.
        """
        if self.prompt is None or "prompt" in self.sweep or not self.plain:
            return None
        if any(isinstance(written, str) or dict in map(type, written) for written in self.sweep.values()):
            return None
        try:
            template = Template.parse(self.prompt)
        except TemplateError:
            return None
        if not any(piece.strip() for piece in template.pieces[::2]):
            return None
        return tuple(self.sweep), tuple(self.given()), template.variables

    def mix(self) -> Mix:
        """What is said of the sweep."""
        return Mix(
            self.sweep,
            self.combine,
            self.include,
            self.exclude,
            self.sample,
            self.sample_seed,
            self.takes,
            self.repeat,
            self.each,
        )

    def axes(self) -> dict[str, Axis]:
        """The sweep's axes by the name that each sets, in their order. Those of a row of several are each one."""
        return self.mix().axes()

    def space(self, batch: str) -> Space:
        """The shot's takes by their place, in a batch of this name, by which samples and seeds are chosen."""
        return self.mix().space(f"{batch}/{self.dealt_as}")

    def count(self) -> int:
        """How many takes the shot has."""
        if self.plain:  # as nearly every shot of a long list
            return math.prod(count_of(written) for written in self.sweep.values())
        return self.mix().count()
