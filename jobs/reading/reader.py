"""From plain values to a draft, part by part.

A manifest with one mistake has often two. So a shot that can't be taken whole is still taken apart: what its
other fields say is looked at as well, and the shots beside it are as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from jobs.capabilities import capabilities, known_providers
from jobs.chains.graph import linked, parents_of
from jobs.chains.promoting import promoted
from jobs.errors import Problem
from jobs.faults import Fault, Faults, Loc, choice, did_you_mean, listing, shown
from jobs.fields.readers import READERS, read_providers
from jobs.manifest import NO_AXIS, Defaults, Fields, Manifest, Shot, batch_faults, name_clashes, shot_faults
from jobs.reading.document import Document
from jobs.reading.draft import Draft
from jobs.reading.keys import LOOK_KEYS, SHOT_KEYS, meant_key, said
from jobs.reading.looks import Look, read_looks, with_looks
from jobs.reading.salvage import right_fields, salvaged, stand_in
from jobs.sweeps import Written
from jobs.sweeps.sources import SourceError, is_source, path_within, read_source
from jobs.tables import Table, TableError, is_table, read_table, shots_of
from jobs.tables.shots import where
from jobs.wildcards import WildcardFiles, without_wildcards

TABLES = ("csv", "tsv", "jsonl", "xlsx")
"""Under which of these a manifest names a table of its shots doesn't matter: the file's ending tells what it is."""


Model = TypeVar("Model", bound=BaseModel)


_UNREAD = object()
_ANY_SHOTS = (Shot(name="any", prompt="any"),)


class Reader:
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
        if provider is None:
            return
        named, providers = read_providers(provider), known_providers()
        unknown = [each for each in named if each not in providers]
        for each in unknown:
            hint = did_you_mean(each, providers) or f"; known: {choice(providers)}"
            self._document.blame(("provider",), f"unknown provider {shown(each)}{hint}")
        if unknown:
            return
        self._draft.providers = named
        if not isinstance(model, str):
            return
        models = tuple(dict.fromkeys(name for each in named for name in capabilities(each).models))
        if model in models:
            self._draft.model = model
        elif model.strip():
            it, has = ("it has", "has no") if len(named) == 1 else ("they have", "have no")
            hint = did_you_mean(model, models) or f"; {it} {choice(models)}"
            self._document.blame(("model",), f"{listing(named)} {has} model {shown(model)}{hint}")

    def _read_defaults(self, data: object) -> None:
        if not isinstance(data, dict):
            self._document.blame(("defaults",), f"{shown(data)} is not a mapping; write  field: value")
            return
        defaults, wrong, _ = self._validate(Defaults, data, ("defaults",))
        if defaults is None:
            self._draft.defaults_damaged = True
            defaults = Defaults.model_validate(right_fields(data, wrong))
        self._draft.defaults = defaults

    def _read_looks(self, data: object) -> None:
        try:
            looks = read_looks(data, LOOK_KEYS)
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
        written = self._document.called
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
        if not faults:
            return set()
        defaults = self._draft.defaults
        return {at for at, shot in self._draft.shots.items() if parents_of(defaults, shot) or shot.promote}

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
            data = without_wildcards(data, self._wildcards, (*SHOT_KEYS, *READERS))
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
            shot = salvaged(data, wrong)
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
        axes: dict[str, Written] = {name: shot.sweep.get(name, stand_in(written)) for name, written in sweep.items()}
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
        meant = {key for key in (meant_key(key, tuple(model.model_fields)) for key in unknown) if key is not None}
        wrong = set()
        for details in errors:
            key = str(details["loc"][0]) if details["loc"] else ""
            wrong.add(key)
            if details["type"] == "missing" and key in meant:
                continue  # it is there, misspelt, and that is said
            for fault in said(details, model):
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
