"""What the waiting room hands out, and what it holds of a take."""

from __future__ import annotations

import json
import os.path
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workers.engine.states import ORPHANS, State, Step


@dataclass(frozen=True, slots=True)
class Work:
    """One step that can be done now. `fence` proves that it is the newest hand on the take."""

    step: Step
    batch: str
    index: int
    fence: int
    attempt: int


@dataclass(frozen=True, slots=True)
class TakeRecord:
    """What Redis holds of one take that is not merely waiting and not yet done.

    A job that came besides a take's own has a record too: `orphan_of` is then the index of that take.
    """

    batch: str
    index: int
    state: State
    fence: int
    attempt: int
    failures: int
    job: dict[str, Any] | None
    fields: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, batch: str, index: int, fields: Mapping[str, str]) -> TakeRecord:
        """The record that `fields` are."""
        job = fields.get("job")
        return cls(
            batch=batch,
            index=index,
            state=State(fields["state"]),
            fence=int(fields.get("fence", 0)),
            attempt=int(fields.get("attempt", 1)),
            failures=int(fields.get("failures", 0)),
            job=None if job is None else _read_job(json.loads(job)),
            fields=fields,
        )

    @property
    def orphan_of(self) -> int | None:
        """The take besides whose own job this one came, or None."""
        return int(self.fields["of"]) if self.index >= ORPHANS else None

    def value(self, name: str) -> Any:
        """One of the fields that are kept as JSON, or None."""
        raw = self.fields.get(name)
        return None if raw is None else json.loads(raw)

    def time(self, name: str) -> float | None:
        """One of the times, in seconds since the epoch, or None."""
        raw = self.fields.get(name)
        return None if raw is None else float(raw) / 1000


def kept_job(job_id: str, urls: Mapping[str, str]) -> dict[str, Any]:
    """A provider's job as it is kept with its take: what its URLs begin with is kept once, for there may be many."""
    base = os.path.commonprefix(list(urls.values()))  # noqa: RUF071 - by characters, as is meant
    return {"id": job_id, "base": base, "urls": {name: url.removeprefix(base) for name, url in urls.items()}}


def _read_job(kept: dict[str, Any]) -> dict[str, Any]:
    base = kept.pop("base", None)
    if base is not None:
        kept["urls"] = {name: base + rest for name, rest in kept["urls"].items()}
    return kept


def as_ms(seconds: float) -> int:
    """Seconds as the milliseconds in which times are kept with a take; `TakeRecord.time` reads them back."""
    return max(0, round(seconds * 1000))


@dataclass(frozen=True, slots=True)
class Stay:
    """That a take remains as it is, and is due again after `delay` seconds, with `fields` kept (None removes one)."""

    work: Work
    state: State
    delay: float
    fields: Mapping[str, Any]
