"""What hangs together among the shots of a manifest, and what of it doesn't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from jobs.chains.links import Link, read_link
from jobs.chains.pairing import names_of, pairing_faults
from jobs.faults import MOST_CANDIDATES, Fault, Loc, did_you_mean, listing, shown
from jobs.fields.references import MEDIA, kind_of
from jobs.sweeps.each import ForEach
from jobs.sweeps.keys import columns_of

if TYPE_CHECKING:
    from jobs.manifest import Defaults, Shot

LONGEST_CHAIN = 64
"""How many shots may follow one upon the other."""


class Written(NamedTuple):
    """A link as it stands in a manifest: where, in which field, and what it says."""

    loc: Loc
    field: str
    link: Link


def written_links(defaults: Defaults, shot: Shot) -> Iterator[Written]:
    """Every link that a take of `shot` may have; the way to each is from the shot, or from the top for the defaults."""
    keys = {name: key for key, each in shot.sweep.items() for name in columns_of(key, each) if name in MEDIA}
    if not keys and MEDIA.keys().isdisjoint(shot.model_fields_set | defaults.model_fields_set):
        return  # as nearly every shot
    axes = {name: shot.axes()[name] for name in keys}
    own, common = shot.given(), defaults.given()
    for field in MEDIA:
        given, top = (own, False) if field in own else (common, True)
        if field in given and not (top and field in axes):
            yield from _links_in((*(("defaults",) if top else ()), field), field, given[field])
        if field in axes:
            for loc, value in axes[field].samples():
                yield from _links_in(("sweep", keys[field], *loc), field, value)


def parents_of(defaults: Defaults, shot: Shot) -> tuple[str, ...]:
    """The names of the shots whose takes a take of `shot` depends on, each once."""
    each = () if shot.for_each is None else (shot.for_each,)
    return tuple(dict.fromkeys((*each, *(written.link.shot for written in written_links(defaults, shot)))))


def linked(shots: Mapping[int, Shot], defaults: Defaults, batch: str) -> list[Fault]:
    """Let the shots, by their place in the manifest, know of each other; what of that doesn't fit together.

    `batch` is the batch's name, which decides what samples take.
    """
    by_name = {shot.name: at for at, shot in shots.items()}
    plain = not any(shot.for_each or shot.promote for shot in shots.values())
    if plain and not any(True for shot in shots.values() for _ in written_links(defaults, shot)):
        return []
    waits = {at: dict.fromkeys(parents_of(defaults, shot)) for at, shot in shots.items()}
    for at, shot in shots.items():
        if shot.promote is not None:
            waits[at][shot.promote] = None
    faults = [fault for at, shot in shots.items() for fault in _unknown(at, shot, defaults, by_name)]
    if faults:
        return faults
    order = _in_order({at: [by_name[name] for name in names] for at, names in waits.items()})
    if not isinstance(order, list):
        return [_cycle(order, shots, defaults)]
    blamed: set[int] = set()
    length: dict[int, int] = {}
    for at in order:
        shot = shots[at]
        length[at] = 1 + max((length[by_name[name]] for name in waits[at]), default=0)
        if length[at] > LONGEST_CHAIN:
            return [Fault(("shots", at), f"it is the {length[at]}th of a chain, and {LONGEST_CHAIN} is the most")]
        parents = {name: shots[by_name[name]] for name in waits[at]}
        found: list[Fault] = []
        if not blamed & {by_name[name] for name in waits[at]}:
            _link(shot, parents, batch)
            found = list(_faults(at, shot, parents, defaults, batch))
        faults += found
        if found or blamed & {by_name[name] for name in waits[at]}:
            blamed.add(at)
    return faults


def told(shot: Shot, defaults: Defaults, picked: frozenset[str]) -> str | None:
    """What the takes of `shot` wait for, in a line for a person; None for nothing.

    `picked` are the shots of whose takes a person has to pick.
    """
    parents = parents_of(defaults, shot)
    said = [f"after {listing(parents)}"] if parents else []
    if shot.for_each is not None:
        said.append("one for each" if parents == (shot.for_each,) else f"one for each of {shot.for_each}")
    sources = [name for name in dict.fromkeys((shot.promote, *parents)) if name in picked]
    if sources:
        said.append(f"once picked from {listing(sources)}")
    return ", ".join(said) or None


def picking_shots(shots: Sequence[Shot]) -> frozenset[str]:
    """The names of the shots of whose takes a person has to pick before what hangs on them is rendered."""
    promoted = {shot.promote for shot in shots if shot.promote is not None}
    return frozenset(shot.name for shot in shots if shot.pick or shot.name in promoted)


def depths(shots: Sequence[Shot], defaults: Defaults) -> dict[str, int]:
    """For each shot by name how many others follow upon it, one upon the other, at most."""
    waits = {shot.name: parents_of(defaults, shot) for shot in shots}
    found = dict.fromkeys(waits, 0)
    # Each round carries it one shot further up, and no chain is longer than this.
    for _ in range(LONGEST_CHAIN):
        before = dict(found)
        for name, parents in waits.items():
            for parent in parents:
                found[parent] = max(found[parent], found[name] + 1)
        if found == before:
            break
    return found


def _links_in(loc: Loc, field: str, value: object) -> Iterator[Written]:
    if not isinstance(value, tuple):
        if kind_of(str(value)) == "link":
            yield Written(loc, field, read_link(str(value)))
        return
    for at, each in enumerate(value):
        if kind_of(each) == "link":
            yield Written((*loc, at), field, read_link(each))


def _unknown(at: int, shot: Shot, defaults: Defaults, by_name: Mapping[str, int]) -> Iterator[Fault]:
    """Shots that aren't there."""
    named: list[tuple[Loc, str]] = [
        (("shots", at, key), name) for key in ("for_each", "promote") if (name := getattr(shot, key)) is not None
    ]
    named += [(_whole(at, each.loc), each.link.shot) for each in written_links(defaults, shot)]
    for loc, name in named:
        if name not in by_name:
            # Of the first ones alone: a long list of shots may be wrong in each of them.
            others = [other for other in islice(by_name, MOST_CANDIDATES) if other != shot.name]
            there = f"; there is {listing(others[:6])}" if others else ""
            yield Fault(loc, f"there is no shot {shown(name)}{did_you_mean(name, others) or there}")
        elif name == shot.name:
            yield Fault(loc, "a shot can't take up what is its own; name another one")


