"""Loading a manifest for rendering: read it, and ask whether its provider takes all of it."""

from __future__ import annotations

from pathlib import Path

from jobs.capabilities import capabilities
from jobs.checks import shot_misfits
from jobs.faults import Loc
from jobs.manifest import Manifest
from jobs.reading import draft, read_text


def load(path: Path) -> Manifest:
    """The manifest in the file at `path`, which its provider takes as it is, by all that is known of it.

    Raises `jobs.errors.ManifestError` with everything that is wrong, in the writing and with the provider.
    """
    return load_text(read_text(path), str(path))


def load_text(text: str, source: str) -> Manifest:
    """The manifest in `text`; `source` is what messages call it. Raises as `load` does."""
    found = draft(text, source)
    if found.provider is not None:
        table = capabilities(found.provider)
        damaged = found.shots if found.defaults_damaged else found.damaged
        messages: dict[Loc, list[str]] = {}
        for loc, message in shot_misfits(found.model, found.defaults, found.shots, table, damaged=damaged):
            messages.setdefault(loc, []).append(message)
        for loc, said in messages.items():
            found.document.blame(loc, "; ".join(said))
    return found.whole()
