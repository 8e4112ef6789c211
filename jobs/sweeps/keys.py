"""What one key of a sweep stands for: one axis, or rows of several variables, which go through their rows at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from jobs.sweeps.axes import Axis, Listed, Written, read_range
from jobs.takes import AxisValue

VALUE, WEIGHT = "value", "weight"
"""What stands beside each other in a value with a weight: `{value: dawn, weight: 3}`."""


@dataclass(frozen=True, slots=True)
class Key:
    """The axes of one key by the name that they set, all of `count` values. `weights` are whole numbers, or None."""

    columns: Mapping[str, Axis]
    count: int
    weights: tuple[int, ...] | None = None


def key(name: str, written: Written) -> Key:
    """What `written` under `name` stands for. Raises ValueError for text that is not a range."""
    if isinstance(written, str):
        found = read_range(written)
        return Key({name: found}, found.count)
    if not any(isinstance(each, Mapping) for each in written):
        plain = Listed(tuple(each for each in written if not isinstance(each, Mapping)))
        return Key({name: plain}, plain.count)
    rows = [each if isinstance(each, Mapping) else {VALUE: each} for each in written]
    weights = _whole([row.get(WEIGHT, 1) for row in rows]) if any(WEIGHT in row for row in rows) else None
    if all(VALUE in row for row in rows):
        return Key({name: Listed(tuple(row[VALUE] for row in rows))}, len(rows), weights)
    columns = dict.fromkeys(column for row in rows for column in row if column != WEIGHT)
    return Key({each: Listed(tuple(row[each] for row in rows), (each,)) for each in columns}, len(rows), weights)


def count_of(written: Written) -> int:
    """How many values `written` has, its axes left unmade. Raises ValueError for text that is not a range."""
    return read_range(written).count if isinstance(written, str) else len(written)


def columns_of(name: str, written: Written) -> list[str]:
    """The names that `written` under `name` sets, its axes left unmade."""
    first = written[0] if not isinstance(written, str) and written else None
    if not isinstance(first, Mapping) or VALUE in first:
        return [name]
    return [column for column in first if column != WEIGHT]


def _whole(weights: Sequence[AxisValue]) -> tuple[int, ...] | None:
    """The weights as the smallest whole numbers with the same ratios; None when all are the same."""
    exact = [Fraction(str(each)) for each in weights]
    scale = math.lcm(*(each.denominator for each in exact))
    numbers = [int(each * scale) for each in exact]
    shared = math.gcd(*numbers)
    return None if len(set(numbers)) == 1 else tuple(each // shared for each in numbers)
