"""Looks: named presets of style that shots apply, with `look: noir` or a list, or sweep over.

They are applied when the manifest is read, so what is frozen has none: a look that is renamed moves no take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.faults import Fault, Faults, choice, did_you_mean, shown
from jobs.sweeps.keys import VALUE, WEIGHT

MOST_LOOKS = 1_000
LONGEST = 100_000
"""How many characters a look may put around a prompt."""

WHOLE, BEFORE, AFTER = "prompt", "prompt_prefix", "prompt_suffix"
_PROMPT = "{prompt}"


@dataclass(frozen=True, slots=True)
class Look:
    """What a look sets, and what it puts around the prompt."""

    fields: Mapping[str, Any]
    before: str = ""
    after: str = ""

    def around(self, prompt: str) -> str:
        return f"{self.before}{prompt}{self.after}"


def read_looks(written: object, fields: Sequence[str]) -> dict[str, Look]:
    """The looks of a manifest, whose `fields` are those that a look may set. Raises `Faults`."""
    if not isinstance(written, Mapping):
        raise Faults([Fault((), f"{shown(written)} is not a mapping; write each look as  name: {{field: value}}")])
    if len(written) > MOST_LOOKS:
        raise Faults([Fault((), f"{len(written):,} looks are too many; {MOST_LOOKS:,} is the most")])
    faults: list[Fault] = []
    read: dict[str, Look] = {}
    for name, look in written.items():
        try:
            read[name] = _read(look, fields)
        except Faults as found:
            faults += (Fault((name, *fault.loc), fault.message) for fault in found.faults)
    if faults:
        raise Faults(faults)
    return read


def _read(written: object, fields: Sequence[str]) -> Look:
    if not isinstance(written, Mapping):
        raise Faults([Fault((), f"{shown(written)} is no look; write  {{prompt_suffix: in black and white}}")])
    faults = []
    known = (WHOLE, BEFORE, AFTER, *fields)
    for key, value in written.items():
        if key not in known:
            hint = did_you_mean(str(key), known) or f"; known here: {', '.join(known)}"
            faults.append(Fault((key,), f"unknown key {shown(key)}{hint}"))
        elif key in (WHOLE, BEFORE, AFTER) and (not isinstance(value, str) or len(value) > LONGEST):
            faults.append(Fault((key,), f"{shown(value)} is not text, or too long; {LONGEST:,} characters is the most"))
    whole = written.get(WHOLE, _PROMPT)
    if isinstance(whole, str) and whole.count(_PROMPT) != 1:
        faults.append(Fault((WHOLE,), f"{shown(whole)} needs {{prompt}} once, where the shot's prompt goes"))
    if faults:
        raise Faults(faults)
    before, after = whole.split(_PROMPT)
    prefix, suffix = str(written.get(BEFORE, "")).strip(), str(written.get(AFTER, "")).strip()
    if prefix:
        before = f"{before}{prefix} "
    if suffix:
        after = f"{'' if suffix[0] in ',.;:!?' else ' '}{suffix}{after}"
    return Look({key: value for key, value in written.items() if key in fields}, before, after)


def with_looks(shot: Mapping[str, Any], looks: Mapping[str, Look], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The `shot` as it is written, with its looks applied and none named any more.

    What the shot sets itself holds; of several looks the last one that sets a field; then the `defaults`. Prompts get
    the first look nearest to them. Raises `Faults`.
    """
    found = dict(shot)
    sweep = found.get("sweep")
    if "look" not in found and not (isinstance(sweep, Mapping) and "look" in sweep):
        return found
    named = found.pop("look", [])
    swept = sweep.get("look") if isinstance(sweep, Mapping) else None
    names = [named] if isinstance(named, str) else named
    if not isinstance(names, list | tuple):
        raise Faults([Fault(("look",), f"{shown(named)} names no look; write  look: NAME,  or a list of them")])
    chosen = [_look(name, looks, ("look",)) for name in names]
    fields: dict[str, Any] = {}
    for look in chosen:
        fields |= look.fields
        found = _around(found, look)
    sweep = found.get("sweep")
    setting = set(sweep) if isinstance(sweep, Mapping) else set()
    found = {**{name: value for name, value in fields.items() if name not in setting}, **found}
    if swept is not None and isinstance(sweep, Mapping):
        found = _swept(found, sweep, looks, defaults)
    return found


def _look(name: object, looks: Mapping[str, Look], loc: tuple[str | int, ...]) -> Look:
    if not isinstance(name, str) or name not in looks:
        known = f"; there are {choice(looks)}" if looks else "; the manifest has no looks"
        raise Faults([Fault(loc, f"no look is called {shown(name)}{did_you_mean(str(name), looks) or known}")])
    return looks[name]


