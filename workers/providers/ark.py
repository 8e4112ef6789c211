"""BytePlus ModelArk and Volcengine Ark: Seedance 2.0 first hand.

The same API in two regions, by the base URL: `https://ark.ap-southeast.bytepluses.com/api/v3` (the models are called
`dreamina-...`) and `https://ark.cn-beijing.volces.com/api/v3` (`doubao-...`). What it takes and answers is from
BytePlus's own SDK, `byteplussdkarkruntime` 3.0.63, and Ark's pages on its video generation API. To know:

* There is no idempotency key, but Ark lists the tasks of the last seven days: see `Ark.listed` for how an attempt in
  doubt is found there.
* A task that succeeded loses its URLs after 24 hours and its record after seven days.
* A task that failed, was cancelled or expired is not billed.
* `DELETE` cancels a task that is queued, is refused for one that is running or cancelled, and of any other deletes the
  record, and with it the only way to its video.
* A code may come at once (HTTP 400) or as the error of a failed task, moderation of the inputs among them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal, TypeGuard
from urllib.parse import parse_qs, quote, urlsplit

from jobs.takes import Asked
from workers.providers.ark_errors import REFUSALS, ErrorClass, class_of_code, ended, failure
from workers.providers.content import content_body
from workers.providers.errors import (
    AuthRefused,
    Cancelled,
    Expired,
    InDoubt,
    Invalid,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Transient,
    Unknown,
)
from workers.providers.naming import job_called, job_named
from workers.providers.protocol import (
    Access,
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

_MODELS = {"seedance-2.0": "seedance-2-0-260128", "seedance-2.0-fast": "seedance-2-0-fast-260128"}

_TASKS = "contents/generations/tasks"
_PAGE_SIZE = 100
_LAST_PAGE = 500
"""Ark's page on the list: `page_num` and `page_size` are 1 to 500."""

_UNSUPPORTED_PHASE = "OperationDenied.UnsupportedPhase"
"""Ark's page on error codes: not supported while the target is in its current phase."""

_EXPIRES = "execution_expires_after"
_LONGEST_EXPIRY = 172_800
_SHORTEST_EXPIRY = 86_400
"""Seconds. Ark takes 3600 to 259200, and 172800 where nothing is said; a night's queue fits into a day."""

_BEFORE, _AFTER = 300.0, 3600.0
"""Seconds by which a task may have been created before or after its submission: their clock is not ours."""


