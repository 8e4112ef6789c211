"""The page of the manifest's keys, from the same schema as editors complete them by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobs.schema import schema
from rushes.reference.writing import filled, table

_SHAPES = {
    "Defaults": "a mapping of fields",
    "Shot": "shot",
    "Look": "look",
    "text": "text",
    "duration": "whole seconds, or `auto`",
    "media": "a URL, a path, an id of the provider's, or a file of another take",
    "money": "an amount, as `40 USD`",
    "share": "an amount, or a share as `80%`",
    "choice_seed": "a word or a whole number",
    "value": "text, a number, or true or false",
    "range": "a range, as `1..8` or `1..10:3`",
    "sweep": "axes: see [sweeps](../sweeps.md)",
    "rules": "a list of partial takes, as `{place: wheat, light: dusk}`",
}
"""What is said of a shape of the schema. What stands in none of the tables needs no words."""

_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
    "array": "list",
}


def manifest() -> str:
    """The page of the manifest's keys."""
    made = schema()
    top, shot = made["properties"], made["$defs"]["Shot"]["properties"]
    shared, look = made["$defs"]["Defaults"]["properties"], made["$defs"]["Look"]["properties"]
    return filled(
        "manifest.md",
        top=_table({name: each for name, each in top.items() if name not in shared}),
        shot=_table({name: each for name, each in shot.items() if name not in shared}),
        terms=_table({name: each for name, each in shared.items() if name not in look}),
        fields=_table({name: each for name, each in shared.items() if name in look}),
        around=_table({name: each for name, each in look.items() if name not in shared}),
    )


def _table(properties: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (f"`{name}`", _cell(_written(each)), _default(each), _cell(_described(each)))
        for name, each in properties.items()
    ]
    return table(("key", "written", "default", ""), rows)


def _described(fragment: Mapping[str, Any]) -> str:
    said = str(fragment.get("description", ""))
    examples = [each for each in fragment.get("examples", []) if isinstance(each, str)]
    return f"{said} As {_either(f'`{each}`' for each in examples)}." if examples else said


def _default(fragment: Mapping[str, Any]) -> str:
    value = fragment.get("default")
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _written(fragment: Mapping[str, Any]) -> str:
    """How a value is written, in words."""
    if "$ref" in fragment:
        return _SHAPES[fragment["$ref"].rpartition("/")[2]]
    if "allOf" in fragment:
        return _written(fragment["allOf"][0])
    if "anyOf" in fragment:
        return _either(dict.fromkeys(_written(each) for each in fragment["anyOf"]))
    if "enum" in fragment:
        return _either(f"`{each}`" for each in fragment["enum"])
    if isinstance(fragment.get("type"), list):
        return _either(_written({**fragment, "type": each}) for each in fragment["type"])
    if fragment.get("type") == "array" and "items" in fragment:
        return f"list of {_written(fragment['items'])}"
    if fragment.get("type") == "object" and fragment.get("properties"):
        return f"a mapping of {', '.join(f'`{name}`' for name in fragment['properties'])}"
    kind = _TYPES[fragment["type"]]
    low, high = fragment.get("minimum"), fragment.get("maximum")
    if low is not None and high is not None:
        return f"{kind}, {low} to {high}"
    return kind if low is None else f"{kind}, from {low}"


def _either(said: Iterable[str]) -> str:
    *most, last = said
    return f"{', '.join(most)} or {last}" if most else last


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
