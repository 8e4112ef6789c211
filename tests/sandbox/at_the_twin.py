"""An adapter at its provider's twin, over the wire that Rushes has: what the steps do with it, a call each."""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic import SecretStr

from jobs.takes import Asked
from workers.http import Wire
from workers.providers import adapter
from workers.providers.protocol import Access, AskNext, Attempt, Cancelling, Job, Verdict

ARK_PATH = "/api/v3"


def asks(prompt: str = "a cat", **more: Any) -> Asked:
    return Asked(**{"model": "seedance-2.0-fast", "prompt": prompt, "duration": 4, "resolution": "480p", **more})


class AtTwin:
    """`provider`'s adapter, at the sandbox that `talk` has. `path` is what its base URL ends with."""

    def __init__(self, provider: str, talk: Any, wire: Wire, *, path: str = "", key: str = "key") -> None:
        self.adapter, self.talk, self.wire = adapter(provider), talk, wire
        self.access = Access(f"{talk.sandbox.url}{path}", SecretStr(key))

    def attempt(self, name: str = "a/0001") -> Attempt:
        return Attempt(f"night/{name}", 1, hashlib.sha256(name.encode()).hexdigest())

    def submit(self, asked: Asked, name: str = "a/0001", *, timeout: float = 30.0) -> Job:
        request = self.adapter.submission(asked, self.access, self.attempt(name))
        job = self.adapter.accepted(self.wire.send(request, timeout=timeout))
        assert isinstance(job, Job)
        return job

    def poll(self, job: Job) -> Verdict:
        """The verdict, at the end of whatever it leads to."""
        request = self.adapter.status(job, self.access)
        while True:
            verdict = self.adapter.verdict(job, request, self.wire.send(request, timeout=300), self.access)
            if not isinstance(verdict, AskNext):
                return verdict
            request = verdict.request

    def cancel(self, job: Job) -> bool:
        assert isinstance(self.adapter, Cancelling)
        return self.adapter.cancelled(self.wire.send(self.adapter.cancellation(job, self.access), timeout=300))
