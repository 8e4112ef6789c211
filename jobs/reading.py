"""Reading a manifest: from a file to a `Manifest`, or to everything that is wrong with it at once.

A manifest with one mistake has often two. So a shot that can't be taken whole is still taken apart: what its
other fields say is looked at as well, and the shots beside it are as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from jobs.capabilities import capabilities, known_providers
from jobs.chains.graph import linked, parents_of
from jobs.chains.promoting import promoted
from jobs.document import Document, parse
from jobs.errors import ManifestError, Problem
from jobs.faults import Fault, Faults, Loc, choice, did_you_mean, nearest, place, shown
from jobs.fields import READERS
from jobs.looks import Look, read_looks, with_looks
from jobs.manifest import NO_AXIS, Defaults, Fields, Manifest, Shot, batch_faults, name_clashes, shot_faults
from jobs.overrides import Override, apply_all
from jobs.spellings import OTHER_SPELLINGS
from jobs.sweeps import Written, read_axis
from jobs.sweeps.keys import VALUE, WEIGHT
from jobs.sweeps.sources import SourceError, is_source, path_within, read_source
from jobs.tables import Table, TableError, TableHead, TableShots, is_table, read_table, shots_of
from jobs.tables.shots import where
from jobs.takes import LastFrame
from jobs.wildcards import WildcardFiles, without_wildcards

LARGEST_FILE = 32 * 1024 * 1024
"""In bytes. A manifest is written by hand; what is larger is another file."""

_MISSING = {
    "batch": "missing: a manifest needs the batch's name",
    "provider": "missing: a manifest needs a provider",
    "model": "missing: a manifest needs a model",
    "shots": "missing: a manifest needs a list of shots",
    "name": "missing: every shot needs a name",
}
TABLES = ("csv", "tsv", "jsonl", "xlsx")
"""Under which of these a manifest names a table of its shots doesn't matter: the file's ending tells what it is."""

NOTHING_LEFT_OUT: Mapping[int, object] = MappingProxyType({})

_MANIFEST_KEYS = (*Manifest.model_fields, "looks")
_SHOT_KEYS = (*Shot.model_fields, "look")
_LOOK_KEYS = tuple(Fields.model_fields)
_DEFAULT_KEYS = tuple(Defaults.model_fields)

Model = TypeVar("Model", bound=BaseModel)


@dataclass
class Draft:
    """A manifest as far as it could be read.

    `manifest` is there when nothing was wrong. `provider` and `model` are None unless they are known ones, and `batch`,
    its name, and `last_frame`, the batch's, unless they are given and right.
    `shots` holds, by its place, every shot that is one; those in `damaged` lack what was wrong with them, and
    so may the defaults. `table` is the one that the shots come from, if they do.
    """

    document: Document
    batch: str | None = None
    provider: str | None = None
    model: str | None = None
    last_frame: LastFrame | None = None
    defaults: Defaults = field(default_factory=Defaults)
    shots: dict[int, Shot] = field(default_factory=dict)
    table: TableShots | None = None
    damaged: set[int] = field(default_factory=set)
    defaults_damaged: bool = False
    manifest: Manifest | None = None

    def error(self) -> ManifestError:
        """Everything that was found, in file order."""
        found = sorted(self.document.problems.items(), key=lambda item: (item[1].line or 0, _shot_of(item[0])))
        return ManifestError(self.document.source, (problem for _, problem in found))

    def whole(self) -> Manifest:
        """The manifest. Raises `ManifestError` when anything is wrong with it."""
        if self.manifest is None or self.document.problems:
            raise self.error()
        return self.manifest


def read_manifest(path: Path) -> Manifest:
    """The manifest in the file at `path`, which must be UTF-8.

    Raises `ManifestError` with everything that is wrong. Whether the provider takes what is asked is not
    looked at: that is `jobs.loading.load`.
    """
    return draft(read_text(path), str(path), folder=path.parent).whole()


def parse_manifest(text: str, source: str) -> Manifest:
    """The manifest in `text`. `source` is what messages call it. Raises as `read_manifest` does."""
    return draft(text, source).whole()


def read_text(path: Path) -> str:
    """The text of the file at `path`. Raises `ManifestError`."""
    try:
        with path.open("rb") as file:
            body = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise _unreadable(path, "there is no such file") from None
    except IsADirectoryError:
        raise _unreadable(path, "this is a directory; name the manifest in it") from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise _unreadable(path, f"it can't be read: {said}") from None
    if len(body) > LARGEST_FILE:
        raise _unreadable(path, f"it is larger than {LARGEST_FILE // 1024 // 1024} MiB, so it is hardly a manifest")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        problem = Problem("", f"not UTF-8 text: byte 0x{body[error.start]:02x} can't stand here", line)
        raise ManifestError(str(path), [problem]) from None


def draft(
    text: str,
    source: str,
    *,
    folder: Path | None = None,
    without: Mapping[int, object] = NOTHING_LEFT_OUT,
    overrides: Sequence[Override] = (),
) -> Draft:
    """As much of a manifest as `text` holds, with what is wrong noted in its document.

    Axes and shots that lie in files are read from `folder`; without one, they are wrong. Rows of a table with a number
    in `without` are left out. The `overrides` are written in first.

    Raises `ManifestError` only when there is nothing to read at all: not YAML, empty, not a mapping.
    """
    document = parse(text, source, as_written=_is_text)
    if not isinstance(document.data, dict):
        document.blame((), "a manifest is a mapping, with  batch: NAME  and so on at its top")
        raise ManifestError(source, document.problems.values())
    apply_all(overrides, document, _is_text)
    return _Reader(document, folder, without).draft()


def draft_table(
    path: Path,
    head: TableHead,
    *,
    without: Mapping[int, object] = NOTHING_LEFT_OUT,
    overrides: Sequence[Override] = (),
) -> Draft:
    """As `draft`, of the table at `path`, of whose batch `head` says what a table can't."""
    try:
        table = read_table(path)
    except TableError as error:
        raise _unreadable(path, str(error)) from None
    document = _head_document(path, head)
    apply_all(overrides, document, _is_text)
    return _Reader(document, path.parent, without, table).draft()


