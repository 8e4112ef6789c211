"""What is said of a manifest beside it, for once: `shots.opening.duration=8` sets a value, `seed=1..4` varies an axis.

Both are as if they had been written in the file, so all that is checked there is checked of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from jobs.errors import ManifestError, Problem
from jobs.faults import Loc, choice, did_you_mean, shown
from jobs.reading.document import Document, parse


class Override:
    """One value that is set, or one axis that is varied in every shot, as `option` says on the command line."""

    def __init__(self, option: str, written: str) -> None:
        """Raises `ManifestError` when `written` isn't  NAME=VALUE."""
        self.option, self.written = option, written
        self.source = f"{option} {written}"
        name, equals, self._value = written.partition("=")
        self._path = name.strip().split(".")
        self._varies = option == "--vary"
        if not equals or not all(self._path) or (self._varies and len(self._path) != 1):
            example = "seed=1..4" if self._varies else "shots.opening.duration=8"
            raise self._error(f"write it as  {option} {example}")

    def apply(self, document: Document, is_text: Callable[[Loc], bool]) -> None:
        """Write it into the document's data. Raises `ManifestError` when there is no such place."""
        top = document.data
        shots = top.get("shots")
        if not self._varies:
            self._set(top, self._path, (), is_text)
            return
        if not isinstance(shots, list):
            raise self._error("there are no shots here whose axis could be varied")
        axis = self._path[0]
        for at, shot in enumerate(shots):
            if isinstance(shot, dict):
                shot.pop(axis, None)
                sweep = shot.setdefault("sweep", {})
                if isinstance(sweep, dict):
                    sweep[axis] = self._read(("shots", at, "sweep", axis), is_text)

    def _set(self, within: Any, path: list[str], loc: Loc, is_text: Callable[[Loc], bool]) -> None:
        step, *rest = path
        if isinstance(within, list):
            names = [str(each.get("name")) if isinstance(each, dict) else "" for each in within]
            if step not in names:
                hint = did_you_mean(step, names) or f"; there are {choice(names[:10])}"
                raise self._error(f"no shot is called {shown(step)}{hint}")
            at = names.index(step)
            if not rest:
                raise self._error(f"say what of the shot is set, as  shots.{step}.duration=8")
            self._set(within[at], rest, (*loc, at), is_text)
        elif not isinstance(within, dict):
            raise self._error(f"nothing can be set within {shown(within)}")
        elif not rest:
            within[step] = self._read((*loc, step), is_text)
        elif step in within:
            self._set(within[step], rest, (*loc, step), is_text)
        elif step in ("defaults", "sweep", "looks", "provider_options"):
            within[step] = {}
            self._set(within[step], rest, (*loc, step), is_text)
        else:
            hint = did_you_mean(step, [*within, "defaults"]) or f"; there are {choice(within)}"
            raise self._error(f"{shown(step)} isn't there{hint}")

    def _read(self, loc: Loc, is_text: Callable[[Loc], bool]) -> Any:
        found = parse(self._value, self.source, as_written=lambda within: is_text((*loc, *within)))
        if found.problems:
            raise ManifestError(self.source, found.problems.values())
        return found.data

    def _error(self, message: str) -> ManifestError:
        return ManifestError(self.source, [Problem("", message)])


def apply_all(overrides: Iterable[Override], document: Document, is_text: Callable[[Loc], bool]) -> None:
    """Write all of them into the document, in their order. Raises `ManifestError`."""
    for override in overrides:
        override.apply(document, is_text)
