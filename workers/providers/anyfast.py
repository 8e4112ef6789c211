"""AnyFast: Seedance 2.0 through a gateway that relays to Ark.

What a request may hold is from AnyFast's page of Seedance 2.0 Fast; how a task is told of is from its guide to the
task query; errors besides are as its clients have seen them. Five things to know:

* A task is told of twice: by the gateway (`SUCCESS`, `FAILURE`) and, within, as Ark told it to the gateway
  (`succeeded`, `failed`). The gateway's word counts; both vocabularies are read, in capitals or not.
* `fail_reason` is the reason of a failure. On success it is an older copy of `result_url`.
* An error of Ark's comes as JSON in the string `message` of the gateway's own error, `fail_to_fetch_task`, which says
  nothing by itself. It may be wrapped more than once.
* A create may take more than a minute to be answered, and cut off it is in doubt; so it is given five.
* There is no idempotency key and no list of tasks: what is in doubt can't be settled by asking.

Failed tasks are not billed, and results are kept for 24 hours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import quote

from jobs.takes import Asked
from workers.providers.ark_errors import REFUSALS, ErrorClass, class_of_code, class_of_text, ended, failure
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
from workers.providers.naming import job_named
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

_MODELS = {"seedance-2.0": "seedance-2.0", "seedance-2.0-fast": "seedance-fast"}

_PATH = "v1/video/generations"

# The gateway's own codes. Its task query knows the last as "no such task".
_RELAYED = "fail_to_fetch_task"
_NO_SUCH_TASK = "task_not_exist"
_GATEWAY: dict[str, ErrorClass] = {
    "insufficient_user_quota": QuotaExhausted,
    "upstream_load_saturated": RateLimited,
}

_WAITING = frozenset(("NOT_START", "SUBMITTED", "QUEUED"))
_RUNNING = frozenset(("IN_PROGRESS", "RUNNING"))
_SUCCEEDED = frozenset(("SUCCESS", "SUCCEEDED"))
_FAILED = frozenset(("FAILURE", "FAILED"))
_EXPIRED = frozenset(("EXPIRED",))
_CANCELLED = frozenset(("CANCELLED", "CANCELED"))
_KNOWN = _WAITING | _RUNNING | _SUCCEEDED | _FAILED | _EXPIRED | _CANCELLED

_DEEPEST = 8
"""Wrappings that are taken off an error. Nobody was seen to wrap more than three times."""

_CODE_BEFORE_MESSAGE = re.compile(r"([A-Za-z][\w.]*): ")


class AnyFast:
    """AnyFast's translation. See `workers.providers.protocol.Adapter` for what each method promises."""

    provider: str = "anyfast"
    # A create that is relayed was seen to hang for over a minute; AnyFast's clients wait for five.
    submit_timeout: float = 300.0
    settling: Settling = "held"
    settling_seconds: float = 0.0

    def submission(self, asked: Asked, access: Access, attempt: Attempt) -> Request:
        """The POST that creates a task.

        Raises `Invalid` for what AnyFast has no words for. What can be said but is out of its bounds is for the plan
        to refuse.
        """
        headers = {**_headers(access), "Content-Type": "application/json"}
        body = content_body(asked, provider=self.provider, models=_MODELS)
        return Request("POST", f"{access.base_url}/{_PATH}", headers, body)

    def accepted(self, response: Response) -> Job:
        """The task that the answer names."""
        answer = _Answer(response)
        if 200 <= response.status < 300:
            for name in ("task_id", "id"):
                task = answer.fields.get(name)
                if isinstance(task, str) and task:
                    return Job(task)
            if (refusal := answer.refusal) is not None:
                raise answer.error(refusal, _refused(refusal))
            raise answer.error(InDoubt, "AnyFast answered the submission without naming a task: it may be accepted")
        raise _refusal(answer)

    def status(self, job: Job, access: Access) -> Request:
        """The GET of the task."""
        return Request("GET", f"{access.base_url}/{_PATH}/{quote(job.id, safe='')}", _headers(access))

    def verdict(self, job: Job, request: Request, response: Response, access: Access) -> Verdict:
        """What the task says of itself, by the gateway's word, or by Ark's where the gateway has none."""
        answer = _Answer(response, access)
        if response.status == 404 or (response.status == 400 and answer.names(_NO_SUCH_TASK)):
            return Gone(answer.error(Expired, f"AnyFast knows no task {job.id}"))
        if response.status != 200:
            raise _no_verdict(answer)
        task = answer.task
        words = [str(each.get("status") or "").upper() for each in (task, _within(task))]
        word = next((word for word in words if word in _KNOWN), words[0] or words[1])
        if word in _WAITING:
            return Queued()
        if word in _RUNNING:
            return Running()
        if word in _SUCCEEDED:
            return _rendered(job, task, answer)
        # The gateway may call it a failure; Ark's own word is within.
        if word in _CANCELLED or (word in _FAILED and words[1] in _CANCELLED):
            return Ended(answer.error(Cancelled, f"task {job.id} was cancelled at AnyFast"))
        if word in _FAILED:
            return Ended(_failure(job, task, answer))
        if word in _EXPIRED:
            return Ended(answer.error(Transient, f"AnyFast did not get to task {job.id} in time"))
        if word:
            raise answer.error(Unknown, f"AnyFast answered with a status that it has not: {word!r:.80}")
        raise answer.error(Unknown, "AnyFast answered the query without a task")

    def named(self, job_id: str, asked: Asked, access: Access) -> Job:
        """The task of that id: the gateway's (`asyntask_...`), and not the one that it has at Ark."""
        return job_named("AnyFast", job_id)


