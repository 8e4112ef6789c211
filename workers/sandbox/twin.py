"""What the twin of a provider is made with: the sandbox behind it, and answers that no provider documents.

A twin is one module with `routes(sandbox)`, which speaks its provider's wire and nothing else. What a job is,
what it costs, how long it takes and what goes wrong is written here, once. A twin asks `Sandbox.strikes` for
each fault where it may strike, and refuses a prompt that names none of them (`faults.asked_for`).
"""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from statistics import NormalDist
from typing import Any

from aiohttp import web

from workers.clock import Clock
from workers.errors import SettingsError
from workers.sandbox.account import Account, Footage, Outcome, Submission, digest
from workers.sandbox.calling import Caller, Sign
from workers.sandbox.clips import LOOKS, ClipMaker, last_frame
from workers.sandbox.faults import Fault, Faults, die
from workers.sandbox.options import SandboxOptions

_RATES = {
    Fault.RATE_LIMIT: "rate_limit_rate",
    Fault.ERROR: "error_rate",
    Fault.HANGUP: "hangup_rate",
    Fault.DROP: "drop_rate",
    Fault.MODERATION: "moderation_rate",
    Fault.FAIL: "fail_rate",
    Fault.GARBAGE: "garbage_rate",
    Fault.CUT: "cut_rate",
    Fault.HTML: "html_rate",
    Fault.TRUNCATED: "truncated_rate",
}

_FOUND_OUT_SECONDS = 0.05
"""How soon a render ends that never was one, as seen with fal's paths that lead nowhere."""

_LOOK_SECONDS = 0.02
"""How often a held answer looks at the clock."""


class Sandbox:
    """The imitated providers' common inside. Made by `running_sandbox` and `serve`, and handed to every twin.

    `account` may be read from any thread; `url` is where the sandbox answers, without a trailing slash, and
    empty until it does.

    Raises:
        SettingsError: `options.state` can't be read or is not an account, or `options.cache` can't be made.
    """

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        self.options = options
        self.clock = clock
        self.account = Account(options.state)
        self.url = ""
        self._faults = Faults()
        self._caller = Caller()
        try:
            self._clips = ClipMaker(options.cache)
        except OSError as error:
            raise SettingsError(f"sandbox cache {options.cache}: {error.strerror}; name another folder") from error

    def change(self, **options: Any) -> None:
        """Go on with other options, from the next request on; `cache` and `state` stay what they were.

        Raises:
            SettingsError: a number is out of its range.
        """
        self.options = replace(self.options, **options)

    def strikes(self, fault: Fault, subject: str, prompt: str) -> bool:
        """Whether `fault` strikes this request, by its prompt or by the dice; see `Faults.strikes`."""
        rate = getattr(self.options, _RATES[fault]) if fault in _RATES else 0.0
        return self._faults.strikes(fault, subject, prompt, rate=rate, seed=self.options.seed)

    def accept(
        self,
        provider: str,
        endpoint: str,
        body: Any,
        *,
        prompt: str = "",
        footage: Footage | None = None,
        outcome: Outcome = "video",
        key: str | None = None,
        subject: str | None = None,
    ) -> Submission:
        """Accept a submission: from here on it is on the account, and its whole life is settled.

        The job's id follows from the options' seed, the endpoint, the body, and how many of that body there
        were before. Moderation and failures strike here, unless `outcome` says how it ends: they strike `subject`,
        which is the endpoint and the body where nothing else is said. `key` is an idempotency key, to be looked up in
        the account before.
        """
        options = self.options
        what = digest(endpoint, body)
        subject = subject or what
        id = _uuid(options.seed, what, self.account.accepted(what))
        for refusal in (Fault.MODERATION, Fault.MODERATION_INPUT):
            if outcome == "video" and self.strikes(refusal, subject, prompt):
                outcome = "refused"
        if outcome == "video" and self.strikes(Fault.FAIL, subject, prompt):
            outcome = "failed"
        accepted = self.clock.now()
        ready = accepted + options.queue_seconds
        starts = self.account.start(provider, ready, seats=options.seats)
        seconds = _length(options, die(options.seed, "jitter", id))
        if self.strikes(Fault.SLOW, subject, prompt):
            seconds *= 10
        if outcome in ("invalid", "misdirected"):
            seconds = _FOUND_OUT_SECONDS
        submission = Submission(
            id=id,
            provider=provider,
            endpoint=endpoint,
            body=body,
            prompt=prompt,
            digest=what,
            accepted=accepted,
            ready=ready,
            starts=starts,
            ends=starts + seconds,
            outcome=outcome,
            footage=footage,
            key=key,
        )
        self.account.add(submission)
        return submission

    def cancel(self, job: Submission, *, rendering: bool = False) -> bool:
        """Cancel `job` if it has not started, or where `rendering` says so, if it is not over.

        Says whether it was cancelled. One that had started is billed all the same.
        """
        return self.account.cancel(job.id, self.clock.now(), seats=self.options.seats, rendering=rendering)

    def call_back(self, job: Submission, url: object, body: dict[str, object], sign: Sign = lambda body: {}) -> None:
        """Call `url`, if it is one, with `body` when `job` is over. From a coroutine alone."""
        if isinstance(url, str) and url:
            self._caller.call(url, body, lambda: self.over(job), sign)

    async def over(self, job: Submission) -> None:
        """Return when `job` is over by the sandbox's clock, as a synchronous provider's answer does."""
        await self.until(job.ends)

    async def until(self, moment: float) -> None:
        """Return when the sandbox's clock shows `moment`, in seconds since the epoch."""
        # A test's clock moves when the test moves it, so it is looked at again and again.
        while (left := moment - self.clock.now()) > 0:
            await asyncio.sleep(min(left, _LOOK_SECONDS))

    async def video(self, job: Submission) -> bytes:
        """The MP4 that `job` renders: the same bytes every time. It must be one that renders a video."""
        footage = job.footage
        assert footage is not None
        return await asyncio.to_thread(self._draw, job.id, footage)

    async def last_frame(self, job: Submission) -> bytes:
        """The last frame of what `job` renders, as a PNG. It must be one that renders a video."""
        return await asyncio.to_thread(last_frame, await self.video(job))

    def _draw(self, job: str, footage: Footage) -> bytes:
        master = self._clips.master(
            footage.width, footage.height, footage.seconds, audio=footage.audio, look=footage.look
        )
        return self._clips.clip(job, master, self.options.pad_to)


