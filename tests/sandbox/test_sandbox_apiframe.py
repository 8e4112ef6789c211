from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from workers.sandbox.apiframe_uploads import LIFE_SECONDS, MEGABYTE, sniff
from workers.sandbox.server import SandboxOptions, running_sandbox

KEY = {"X-API-Key": "afk_key"}
EXCERPT = json.loads((Path(__file__).parents[1] / "providers" / "apiframe_openapi_excerpt.json").read_text())
A, ASSET = "https://a.example/1.png", "asset://asset-1"
SMALL = {"duration": 4, "resolution": "480p", "aspect_ratio": "1:1"}
FLOWER = {
    "prompt": "A timelapse of a flower blooming in a garden, close up macro shot",
    "model": "seedance-2-fast",
    "seedanceParams": {"duration": 4, "resolution": "720p", "generate_audio": False},
}


def fits(name: str, value: Any) -> None:
    problems = [error.message for error in Draft202012Validator(EXCERPT["schemas"][name]).iter_errors(value)]
    assert problems == []


def generate(talk: Any, body: Any = None, *, key: str | None = None) -> httpx.Response:
    headers = {**KEY, **({} if key is None else {"Idempotency-Key": key})}
    chosen = {"prompt": "a cat", "model": "seedance-2-fast", "seedanceParams": SMALL} if body is None else body
    return httpx.post(f"{talk.sandbox.url}/v2/videos/generate", json=chosen, headers=headers, timeout=300)


def accepted(talk: Any, prompt: str = "a cat", *, model: str = "seedance-2-fast", **params: Any) -> str:
    answer = generate(talk, {"prompt": prompt, "model": model, "seedanceParams": {**SMALL, **params}})
    assert answer.status_code == 202, answer.text
    fits("JobAccepted", answer.json())
    job: str = answer.json()["jobId"]
    return job


def get(talk: Any, path: str, **query: str) -> httpx.Response:
    return httpx.get(f"{talk.sandbox.url}{path}", params=query, headers=KEY, timeout=300)


def job_of(talk: Any, id: str) -> dict[str, Any]:
    answer = get(talk, f"/v2/jobs/{id}")
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    fits("Job", job)
    return job


# What is taken


@pytest.mark.parametrize(
    "body",
    [
        FLOWER,
        {"prompt": "x", "model": "seedance-2"},
        {"prompt": "x" * 4000, "model": "seedance-2-fast", "seedanceParams": {}},
        *({**FLOWER, "seedanceParams": {"duration": seconds}} for seconds in range(4, 16)),
        *(
            {**FLOWER, "seedanceParams": {"aspect_ratio": ratio}}
            for ratio in ("21:9", "16:9", "4:3", "1:1", "3:4", "9:16", "adaptive")
        ),
        *({**FLOWER, "model": "seedance-2", "seedanceParams": {"resolution": it}} for it in ("480p", "1080p", "4k")),
        {**FLOWER, "seedanceParams": {"start_image": A, "end_image": ASSET, "return_last_frame": True, "seed": -1}},
        {
            **FLOWER,
            "seedanceParams": {
                "reference_image_urls": [A] * 9,
                "reference_video_urls": [ASSET] * 3,
                "reference_audio_urls": [A] * 3,
            },
        },
        {**FLOWER, "seedanceParams": {"web_search": True, "camera_fixed": True}},
        {**FLOWER, "webhookUrl": "https://a.example/hook", "webhookEvents": ["completed", "failed"]},
    ],
)
def test_accepted(talk, body):
    fits("GenerateVideoRequest", body)
    answer = generate(talk, body)
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"jobId": answer.json()["jobId"], "status": "QUEUED"}
    assert uuid.UUID(answer.json()["jobId"]).version == 4
    assert [job.body for job in talk.sandbox.account.billed()] == [body]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"seed": 1}, "seed"),
    ({"prompt": ""}, "prompt"),
    ({"prompt": "x" * 4001}, "prompt"),
    ({"prompt": None}, "prompt"),
    ({"prompt": "[sandbox: flood]"}, "prompt"),
    ({"model": "seedance-3"}, "model"),
    ({"webhookUrl": "there"}, "webhookUrl"),
    ({"webhookEvents": []}, "webhookEvents"),
    ({"webhookEvents": ["started"]}, "webhookEvents.0"),
    ({"seedanceParams": []}, "seedanceParams"),
    *(
        ({"seedanceParams": params}, f"seedanceParams.{place}")
        for params, place in (
            ({"duration": 3}, "duration"),
            ({"duration": 16}, "duration"),
            ({"duration": "5"}, "duration"),
            ({"duration": -1}, "duration"),
            ({"resolution": "1080p"}, "resolution"),
            ({"resolution": "4k"}, "resolution"),
            ({"aspect_ratio": "9:21"}, "aspect_ratio"),
            ({"aspect_ratio": "auto"}, "aspect_ratio"),
            ({"start_image": "data:image/png;base64,AAAA"}, "start_image"),
            ({"start_image": "asset://"}, "start_image"),
            ({"end_image": None}, "end_image"),
            ({"reference_image_urls": [A] * 10}, "reference_image_urls"),
            ({"reference_video_urls": [A] * 4}, "reference_video_urls"),
            ({"reference_audio_urls": [A] * 4}, "reference_audio_urls"),
            ({"reference_image_urls": A}, "reference_image_urls"),
            ({"reference_image_urls": [A, "no"]}, "reference_image_urls.1"),
            ({"generate_audio": "true"}, "generate_audio"),
            ({"seed": 1.5}, "seed"),
            ({"watermark": False}, "watermark"),
            ({"fps": 24}, "fps"),
        )
    ),
    ({"seedanceParams": {"start_image": A, "reference_image_urls": [A]}}, "seedanceParams"),
    ({"seedanceParams": {"end_image": A}}, "seedanceParams"),
    ({"seedanceParams": {"reference_audio_urls": [A]}}, "seedanceParams"),
    ({"seedanceParams": {"start_image": A, "web_search": True}}, "seedanceParams"),
]


