"""The root of every error that Rushes raises on purpose, and the errors of `jobs`.

    RushesError
    ├── FileError            a file that a person wrote is not right as it is; holds every problem found
    │   ├── ManifestError    the manifest can't be rendered as it is written
    │   └── PricesError      the user's own table of prices can't be read
    └── ...                  workers/errors.py goes on from here

A `RushesError` is a message for a person: it names the place, the value, and what to do next. Anything
else that reaches the command is a defect in Rushes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar


class RushesError(Exception):
    """Something a person can act on. `str(error)` is the whole message; `exit_code` is the command's."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a manifest.

    `place` is a path as the person would write it (`shots[2].duration`), empty for the file as a whole.
    `line` is the 1-based line in the file, when it is known; `file` is which one, where it isn't the manifest itself.
    """

    place: str
    message: str
    line: int | None = None
    file: str | None = None

    def __str__(self) -> str:
        told = self.told_line()
        where = f"{told}: " if told else ""
        return f"{where}{self.place}: {self.message}" if self.place else f"{where}{self.message}"

    def told_line(self) -> str:
        """The file and the line, as far as there is something to say."""
        line = "" if self.line is None else f"line {self.line}"
        return ", ".join(part for part in (self.file, line) if part)


PLACES_SHOWN = 4
"""How many places a message names of one problem that is in many."""

PROBLEMS_SHOWN = 100
"""How many different problems a message tells."""


class FileError(RushesError):
    """A file that a person wrote is not right as it is. `problems` holds everything found, in file order.

    The message tells a problem that is in many places once, with the first of them.
    """

    exit_code = 2

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{source}: {count} problem{'' if count == 1 else 's'}"
        super().__init__("\n".join([head, *(f"  {line}" for line in _told(self.problems))]))


class ManifestError(FileError):
    """The manifest can't be rendered as it is written."""


class PricesError(FileError):
    """The user's own table of prices can't be read."""


def _told(problems: Iterable[Problem]) -> Iterator[str]:
    """The problems line by line, those that say the same put together."""
    same: dict[str, list[Problem]] = {}
    for problem in problems:
        # What is wrong with the file as a whole is wrong at each of its lines for itself.
        same.setdefault(problem.message if problem.place else str(problem), []).append(problem)
    for first, *more in islice(same.values(), PROBLEMS_SHOWN):
        if not more:
            yield str(first)
            continue
        also = [_place(problem) for problem in more[: PLACES_SHOWN - 1]]
        rest = len(more) - len(also)
        yield f"{first}; also at {', '.join(also)}{f' and {rest:,} more' if rest else ''}"
    if len(same) > PROBLEMS_SHOWN:
        yield f"and {len(same) - PROBLEMS_SHOWN:,} more, of other kinds"


def _place(problem: Problem) -> str:
    told = problem.told_line()
    return f"{problem.place} ({told})" if told else problem.place
