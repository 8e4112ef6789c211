"""What a provider's own upload is: a file goes in, a URL comes out that the provider can fetch for a while.

An upload is no submission: it costs nothing, and may be made again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from workers.errors import SettingsError
from workers.http.errors import Broken, NotSent
from workers.http.wire import Wire
from workers.providers.errors import (
    AuthRefused,
    Invalid,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Transient,
    Unknown,
)
from workers.providers.protocol import Access, Request, Response
from workers.providers.reading import excerpt, retry_after

UPLOAD_SECONDS = 120.0
"""For one request with a file in it: 50 MB at 4 Mbit/s."""

ASKING_SECONDS = 20.0
"""For one request without a file."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Where an uploaded file can be fetched. `seconds` is for how long the URL may be given to further takes."""

    url: str
    seconds: float


class Uploader(Protocol):
    """One provider's upload. Stateless but for what it is made with."""

    def upload(self, body: bytes, *, name: str, media_type: str) -> Uploaded:
        """Upload a file. Raises the `ProviderError` by class; `Transient` when nothing more is wrong than the way."""
        ...


MakeUploader = Callable[[Wire, Access, Callable[[], float]], Uploader]
"""Makes an uploader. The third argument tells the time, in seconds since the epoch."""


def uploader(provider: str, wire: Wire, access: Access, now: Callable[[], float]) -> Uploader:
    """The upload of `provider`. Raises `SettingsError` when it has none."""
    from workers.inputs.apiframe_uploads import ApiframeUploads
    from workers.inputs.fal_storage import FalStorage

    makers: dict[str, MakeUploader] = {"fal": FalStorage, "apiframe": ApiframeUploads}
    if provider not in makers:
        raise SettingsError(f"{provider} has no upload of its own; unset RUSHES_INPUTS")
    return makers[provider](wire, access, now)


def exchange(wire: Wire, request: Request, *, provider: str, access: Access, timeout: float) -> Response:
    """The successful answer to one of an upload's requests. Raises the `ProviderError` by class."""
    try:
        response = wire.send(request, timeout=timeout)
    except (NotSent, Broken) as error:
        raise Transient(f"the upload of an input to {provider} broke off: {error}") from None
    if 200 <= response.status < 300:
        return response
    body = excerpt(response, (access.key.get_secret_value(),))
    said = " ".join(body.split())[:300]
    what = f"{provider} answered the upload of an input with HTTP {response.status}"
    raise _kind(response.status)(
        f"{what}: {said}" if said else what,
        status=response.status,
        body=body,
        retry_after=retry_after(response.headers),
    )


def _kind(status: int) -> type[ProviderError]:
    if status in (401, 403):
        return AuthRefused
    if status == 402:
        return QuotaExhausted
    if status == 429:
        return RateLimited
    if status >= 500 or status == 408:
        return Transient
    return Invalid if status in (400, 413, 415, 422) else Unknown
