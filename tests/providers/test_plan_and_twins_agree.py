"""The plan, the adapters and the sandbox's twins agree on what each provider takes.

Whatever the plan lets through is sent, whole, in a request that the twin accepts; and whatever a twin or an adapter
would refuse, the plan has refused before. Apiframe's requests fit its OpenAPI document besides.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from askings import FIELDS, SWITCHES, fitting, straying
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import SecretStr

from jobs.capabilities import Capabilities, capabilities, known_providers
from jobs.checks.choices import OPT_INS
from jobs.checks.misfits import manifest_misfits, misfits
from jobs.checks.prompts import chinese_characters, words
from jobs.faults import shown
from jobs.fields.readers import READERS, REFERENCES
from jobs.fields.references import MEDIA
from jobs.manifest import Manifest
from jobs.takes import Asked
from jobs.takes.mode import mode
from workers.providers import adapter
from workers.providers.ark import fingerprint
from workers.providers.errors import Invalid
from workers.providers.protocol import Access, Attempt, Request
from workers.sandbox import anyfast, apiframe_schema, ark, cloudflare_schema, content_schema, fal_schema

TABLES = [capabilities(name) for name in known_providers()]
ACCESS = Access("https://provider.example", SecretStr("0123456789abcdef"), account="account-1")
ATTEMPT = Attempt("night/opening/0007-wheat-seed3", 1, "5f" * 32)
EXCERPT = json.loads((Path(__file__).parent / "apiframe_openapi_excerpt.json").read_text())

each_provider = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.provider)
examples = settings(derandomize=True, deadline=None, database=None)
formats = FormatChecker(())


@formats.checks("uri")
def is_uri(text: object) -> bool:
    """RFC 3986, of which JSON Schema's "uri" is, in ASCII."""
    sign = r"[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}"
    authority = rf"(?:{sign})*(?:\[[0-9A-Fa-f:.]+\])?(?::\d*)?"
    uri = rf"[a-z][a-z0-9+.-]*://{authority}(?:/(?:{sign})*)*(?:\?(?:{sign}|[/?])*)?(?:#(?:{sign}|[/?])*)?"
    return not isinstance(text, str) or re.fullmatch(uri, text) is not None


fits_apiframe = Draft202012Validator(
    {**EXCERPT["schemas"]["GenerateVideoRequest"], "components": EXCERPT}, format_checker=formats
)


def sent(asked: Asked, provider: str) -> Request:
    return adapter(provider).submission(asked, ACCESS, ATTEMPT)


def refusal(provider: str, request: Request) -> object:
    """What the provider's twin finds wrong with the request's body, or None. It reads the body as it is on the wire."""
    body = json.loads(json.dumps(request.json))
    match provider:
        case "cloudflare":
            if body.keys() != {"model", "input"} or body["model"] not in cloudflare_schema.INPUTS:
                return body
            read: Any = cloudflare_schema.read_input(body["model"], body["input"])
            return read if isinstance(read, list) else None
        case "fal":
            read = fal_schema.read_body(request.url.rpartition("/")[2], body)
            return read if isinstance(read, list) else None
        case "apiframe":
            read = apiframe_schema.read_body(body)
            if isinstance(read, dict):
                return read
            return [error.message for error in fits_apiframe.iter_errors(body)] or None
        case "anyfast":
            read = content_schema.read_body(content_schema.AnyFastBody, body, nulls=False)
            models: Any = anyfast.MODELS
        case "ark":
            read = content_schema.read_body(content_schema.ArkBody, body, nulls=True)
            models = ark.MODELS
        case _:
            raise AssertionError(f"there is no twin of {provider} here")
    if isinstance(read, tuple):
        return read
    return None if read.model in models else read.model


def objection(asked: Asked, provider: str) -> object:
    """What the adapter or the twin has against it, or None."""
    try:
        request = sent(asked, provider)
    except Invalid as error:
        return error
    return refusal(provider, request)


class Stricter(NamedTuple):
    """What the plan refuses although neither the adapter nor the twin objects, and why it does."""

    providers: tuple[str, ...]
    fields: tuple[str, ...]
    when: Callable[[Asked], bool]
    why: str


