"""Files of wildcards: `__colours__` is one of the lines of `wildcards/colours.txt` beside the manifest."""

from __future__ import annotations

from pathlib import Path

from jobs.faults import did_you_mean, shown
from jobs.sweeps.sources import MOST_VALUES, SourceError, file_text, files_like
from jobs.wildcards.grammar import WildcardError

FOLDER = "wildcards"


class WildcardFiles:
    """The lines of the files in the folder `wildcards` of `folder`; None where there is no folder to look in."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._read: dict[str, tuple[str, ...]] = {}

    def lines(self, path: str) -> tuple[str, ...]:
        """The lines of the file that `path` names, without blank ones and those that begin with `#`; of several, with
        `*` in the path, those of all, sorted by name. Raises `WildcardError`."""
        if path not in self._read:
            self._read[path] = self._lines(path)
        return self._read[path]

    def _lines(self, path: str) -> tuple[str, ...]:
        if self._folder is None:
            raise WildcardError(f"__{path}__ is a file, and there is no folder here to look for it in")
        # Some write the suffix, most don't.
        named = f"{FOLDER}/{path}" if path.endswith(".txt") else f"{FOLDER}/{path}.txt"
        try:
            names = files_like(named, self._folder) if any(sign in path for sign in "*?") else (named,)
            texts = [file_text(name, self._folder) for name in names]
        except SourceError as error:
            raise WildcardError(f"__{path}__: {error}{did_you_mean(path, self._known())}") from None
        lines = [line.strip() for text in texts for line in text.splitlines()]
        found = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
        if not found:
            raise WildcardError(f"__{path}__: {shown(named)} holds no lines")
        if len(found) > MOST_VALUES:
            raise WildcardError(f"__{path}__: {shown(named)} holds more than {MOST_VALUES:,} lines")
        return found

    def _known(self) -> list[str]:
        """What there is, as it is written between the underscores."""
        found: list[str] = []
        for pattern in (f"{FOLDER}/*.txt", f"{FOLDER}/*/*.txt"):
            try:
                found += files_like(pattern, self._folder) if self._folder is not None else ()
            except SourceError:
                continue  # there are none; what was asked for is what the message is about
        return [name.removeprefix(f"{FOLDER}/").removesuffix(".txt") for name in found[:1_000]]
