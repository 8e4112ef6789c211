"""The jobs that a person names by the id that the provider's own list shows."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from jobs.takes import Asked
from workers.providers import PROVIDERS, adapter
from workers.providers.errors import Invalid
from workers.providers.naming import LONGEST_ID
from workers.providers.protocol import Access, Job

ASKED = Asked(model="seedance-2.0-fast", prompt="a dog")
ACCESS = Access("https://base.example/v3", SecretStr("key"), "account")
FOLLOWED = {
    "fal": (
        "764cabcf-b745-4b3e-ae38-1200304cf45b",
        "bytedance/seedance-2.0/requests/764cabcf-b745-4b3e-ae38-1200304cf45b/status",
    ),
    "apiframe": ("7b6d0a8e-5a38-4f0e-8f5e-0c4a1d1f2b3c", "v2/jobs/7b6d0a8e-5a38-4f0e-8f5e-0c4a1d1f2b3c"),
    "anyfast": ("asyntask_01JX3Q9C5Y", "v1/video/generations/asyntask_01JX3Q9C5Y"),
    "ark": ("cgt-20260514183217-t8rzv", "contents/generations/tasks/cgt-20260514183217-t8rzv"),
}


def test_every_provider_but_the_one_that_delivers_at_once_has_jobs_to_name():
    assert set(PROVIDERS) - set(FOLLOWED) == {"cloudflare"}


@pytest.mark.parametrize("provider", FOLLOWED)
def test_a_named_job_can_be_asked_about(provider):
    id, path = FOLLOWED[provider]
    found = adapter(provider)
    job = found.named(id, ASKED, ACCESS)
    assert job == Job(id)
    request = found.status(job, ACCESS)
    assert (request.method, request.url) == ("GET", f"{ACCESS.base_url}/{path}")


@pytest.mark.parametrize("provider", FOLLOWED)
@pytest.mark.parametrize(
    "id, said",
    [
        ("", "it is blank"),
        (" \t\n", "it is blank"),
        ("cgt 1", "a space or a control character"),
        (" cgt-1", "a space or a control character"),
        ("cgt-1\n", "a space or a control character"),
        ("cgt\u00a01", "a space or a control character"),
        ("cgt\x00", "a space or a control character"),
        ("cgt\x1b[31m", "a space or a control character"),
        ("cgt\u200b1", "a space or a control character"),
        ("a/b", "it is an address, or a part of one"),
        ("a\\b", "it is an address"),
        ("https://queue.fal.run/x", "it is an address"),
        ("a?b=c", "it is an address"),
        ("a#b", "it is an address"),
        ("..%2f..", "it is an address"),
        (".", "nothing but dots"),
        ("..", "nothing but dots"),
        ("x" * (LONGEST_ID + 1), f"{LONGEST_ID + 1} characters"),
    ],
)
def test_what_can_not_be_the_id_of_a_job(provider, id, said):
    with pytest.raises(Invalid, match="can't be the id of a job at") as caught:
        adapter(provider).named(id, ASKED, ACCESS)
    message = str(caught.value)
    assert said in message
    assert provider in message.lower()
    assert message.isprintable() and len(message) < 300


@pytest.mark.parametrize("id", ["x" * LONGEST_ID, "a.b", "a:b~c+d=e@f", "Ä-1"])
def test_what_may_be_one(id):
    for provider in set(FOLLOWED) - {"apiframe"}:
        assert adapter(provider).named(id, ASKED, ACCESS) == Job(id)


@pytest.mark.parametrize("id", ["nobody", "cgt-1", "7b6d0a8e5a384f0e8f5e0c4a1d1f2b3c", f"{FOLLOWED['apiframe'][0]}0"])
def test_apiframes_ids_are_uuids(id):
    with pytest.raises(Invalid, match="at Apiframe: its ids are UUIDs"):
        adapter("apiframe").named(id, ASKED, ACCESS)
    given = FOLLOWED["apiframe"][0].upper()
    assert adapter("apiframe").named(given, ASKED, ACCESS) == Job(given)


@pytest.mark.parametrize("id", ["01J0", "", "a/b"])
def test_cloudflare_has_nothing_to_ask_about(id):
    with pytest.raises(Invalid, match=r"Cloudflare can't be asked about .*: it delivers with its answer"):
        adapter("cloudflare").named(id, ASKED, ACCESS)