class Ark:
    """Ark's translation. See `workers.providers.protocol.Adapter` for what each method promises."""

    provider: str = "ark"
    # Ark looks at the inputs before it answers; its own SDK waits for ten minutes.
    submit_timeout: float = 300.0
    settling: Settling = "listing"
    # For so long Ark keeps the record of a task.
    settling_seconds: float = 7 * 86_400.0
    cancels: Cancels = "queued"

    def submission(self, asked: Asked, access: Access, attempt: Attempt) -> Request:
        """The POST that creates a task.

        `execution_expires_after`, the seconds after which Ark gives up a task that it could not finish, is the
        attempt's own (see `fingerprint`), unless `provider_options` sets it.

        Raises `Invalid` for what Ark has no words for. What can be said but is out of Ark's bounds is for the plan to
        refuse.
        """
        headers = {**_headers(access), "Content-Type": "application/json"}
        return Request("POST", f"{access.base_url}/{_TASKS}", headers, _body(asked, access, attempt))

    def to_be_called(self, request: Request, url: str) -> Request:
        """By ModelArk's page on creating a task: `callback_url` in the body; it calls at each change of the status."""
        return replace(request, json={**request.json, "callback_url": url})

    def called(self, response: Response) -> str | None:
        """The task that a call is about."""
        return job_called(response, "id")

    def accepted(self, response: Response) -> Job:
        """The task that the answer names."""
        answer = _Answer(response)
        if 200 <= response.status < 300:
            task = answer.fields.get("id")
            if isinstance(task, str) and task:
                return Job(task)
            raise answer.error(InDoubt, "Ark answered the submission without naming a task: it may have been accepted")
        raise _refusal(answer)

    def status(self, job: Job, access: Access) -> Request:
        """The GET of the task."""
        return Request("GET", f"{access.base_url}/{_TASKS}/{quote(job.id, safe='')}", _headers(access))

    def verdict(self, job: Job, request: Request, response: Response, access: Access) -> Verdict:
        """What the task says of itself."""
        answer = _Answer(response, access)
        if response.status == 404 and answer.kind not in (AuthRefused, QuotaExhausted):
            return Gone(answer.error(Expired, f"Ark knows no task {job.id}"))
        _raise_unless_answered(answer, "the task")
        word = answer.fields.get("status")
        if word == "queued":
            return Queued()
        if word == "running":
            return Running()
        if word == "succeeded":
            return _rendered(job, answer)
        if word == "failed":
            # Codes that Ark's documents don't have are not retried: it may fail for as long as it is asked.
            return Ended(answer.error(ended(answer.kind or Unknown), f"Ark failed to render task {job.id}"))
        if word == "expired":
            return Ended(answer.error(Transient, f"Ark did not get to task {job.id} in time"))
        if word == "cancelled":
            return Ended(answer.error(Cancelled, f"task {job.id} was cancelled at Ark"))
        raise answer.error(Unknown, f"Ark answered with a status that it has not: {word!r:.80}")

    def named(self, job_id: str, asked: Asked, access: Access) -> Job:
        """The task of that id."""
        return job_named("Ark", job_id)

    def cancellation(self, job: Job, access: Access) -> Request:
        """The DELETE of the task, for one that Ark has just said is queued, and for no other: see `Cancelling`."""
        return Request("DELETE", f"{access.base_url}/{_TASKS}/{quote(job.id, safe='')}", _headers(access))

    def cancelled(self, response: Response) -> bool:
        """What Ark says to that: nothing where it was done, else why not."""
        answer = _Answer(response)
        if response.status in (200, 204) and not answer.reason and (answer.is_json or not response.body.strip()):
            return True
        unknown = response.status == 404 and bool(answer.reason) and answer.kind is None
        if unknown or answer.reason.get("code") == _UNSUPPORTED_PHASE:
            return False
        _raise_unless_answered(answer, "the cancellation")
        raise answer.error(Unknown, "Ark answered the cancellation with an error of its own")

    def vouching(self, access: Access) -> Request:
        """The GET of one task, which Ark doesn't bill."""
        return Request("GET", f"{access.base_url}/{_TASKS}?page_num=1&page_size=1", _headers(access))

    def vouched(self, response: Response) -> str:
        """That tasks may be listed. Whether the models are open to the account, a submission alone tells."""
        answer = _Answer(response)
        _raise_unless_answered(answer, "the list of tasks")
        if not isinstance(answer.fields.get("items"), list):
            raise answer.error(Unknown, "Ark answered the list of tasks without one")
        return "the key is let in; whether the models are open to it, a submission alone tells"

    def listing(self, attempt: Attempt, asked: Asked, submitted_at: float, access: Access) -> Request:
        """The GET of the first hundred tasks. Ark allows about one such request a second."""
        return _page(access, 1)

    def listed(
        self,
        attempt: Attempt,
        asked: Asked,
        submitted_at: float,
        response: Response,
        access: Access,
        request: Request | None = None,
    ) -> tuple[list[Job], Request | None]:
        """The tasks on this page that are certainly this attempt's, and the request for the next page.

        Ark has no field for a name of ours, so each attempt marks its task by `execution_expires_after`: one of 86400
        values, made from the attempt's key, that Ark keeps with the task and tells again. A task is taken for this
        attempt's only if

        * it has that mark, and never without one: the default, which other programs' tasks have, is no mark;
        * it is of the same model, and was created between five minutes before and an hour after `submitted_at`;
        * nothing that the submission set and Ark tells again (seed, resolution, ratio, duration, sound, ...) differs.

        What is left to chance is that another attempt of the same hour, asking for the same, has the same mark (1 in
        86400). So the caller should leave out jobs that it knows to be other attempts', and adopt a match only when it
        is the only one. To find none proves nothing: where `provider_options` sets `execution_expires_after` there is
        no mark, and nothing ever matches.

        Pages are read to the last, or to where one in order of creation reaches back beyond the submission: Ark
        promises no order. `request` is what `response` answers; without it no next page can be named.

        Raises a `ProviderError` when the answer is no list, or stops short of its own total without a match.
        """
        answer = _Answer(response, access)
        _raise_unless_answered(answer, "the list of tasks")
        items = answer.fields.get("items")
        if not isinstance(items, list):
            raise answer.error(Unknown, "Ark answered the list of tasks without one")
        if _EXPIRES in (asked.provider_options or {}):
            return [], None
        body = _body(asked, access, attempt)
        begin, end = submitted_at - _BEFORE, submitted_at + _AFTER
        tasks = [item for item in items if isinstance(item, dict)]
        found = [Job(task["id"]) for task in tasks if _is_ours(task, body, begin, end)]
        if request is None:
            return found, None
        number = int(parse_qs(urlsplit(request.url).query)["page_num"][0])
        following = _following(number, answer, items, begin)
        if following == "short" and not found:
            raise answer.error(Unknown, f"page {number} of Ark's list of tasks stops short of its total")
        return found, _page(access, number + 1) if following == "more" else None


