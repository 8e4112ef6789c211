"""The JSON Schema of the manifest, from which editors complete keys and values and show what they mean.

It is made from the models, so a field that they gain is in it; what a person writes where the models hold something
else, and what an editor says of it, stands in `words.yaml`. It is a help in writing and not the judge:
`jobs.reading.loading` is, and finds what no schema can say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from ruamel.yaml import YAML

from jobs.capabilities import Capabilities, capabilities, known_providers
from jobs.fields.readers import READERS
from jobs.manifest import Defaults, Fields, Manifest, Shot

FILE_NAME = "manifest.schema.json"
"""What the file is called that lies beside the manifests."""

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""The one that all common editors know."""

_SHAPED = frozenset({"type", "anyOf", "enum", "$ref", "const"})


def schema() -> dict[str, Any]:
    """The schema as plain mappings, lists, text and numbers."""
    words = _words()
    models: dict[str, Any] = Manifest.model_json_schema(mode="validation")
    written = {
        "Manifest": _model(Manifest.model_fields, models["properties"], words, required=("batch", "provider", "model")),
        "Defaults": _model(Defaults.model_fields, models["$defs"]["Defaults"]["properties"], words),
        "Shot": _model(Shot.model_fields, models["$defs"]["Shot"]["properties"], words, required=("name",)),
    }
    shapes = dict(words["shapes"])
    top = written["Manifest"]
    top["required"].append("shots")
    top["properties"]["shots"] |= {
        "type": ["array", "object"],
        "items": {"$ref": "#/$defs/Shot"},
        **words["table"],
    }
    top["properties"]["looks"] = {**words["looks"], "additionalProperties": {"$ref": "#/$defs/Look"}}
    top["properties"]["include"] = words["include"]
    # What is needed may stand in a file that is included.
    top["anyOf"] = [{"required": top.pop("required")}, {"required": ["include"]}]
    written["Shot"]["properties"]["look"] = words["look"]
    tables = [capabilities(provider) for provider in known_providers()]
    top["properties"]["provider"] |= _one_or_several([table.provider for table in tables])
    top["properties"]["model"] |= {"enum": _union(table.models for table in tables)}
    fields = {
        "resolution": _union(model.resolutions for table in tables for model in table.models.values()),
        "aspect_ratio": _union(_ratios(table) for table in tables),
    }
    for part in ("Defaults", "Shot"):
        for name, values in fields.items():
            written[part]["properties"][name] |= {"enum": values}
    looked = {name: written["Shot"]["properties"][name] for name in Fields.model_fields}
    look = {"type": "object", "additionalProperties": False, "properties": {**words["around"], **looked}}
    shapes["sweep"] = shapes["sweep"] | {"properties": _axes(words)}
    top["allOf"] = [_of_provider(table) for table in tables]
    defs = {"Defaults": written["Defaults"], "Shot": written["Shot"], "Look": look, **shapes}
    all_defs = {**models["$defs"], **defs}
    used = _reached(all_defs, top)
    head = {"$schema": _DIALECT, "title": words["title"], "description": words["description"]}
    made: dict[str, Any] = _refs_alone(
        {**head, **top, "$defs": {each: all_defs[each] for each in all_defs if each in used}}
    )
    return made


def text() -> str:
    """The schema as it lies beside the manifests."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


@cache
def _words() -> dict[str, Any]:
    written = resources.files(__name__).joinpath("words.yaml").read_text(encoding="utf-8")
    words: dict[str, Any] = YAML(typ="safe", pure=True).load(written)
    return words


def _model(
    fields: Iterable[str], shaped: Mapping[str, Any], words: Mapping[str, Any], *, required: tuple[str, ...] = ()
) -> dict[str, Any]:
    properties = {name: _field(shaped[name], words["fields"].get(name, {})) for name in fields}
    model: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**model, "required": list(required)} if required else model


def _field(shaped: Mapping[str, Any], words: Mapping[str, Any]) -> dict[str, Any]:
    """One field: the shape of the words where they have one, else the models', without null, which no file may hold."""
    if _SHAPED.isdisjoint(words):
        shape = {name: value for name, value in shaped.items() if name not in ("title", "default")}
        if "anyOf" in shape:
            ways = [way for way in shape.pop("anyOf") if way != {"type": "null"}]
            shape |= ways[0] if len(ways) == 1 else {"anyOf": ways}
        return {**shape, **words}
    return dict(words)


def _axes(words: Mapping[str, Any]) -> dict[str, Any]:
    """The axes that set a field, so that an editor offers them."""
    told = {"model": words["fields"]["model"], **words["fields"]}
    return {
        name: {"$ref": "#/$defs/axis", "description": told[name]["description"]} for name in READERS if name in told
    }


def _one_or_several(names: list[str]) -> dict[str, Any]:
    one = {"type": "string", "enum": names}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "uniqueItems": True}]}


def _of_provider(table: Capabilities) -> dict[str, Any]:
    """What holds under one provider: its models, and its own options."""
    then: dict[str, Any] = {"model": {"enum": list(table.models)}}
    if table.options:
        options = {
            "properties": {
                "provider_options": {"properties": {name: {"title": name} for name in table.options}},
            }
        }
        then |= {"defaults": options, "shots": {"items": options}}
    return {
        "if": {"required": ["provider"], "properties": {"provider": {"const": table.provider}}},
        "then": {"properties": then},
    }


def _refs_alone(part: Any) -> Any:
    """The same with every reference by itself: in this dialect nothing counts that stands beside one."""
    if isinstance(part, list):
        return [_refs_alone(each) for each in part]
    if not isinstance(part, Mapping):
        return part
    walked = {name: _refs_alone(each) for name, each in part.items()}
    if isinstance(walked.get("$ref"), str) and len(walked) > 1:
        return {"allOf": [{"$ref": walked.pop("$ref")}], **walked}
    return walked


def _ratios(table: Capabilities) -> Iterable[str]:
    yield from table.aspect_ratios
    for model in table.models.values():
        yield from model.aspect_ratios or ()


def _union(lists: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(value for each in lists for value in each))


def _reached(defs: Mapping[str, Any], start: object) -> set[str]:
    """The names of the definitions that `start` leads to."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        match waiting.pop():
            case {"$ref": str(ref), **rest}:
                name = ref.rpartition("/")[2]
                waiting.append(rest)
                if name not in found:
                    found.add(name)
                    waiting.append(defs[name])
            case dict() as mapping:
                waiting.extend(mapping.values())
            case list() as values:
                waiting.extend(values)
    return found
