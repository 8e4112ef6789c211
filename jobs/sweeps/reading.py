"""Reading what a shot says of its sweep: axes, rules, and which of its cells are taken."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from jobs.faults import Fault, Faults, choice, did_you_mean, shown
from jobs.fields.readers import NUMBERS, READERS, UNSWEPT
from jobs.fields.templates import as_text
from jobs.sweeps import combining
from jobs.sweeps.axes import Entry, Written, read_range
from jobs.sweeps.keys import VALUE, WEIGHT
from jobs.takes import AxisValue

Rule = dict[str, tuple[AxisValue, ...]]
"""A partial cell: for some names the values (or ranges) that match."""

MOST_AXES = 200
"""How many keys a sweep may have. Forty of two values each are more takes than a batch may have."""

MOST_RULES = 200
"""How many rules `include` and `exclude` may each hold."""

MOST_REPEATS = 1_000_000
HEAVIEST = 1_000_000
LONGEST_SEED = 200


def read_axis(name: str, written: object, *, repeats: bool = False) -> Written:
    """What a manifest holds under `name` of its sweep, its values read and checked.

    An axis that bears the name of a field holds values of that field; any other is a variable of the prompt,
    whose values are text. `repeats` says whether a value may stand there twice. Raises `Faults`, with all that is
    wrong.
    """
    if not name.isidentifier():
        raise Faults([Fault((), f"{shown(name)} can't be an axis: use letters, digits and _")])
    if name in UNSWEPT:
        raise Faults([Fault((), f"{name} can't be swept; set it for the shot")])
    if isinstance(written, str):
        return _read_range(name, written)
    if name not in READERS and isinstance(written, list | tuple) and {type(each) for each in written} == {str}:
        # Words for a variable are taken as they are, and most axes of a long list are that.
        words = tuple(written)
        if repeats or len(set(words)) == len(words):
            return words
    if isinstance(written, Mapping):
        ways = "{lines: FILE}, {csv: FILE} or {files: FOLDER/*.png}"
        raise Faults([Fault((), f"{shown(written)} is a mapping; an axis is a list, a range, or {ways}")])
    if not isinstance(written, list | tuple):
        raise Faults([Fault((), f"{shown(written)} is one value; an axis is a list ([a, b]) or a range (1..8)")])
    if not written:
        raise Faults([Fault((), "the axis has no values, and so the shot would have no takes")])
    faults = [fault for at, each in enumerate(written) for fault in _entry_faults(name, at, each)]
    if not faults:
        faults = [*_mixed(name, written)]
    if not repeats:
        faults += _repeats(written)
    if faults:
        raise Faults(sorted(faults, key=lambda fault: int(fault.loc[0])))
    return tuple(_read_entry(name, each) for each in written)


def read_sweep(written: object, combine: object = None) -> dict[str, Written]:
    """A whole sweep as the manifest holds it, read and checked. Raises `Faults`, with all that is wrong.

    A value may stand twice in an axis that `combine` goes through together with another.
    """
    if not isinstance(written, Mapping):
        raise Faults([Fault((), f"{shown(written)} is not a mapping; write each axis as  name: [values]")])
    if len(written) > MOST_AXES:
        raise Faults([Fault((), f"{len(written):,} axes are too many; {MOST_AXES} is the most")])
    faults: list[Fault] = []
    read: dict[str, Written] = {}
    repeating = gone_through_together(combine)
    for name, values in written.items():
        try:
            read[name] = read_axis(name, values, repeats=name in repeating)
        except Faults as found:
            faults += (Fault((name, *fault.loc), fault.message) for fault in found.faults)
    if faults:
        raise Faults(faults)
    return read


def read_combine(written: object) -> str:
    """How the axes are put together, as it is written. Raises ValueError."""
    if not isinstance(written, str):
        raise ValueError(f"{shown(written)} doesn't say how axes go together; write it as (place, light) * seed")
    combining.parse(written)
    return " ".join(written.split())


def read_rules(written: object) -> tuple[Rule, ...]:
    """Partial cells, as `include` and `exclude` hold them. Raises `Faults`."""
    if not isinstance(written, list | tuple):
        raise Faults([Fault((), "this is a list of partial takes; write  - {place: wheat, light: dusk}")])
    if len(written) > MOST_RULES:
        raise Faults([Fault((), f"{len(written):,} rules are too many; {MOST_RULES} is the most")])
    faults: list[Fault] = []
    rules: list[Rule] = []
    for at, rule in enumerate(written):
        if not isinstance(rule, Mapping) or not rule:
            faults.append(Fault((at,), f"{shown(rule)} is no partial take; write  {{place: wheat, light: dusk}}"))
            continue
        read: Rule = {}
        for name, values in rule.items():
            listed = values if isinstance(values, list | tuple) else (values,)
            wrong = [each for each in listed if not isinstance(each, str | int | float)]
            if wrong or not listed:
                faults.append(Fault((at, name), f"{shown(values)} is neither a value, nor a list of them, nor a range"))
            read[str(name)] = tuple(listed)
        rules.append(read)
    if faults:
        raise Faults(faults)
    return tuple(rules)


def read_sample(written: object) -> dict[str, AxisValue]:
    """How many cells are taken, and how: `12`, or `{n: 12, how: spread, seed: 3}`. Raises `Faults`."""
    if not isinstance(written, Mapping):
        return {"n": _count(written, "cells")}
    read: dict[str, AxisValue] = {}
    faults = []
    for name, value in written.items():
        reader = _OF_A_SAMPLE.get(name)
        if reader is None:
            hint = did_you_mean(str(name), _OF_A_SAMPLE) or f"; it has {choice(_OF_A_SAMPLE)}"
            faults.append(Fault((name,), f"unknown key {shown(name)}{hint}"))
            continue
        try:
            read[name] = reader(value)
        except ValueError as error:
            faults.append(Fault((name,), str(error)))
    if "n" not in written and not faults:
        faults.append(Fault((), "missing: how many cells are taken; write  {n: 12}"))
    if faults:
        raise Faults(faults)
    if read.get("how") == "random":
        del read["how"]
    return {name: read[name] for name in _OF_A_SAMPLE if name in read}


def read_takes(written: object) -> dict[str, AxisValue]:
    """How many seeds are dealt to each cell: `4`, or `{n: 4, seed: night-1}`. Raises `Faults`."""
    if isinstance(written, Mapping) and "how" in written:
        raise Faults([Fault(("how",), "takes deals seeds in one way only; take it away")])
    read = read_sample(written)
    if int(read["n"]) > MOST_REPEATS:
        raise Faults(
            [Fault((), f"{shown(read['n'])} is more than {MOST_REPEATS:,}, the most; sweep over seed instead")]
        )
    return read


def read_repeat(written: object) -> int | None:
    """How often each cell is rendered; None for once. Raises ValueError."""
    number = _count(written, "times")
    if number > MOST_REPEATS:
        raise ValueError(f"{number:,} is more than {MOST_REPEATS:,}, the most")
    return None if number == 1 else number


def read_seed(written: object) -> str | int:
    """What a choice is made by, in place of the batch's name. Raises ValueError."""
    if isinstance(written, bool) or not isinstance(written, str | int) or not 0 < len(str(written)) <= LONGEST_SEED:
        raise ValueError(f"{shown(written)} is no seed; give a whole number or a word")
    return written