def fingerprint(attempt: Attempt) -> int:
    """The `execution_expires_after` by which an attempt's task is known again: 86400 to 172799 seconds.

    Never 172800, which is the default.
    """
    nonce = int(attempt.key[:16], 16) % (_LONGEST_EXPIRY - _SHORTEST_EXPIRY)
    return _SHORTEST_EXPIRY + nonce


class _Answer:
    """An answer of Ark's, read for what it says about a failure."""

    def __init__(self, response: Response, access: Access | None = None) -> None:
        self.response = response
        self.secrets = (access.key.get_secret_value(),) if access else ()
        parsed = response.parsed()
        self.is_json = isinstance(parsed, dict)
        self.fields: dict[str, Any] = parsed if isinstance(parsed, dict) else {}
        error = self.fields.get("error")
        self.reason: dict[str, Any] = error if isinstance(error, dict) else {}

    @property
    def kind(self) -> ErrorClass | None:
        """The class of the code that it gives; None when it gives none that is known."""
        return class_of_code(self.reason.get("code"))

    def error(self, kind: ErrorClass, what: str) -> ProviderError:
        """An error of class `kind` whose message is `what` with Ark's own words."""
        code, message = self.reason.get("code"), self.reason.get("message")
        said = ": ".join(part for part in (code, message) if isinstance(part, str) and part)
        return failure(kind, what, said, self.response, self.secrets)


def _body(asked: Asked, access: Access, attempt: Attempt) -> dict[str, Any]:
    host = urlsplit(access.base_url).hostname or ""
    maker = "doubao" if host == "volces.com" or host.endswith(".volces.com") else "dreamina"
    models = {name: f"{maker}-{model}" for name, model in _MODELS.items()}
    return {_EXPIRES: fingerprint(attempt), **content_body(asked, provider="ark", models=models)}


def _refusal(answer: _Answer) -> ProviderError:
    """The class of a submission's answer that is not a success."""
    status, kind = answer.response.status, answer.kind
    if (status >= 500 or status in (408, 499)) and kind not in REFUSALS:
        return answer.error(InDoubt, f"Ark answered HTTP {status}: it may have accepted the submission")
    if kind is not None:
        return answer.error(kind, _refused(kind))
    if status in (401, 402, 403, 429):
        return answer.error(*_shut_out(status))
    if status in (400, 404, 413, 422):
        return answer.error(Invalid, "Ark refused the request")
    return answer.error(Unknown, f"Ark answered the submission with HTTP {status}")


