from __future__ import annotations

import io
import uuid

import av
import httpx
import pytest

from workers.sandbox.burn import read_number
from workers.sandbox.fal import LOCKED

APP = "/bytedance/seedance-2.0"


def test_a_submission_is_answered_as_fal_does(talk):
    job = talk.accepted()
    base = f"{talk.sandbox.url}{APP}/requests/{job['request_id']}"
    assert uuid.UUID(job["request_id"]).version == 4
    assert job == {
        "status": "IN_QUEUE",
        "request_id": job["request_id"],
        "response_url": base,
        "status_url": f"{base}/status",
        "cancel_url": f"{base}/cancel",
        "logs": None,
        "metrics": {},
        "queue_position": 0,
    }


def test_a_job_waits_renders_and_completes(start):
    talk = start(queue_seconds=2, render_seconds=10)
    job = talk.accepted()
    known = {name: job[name] for name in ("request_id", "response_url", "status_url", "cancel_url")}

    waiting = talk.client.get(job["status_url"])
    assert (waiting.status_code, waiting.json()) == (202, {"status": "IN_QUEUE", "queue_position": 0, **known})
    early = talk.client.get(job["response_url"])
    assert (early.status_code, early.json()) == (400, {"detail": "Request is still in progress"})

    talk.clock.time += 2
    rendering = talk.client.get(job["status_url"])
    assert (rendering.status_code, rendering.json()) == (202, {"status": "IN_PROGRESS", "logs": None, **known})
    assert talk.client.get(job["response_url"]).status_code == 400

    talk.clock.time += 10
    over = talk.client.get(job["status_url"])
    assert (over.status_code, over.json()) == (
        200,
        {"status": "COMPLETED", "logs": None, "metrics": {"inference_time": 10.0}, **known},
    )
    result = talk.client.get(job["response_url"])
    assert result.status_code == 200
    assert result.headers["x-fal-request-id"] == job["request_id"]
    video = result.json()["video"]
    assert video["content_type"] == "video/mp4"
    assert video["file_name"].endswith(".mp4")
    assert video["file_size"] == len(httpx.get(video["url"]).content)
    assert talk.client.get(job["response_url"] + "/response").json() == result.json()


@pytest.mark.parametrize(
    ("asked", "told"), [("1", True), ("true", True), ("True", True), ("0", False), ("false", False)]
)
def test_logs_come_when_asked_for(talk, asked, told):
    job = talk.accepted()
    talk.finish()
    logs = talk.client.get(job["status_url"], params={"logs": asked}).json()["logs"]
    assert [sorted(log) for log in logs or []] == [["level", "message", "source", "timestamp"]] * (2 * told)


def test_the_seed_comes_back_or_is_chosen(talk):
    asked, chosen = talk.accepted(seed=7), talk.accepted("a dog")
    talk.finish()
    assert talk.client.get(asked["response_url"]).json()["seed"] == 7
    seeds = {talk.client.get(chosen["response_url"]).json()["seed"] for _ in range(2)}
    assert len(seeds) == 1
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_urls_begin_where_the_client_believes_the_server_to_be(talk):
    answer = talk.client.post(
        f"{APP}/text-to-video",
        json={"prompt": "a cat"},
        headers={"Host": "queue.fal.run", "X-Forwarded-Proto": "https"},
    )
    assert answer.json()["status_url"].startswith(f"https://queue.fal.run{APP}/requests/")


@pytest.mark.parametrize(
    ("key", "sent", "status"),
    [
        (None, None, 401),
        (None, "Key", 401),
        (None, "Bearer id:secret", 401),
        (None, "Key anything", 200),
        ("id:secret", "Key id:secret", 200),
        ("id:secret", "Key id:wrong", 401),
    ],
)
def test_the_key(start, key, sent, status):
    talk = start(key=key)
    headers = {} if sent is None else {"Authorization": sent}
    answer = httpx.post(f"{talk.sandbox.url}{APP}/text-to-video", json={"prompt": "a cat"}, headers=headers)
    assert answer.status_code == status
    assert len(talk.sandbox.account.submissions()) == (status == 200)


def test_a_job_is_shown_only_to_the_key(start):
    talk = start(key="id:secret")
    job = talk.accepted()
    for method, url in (("GET", "status_url"), ("GET", "response_url"), ("PUT", "cancel_url")):
        assert httpx.request(method, job[url], headers={"Authorization": "Key other"}).status_code == 401


def test_a_locked_account_accepts_nothing_and_still_tells_of_its_jobs(talk):
    job = talk.accepted()
    talk.sandbox.change(locked=True)
    refused = talk.submit("a dog")
    assert (refused.status_code, refused.json()) == (403, {"detail": LOCKED})
    talk.finish()
    assert talk.client.get(job["status_url"]).status_code == 200
    assert talk.client.get(job["response_url"]).status_code == 200
    assert len(talk.sandbox.account.submissions()) == 1


def test_seats_hold_the_rest_in_the_queue(start):
    talk = start(seats=2, queue_seconds=0, render_seconds=10)
    jobs = [talk.accepted(f"cat {number}") for number in range(5)]

    def shown():
        answers = [talk.client.get(job["status_url"]).json() for job in jobs]
        return [(answer["status"], answer.get("queue_position")) for answer in answers]

    running, done = ("IN_PROGRESS", None), ("COMPLETED", None)
    assert shown() == [running, running, ("IN_QUEUE", 0), ("IN_QUEUE", 1), ("IN_QUEUE", 2)]
    talk.clock.time += 10
    assert shown() == [done, done, running, running, ("IN_QUEUE", 0)]
    talk.clock.time += 10
    assert shown() == [done, done, done, done, running]


