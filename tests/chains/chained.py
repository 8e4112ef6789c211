"""Chained manifests for tests, short to write."""

from __future__ import annotations

from typing import Any

from jobs.errors import ManifestError
from jobs.manifest import Manifest
from jobs.reading.loading import load_text

HEAD = """\
batch: {batch}
provider: fal
model: seedance-2.0-fast
defaults: {{duration: 4, resolution: 480p}}
shots:
"""


def chained(shots: str, *, batch: str = "night") -> Manifest:
    """The manifest with these shots, as YAML."""
    return load_text(HEAD.format(batch=batch) + shots, "night.yaml")


def refusal(shots: str) -> list[tuple[str, str]]:
    """The places and messages with which such a manifest is refused."""
    try:
        chained(shots)
    except ManifestError as error:
        return [(problem.place, problem.message) for problem in error.problems]
    raise AssertionError("it was taken")


def messages(shots: str) -> dict[str, Any]:
    return dict(refusal(shots))