# Everything else that the plan refuses would be refused without it too.
STRICTER = (
    Stricter(
        ("anyfast", "apiframe", "ark"),
        ("aspect_ratio",),
        lambda asked: asked.aspect_ratio == "adaptive",
        "a manifest has one word for it, which is auto",
    ),
    Stricter(
        ("ark",),
        ("prompt",),
        lambda asked: len(asked.prompt) > 500,
        "advice at Ark, where more makes the model lose the thread; its twin goes by what Ark refuses",
    ),
    Stricter(
        ("anyfast",),
        ("prompt",),
        lambda asked: len(asked.prompt) > 500,
        "the page doesn't say whether punctuation and kana are Chinese characters: the plan counts them as such",
    ),
    Stricter(
        ("anyfast", "ark"),
        ("resolution",),
        lambda asked: asked.resolution == "4k" and asked.model == "seedance-2.0",
        "a price list names it and the parameters don't: the twins lend it the benefit of the doubt",
    ),
    Stricter(
        ("cloudflare",),
        ("start_image", "end_image"),
        lambda asked: bool(asked.reference_videos),
        "the page keeps only reference images apart from frames; ByteDance, whose model it is, all references",
    ),
    Stricter(
        ("ark",),
        ("provider_options",),
        lambda asked: any(
            name in ("omni_reference_task_type", "callback_url") for name in asked.provider_options or {}
        ),
        "Ark's, but not known to be Seedance 2.0's; and what is called back nobody here would hear",
    ),
    Stricter(
        ("anyfast", "ark", "fal"),
        ("provider_options",),
        lambda asked: any(value in ("", None) for value in (asked.provider_options or {}).values()),
        "an empty text or nothing says nothing, and so was probably not meant",
    ),
)


def is_excused(field: str, asked: Asked, provider: str) -> bool:
    return any(provider in each.providers and field in each.fields and each.when(asked) for each in STRICTER)


# Whether it is taken


@each_provider
def test_what_the_plan_lets_through_is_accepted_and_what_would_be_refused_it_refuses_first(table: Capabilities) -> None:
    accepted = refused = 0

    @settings(examples, max_examples=250)
    @given(fitting(table) | straying(table) | straying(table))
    def agree(asked: Asked) -> None:
        nonlocal accepted, refused
        planned, objected = misfits(asked, table), objection(asked, table.provider)
        if not planned:
            assert objected is None
            accepted += 1
        elif objected is None:
            assert [fault for fault in planned if not is_excused(fault[0], asked, table.provider)] == []
        else:
            refused += 1

    agree()
    assert accepted > 40 and refused > 40


PICTURE, FILM, SOUND = "https://example.com/1.png", "https://example.com/1.mp4", "https://example.com/1.mp3"
FRAMES_AND_REFERENCES = {"start_image": PICTURE, "reference_images": (PICTURE,)}
END_ALONE = {"end_image": PICTURE}
SOUND_ALONE = {"reference_audio": (SOUND,)}
SEARCHED = {"web_search": True, "start_image": PICTURE}
SEARCHED_REFERENCES = {"web_search": True, "reference_videos": (FILM,)}


@pytest.mark.parametrize(
    ("provider", "together"),
    [
        *((provider, each) for provider in known_providers() for each in (FRAMES_AND_REFERENCES, END_ALONE)),
        *((provider, SOUND_ALONE) for provider in known_providers()),
        *((provider, each) for provider in known_providers() for each in (SEARCHED, SEARCHED_REFERENCES)),
        ("cloudflare", {"resolution": "1080p", "reference_images": (PICTURE,)}),
        ("fal", {"reference_images": (PICTURE,) * 9, "reference_videos": (FILM,) * 3, "reference_audio": (SOUND,)}),
    ],
)
def test_what_the_pages_do_not_allow_together(provider: str, together: dict[str, Any]) -> None:
    asked = Asked(model="seedance-2.0", prompt="x", **together)
    assert misfits(asked, capabilities(provider)) != []
    assert objection(asked, provider) is not None


@each_provider
def test_each_kind_of_file_that_can_go_into_a_request_is_taken_there(table: Capabilities) -> None:
    kinds = {"image": ("png", "jpeg"), "video": ("mp4",), "audio": ("wav", "mp3")}
    fields = {"image": "reference_images", "video": "reference_videos", "audio": "reference_audio"}
    for medium, limits in table.inputs.items():
        for kind in (limits.types or kinds[medium]) if "data" in limits.ways else ():
            uri = f"data:{medium}/{'mpeg' if kind == 'mp3' else kind};base64,{base64.b64encode(b'file').decode()}"
            # Audio is taken in company only.
            beside = {"reference_images": (PICTURE,)} if medium == "audio" else {}
            asked = Asked(model="seedance-2.0", prompt="x", **beside, **{fields[medium]: (uri,)})
            assert objection(asked, table.provider) is None, (medium, kind)


