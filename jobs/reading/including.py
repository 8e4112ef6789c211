"""`include:` at the top of a manifest: what other files say is as if it stood there, and what the manifest says goes
before it.

It is put together from plain values before anything is read of them, so what is frozen knows of no files: text that is
moved into another file changes no take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from jobs.errors import ManifestError
from jobs.faults import Loc, shown
from jobs.fields.references import MEDIA, kind_of
from jobs.reading.document import Document, parse
from jobs.reading.files import LARGEST_FILE
from jobs.reading.keys import is_text
from jobs.sweeps.sources import SourceError, file_text, is_source, path_within

KEY = "include"
TOGETHER = ("defaults", "looks")
"""What files say of these is put together, name by name; of all else the last word holds, and shots are added."""

MOST_FILES = 100
DEEPEST = 16
"""How many files may include one another, each the next."""


def with_included(document: Document, folder: Path | None) -> Document:
    """`document`, a mapping at its top, with what the files say that it includes; they lie in `folder`, its own.

    What is wrong is noted in the document that is returned, each with the file in which it is.
    """
    if KEY not in document.data:
        return document
    if folder is None:
        document.blame((KEY,), "other files can't be included here, where there is no folder to look for them in")
        del document.data[KEY]
        return document
    main = Path(document.source)
    return _Including(folder).whole(document, _Place("", PurePosixPath(), ((main.resolve(), main.name),)))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a document comes from: its file's name and its folder, as from the manifest's, and by which files."""

    name: str
    folder: PurePosixPath
    chain: tuple[tuple[Path, str], ...]


@dataclass
class _Including:
    folder: Path
    seen: set[Path] = field(default_factory=set)
    characters: int = 0

    def whole(self, document: Document, place: _Place) -> Document:
        """The document of one file with those that it includes, and they with theirs."""
        document.file = place.name
        if place.folder.parts:
            document.data = _as_from_above(document.data, place.folder)
        if KEY not in document.data:
            return document
        written = document.data.pop(KEY)
        names = [written] if isinstance(written, str) else written
        if not isinstance(names, list) or not names:
            document.blame((KEY,), f"{shown(written)} names no file; write  include: base.yaml,  or a list of files")
            return document
        parts = []
        for at, name in enumerate(names):
            loc: Loc = (KEY,) if isinstance(written, str) else (KEY, at)
            try:
                found = self._included(name, place, document, loc)
            except SourceError as error:
                document.blame(loc, str(error))
            else:
                parts += [] if found is None else [found]
        return _together([*parts, document])

    def _included(self, name: object, place: _Place, by: Document, loc: Loc) -> Document | None:
        """The document of a file that is included; None when it was before, or can't be read."""
        if not isinstance(name, str) or not name.strip():
            raise SourceError(f"{shown(name)} is no path; write  include: base.yaml")
        path = str(place.folder / name) if _leads_on(name) else name
        found = path_within(path, self.folder)
        chain = (*place.chain, (found, path))
        if any(found == before for before, _ in place.chain):
            raise SourceError(f"{' includes '.join(called for _, called in chain)}: a circle; take one of them away")
        if found in self.seen:
            return None
        self.seen.add(found)
        if len(chain) - 1 > DEEPEST:
            raise SourceError(f"{shown(path)} is included by way of {DEEPEST} other files, and that is the most")
        if len(self.seen) > MOST_FILES:
            raise SourceError(f"{shown(path)} is one file too many; {MOST_FILES} are the most")
        text = file_text(path, self.folder)
        self.characters += len(text)
        if self.characters > LARGEST_FILE:
            raise SourceError(f"with {shown(path)}, what is included is larger than {LARGEST_FILE // 1024 // 1024} MiB")
        try:
            document = parse(text, path, as_written=is_text)
        except ManifestError as error:
            by.add(loc, replace(error.problems[0], file=path))
            return None
        if not isinstance(document.data, dict):
            raise SourceError(f"{shown(path)} holds no mapping; it has  defaults:,  shots:  and so on at its top")
        return self.whole(document, _Place(path, PurePosixPath(path).parent, chain))


