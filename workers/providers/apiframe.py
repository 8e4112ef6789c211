"""Apiframe: Seedance 2.0 through the jobs of its API v2.

What a request may hold is from Apiframe's page of Seedance 2.0 Fast and its OpenAPI document 2.0.0, which has the
standard model too; jobs, errors and the idempotency key are from the OpenAPI document. Five things to know:

* `Idempotency-Key`: "Replaying the same key within 24 hours returns the original job rather than creating a
  duplicate." So a submission whose answer was lost is settled by making it again under the same key.
* The same key with another body is a 409 (in its SDK; the OpenAPI document doesn't list it). That, too, says that a
  job was made of this attempt, without saying which.
* Bodies are strict: one unknown key, and it is a 400.
* Moderation has no code. The job is FAILED, with free text.
* `return_last_frame` is documented, but nothing says where in the result the frame is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from jobs.takes import Asked
from workers.providers.errors import (
    AuthRefused,
    Cancelled,
    Expired,
    InDoubt,
    Invalid,
    KeyTaken,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Transient,
    Unknown,
)
from workers.providers.moderation import refusal
from workers.providers.naming import job_called, job_named
from workers.providers.protocol import (
    Access,
    Attempt,
    Ended,
    Gone,
    Job,
    Queued,
    Rendered,
    Request,
    Response,
    Running,
    Settling,
    Verdict,
)
from workers.providers.reading import excerpt, retry_after
from workers.redaction import redact

_MODELS = {
    "seedance-2.0": "seedance-2",
    "seedance-2.0-fast": "seedance-2-fast",
}

LONGEST_KEY = 255
"""Characters of an idempotency key that Apiframe takes."""

# In `seedanceParams`, by the names that a manifest has for them.
_PARAMS = {
    "duration": "duration",
    "resolution": "resolution",
    "aspect_ratio": "aspect_ratio",
    "start_image": "start_image",
    "end_image": "end_image",
    "reference_images": "reference_image_urls",
    "reference_videos": "reference_video_urls",
    "reference_audio": "reference_audio_urls",
    "generate_audio": "generate_audio",
    "return_last_frame": "return_last_frame",
    "web_search": "web_search",
    "seed": "seed",
    "camera_fixed": "camera_fixed",
}
_OWN_NAMES = {"prompt": "prompt", "model": "model", **{theirs: ours for ours, theirs in _PARAMS.items()}}

# None of these is documented. A frame that is not found is taken from the video.
_LAST_FRAME = ("lastFrameUrl", "last_frame_url", "lastFrame", "last_frame", "lastFrameImage", "last_frame_image")

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)

_Class = type[ProviderError]


class Apiframe:
    """Apiframe's translation. See `workers.providers.protocol.Adapter` for what each method promises."""

    provider: str = "apiframe"
    submit_timeout: float = 60.0
    settling: Settling = "again"
    # Apiframe keeps a key for 24 hours, by its own clock and from when it got it: an hour is left for the difference.
    settling_seconds: float = 23 * 3600.0

    def submission(self, asked: Asked, access: Access, attempt: Attempt) -> Request:
        """The POST that makes a job, or asks again for the one that it made.

        Raises `Invalid` for what Apiframe has no words for. What can be said but is out of Apiframe's bounds is for
        the plan to refuse.
        """
        model = _MODELS.get(asked.model)
        if model is None:
            raise Invalid(f"Apiframe has no model {asked.model!r}; it has {' and '.join(_MODELS)}.")
        unsaid = list(_unsaid(asked))
        if unsaid:
            raise Invalid(" ".join(unsaid))
        if not 0 < len(attempt.key) <= LONGEST_KEY:
            raise ValueError(f"an idempotency key has 1 to {LONGEST_KEY} characters, not {len(attempt.key)}")
        params = _params(asked)
        body: dict[str, Any] = {"model": model, "prompt": asked.prompt}
        if params:
            body["seedanceParams"] = params
        headers = {**_headers(access), "Content-Type": "application/json", "Idempotency-Key": attempt.key}
        return Request("POST", f"{access.base_url}/v2/videos/generate", headers, body)

    def to_be_called(self, request: Request, url: str) -> Request:
        """By its OpenAPI: `webhookUrl` in the body. Of the events, `progress` would be one call after another."""
        return replace(request, json={**request.json, "webhookUrl": url, "webhookEvents": ["completed", "failed"]})

    def called(self, response: Response) -> str | None:
        """The job that a call is about."""
        return job_called(response, "jobId")

    def accepted(self, response: Response) -> Job:
        """The job that was made, or made before under the same key; how it is, its own status says."""
        answer = _Answer(response)
        if 200 <= response.status < 300:
            job = answer.fields.get("jobId")
            if isinstance(job, str) and job:
                return Job(job)
            raise answer.error(InDoubt, "Apiframe answered without naming a job: it may have made one")
        raise _refusal(answer)

    def status(self, job: Job, access: Access) -> Request:
        """The GET of the job."""
        return Request("GET", f"{access.base_url}/v2/jobs/{quote(job.id, safe='')}", _headers(access))

    def verdict(self, job: Job, request: Request, response: Response, access: Access) -> Verdict:
        """What the job's record says. Whatever is not one of its five words is no verdict."""
        answer = _Answer(response, access)
        status = response.status
        if status == 404:
            return Gone(answer.error(Expired, f"Apiframe knows no job {job.id}"))
        if status == 429:
            raise answer.error(RateLimited, "Apiframe asks to be asked less often")
        if status in (401, 403):
            raise answer.error(AuthRefused, _KEY_REFUSED)
        if status >= 500 or status == 408:
            raise answer.error(Transient, f"Apiframe answered the status with HTTP {status}")
        word = answer.fields.get("status")
        if status != 200 or not isinstance(word, str):
            raise answer.error(Unknown, f"Apiframe answered the status with HTTP {status} and no status in it")
        if word == "QUEUED":
            return Queued()
        if word == "PROCESSING":
            return Running()
        if word == "COMPLETED":
            return _completed(job, answer)
        if word == "FAILED":
            # Whether a failed job is refunded is not documented; its `creditCost` is in the body that is kept.
            return Ended(answer.error(refusal(answer.text) or Transient, f"Apiframe's job {job.id} failed"))
        if word == "CANCELLED":
            # There is no way to cancel by the API, so a person did.
            return Ended(answer.error(Cancelled, f"Apiframe's job {job.id} was cancelled, and not by Rushes"))
        raise answer.error(Unknown, f"Apiframe answered with a status that it has not: {word!r:.80}")

    def named(self, job_id: str, asked: Asked, access: Access) -> Job:
        """The job of that id, which Apiframe wants to be a UUID: of any other it says nothing but that (400)."""
        job = job_named("Apiframe", job_id)
        if not _UUID.fullmatch(job_id):
            raise Invalid(f"{job_id[:80]!r} can't be the id of a job at Apiframe: its ids are UUIDs.")
        return job

    def vouching(self, access: Access) -> Request:
        """The GET of the caller, which is for verifying credentials by Apiframe's OpenAPI document."""
        return Request("GET", f"{access.base_url}/v2/me", _headers(access))

    def vouched(self, response: Response) -> str:
        """Who it is, by the name of the team, and the credits that are left."""
        answer = _Answer(response)
        status, team = response.status, answer.fields.get("team")
        if status in (401, 403):
            raise answer.error(AuthRefused, _KEY_REFUSED)
        if status == 429:
            raise answer.error(RateLimited, "Apiframe asks to be asked less often")
        if status >= 500 or status == 408:
            raise answer.error(Transient, f"Apiframe answered with HTTP {status}")
        if status != 200 or not isinstance(team, dict):
            raise answer.error(Unknown, f"Apiframe answered with HTTP {status} and names no team")
        credits = team.get("credits")
        left = f"; {credits:g} credits are left" if isinstance(credits, int | float) else ""
        return f"the key is let in{left}"


