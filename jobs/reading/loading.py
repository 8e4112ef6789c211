"""Loading a manifest for rendering: read it, and ask whether its provider takes all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.capabilities import capabilities
from jobs.checks.choices import choices_of_shot, references_of
from jobs.checks.several import agreed, shared_misfits
from jobs.errors import ManifestError, Problem
from jobs.faults import Fault, Loc, few_guesses, shown
from jobs.fields.references import MEDIA, kind_of
from jobs.inputs import LocalInput
from jobs.inputs.freezing import FoundFiles, file_faults, frozen
from jobs.manifest import Manifest
from jobs.reading.collecting import uncollected
from jobs.reading.draft import Draft
from jobs.reading.files import read_text
from jobs.reading.manifests import draft, draft_table
from jobs.reading.overrides import Override
from jobs.tables import TableHead, is_table
from jobs.tables.rejecting import Rejected, bad_rows

NOT_SAID = TableHead()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A manifest that is ready to be rendered, and the local files that it names by their content."""

    manifest: Manifest
    inputs: tuple[LocalInput, ...] = ()
    rejected: Rejected | None = None


def load_with_inputs(
    path: Path, head: TableHead = NOT_SAID, *, skip_bad_rows: bool = False, overrides: Sequence[Override] = ()
) -> Loaded:
    """The manifest or the table in the file at `path`, with the local files in it, relative to its folder.

    The files are read; nothing else is different from `load`. `head` is for a table alone. With `skip_bad_rows`, rows
    of a table that are wrong are left out and told as `rejected`. The `overrides` hold. Raises as `load` does.
    """
    reasons: dict[int, str] = {}
    while True:
        with uncollected():
            found, files = _checked(path, head, reasons, overrides)
        bad = bad_rows(found) if skip_bad_rows else {}
        if not bad or found.table is None or len(bad) == len(found.table.rows):
            break
        reasons |= bad
    manifest = found.whole()
    rejected = Rejected(found.table.table, reasons) if found.table is not None and reasons else None
    return Loaded(frozen(manifest, files), files.inputs(), rejected)


@few_guesses()
def _checked(
    path: Path, head: TableHead, without: Mapping[int, str], overrides: Sequence[Override]
) -> tuple[Draft, FoundFiles]:
    if is_table(path):
        found = draft_table(path, head, without=without, overrides=overrides)
    elif head:
        told = "it says its batch, provider, model and defaults itself; the options for them are for tables (.csv)"
        raise ManifestError(str(path), [Problem("", told)])
    else:
        found = draft(read_text(path), str(path), folder=path.parent, without=without, overrides=overrides)
    files = FoundFiles(path.parent)
    _blame(found, [*_file_faults(found, files), *_misfits(found)])
    return found, files


def _file_faults(found: Draft, files: FoundFiles) -> Iterable[Fault]:
    """What is wrong with local files: in themselves, or with all of the providers."""
    damaged = found.shots if found.defaults_damaged else found.damaged
    batch = found.batch or ""
    by_provider = [
        list(file_faults(found.model, found.defaults, found.shots, files, table, damaged=damaged, batch=batch))
        for table in ([capabilities(each) for each in found.providers] if found.providers else [None])
    ]
    return agreed(by_provider)


def load(path: Path) -> Manifest:
    """The manifest in the file at `path`, which its provider takes as it is, by all that is known of it.

    One that names local files is for `load_with_inputs`, and refused here. Raises `jobs.errors.ManifestError` with
    everything that is wrong, in the writing and with the provider.
    """
    return _loaded(draft(read_text(path), str(path), folder=path.parent))


def load_text(text: str, source: str) -> Manifest:
    """The manifest in `text`; `source` is what messages call it. No file is looked for. Raises as `load` does."""
    return _loaded(draft(text, source))


@few_guesses()
def _loaded(found: Draft) -> Manifest:
    _blame(found, [*_local_files(found), *_misfits(found)])
    return found.whole()


def _blame(found: Draft, faults: Iterable[Fault]) -> None:
    """Note the faults; what is said of one place is put together."""
    messages: dict[Loc, list[str]] = {}
    for loc, message in faults:
        messages.setdefault(loc, []).append(message)
    for loc, said in messages.items():
        found.document.blame(loc, "; ".join(said))


def _misfits(found: Draft) -> Iterator[Fault]:
    if not found.providers:
        return
    damaged = found.shots if found.defaults_damaged else found.damaged
    yield from shared_misfits(
        found.model,
        found.defaults,
        found.shots,
        [capabilities(each) for each in found.providers],
        damaged=damaged,
        last_frame=found.last_frame,
        batch=found.batch or "",
    )


def _local_files(found: Draft) -> Iterator[Fault]:
    """References to local files, for which there is no folder here to look in."""
    said = set()
    for at, shot in found.shots.items():
        choices = choices_of_shot(found.model, found.defaults, at, shot)
        for field in MEDIA:
            for chosen in choices.get(field, ()):
                for loc, reference in references_of(*chosen):
                    if loc not in said and (message := _refusal(reference)) is not None:
                        said.add(loc)
                        yield Fault(loc, message)


def _refusal(reference: str) -> str | None:
    match kind_of(reference):
        case "file":
            return (
                f"{shown(reference)} is a local file, and local files aren't looked for here; "
                "put it where the provider can fetch it and give its https:// URL"
            )
        case "input":
            return f"{shown(reference)} is what Rushes calls a file for itself; give the path of the file"
    return None