@pytest.mark.parametrize(("given", "place"), REFUSED)
def test_refused(talk, given, place):
    answer = generate(talk, {**FLOWER, **given})
    assert answer.status_code == 400
    fits("ValidationError", answer.json())
    assert list(answer.json()["details"]) == [place]
    assert talk.sandbox.account.submissions() == ()


def test_a_body_that_is_no_json(talk):
    answer = httpx.post(f"{talk.sandbox.url}/v2/videos/generate", content=b"{prompt: x}", headers=KEY)
    assert (answer.status_code, list(answer.json()["details"])) == (400, [""])


def test_late_validation_accepts_and_fails_the_job(start):
    talk = start(late_validation=True)
    answer = generate(talk, {**FLOWER, "ratio": "16:9"})
    assert answer.status_code == 202
    talk.finish()
    job = job_of(talk, answer.json()["jobId"])
    assert (job["status"], job["result"], job["creditCost"]) == ("FAILED", None, None)
    assert "ratio" in str(job["error"])
    assert talk.sandbox.account.billed() == ()


@pytest.mark.parametrize(
    ("key", "sent", "status"),
    [
        (None, {}, 401),
        (None, {"X-API-Key": ""}, 401),
        (None, {"X-API-Key": "anything"}, 202),
        (None, {"Authorization": "Bearer anything"}, 202),
        (None, {"Authorization": "Key anything"}, 401),
        ("afk_1", {"X-API-Key": "afk_1"}, 202),
        ("afk_1", {"X-API-Key": "afk_2"}, 401),
    ],
)
def test_the_key(start, key, sent, status):
    talk = start(key=key)
    answer = httpx.post(f"{talk.sandbox.url}/v2/videos/generate", json=FLOWER, headers=sent)
    assert answer.status_code == status
    assert len(talk.sandbox.account.submissions()) == (status == 202)


@pytest.mark.parametrize("path", [f"/v2/jobs/{uuid.UUID(int=0)}", "/v2/jobs", "/v2/assets/a"])
def test_nothing_is_shown_without_the_key(start, path):
    talk = start(key="afk_1")
    answer = httpx.get(f"{talk.sandbox.url}{path}", headers={"X-API-Key": "afk_2"})
    assert answer.status_code == 401
    fits("ErrorResponse", answer.json())


# The idempotency key


def test_a_key_again_is_the_job_again(talk):
    first = generate(talk, key="k1").json()
    assert generate(talk, key="k1").json() == first
    talk.finish()
    again = generate(talk, key="k1")
    assert (again.status_code, again.json()) == (202, {**first, "status": "COMPLETED"})
    fits("JobAccepted", again.json())
    assert len(talk.sandbox.account.billed()) == 1


def test_other_keys_and_no_keys_are_other_jobs(talk):
    jobs = [generate(talk, key=key).json()["jobId"] for key in ("k1", "k2", None, None)]
    assert len(set(jobs)) == 4
    assert len(talk.sandbox.account.billed()) == 4


