"""Answers as they come over the wire, and what Ark has in its own, and AnyFast, which relays to it."""

from __future__ import annotations

import json

from workers.providers.protocol import Response

NGINX = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
"""What a gateway on the way says, and no provider."""

VIDEO = "https://ark-content.example/video.mp4?X-Tos-Signature=abc"
FRAME = "https://ark-content.example/last.png"
PRIVACY = "InputImageSensitiveContentDetected.PrivacyInformation"


def answer(status: int, body: object = None, **headers: str) -> Response:
    """`body` is JSON, bytes as they are, or nothing. Headers are written with `_` for `-`."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)