@dataclass(frozen=True, slots=True)
class _Complaint:
    """One wrapping of an error: a code, a message, or both."""

    code: str
    message: str

    @property
    def kind(self) -> ErrorClass | None:
        return _GATEWAY.get(self.code) or class_of_code(self.code)


class _Answer:
    """An answer of AnyFast's, read for what it says about a failure."""

    def __init__(self, response: Response, access: Access | None = None) -> None:
        self.response = response
        self.secrets = (access.key.get_secret_value(),) if access else ()
        parsed = response.parsed()
        self.fields: dict[str, Any] = parsed if isinstance(parsed, dict) else {}
        self.complaints = list(_complaints(self.fields))

    @property
    def task(self) -> dict[str, Any]:
        """The task as the gateway tells of it; empty where it tells of none."""
        data = self.fields.get("data")
        return data if isinstance(data, dict) else {}

    @property
    def kind(self) -> ErrorClass | None:
        """The class of the innermost code or sentence that is known; None when none is."""
        return _kind(self.complaints)

    @property
    def refusal(self) -> ErrorClass | None:
        """The class of a code that leaves no doubt, whatever the HTTP status; None when there is none."""
        kinds = [each.kind for each in reversed(self.complaints) if each.kind is not None]
        return kinds[0] if kinds and kinds[0] in REFUSALS else None

    def names(self, code: str) -> bool:
        """Whether the error has `code`, in whatever wrapping."""
        return any(each.code == code for each in self.complaints)

    def error(self, kind: ErrorClass, what: str, complaints: list[_Complaint] | None = None) -> ProviderError:
        """An error of class `kind` whose message is `what` with the innermost words."""
        said = self.complaints if complaints is None else complaints
        inner = said[-1] if said else _Complaint("", "")
        words = ": ".join(part for part in (inner.code, inner.message) if part)
        return failure(kind, what, words, self.response, self.secrets)


def _complaints(value: object, depth: int = 0) -> Iterator[_Complaint]:
    """The wrappings of an error, from the outermost to the innermost.

    `value` is what was found in an answer's place for errors: JSON, a string with JSON in it, or plain words.
    """
    if depth >= _DEEPEST:
        return
    if isinstance(value, str):
        inner = _json(value)
        if inner is not None:
            yield from _complaints(inner, depth + 1)
        elif value.strip():
            code = _CODE_BEFORE_MESSAGE.match(value)
            yield _Complaint(code[1], value[code.end() :]) if code else _Complaint("", value)
    elif isinstance(value, dict):
        code, message = value.get("code"), value.get("message")
        words = message if isinstance(message, str) and _json(message) is None else ""
        if isinstance(code, str) and code != "success":
            yield _Complaint(code, words)
        elif words:
            yield from _complaints(words, depth + 1)
        if not words:
            yield from _complaints(message, depth + 1)
        yield from _complaints(value.get("error"), depth + 1)


