"""fal's storage: a token from rest.fal.ai, and with it the file to its CDN.

The wire is that of fal's own Python client, fal-client 1.0.3 (`CDNTokenManager`, `_upload_v3`): it posts to the CDN in
one request whatever has no more than 100 MiB, and fal's limits of inputs are all below that.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import urlsplit

from workers.http.wire import Wire
from workers.inputs.uploading import ASKING_SECONDS, UPLOAD_SECONDS, Uploaded, exchange
from workers.providers.errors import AuthRefused, QuotaExhausted, Transient
from workers.providers.protocol import Access, Request, Response

QUEUE = "https://queue.fal.run"
REST = "https://rest.fal.ai"

LIFE_SECONDS = 7 * 24 * 3600
"""For how long fal is asked to keep the file."""

GIVEN_SECONDS = 4 * 24 * 3600.0
"""For how long its URL is given to further takes: the rest is for those that wait in fal's queue."""


def rest_of(queue: str) -> str:
    """fal's host for all that is no submission, by the address of its queue. Anywhere else, one stands for both."""
    return REST if queue == QUEUE else queue


class FalStorage:
    """Uploads to fal. Anywhere but at fal itself, one address stands for all of its hosts."""

    def __init__(self, wire: Wire, access: Access, now: Callable[[], float]) -> None:
        self._wire = wire
        self._access = access

    def upload(self, body: bytes, *, name: str, media_type: str) -> Uploaded:
        """Upload a file. Raises the `ProviderError` by class."""
        base_url, authorization = self._token()
        headers = {
            "Authorization": authorization,
            "Accept": "application/json",
            "Content-Type": media_type,
            "X-Fal-File-Name": name,
            "X-Fal-Object-Lifecycle": json.dumps({"expiration_duration_seconds": LIFE_SECONDS}),
        }
        request = Request("POST", f"{base_url}/files/upload", headers, content=body)
        response = self._send(request, UPLOAD_SECONDS)
        return Uploaded(self._text(response, "access_url"), GIVEN_SECONDS)

    def _token(self) -> tuple[str, str]:
        """Where to upload to, and with which authorization."""
        rest = rest_of(self._access.base_url)
        headers = {"Authorization": f"Key {self._access.key.get_secret_value()}", "Accept": "application/json"}
        request = Request("POST", f"{rest}/storage/auth/token?storage_type=fal-cdn-v3", headers, json={})
        response = self._send(request, ASKING_SECONDS)
        base_url = self._text(response, "base_url")
        if urlsplit(base_url).scheme != "https" and self._access.base_url == QUEUE:
            raise Transient("fal named a place to upload an input to that isn't https", status=response.status)
        token = f"{self._text(response, 'token_type')} {self._text(response, 'token')}"
        return base_url.rstrip("/"), token

    def _send(self, request: Request, timeout: float) -> Response:
        try:
            return exchange(self._wire, request, provider="fal", access=self._access, timeout=timeout)
        except AuthRefused as error:
            if error.status == 403 and "User is locked" in (error.body or ""):
                raise QuotaExhausted(str(error), status=403, body=error.body) from None
            raise

    def _text(self, response: Response, name: str) -> str:
        answer = response.parsed()
        value = answer.get(name) if isinstance(answer, dict) else None
        if isinstance(value, str) and value:
            return value
        raise Transient(f"fal answered the upload of an input without {name}", status=response.status)