# Whether all of it is sent

UNSAID = {
    ("cloudflare", "web_search"): "it has no such field, and so never does it",
    ("cloudflare", "return_last_frame"): "likewise",
    ("fal", "camera_fixed"): "likewise",
    ("fal", "web_search"): "likewise",
    ("fal", "return_last_frame"): "likewise",
    ("anyfast", "camera_fixed"): "Seedance 2.0 has no such field there",
    ("ark", "camera_fixed"): "likewise",
    ("anyfast", "web_search"): "it is asked for by a tool, and so not asked for by none",
    ("ark", "web_search"): "likewise",
}
"""Fields whose `false` is said by silence, each with its reason. Nothing else that is set is left out."""

UNASKED: dict[str, dict[str, Any]] = {
    # Required by the page, which gives these as the defaults.
    "cloudflare": {"duration": 5, "resolution": "720p", "aspect_ratio": "16:9"},
    # The mark by which an attempt in doubt is found again.
    "ark": {"execution_expires_after": fingerprint(ATTEMPT)},
}
"""What is sent although it wasn't set. Nothing else is."""


@each_provider
def test_a_request_says_all_that_was_set_and_nothing_else(table: Capabilities) -> None:
    @settings(examples, max_examples=120)
    @given(fitting(table), st.sampled_from([(), *([name] for name in OPT_INS), OPT_INS]))
    def says_it_all(asked: Asked, declined: Sequence[str]) -> None:
        asked = asked.model_copy(update=dict.fromkeys(declined, False))
        assert misfits(asked, table) == []
        written = asked.model_dump(exclude_none=True)
        expected = {name: value for name, value in written.items() if value not in ((), {})}
        expected |= {f"option {name}": value for name, value in expected.pop("provider_options", {}).items()}
        for provider, name in UNSAID:
            if provider == table.provider and expected.get(name) is False:
                del expected[name]
        for name, value in UNASKED.get(table.provider, {}).items():
            expected.setdefault(f"option {name}" if name in table.options else name, value)
        assert said(sent(asked, table.provider), table) == expected

    says_it_all()


def said(request: Request, table: Capabilities) -> dict[str, Any]:
    """What a request asks, in a manifest's words; read by the table's names, and by no adapter.

    What the table doesn't know is kept under its own name, and so would be a surprise.
    """
    body = json.loads(json.dumps(request.json))
    if table.provider == "fal":
        body["model"] = request.url.removeprefix(f"{ACCESS.base_url}/")
    for wrapped in ("input", "seedanceParams"):
        body |= body.pop(wrapped, {})
    for item in body.pop("content", []):
        name, value = content(item)
        body[name] = value if name not in REFERENCES else (*body.get(name, ()), value)
    fields: dict[str, Any] = {}
    for name, value in body.items():
        field = table.sets.get(name) or name
        if name in table.options:
            fields[f"option {name}"] = value
        elif field == "model":
            fields[field] = next(ours for ours, known in table.models.items() if value in known.endpoints.values())
        elif field == "web_search" and name == "tools":
            assert value == [{"type": "web_search"}]
            fields[field] = True
        elif field in REFERENCES:
            fields[field] = (value,) if isinstance(value, str) else tuple(value)
        elif field == "duration":
            fields[field] = "auto" if value in (-1, "auto") else int(value)
        else:
            fields[field] = "auto" if field == "aspect_ratio" and value == "adaptive" else value
    return fields


def content(item: dict[str, Any]) -> tuple[str, Any]:
    """An item of Ark's `content`, as a field of a manifest and its value."""
    if item["type"] == "text":
        return "prompt", item["text"]
    field = {
        "first_frame": "start_image",
        "last_frame": "end_image",
        "reference_image": "reference_images",
        "reference_video": "reference_videos",
        "reference_audio": "reference_audio",
    }[item["role"]]
    kind = f"{MEDIA[field]}_url"
    assert item["type"] == kind and item.keys() == {"type", kind, "role"}
    return field, item[kind]["url"]


@each_provider
@pytest.mark.parametrize("model", ["seedance-2.0", "seedance-2.0-fast"])
def test_a_request_goes_to_the_endpoint_that_the_table_names(table: Capabilities, model: str) -> None:
    url = "https://example.com/1"
    for made, brought in {"text": {}, "image": {"start_image": url}, "reference": {"reference_videos": (url,)}}.items():
        asked = Asked(model=model, prompt="x", **brought)
        assert mode(asked) == made
        request = sent(asked, table.provider)
        named = request.json.get("model") or request.url.removeprefix(f"{ACCESS.base_url}/")
        assert named == table.models[model].endpoints[made]


