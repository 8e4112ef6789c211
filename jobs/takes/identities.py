"""The identities of a strand's takes, without making the takes.

They are those of `jobs.takes.Asked.identity`, letter for letter; what all takes of a strand have alike is put into
words once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring

from jobs.fields.readers import READERS, REFERENCES
from jobs.fields.templates import Template, as_text
from jobs.takes import Asked, AxisValue, canonical

MOST_PROMPTS = 256
"""How many prompts of an axis are kept taken apart."""


class Identities:
    """`base` is what all takes ask alike, its prompt aside; `template` the prompt, or None where the sweep gives it."""

    def __init__(self, base: Asked, template: Template | None) -> None:
        self._base = base.asked()
        self._template = None if template is None else _pieces(template)
        self._pieces_of: Callable[[str], tuple[str, ...]] = lru_cache(MOST_PROMPTS)(_pieces_of)
        self._forms: dict[tuple[str, ...], list[tuple[str, str]]] = {}

    def of(self, axes: Mapping[str, AxisValue]) -> str:
        """The identity of the take in which the sweep chose `axes`."""
        names = tuple(axes)
        form = self._forms.get(names)
        if form is None:
            form = self._forms[names] = self._form(names)
        parts = []
        for before, name in form:
            parts.append(before)
            if name == "prompt":
                parts.append(self._prompt(axes))
            elif name in REFERENCES:
                parts.append(f"[{_json(axes[name])}]")
            elif name:
                parts.append(_json(axes[name]))
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    def _form(self, names: tuple[str, ...]) -> list[tuple[str, str]]:
        """The fields in their order: what stands before each that differs, and its name; at last, what closes."""
        differing = {"prompt", *(name for name in names if name in READERS)}
        form, before = [], "{"
        for name in sorted(self._base.keys() | differing):
            before += f"{encode_basestring(name)}:"
            if name in differing:
                form.append((before, name))
                before = ","
            else:
                before += f"{canonical(self._base[name])},"
        return [*form, (f"{before.removesuffix(',')}}}", "")]

    def _prompt(self, axes: Mapping[str, AxisValue]) -> str:
        pieces = self._template or self._pieces_of(str(axes["prompt"]))
        if len(pieces) == 1:
            return f'"{pieces[0]}"'
        filled = list(pieces)
        for at in range(1, len(filled), 2):
            filled[at] = encode_basestring(as_text(axes[filled[at]]))[1:-1]
        return f'"{"".join(filled)}"'


def _pieces_of(prompt: str) -> tuple[str, ...]:
    return _pieces(Template.parse(prompt))


def _pieces(template: Template) -> tuple[str, ...]:
    """As `Template.pieces`, the literal text as JSON has it: each letter of it by itself, so it may be put together."""
    return tuple(piece if at % 2 else encode_basestring(piece)[1:-1] for at, piece in enumerate(template.pieces))


def _json(value: AxisValue) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__repr__(value)
    return canonical(value)
