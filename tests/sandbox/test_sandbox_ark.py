"""Ark's twin on the wire, and Rushes' own adapter against it."""

from __future__ import annotations

import io
from typing import Any

import av
import httpx
import pytest
from ark_cases import FAILED, REFUSED, modes
from at_the_twin import AtTwin, asks
from PIL import Image

from jobs.takes import Asked
from workers.http import Broken, Wire
from workers.providers.ark import Ark, fingerprint
from workers.providers.errors import (
    Cancelled,
    Expired,
    ProviderError,
    RateLimited,
    Transient,
    Unknown,
)
from workers.providers.protocol import Attempt, Ended, Gone, Job, Queued, Rendered, Request, Running
from workers.sandbox.burn import read_number

MODEL = "dreamina-seedance-2-0-fast-260128"
TASKS = "/api/v3/contents/generations/tasks"
KEY = {"Authorization": "Bearer key"}


class Client:
    """Speaks to the twin as to Ark."""

    def __init__(self, talk: Any) -> None:
        self.talk, self.sandbox, self.clock = talk, talk.sandbox, talk.clock

    def call(self, method: str, path: str = "", **more: Any) -> httpx.Response:
        return self.talk.client.request(method, f"{TASKS}{path}", headers=KEY, **more)

    def create(self, prompt: str = "a cat", **fields: Any) -> httpx.Response:
        body = {"model": MODEL, "content": [{"type": "text", "text": prompt}], "resolution": "480p", "duration": 4}
        return self.call("POST", json={**body, **fields})

    def created(self, prompt: str = "a cat", **fields: Any) -> str:
        answer = self.create(prompt, **fields)
        assert answer.status_code == 200, answer.text
        assert list(answer.json()) == ["id"]
        return answer.json()["id"]

    def task(self, id: str) -> dict[str, Any]:
        answer = self.call("GET", f"/{id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def listed(self, **query: Any) -> tuple[int, list[str]]:
        answer = self.call("GET", params=query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert set(body) == {"total", "items"}
        return body["total"], [item["id"] for item in body["items"]]


@pytest.fixture
def client(talk) -> Client:
    return Client(talk)


def code(answer: httpx.Response) -> str:
    assert set(answer.json()["error"]) == {"code", "message", "param", "type"}
    return answer.json()["error"]["code"]


# The twin


def test_a_task_waits_renders_and_succeeds(start):
    client = Client(start(queue_seconds=2, render_seconds=10))
    begun = int(client.clock.time)
    id = client.created(seed=7, ratio="1:1", execution_expires_after=100_000)
    known = {
        "id": id,
        "model": MODEL,
        "created_at": begun,
        "seed": 7,
        "resolution": "480p",
        "ratio": "1:1",
        "duration": 4,
        "framespersecond": 24,
        "service_tier": "default",
        "execution_expires_after": 100_000,
        "generate_audio": True,
        "draft": False,
    }
    assert id.startswith("cgt-")
    assert client.task(id) == {**known, "status": "queued", "updated_at": begun}
    client.clock.time += 2
    assert client.task(id) == {**known, "status": "running", "updated_at": begun + 2}
    client.clock.time += 10
    tokens = 640 * 640 * 24 * 4 // 1024
    done = client.task(id)
    assert done == {
        **known,
        "status": "succeeded",
        "updated_at": begun + 12,
        "content": {"video_url": f"{client.sandbox.url}/files/{id.removeprefix('cgt-')}.mp4"},
        "usage": {"completion_tokens": tokens, "total_tokens": tokens},
    }
    with av.open(io.BytesIO(httpx.get(done["content"]["video_url"]).content)) as video:
        assert sum(1 for _ in video.decode(video=0)) == 96


def test_what_is_left_to_ark_is_told_as_it_came_out(client):
    task = client.task(client.created(ratio="adaptive", duration=-1, safety_identifier="me"))
    assert (task["ratio"], task["duration"], task["resolution"]) == ("16:9", 5, "480p")
    assert (task["execution_expires_after"], task["safety_identifier"]) == (172_800, "me")
    assert 0 <= task["seed"] < 2**32


def test_the_last_frame_is_the_videos_last(client):
    id = client.created(return_last_frame=True)
    client.talk.finish()
    content = client.task(id)["content"]
    with Image.open(io.BytesIO(httpx.get(content["last_frame_url"]).content)) as picture:
        assert (picture.format, picture.size, read_number(picture)) == ("PNG", (864, 496), 95)
    plain = client.created("a dog")
    client.talk.finish()
    assert "last_frame_url" not in client.task(plain)["content"]


def test_urls_are_cleared_and_then_the_record(start):
    client = Client(start(link_seconds=86_400))
    id = client.created(return_last_frame=True)
    client.talk.finish()
    content = client.task(id)["content"]
    client.clock.time += 86_400
    late = client.task(id)
    assert (late["status"], late["content"]) == ("succeeded", None)
    assert {httpx.get(url).status_code for url in content.values()} == {403}
    assert client.listed() == (1, [id])
    client.clock.time += 6 * 86_400
    assert (client.call("GET", f"/{id}").status_code, client.listed()) == (404, (0, []))
    assert len(client.sandbox.account.billed()) == 1


def test_a_picture_is_there_when_the_video_is(client):
    id = client.created(return_last_frame=True).removeprefix("cgt-")
    assert httpx.get(f"{client.sandbox.url}/files/{id}.png").status_code == 404
    client.talk.finish()
    assert httpx.get(f"{client.sandbox.url}/files/{id}.png").status_code == 200
    assert httpx.get(f"{client.sandbox.url}/files/nobody.png").status_code == 404


@pytest.mark.parametrize(
    ("fault", "error"),
    [("moderation", "OutputVideoSensitiveContentDetected"), ("fail", "InternalServiceError")],
)
def test_a_task_that_fails(client, fault, error):
    id = client.created(f"[sandbox: {fault}]")
    client.talk.finish()
    task = client.task(id)
    assert (task["status"], task["error"]["code"]) == ("failed", error)
    assert not {"content", "usage"} & set(task)
    assert client.sandbox.account.billed() == ()


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("429", 429, "ModelAccountRpmRateLimitExceeded"),
        ("saturated", 429, "ServerOverloaded"),
        ("500", 500, "InternalServiceError"),
        ("moderation-input", 400, "InputTextSensitiveContentDetected"),
    ],
)
def test_a_submission_that_is_refused(client, fault, status, error):
    answer = client.create(f"[sandbox: {fault}]")
    assert (answer.status_code, code(answer)) == (status, error)
    assert answer.headers.get("Retry-After") == ("1" if status == 429 else None)
    assert client.sandbox.account.submissions() == ()
    assert client.create(f"[sandbox: {fault}]").status_code == (400 if status == 400 else 200)


