"""What an adapter is: a translation between a take and one provider's wire, and nothing more.

An adapter sends nothing, waits for nothing and remembers nothing. It turns what is asked into a `Request`,
and a `Response` into a `Job`, a `Verdict`, or an error of `workers.providers.errors`. Whatever has to do with
the network, retries, limits and the ledger is written once, outside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import SecretStr

from jobs.takes import Asked
from workers.providers.errors import ProviderError


@dataclass(frozen=True, slots=True)
class Access:
    """Where a provider is and how it lets us in.

    `base_url` has no trailing slash. `account` is the account's id at providers whose addresses hold one.
    """

    base_url: str
    key: SecretStr
    account: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One submission of a take, before there is a job.

    `take` is `<batch>/<take name>`, for a person to find it again; `number` counts the take's attempts from 1. `key`
    (64 hex digits) is the attempt's own: the same whenever this attempt is made, and no other's.
    """

    take: str
    number: int
    key: str


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to a provider. Its body is `json`, or `content` as it is; None of both sends none."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = None
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """One whole HTTP answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def parsed(self) -> Any:
        """The body as JSON, or None when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):  # nested too deeply to be an answer of anybody's
            return None


@dataclass(frozen=True, slots=True)
class Job:
    """A submission that a provider has accepted, by the provider's own name for it.

    `urls` are those that the provider returned, to be used as they were given.
    """

    id: str
    urls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queued:
    """Accepted and waiting at the provider. `position` counts the jobs ahead, when the provider says."""

    position: int | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """Being rendered."""


@dataclass(frozen=True, slots=True)
class AskNext:
    """The answer lies behind another request: send it, and read what comes."""

    request: Request


@dataclass(frozen=True, slots=True)
class Rendered:
    """The video is finished and lies at `video_url`. `answer` is the provider's final JSON, as it came."""

    video_url: str
    last_frame_url: str | None = None
    seed: int | None = None
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The job has ended without a video; `error` says why, by class. It is a verdict about the job."""

    error: ProviderError


@dataclass(frozen=True, slots=True)
class Gone:
    """The provider says it knows no such job. Believed only when it goes on saying so."""

    error: ProviderError


@dataclass(frozen=True, slots=True)
class Delivered:
    """A submission that was answered with the finished video itself, as a synchronous provider does."""

    job: Job
    rendered: Rendered


Verdict = Queued | Running | AskNext | Rendered | Ended | Gone


Cancels = Literal["queued", "any"]
"""When a provider may be asked to cancel a job: while it is certainly queued, or whatever it is doing."""


Settling = Literal["held", "again", "listing"]
"""How an attempt in doubt can be settled with a provider.

`held`: not at all, a person has to decide. `again`: by sending the same request under the same key, which the provider
answers with the job that it accepted the first time, if it did. `listing`: by looking among the jobs that it lists.
"""


class Adapter(Protocol):
    """One provider's translation. Stateless, so one instance serves every thread.

    `submit_timeout` is the hard limit of the submitting POST, in seconds: as long as the provider may
    reasonably take, for a submission that is cut off is in doubt. `settling` says what then can be done about it, and
    `settling_seconds` for how long after the submission.
    """

    provider: str
    submit_timeout: float
    settling: Settling
    settling_seconds: float

    def submission(self, asked: Asked, access: Access, attempt: Attempt) -> Request:
        """The POST that starts a render. The plan has already refused what the provider can't express."""
        ...

    def accepted(self, response: Response) -> Job | Delivered:
        """The job that the answer to `submission` names, or the video itself.

        Raises a `ProviderError` by class; `InDoubt` whenever the answer leaves open whether it was accepted.
        """
        ...

    def status(self, job: Job, access: Access) -> Request:
        """The request that asks how `job` is. Never called at a provider that delivers at once."""
        ...

    def verdict(self, job: Job, request: Request, response: Response, access: Access) -> Verdict:
        """What `response`, the answer to `request`, says of `job`.

        Raises a `ProviderError` when it says nothing about the job (a 429, a gateway's 502, a revoked key): the
        job is kept and asked for again later.
        """
        ...

    def named(self, job_id: str, asked: Asked, access: Access) -> Job:
        """The job that a person found under `job_id` in the provider's own list, for `status` to ask about.

        Nothing is sent: whether there is such a job, and how it is, its status says. That it is the one that renders
        `asked` is the person's word.

        Raises `Invalid` when it can't be the id of a job, or when this provider's jobs can't be asked about.
        """
        ...


@runtime_checkable
class Cancelling(Protocol):
    """What the adapter of a provider that can cancel a job can do besides.

    `cancels` says when `cancellation` may be sent. `any`: whatever the job is doing. `queued`: only after asking for
    the status, each time anew, and only when that answer's verdict is `Queued` and seconds old. There the same request
    deletes the record of a finished job, and with it the only way to a video that is paid for; so it is never sent to
    a job that runs, may have finished, or hasn't been asked about, nor once more after an answer that was lost.

    What becomes of the job, its next verdicts say and nothing else. It is followed to its end in any case: to
    `Cancelled`, or to a video that came all the same, which is kept like any other.
    """

    cancels: Cancels

    def cancellation(self, job: Job, access: Access) -> Request:
        """The request that asks for `job` to be cancelled, to be sent when `cancels` allows it."""
        ...

    def cancelled(self, response: Response) -> bool:
        """Whether `response`, the answer to `cancellation`, says that the provider takes note of it.

        True: the job is cancelled, or told to stop, which it may not heed. False: it is too late or of no use; the job
        goes on, has ended, or isn't known.

        Raises a `ProviderError` when it says nothing about the job (a 429, a gateway's 502, a revoked key).
        """
        ...


@runtime_checkable
class CallingBack(Protocol):
    """What the adapter of a provider that calls back can do besides."""

    def to_be_called(self, request: Request, url: str) -> Request:
        """`request`, which is one of `submission`, with the wish to be called at `url`. It asks for the same render."""
        ...

    def called(self, response: Response) -> str | None:
        """The job that a call names whose body is that of `response`, or None. Anybody may have written it."""
        ...


@runtime_checkable
class Vouching(Protocol):
    """What the adapter of a provider can do besides that tells, at no cost, whether a key is let in."""

    def vouching(self, access: Access) -> Request:
        """The request that asks. It makes no job and is not billed."""
        ...

    def vouched(self, response: Response) -> str:
        """What `response`, the answer to `vouching`, makes certain of the key, in a sentence.

        Raises `AuthRefused` or `QuotaExhausted` for a key that is not let in, and another `ProviderError` when the
        answer says nothing about it.
        """
        ...


@runtime_checkable
class VouchingElse(Vouching, Protocol):
    """What an adapter has whose provider lets in keys of two kinds, each of which is asked about elsewhere."""

    def vouching_else(self, access: Access) -> Request:
        """The request about a key of the second kind. `vouched` reads its answer as well."""
        ...


@runtime_checkable
class Listing(Protocol):
    """What an adapter with `settling = "listing"` can do besides."""

    def listing(self, attempt: Attempt, asked: Asked, submitted_at: float, access: Access) -> Request:
        """The request for the jobs among which this attempt's is, if it was accepted.

        `submitted_at` is in seconds since the epoch, by our clock.
        """
        ...

    def listed(
        self,
        attempt: Attempt,
        asked: Asked,
        submitted_at: float,
        response: Response,
        access: Access,
        request: Request,
    ) -> tuple[list[Job], Request | None]:
        """The jobs in `response`, the answer to `request`, that are certainly this attempt's; the next page's request.

        There is none when no further page can hold it. Raises a `ProviderError` when the answer is no list.
        """
        ...
