"""What a decision is about, by the name that a person gives it: a batch, a shot of it, or a single take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jobs.errors import RushesError
from jobs.faults import nearest, shown
from jobs.takes.expansion import Expansion
from jobs.takes.naming import name_fault, strand_folder
from jobs.takes.strands import Strand
from workers.context import Context
from workers.opening import reopen_batch

MOST_NAMED = 10
_NUMBER = re.compile(r"0*([0-9]+)(-.*)?", re.ASCII | re.DOTALL)


class UnknownTarget(RushesError):
    """There is no such batch, shot or take."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Target:
    """A name, taken apart. `take` is how the take's name begins behind the shot: its number at least."""

    batch: str
    shot: str | None = None
    take: str | None = None

    @classmethod
    def parse(cls, written: str) -> Target:
        """What `night`, `night/opening` or `night/opening/0007-wheat` names. Raises `UnknownTarget` for anything else.

        An edition of a shot is named as its folder is: `night/opening.2`, `night/opening.2/0007`.
        """
        parts = written.split("/")
        if not all(parts) or len(parts) > 3:
            raise UnknownTarget(
                f"{shown(written)} names neither a batch, a shot nor a take: write it as night, night/opening or "
                "night/opening/0007"
            )
        fault = name_fault(parts[0])
        if fault is not None:
            raise UnknownTarget(f"there can't be such a batch: {fault}")
        return cls(*parts)

    def __str__(self) -> str:
        return "/".join(part for part in (self.batch, self.shot, self.take) if part is not None)


@dataclass(frozen=True)
class Aim:
    """A target that was found. `ranges` are the indices of its takes (from, up to), withdrawn ones among them.

    `index` is that of a single take, and else None.
    """

    batch: str
    expansion: Expansion
    ranges: tuple[tuple[int, int], ...]
    called: str
    whole: bool = False
    index: int | None = None

    def __contains__(self, index: int) -> bool:
        return any(start <= index < end for start, end in self.ranges)

    def name(self, index: int) -> str:
        """What a take is called."""
        return self.expansion[index].name


def aim_at(context: Context, target: Target) -> Aim:
    """Find what `target` names. A batch that Redis doesn't know is taken up from the store first.

    It is then held until a person lets it go on: looking at a batch must not set it to work. Raises `UnknownTarget`,
    and the errors of Redis and the store.
    """
    if context.room.digest(target.batch) is None and reopen_batch(context, target.batch, looking=True) is None:
        raise _no_batch(context, target.batch)
    expansion = context.expansion(target.batch)
    called = str(target)
    if target.shot is None:
        return Aim(target.batch, expansion, ((0, expansion.total),), called, whole=True)
    strands = expansion.lineage.strands()
    if target.take is not None:
        index = _find_take(expansion, strands, target.shot, target.take)
        return Aim(
            target.batch, expansion, ((index, index + 1),), f"{target.batch}/{expansion[index].name}", index=index
        )
    named = [each for each in strands if each.shot.name == target.shot]
    found = named or [each for each in strands if _folder(each) == target.shot]
    if not found:
        raise _no_shot(strands, target)
    return Aim(target.batch, expansion, tuple((each.start, each.end) for each in found), called)


def stored_batches(context: Context) -> Iterator[str]:
    """The names of the batches that the store knows."""
    for name in context.store.folders(""):
        if name_fault(name) is None and context.store.exists(f"{name}/.rushes/manifest.json"):
            yield name


def _find_take(expansion: Expansion, strands: tuple[Strand, ...], shot: str, take: str) -> int:
    strand = next((each for each in strands if _folder(each) == shot), None)
    if strand is None:
        raise _no_shot(strands, Target(expansion.manifest.batch, shot, take))
    first, last = expansion[strand.start].name, expansion[strand.end - 1].name
    found = _NUMBER.fullmatch(take)
    if found is None or not 1 <= int(found[1]) <= strand.count:
        there = first if strand.count == 1 else f"{first} to {last}"
        raise UnknownTarget(f"there is no take {shown(f'{shot}/{take}')}: {_folder(strand)} has {there}")
    index = strand.start + int(found[1]) - 1
    name = expansion[index].name
    if found[2] is not None and not name.partition("/")[2].lstrip("0").startswith(take.lstrip("0")):
        raise UnknownTarget(f"there is no take {shown(f'{shot}/{take}')}; did you mean {name}?")
    return index


def _folder(strand: Strand) -> str:
    return strand_folder(strand.shot.name, strand.edition)


def _no_shot(strands: tuple[Strand, ...], target: Target) -> UnknownTarget:
    names = list(dict.fromkeys(name for each in strands for name in (each.shot.name, _folder(each))))
    assert target.shot is not None
    return UnknownTarget(f"{target.batch} has no shot {shown(target.shot)}{_advice(target.shot, names, 'it has')}")


def _no_batch(context: Context, batch: str) -> UnknownTarget:
    names = sorted({*context.room.batches(), *stored_batches(context)})
    place = context.settings.store
    if not names:
        return UnknownTarget(
            f"there is no batch {shown(batch)}, nor any other, in the store {place}. Is RUSHES_STORE right, or was it "
            "a rehearsal (--sandbox)?"
        )
    return UnknownTarget(f"there is no batch {shown(batch)} in the store {place}{_advice(batch, names, 'it has')}")


def _advice(word: str, names: list[str], there: str) -> str:
    near = nearest(word, names)
    if near is not None:
        return f"; did you mean {near}?"
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"; {there} {', '.join(names[:MOST_NAMED])}{more}"
