"""The manifest: what a person asks for, read and found to make sense.

These models are also the frozen form of a batch: `model_dump_json` writes it, `model_validate_json` reads it
back unchanged, and every worker counts its takes from that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    JsonValue,
    PlainSerializer,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from jobs.amounts import Amount, read_amount
from jobs.chains.graph import linked
from jobs.faults import Fault, Faults, Loc, did_you_mean, listing, place, shown
from jobs.fields import (
    READERS,
    UNSWEPT,
    duration,
    last_frame,
    media,
    provider_options,
    resolution,
    retry_moderated,
    text,
    whole_number,
    yes_or_no,
)
from jobs.naming import RESERVED_BATCHES, name_fault
from jobs.sweeps import Axis, Space, Written, read_sweep
from jobs.sweeps.each import ForEach
from jobs.sweeps.keys import columns_of
from jobs.sweeps.mixing import Mix, axes_of, mix_faults
from jobs.sweeps.reading import (
    Rule,
    read_combine,
    read_repeat,
    read_rules,
    read_sample,
    read_seed,
    read_takes,
)
from jobs.takes import AxisValue, LastFrame
from jobs.templates import Template, TemplateError, as_text
from jobs.terms import (
    Budget,
    Deadline,
    OnDoubt,
    Window,
    read_budget,
    read_deadline,
    read_max_failures,
    read_not_before,
    read_on_doubt,
    read_priority,
    read_weight,
    read_window,
)

NO_AXIS = "; give it an axis of that name under sweep"
"""The end of what is said of a variable without a value."""

MOST_TAKES = 10**12
"""The most takes of one batch. Far more than anyone pays for, and every index below it is exact everywhere."""


def _batch_name(value: object) -> str:
    return _named(value, RESERVED_BATCHES)


def _shot_name(value: object) -> str:
    return _named(value, ())


def _named(value: object, reserved: Iterable[str]) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{shown(value)} is not a name: use letters, digits, - and _")
    fault = name_fault(str(value), reserved=reserved)
    if fault is not None:
        raise ValueError(fault)
    return str(value)


def _other_shot(value: object) -> str:
    if isinstance(value, list | tuple):
        raise ValueError("this is one shot; name it")
    return _named(value, ())


def _provider(value: object) -> str:
    if isinstance(value, list | tuple):
        raise ValueError("more than one provider isn't taken yet; name one")
    return text(value)


def _sweep(value: object, info: ValidationInfo) -> dict[str, Written]:
    return read_sweep(value, info.data.get("combine"))


def _listed(value: object) -> object:
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, str):
        raise ValueError("this is a list of URLs; write [https://...], also for one")
    raise ValueError(f"{shown(value)} is not a list of URLs")


Reference = Annotated[str, BeforeValidator(media)]
References = Annotated[tuple[Reference, ...], BeforeValidator(_listed)]
Text = Annotated[str, BeforeValidator(text)]
Duration = Annotated[int | Literal["auto"], BeforeValidator(duration)]
Resolution = Annotated[str, BeforeValidator(resolution)]
WholeNumber = Annotated[int, BeforeValidator(whole_number)]
YesOrNo = Annotated[bool, BeforeValidator(yes_or_no)]
Options = Annotated[dict[str, JsonValue], BeforeValidator(provider_options)]
Whose = Annotated[LastFrame, BeforeValidator(last_frame)]
Retries = Annotated[int, BeforeValidator(retry_moderated)]
OwnPrice = Annotated[Amount, BeforeValidator(read_amount), PlainSerializer(str, return_type=str)]
Priority = Annotated[int, BeforeValidator(read_priority)]
Limits = Annotated[Budget, BeforeValidator(read_budget), PlainSerializer(Budget.written)]
Until = Annotated[Deadline, BeforeValidator(read_deadline), PlainSerializer(str, return_type=str)]
From = Annotated[Deadline, BeforeValidator(read_not_before), PlainSerializer(str, return_type=str)]
Daily = Annotated[Window, BeforeValidator(read_window), PlainSerializer(str, return_type=str)]
Weight = Annotated[int, BeforeValidator(read_weight)]
Failures = Annotated[int, BeforeValidator(read_max_failures)]
Doubts = Annotated[OnDoubt, BeforeValidator(read_on_doubt)]
Combine = Annotated[str, BeforeValidator(read_combine)]
Rules = Annotated[tuple[Rule, ...], BeforeValidator(read_rules)]
Sampled = Annotated[dict[str, AxisValue], BeforeValidator(read_sample)]
SampleSeed = Annotated[str | int, BeforeValidator(read_seed)]
Seeded = Annotated[dict[str, AxisValue], BeforeValidator(read_takes)]
Repeats = Annotated[int | None, BeforeValidator(read_repeat)]

OtherShot = Annotated[str, BeforeValidator(_other_shot)]

_MIXED = ("combine", "include", "exclude", "sample", "sample_seed", "takes", "repeat")
_TERMS = (
    "price",
    "priority",
    "budget",
    "max_failures",
    "deadline",
    "on_doubt",
    "reuse",
    "weight",
    "not_before",
    "window",
)
_CHAINED = ("model", "for_each", "promote", "pick")
_ADDED = frozenset(
    {*UNSWEPT, *_TERMS, *_MIXED, *_CHAINED, "camera_fixed", "watermark", "web_search", "return_last_frame"}
)
"""What manifests have been able to hold since after the first version. Left out, it leaves no trace in the frozen form:
a batch that was frozen before is still the same manifest, byte for byte."""


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_serializer(mode="wrap")
    def _without_what_came_later(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        return {name: value for name, value in dump(self).items() if value is not None or name not in _ADDED}


class Fields(_Written):
    """The fields of a take that can be set for one shot or, under `defaults`, for all."""

    start_image: Reference | None = None
    end_image: Reference | None = None
    reference_images: References = ()
    reference_videos: References = ()
    reference_audio: References = ()
    duration: Duration | None = None
    resolution: Resolution | None = None
    aspect_ratio: Text | None = None
    seed: WholeNumber | None = None
    generate_audio: YesOrNo | None = None
    camera_fixed: YesOrNo | None = None
    watermark: YesOrNo | None = None
    web_search: YesOrNo | None = None
    return_last_frame: YesOrNo | None = None
    provider_options: Options | None = None

    def given(self) -> dict[str, object]:
        """The fields of a take that are set here, by name."""
        held = self.__dict__
        names = (name for name in _FIELD_NAMES if held[name] is not None)
        return {name: value for name in names if (value := held[name]) != () and value != {}}


_FIELD_NAMES = tuple(Fields.model_fields)

MOST_FORMS = 10_000
_AGREED: set[tuple[tuple[str, ...], ...]] = set()
"""Forms of shots (`Shot._form`) that were found to agree with themselves. The same for ever, so any thread may add."""


class Handling(_Written):
    """How takes are handled, beside what they ask. None is the default: `decoded`, 0, what the tables say, and 0.

    `price` is the most that one take costs. What has a higher `priority` is submitted first.
    """

    last_frame: Whose | None = None
    retry_moderated: Retries | None = None
    price: OwnPrice | None = None
    priority: Priority | None = None


class Defaults(Handling, Fields):
    """What holds for every shot that doesn't say otherwise."""


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

    name: Annotated[str, BeforeValidator(_shot_name)]
    prompt: Text | None = None
    # Before the sweep, for it says where a value may stand twice.
    combine: Combine | None = None
    sweep: Annotated[dict[str, Written], BeforeValidator(_sweep)] = {}
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
    _each: ForEach | None = PrivateAttr(default=None)
    _dealt_as: str | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        form = self._form()
        if form is not None and form in _AGREED:
            return self
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
        self._each, self._dealt_as = each, dealt_as

    @property
    def dealt_as(self) -> str:
        """The name by which its seeds are dealt and its sample is taken."""
        return self._dealt_as or self.name

    @property
    def each(self) -> ForEach | None:
        """What it is rendered once for each of."""
        return self._each

    def _form(self) -> tuple[tuple[str, ...], ...] | None:
        """The names of its axes, its fields and its prompt's variables, where nothing more decides whether it agrees
        with itself. In a long list few differ in that, and looking at each anew takes most of the time of reading it.
        """
        held = self.__dict__
        mixed = any(held[name] is not None for name in (*_MIXED, "for_each"))
        if self.prompt is None or "prompt" in self.sweep or mixed:
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
            self._each,
        )

    def axes(self) -> dict[str, Axis]:
        """The sweep's axes by the name that each sets, in their order. Those of a row of several are each one."""
        return self.mix().axes()

    def space(self, batch: str) -> Space:
        """The shot's takes by their place, in a batch of this name, by which samples and seeds are chosen."""
        return self.mix().space(f"{batch}/{self.dealt_as}")

    def count(self) -> int:
        """How many takes the shot has."""
        return self.mix().count()


