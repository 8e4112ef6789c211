"""How the fields of a take go together at a provider.

It depends on which fields are set, and that is the same for every take of a shot, since an axis always sets its field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from jobs.capabilities import Capabilities
from jobs.checks.choices import Choices, Chosen
from jobs.checks.values import allowed_by
from jobs.faults import Loc, choice
from jobs.fields.readers import REFERENCES
from jobs.takes.mode import Mode, mode_of


class Clash(NamedTuple):
    """What doesn't go together: where the blame lies, what is said of it, and the fields that are in it.

    A field alone is one that the provider doesn't have.
    """

    loc: Loc
    message: str
    fields: tuple[str, ...]


def clashes(loc: Loc, choices: Choices, table: Capabilities) -> Iterator[Clash]:
    """What doesn't go together. `loc` is the place of the shot, for what is nobody's fault alone."""
    mode = mode_of(choices)
    yield from _mode_clashes(mode, choices, table)
    for rule in table.rules:
        if rule.field not in table.modes.get(mode, ()):
            continue
        for chosen in choices.get(rule.field, ()):
            if rule.values is not None and chosen.value not in rule.values:
                continue
            this = rule.field if rule.values is None else f"{rule.field} {chosen.value}"
            if rule.needs and not any(field in choices for field in rule.needs):
                message = f"{this} needs {choice(rule.needs)} beside it at {table.provider}"
                yield Clash(chosen.loc, message, (rule.field, *rule.needs))
            for field in rule.forbids:
                if field in choices:
                    message = f"{this} can't go together with {field} at {table.provider}"
                    yield Clash(chosen.loc, message, (rule.field, field))
    files = sum(max(_length(each.value) for each in choices.get(field, [_NONE])) for field in REFERENCES)
    if "reference" in table.modes and files > table.references.total:
        most = table.references.total
        message = f"{files} references in one take; {most} is the most that {allowed_by(table, None)}"
        yield Clash(loc, message, tuple(field for field in REFERENCES if field in choices))


def _mode_clashes(mode: Mode, choices: Choices, table: Capabilities) -> Iterator[Clash]:
    """Fields that aren't taken in this mode, and models that don't have it."""
    makers = [field for field in choices if field in _MAKERS[mode]]
    for field, chosen in choices.items():
        if field in table.modes.get(mode, ()) or field in _OF_EVERY_MODE:
            continue
        first = chosen[0].loc
        if not table.takes(field):
            yield Clash(first, f"{table.provider} has no {_SAID.get(field, field)}", (field,))
        elif not makers:
            yield Clash(first, f"{table.provider} doesn't take {field} with a prompt alone; take it away", (field, ""))
        else:
            yield _apart(field, makers[0], choices, table)
    for _, name in choices.get("model", ()):
        model = table.models.get(str(name))
        if model is not None and mode not in model.endpoints and makers:
            message = f"{name} at {table.provider} takes no {makers[0]}"
            yield Clash(choices[makers[0]][0].loc, message, ("model", makers[0]))


def _apart(field: str, other: str, choices: Choices, table: Capabilities) -> Clash:
    """Two fields that exclude each other. The one that is written in the shot bears the blame."""
    if choices[field][0].loc[0] == "defaults":
        field, other = other, field
    loc = choices[field][0].loc
    from_defaults = ", which the defaults set," if choices[other][0].loc[0] == "defaults" else ""
    message = f"{field} can't go together with {other}{from_defaults} at {table.provider}; keep one"
    return Clash(loc, message, (field, other))


def _length(value: object) -> int:
    return len(value) if isinstance(value, tuple) else 0


_NONE = Chosen((), ())
_MAKERS: Mapping[Mode, tuple[str, ...]] = {
    "text": (),
    "image": ("start_image", "end_image"),
    "reference": REFERENCES,
}
_OF_EVERY_MODE = ("model", "provider_options")
_SAID = {"return_last_frame": "last frame of its own to give"}
