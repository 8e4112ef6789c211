"""What a provider takes of files: each by itself, and all those of one take together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from jobs.capabilities.table import Between, Files, InputLimits
from jobs.faults import choice
from jobs.fields.references import Medium
from jobs.inputs.inspection import LocalInput


def file_messages(found: LocalInput, limits: InputLimits, provider: str) -> Iterator[str]:
    """What is wrong with one file by itself. Each message begins after the file's name."""
    yield from kind_messages(found, limits, provider)
    width, height = found.width, found.height
    if width and height:
        size = f"is {width}x{height} pixels large"
        for side in dict.fromkeys((width, height)):
            yield from _outside(side, limits.sides, size, "pixels of width or height", provider)
        yield from _outside(width * height, limits.pixels, size, "pixels in all", provider)
        shape = limits.shape
        if shape is not None and not shape.above < width / height < shape.below:
            ends = f"must lie between {shape.above:g} and {shape.below:g}"
            yield f"{size}: width by height is {width / height:.3g}, which {ends} at {provider}"
    if found.seconds is not None:
        yield from _outside(found.seconds, limits.seconds, f"is {found.seconds:.3g} s long", "seconds", provider)
    if found.frame_rate is not None:
        told = f"has {found.frame_rate:.4g} frames a second"
        # A rate is a quotient: 30000/1001 and what a rounded duration makes of 24 are told apart by no provider.
        yield from _outside(round(found.frame_rate, 1), limits.frame_rate, told, "frames a second", provider)


def kind_messages(found: LocalInput, limits: Files, provider: str) -> Iterator[str]:
    """What is wrong with one file's format and its length in bytes."""
    if limits.types and found.format.name not in limits.types:
        yield f"is {found.format.name.upper()}, and {provider} takes {choice(limits.types)}"
    if limits.most_bytes is not None and found.bytes > limits.most_bytes:
        yield f"has {found.bytes:,} bytes; {limits.most_bytes:,} is the most that {provider} allows"


def joint_messages(
    medium: Medium, options: Iterable[Sequence[Sequence[LocalInput | None]]], limits: InputLimits, provider: str
) -> Iterator[str]:
    """What is wrong with the files of one medium in one take together.

    `options` holds, for each field, what a take may have in it; None is a file that isn't ours, of which nothing is
    known. Each option of a field goes with each of the others, so the sums of the largest and of the smallest occur.
    """
    fields = [list(each) for each in options if each]
    if not fields:
        return
    most_bytes = sum(max(sum(one.bytes for one in given if one) for given in field) for field in fields)
    if limits.total_bytes is not None and most_bytes > limits.total_bytes:
        told = f"{most_bytes:,} bytes of {medium} in one take"
        yield f"{told}; {limits.total_bytes:,} is the most that {provider} allows"
    total = limits.total_seconds
    longest = sum(max(_seconds(given) for given in field) for field in fields)
    if total.most is not None and longest > total.most:
        yield f"{longest:.3g} s of {medium} in one take; {total.most:g} s is the most that {provider} allows"
    shortest = sum(min(_seconds(given) for given in field) for field in fields)
    known = all(one is not None and one.seconds is not None for field in fields for given in field for one in given)
    if total.least is not None and known and shortest < total.least:
        yield f"{shortest:.3g} s of {medium} in one take; {total.least:g} s is the least that {provider} takes"


def _seconds(given: Sequence[LocalInput | None]) -> float:
    return sum(one.seconds for one in given if one is not None and one.seconds is not None)


def _outside(value: float, bounds: Between, told: str, unit: str, provider: str) -> Iterator[str]:
    if bounds.least is not None and value < bounds.least:
        yield f"{told}; {bounds.least:,g} {unit} is the least that {provider} takes"
    elif bounds.most is not None and value > bounds.most:
        yield f"{told}; {bounds.most:,g} {unit} is the most that {provider} takes"