class _Answer:
    """An answer of Apiframe's, read for what it says about a failure."""

    def __init__(self, response: Response, access: Access | None = None) -> None:
        self.response = response
        self.secrets = (access.key.get_secret_value(),) if access else ()
        parsed = response.parsed()
        self.fields: dict[str, Any] = parsed if isinstance(parsed, dict) else {}
        error = self.fields.get("error")
        self.text = error if isinstance(error, str) else ""

    def error(self, kind: _Class, what: str) -> ProviderError:
        """An error of class `kind` whose message is `what` with Apiframe's own words."""
        said = "; ".join((*filter(None, [self.text]), *self._details(), *self._credits()))
        line = " ".join(redact(f"{what}: {said}" if said else what, self.secrets).split())
        return kind(
            line if len(line) <= 600 else f"{line[:600]} ...",
            status=self.response.status,
            body=excerpt(self.response, self.secrets),
            retry_after=retry_after(self.response.headers),
        )

    def _details(self) -> Iterator[str]:
        details = self.fields.get("details")
        for place, problems in details.items() if isinstance(details, dict) else ():
            told = problems if isinstance(problems, list) else [problems]
            yield f"{place}: {', '.join(str(each) for each in told)}"

    def _credits(self) -> Iterator[str]:
        required, available = self.fields.get("creditsRequired"), self.fields.get("creditsAvailable")
        if type(required) is int and type(available) is int:
            yield f"{required} credits are required, {available} available"


