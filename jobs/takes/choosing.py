"""Choosing: which takes of a batch a run is about, where that isn't all of them. The others wait for a later run.

What a chosen take follows upon is chosen with it: without that, it could never begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from jobs.chains.graph import depths, parents_of
from jobs.errors import ManifestError, Problem
from jobs.faults import did_you_mean, listing, shown
from jobs.sweeps.picks import Picks, common, merged, of_places, places, size
from jobs.takes.expansion import Expansion

MOST_FOLLOWED = 20_000
"""Of so many takes of a shot it is looked up which takes they follow upon; of more, all of those shots are chosen."""

MOST_LIMITED = 100_000
"""How far a limit goes into shots whose takes follow upon others."""

NAMED = 6


@dataclass(frozen=True, slots=True)
class Choice:
    """What a run is to be about: the shots whose names match one of `only` (with `*`, `?` and `[ab]`; none: all of
    them), and of their takes the first `limit` (None: all), in the order in which they are begun."""

    only: tuple[str, ...] = ()
    limit: int | None = None

    def __bool__(self) -> bool:
        return bool(self.only) or self.limit is not None

    def written(self) -> str:
        """It as options of a command, without quotes."""
        limit = () if self.limit is None else (f"--limit {self.limit}",)
        return " ".join((*(f"--only {each}" for each in self.only), *limit))


ALL = Choice()
"""Every take of a batch."""


def chosen(expansion: Expansion, choice: Choice) -> Picks:
    """Where the takes are that are chosen, by index: from, up to. None of them is withdrawn.

    Raises `jobs.errors.ManifestError` where no shot has such a name, and where the limit is too low for any take.
    """
    shots = _shots(expansion, choice.only)
    spans = {name: span for name in shots if (span := expansion.shot_span(name)) is not None}
    wanted = _with_parents(expansion, merged(spans.values()))
    if choice.limit is None or choice.limit >= size(wanted):
        return wanted
    return _first(expansion, [spans[name] for name in shots], choice)


def _shots(expansion: Expansion, only: Sequence[str]) -> list[str]:
    """The shots by name, in the order in which they are begun."""
    spans = {shot.name: expansion.shot_span(shot.name) or (0, 0) for shot in expansion.manifest.shots}
    names = set(spans)
    if only:
        names = set()
        for pattern in only:
            found = [name for name in spans if fnmatchcase(name.lower(), pattern.lower())]
            if not found:
                there = f"; there is {listing(list(spans)[:NAMED])}" if spans else ""
                message = f"no shot is called {shown(pattern)}{did_you_mean(pattern, spans) or there}"
                raise ManifestError(f"--only {pattern}", [Problem("", message)])
            names.update(found)

    def key(name: str) -> tuple[int, int, int]:
        start = spans[name][0]
        at = next(at for at, span in enumerate(expansion.live) if start in span)
        return -expansion.live[at].priority, at, start

    return sorted(names, key=key)


def _with_parents(expansion: Expansion, wanted: Picks) -> Picks:
    """`wanted` and all that these takes follow upon."""
    if not common(wanted, merged(expansion.chained)):
        return wanted
    manifest = expansion.manifest
    after = depths(manifest.shots, manifest.defaults)
    # Those upon which nothing follows first: so each shot is looked at when all is known that is wanted of it.
    for shot in sorted(manifest.shots, key=lambda shot: after[shot.name]):
        span = expansion.shot_span(shot.name)
        parents = parents_of(manifest.defaults, shot)
        if span is None or not parents:
            continue
        mine = common((span,), wanted)
        if size(mine) <= MOST_FOLLOWED:
            found = {parent.index for index in places(mine) for parent in expansion.parents(index)}
            wanted = merged([*wanted, *of_places(found)])
        else:
            wanted = merged([*wanted, *(each for name in parents if (each := expansion.shot_span(name)) is not None)])
    return wanted


def _first(expansion: Expansion, spans: Iterable[tuple[int, int]], choice: Choice) -> Picks:
    """The first takes of `spans` and what they follow upon, as many as the limit lets be."""
    assert choice.limit is not None, "without a limit all are meant"
    chained = merged(expansion.chained)
    found: Picks = ()
    single: set[int] = set()
    looked, first = 0, None
    for start, end in spans:
        left = choice.limit - size(found) - len(single)
        if left <= 0:
            break
        if not common(((start, end),), chained):
            found = merged([*found, *_up_to(start, end, left, single)])
            single -= set(places(common(of_places(single), found)))
            continue
        for index in range(start, end):
            looked += 1
            if looked > MOST_LIMITED:
                message = f"where takes follow upon others, {MOST_LIMITED:,} is the most; choose shots by --only"
                raise ManifestError(f"--limit {choice.limit}", [Problem("", message)])
            more = {each for each in _line_of(expansion, index) if each not in single and not common(found, _at(each))}
            if size(found) + len(single) + len(more) > choice.limit:
                first = len(more) if first is None else first
                break
            single |= more
    together = merged([*found, *of_places(single)])
    if not together:
        message = f"the first take follows upon others, and together they are {first}; say  --limit {first}  or more"
        raise ManifestError(f"--limit {choice.limit}", [Problem("", message)])
    return together


def _at(index: int) -> Picks:
    return ((index, index + 1),)


def _up_to(start: int, end: int, most: int, had: set[int]) -> Iterator[tuple[int, int]]:
    """From `start` on as many takes as `most` that aren't `had`, up to `end`."""
    at = start
    for each in sorted(index for index in had if start <= index < end):
        if each - at >= most:
            break
        most -= each - at
        yield at, each
        at = each + 1
    yield at, min(end, at + most)


def _line_of(expansion: Expansion, index: int) -> set[int]:
    """A take and all that it follows upon."""
    found, todo = {index}, [index]
    while todo:
        for parent in expansion.parents(todo.pop()):
            if parent.index not in found:
                found.add(parent.index)
                todo.append(parent.index)
    return found
