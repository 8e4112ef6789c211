"""A shot that promotes another one: the same takes, from the same prompts and seeds, rendered in another way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.faults import Fault

NOT_TAKEN_OVER = frozenset({"name", "pick", "promote", "price", "priority"})
"""What a shot says of itself alone."""

ITS_TAKES = ("sweep", "combine", "include", "exclude", "sample", "sample_seed", "takes", "repeat", "for_each")
"""What decides which takes a shot has."""


def promoted(shots: Sequence[Any]) -> tuple[list[Any], list[Fault]]:
    """The shots, as they are written, each that promotes another one with what it has from there; and what of that is
    wrong, by place.

    A shot that names one which isn't there, or itself by a detour, is left as it is: that is said elsewhere.
    """
    by_name = {shot["name"]: at for at, shot in enumerate(shots) if isinstance(shot, Mapping) and _text(shot, "name")}
    found: list[Any] = list(shots)
    faults: list[Fault] = []
    for at, shot in enumerate(shots):
        if not isinstance(shot, Mapping) or not _text(shot, "promote"):
            continue
        for key in ITS_TAKES:
            if key in shot:
                told = f"promote renders the takes of {shot['promote']} again, and so it has its {key} from there"
                faults.append(Fault(("shots", at, key), f"{told}; take this away"))
        found[at] = _whole(at, shots, by_name)
    return found, faults


def _whole(at: int, shots: Sequence[Any], by_name: Mapping[str, int]) -> Any:
    whole, seen = dict(shots[at]), {at}
    while True:
        source = by_name.get(shots[at]["promote"])
        if source is None or source in seen:
            return whole
        seen.add(source)
        for key, value in shots[source].items():
            if key not in NOT_TAKEN_OVER:
                whole.setdefault(key, value)
        if not _text(shots[source], "promote"):
            return whole
        at = source


def _text(shot: Mapping[Any, Any], key: str) -> bool:
    return isinstance(shot.get(key), str)