# What is said of a misfit


@each_provider
def test_a_misfit_is_said_with_its_field_and_its_value(table: Capabilities) -> None:
    @settings(examples, max_examples=120)
    @given(straying(table))
    def says_it(asked: Asked) -> None:
        for fault in manifest_misfits(manifest_of(asked, table)):
            field = next((str(step) for step in fault.loc if step in FIELDS), None)
            if field is None:
                count = sum(len(getattr(asked, name)) for name in REFERENCES)
                assert fault.message.startswith(f"{count} references in one take; ")
            elif field == "provider_options":
                name, options = fault.loc[-1], asked.provider_options or {}
                assert names_option(fault.message, str(name), options[str(name)])
            elif table.takes(field) or field == "model":
                assert names_value(fault.message, field, getattr(asked, field))
            else:
                assert fault.message.startswith(f"{table.provider} has no ")

    says_it()


A_VALUE: dict[str, Any] = {
    "end_image": "https://example.com/2.png",
    **dict.fromkeys(REFERENCES, ("https://example.com/1",)),
    **dict.fromkeys(SWITCHES, True),
}


@pytest.mark.parametrize(
    ("table", "field"),
    [
        pytest.param(table, field, id=f"{table.provider}-{field}")
        for table in TABLES
        for field in READERS
        if field != "model" and not table.takes(field)
    ],
)
def test_a_field_that_a_provider_lacks_is_said_with_those_that_have_it(table: Capabilities, field: str) -> None:
    asked = Asked(model="seedance-2.0", prompt="x", **{field: A_VALUE[field]})
    having = [other.provider for other in TABLES if other.takes(field)]
    ((blamed, message),) = misfits(asked, table)
    assert blamed == field
    assert message.startswith(f"{table.provider} has no ")
    assert re.findall(r"\w+", message.rpartition("; ")[2].replace(" and ", " "))[:-1] == having


@pytest.mark.parametrize(
    ("provider", "field", "value", "having"),
    [
        ("fal", "resolution", "4k", "apiframe and cloudflare take it"),
        ("cloudflare", "duration", 13, "anyfast, apiframe, ark and fal take it"),
        ("apiframe", "duration", "auto", "anyfast, ark and fal take it"),
        ("ark", "aspect_ratio", "9:21", "cloudflare takes it"),
        ("fal", "start_image", "asset://a-1", "anyfast, apiframe and ark take it"),
        ("anyfast", "seed", -2, "apiframe, cloudflare and fal take it"),
        ("fal", "provider_options", {"priority": 1}, "anyfast and ark take it"),
    ],
)
def test_a_value_that_a_provider_does_not_take_is_said_with_those_that_do(
    provider: str, field: str, value: object, having: str
) -> None:
    asked = Asked.model_validate({"model": "seedance-2.0", "prompt": "x", field: value})
    ((blamed, message),) = misfits(asked, capabilities(provider))
    assert blamed == field
    assert message.endswith(f"; {having}")


def manifest_of(asked: Asked, table: Capabilities) -> Manifest:
    """The manifest of one shot that asks for it."""
    shot = asked.model_dump(exclude_none=True, exclude={"model"})
    shot = {name: value for name, value in shot.items() if value not in ((), {})}
    shot["prompt"] = asked.prompt.replace("{", "{{").replace("}", "}}")
    return Manifest.model_validate(
        {"batch": "b", "provider": table.provider, "model": asked.model, "shots": [{"name": "a", **shot}]}
    )


def names_option(message: str, name: str, value: object) -> bool:
    """Whether the message about an option names it or its value, or says how long its text is."""
    of_length = isinstance(value, str) and (f"of {len(value)} characters" in message or "is empty" in message)
    return of_length or shown(value) in message or re.search(rf"\b{name}\b", message) is not None


def names_value(message: str, field: str, value: object) -> bool:
    """Whether the message names the value, how much it is, or the other field that it can't go together with."""
    if any(re.search(rf"\b{name}\b", message) for name in FIELDS if name != field):
        return True
    if field == "prompt":
        return f" {measure(str(value), message)} " in message
    each = [str(len(value)), *map(shown, value)] if isinstance(value, tuple) else [shown(value).strip("'")]
    return any(name in message for name in each)


def measure(prompt: str, message: str) -> int:
    """How long the prompt is, by the unit that the message counts in."""
    if "Chinese characters" in message:
        return chinese_characters(prompt)
    return words(prompt) if " words" in message else len(prompt)