def _head_document(path: Path, head: TableHead) -> Document:
    """What a manifest would have above its shots: from the file of defaults, and over it from the command line."""
    document = Document(str(path))
    data: dict[str, Any] = {}
    if head.defaults is not None:
        found = parse(read_text(head.defaults), str(head.defaults), as_written=_is_text)
        if not isinstance(found.data, dict):
            raise _unreadable(head.defaults, "the defaults are a mapping; write  field: value")
        if found.problems:
            raise ManifestError(str(head.defaults), found.problems.values())
        tops = [key for key in found.data if key in _MANIFEST_KEYS and key not in _DEFAULT_KEYS]
        data = {key: found.data[key] for key in tops if key not in ("shots", "defaults")}
        fields = {key: value for key, value in found.data.items() if key not in tops}
        if "shots" in tops:
            raise _unreadable(head.defaults, "it has shots; those of a table are its rows, so take them away here")
        within = found.data.get("defaults", {})
        twice = sorted(fields.keys() & within.keys()) if isinstance(within, dict) else []
        if twice:
            raise _unreadable(head.defaults, f"{twice[0]} stands there twice, at the top and under defaults")
        data["defaults"] = {**within, **fields} if isinstance(within, dict) else within
        for loc, line in found.lines.items():
            moved = ("defaults", *loc) if loc and loc[0] in fields else loc
            document.lines[moved] = line
            document.named[moved] = f"{head.defaults.name}, {place(moved)}" if moved else head.defaults.name
    given = (("batch", head.batch), ("provider", head.provider), ("model", head.model))
    for name, value in given:
        if value is not None:
            data[name] = value
            document.lines.pop((name,), None)
        if name not in data or value is not None:
            document.named[(name,)] = f"--{name}"
    if "batch" not in data:
        data["batch"] = path.name.removesuffix(path.suffix)
    document.data = data
    return document


