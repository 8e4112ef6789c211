"""What is asked of Ark, and of AnyFast, which relays to it, and by which class their refusals are known."""

from __future__ import annotations

from typing import Any

from workers.providers.errors import (
    AuthRefused,
    InDoubt,
    InputRefused,
    Invalid,
    OutputRefused,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Transient,
)

URL = "https://example.com/input"

SAID: dict[str, Any] = {
    "aspect_ratio": "1:1",
    "seed": 7,
    "generate_audio": False,
    "watermark": True,
    "return_last_frame": True,
    "camera_fixed": False,
}
OPTIONS: dict[str, Any] = {"priority": 1, "safety_identifier": "me"}


def modes(**options: Any) -> dict[str, dict[str, Any]]:
    """Every mode by a name; the last with all that can be said, and with the provider's own `options` besides."""
    return {
        "text": {},
        "web search": {"web_search": True},
        "first frame": {"start_image": URL},
        "first frame without a prompt": {"start_image": URL, "prompt": ""},
        "first and last frame": {"start_image": URL, "end_image": "asset://a-1"},
        "references": {"reference_images": (URL,), "reference_videos": (URL,), "reference_audio": (URL,)},
        "video editing": {"reference_images": (URL,), "reference_videos": (URL,)},
        "video extension": {"reference_videos": (URL, URL)},
        "all left to the provider": {"duration": "auto", "aspect_ratio": "auto"},
        "all that can be said": {**SAID, "provider_options": {**OPTIONS, **options}},
    }


REFUSED: list[tuple[str, dict[str, Any], type[ProviderError]]] = [
    ("[sandbox: 429]", {}, RateLimited),
    ("[sandbox: saturated]", {}, RateLimited),
    ("[sandbox: 500]", {}, InDoubt),
    ("[sandbox: garbage-submit]", {}, InDoubt),
    ("[sandbox: moderation-input]", {}, InputRefused),
    ("[sandbox: flood]", {}, Invalid),
    ("a cat", {"locked": True}, QuotaExhausted),
    ("a cat", {"key": "another"}, AuthRefused),
]
"""A prompt, the sandbox's options, and the class of the refusal."""

FAILED = [("[sandbox: moderation]", OutputRefused), ("[sandbox: fail]", Transient)]
"""A prompt, and the class of the error with which its task ends."""
