"""What has to agree between the shots of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from jobs.chains.graph import linked
from jobs.faults import Fault, Loc, place, shown
from jobs.manifest.agreement import shot_faults
from jobs.manifest.defaults import Defaults
from jobs.manifest.shot import Shot

MOST_TAKES = 10**12
"""The most takes of one batch. Far more than anyone pays for, and every index below it is exact everywhere."""


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
        if shot.for_each is not None and shot.each is not None and ("shots", at) not in blamed:
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