class _Reader:
    def __init__(
        self, document: Document, folder: Path | None, without: Mapping[int, object], table: Table | None = None
    ) -> None:
        self._document = document
        self._folder = folder
        self._without = without
        self._table = table
        self._looks: dict[str, Look] = {}
        self._wildcards = WildcardFiles(folder)
        self._draft = Draft(document)

    def draft(self) -> Draft:
        data = self._document.data
        rows = self._rows(data)
        if rows is not None:
            data = {**data, "shots": rows}
        # One shot stands for all of them here: each is read by itself below.
        head = {key: value for key, value in data.items() if key not in ("shots", "defaults", "looks")}
        if "looks" in data:
            self._read_looks(data["looks"])
        any_shots = {"shots": _ANY_SHOTS} if "shots" in data else {}
        whole, wrong, _ = self._validate(Manifest, {**head, **any_shots}, ())
        self._known(None if "provider" in wrong else data.get("provider"), data.get("model"))
        self._draft.batch = None if "batch" in wrong else data.get("batch")
        self._draft.last_frame = None if "last_frame" in wrong else data.get("last_frame")
        self._read_defaults(data.get("defaults", {}))
        self._read_shots(data.get("shots"))
        if whole is not None and not self._document.problems:
            # All of it has been validated, part by part; doing it again would take as long again.
            parts = {"defaults": self._draft.defaults, "shots": tuple(self._draft.shots.values())}
            self._draft.manifest = whole.model_copy(update=parts)
        return self._draft

    def _rows(self, data: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """The shots that lie in a table, if they do."""
        shots = data.get("shots")
        table, beside = self._table, False
        if table is None and isinstance(shots, dict) and not shots.keys().isdisjoint(TABLES):
            table, beside = self._named_table(shots), True
            if table is None:
                return []
        if table is None:
            return None
        found = shots_of(table, without=self._without, beside=beside)
        self._draft.table = found
        self._document.where = lambda loc: where(found, self._document.named, loc)
        for at, (column, message) in enumerate(found.unfit):
            within = f"{table.name} {column}" if beside else column
            self._document.add(("shots", "columns", at), Problem(within, message))
        self._blame_all((), found.faults)
        return found.data

    def _named_table(self, shots: Mapping[str, Any]) -> Table | None:
        kind, path = next(iter(shots.items()))
        loc: Loc = ("shots", kind)
        try:
            if len(shots) != 1:
                raise TableError("shots from a table have nothing beside it; what holds for all goes under defaults")
            if not isinstance(path, str) or not path.strip():
                raise TableError(f"{shown(path)} is no path; write  shots: {{{kind}: FILE}}")
            if self._folder is None:
                raise TableError(f"{shown(path)} is a file, and there is no folder here to look for it in")
            found = path_within(path, self._folder)
            if not is_table(found):
                raise TableError(f"{shown(path)} is no table; the file's name ends in .csv, .tsv, .jsonl or .xlsx")
            return read_table(found)
        except (SourceError, TableError) as error:
            told = str(error) if str(error).startswith(("'", '"')) else f"{shown(path)}: {error}"
            self._document.blame(loc, told)
            return None

    def _known(self, provider: object, model: object) -> None:
        if not isinstance(provider, str):
            return
        providers = known_providers()
        if provider not in providers:
            hint = did_you_mean(provider, providers) or f"; known: {choice(providers)}"
            self._document.blame(("provider",), f"unknown provider {shown(provider)}{hint}")
            return
        self._draft.provider = provider
        if not isinstance(model, str):
            return
        models = capabilities(provider).models
        if model in models:
            self._draft.model = model
        elif model.strip():
            hint = did_you_mean(model, models) or f"; it has {choice(models)}"
            self._document.blame(("model",), f"{provider} has no model {shown(model)}{hint}")

    def _read_defaults(self, data: object) -> None:
        if not isinstance(data, dict):
            self._document.blame(("defaults",), f"{shown(data)} is not a mapping; write  field: value")
            return
        defaults, wrong, _ = self._validate(Defaults, data, ("defaults",))
        if defaults is None:
            self._draft.defaults_damaged = True
            defaults = Defaults.model_validate(_right_fields(data, wrong))
        self._draft.defaults = defaults

    def _read_looks(self, data: object) -> None:
        try:
            looks = read_looks(data, _LOOK_KEYS)
        except Faults as error:
            self._blame_all(("looks",), error.faults)
            looks = {name: Look({}) for name in data} if isinstance(data, dict) else {}
        self._looks = looks
        # Looks that no shot applies are looked at as well.
        for name, look in looks.items():
            self._validate(Fields, look.fields, ("looks", name))

    def _read_shots(self, data: object) -> None:
        if data is None or self._unfit():
            return
        if not isinstance(data, list):
            self._document.blame(("shots",), "the shots are not a list; begin each with  - name: NAME")
            return
        data, faults = promoted(data)
        self._blame_all((), faults)
        for at, shot in enumerate(data):
            self._read_shot(at, shot)
        written = self._document.where or place
        if not self._draft.damaged and len(self._draft.shots) == len(data):
            faults = list(batch_faults(self._draft.shots, self._draft.defaults, self._draft.batch or "", written))
            self._blame_all((), faults)
            self._draft.damaged |= self._hanging(faults)
            return
        # What can't be told of shots beside which others are damaged is not said, and not gone by.
        self._draft.damaged |= self._hanging(linked(self._draft.shots, self._draft.defaults, self._draft.batch or ""))
        named = ((at, shot.get("name")) for at, shot in enumerate(data) if isinstance(shot, dict))
        self._blame_all((), name_clashes({at: name for at, name in named if isinstance(name, str)}, written))

    def _unfit(self) -> bool:
        """Whether there should be shots in a table, and it isn't known which."""
        return any(
            loc[:1] == ("shots",) and len(loc) > 1 and isinstance(loc[1], str) for loc in self._document.problems
        )

    def _hanging(self, faults: Sequence[Fault]) -> set[int]:
        """The shots that hang on others, when there is something wrong with that."""
        defaults = self._draft.defaults
        chained = {at for at, shot in self._draft.shots.items() if parents_of(defaults, shot) or shot.promote}
        return chained if faults else set()

    def _read_shot(self, at: int, data: object) -> None:
        loc: Loc = ("shots", at)
        if self._draft.table is not None and loc in self._document.problems:
            return  # the row as a whole is wrong, and so its cells say nothing
        if not isinstance(data, dict):
            self._document.blame(loc, f"{shown(data)} is not a shot; write  - name: NAME  and a prompt below it")
            return
        data, unread = self._with_sources(loc, data)
        try:
            data = with_looks(data, self._looks, self._draft.defaults.given())
            data = without_wildcards(data, self._wildcards, (*_SHOT_KEYS, *READERS))
        except Faults as error:
            self._blame_all(loc, error.faults)
            # One mistake is told once: the prompt stands in for what it was to be.
            kept = {key: value for key, value in data.items() if key != "look"}
            data, unread = {**kept, "prompt": "any", "sweep": {}}, True
        shot, wrong, meant = self._validate(Shot, data, loc)
        if shot is not None and unread:
            shot, wrong = None, {"sweep"}
        if at in self._document.damaged:
            self._draft.damaged.add(at)
        if shot is None:
            shot = _salvaged(data, wrong)
            # Pydantic compares the fields of a shot only when each is right by itself, so it is done here.
            if not wrong & {"", "prompt"} and not meant & {"prompt", "sweep"}:
                self._compare(loc, data.get("sweep", {}), shot)
        self._draft.shots[at] = shot

    def _with_sources(self, loc: Loc, data: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """The shot with the values of its axes that lie in files, and whether any couldn't be read."""
        sweep = data.get("sweep")
        if not isinstance(sweep, dict) or not any(is_source(written) for written in sweep.values()):
            return data, False
        read, unread = {}, False
        for name, written in sweep.items():
            if not is_source(written):
                read[name] = written
                continue
            try:
                read[name] = read_source(name, written, self._folder)
            except SourceError as error:
                self._document.blame((*loc, "sweep", name), str(error))
                # Of a CSV that can't be read, it isn't known which names it sets.
                read[name], unread = _UNREAD if "csv" in written else None, True
        return {**data, "sweep": read}, unread

    def _compare(self, loc: Loc, sweep: object, shot: Shot) -> None:
        """Look at how the fields of a damaged shot fit together, its damaged axes standing in by name."""
        if not isinstance(sweep, dict) or ("prompt" in sweep and "prompt" not in shot.sweep):
            return
        if any(written is _UNREAD for written in sweep.values()):
            return
        axes: dict[str, Written] = {name: shot.sweep.get(name, _stand_in(written)) for name, written in sweep.items()}
        self._blame_all(loc, shot_faults(shot.given(), shot.prompt, axes))

    def _validate(
        self, model: type[Model], data: Mapping[str, Any], loc: Loc
    ) -> tuple[Model | None, set[str], set[str]]:
        """`data` as a `model`, or None; the keys in which something is wrong ("" for the whole); and the
        keys that misspelt ones were probably meant for."""
        try:
            return model.model_validate(data), set(), set()
        except ValidationError as error:
            errors = error.errors(include_url=False)
        unknown = (str(details["loc"][-1]) for details in errors if details["type"] == "extra_forbidden")
        meant = {key for key in (_meant(key, tuple(model.model_fields)) for key in unknown) if key is not None}
        wrong = set()
        for details in errors:
            key = str(details["loc"][0]) if details["loc"] else ""
            wrong.add(key)
            if details["type"] == "missing" and key in meant:
                continue  # it is there, misspelt, and that is said
            for fault in _said(details, model):
                self._document.blame_whole((*loc, *fault.loc), self._worded(fault.message))
        return None, wrong, meant

    def _blame_all(self, loc: Loc, faults: Iterable[Fault]) -> None:
        for fault in faults:
            self._document.blame((*loc, *fault.loc), self._worded(fault.message))

    def _worded(self, message: str) -> str:
        """What was found, in the words of a table where it is one."""
        if self._draft.table is None:
            return message
        return message.replace(NO_AXIS, "; a column vars.NAME holds the values of {NAME}")


def _said(details: ErrorDetails, model: type[BaseModel]) -> Iterator[Fault]:
    """One of pydantic's errors, in our words."""
    loc: Loc = details["loc"]
    error = details.get("ctx", {}).get("error")
    if isinstance(error, Faults):
        yield from (Fault((*loc, *fault.loc), fault.message) for fault in error.faults)
    elif isinstance(error, ValueError):
        yield Fault(loc, str(error))
    elif details["type"] == "extra_forbidden":
        yield Fault(loc, _unknown_key(str(loc[-1]), model))
    elif details["type"] == "missing":
        yield Fault(loc, _MISSING.get(str(loc[-1]), "missing"))
    else:
        yield Fault(loc, f"{shown(details['input'])} doesn't fit: {details['msg']}")


def _unknown_key(key: str, model: type[BaseModel]) -> str:
    keys = tuple(model.model_fields)
    if key == "<<":
        return "merging with << isn't YAML 1.2; what shots share goes under defaults"
    meant = _meant(key, keys)
    if meant is not None:
        return f"unknown key {key!r}; did you mean {meant!r}?"
    if key in _MANIFEST_KEYS:
        return f"{key!r} belongs at the top of the manifest"
    if key in _SHOT_KEYS:
        belongs = "in a shot, or under defaults" if key in _DEFAULT_KEYS else "in a shot"
        return f"{key!r} belongs {belongs}"
    if model is Manifest and (meant := nearest(key, _SHOT_KEYS)) is not None:
        return f"unknown key {key!r}; did you mean {meant!r}, which belongs in a shot?"
    return f"unknown key {shown(key)}; known here: {', '.join(keys)}"


def _meant(key: str, keys: tuple[str, ...]) -> str | None:
    known = (*_MANIFEST_KEYS, *_SHOT_KEYS)
    if key in known:
        return None  # spelt right, in the wrong place
    other = OTHER_SPELLINGS.get(key.lower().replace("-", "_"))
    return other if other in keys else nearest(key, keys)


def _right_fields(data: Mapping[str, Any], wrong: set[str]) -> dict[str, Any]:
    return {key: data[key] for key in Fields.model_fields if key in data and key not in wrong}


def _salvaged(data: Mapping[str, Any], wrong: set[str]) -> Shot:
    """What is right of a shot in which something isn't. It need not be whole, nor agree with itself."""
    axes: dict[str, Written] = {}
    sweep = data.get("sweep")
    for name, values in sweep.items() if isinstance(sweep, dict) else ():
        try:
            axes[name] = read_axis(name, values, repeats=True)
        except Faults:
            continue  # the whole sweep has been read before, and its faults are noted
    prompt = None if "prompt" in wrong else data.get("prompt")
    given = Fields.model_validate(_right_fields(data, wrong)).given()
    return Shot.model_construct(name=str(data.get("name")), prompt=prompt, sweep=axes, **given)  # type: ignore[arg-type]


def _stand_in(written: object) -> Written:
    """An axis that sets what a damaged one was to set."""
    first = next((each for each in written if isinstance(each, dict)), {}) if isinstance(written, list) else {}
    columns = [] if VALUE in first else [name for name in first if name != WEIGHT]
    return (dict.fromkeys(columns, "?"),) if columns else ("?",)


def _is_text(loc: Loc) -> bool:
    """Where a number in the file is meant as the text it was written as: `007` is a word of a prompt."""
    match loc:
        case ("batch" | "provider" | "model",) | (
            "shots",
            _,
            "name" | "prompt" | "model" | "for_each" | "promote" | "look",
        ):
            return True
        case ("shots", _, "sweep", axis, _) | ("shots", _, "sweep", axis, _, "value"):
            return axis not in READERS
        case ("shots", _, "sweep", _, _, column):
            return column not in READERS and column != "weight"
        case ("shots", _, "include" | "exclude", _, axis) | ("shots", _, "include" | "exclude", _, axis, _):
            return axis not in READERS
    return False


def _unreadable(path: Path, message: str) -> ManifestError:
    return ManifestError(str(path), [Problem("", message)])


def _shot_of(loc: Loc) -> int:
    return loc[1] if len(loc) > 1 and loc[0] == "shots" and isinstance(loc[1], int) else -1


_UNREAD = object()
_ANY_SHOTS = (Shot(name="any", prompt="any"),)
