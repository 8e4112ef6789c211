"""The body that Ark and AnyFast share: a `content` array of text, images, videos and audio, each in its role.

AnyFast relays to Ark and takes Ark's body. What it may hold is from AnyFast's page of Seedance 2.0 Fast (parameters
and "Input modes"); the same fields are in BytePlus's own SDK, `byteplussdkarkruntime` 3.0.63.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.takes import Asked
from workers.providers.errors import Invalid

WORDS: Mapping[str, str] = {
    "model": "model",
    "content": "prompt, start_image, end_image and the references",
    "resolution": "resolution",
    "ratio": "aspect_ratio",
    "duration": "duration",
    "seed": "seed",
    "generate_audio": "generate_audio",
    "camera_fixed": "camera_fixed",
    "watermark": "watermark",
    "return_last_frame": "return_last_frame",
    "tools": "web_search",
}
"""The body's fields for which the manifest has its own words. `provider_options` may hold none of them."""


def content_body(asked: Asked, *, provider: str, models: Mapping[str, str]) -> dict[str, Any]:
    """The body that asks `provider` for `asked`. `models` are the provider's ids for the manifest's models.

    It holds what was asked and nothing else. Numbers that are out of bounds are for the plan to refuse.

    Raises:
        Invalid: `asked` holds something that can't be said to the provider.
    """
    model = models.get(asked.model)
    if model is None:
        raise Invalid(f"{provider} has no model {asked.model!r}; it has {' and '.join(models)}.")
    if asked.camera_fixed:
        # Set to false, it asks for what these models do anyway.
        raise Invalid(f"{provider}'s Seedance 2.0 models can't fix the camera; leave camera_fixed out.")
    content = list(_content(asked, provider))
    if asked.web_search and (len(content) > 1 or content[0]["type"] != "text"):
        raise Invalid(f"{provider} searches the web for text-to-video only; leave out web_search, or the inputs.")
    body = {
        "model": model,
        "content": content,
        "resolution": asked.resolution,
        "ratio": "adaptive" if asked.aspect_ratio == "auto" else asked.aspect_ratio,
        "duration": -1 if asked.duration == "auto" else asked.duration,
        "seed": asked.seed,
        "generate_audio": asked.generate_audio,
        "watermark": asked.watermark,
        "return_last_frame": asked.return_last_frame,
        "tools": [{"type": "web_search"}] if asked.web_search else None,
    }
    return {name: value for name, value in body.items() if value is not None} | _options(asked, provider)


def _content(asked: Asked, provider: str) -> Iterator[dict[str, Any]]:
    references = asked.reference_images or asked.reference_videos or asked.reference_audio
    if references and (asked.start_image or asked.end_image):
        raise Invalid(f"{provider} takes either a start and an end image or references, not both; leave one out.")
    if asked.end_image and not asked.start_image:
        raise Invalid(f"{provider} takes an end_image only together with a start_image; add one.")
    if asked.prompt.strip():
        yield {"type": "text", "text": asked.prompt}
    elif not (references or asked.start_image):
        raise Invalid(f"{provider} needs a prompt where there is no image, video or audio; write one.")
    inputs = (
        ("image", "first_frame", (asked.start_image,)),
        ("image", "last_frame", (asked.end_image,)),
        ("image", "reference_image", asked.reference_images),
        ("video", "reference_video", asked.reference_videos),
        ("audio", "reference_audio", asked.reference_audio),
    )
    for kind, role, urls in inputs:
        for url in urls:
            if url is not None:
                yield {"type": f"{kind}_url", f"{kind}_url": {"url": url}, "role": role}


def _options(asked: Asked, provider: str) -> dict[str, Any]:
    options = dict(asked.provider_options or {})
    for name in options:
        if name in WORDS:
            raise Invalid(f"{provider}: provider_options holds {name!r}, which is set by {WORDS[name]}; set that.")
    return options
