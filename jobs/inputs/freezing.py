"""Freezing a manifest's local files: each is looked at once, and stands in the frozen manifest by its content.

So a take's identity follows what is in its files, and not what they are called or where they lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from jobs.capabilities import Capabilities, capabilities
from jobs.checks.choices import Choices, choices_of_shot, references_of
from jobs.errors import ManifestError, Problem
from jobs.faults import Fault, Loc, place, shown
from jobs.fields.references import MEDIA, Medium, kind_of
from jobs.inputs.inspection import LocalInput, UnfitFile, inspect
from jobs.inputs.limits import file_messages, joint_messages
from jobs.manifest import Defaults, Manifest, Shot
from jobs.sweeps.keys import VALUE, columns_of
from jobs.sweeps.reading import gone_through_together
from jobs.sweeps.space import COULD_BE, Samples, Space

T = TypeVar("T")


class FoundFiles:
    """The files that references lead to from `folder`, each looked at once. `~` is not the home here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[str, LocalInput | UnfitFile] = {}

    def find(self, reference: str) -> LocalInput:
        """The file that `reference` is the path of. Raises `UnfitFile`."""
        if reference not in self._found:
            try:
                self._found[reference] = inspect(self._folder / reference)
            except UnfitFile as error:
                self._found[reference] = error
        found = self._found[reference]
        if isinstance(found, UnfitFile):
            raise UnfitFile(str(found))
        return found

    def known(self, reference: object) -> LocalInput | None:
        """The file, when `reference` is the path of one that was found; None for what lies elsewhere, or is unfit."""
        found = self._found.get(str(reference))
        return found if isinstance(found, LocalInput) else None

    def inputs(self) -> tuple[LocalInput, ...]:
        """The files that were found, each content once, in the order of the manifest."""
        by_content = {each.sha256: each for each in reversed(self._found.values()) if isinstance(each, LocalInput)}
        return tuple(reversed(by_content.values()))


def freeze_inputs(
    manifest: Manifest, folder: Path, *, source: str = "the manifest"
) -> tuple[Manifest, tuple[LocalInput, ...]]:
    """`manifest` with each path of a local file (relative to `folder`) replaced by its content's name; and the files.

    Raises `ManifestError` with everything that is wrong with them, and KeyError when there is no capability table for
    the provider. `source` is what its message calls the manifest.
    """
    files = FoundFiles(folder)
    shots = dict(enumerate(manifest.shots))
    table = capabilities(manifest.providers[0])
    faults = list(file_faults(manifest.model, manifest.defaults, shots, files, table, batch=manifest.batch))
    if faults:
        raise ManifestError(source, [Problem(place(fault.loc), fault.message) for fault in faults])
    return frozen(manifest, files), files.inputs()


def file_faults(
    model: str | None,
    defaults: Defaults,
    shots: Mapping[int, Shot],
    files: FoundFiles,
    table: Capabilities | None,
    *,
    damaged: Iterable[int] = (),
    batch: str = "",
) -> Iterator[Fault]:
    """What is wrong with the local files of `shots`, given by their places; `table` is None when it isn't known.

    Of the `damaged` shots the files are only looked at one by one. `batch` is the batch's name, which decides what
    samples take.
    """
    damaged = frozenset(damaged)
    said: set[Loc] = set()
    # Of those with the defaults' files alone, or none, one stands for all.
    alike_are_fit = False
    names = {shown(shot.name): shot.name for shot in shots.values()}
    for at, shot in shots.items():
        alike = at not in damaged and not _has_files_of_its_own(shot)
        if alike and alike_are_fit:
            continue
        found = list(_file_faults(model, defaults, at, shot, files, table, said, damaged=at in damaged, batch=batch))
        found = [_meant_a_shot(fault, names) for fault in found]
        alike_are_fit |= alike and not found
        yield from found


def _file_faults(
    model: str | None,
    defaults: Defaults,
    at: int,
    shot: Shot,
    files: FoundFiles,
    table: Capabilities | None,
    said: set[Loc],
    *,
    damaged: bool,
    batch: str,
) -> Iterator[Fault]:
    choices = choices_of_shot(model, defaults, at, shot)
    for fault in _single_faults(choices, files, table):
        # What the defaults say is the same in every shot.
        if fault.loc not in said or fault.loc[0] != "defaults":
            yield fault
    said.update(loc for field in MEDIA for each in choices.get(field, ()) for loc, _ in references_of(*each))
    if not damaged:
        yield from _repeats(shot, choices, files)
        if table is not None:
            yield from _shot_faults(at, defaults, shot, shot.space(batch), files, table)


def _has_files_of_its_own(shot: Shot) -> bool:
    if shot.for_each is not None or not MEDIA.keys().isdisjoint(shot.model_fields_set):
        return True
    return any(name in MEDIA for key, written in shot.sweep.items() for name in columns_of(key, written))


