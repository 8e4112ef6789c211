"""fal: Seedance 2.0 through the queue at queue.fal.run.

What a request may hold is from fal's API pages for Seedance 2.0; how the queue answers is from its pages on
the queue, on model errors and on request errors, and from its own Python client. Four things to know:

* There is no FAILED status. A job that failed is COMPLETED, and its result answers with the error and its
  HTTP status. So the result alone decides, whatever `error` the status carried along.
* 403 is two things: a key that may not, and an account locked for want of money (`User is locked. ...`).
* There is no idempotency key and no listing: a submission whose answer is lost can't be settled by asking.
* fal runs a job up to ten times by itself when its runner breaks down. It does so behind one request id,
  which is billed once at most (5xx is never billed), while each new submission of ours is a new risk of losing
  its answer. So `X-Fal-No-Retry` is not sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeGuard
from urllib.parse import quote, urlencode, urlsplit

from jobs.takes import Asked
from workers.providers.errors import (
    Cancelled,
    Expired,
    InDoubt,
    InputRefused,
    Invalid,
    OutputRefused,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Transient,
    Unknown,
)
from workers.providers.fal_answers import ErrorClass, FalAnswer
from workers.providers.naming import job_called, job_named
from workers.providers.protocol import (
    Access,
    AskNext,
    Attempt,
    Cancels,
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

_MODELS = {
    "seedance-2.0": "bytedance/seedance-2.0",
    "seedance-2.0-fast": "bytedance/seedance-2.0/fast",
}

# The body's fields by the names that a manifest has for them.
_FIELDS = {
    "prompt": "prompt",
    "start_image": "image_url",
    "end_image": "end_image_url",
    "reference_images": "image_urls",
    "reference_videos": "video_urls",
    "reference_audio": "audio_urls",
    "resolution": "resolution",
    "duration": "duration",
    "aspect_ratio": "aspect_ratio",
    "generate_audio": "generate_audio",
    "seed": "seed",
}
_OWN_NAMES = {theirs: ours for ours, theirs in _FIELDS.items()}

# The one field of the pages that a manifest has no name for: fal's "unique user ID of the end user".
_END_USER = "end_user_id"

# The queue names a request by its app alone, without the path of the endpoint.
_APP = "bytedance/seedance-2.0"

_OWN_HOST = re.compile(r"([a-z0-9-]+\.)*(fal\.run|falrun\.com)")

# By its page on request errors, with a 499: "client_cancelled".
_CANCELLED = "client_cancelled"

# 503s that say no runner ever had the request.
_NEVER_REACHED = frozenset(
    (
        "runner_scheduling_failure",
        "runner_connection_timeout",
        "runner_connection_refused",
        "runner_connection_error",
    )
)


class Fal:
    """fal's translation. See `workers.providers.protocol.Adapter` for what each method promises."""

    provider: str = "fal"
    submit_timeout: float = 60.0
    # fal documents no idempotency key, and its queue lists no jobs.
    settling: Settling = "held"
    settling_seconds: float = 0.0
    cancels: Cancels = "any"

    def submission(self, asked: Asked, access: Access, attempt: Attempt) -> Request:
        """The POST that queues a render.

        Raises `Invalid` for what fal has no words for. What can be said but is out of fal's bounds is for the
        plan to refuse.
        """
        model = _MODELS.get(asked.model)
        if model is None:
            raise Invalid(f"fal has no model {asked.model!r}; it has {' and '.join(_MODELS)}.")
        unsaid = list(_unsaid(asked))
        if unsaid:
            raise Invalid(" ".join(unsaid))
        url = f"{access.base_url}/{model}/{_task(asked)}"
        headers = {**_headers(url, access), "Content-Type": "application/json"}
        return Request("POST", url, headers, _body(asked))

    def to_be_called(self, request: Request, url: str) -> Request:
        """By fal's page on webhooks: `?fal_webhook=` on the address of the submission."""
        return replace(request, url=f"{request.url}?{urlencode({'fal_webhook': url})}")

    def called(self, response: Response) -> str | None:
        """The request that a call is about."""
        return job_called(response, "request_id")

    def accepted(self, response: Response) -> Job:
        """The job that the queue names, with the URLs under which it wants to be asked."""
        answer = response.parsed()
        if 200 <= response.status < 300:
            request_id = answer.get("request_id") if isinstance(answer, dict) else None
            if isinstance(request_id, str) and request_id:
                named = {name: answer.get(f"{name}_url") for name in ("status", "response", "cancel")}
                return Job(request_id, {name: url for name, url in named.items() if _is_url(url)})
            raise FalAnswer(response).error(
                InDoubt, "fal answered the submission without naming a request: it may have been accepted"
            )
        raise self._refusal(FalAnswer(response))

    def status(self, job: Job, access: Access) -> Request:
        """The GET of the job's status URL as fal gave it."""
        url = job.urls.get("status") or f"{_request_url(job, access)}/status"
        return Request("GET", url, _headers(url, access))

    def verdict(self, job: Job, request: Request, response: Response, access: Access) -> Verdict:
        """What the answer to the status, or to the result that it led to, says of the job."""
        answer = FalAnswer(response, access)
        status = response.status
        if status == 429:
            raise answer.error(RateLimited, "fal asks to be asked less often")
        if status in (401, 403):
            raise answer.error(*answer.shut_out())
        if status == 404:
            return Gone(answer.error(Expired, f"fal knows no request {job.id}"))
        if request.url == self.status(job, access).url:
            return self._progress(job, answer, access)
        return self._result(job, answer)

    def named(self, job_id: str, asked: Asked, access: Access) -> Job:
        """The request of that id; its URLs are made from it."""
        return job_named("fal", job_id)

    def vouching(self, access: Access) -> Request:
        """The GET of the status of a request that there can't be: fal has no request for asking about a key."""
        return self.status(Job("00000000-0000-0000-0000-000000000000"), access)

    def vouched(self, response: Response) -> str:
        """That the key is not refused. That fal looks at the key before it looks for the request is documented only
        in part, so no more than that is said."""
        answer = FalAnswer(response)
        if response.status in (401, 403):
            raise answer.error(*answer.shut_out())
        if response.status == 429:
            raise answer.error(RateLimited, "fal asks to be asked less often")
        if response.status >= 500 or response.status == 408:
            raise answer.error(Transient, f"fal answered with HTTP {response.status}")
        if response.status != 404 or not answer.is_json:
            raise answer.error(Unknown, f"fal answered with HTTP {response.status}, where a 404 was expected")
        return "the key isn't refused; that it may render, a submission alone tells"

    def cancellation(self, job: Job, access: Access) -> Request:
        """The PUT to the job's cancel URL as fal gave it.

        A request in the queue is taken out of it. One that is being rendered gets a signal, which the model may not
        heed, and no page promises a refund.
        """
        url = job.urls.get("cancel") or f"{_request_url(job, access)}/cancel"
        return Request("PUT", url, _headers(url, access))

    def cancelled(self, response: Response) -> bool:
        """What fal says to that, by the words of its page on cancelling."""
        answer = FalAnswer(response)
        status, word = response.status, answer.fields.get("status")
        if status == 429:
            raise answer.error(RateLimited, "fal asks to be asked less often")
        if status in (401, 403):
            raise answer.error(*answer.shut_out())
        if status >= 500 or status == 408:
            raise answer.error(Transient, f"fal answered the cancellation with HTTP {status}")
        if word in ("CANCELLATION_REQUESTED", "OK") and 200 <= status < 300:
            return True
        if word in ("ALREADY_COMPLETED", "NOT_FOUND"):
            return False
        raise answer.error(Unknown, f"fal answered the cancellation with HTTP {status} and nothing that explains it")

    def _refusal(self, answer: FalAnswer) -> ProviderError:
        """The class of a submission's answer that is not a success."""
        status = answer.response.status
        if status in (401, 403):
            return answer.error(*answer.shut_out())
        if status == 402:
            return answer.error(QuotaExhausted, "fal wants to be paid first")
        if status == 429:
            return answer.error(RateLimited, "fal has too much to do")
        if status == 503 and answer.error_type in _NEVER_REACHED:
            return answer.error(RateLimited, "fal has no runner for it at the moment")
        if status >= 500 or status in (408, 499):
            return answer.error(InDoubt, f"fal answered HTTP {status}: it may have accepted the submission")
        if status in (400, 413, 422):
            kind = answer.kind()
            return answer.error(InputRefused if kind is OutputRefused else kind, "fal refused the request")
        return answer.error(Unknown, f"fal answered the submission with HTTP {status}")

    def _progress(self, job: Job, answer: FalAnswer, access: Access) -> Verdict:
        """What the status says. Whatever is not one of its three words is no verdict."""
        response = answer.response
        if response.status >= 500 or response.status == 408:
            raise answer.error(Transient, f"fal answered the status with HTTP {response.status}")
        word = answer.fields.get("status")
        if response.status in (200, 202) and isinstance(word, str):
            if word == "IN_QUEUE":
                position = answer.fields.get("queue_position")
                return Queued(position if type(position) is int and position >= 0 else None)
            if word == "IN_PROGRESS":
                return Running()
            if word == "COMPLETED":
                named = job.urls.get("response") or answer.fields.get("response_url")
                url = named if _is_url(named) else _request_url(job, access)
                return AskNext(Request("GET", url, _headers(url, access)))
            raise answer.error(Unknown, f"fal answered with a status that it has not: {word!r:.80}")
        raise answer.error(Unknown, f"fal answered the status with HTTP {response.status} and no status in it")

    def _result(self, job: Job, answer: FalAnswer) -> Verdict:
        """What the result says: the video, or why there is none.

        Only what is fal's own (JSON that gives a reason) ends a job. A gateway's page says nothing about it,
        and a job wrongly given up would be paid for twice.
        """
        response = answer.response
        status = response.status
        if status == 200 and answer.is_json:
            return self._rendered(job, answer)
        if status == 400 and "still in progress" in answer.text.lower():
            return Running()
        if status in (400, 413, 422) and answer.explains:
            return Ended(answer.error(answer.kind(), f"fal could not render request {job.id}"))
        if status >= 500 or status == 499:
            if not answer.names_its_kind:
                raise answer.error(Transient, f"fal answered the result with HTTP {status}")
            if answer.error_type == _CANCELLED:
                return Ended(answer.error(Cancelled, f"request {job.id} was cancelled at fal"))
            kind: ErrorClass = Unknown if status == 499 else Transient
            return Ended(answer.error(kind, f"fal failed to render request {job.id}"))
        if status == 408:
            raise answer.error(Transient, f"fal answered the result with HTTP {status}")
        raise answer.error(Unknown, f"fal answered the result with HTTP {status} and nothing that explains it")

    def _rendered(self, job: Job, answer: FalAnswer) -> Verdict:
        video = answer.fields.get("video")
        url = video.get("url") if isinstance(video, dict) else None
        if not _is_url(url):
            if answer.fields.get("status") in ("IN_QUEUE", "IN_PROGRESS"):
                return Running()
            kind = answer.kind() if answer.names_its_kind else Unknown
            return Ended(answer.error(kind, f"fal finished request {job.id} without a video"))
        seed = answer.fields.get("seed")
        return Rendered(url, seed=seed if type(seed) is int else None, answer=answer.fields)


