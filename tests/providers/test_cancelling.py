"""How a job is cancelled, and what a provider's answer to that says, as fal's and Ark's pages have it."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from wire_answers import NGINX, answer

from workers.providers import PROVIDERS, adapter
from workers.providers.ark import Ark
from workers.providers.errors import (
    AuthRefused,
    Cancelled,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Transient,
    Unknown,
)
from workers.providers.fal import Fal
from workers.providers.protocol import Access, Cancelling, Job

KEY = "11112222-3333-4444-5555-666677778888:0123456789abcdef0123456789abcdef"
FAL = Access("https://queue.fal.run", SecretStr(KEY))
ARK = Access("https://ark.ap-southeast.bytepluses.com/api/v3", SecretStr(KEY))

fal: Cancelling = Fal()
ark: Cancelling = Ark()


def error(code: str) -> dict[str, object]:
    return {"error": {"code": code, "message": "No", "param": "", "type": "Forbidden"}}


def test_fal_and_ark_can_cancel_and_ark_only_what_is_queued():
    can = {name: found.cancels for name in PROVIDERS if isinstance(found := adapter(name), Cancelling)}
    assert can == {"fal": "any", "ark": "queued"}
    assert Cancelled.kind == "cancelled"


def test_fal_is_asked_at_the_url_that_it_gave():
    url = "https://queue.fal.run/x%2Fy/cancel?a=b"
    request = fal.cancellation(Job("1", {"cancel": url}), FAL)
    assert (request.method, request.url, request.json, request.content) == ("PUT", url, None, None)
    assert request.headers == {"Accept": "application/json", "Authorization": f"Key {KEY}"}


def test_without_that_url_it_is_made_from_the_id():
    request = fal.cancellation(Job("a/b"), FAL)
    assert request.url == "https://queue.fal.run/bytedance/seedance-2.0/requests/a%2Fb/cancel"


def test_the_key_is_not_shown_to_whom_fal_names():
    assert "Authorization" not in fal.cancellation(Job("1", {"cancel": "https://evil.test/fal.run"}), FAL).headers


def test_ark_deletes_the_task():
    request = ark.cancellation(Job("cgt-1/2"), ARK)
    assert request.method == "DELETE"
    assert request.url == f"{ARK.base_url}/contents/generations/tasks/cgt-1%2F2"
    assert (request.json, request.content) == (None, None)
    assert request.headers == {"Accept": "application/json", "Authorization": f"Bearer {KEY}"}


@pytest.mark.parametrize(
    "asked, response, taken",
    [
        (fal, answer(202, {"status": "CANCELLATION_REQUESTED"}), True),
        (fal, answer(200, {"status": "OK"}), True),
        (fal, answer(400, {"status": "ALREADY_COMPLETED"}), False),
        (fal, answer(200, {"status": "ALREADY_COMPLETED"}), False),
        (fal, answer(404, {"status": "NOT_FOUND"}), False),
        (ark, answer(200, {}), True),
        (ark, answer(200), True),
        (ark, answer(204), True),
        (ark, answer(403, error("OperationDenied.UnsupportedPhase")), False),
        (ark, answer(409, error("OperationDenied.UnsupportedPhase")), False),
        (ark, answer(404, error("NotFound.Task")), False),
    ],
)
def test_whether_the_provider_takes_note_of_it(asked, response, taken):
    assert asked.cancelled(response) is taken


LOCKED = {"detail": "User is locked. Reason: Exhausted balance."}


@pytest.mark.parametrize(
    "asked, response, kind",
    [
        (fal, answer(429, {"status": "CANCELLATION_REQUESTED"}, retry_after="9"), RateLimited),
        (fal, answer(401, {"detail": "Invalid key"}), AuthRefused),
        (fal, answer(403, LOCKED), QuotaExhausted),
        (fal, answer(500, {"detail": "Internal server error"}), Transient),
        (fal, answer(502, NGINX), Transient),
        (fal, answer(408), Transient),
        (fal, answer(404, NGINX), Unknown),
        (fal, answer(404, {"detail": "Path /x not found"}), Unknown),
        (fal, answer(400, {"status": "CANCELLATION_REQUESTED"}), Unknown),
        (fal, answer(200, {"status": "COMPLETED"}), Unknown),
        (fal, answer(200, NGINX), Unknown),
        (fal, answer(202), Unknown),
        (fal, answer(202, []), Unknown),
        (fal, answer(302, location="/"), Unknown),
        (ark, answer(429, error("ModelAccountRpmRateLimitExceeded"), retry_after="9"), RateLimited),
        (ark, answer(401, error("AuthenticationError")), AuthRefused),
        (ark, answer(403, error("AccessDenied")), AuthRefused),
        (ark, answer(403, error("OperationDenied.PermissionDenied")), AuthRefused),
        (ark, answer(403, error("AccountOverdueError")), QuotaExhausted),
        (ark, answer(404, error("ModelNotOpen")), AuthRefused),
        (ark, answer(500, error("InternalServiceError")), Transient),
        (ark, answer(502, NGINX), Transient),
        (ark, answer(408), Transient),
        (ark, answer(404, NGINX), Unknown),
        (ark, answer(404), Unknown),
        (ark, answer(400, error("InvalidParameter")), Unknown),
        (ark, answer(200, error("InternalServiceError")), Unknown),
        (ark, answer(200, NGINX), Unknown),
        (ark, answer(202, {}), Unknown),
        (ark, answer(302, location="/"), Unknown),
    ],
)
def test_what_says_nothing_about_the_job(asked, response, kind):
    with pytest.raises(ProviderError) as caught:
        asked.cancelled(response)
    assert type(caught.value) is kind
    assert caught.value.status == response.status
    assert caught.value.retry_after == (9.0 if response.status == 429 else None)


@pytest.mark.parametrize("asked", [fal, ark])
def test_an_echoed_key_is_in_no_error(asked):
    echo = f"Bad header Authorization: Key {KEY}"
    for status in (401, 418, 502):
        with pytest.raises(ProviderError) as caught:
            asked.cancelled(answer(status, {"detail": echo, "error": {"code": "X", "message": echo}}))
        assert KEY not in f"{caught.value}{caught.value!r}{caught.value.body}"