def _whole(at: int, loc: Loc) -> Loc:
    return loc if loc[:1] == ("defaults",) else ("shots", at, *loc)


def _in_order(waits: Mapping[int, Sequence[int]]) -> list[int] | tuple[int, ...]:
    """The shots, each after those that it waits for; or, as a tuple, shots each of which waits for the next, and the
    last for the first."""
    order: list[int] = []
    state: dict[int, int] = {}
    for start in waits:
        stack = [(start, iter(waits[start]))]
        path = [start]
        if start in state:
            continue
        state[start] = 1
        while stack:
            at, rest = stack[-1]
            after = next(rest, None)
            if after is None:
                state[at] = 2
                order.append(at)
                stack.pop()
                path.pop()
            elif state.get(after) == 1:
                return tuple(path[path.index(after) :])
            elif after not in state:
                state[after] = 1
                path.append(after)
                stack.append((after, iter(waits[after])))
    return order


def _cycle(cycle: Sequence[int], shots: Mapping[int, Shot], defaults: Defaults) -> Fault:
    at = min(cycle)
    start = list(cycle).index(at)
    names = [shots[each].name for each in (*cycle[start:], *cycle[: start + 1])]
    told = f"{names[0]} waits for {', which waits for '.join(names[1:])}: so none of them could begin"
    loc = next(
        (_whole(at, each.loc) for each in written_links(defaults, shots[at]) if each.link.shot == names[1]),
        ("shots", at, "for_each" if shots[at].for_each == names[1] else "promote"),
    )
    return Fault(loc, told)


def _link(shot: Shot, parents: Mapping[str, Shot], batch: str) -> None:
    source = None if shot.promote is None else parents[shot.promote]
    each = None
    if shot.for_each is not None:
        space = parents[shot.for_each].space(batch)
        own = {*shot.given(), *shot.axes(), "prompt", *MEDIA}
        dealt = ("seed",) if parents[shot.for_each].takes is not None else ()
        each = ForEach(space, tuple(name for name in (*names_of(space), *dealt) if name not in own))
    shot.link(each, None if source is None else source.dealt_as)


def _faults(at: int, shot: Shot, parents: Mapping[str, Shot], defaults: Defaults, batch: str) -> Iterator[Fault]:
    if shot.promote is not None and shot.space(batch).count != parents[shot.promote].space(batch).count:
        told = f"{shot.promote} has {parents[shot.promote].space(batch).count:,} takes, and this shot other ones"
        yield Fault(("shots", at, "promote"), told)
    space = shot.space(batch)
    if shot.for_each is not None and (shot.sample is not None or len(space.terms) > 1):
        key = "sample" if shot.sample is not None else "combine"
        told = f"what is rendered for each take of {shot.for_each} can't be "
        yield Fault(
            ("shots", at, key), told + ("a sample; sample there" if key == "sample" else "a union; take + away")
        )
    for each in written_links(defaults, shot):
        loc, link = _whole(at, each.loc), each.link
        if link.medium != MEDIA[each.field]:
            file = {"image": "last_frame", "video": "video"}.get(MEDIA[each.field])
            hint = f"; write {link.shot}.{file}" if file else f", and a take brings no {MEDIA[each.field]}"
            article = "a" if link.medium == "video" else "an"
            yield Fault(
                loc, f"{link.shot}.{link.file} is {article} {link.medium}, and this is for {MEDIA[each.field]}{hint}"
            )
        elif link.shot == shot.for_each:
            if link.where:
                yield Fault(loc, f"for_each goes through {link.shot} already; write {link.shot}.{link.file}")
        else:
            for message in pairing_faults(link, space, parents[link.shot].space(batch)):
                yield Fault(loc, message)
