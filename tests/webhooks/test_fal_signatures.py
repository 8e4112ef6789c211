"""Calls that aren't fal's are told from fal's by their signature, where fal's keys can be had."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from workbench import HandClock

from workers.http.errors import NotSent
from workers.providers.protocol import Response
from workers.webhooks.signatures import AGAIN_SECONDS, KEYS_SECONDS, TIMESTAMP_SECONDS, FalSignatures, signed

BODY = b'{"request_id": "job-1", "status": "OK"}'


def told(*keys: object) -> Response:
    return Response(200, {}, json.dumps({"keys": keys}).encode())


class House:
    """fal's keys, as they stand at its address, and what is signed by them."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.key = Ed25519PrivateKey.generate()
        self.away = False
        self.asked = 0
        self.signatures = FalSignatures("https://fal.example/jwks", self.clock, self.fetch)

    def fetch(self, url: str) -> Response:
        self.asked += 1
        if self.away:
            raise NotSent("no route to it")
        public = self.key.public_key().public_bytes_raw()
        return told({"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(public).decode().rstrip("=")})

    def headers(self, body: bytes = BODY, *, late: float = 0.0) -> dict[str, str]:
        told = ["job-1", "user", str(int(self.clock.now() - late))]
        names = ("Request-Id", "User-Id", "Timestamp", "Signature")
        values = (*told, self.key.sign(signed(*told, body)).hex())
        return {f"X-Fal-Webhook-{name}": value for name, value in zip(names, values, strict=True)}

    def refuses(self, headers: dict[str, str], body: bytes = BODY) -> str | None:
        return asyncio.run(self.signatures.refuses(headers, body))


@pytest.fixture
def house() -> House:
    return House()


def test_fals_own_call_is_let_in(house: House) -> None:
    assert house.refuses(house.headers()) is None
    assert house.refuses(house.headers()) is None
    assert house.asked == 1, "its keys are kept"


def without(name: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda headers: {key: value for key, value in headers.items() if key != f"X-Fal-Webhook-{name}"}


def other(name: str, value: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda headers: {**headers, f"X-Fal-Webhook-{name}": value}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda headers: {}, "it isn't signed"),
        (without("Signature"), "it isn't signed"),
        (without("User-Id"), "it isn't signed"),
        (other("Request-Id", "job-2"), "by none of fal's keys"),
        (other("User-Id", "another"), "by none of fal's keys"),
        (other("Signature", "00" * 64), "by none of fal's keys"),
        (other("Signature", "zz"), "isn't hexadecimal"),
        (other("Signature", "00"), "by none of fal's keys"),
        (other("Timestamp", "now"), "no number"),
    ],
)
def test_what_is_not_fals_is_refused(
    house: House, change: Callable[[dict[str, str]], dict[str, str]], why: str
) -> None:
    refused = house.refuses(change(house.headers()))
    assert refused is not None and why in refused


def test_another_body_under_its_signature_is_refused(house: House) -> None:
    assert house.refuses(house.headers(), BODY + b" ") == "its signature is by none of fal's keys"


@pytest.mark.parametrize("late", [TIMESTAMP_SECONDS + 2, -TIMESTAMP_SECONDS - 2])
def test_a_call_is_not_repeated_after_five_minutes(house: House, late: float) -> None:
    assert house.refuses(house.headers(late=late / abs(late) * (TIMESTAMP_SECONDS - 2))) is None
    assert "its timestamp is" in (house.refuses(house.headers(late=late)) or "")


def test_new_keys_are_asked_for_when_none_fits_and_not_at_each_forgery(house: House) -> None:
    assert house.refuses(house.headers()) is None
    forged = other("Signature", "00" * 64)(house.headers())
    house.clock.forward(AGAIN_SECONDS + 1)
    for _ in range(5):
        assert house.refuses(other("Timestamp", str(int(house.clock.now())))(forged)) is not None
    assert house.asked == 2
    house.key = Ed25519PrivateKey.generate()
    house.clock.forward(AGAIN_SECONDS + 1)
    assert house.refuses(house.headers()) is None
    assert house.asked == 3


def test_without_its_keys_a_call_is_a_hint_from_anybody(house: House) -> None:
    house.away = True
    assert house.refuses({}) is None
    assert house.refuses({}) is None
    assert house.asked == 1
    house.away = False
    house.clock.forward(AGAIN_SECONDS + 1)
    assert house.refuses({}) == "it isn't signed"


def test_keys_that_can_not_be_had_anew_are_given_up_after_a_day(house: House) -> None:
    assert house.refuses(house.headers()) is None
    house.away = True
    house.clock.forward(KEYS_SECONDS - 1)
    assert house.refuses(house.headers()) is None
    house.clock.forward(2)
    assert house.refuses({}) is None
    assert house.asked == 2


@pytest.mark.parametrize("said", [None, [], {}, {"keys": 3}, {"keys": [{"crv": "P-256", "x": "AA"}, {"x": 1}, 2]}])
def test_what_is_no_list_of_keys_lets_nobody_be_refused(house: House, said: object) -> None:
    def fetch(url: str) -> Response:
        return Response(200, {}, json.dumps(said).encode())

    house.signatures = FalSignatures("https://fal.example/jwks", house.clock, fetch)
    assert house.refuses({}) is None


def test_keys_at_an_address_that_is_not_there_let_nobody_be_refused(house: House) -> None:
    missing = Response(404, {}, house.fetch("").body)
    house.signatures = FalSignatures("https://fal.example/jwks", house.clock, lambda url: missing)
    assert house.refuses({}) is None
