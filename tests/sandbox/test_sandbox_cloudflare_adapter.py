"""Cloudflare's adapter against Cloudflare's twin, over the wire that Rushes has."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from jobs.takes import Asked
from workers.http import Broken, Wire
from workers.providers.cloudflare import Cloudflare
from workers.providers.errors import (
    AuthRefused,
    InDoubt,
    InputRefused,
    Invalid,
    OutputRefused,
    ProviderError,
    QuotaExhausted,
    RateLimited,
)
from workers.providers.protocol import Access, Attempt, Delivered, Response

IMAGE, VIDEO = "https://a.example/1.png", "https://a.example/1.mp4"
SMALL = {"duration": 4, "resolution": "480p", "aspect_ratio": "1:1"}

cloudflare = Cloudflare()


@pytest.fixture
def talk(start):
    return start(queue_seconds=0.0, render_seconds=0.0)


def send(wire: Wire, talk: Any, asked: dict[str, Any], *, token: str = "token") -> Response:
    access = Access(talk.sandbox.url, SecretStr(token), "023e105f")
    attempt = Attempt("night/opening/0001", 1, "0" * 64)
    take = Asked(**{"model": "seedance-2.0-fast", "prompt": "a cat", **SMALL, **asked})
    return wire.send(cloudflare.submission(take, access, attempt), timeout=300)


@pytest.mark.parametrize("envelope", ["raw", "wrapped"])
@pytest.mark.parametrize("model", ["seedance-2.0", "seedance-2.0-fast"])
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"duration": None, "resolution": None, "aspect_ratio": None},
        {"start_image": IMAGE},
        {"start_image": IMAGE, "end_image": IMAGE},
        {"reference_images": (IMAGE,) * 4},
        {"reference_videos": (VIDEO,)},
        {"camera_fixed": True, "watermark": False, "seed": 7, "generate_audio": False},
        {"provider_options": {"fps": 24}},
    ],
    ids=["text", "defaults", "first frame", "first and last frame", "images", "video", "switches", "options"],
)
def test_every_mode_is_rendered(wire, talk, envelope, model, asked):
    talk.sandbox.change(cloudflare_envelope=envelope)
    delivered = cloudflare.accepted(send(wire, talk, {"model": model, **asked}))
    assert isinstance(delivered, Delivered)
    (job,) = talk.sandbox.account.billed()
    assert delivered.job.id == job.id
    assert httpx.get(delivered.rendered.video_url).status_code == 200


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("429", RateLimited),
        ("500", InDoubt),
        ("garbage-submit", InDoubt),
        ("moderation-input", InputRefused),
        ("moderation", OutputRefused),
        ("fail", InDoubt),
    ],
)
def test_every_fault_has_its_class(wire, talk, fault, kind):
    response = send(wire, talk, {"prompt": f"a cat [sandbox: {fault}]"})
    with pytest.raises(ProviderError) as caught:
        cloudflare.accepted(response)
    assert type(caught.value) is kind


@pytest.mark.parametrize(("fault", "billed"), [("drop", 1), ("hangup", 0)])
def test_a_lost_answer_may_or_may_not_be_billed_and_no_one_sends_again(wire, talk, fault, billed):
    with pytest.raises(Broken):
        send(wire, talk, {"prompt": f"a cat [sandbox: {fault}]"})
    assert len(talk.sandbox.account.billed()) == billed


@pytest.mark.parametrize(
    ("options", "kind"),
    [({"locked": True}, QuotaExhausted), ({"key": "another"}, AuthRefused)],
)
def test_money_and_key(wire, talk, start, options, kind):
    talk = start(**options)
    with pytest.raises(ProviderError) as caught:
        cloudflare.accepted(send(wire, talk, {}))
    assert type(caught.value) is kind


def test_what_is_out_of_bounds_is_named(wire, talk):
    with pytest.raises(Invalid, match=r"5004 Invalid data: duration: Input should be less than or equal to 12"):
        cloudflare.accepted(send(wire, talk, {"duration": 15}))