def test_a_waiting_job_can_be_cancelled_and_those_behind_it_move_up(start):
    talk = start(seats=1, queue_seconds=0, render_seconds=10)
    _first, second, third = (talk.accepted(f"cat {number}") for number in range(3))
    talk.clock.time += 4
    cancelled = talk.client.put(second["cancel_url"])
    assert (cancelled.status_code, cancelled.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
    status = talk.client.get(second["status_url"])
    assert (status.status_code, status.json()["status"]) == (200, "COMPLETED")
    assert status.json()["error_type"] == "client_cancelled"
    result = talk.client.get(second["response_url"])
    assert (result.status_code, result.json()["error_type"]) == (499, "client_cancelled")
    assert result.headers["x-fal-error-type"] == "client_cancelled"
    assert talk.client.put(second["cancel_url"]).json() == {"status": "ALREADY_COMPLETED"}
    talk.clock.time += 6
    assert talk.client.get(third["status_url"]).json()["status"] == "IN_PROGRESS"
    assert len(talk.sandbox.account.billed()) == 2


def test_a_running_job_goes_on_and_is_billed_when_it_is_cancelled(start):
    talk = start(queue_seconds=0, render_seconds=10)
    job = talk.accepted()
    assert talk.client.put(job["cancel_url"]).status_code == 202
    talk.finish()
    assert talk.client.get(job["response_url"]).status_code == 200
    late = talk.client.put(job["cancel_url"])
    assert (late.status_code, late.json()) == (400, {"status": "ALREADY_COMPLETED"})
    assert len(talk.sandbox.account.billed()) == 1


@pytest.mark.parametrize(("method", "end"), [("GET", ""), ("GET", "/status"), ("PUT", "/cancel")])
@pytest.mark.parametrize("app", [APP, "/fal-ai/bytedance"])
def test_a_job_that_is_not_known_there(talk, method, end, app):
    known = talk.accepted()["request_id"]
    job = str(uuid.uuid4()) if app == APP else known
    answer = talk.client.request(method, f"{app}/requests/{job}{end}")
    assert (answer.status_code, answer.json()) == (404, {"status": "NOT_FOUND"})


@pytest.mark.parametrize(
    ("path", "nowhere"),
    [
        ("/fal-ai/bytedance/seedance-2.0/fast/text-to-video", "/seedance-2.0/fast/text-to-video"),
        (f"{APP}/fast/text-to-film", "/fast/text-to-film"),
    ],
)
def test_a_path_that_leads_nowhere_is_accepted_and_not_found_when_it_runs(talk, path, nowhere):
    job = talk.accepted(path=path)
    talk.finish()
    assert talk.client.get(job["status_url"]).json()["status"] == "COMPLETED"
    result = talk.client.get(job["response_url"])
    assert (result.status_code, result.json()) == (404, {"detail": f"Path {nowhere} not found"})
    assert talk.sandbox.account.billed() == ()


@pytest.mark.parametrize("path", ["/bytedance/seedance-9/text-to-video", "/nobody/else", "/"])
def test_what_is_not_there(talk, path):
    answer = talk.submit(path=path)
    assert answer.status_code == 404
    assert answer.json()["detail"]
    assert talk.sandbox.account.submissions() == ()


def test_a_webhook_that_nobody_answers_is_no_trouble(talk):
    answer = talk.submit(path=f"{APP}/text-to-video?fal_webhook=http%3A%2F%2F127.0.0.1%3A9")
    assert answer.status_code == 200
    assert len(talk.sandbox.account.submissions()) == 1


@pytest.mark.parametrize(
    ("fields", "size", "frames", "sounds"),
    [
        ({"duration": "4", "aspect_ratio": "9:16"}, (496, 864), 96, 1),
        ({"duration": "auto", "aspect_ratio": "auto", "generate_audio": False}, (864, 496), 120, 0),
        ({"duration": "4", "resolution": "720p", "aspect_ratio": "16:9"}, (1280, 720), 96, 1),
    ],
)
def test_the_video_is_the_one_that_was_asked_for(talk, fields, size, frames, sounds):
    content = httpx.get(talk.rendered(**fields)).content
    with av.open(io.BytesIO(content)) as video:
        numbers = [read_number(frame.to_image()) for frame in video.decode(video=0)]
        stream = video.streams.video[0]
        assert ((stream.width, stream.height), len(video.streams.audio)) == (size, sounds)
    assert numbers == list(range(frames))


def test_the_same_body_gives_the_same_picture_and_another_file(talk):
    def essence(url: str) -> list[bytes]:
        with av.open(io.BytesIO(httpx.get(url).content)) as video:
            return [bytes(packet) for packet in video.demux() if packet.size]

    one, again, *others = (talk.rendered(seed=seed) for seed in (1, 1, 2, 3, 4))
    assert httpx.get(one).content == httpx.get(one).content
    assert httpx.get(one).content != httpx.get(again).content
    assert essence(one) == essence(again)
    assert any(essence(one) != essence(other) for other in others)


def test_another_sandbox_with_the_same_seed_gives_the_same_jobs(start):
    def jobs(seed: int) -> list[str]:
        talk = start(seed=seed)
        return [talk.accepted(prompt)["request_id"] for prompt in ("a cat", "a dog", "a cat")]

    first = jobs(1)
    assert len(set(first)) == 3
    assert jobs(1) == first
    assert not set(jobs(2)) & set(first)


def test_a_video_is_padded_to_the_size_of_a_real_one(start):
    talk = start(pad_to=3_000_000)
    assert len(httpx.get(talk.rendered()).content) == 3_000_000