def _task(asked: Asked) -> str:
    references = asked.reference_images or asked.reference_videos or asked.reference_audio
    if references and (asked.start_image or asked.end_image):
        raise Invalid("fal takes either a start and an end image or references, not both; leave one out.")
    if asked.end_image and not asked.start_image:
        raise Invalid("fal takes an end_image only together with a start_image; add one.")
    if references:
        return "reference-to-video"
    return "image-to-video" if asked.start_image else "text-to-video"


def _unsaid(asked: Asked) -> Iterator[str]:
    """What is asked that fal has no words for, a sentence each."""
    if asked.watermark is not None:
        yield "fal has no watermark; leave it out."
    for name in ("camera_fixed", "web_search", "return_last_frame"):
        # Not to want what there is not is nothing that would be dropped.
        if getattr(asked, name):
            yield f"fal has no {name}; leave it out."
    for name in asked.provider_options or {}:
        if name in _OWN_NAMES:
            yield f"provider_options.{name} is {_OWN_NAMES[name]} in a manifest; write that."
        elif name != _END_USER:
            yield f"provider_options.{name}: fal documents no such field; besides a manifest's own it has {_END_USER}."


def _body(asked: Asked) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for ours, theirs in _FIELDS.items():
        value = getattr(asked, ours)
        if isinstance(value, tuple):
            value = list(value) or None
        if ours == "duration" and value is not None:
            value = str(value)
        if value is not None:
            body[theirs] = value
    return body | dict(asked.provider_options or {})


def _headers(url: str, access: Access) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if _may_see_key(url, access):
        headers["Authorization"] = f"Key {access.key.get_secret_value()}"
    return headers


def _may_see_key(url: str, access: Access) -> bool:
    """Whether `url` is fal's or the base URL's: an answer may say where to ask next, not who gets the key."""
    try:
        given, base = urlsplit(url), urlsplit(access.base_url)
    except ValueError:
        return False
    host = given.hostname or ""
    if given.scheme == "https":
        return host == base.hostname or _OWN_HOST.fullmatch(host) is not None
    return given.scheme == base.scheme and host == base.hostname


def _request_url(job: Job, access: Access) -> str:
    return f"{access.base_url}/{_APP}/requests/{quote(job.id, safe='')}"


def _is_url(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.startswith(("https://", "http://"))