def _json(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _kind(complaints: list[_Complaint]) -> ErrorClass | None:
    for each in reversed(complaints):
        if (kind := each.kind or class_of_text(each.message)) is not None:
            return kind
    return None


def _refusal(answer: _Answer) -> ProviderError:
    """The class of a submission's answer that is not a success."""
    status, kind = answer.response.status, answer.kind
    if status >= 500 or status in (408, 499):
        if (refusal := answer.refusal) is None:
            return answer.error(InDoubt, f"AnyFast answered HTTP {status}: it may have accepted the submission")
        return answer.error(refusal, _refused(refusal))
    kind = kind or _shut_out(answer)
    if kind is not None:
        return answer.error(kind, _refused(kind))
    if status in (400, 404, 413, 422):
        return answer.error(Invalid, "AnyFast refused the request")
    return answer.error(Unknown, f"AnyFast answered the submission with HTTP {status}")


def _no_verdict(answer: _Answer) -> ProviderError:
    """The error for an answer to the query that says nothing about the task."""
    status, kind = answer.response.status, answer.kind
    if kind not in (AuthRefused, QuotaExhausted, RateLimited):
        kind = _shut_out(answer)
    if kind is not None:
        return answer.error(kind, _refused(kind))
    if status >= 500 or status == 408:
        return answer.error(Transient, f"AnyFast answered the query with HTTP {status}")
    return answer.error(Unknown, f"AnyFast answered the query with HTTP {status}")


def _shut_out(answer: _Answer) -> ErrorClass | None:
    """The class of a status by itself. A 403 that was relayed is Ark's about the request, not AnyFast's about us."""
    kinds: dict[int, ErrorClass] = {401: AuthRefused, 402: QuotaExhausted, 429: RateLimited}
    if answer.response.status == 403 and not answer.names(_RELAYED):
        return AuthRefused
    return kinds.get(answer.response.status)


def _refused(kind: ErrorClass) -> str:
    said: dict[ErrorClass, str] = {
        AuthRefused: "AnyFast refused the key; check ANYFAST_API_KEY",
        QuotaExhausted: "AnyFast wants to be paid first",
        RateLimited: "AnyFast has too much to do",
    }
    return said.get(kind, "AnyFast refused the request")


def _rendered(job: Job, task: dict[str, Any], answer: _Answer) -> Verdict:
    inner = _within(task)
    content = inner.get("content")
    urls: dict[str, Any] = content if isinstance(content, dict) else {}
    video = next(filter(_is_url, (task.get("result_url"), urls.get("video_url"), task.get("fail_reason"))), None)
    if video is None:
        what = f"the video of task {job.id} is no longer at AnyFast: it is kept for 24 hours"
        return Ended(answer.error(Expired, what))
    last_frame, seed = urls.get("last_frame_url"), inner.get("seed")
    return Rendered(
        video,
        last_frame_url=last_frame if _is_url(last_frame) else None,
        seed=seed if type(seed) is int else None,
        answer=answer.fields,
    )


def _failure(job: Job, task: dict[str, Any], answer: _Answer) -> ProviderError:
    # Ark's own words are the last: they have a code where the gateway's reason may have none.
    complaints = [*_complaints(task.get("fail_reason")), *_complaints(_within(task).get("error"))]
    kind = ended(_kind(complaints) or Transient)
    return answer.error(kind, f"AnyFast failed to render task {job.id}", complaints)


def _within(task: dict[str, Any]) -> dict[str, Any]:
    """The task as Ark told of it to the gateway."""
    inner = task.get("data")
    return inner if isinstance(inner, dict) else {}


def _headers(access: Access) -> dict[str, str]:
    return {"Accept": "application/json", "Authorization": f"Bearer {access.key.get_secret_value()}"}


def _is_url(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.startswith(("https://", "http://"))
