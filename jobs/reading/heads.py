"""What a table of shots lacks and a manifest has above its shots: where that is said, and that it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobs.errors import ManifestError
from jobs.faults import place
from jobs.reading.document import Document, parse
from jobs.reading.files import read_text, unreadable
from jobs.reading.keys import DEFAULT_KEYS, MANIFEST_KEYS, is_text
from jobs.tables import TableHead


def head_document(path: Path, head: TableHead) -> Document:
    """What a manifest would have above its shots: from the file of defaults, and over it from the command line."""
    document = Document(str(path))
    data: dict[str, Any] = {}
    if head.defaults is not None:
        found = parse(read_text(head.defaults), str(head.defaults), as_written=is_text)
        if not isinstance(found.data, dict):
            raise unreadable(head.defaults, "the defaults are a mapping; write  field: value")
        if found.problems:
            raise ManifestError(str(head.defaults), found.problems.values())
        if "include" in found.data:
            raise unreadable(
                head.defaults, "a file of defaults includes no others; a manifest does, by  shots: {csv: FILE}"
            )
        tops = [key for key in found.data if key in MANIFEST_KEYS and key not in DEFAULT_KEYS]
        data = {key: found.data[key] for key in tops if key not in ("shots", "defaults")}
        fields = {key: value for key, value in found.data.items() if key not in tops}
        if "shots" in tops:
            raise unreadable(head.defaults, "it has shots; those of a table are its rows, so take them away here")
        within = found.data.get("defaults", {})
        twice = sorted(fields.keys() & within.keys()) if isinstance(within, dict) else []
        if twice:
            raise unreadable(head.defaults, f"{twice[0]} stands there twice, at the top and under defaults")
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