def _around(shot: dict[str, Any], look: Look) -> dict[str, Any]:
    """The shot with the look's words around its prompt, and around each that is swept."""
    found = dict(shot)
    if isinstance(found.get("prompt"), str):
        found["prompt"] = look.around(found["prompt"])
    sweep = found.get("sweep")
    if isinstance(sweep, Mapping):
        found["sweep"] = {key: _around_all(key, values, look) for key, values in sweep.items()}
    return found


def _around_all(key: str, values: object, look: Look) -> object:
    if not isinstance(values, list | tuple):
        return values
    read: list[Any] = []
    for each in values:
        if isinstance(each, Mapping):
            name = "prompt" if VALUE not in each else VALUE if key == "prompt" else None
            told = each.get(name) if name is not None else None
            read.append({**each, name: look.around(told)} if isinstance(told, str) else each)
        else:
            read.append(look.around(each) if key == "prompt" and isinstance(each, str) else each)
    return read


def _swept(
    shot: dict[str, Any], sweep: Mapping[str, Any], looks: Mapping[str, Look], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """The shot with rows under `look`, each of which sets what that look sets; what one leaves out is as without it."""
    entries = sweep["look"]
    if not isinstance(entries, list | tuple) or not entries:
        raise Faults([Fault(("sweep", "look"), f"{shown(entries)} is no list of looks; write  look: [noir, bright]")])
    weighed = [each if isinstance(each, Mapping) else {VALUE: each} for each in entries]
    chosen = [_look(each.get(VALUE), looks, ("sweep", "look", at)) for at, each in enumerate(weighed)]
    columns = [name for name in dict.fromkeys(name for look in chosen for name in look.fields) if name not in shot]
    rows = []
    for at, look in enumerate(chosen):
        row: dict[str, Any] = {}
        for column, text in (("look_before", look.before), ("look_after", look.after)):
            if any(each.before if column == "look_before" else each.after for each in chosen):
                if "{" in text or "}" in text:
                    message = "a look that is swept can't have braces around the prompt; apply it with  look: NAME"
                    raise Faults([Fault(("sweep", "look", at), message)])
                row[column] = text
        for column in columns:
            if column not in look.fields and column not in defaults:
                message = (
                    f"it leaves {column} open, which another look of the axis sets; set it here or in the defaults"
                )
                raise Faults([Fault(("sweep", "look", at), message)])
            row[column] = look.fields.get(column, defaults.get(column))
        if not row:
            raise Faults([Fault(("sweep", "look"), "none of its looks does anything that the shot doesn't say itself")])
        rows.append({**row, WEIGHT: weighed[at][WEIGHT]} if WEIGHT in weighed[at] else row)
    shot = _with_rules(shot, dict(zip((each.get(VALUE) for each in weighed), rows, strict=True)))
    before = "{look_before}" if "look_before" in rows[0] else ""
    after = "{look_after}" if "look_after" in rows[0] else ""
    return _around({**shot, "sweep": {**sweep, "look": rows}}, Look({}, before, after))


def _with_rules(shot: dict[str, Any], rows: Mapping[Any, Mapping[str, Any]]) -> dict[str, Any]:
    """The shot with what `include` and `exclude` say of swept looks said of what these set. Raises `Faults`."""
    found = dict(shot)
    faults: list[Fault] = []
    for kind in ("include", "exclude"):
        rules = shot.get(kind)
        if not isinstance(rules, list | tuple):
            continue
        read: list[Any] = []
        # Further looks of a rule become rules at the end, so that the others keep their place.
        further: list[Any] = []
        for at, rule in enumerate(rules):
            if not isinstance(rule, Mapping) or "look" not in rule:
                read.append(rule)
                continue
            try:
                meant = _rules_of(rule, rows)
            except Faults as error:
                faults += (Fault((kind, at, *fault.loc), fault.message) for fault in error.faults)
                continue
            read.append(meant[0])
            further += meant[1:]
        found[kind] = [*read, *further]
    if faults:
        raise Faults(faults)
    return found


def _rules_of(rule: Mapping[str, Any], rows: Mapping[Any, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One rule for each look that `rule` names."""
    named = rule["look"]
    names = named if isinstance(named, list | tuple) else [named]
    rest = {key: value for key, value in rule.items() if key != "look"}
    if not names:
        raise Faults([Fault(("look",), f"{shown(named)} names no look; it has {choice(rows)}")])
    for name in names:
        if not isinstance(name, str) or name not in rows:
            hint = did_you_mean(str(name), rows) or f"; it has {choice(rows)}"
            raise Faults([Fault(("look",), f"the look {shown(name)} isn't swept here{hint}")])
        both = sorted(rest.keys() & rows[name].keys())
        if both:
            raise Faults([Fault((both[0],), f"the look {shown(name)} sets {both[0]} already; keep one of the two")])
    return [{**rest, **{key: value for key, value in rows[name].items() if key != WEIGHT}} for name in names]
