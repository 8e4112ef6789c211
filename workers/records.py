"""What the JSON records in the store have in common: frozen, readable by people, and never failing to be written.

A record is often the only trace of money spent, so nothing that a provider put into its answer may keep it from
being written down.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue, PlainSerializer, ValidationError

from workers.errors import StoreRefused

DEEPEST = 60
"""How deep an answer may nest; pydantic gives up at a few hundred."""


def _seconds(moment: object) -> object:
    if isinstance(moment, str):
        parsed = datetime.fromisoformat(moment)
        if parsed.tzinfo is None:
            raise ValueError("the time has no zone: write it in UTC, ending in Z")
        return parsed.timestamp()
    # To the microsecond, as it will be written: a record equals what is read back.
    return round(moment, 6) if isinstance(moment, float) else moment


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Moment = Annotated[float, BeforeValidator(_seconds), PlainSerializer(_iso, return_type=str, when_used="json")]
"""Seconds since the epoch in Python, ISO 8601 in UTC (`2026-11-21T06:14:03.250000Z`) in JSON."""


def storable(value: object, depth: int = 0) -> JsonValue:
    """`value` as JSON that can always be written: what JSON or UTF-8 can't hold becomes text or `?`."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping | list | tuple) and depth >= DEEPEST:
        return "(nested too deeply to be kept)"
    if isinstance(value, Mapping):
        return {_text(str(name)): storable(one, depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one, depth + 1) for one in value]
    return _text(str(value))


def _text(text: str) -> str:
    # json.loads lets half a surrogate pair through, which no UTF-8 can hold.
    return text.encode("utf-8", "replace").decode("utf-8")


def _storable_text(text: object) -> object:
    return _text(text) if isinstance(text, str) else text


Answer = Annotated[JsonValue, BeforeValidator(storable)]
"""A provider's JSON, as it came but for what can't be written down."""

Text = Annotated[str, BeforeValidator(_storable_text)]
"""A provider's words, as they came but for what can't be written down."""


class Record(BaseModel):
    """A frozen record. Fields that a newer Rushes added are passed over when one is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sorted_keys: ClassVar[bool] = True

    def to_json(self) -> bytes:
        """The record as indented JSON in UTF-8, the same bytes for the same record."""
        values = self.model_dump(mode="json")
        text = json.dumps(values, indent=2, sort_keys=self.sorted_keys, ensure_ascii=False, allow_nan=False)
        return text.encode() + b"\n"

    @classmethod
    def from_json(cls, body: bytes, source: str) -> Self:
        """The record that `to_json` wrote. `source` is where it was read, for the message.

        Raises `StoreRefused` when it is something else: records are not mended by guessing.
        """
        try:
            return cls.model_validate(json.loads(body))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "the record"
            why = f"{place}: {first['msg']}"
        except ValueError as error:
            why = f"not JSON: {error}"
        raise StoreRefused(
            f"{source} is not the {cls.__name__.lower()} that Rushes wrote there ({why}). "
            "Was it changed by hand, or written by a newer Rushes? Restore it, or use that version"
        )