def _count(written: object, of: str) -> int:
    if isinstance(written, bool) or not isinstance(written, int) or written < 1:
        raise ValueError(f"{shown(written)} is not a number of {of}; give 1 or more")
    return written


def _how(written: object) -> str:
    if written not in ("random", "spread"):
        raise ValueError(f"{shown(written)} is no way to take a sample; give random or spread")
    return str(written)


_OF_A_SAMPLE: Mapping[str, Callable[[object], AxisValue]] = {
    "n": lambda written: _count(written, "cells"),
    "how": _how,
    "seed": read_seed,
}


def _read_range(name: str, written: str) -> str:
    try:
        found = read_range(written)
    except ValueError as error:
        raise Faults([Fault((), str(error))]) from None
    if name in READERS and name not in NUMBERS:
        raise Faults([Fault((), f"{shown(written)} gives numbers, and {name} takes none; write a list")])
    if name in READERS and found.digits:
        raise Faults([Fault((), f"{shown(written)} gives decimals, and {name} takes whole numbers")])
    return cast(str, found.written())


def _read_entry(name: str, entry: object) -> Entry:
    if not isinstance(entry, Mapping):
        return _read_value(name, entry)
    return {
        column: value if column == WEIGHT else _read_value(name if column == VALUE else column, value)
        for column, value in entry.items()
    }


