"""Apiframe's uploads: one multipart request, and a URL that lives for an hour or two.

From `/v2/uploads` in Apiframe's OpenAPI document 2.0.0: the file is known by its bytes and not by what it is called,
and may have 25 MB (50 MB for a video).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import httpx

from workers.http.wire import Wire
from workers.inputs.uploading import UPLOAD_SECONDS, Uploaded, exchange
from workers.providers.errors import Transient
from workers.providers.protocol import Access, Request

LEFT_SECONDS = 1800.0
"""What is left of a URL's life when it is given to a take for the last time: the job fetches it when it begins."""


class ApiframeUploads:
    """Uploads to Apiframe. `now` tells the time, in seconds since the epoch."""

    def __init__(self, wire: Wire, access: Access, now: Callable[[], float]) -> None:
        self._wire = wire
        self._access = access
        self._now = now

    def upload(self, body: bytes, *, name: str, media_type: str) -> Uploaded:
        """Upload a file. Raises the `ProviderError` by class."""
        url = f"{self._access.base_url}/v2/uploads"
        form = httpx.Request("POST", url, files={"file": (name, body, media_type)})
        headers = {
            "X-API-Key": self._access.key.get_secret_value(),
            "Accept": "application/json",
            "Content-Type": form.headers["Content-Type"],
        }
        request = Request("POST", url, headers, content=form.read())
        response = exchange(self._wire, request, provider="apiframe", access=self._access, timeout=UPLOAD_SECONDS)
        answer = response.parsed()
        given = answer.get("url") if isinstance(answer, dict) else None
        if not isinstance(given, str) or not given:
            raise Transient("apiframe answered the upload of an input without a url", status=response.status)
        return Uploaded(given, max(0.0, _expiry(answer.get("expiresAt")) - self._now() - LEFT_SECONDS))


def _expiry(told: object) -> float:
    """Seconds since the epoch; 0 when it isn't told, and then the URL is for one take alone."""
    try:
        return datetime.fromisoformat(told).timestamp() if isinstance(told, str) else 0.0
    except ValueError:
        return 0.0
