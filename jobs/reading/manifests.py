"""Reading a manifest: from a file to a `Manifest`, or to everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from jobs.errors import ManifestError
from jobs.faults import few_guesses
from jobs.manifest import Manifest
from jobs.reading.document import parse
from jobs.reading.draft import Draft
from jobs.reading.files import read_text, unreadable
from jobs.reading.heads import head_document
from jobs.reading.including import with_included
from jobs.reading.keys import is_text
from jobs.reading.overrides import Override, apply_all
from jobs.reading.reader import Reader
from jobs.tables import TableError, TableHead, read_table

NOTHING_LEFT_OUT: Mapping[int, object] = MappingProxyType({})


def read_manifest(path: Path) -> Manifest:
    """The manifest in the file at `path`, which must be UTF-8.

    Raises `ManifestError` with everything that is wrong. Whether the provider takes what is asked is not
    looked at: that is `jobs.reading.loading.load`.
    """
    return draft(read_text(path), str(path), folder=path.parent).whole()


def parse_manifest(text: str, source: str) -> Manifest:
    """The manifest in `text`. `source` is what messages call it. Raises as `read_manifest` does."""
    return draft(text, source).whole()


@few_guesses()
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
    in `without` are left out. Files that it includes are put in first, and then the `overrides` are written.

    Raises `ManifestError` only when there is nothing to read at all: not YAML, empty, not a mapping.
    """
    document = parse(text, source, as_written=is_text)
    if not isinstance(document.data, dict):
        document.blame((), "a manifest is a mapping, with  batch: NAME  and so on at its top")
        raise ManifestError(source, document.problems.values())
    document = with_included(document, folder)
    apply_all(overrides, document, is_text)
    return Reader(document, folder, without).draft()


@few_guesses()
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
        raise unreadable(path, str(error)) from None
    document = head_document(path, head)
    apply_all(overrides, document, is_text)
    return Reader(document, path.parent, without, table).draft()