@pytest.mark.parametrize(("fault", "accepted"), [("hangup", 0), ("drop", 1)])
def test_a_submission_that_breaks_off(client, fault, accepted):
    with pytest.raises(httpx.RemoteProtocolError):
        client.create(f"[sandbox: {fault}]")
    assert len(client.sandbox.account.billed()) == accepted
    assert client.listed()[0] == accepted


def test_a_poll_that_fails(client):
    id = client.created("[sandbox: poll-429] [sandbox: poll-500] [sandbox: garbage]")
    answers = [client.call("GET", f"/{id}") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 500, 200, 200]
    assert (code(answers[0]), code(answers[1])) == ("ModelAccountRpmRateLimitExceeded", "InternalServiceError")
    with pytest.raises(ValueError):
        answers[2].json()
    assert answers[3].json()["status"] == "queued"


@pytest.mark.parametrize("sent", [None, "Bearer", "Key key", "Bearer other"])
def test_the_key(start, sent):
    client = Client(start(key="key"))
    id = client.created()
    headers = {} if sent is None else {"Authorization": sent}
    for method, path in (("POST", ""), ("GET", ""), ("GET", f"/{id}"), ("DELETE", f"/{id}")):
        answer = httpx.request(method, f"{client.sandbox.url}{TASKS}{path}", headers=headers)
        assert (answer.status_code, code(answer)) == (401, "AuthenticationError")
    assert len(client.sandbox.account.submissions()) == 1


def test_an_overdue_account_accepts_nothing_and_still_tells_of_its_tasks(client):
    id = client.created()
    client.sandbox.change(locked=True)
    answer = client.create("a dog")
    assert (answer.status_code, code(answer)) == (403, "AccountOverdueError")
    assert client.task(id)["status"] == "queued"
    assert client.listed() == (1, [id])


def test_the_list_has_pages_and_filters(start):
    client = Client(start(queue_seconds=0, render_seconds=10, seats=2))
    ids = []
    for number in range(5):
        ids.append(client.created(f"cat {number}"))
        client.clock.time += 1
    newest_first = ids[::-1]
    assert client.listed() == (5, newest_first)
    assert client.listed(page_size=2) == (5, newest_first[:2])
    assert client.listed(page_num=3, page_size=2) == (5, newest_first[4:])
    assert client.listed(page_num=4, page_size=2) == (5, [])
    assert client.listed(**{"filter.status": "running"}) == (2, newest_first[3:])
    assert client.listed(**{"filter.status": "queued", "page_size": 1}) == (3, newest_first[:1])
    assert client.listed(**{"filter.status": "expired"}) == (0, [])
    assert client.listed(**{"filter.task_ids": [ids[0], ids[4], "cgt-nobody"]}) == (2, [ids[4], ids[0]])
    assert client.listed(**{"filter.model": MODEL})[0] == 5
    assert client.listed(**{"filter.model": "ep-1"})[0] == 0
    assert client.listed(**{"filter.service_tier": "flex"})[0] == 0
    client.talk.finish()
    succeeded = client.call("GET", params={"filter.status": "succeeded", "page_size": 1}).json()
    assert (succeeded["total"], succeeded["items"]) == (5, [client.task(ids[4])])