def frozen(manifest: Manifest, files: FoundFiles) -> Manifest:
    """`manifest` with the paths of local files replaced by the names of what is in them."""

    def by_content(reference: T) -> T | str:
        found = files.known(reference)
        return reference if found is None else found.reference

    def of(fields: dict[str, Any]) -> dict[str, Any]:
        replaced = dict(fields)
        for name in MEDIA.keys() & fields.keys():
            value = fields[name]
            if isinstance(value, list | tuple):
                replaced[name] = [by_content(each) for each in value]
            elif value is not None:
                replaced[name] = by_content(value)
        return replaced

    def of_entry(name: str, entry: Any) -> Any:
        """One value of an axis: plain, with a weight, or a row of several."""
        if not isinstance(entry, dict):
            return by_content(entry) if name in MEDIA else entry
        return {
            each: by_content(value) if (name if each == VALUE else each) in MEDIA else value
            for each, value in entry.items()
        }

    def of_shot(shot: dict[str, Any]) -> dict[str, Any]:
        rules: dict[str, Any] = {
            name: [of(rule) for rule in shot[name]] for name in ("include", "exclude") if name in shot
        }
        sweep = {
            name: values if isinstance(values, str) else [of_entry(name, entry) for entry in values]
            for name, values in shot["sweep"].items()
        }
        return {**of(shot), **rules, "sweep": sweep}

    if not files.inputs():
        return manifest
    written = manifest.model_dump(mode="json")
    written["defaults"] = of(written["defaults"])
    written["shots"] = [of_shot(shot) for shot in written["shots"]]
    return Manifest.model_validate(written)


def _single_faults(choices: Choices, files: FoundFiles, table: Capabilities | None) -> Iterator[Fault]:
    for field, medium in MEDIA.items():
        for chosen in choices.get(field, ()):
            for loc, reference in references_of(*chosen):
                for message in _messages(reference, field, medium, files, table):
                    yield Fault(loc, f"{shown(reference)} {message}")


def _meant_a_shot(fault: Fault, names: Mapping[str, str]) -> Fault:
    """The fault, with what to write where it is of a file that is called as a shot is."""
    name = names.get(fault.message.partition(" is not there")[0])
    return fault if name is None else fault._replace(message=f"{fault.message}; of the shot, it is {name}.last_frame")


def _messages(
    reference: str, field: str, medium: Medium, files: FoundFiles, table: Capabilities | None
) -> Iterator[str]:
    match kind_of(reference):
        case "input":
            yield "is what Rushes calls a file for itself; give the path of the file"
            return
        case "url" | "asset" | "link" | "take":
            return
    try:
        found = files.find(reference)
    except UnfitFile as error:
        hint = "; ~ is not the home here, write the path out" if reference.startswith("~") else ""
        yield f"{error}{hint}"
        return
    if found.medium != medium:
        article = "a" if found.medium == "video" else "an"
        yield f"is {article} {found.medium} ({found.format.name.upper()}), and {field} takes {_a(medium)}"
    elif table is not None and medium in table.inputs:
        yield from file_messages(found, table.inputs[medium], table.provider)


def _a(medium: Medium) -> str:
    return "a video" if medium == "video" else f"an {medium}"


def _repeats(shot: Shot, choices: Choices, files: FoundFiles) -> Iterator[Fault]:
    """Values of an axis that are the same file by content: the same take twice, paid for twice.

    In what is gone through together with something else, a value may stand twice.
    """
    alone = shot.sweep.keys() - gone_through_together(shot.combine)
    for field in MEDIA.keys() & alone:
        first: dict[str, str] = {}
        for chosen in choices.get(field, ()):
            if "sweep" not in chosen.loc:
                continue
            for loc, reference in references_of(*chosen):
                found = files.known(reference)
                if found is not None and (earlier := first.setdefault(found.sha256, reference)) != reference:
                    same = f"is byte for byte the same as {shown(earlier)}"
                    yield Fault(loc, f"{shown(reference)} {same}, and so would be the same take; take one away")


def _shot_faults(
    at: int, defaults: Defaults, shot: Shot, space: Space, files: FoundFiles, table: Capabilities
) -> Iterator[Fault]:
    """What is wrong with the files of one take together, in any take of a shot."""

    def found(swept: Iterable[Samples]) -> dict[Fault, None]:
        choices = (choices_of_shot(None, defaults, at, shot, swept=each) for each in swept)
        return dict.fromkeys(fault for each in choices for fault in _joint_faults(at, each, files, table))

    faults = found(space.parts("model"))
    if faults and not space.is_product:
        # The largest of each need not stand together.
        cells = space.tally(tuple(MEDIA))
        if cells is None:
            yield from (fault._replace(message=f"{fault.message} ({COULD_BE})") for fault in faults)
            return
        faults = found({name: (((), value),) for name, value in cell.items()} for cell, _ in cells)
    yield from faults


def _joint_faults(at: int, choices: Choices, files: FoundFiles, table: Capabilities) -> Iterator[Fault]:
    for medium, limits in table.inputs.items():
        fields = [field for field, kind in MEDIA.items() if kind == medium and field in choices]
        options = [
            [[files.known(ref) for _, ref in references_of(*each)] for each in choices[field]] for field in fields
        ]
        if any(one is not None for field in options for given in field for one in given):
            for message in joint_messages(medium, options, limits, table.provider):
                yield Fault(("shots", at), message)