def _together(parts: Sequence[Document]) -> Document:
    """The documents as one; what a later one says goes before."""
    last = parts[-1]
    whole = Document(last.source, file=last.file)
    data: dict[str, Any] = {}
    for part in parts:
        before = data.get("shots")
        offset = len(before) if isinstance(before, list) and isinstance(part.data.get("shots"), list) else 0
        for key, value in part.data.items():
            if key in TOGETHER and isinstance(value, dict) and isinstance(data.get(key), dict):
                data[key] = {**data[key], **value}
            elif key == "shots" and before is not None:
                data[key] = [*before, *value] if offset or before == [] else value
                if not (isinstance(before, list) and isinstance(value, list)):
                    told = "shots from a table don't go together with those of another file"
                    part.blame(("shots",), f"{told}; keep the ones or the others")
            else:
                data[key] = value
        for loc, line in part.lines.items():
            whole.lines[_moved(loc, offset)] = line
        for loc, origin in _origins(part):
            whole.origins[_moved(loc, offset)] = origin
        whole.blanks |= {_moved(loc, offset) for loc in part.blanks}
        for loc, problem in part.problems.items():
            here = _moved(loc, offset)
            whole.add((KEY, part.file, *loc) if here in whole.problems else here, _of_file(problem, part.file))
    whole.data = data
    return whole


def _of_file(problem: Any, file: str) -> Any:
    return replace(problem, file=file) if file and problem.file is None else problem


def _moved(loc: Loc, offset: int) -> Loc:
    if offset and len(loc) > 1 and loc[0] == "shots" and isinstance(loc[1], int):
        return ("shots", loc[1] + offset, *loc[2:])
    return loc


def _origins(part: Document) -> Iterator[tuple[Loc, tuple[str, Loc]]]:
    """Where that stands which is told apart when documents are put together."""
    for key, value in part.data.items():
        locs: list[Loc] = [(key,)]
        if isinstance(value, Mapping) and key in TOGETHER:
            locs += [(key, name) for name in value]
        elif isinstance(value, list) and key == "shots":
            locs += [(key, at) for at in range(len(value))]
        yield from ((loc, part.origin(loc)) for loc in locs)


def _as_from_above(data: Mapping[str, Any], folder: PurePosixPath) -> dict[str, Any]:
    """What is said in a file of `folder`, its paths as from the manifest's."""
    found = dict(data)
    if isinstance(data.get("defaults"), dict):
        found["defaults"] = _fields(data["defaults"], folder)
    if isinstance(data.get("looks"), dict):
        looks = data["looks"].items()
        found["looks"] = {name: _fields(look, folder) if isinstance(look, dict) else look for name, look in looks}
    shots = data.get("shots")
    if isinstance(shots, dict):
        found["shots"] = {kind: _path(path, folder) for kind, path in shots.items()}
    elif isinstance(shots, list):
        found["shots"] = [_shot(shot, folder) if isinstance(shot, dict) else shot for shot in shots]
    return found


def _shot(shot: Mapping[str, Any], folder: PurePosixPath) -> dict[str, Any]:
    found = _fields(shot, folder)
    if isinstance(shot.get("sweep"), dict):
        found["sweep"] = {name: _axis(name, written, folder) for name, written in shot["sweep"].items()}
    return found


def _axis(name: str, written: Any, folder: PurePosixPath) -> Any:
    if is_source(written):
        return {kind: _path(path, folder) for kind, path in written.items()}
    if not isinstance(written, list):
        return written
    found = []
    for entry in written:
        if isinstance(entry, dict):
            entry = _fields(entry, folder)
            if name in MEDIA and "value" in entry:
                entry["value"] = _reference(entry["value"], folder)
        elif name in MEDIA:
            entry = _reference(entry, folder)
        found.append(entry)
    return found


def _fields(fields: Mapping[str, Any], folder: PurePosixPath) -> dict[str, Any]:
    return {name: _reference(value, folder) if name in MEDIA else value for name, value in fields.items()}


def _reference(value: Any, folder: PurePosixPath) -> Any:
    if isinstance(value, list):
        return [_reference(each, folder) for each in value]
    return _path(value, folder) if isinstance(value, str) and kind_of(value) == "file" else value


def _path(path: Any, folder: PurePosixPath) -> Any:
    return str(folder / path) if isinstance(path, str) and _leads_on(path) else path


def _leads_on(path: str) -> bool:
    """Whether it is a path that another folder can be put before; if not, it is refused as it stands."""
    return bool(path.strip()) and path[0] not in "/\\~" and path[1:2] != ":"