def _raise_unless_answered(answer: _Answer, what: str) -> None:
    """Raise for an answer that says nothing about jobs, but about us, the network or Ark's state."""
    status, kind = answer.response.status, answer.kind
    if status == 200 and answer.is_json:
        return
    if status == 200:
        raise answer.error(Unknown, f"Ark answered {what} with no JSON")
    if status in (401, 402, 403, 429):
        known = kind if kind in (AuthRefused, QuotaExhausted, RateLimited) else None
        raise answer.error(known, _refused(known)) if known else answer.error(*_shut_out(status))
    if status >= 500 or status == 408:
        raise answer.error(Transient, f"Ark answered {what} with HTTP {status}")
    raise answer.error(kind if kind in (AuthRefused, QuotaExhausted) else Unknown, f"Ark answered HTTP {status}")


def _shut_out(status: int) -> tuple[ErrorClass, str]:
    """The class and the message of a status that gives no code of Ark's."""
    kinds: dict[int, ErrorClass] = {402: QuotaExhausted, 429: RateLimited}
    kind = kinds.get(status, AuthRefused)
    return kind, f"{_refused(kind)} (HTTP {status})"


def _refused(kind: ErrorClass) -> str:
    said: dict[ErrorClass, str] = {
        AuthRefused: "Ark refused the key, or the model is not open to it; check ARK_API_KEY and the console",
        QuotaExhausted: "Ark's account has run out of money or quota",
        RateLimited: "Ark has too much to do",
    }
    return said.get(kind, "Ark refused the request")


def _rendered(job: Job, answer: _Answer) -> Verdict:
    content = answer.fields.get("content")
    urls: Mapping[str, Any] = content if isinstance(content, dict) else {}
    video, last_frame, seed = urls.get("video_url"), urls.get("last_frame_url"), answer.fields.get("seed")
    if not _is_url(video):
        return Ended(answer.error(Expired, f"the video of task {job.id} is no longer at Ark: it is kept for 24 hours"))
    return Rendered(
        video,
        last_frame_url=last_frame if _is_url(last_frame) else None,
        seed=seed if type(seed) is int else None,
        answer=answer.fields,
    )


def _is_ours(task: dict[str, Any], body: Mapping[str, Any], begin: float, end: float) -> bool:
    created = _created(task)
    if not isinstance(task.get("id"), str) or task.get("model") != body["model"]:
        return False
    if not begin <= created <= end or task.get(_EXPIRES) != body[_EXPIRES]:
        return False
    for name, value in body.items():
        # Left to Ark, it is told as what Ark made of it.
        chosen = isinstance(value, (str, int)) and value not in (-1, "adaptive")
        if chosen and task.get(name) is not None and task[name] != value:
            return False
    return True


def _following(number: int, answer: _Answer, items: list[Any], begin: float) -> Literal["more", "none", "short"]:
    """Whether pages that matter follow page `number`: `short` when they do and can't be had."""
    total = answer.fields.get("total")
    seen = (number - 1) * _PAGE_SIZE + len(items)
    if not items or (seen >= total if type(total) is int else len(items) < _PAGE_SIZE):
        return "none"
    times = [_created(item) for item in items]
    # Where all are of the same second, there is no telling in which order they come.
    newest_first = all(one >= other for one, other in pairwise(times)) and times[0] > times[-1]
    if newest_first and times[-1] < begin:
        return "none"
    return "short" if len(items) < _PAGE_SIZE or number >= _LAST_PAGE else "more"


def _page(access: Access, number: int) -> Request:
    url = f"{access.base_url}/{_TASKS}?page_num={number}&page_size={_PAGE_SIZE}"
    return Request("GET", url, _headers(access))


def _created(task: object) -> float:
    """When a task was created, in seconds since the epoch; infinitely late where it doesn't say."""
    created = task.get("created_at") if isinstance(task, dict) else None
    return created if type(created) is int else math.inf


def _headers(access: Access) -> dict[str, str]:
    return {"Accept": "application/json", "Authorization": f"Bearer {access.key.get_secret_value()}"}


def _is_url(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.startswith(("https://", "http://"))
