"""Prompt templates: `A dog in {place}`, with `{{` and `}}` for the braces themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.faults import shown
from jobs.takes import AxisValue

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class TemplateError(ValueError):
    """A prompt's braces don't add up. The message says which and what to write instead."""


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt, taken apart. `pieces` has literal text at the even places and variables at the odd ones."""

    pieces: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Take `text` apart. Raises `TemplateError`."""
        pieces: list[str] = []
        literal: list[str] = []
        end = 0
        for token in _TOKEN.finditer(text):
            literal.append(text[end : token.start()])
            end = token.end()
            name = token[1]
            if name is not None:
                if not name.isidentifier():
                    raise TemplateError(_not_a_variable(name))
                pieces += ["".join(literal), name]
                literal = []
            elif token[0] in ("{{", "}}"):
                literal.append(token[0][0])
            else:
                raise TemplateError(
                    f"the {token[0]!r} at character {token.start() + 1} has no partner; "
                    f"write {token[0] * 2!r} for the brace itself"
                )
        literal.append(text[end:])
        return cls((*pieces, "".join(literal)))

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables, each once, in the order in which they first appear."""
        return tuple(dict.fromkeys(self.pieces[1::2]))

    def fill(self, values: Mapping[str, AxisValue]) -> str:
        """The prompt with `values` in place of its variables. Braces in a value are left as they are.

        Raises KeyError for a variable that has no value.
        """
        filled = list(self.pieces)
        for at in range(1, len(filled), 2):
            filled[at] = as_text(values[filled[at]])
        return "".join(filled)


def as_text(value: AxisValue) -> str:
    """A value as it stands in a prompt. Booleans are spelled as in YAML."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _not_a_variable(name: str) -> str:
    bare = name.strip()
    if bare != name and bare.isidentifier():
        return f"{{{name}}} has blanks in it; write {{{bare}}}"
    if not bare:
        return "empty braces name no variable; write {{}} for the braces themselves"
    return (
        f"{shown(name)} in braces is not a variable's name (letters, digits and _, not beginning with a "
        f"digit); write {{{{ and }}}} for the braces themselves"
    )