def _read_value(name: str, value: object) -> AxisValue:
    reader = READERS.get(name)
    return cast(AxisValue, value) if reader is None else reader(value)


def _entry_faults(name: str, at: int, entry: object) -> Iterator[Fault]:
    if not isinstance(entry, Mapping):
        yield from _value_faults(name, (at,), entry)
        return
    columns = [column for column in entry if column != WEIGHT]
    if not columns or (VALUE in columns and len(columns) > 1):
        yield Fault((at,), "a value with a weight is  {value: dawn, weight: 3};  a row has a value for every variable")
        return
    for column in columns:
        if column == VALUE:
            yield from _value_faults(name, (at, column), entry[column])
        elif not isinstance(column, str) or not column.isidentifier():
            yield Fault((at,), f"{shown(column)} can't be a variable: use letters, digits and _")
        elif column in UNSWEPT:
            yield Fault((at, column), f"{column} can't be swept; set it for the shot")
        else:
            yield from _value_faults(column, (at, column), entry[column])
    weight = entry.get(WEIGHT, 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= HEAVIEST:
        message = f"{shown(weight)} is no weight; give a number above 0, up to {HEAVIEST:,}, or take the value away"
        yield Fault((at, WEIGHT), message)
    elif isinstance(weight, float) and round(weight, 6) != weight:
        yield Fault((at, WEIGHT), f"{shown(weight)} has more than 6 decimals")


def _value_faults(name: str, loc: tuple[str | int, ...], value: object) -> Iterator[Fault]:
    reader = READERS.get(name)
    if isinstance(value, list | tuple | Mapping):
        yield Fault(loc, "an axis holds single values, no lists and no mappings")
    elif not isinstance(value, str | int | float):
        yield Fault(loc, f"{shown(value)} is not a value that an axis can hold")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Fault(loc, f"{shown(value)} is not a number to render with; put quotes around it if it is text")
    elif reader is not None:
        try:
            reader(value)
        except ValueError as error:
            yield Fault(loc, str(error))


def _mixed(name: str, written: Sequence[object]) -> Iterator[Fault]:
    """Entries that don't set what the first one sets."""
    expected = _sets(written[0])
    for at, entry in enumerate(written):
        if _sets(entry) != expected:
            told = [
                choice(sorted(each)) if each != {VALUE} else f"one value of {name}" for each in (_sets(entry), expected)
            ]
            yield Fault((at,), f"this sets {told[0]}, and the first one here sets {told[1]}; every row sets the same")


def _sets(entry: object) -> set[str]:
    return {str(column) for column in entry if column != WEIGHT} if isinstance(entry, Mapping) else {VALUE}


def _repeats(values: Sequence[object]) -> Iterator[Fault]:
    """A value twice would be the same take twice, paid for twice."""
    first: dict[tuple[tuple[str, str], ...], int] = {}
    for at, entry in enumerate(values):
        row = entry if isinstance(entry, Mapping) else {VALUE: entry}
        cells = {str(name): value for name, value in row.items() if name != WEIGHT}
        if not all(isinstance(value, str | int | float) for value in cells.values()):
            continue
        text = tuple(sorted((name, as_text(cast(AxisValue, value))) for name, value in cells.items()))
        if text in first:
            what = shown(cells[VALUE]) if set(cells) == {VALUE} else "this row"
            yield Fault((at,), f"{what} stands in this axis already, at [{first[text]}]")
        else:
            first[text] = at


def gone_through_together(combine: object) -> set[str]:
    """The axes that `combine` never goes through but together with others. What can't be followed names none."""
    if not isinstance(combine, str):
        return set()
    try:
        terms = combining.parse(combine)
    except combining.CombineError:
        return set()
    joined = [(set(combining.names_of(term)), set(combining.together(term))) for term in terms]
    return {name for _, names in joined for name in names if all(name in there for of, there in joined if name in of)}