_KEY_REFUSED = "Apiframe refused the key; check APIFRAME_API_KEY"


def _refusal(answer: _Answer) -> ProviderError:
    """The class of a submission's answer that is not a success."""
    status = answer.response.status
    if status in (401, 403):
        return answer.error(AuthRefused, _KEY_REFUSED)
    if status == 402:
        return answer.error(QuotaExhausted, "Apiframe's team is out of credits")
    if status == 429:
        return answer.error(RateLimited, "Apiframe has too much to do")
    if status == 409:
        # Not a refusal: it says that this attempt had been accepted before, or is being so at this moment.
        return answer.error(KeyTaken, "Apiframe has this attempt's key for another body: a job was made of it")
    if status >= 500 or status == 408:
        return answer.error(InDoubt, f"Apiframe answered HTTP {status}: it may have accepted the submission")
    if status in (400, 413, 422):
        refused = None if answer.fields.get("details") else refusal(answer.text)
        return answer.error(refused or Invalid, "Apiframe refused the request")
    return answer.error(Unknown, f"Apiframe answered the submission with HTTP {status}")


def _completed(job: Job, answer: _Answer) -> Verdict:
    if answer.fields.get("expired") is True:
        return Ended(answer.error(Expired, f"Apiframe no longer has the video of job {job.id}"))
    result = answer.fields.get("result")
    result = result if isinstance(result, dict) else {}
    videos = result.get("videos")
    first = videos[0] if isinstance(videos, list) and videos else None
    url = _url(result.get("videoUrl")) or _url(first)
    if url is None:
        return Ended(answer.error(Unknown, f"Apiframe finished job {job.id} without a video"))
    frame = next((found for name in _LAST_FRAME if (found := _url(result.get(name)))), None)
    seed = result.get("seed")
    return Rendered(url, frame, seed=seed if type(seed) is int else None, answer=answer.fields)


def _url(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("videoUrl") or value.get("url")
    return value if isinstance(value, str) and value.startswith(("https://", "http://")) else None


def _unsaid(asked: Asked) -> Iterator[str]:
    """What is asked that Apiframe has no words for, a sentence each."""
    if asked.duration == "auto":
        yield "Apiframe wants a duration in seconds, not 'auto'."
    if asked.watermark is not None:
        yield "Apiframe has no watermark; leave it out."
    given = [asked.start_image, asked.end_image]
    given += [*asked.reference_images, *asked.reference_videos, *asked.reference_audio]
    for each in given:
        if each is not None and not each.startswith(("https://", "http://", "asset://")):
            yield f"Apiframe takes http(s) URLs and asset:// ids, not {each[:80]!r}."
    for name in asked.provider_options or {}:
        if name in _OWN_NAMES:
            yield f"provider_options.{name} is {_OWN_NAMES[name]} in a manifest; write that."
        else:
            # What there is besides is for webhooks, which nobody here would answer.
            yield f"provider_options.{name}: Apiframe documents no field for a video that a manifest has no name for."


def _params(asked: Asked) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for ours, theirs in _PARAMS.items():
        value = getattr(asked, ours)
        if isinstance(value, tuple):
            value = list(value) or None
        if ours == "aspect_ratio" and value == "auto":
            value = "adaptive"
        if value is not None:
            params[theirs] = value
    return params


def _headers(access: Access) -> dict[str, str]:
    return {"Accept": "application/json", "X-API-Key": access.key.get_secret_value()}
