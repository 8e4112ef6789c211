"""Wildcards as axes of a sweep: each in the prompt is an axis of its own, named by its file or its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from fractions import Fraction
from typing import Any

from jobs.faults import Fault, Faults, shown
from jobs.fields.templates import Template, TemplateError
from jobs.sweeps.keys import VALUE, WEIGHT
from jobs.sweeps.reading import HEAVIEST
from jobs.wildcards.files import WildcardFiles
from jobs.wildcards.grammar import Choice, FileWildcard, Literal, WildcardError, parse
from jobs.wildcards.laying_out import LayingOut, Values

_SIGNS = re.compile(r"\||::|\$\$|__")
"""What every wildcard has one of."""


def has_wildcards(text: object) -> bool:
    """Whether `text` has a wildcard in it, or what looks like one and isn't right."""
    if not isinstance(text, str) or _SIGNS.search(text) is None:
        return False
    try:
        return any(not isinstance(part, Literal) for part in parse(text))
    except WildcardError:
        return True


def without_wildcards(shot: Mapping[str, Any], files: WildcardFiles, taken: Container[str]) -> dict[str, Any]:
    """The `shot` as it is written, with axes in place of the wildcards of its prompt.

    Those in a swept prompt are laid out there. Weights say what a sample holds more of; without a sample all is
    rendered, and they say nothing. `taken` are names that no axis may get. Raises `Faults`.
    """
    found = dict(shot)
    sweep = dict(found["sweep"]) if isinstance(found.get("sweep"), Mapping) else {}
    prompts = sweep.get("prompt")
    if isinstance(prompts, list | tuple) and any(has_wildcards(_text_of(each)) for each in prompts):
        found["sweep"] = {**sweep, "prompt": _swept(prompts, files, weigh="sample" in found)}
    if not has_wildcards(found.get("prompt")):
        return found
    if not isinstance(found.get("sweep", {}), Mapping):
        return found  # it is wrong, and what is said of that is enough
    try:
        prompt, axes = _axes(found["prompt"], files, taken, sweep, weigh="sample" in found)
    except WildcardError as error:
        raise Faults([Fault(("prompt",), str(error))]) from None
    found["prompt"] = prompt
    found["sweep"] = {**sweep, **axes}
    if isinstance(found.get("combine"), str):
        # What is written of the other axes holds, and each wildcard goes with each of their cells.
        found["combine"] = " * ".join([f"({found['combine']})", *axes])
    return found


def _axes(
    text: str, files: WildcardFiles, taken: Container[str], sweep: Mapping[str, Any], *, weigh: bool
) -> tuple[str, dict[str, list[Any]]]:
    written = ""
    axes: dict[str, list[Any]] = {}
    for part in parse(text):
        if isinstance(part, Literal):
            written += part.text
            continue
        laying = LayingOut(files)
        values = {_plain(each): weight for each, weight in laying.values((part,)).items()}
        name = _name(part, lambda each: each in taken or each in sweep or each in axes or f"{{{each}}}" in text)
        axes[name] = _entries(values, weighed=weigh and laying.weighed)
        written += f"{{{name}}}"
    return written, axes


def _swept(prompts: list[Any] | tuple[Any, ...], files: WildcardFiles, *, weigh: bool) -> list[Any]:
    found: list[Any] = []
    faults = []
    for at, each in enumerate(prompts):
        text = _text_of(each)
        if not has_wildcards(text):
            found.append(each)
            continue
        if isinstance(each, Mapping) and VALUE not in each:
            faults.append(Fault(("sweep", "prompt", at), "wildcards in a row aren't taken; sweep over prompt alone"))
            continue
        laying = LayingOut(files)
        try:
            values = laying.values(parse(str(text)))
        except WildcardError as error:
            faults.append(Fault(("sweep", "prompt", at), str(error)))
            continue
        if isinstance(each, Mapping) and isinstance(each.get(WEIGHT), int | float):
            whole = sum(values.values())
            weight = Fraction(str(each[WEIGHT]))
            found += _entries({text: weight * share / whole for text, share in values.items()}, weighed=True)
        else:
            found += _entries(values, weighed=weigh and laying.weighed)
    if faults:
        raise Faults(faults)
    return found


def _text_of(entry: object) -> object:
    return entry.get(VALUE, entry.get("prompt")) if isinstance(entry, Mapping) else entry


def _plain(text: str) -> str:
    """What a wildcard says as the value of an axis, which isn't looked through for variables any more."""
    try:
        pieces = Template.parse(text).pieces
    except TemplateError as error:
        raise WildcardError(str(error)) from None
    if len(pieces) > 1:
        raise WildcardError(
            f"{shown(text)}: the variable {{{pieces[1]}}} can't stand within a wildcard; sweep over prompt, with the "
            "whole of each, or make the wildcard's options an axis"
        )
    return pieces[0]


def _name(part: Choice | FileWildcard, is_taken: Callable[[str], bool]) -> str:
    base = "choice"
    if isinstance(part, FileWildcard):
        base = re.sub(r"\W+", "_", part.path.removesuffix(".txt")).strip("_")
        base = base if base.isidentifier() else "wildcard"
    name, number = base, 1
    while is_taken(name):
        number += 1
        name = f"{base}_{number}"
    return name


def _entries(values: Values, *, weighed: bool) -> list[Any]:
    if not weighed or len(set(values.values())) == 1:
        return list(values)
    # Weights have six decimals; what is rarer than that is as rare as can be written.
    most = max(values.values())
    scale = Fraction(HEAVIEST) / most if most > HEAVIEST else Fraction(1)
    return [{VALUE: text, WEIGHT: max(round(float(each * scale), 6), 0.000001)} for text, each in values.items()]