@pytest.mark.parametrize(
    "query",
    [
        {"page_num": 0},
        {"page_num": 501},
        {"page_size": 501},
        {"page_size": "x"},
        {"page_num": "-1"},
        {"filter.status": "done"},
        {"status": "running"},
        {"filter.created_at": "1"},
    ],
)
def test_a_list_that_can_not_be_asked_for(client, query):
    answer = client.call("GET", params=query)
    assert (answer.status_code, code(answer)) == (400, "InvalidParameter")
    assert answer.json()["error"]["param"] in query


def test_other_providers_jobs_are_not_listed(client):
    fal = client.talk.accepted()["request_id"]
    assert client.listed() == (0, [])
    assert client.call("GET", f"/cgt-{fal}").status_code == 404


def test_a_task_is_cancelled_deleted_or_neither(start):
    client = Client(start(queue_seconds=5, render_seconds=10, seats=2))
    waiting, running, over = (client.created(prompt) for prompt in ("a cat", "a dog", "a cow"))
    assert (client.call("DELETE", f"/{waiting}", json={}).json()) == {}
    assert client.task(waiting)["status"] == "cancelled"
    client.clock.time += 6
    for id in (waiting, running):
        answer = client.call("DELETE", f"/{id}")
        assert (answer.status_code, code(answer)) == (403, "OperationDenied.UnsupportedPhase")
    client.talk.finish()
    assert client.call("DELETE", f"/{over}").status_code == 200
    for method in ("GET", "DELETE"):
        answer = client.call(method, f"/{over}")
        assert (answer.status_code, code(answer)) == (404, "NotFound.Task")
    assert client.listed() == (2, [running, waiting])
    assert len(client.sandbox.account.billed()) == 2


@pytest.mark.parametrize("id", ["cgt-nobody", "nobody", ""])
def test_a_task_that_is_not_known(client, id):
    known = client.created()
    for wrong in (id or known.removeprefix("cgt-"), id or known.upper()):
        assert client.call("GET", f"/{wrong}").status_code == 404


# Rushes' adapter, over real HTTP


class Rushes(AtTwin):
    def __init__(self, talk: Any, wire: Wire, path: str = "/api/v3") -> None:
        super().__init__("ark", talk, wire, path=path)
        self.ark = Ark()

    def settle(self, asked: Asked, submitted_at: float, name: str = "a/0001") -> list[Job]:
        found: list[Job] = []
        attempt = self.attempt(name)
        request: Request | None = self.ark.listing(attempt, asked, submitted_at, self.access)
        while request is not None:
            response = self.wire.send(request, timeout=300)
            jobs, request = self.ark.listed(attempt, asked, submitted_at, response, self.access, request)
            found += jobs
        return found


MODES = modes(callback_url="https://me.example/hook")


@pytest.mark.parametrize("model", ["seedance-2.0", "seedance-2.0-fast"])
@pytest.mark.parametrize("path", ["", "/api/v3"])
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_renders(start, wire, mode, path, model):
    rushes = Rushes(start(queue_seconds=1, render_seconds=10), wire, path)
    job = rushes.submit(asks(model=model, **MODES[mode]))
    assert rushes.poll(job) == Queued()
    rushes.talk.clock.time += 1
    assert rushes.poll(job) == Running()
    rushes.talk.clock.time += 10
    verdict = rushes.poll(job)
    assert isinstance(verdict, Rendered)
    assert verdict.video_url.endswith(".mp4")
    assert (verdict.last_frame_url is not None) == ("return_last_frame" in MODES[mode])
    assert verdict.seed == MODES[mode].get("seed", verdict.seed)
    (billed,) = rushes.talk.sandbox.account.billed()
    assert billed.body["execution_expires_after"] == fingerprint(rushes.attempt())


def test_the_marks_seconds_are_never_refused(talk, wire):
    rushes = Rushes(talk, wire)
    for key in ("0" * 64, f"{86_399:016x}" + "0" * 48):
        request = rushes.ark.submission(asks(key), rushes.access, Attempt("night/x", 1, key))
        assert rushes.ark.accepted(wire.send(request, timeout=300)).id
    assert len(talk.sandbox.account.billed()) == 2