def test_a_key_with_another_body_is_a_conflict(talk):
    generate(talk, key="k1")
    answer = generate(talk, FLOWER, key="k1")
    assert answer.status_code == 409
    fits("ErrorResponse", answer.json())
    assert len(talk.sandbox.account.billed()) == 1


def test_a_key_counts_for_24_hours(talk):
    first = generate(talk, key="k1").json()["jobId"]
    talk.clock.time += 24 * 3600 - 1
    assert generate(talk, key="k1").json()["jobId"] == first
    talk.clock.time += 1
    second = generate(talk, key="k1").json()["jobId"]
    assert second != first
    assert generate(talk, key="k1").json()["jobId"] == second
    assert len(talk.sandbox.account.billed()) == 2


def test_a_key_is_known_to_a_sandbox_that_was_started_again(start, tmp_path):
    state = tmp_path / "state"
    first = generate(start(state=state), key="k1").json()["jobId"]
    second = start(state=state)
    assert generate(second, key="k1").json()["jobId"] == first
    assert len(second.sandbox.account.billed()) == 1


def test_a_refused_submission_uses_up_no_key(talk):
    assert generate(talk, {**FLOWER, "ratio": "1:1"}, key="k1").status_code == 400
    assert generate(talk, key="k1").status_code == 202


@pytest.mark.parametrize(("length", "status"), [(255, 202), (256, 400)])
def test_how_long_a_key_may_be(talk, length, status):
    assert generate(talk, key="k" * length).status_code == status


@pytest.mark.parametrize(
    ("fault", "after"), [("drop", 1), ("garbage-submit", 1), ("hangup", 0), ("500", 0), ("429", 0)]
)
def test_a_key_settles_what_is_in_doubt(talk, fault, after):
    body = {**FLOWER, "prompt": f"a cat [sandbox: {fault}]"}
    if fault in ("drop", "hangup"):
        with pytest.raises(httpx.RemoteProtocolError):
            generate(talk, body, key="k1")
    else:
        assert generate(talk, body, key="k1").content
    assert len(talk.sandbox.account.billed()) == after
    settled = generate(talk, body, key="k1")
    assert settled.status_code == 202
    assert [job.id for job in talk.sandbox.account.billed()] == [settled.json()["jobId"]]


# Jobs


def test_the_life_of_a_job(start):
    talk = start(queue_seconds=1, render_seconds=10)
    id = accepted(talk, reference_video_urls=[A], return_last_frame=True)
    created = job_of(talk, id)
    assert created == {
        "id": id,
        "status": "QUEUED",
        "model": "seedance-2-fast",
        "progress": 0,
        "result": None,
        "error": None,
        "creditCost": 8,
        "webhookStatus": None,
        "createdAt": "2027-01-15T08:00:00.000Z",
        "completedAt": None,
        "expired": False,
        "input": talk.sandbox.account.get(id).body,
    }
    talk.clock.time += 6
    assert job_of(talk, id) == {**created, "status": "PROCESSING", "progress": 50}
    talk.clock.time += 5
    assert job_of(talk, id) == {
        **created,
        "status": "COMPLETED",
        "progress": 100,
        "result": {"videoUrl": f"{talk.sandbox.url}/files/{id}.mp4"},
        "completedAt": "2027-01-15T08:00:11.000Z",
    }
    assert httpx.get(f"{talk.sandbox.url}/files/{id}.mp4").status_code == 200


# The price examples and the table of Apiframe's page.
@pytest.mark.parametrize(
    ("model", "params", "cost"),
    [
        ("seedance-2-fast", {"duration": 5, "resolution": "720p"}, 10),
        ("seedance-2-fast", {"duration": 15, "resolution": "720p", "reference_video_urls": [A]}, 60),
        ("seedance-2-fast", {"duration": 4, "resolution": "480p"}, 4),
        ("seedance-2-fast", {"duration": 4, "resolution": "480p", "reference_video_urls": [A]}, 8),
        ("seedance-2-fast", {"duration": 4, "reference_image_urls": [A], "resolution": "480p"}, 4),
        ("seedance-2", {"duration": 4}, None),
    ],
)
def test_what_a_job_costs_in_credits(talk, model, params, cost):
    assert job_of(talk, accepted(talk, model=model, **params))["creditCost"] == cost


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("fail", "Video generation failed upstream"),
        ("moderation", "The generated video was blocked by the content policy"),
        ("moderation-input", "The input prompt was blocked by the content policy"),
    ],
)
def test_jobs_that_fail(talk, fault, said):
    id = accepted(talk, f"a cat [sandbox: {fault}]")
    talk.finish()
    job = job_of(talk, id)
    assert (job["status"], job["error"], job["result"], job["creditCost"]) == ("FAILED", said, None, 0)
    assert talk.sandbox.account.billed() == ()


