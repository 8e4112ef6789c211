"""Reading a manifest: from a file to a `Manifest`, or to everything that is wrong with it at once.

A manifest with one mistake has often two. So a shot that can't be taken whole is still taken apart: what its
other fields say is looked at as well, and the shots beside it are as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from jobs.capabilities import capabilities, known_providers
from jobs.document import Document, parse
from jobs.errors import ManifestError, Problem
from jobs.faults import Fault, Faults, Loc, choice, did_you_mean, nearest, shown
from jobs.fields import READERS
from jobs.looks import Look, read_looks, with_looks
from jobs.manifest import Defaults, Fields, Manifest, Shot, batch_faults, name_clashes, shot_faults
from jobs.overrides import Override, apply_all
from jobs.sweeps import Written, read_axis
from jobs.sweeps.keys import VALUE, WEIGHT
from jobs.sweeps.sources import SourceError, is_source, read_source
from jobs.takes import LastFrame
from jobs.wildcards import WildcardFiles, without_wildcards

LARGEST_FILE = 32 * 1024 * 1024
"""In bytes. A manifest is written by hand; what is larger is another file."""

_OTHER_SPELLINGS = {
    "ratio": "aspect_ratio",
    "image": "start_image",
    "image_url": "start_image",
    "first_frame": "start_image",
    "end_image_url": "end_image",
    "last_frame_image": "end_image",
    "image_urls": "reference_images",
    "video_urls": "reference_videos",
    "audio_urls": "reference_audio",
    "audio": "generate_audio",
    "tools": "web_search",
    "options": "provider_options",
    "extra": "provider_options",
    "retries": "retry_moderated",
    "cost": "price",
    "max_cost": "budget",
    "until": "deadline",
    "failures": "max_failures",
    "seconds": "duration",
    "vars": "sweep",
    "variables": "sweep",
    "matrix": "sweep",
}
_MISSING = {
    "batch": "missing: a manifest needs the batch's name",
    "provider": "missing: a manifest needs a provider",
    "model": "missing: a manifest needs a model",
    "shots": "missing: a manifest needs a list of shots",
    "name": "missing: every shot needs a name",
}
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
    so may the defaults.
    """

    document: Document
    batch: str | None = None
    provider: str | None = None
    model: str | None = None
    last_frame: LastFrame | None = None
    defaults: Defaults = field(default_factory=Defaults)
    shots: dict[int, Shot] = field(default_factory=dict)
    damaged: set[int] = field(default_factory=set)
    defaults_damaged: bool = False
    manifest: Manifest | None = None

    def error(self) -> ManifestError:
        """Everything that was found, in file order."""
        problems = sorted(self.document.problems.values(), key=lambda problem: problem.line or 0)
        return ManifestError(self.document.source, problems)

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


def draft(text: str, source: str, *, folder: Path | None = None, overrides: Sequence[Override] = ()) -> Draft:
    """As much of a manifest as `text` holds, with what is wrong noted in its document.

    Axes that lie in files are read from `folder`; without one, they are wrong. The `overrides` are written in first.

    Raises `ManifestError` only when there is nothing to read at all: not YAML, empty, not a mapping.
    """
    document = parse(text, source, as_written=_is_text)
    if not isinstance(document.data, dict):
        document.blame((), "a manifest is a mapping, with  batch: NAME  and so on at its top")
        raise ManifestError(source, document.problems.values())
    apply_all(overrides, document, _is_text)
    return _Reader(document, folder).draft()


class _Reader:
    def __init__(self, document: Document, folder: Path | None) -> None:
        self._document = document
        self._folder = folder
        self._looks: dict[str, Look] = {}
        self._wildcards = WildcardFiles(folder)
        self._draft = Draft(document)

    def draft(self) -> Draft:
        data = self._document.data
        # One shot stands for all of them here: each is read by itself below.
        head = {key: value for key, value in data.items() if key not in ("shots", "defaults", "looks")}
        if "looks" in data:
            self._read_looks(data["looks"])
        any_shots = {"shots": _ANY_SHOTS} if "shots" in data else {}
        _, wrong, _ = self._validate(Manifest, {**head, **any_shots}, ())
        self._known(None if "provider" in wrong else data.get("provider"), data.get("model"))
        self._draft.batch = None if "batch" in wrong else data.get("batch")
        self._draft.last_frame = None if "last_frame" in wrong else data.get("last_frame")
        self._read_defaults(data.get("defaults", {}))
        self._read_shots(data.get("shots"))
        if not self._document.problems:
            shots = tuple(self._draft.shots.values())
            self._draft.manifest = Manifest(**head, defaults=self._draft.defaults, shots=shots)
        return self._draft

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
        if data is None:
            return
        if not isinstance(data, list):
            self._document.blame(("shots",), "the shots are not a list; begin each with  - name: NAME")
            return
        for at, shot in enumerate(data):
            self._read_shot(at, shot)
        if not self._draft.damaged and len(self._draft.shots) == len(data):
            self._blame_all((), batch_faults(self._draft.shots))
            return
        named = ((at, shot.get("name")) for at, shot in enumerate(data) if isinstance(shot, dict))
        self._blame_all((), name_clashes({at: name for at, name in named if isinstance(name, str)}))

    def _read_shot(self, at: int, data: object) -> None:
        loc: Loc = ("shots", at)
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
        if any(place[:2] == loc for place in self._document.problems):
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
                self._document.blame_whole((*loc, *fault.loc), fault.message)
        return None, wrong, meant

    def _blame_all(self, loc: Loc, faults: Iterable[Fault]) -> None:
        for fault in faults:
            self._document.blame((*loc, *fault.loc), fault.message)


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
    other = _OTHER_SPELLINGS.get(key.lower().replace("-", "_"))
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
        case ("batch" | "provider" | "model",) | ("shots", _, "name" | "prompt" | "look"):
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


_UNREAD = object()
_ANY_SHOTS = (Shot(name="any", prompt="any"),)
