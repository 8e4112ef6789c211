"""The root of every error that Rushes raises on purpose, and the errors of `jobs`.

    RushesError
    ├── ManifestError        the manifest can't be rendered as it is written; holds every problem found
    └── ...                  workers/errors.py goes on from here

A `RushesError` is a message for a person: it names the place, the value, and what to do next. Anything
else that reaches the command is a defect in Rushes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


class RushesError(Exception):
    """Something a person can act on. `str(error)` is the whole message; `exit_code` is the command's."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a manifest.

    `place` is a path as the person would write it (`shots[2].duration`), empty for the file as a whole.
    `line` is the 1-based line in the file, when it is known.
    """

    place: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        return f"{where}{self.place}: {self.message}" if self.place else f"{where}{self.message}"


class ManifestError(RushesError):
    """The manifest can't be rendered as it is written. `problems` holds everything found, in file order."""

    exit_code = 2

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{source}: {count} problem{'' if count == 1 else 's'}"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))