def test_a_job_that_was_cancelled(talk):
    id = accepted(talk)
    assert talk.sandbox.cancel(talk.sandbox.account.get(id))
    assert (job_of(talk, id)["status"], job_of(talk, id)["creditCost"]) == ("CANCELLED", 0)


def test_a_result_expires(start):
    talk = start(link_seconds=3600.0, queue_seconds=0, render_seconds=10)
    id = accepted(talk)
    talk.clock.time += 10
    assert job_of(talk, id)["expired"] is False
    talk.clock.time += 3600
    job = job_of(talk, id)
    assert (job["status"], job["expired"]) == ("COMPLETED", True)
    assert httpx.get(job["result"]["videoUrl"]).status_code == 403


@pytest.mark.parametrize(("fault", "status"), [("poll-429", 429), ("poll-500", 500), ("garbage", 200)])
def test_asking_goes_wrong_once(talk, fault, status):
    id = accepted(talk, f"a cat [sandbox: {fault}]")
    answer = get(talk, f"/v2/jobs/{id}")
    assert answer.status_code == status
    assert ("retry-after" in answer.headers) == (status == 429)
    assert job_of(talk, id)["status"] == "QUEUED"


@pytest.mark.parametrize(("id", "status"), [("7", 400), (str(uuid.UUID(int=0)), 404)])
def test_jobs_that_there_are_not(talk, id, status):
    answer = get(talk, f"/v2/jobs/{id}")
    assert answer.status_code == status
    fits("ErrorResponse", answer.json())


def test_a_job_of_another_provider_is_not_shown(talk):
    other = talk.accepted()["request_id"]
    assert get(talk, f"/v2/jobs/{other}").status_code == 404
    assert get(talk, "/v2/jobs").json()["jobs"] == []


def test_a_team_without_credits(start):
    talk = start(locked=True)
    answer = generate(talk, FLOWER)
    assert (answer.status_code, answer.json()) == (
        402,
        {"error": "Insufficient credits", "creditsRequired": 8, "creditsAvailable": 0},
    )
    fits("InsufficientCredits", answer.json())


def test_a_team_without_credits_still_hears_of_its_jobs(talk):
    id = generate(talk, key="k1").json()["jobId"]
    talk.sandbox.change(locked=True)
    assert job_of(talk, id)["status"] == "QUEUED"
    assert generate(talk, key="k1").json()["jobId"] == id


# The listing


def test_the_listing_goes_from_the_newest_page_by_page(talk):
    ids = []
    for number in range(5):
        ids.append(accepted(talk, f"cat {number}"))
        talk.clock.time += 0.25
    seen: list[str] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        page = get(talk, "/v2/jobs", **query).json()
        fits("JobList", page)
        seen += [job["id"] for job in page["jobs"]]
        assert page["hasMore"] == (page["nextCursor"] is not None)
        if not page["hasMore"]:
            break
        query["cursor"] = page["nextCursor"]
    assert seen == ids[::-1]


def test_what_the_listing_can_be_narrowed_to(talk):
    done = accepted(talk, "a cat")
    talk.finish()
    fresh = accepted(talk, "a dog", model="seedance-2")

    def listed(**query: str) -> list[str]:
        return [job["id"] for job in get(talk, "/v2/jobs", **query).json()["jobs"]]

    assert listed() == [fresh, done]
    assert listed(status="COMPLETED") == [done]
    assert listed(status="FAILED") == []
    assert listed(model="seedance-2") == [fresh]
    assert listed(search=done) == [done]
    assert get(talk, "/v2/jobs", include_models="true").json()["models"] == ["seedance-2", "seedance-2-fast"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"limit": "0"}, 400),
        ({"limit": "101"}, 400),
        ({"limit": "ten"}, 400),
        ({"status": "succeeded"}, 400),
        ({"cursor": "nonsense"}, 400),
        ({"cursor": "e30="}, 400),
        ({"search": "cat"}, 400),
        ({"page": "2"}, 400),
        ({"scope": "team"}, 403),
    ],
)
def test_listings_that_are_refused(talk, query, status):
    answer = get(talk, "/v2/jobs", **query)
    assert answer.status_code == status
    fits("ValidationError", answer.json())


