"""The three ways to make a video: from text alone, from a first or last image, from references."""

from __future__ import annotations

from collections.abc import Container
from typing import Literal

from jobs.fields.readers import REFERENCES
from jobs.takes import Asked

Mode = Literal["text", "image", "reference"]


def mode(asked: Asked) -> Mode:
    """The mode that a take calls for by what it brings along.

    References win over images: whether a provider takes both together is for `jobs.checks.misfits` to say.
    """
    return mode_of({name for name in (*REFERENCES, "start_image", "end_image") if getattr(asked, name)})


def mode_of(given: Container[str]) -> Mode:
    """The mode that the fields named in `given` call for."""
    if any(name in given for name in REFERENCES):
        return "reference"
    return "image" if "start_image" in given or "end_image" in given else "text"