Routes = Callable[[Sandbox], Iterable[web.RouteDef]]


def look(body: Any) -> int:
    """Which of the pictures a body is drawn with: the same for the same body."""
    return int(digest("look", body)[:8], 16) % LOOKS


def base_url(request: web.Request) -> str:
    """Where the client believes this server to be: what returned URLs begin with, without a trailing slash.

    A proxy before us says by `X-Forwarded-Proto` whether it is spoken to in https.
    """
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    return f"{scheme}://{request.host}"


def file_url(request: web.Request, job: Submission) -> str:
    """Where the job's video can be had, by anyone who knows the URL, as providers do it."""
    return f"{base_url(request)}/files/{job.id}.mp4"


def last_frame_url(request: web.Request, job: Submission) -> str:
    """Where the last frame of the job's video can be had, by anyone who knows the URL."""
    return f"{base_url(request)}/files/{job.id}.png"


def hang_up(request: web.Request) -> web.Response:
    """Close the connection without an answer. What it returns goes nowhere."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def garbage() -> web.Response:
    """A 200 whose body breaks off and is no JSON, as a broken gateway's."""
    return web.Response(body=b'{"request_id": "\xff\xfe', content_type="application/json")


def _length(options: SandboxOptions, thrown: float) -> float:
    if options.spread:
        # A die may show 0, of which there is no logarithm.
        return options.render_seconds * math.exp(
            options.spread * NormalDist().inv_cdf(min(max(thrown, 1e-9), 1 - 1e-9))
        )
    return options.render_seconds * (1 + options.jitter * (2 * thrown - 1))


def _uuid(seed: int, what: str, ordinal: int) -> str:
    return str(uuid.UUID(int=int(digest("job", [seed, what, ordinal])[:32], 16), version=4))