class Manifest(_Written):
    """One batch, as a person asked for it. Immutable.

    `last_frame`, `retry_moderated` and `price` hold for every shot, unless the defaults or the shot say otherwise.

    Nothing more is submitted when the `budget` is used up, when `max_failures` takes have failed, or after the
    `deadline`; nor before `not_before`, or outside of the `window` of the day. `on_doubt` says what becomes of an
    attempt that nothing settles (None: `hold`), and `reuse` whether takes of other batches are taken from the store
    where they are the same (None: no). Of batches side by side, one of twice the `weight` (None: 1) is served twice as
    often.
    """

    batch: Annotated[str, BeforeValidator(_batch_name)]
    provider: Annotated[str, BeforeValidator(_provider)]
    model: Text
    last_frame: Whose | None = None
    retry_moderated: Retries | None = None
    price: OwnPrice | None = None
    budget: Limits | None = None
    max_failures: Failures | None = None
    deadline: Until | None = None
    not_before: From | None = None
    window: Daily | None = None
    weight: Weight | None = None
    on_doubt: Doubts | None = None
    reuse: YesOrNo | None = None
    defaults: Defaults = Defaults()
    shots: tuple[Shot, ...]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        faults = list(batch_faults(dict(enumerate(self.shots)), self.defaults, self.batch))
        if faults:
            raise Faults(faults)
        return self

    def last_frame_of(self, shot: Shot) -> LastFrame:
        """Whose last frame is kept of the takes of `shot`."""
        return shot.last_frame or self.defaults.last_frame or self.last_frame or "decoded"

    def retry_moderated_of(self, shot: Shot) -> int:
        """How often a take of `shot` may be submitted again after output moderation."""
        given = (shot.retry_moderated, self.defaults.retry_moderated, self.retry_moderated)
        return next((number for number in given if number is not None), 0)

    def price_of(self, shot: Shot) -> Amount | None:
        """What one take of `shot` costs at most, by the manifest's own word, or None when it has none."""
        given = (shot.price, self.defaults.price, self.price)
        return next((price for price in given if price is not None), None)

    def priority_of(self, shot: Shot) -> int:
        """The priority of the takes of `shot`."""
        given = (shot.priority, self.defaults.priority)
        return next((number for number in given if number is not None), 0)

    def digest(self) -> str:
        """The sha256 (hex) of what the manifest asks for, names included.

        Left-out fields are left out of it too, so that a field which a later version of Rushes adds changes
        no digest. The order of the axes counts, for it decides which take has which number.
        """
        asked = self.model_dump(mode="json", exclude_defaults=True)
        for shot in asked["shots"]:
            if "sweep" in shot:
                shot["sweep"] = in_order(shot["sweep"])
        canonical = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def in_order(sweep: Mapping[str, Written]) -> list[tuple[str, object]]:
    """A sweep for a digest, in which the order of its axes counts, and of the variables in its rows."""
    return [
        (name, written if isinstance(written, str) else [_in_order(entry) for entry in written])
        for name, written in sweep.items()
    ]


