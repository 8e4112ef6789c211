"""fal's signing of calls, by a key of the sandbox's own, and the address at which its public half stands.

Source: fal's page on webhooks (docs.fal.ai, model-apis/inference/webhooks).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from workers.clock import Clock

USER = "rehearsal"


class FalSigning:
    """One key, for as long as the sandbox runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = Ed25519PrivateKey.generate()

    def routes(self) -> Iterable[web.RouteDef]:
        """Where the public key is told."""
        return [web.get("/.well-known/jwks.json", self._told)]

    def headers(self, request_id: str, body: bytes) -> dict[str, str]:
        """The headers of a call with `body`, signed now."""
        told = [request_id, USER, str(int(self._clock.now()))]
        signature = self._key.sign("\n".join((*told, hashlib.sha256(body).hexdigest())).encode())
        names = ("Request-Id", "User-Id", "Timestamp", "Signature")
        return {f"X-Fal-Webhook-{name}": value for name, value in zip(names, (*told, signature.hex()), strict=True)}

    async def _told(self, request: web.Request) -> web.Response:
        key = base64.urlsafe_b64encode(self._key.public_key().public_bytes_raw()).decode().rstrip("=")
        return web.json_response({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "x": key}]})
