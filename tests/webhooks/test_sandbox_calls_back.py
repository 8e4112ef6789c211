"""The twins of fal, Apiframe and Ark call back, and what they call with is understood."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis
from called_server import called, free_port
from workbench import Bench, benches, until

from workers.engine.states import State
from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox

KEYS = {"fal": "FAL_KEY", "apiframe": "APIFRAME_API_KEY", "ark": "ARK_API_KEY"}


@pytest.mark.parametrize("provider", KEYS)
class TestTwins:
    @pytest.fixture
    def worker(
        self, provider: str, redis_client: redis.Redis, namespace: str, tmp_path: Path
    ) -> Iterator[tuple[Bench, Sandbox]]:
        port = free_port()
        for make in benches(redis_client, namespace, tmp_path):
            clock = make("http://127.0.0.1:9").clock
            with running_sandbox(SandboxOptions(cache=tmp_path / "clips", jitter=0.0), clock=clock) as sandbox:
                bench = make(
                    sandbox.url,
                    **{KEYS[provider]: "rehearsal:rehearsal", f"RUSHES_{provider.upper()}_URL": sandbox.url},
                    RUSHES_WEBHOOKS_URL=f"http://127.0.0.1:{port}",
                    RUSHES_WEBHOOKS_SECRET="a secret of the tests",
                )
                with called(bench.context, port=port):
                    yield bench, sandbox

    def test_a_finished_job_is_polled_at_once(self, worker: tuple[Bench, Sandbox], provider: str) -> None:
        bench, sandbox = worker
        bench.open(provider=provider)
        bench.submit()
        until(lambda: bench.state() is State.RENDERING)  # Ark is waited for by no thread
        assert len(sandbox.account.submissions()) == 1
        bench.client.zadd(f"{bench.context.settings.namespace}:due", {"b:0": bench.clock.ms() + 9_000_000})
        bench.clock.forward(1000.0)
        until(lambda: (bench.delay() or 0.0) <= 0.0)
        bench.poll(after=0.0)
        assert bench.state() is State.COLLECTING

    def test_a_call_that_fal_has_not_signed_is_refused(self, worker: tuple[Bench, Sandbox], provider: str) -> None:
        bench, _ = worker
        bench.open(provider=provider)
        bench.submit()
        until(lambda: bench.state() is State.RENDERING)
        webhook = bench.record().fields["webhook"]
        answer = httpx.post(webhook, json={"request_id": "job-1", "status": "OK"}, trust_env=False)
        assert answer.status_code == (401 if provider == "fal" else 204)