# Uploads and assets

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)
MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(32)
WAV = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(32)


def upload(talk: Any, content: bytes, *, field: str = "file") -> httpx.Response:
    # The declared type is ignored: what counts is how it begins.
    files = {field: ("cat.bin", content, "text/plain")}
    return httpx.post(f"{talk.sandbox.url}/v2/uploads", files=files, headers=KEY, timeout=300)


@pytest.mark.parametrize(
    ("content", "kind", "content_type"),
    [(PNG, "image", "image/png"), (MP4, "video", "video/mp4"), (WAV, "audio", "audio/wav")],
)
def test_an_upload_can_be_had_for_an_hour_and_named_in_a_job(talk, content, kind, content_type):
    answer = upload(talk, content)
    assert answer.status_code == 201, answer.text
    given = answer.json()
    fits("Upload", given)
    assert (given["kind"], given["contentType"], given["byteSize"]) == (kind, content_type, len(content))
    had = httpx.get(given["url"])
    assert (had.content, had.headers["content-type"]) == (content, content_type)
    accepted(talk, reference_image_urls=[given["url"]])
    talk.clock.time += LIFE_SECONDS
    assert httpx.get(given["url"]).status_code == 404


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (PNG + bytes(25 * MEGABYTE - len(PNG)), 201),
        (PNG + bytes(25 * MEGABYTE - len(PNG) + 1), 400),
        (WAV + bytes(25 * MEGABYTE), 400),
        (MP4 + bytes(25 * MEGABYTE), 201),
        (MP4 + bytes(50 * MEGABYTE), 400),
        (b"%PDF-1.7 and so on", 400),
        (b"", 400),
    ],
    ids=["25 MB image", "more", "audio", "video of more than 25 MB", "of more than 50", "a document", "nothing"],
)
def test_how_large_an_upload_may_be_and_of_what_kind(talk, content, status):
    answer = upload(talk, content)
    assert answer.status_code == status
    fits("Upload" if status == 201 else "ValidationError", answer.json())


def test_an_upload_without_a_file(talk):
    assert upload(talk, PNG, field="image").status_code == 400
    answer = httpx.post(f"{talk.sandbox.url}/v2/uploads", json={"file": "x"}, headers=KEY)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (PNG, "png"),
        (b"\xff\xd8\xff\xe0" + bytes(9), "jpg"),
        (b"GIF89a" + bytes(9), "gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "webp"),
        (WAV, "wav"),
        (b"OggS" + bytes(9), "ogg"),
        (b"ID3\x04" + bytes(9), "mp3"),
        (b"\xff\xfb\x90" + bytes(9), "mp3"),
        (b"\x1a\x45\xdf\xa3" + bytes(9), "webm"),
        (MP4, "mp4"),
        (b"\x00\x00\x00\x14ftypqt  ", "mov"),
        (b"\x00\x00\x00\x14ftypM4A ", "m4a"),
    ],
)
def test_every_type_that_is_taken_is_known_by_its_beginning(content, ending):
    found = sniff(content)
    assert found is not None
    assert found[2] == ending


def test_an_asset_is_registered_and_shown(talk):
    body = {"url": A, "type": "image"}
    answer = httpx.post(f"{talk.sandbox.url}/v2/assets/create", json=body, headers=KEY)
    assert answer.status_code == 201
    fits("AssetCreated", answer.json())
    id = answer.json()["assetId"]
    assert get(talk, f"/v2/assets/{id}").json() == {"id": id, **body, "status": "Active"}
    accepted(talk, start_image=f"asset://{id}")


@pytest.mark.parametrize("body", [{"url": A}, {"url": "cat.png", "type": "image"}, {"url": A, "type": "text"}, []])
def test_assets_that_are_refused(talk, body):
    answer = httpx.post(f"{talk.sandbox.url}/v2/assets/create", json=body, headers=KEY)
    assert answer.status_code == 400
    fits("ValidationError", answer.json())


def test_an_asset_that_there_is_not(talk):
    assert get(talk, "/v2/assets/none").status_code == 404


def test_uploads_need_the_key(cache):
    with running_sandbox(SandboxOptions(cache=cache, key="afk_1")) as sandbox:
        files = {"file": ("cat.png", PNG, "image/png")}
        assert httpx.post(f"{sandbox.url}/v2/uploads", files=files, headers=KEY).status_code == 401
        assert httpx.post(f"{sandbox.url}/v2/assets/create", json={}, headers=KEY).status_code == 401