@pytest.mark.parametrize(("prompt", "options", "kind"), REFUSED)
def test_a_refused_submission_is_read_by_class(start, wire, prompt, options, kind):
    rushes = Rushes(start(**options), wire)
    with pytest.raises(ProviderError) as caught:
        rushes.submit(asks(prompt))
    assert type(caught.value) is kind
    assert caught.value.retry_after == (1.0 if kind is RateLimited else None)


@pytest.mark.parametrize(("prompt", "kind"), FAILED)
def test_a_failed_task_is_read_by_class(talk, wire, prompt, kind):
    rushes = Rushes(talk, wire)
    job = rushes.submit(asks(prompt))
    talk.finish()
    verdict = rushes.poll(job)
    assert isinstance(verdict, Ended)
    assert type(verdict.error) is kind


def test_what_became_of_a_task_besides(start, wire):
    rushes = Rushes(start(link_seconds=3600, queue_seconds=10), wire)
    expires, cancelled = rushes.submit(asks(), "a/0001"), rushes.submit(asks(), "a/0002")
    httpx.delete(rushes.ark.status(cancelled, rushes.access).url, headers=KEY)
    verdict = rushes.poll(cancelled)
    assert isinstance(verdict, Ended) and type(verdict.error) is Cancelled
    rushes.talk.clock.time += 2 * 3600
    verdict = rushes.poll(expires)
    assert isinstance(verdict, Ended) and type(verdict.error) is Expired
    assert isinstance(rushes.poll(Job("cgt-nobody")), Gone)


def test_a_poll_that_fails_leaves_the_task_alive(talk, wire):
    rushes = Rushes(talk, wire)
    job = rushes.submit(asks("[sandbox: poll-429] [sandbox: poll-500] [sandbox: garbage]"))
    for kind in (RateLimited, Transient, Unknown):
        with pytest.raises(ProviderError) as caught:
            rushes.poll(job)
        assert type(caught.value) is kind
    assert rushes.poll(job) == Queued()


def test_the_one_lost_task_is_found_among_lookalikes(talk, wire):
    rushes = Rushes(talk, wire)
    client = Client(talk)
    asked = asks("[sandbox: drop]", aspect_ratio="1:1", seed=7)
    with_it = {"content": [{"type": "text", "text": "[sandbox: drop]"}], "ratio": "1:1", "seed": 7}
    mark = fingerprint(rushes.attempt())
    # Older than the submission, and otherwise the same.
    for number in range(130):
        client.created(**with_it | {"content": [{"type": "text", "text": f"cat {number}"}]})
    before = client.created("a cat", ratio="1:1", seed=7, execution_expires_after=mark)
    talk.clock.time += 400
    # Other attempts' of the same take and of others, other programs', and ours but for one thing.
    for name in ("a/0002", "a/0003"):
        rushes.submit(asked.model_copy(update={"prompt": name}), name)
    client.created("the same by another program", ratio="1:1", seed=7)
    client.created("another seed", ratio="1:1", seed=8, execution_expires_after=mark)
    client.created("another model", model="dreamina-seedance-2-0-260128", seed=7, execution_expires_after=mark)

    submitted_at = talk.clock.time
    with pytest.raises(Broken):
        rushes.submit(asked)
    lost = talk.sandbox.account.submissions()[-1]
    assert lost.body["execution_expires_after"] == mark
    talk.clock.time += 60
    for number in range(230):
        client.created(f"dog {number}", ratio="1:1", seed=7)
    assert len(talk.sandbox.account.submissions()) > 300

    found = rushes.settle(asked, submitted_at)
    assert found == [Job(f"cgt-{lost.id}")]
    assert found[0].id != before
    talk.finish()
    assert isinstance(rushes.poll(found[0]), Rendered)
    assert rushes.settle(asked, submitted_at) == found


def test_what_was_never_accepted_is_not_found(talk, wire):
    rushes = Rushes(talk, wire)
    rushes.submit(asks(), "a/0002")
    with pytest.raises(Broken):
        rushes.submit(asks("[sandbox: hangup]"))
    assert rushes.settle(asks("[sandbox: hangup]"), talk.clock.time) == []


def test_an_attempt_whose_mark_the_manifest_chose_is_not_found(talk, wire):
    rushes = Rushes(talk, wire)
    asked = asks("[sandbox: drop]", provider_options={"execution_expires_after": 7200})
    with pytest.raises(Broken):
        rushes.submit(asked)
    assert talk.sandbox.account.billed()[0].body["execution_expires_after"] == 7200
    assert rushes.settle(asked, talk.clock.time) == []