def _in_order(entry: object) -> object:
    return list(entry.items()) if isinstance(entry, Mapping) else entry


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
        yield from _Prompts(keys, sweep, space, besides).faults(("prompt",), prompt)
        return
    if prompt is not None:
        yield Fault(("sweep", keys["prompt"]), "prompt is swept here and also set for the shot; keep one of the two")
    if space is not None and any("prompt" not in term.names for term in space.terms):
        yield Fault(("combine",), "a part of the union has no prompt; every part needs one")
    prompts = _Prompts(keys, sweep, space, besides)
    for loc, swept in prompts.axes["prompt"].samples():
        yield from prompts.faults(("sweep", keys["prompt"], *loc), as_text(swept))


def batch_faults(
    shots: Mapping[int, Shot], defaults: Defaults, batch: str, where: Callable[[Loc], str] = place
) -> Iterator[Fault]:
    """What doesn't fit together between the shots of a batch, given by their place; `where` says it to a person.

    The shots know of each other afterwards, as far as they do fit.
    """
    if not shots:
        yield Fault(("shots",), "there are no shots, and so there is nothing to render")
    clashes = list(name_clashes({at: shot.name for at, shot in shots.items()}, where))
    yield from clashes
    if not clashes:
        yield from _linked_faults(shots, defaults, batch)
    takes = sum(shot.count() for shot in shots.values())
    if takes > MOST_TAKES:
        yield Fault(("shots",), f"together they have {takes:,} takes, and {MOST_TAKES:,} is the most")


def _linked_faults(shots: Mapping[int, Shot], defaults: Defaults, batch: str) -> Iterator[Fault]:
    found = linked(shots, defaults, batch)
    yield from found
    blamed = {fault.loc[:2] for fault in found}
    for at, shot in shots.items():
        if shot.each is not None and ("shots", at) not in blamed:
            space = shot.space(batch).unsampled()
            for fault in shot_faults(shot.given(), shot.prompt, shot.sweep, space, shot.each.axes()):
                yield Fault(("shots", at, *fault.loc), fault.message)


def name_clashes(names: Mapping[int, str], where: Callable[[Loc], str] = place) -> Iterator[Fault]:
    """Shots whose name another one has already. Case doesn't tell two apart, as in many file systems."""
    first: dict[str, int] = {}
    for at, name in names.items():
        earlier = first.setdefault(name.lower(), at)
        if earlier != at:
            apart = "" if names[earlier] == name else f" (as {names[earlier]!r}, and case makes no difference)"
            taken = f"{shown(name)} is already the name of {where(('shots', earlier))}{apart}"
            yield Fault(("shots", at, "name"), f"{taken}; every shot needs its own")


class _Prompts:
    """What all prompts of a shot are looked at with. `keys` has, for each name, the key of the sweep that sets it."""

    def __init__(
        self,
        keys: Mapping[str, str],
        sweep: Mapping[str, Written],
        space: Space | None,
        besides: Mapping[str, Axis] | None,
    ) -> None:
        self._keys = keys
        self._besides = [name for name in besides or {} if name not in READERS]
        self.axes = {**(besides or {}), **axes_of(sweep)}
        self._space = space
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
            hint = did_you_mean(name, (*unused, *self._besides)) or NO_AXIS
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
