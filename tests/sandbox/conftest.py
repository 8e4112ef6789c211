from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from workers.http import Wire
from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox

KEY = {"Authorization": "Key id:secret"}
TEXT = "/bytedance/seedance-2.0/fast/text-to-video"


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def cache(clips: Path) -> Path:
    return clips


Start = Callable[..., "Talk"]


class Talk:
    """A running sandbox, and a client that speaks to it as to fal."""

    def __init__(self, sandbox: Sandbox, client: httpx.Client, clock: HandClock) -> None:
        self.sandbox, self.client, self.clock = sandbox, client, clock

    def submit(self, prompt: str = "a cat", *, path: str = TEXT, **fields: Any) -> httpx.Response:
        body = {"prompt": prompt, "resolution": "480p", "duration": "4", "aspect_ratio": "1:1", **fields}
        return self.client.post(path, json=body)

    def accepted(self, prompt: str = "a cat", **fields: Any) -> dict[str, Any]:
        answer = self.submit(prompt, **fields)
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def finish(self) -> None:
        self.clock.time += 1_000

    def rendered(self, prompt: str = "a cat", **fields: Any) -> str:
        """The URL of a finished video."""
        job = self.accepted(prompt, **fields)
        self.finish()
        url: str = self.client.get(job["response_url"]).json()["video"]["url"]
        return url


@pytest.fixture
def start(cache: Path, clock: HandClock) -> Iterator[Start]:
    """Starts a sandbox with the given options, as often as it is called."""
    with ExitStack() as stack:

        def begin(**options: Any) -> Talk:
            chosen = SandboxOptions(**{"cache": cache, "jitter": 0.0, **options})
            sandbox = stack.enter_context(running_sandbox(chosen, clock=clock))
            client = stack.enter_context(httpx.Client(base_url=sandbox.url, headers=KEY, timeout=300))
            return Talk(sandbox, client, clock)

        yield begin


@pytest.fixture
def talk(start: Start) -> Talk:
    return start()


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire(user_agent="rushes/test") as wire:
        yield wire
