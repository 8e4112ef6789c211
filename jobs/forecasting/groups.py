"""The takes of a manifest, put together by what their renders have in common, without laying any of them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from jobs.capabilities import Capabilities, capabilities
from jobs.manifest import Manifest, Shot
from jobs.takes import Asked, AxisValue, Take
from jobs.takes.strands import common_fields

KINDS = ("model", "resolution", "duration")
"""What a render's time depends on, by all that is known."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What some renders have in common. `shortest` and `longest` are in seconds of video; they differ where the
    provider chooses, or where the takes can't be told apart."""

    model: str
    resolution: str
    shortest: int
    longest: int


def kind_of(take: Take) -> Kind:
    """Of which kind the render of a take is."""
    return kind_of_asked(take.asked, capabilities(take.provider))


def kind_of_asked(asked: Asked, table: Capabilities) -> Kind:
    """Of which kind the render is of what is asked of the table's provider."""
    return _kind(asked.asked(), table)


def kinds_of(manifest: Manifest, shot: Shot) -> Counter[Kind]:
    """How many takes of `shot` there are of each kind. Where a sample is too large to look at, it is shared out evenly
    among those that there could be, and none is left out."""
    table = capabilities(manifest.providers[0])
    common = common_fields(manifest, shot)
    found: Counter[Kind] = Counter()
    space = shot.space(manifest.batch)
    counts = space.tally(KINDS)
    if counts is not None:
        for cell, takes in counts:
            found[_kind({**common, **cell}, table)] += takes
        return found
    could_be = list(dict.fromkeys(_kind({**common, **cell}, table) for cell in _cells(space.parts("model"))))
    each, rest = divmod(shot.count(), len(could_be))
    for at, kind in enumerate(could_be):
        found[kind] += each + (at < rest)
    return found


def _cells(parts: Iterator[Mapping[str, tuple[tuple[object, AxisValue], ...]]]) -> Iterator[dict[str, AxisValue]]:
    for part in parts:
        values = {name: part[name] for name in KINDS if name in part}
        for cell in product(*values.values()):
            yield {name: value for name, (_, value) in zip(values, cell, strict=True)}


def _kind(fields: Mapping[str, object], table: Capabilities) -> Kind:
    model = str(fields["model"])
    duration = fields.get("duration", table.defaults.duration)
    bounds = table.durations_of(model)
    shortest, longest = (duration, duration) if isinstance(duration, int) else (bounds.least, bounds.most)
    return Kind(model, str(fields.get("resolution", table.defaults.resolution)), shortest, longest)
