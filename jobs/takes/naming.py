"""Names: which ones a batch and a shot may have, and what each take is called.

A take is called `<shot>/<number>-<values>`, as `opening/0007-wheat-seed3`. The number alone makes the name
unique and sorts it; the values are there for the person who looks at a folder. When a shot is changed, the takes of the
new edition are called `<shot>.<edition>/<number>-<values>`, as `opening.2/0001-rye`. A name holds nothing but ASCII
letters, digits, `-`, `_`, the one `/` and, before an edition, one `.`, so it is safe alike in file systems, S3 keys and
URLs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from slugify import slugify

from jobs.faults import shown
from jobs.fields.references import MEDIA, kind_of
from jobs.takes import AxisValue

LONGEST_NAME = 64
LONGEST_VALUE = 24
LONGEST_PART = 100
FEWEST_DIGITS = 4
SHOWN_DIGITS = 10
"""How much of a local file's sha256 a take's name shows."""

RESERVED_BATCHES = frozenset({"rehearsal"})
"""Batch names that Rushes keeps for itself: rehearsals are stored apart, under this one."""

DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
"""What Windows takes for a device and not for a folder, in any case."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
_NUMBER = re.compile(r"(\d+)(?:-|\Z)", re.ASCII)

# What stands before the value in a take's name. A prompt and a model tell what they are by themselves.
_LABELS = {
    "prompt": "",
    "model": "",
    "start_image": "start-",
    "end_image": "end-",
    "reference_images": "image-",
    "reference_videos": "video-",
    "reference_audio": "audio-",
    "duration": "duration",
    "resolution": "resolution",
    "aspect_ratio": "aspect",
    "seed": "seed",
    "generate_audio": "audio",
    "camera_fixed": "fixed",
    "watermark": "watermark",
    "web_search": "search",
    "return_last_frame": "lastframe",
}


def name_fault(name: str, *, reserved: Iterable[str] = ()) -> str | None:
    """What is wrong with `name` as the name of a batch or a shot, with a better one, or None."""
    if name.lower() in DEVICES:
        return f"{shown(name)} is the name of a device on Windows; take another, as {name + '-1'!r}"
    if name.lower() in reserved:
        return f"{shown(name)} is a name that Rushes keeps for itself; take another"
    if len(name) <= LONGEST_NAME and _NAME.fullmatch(name):
        return None
    if not name:
        return "the name is empty; use letters, digits, - and _"
    if _NAME.fullmatch(name):
        rule = f"{shown(name)} has {len(name)} characters, and a name may have {LONGEST_NAME}"
    else:
        rule = f"{shown(name)} is not a name: use letters, digits, - and _, and begin with a letter or a digit"
    better = _slug(name[: LONGEST_NAME * 4], LONGEST_NAME, lowercase=False)
    usable = better and better.lower() not in DEVICES and better.lower() not in reserved
    return f"{rule}; how about {better!r}?" if usable else rule


def take_name(
    shot: str,
    number: int,
    count: int,
    axes: Mapping[str, AxisValue],
    *,
    edition: int = 1,
    repeat: AxisValue | None = None,
) -> str:
    """The name of take `number` (from 1) of the `count` takes of `shot`, as `opening/0007-wheat-seed3`.

    `axes` holds what the sweep chose, in the manifest's order. A value that leaves nothing when it is put
    into plain letters is left out of the name. `repeat` is which of several of the same it is, where there are.
    """
    digits = max(FEWEST_DIGITS, len(str(count)))
    parts = [f"{number:0{digits}d}", *(_label(axis, value) for axis, value in axes.items())]
    if repeat is not None:
        parts.append(f"repeat{repeat}")
    last = "-".join(part for part in parts if part)[:LONGEST_PART].rstrip("-")
    return f"{strand_folder(shot, edition)}/{last}"


def strand_folder(shot: str, edition: int) -> str:
    """What the names of a shot's takes begin with: `opening`, and from the second edition on `opening.2`.

    A shot's name has no `.` in it, so no two shots and editions have the same.
    """
    return shot if edition == 1 else f"{shot}.{edition}"


def parse_take_name(name: str) -> tuple[str, int] | None:
    """The folder (as `strand_folder`) and the number that `name` begins with, or None when it is no take's name.

    That there is such a take, and that this is its whole name, is for the caller to check.
    """
    folder, slash, last = name.partition("/")
    found = _NUMBER.match(last[: LONGEST_PART + 1])
    return (folder, int(found[1])) if slash and found else None


def _label(axis: str, value: AxisValue) -> str:
    before = _LABELS.get(axis)
    slug = _value_slug(axis, value)
    return f"{before}{slug}" if before and slug else slug


def _value_slug(axis: str, value: AxisValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        # slugify drops a minus at the front, and then seed -3 would read as seed 3.
        text = f"minus{-value}" if value < 0 else str(value)
        return text[:LONGEST_VALUE] if isinstance(value, int) else _slug_of_value(text)
    if axis in MEDIA:
        return _medium(value)
    return _slug_of_value(value.replace(":", "x") if axis == "aspect_ratio" else value)


@lru_cache(maxsize=4096)
def _medium(reference: str) -> str:
    """The file's own name, for whole URLs differ late and say little. An asset has only its id, and a local file goes
    by its content: with its name in it, renaming the file would make another take of the same."""
    match kind_of(reference):
        case "asset":
            return _slug_of_value(reference.removeprefix("asset://"))
        case "input":
            return reference.removeprefix("input:")[:SHOWN_DIGITS]
        case "link":
            return _slug_of_value(reference.rpartition(".")[0])
    try:
        path = urlsplit(reference).path.replace("\\", "/")
    except ValueError:
        path = reference
    last = unquote(path.rstrip("/").rpartition("/")[2])
    return _slug_of_value(last.rpartition(".")[0] or last)


@lru_cache(maxsize=4096)
def _slug_of_value(text: str) -> str:
    return _slug(text[: LONGEST_VALUE * 8], LONGEST_VALUE, lowercase=True)


def _slug(text: str, longest: int, *, lowercase: bool) -> str:
    # Entities stay as they are written: decoding them serves HTML, and `&#99999999999;` can't be decoded.
    pattern = r"[^-a-z0-9]+" if lowercase else r"[^-_a-zA-Z0-9]+"
    slug = slugify(
        text,
        entities=False,
        decimal=False,
        hexadecimal=False,
        lowercase=lowercase,
        regex_pattern=pattern,
    )
    return slug[:longest].strip("-_")
