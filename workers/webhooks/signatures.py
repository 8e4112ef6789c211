"""fal's signatures: whether a call is fal's own.

Source: fal's page on webhooks (docs.fal.ai, model-apis/inference/webhooks, "verifying"): the headers
`X-Fal-Webhook-Request-Id`, `-User-Id`, `-Timestamp` and `-Signature`; ED25519 over the first three and the hex SHA-256
of the body, a line each; public keys as a JWKS, to be kept for a day at most; a timestamp holds for five minutes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from workers.clock import Clock
from workers.http.errors import Broken, NotSent
from workers.http.wire import Wire
from workers.providers.protocol import Request, Response

log = logging.getLogger(__name__)

KEYS_PATH = "/.well-known/jwks.json"
"""Of the public keys, at fal's host for all that is no submission."""

TIMESTAMP_SECONDS = 300.0
KEYS_SECONDS = 24 * 3600.0
AGAIN_SECONDS = 60.0
"""Between two questions for the keys: they can't be had, or none of them fits."""

ASKING_SECONDS = 5.0
MOST_BYTES = 64 * 1024 - 1

Fetch = Callable[[str], Response]
"""Asks a URL, and waits. Raises `NotSent` and `Broken`."""


def fetched(url: str) -> Response:
    """What is answered at `url`. Raises as `Fetch` says."""
    # Once a day, so nothing is kept open for it.
    with Wire(user_agent=f"rushes/{version('rushes')}", connections=1, largest=MOST_BYTES) as wire:
        return wire.send(Request("GET", url, {}), timeout=ASKING_SECONDS)


def signed(request_id: str, user_id: str, timestamp: str, body: bytes) -> bytes:
    """What fal signs of a call."""
    return "\n".join((request_id, user_id, timestamp, hashlib.sha256(body).hexdigest())).encode()


class FalSignatures:
    """Tells fal's calls from others'. Of one event loop."""

    def __init__(self, url: str, clock: Clock, fetch: Fetch = fetched) -> None:
        self._url = url
        self._clock = clock
        self._fetch = fetch
        self._keys: Sequence[Ed25519PublicKey] = ()
        self._had_at: float | None = None
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()

    async def refuses(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Why a call isn't fal's; None where it is, or where that can't be told, since the keys can't be had."""
        if not await self._known():
            return None
        given = [headers.get(f"X-Fal-Webhook-{name}", "") for name in ("Request-Id", "User-Id", "Timestamp")]
        written = headers.get("X-Fal-Webhook-Signature", "")
        if not all(given) or not written:
            return "it isn't signed"
        try:
            late = abs(self._clock.now() - int(given[2]))
            signature = bytes.fromhex(written)
        except ValueError:
            return "its timestamp is no number, or its signature isn't hexadecimal"
        if late > TIMESTAMP_SECONDS:
            return f"its timestamp is {late:.0f} s off, more than {TIMESTAMP_SECONDS:.0f}"
        told = signed(given[0], given[1], given[2], body)
        if self._fits(signature, told):
            return None
        # fal may have changed its keys meanwhile.
        if await self._ask() and self._fits(signature, told):
            return None
        return "its signature is by none of fal's keys"

    def _fits(self, signature: bytes, told: bytes) -> bool:
        for key in self._keys:
            try:
                key.verify(signature, told)
            except InvalidSignature:
                continue
            return True
        return False

    async def _known(self) -> bool:
        if self._had_at is None or self._clock.monotonic() - self._had_at > KEYS_SECONDS:
            await self._ask()
        return bool(self._keys)

    async def _ask(self) -> bool:
        """Ask for the keys, unless that was done a short while ago; whether they were had. Old ones go when they fail a
        day: an impostor could else live on a key that fal has given up."""
        async with self._asking:
            now = self._clock.monotonic()
            if self._asked_at is not None and now - self._asked_at < AGAIN_SECONDS:
                return False
            self._asked_at = now
            try:
                self._keys = _keys(await asyncio.to_thread(self._fetch, self._url))
            except (NotSent, Broken, ValueError) as error:
                if self._had_at is not None and now - self._had_at > KEYS_SECONDS:
                    self._keys = ()
                log.warning("fal's keys can't be had, so its calls are hints from anybody: %s", error)
                return False
            self._had_at = now
            return True


def _keys(answer: Response) -> Sequence[Ed25519PublicKey]:
    """The keys of a JWKS. Raises `ValueError` where there are none."""
    if answer.status != 200:
        raise ValueError(f"it answers {answer.status}")
    told = answer.parsed()
    listed = told.get("keys") if isinstance(told, dict) else None
    kept = [
        Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(f"{each['x']}=="))
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict) and isinstance(each.get("x"), str) and each.get("crv", "Ed25519") == "Ed25519"
    ]
    if not kept:
        raise ValueError("there is no key of ED25519 among them")
    return kept
