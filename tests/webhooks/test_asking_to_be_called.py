"""Where a provider is to call is no part of what is asked for, and what is sent again under its key says it again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from workbench import Bench, Make, benches, until

from workers.engine.states import State, Step
from workers.opening import reopen_batch
from workers.providers import adapter
from workers.providers.protocol import CallingBack
from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox
from workers.steps.answer import KEY_TAKEN_BELIEVED
from workers.steps.submit import attempt_of
from workers.webhooks.paths import fingerprint

KEYS = {"fal": "FAL_KEY", "apiframe": "APIFRAME_API_KEY", "ark": "ARK_API_KEY"}
HERE = {"RUSHES_WEBHOOKS_URL": "https://hooks.example", "RUSHES_WEBHOOKS_SECRET": "a secret of the tests"}


@pytest.fixture
def rehearsed(redis_client: redis.Redis, namespace: str, tmp_path: Path) -> Iterator[tuple[Make, Sandbox]]:
    """Makes workers before the twin of a provider, all of one store and one Redis."""
    for make in benches(redis_client, namespace, tmp_path):
        clock = make("http://127.0.0.1:9").clock
        with running_sandbox(SandboxOptions(cache=tmp_path / "clips", jitter=0.0), clock=clock) as sandbox:

            def before(provider: str, sandbox: Sandbox = sandbox, make: Make = make, **environ: str) -> Bench:
                address = {KEYS[provider]: "rehearsal:rehearsal", f"RUSHES_{provider.upper()}_URL": sandbox.url}
                return make(sandbox.url, **address, **environ)

            yield before, sandbox


@pytest.mark.parametrize("provider", KEYS)
@pytest.mark.parametrize("asks", [{}, HERE], ids=["asks-for-no-call", "asks-to-be-called"])
def test_the_digest_of_a_request_leaves_the_webhook_out(
    rehearsed: tuple[Make, Sandbox], provider: str, asks: dict[str, str]
) -> None:
    make, sandbox = rehearsed
    bench = make(provider, **asks)
    bench.open(provider=provider)
    bench.submit()
    until(lambda: bench.state() is State.RENDERING)  # Ark is waited for by no thread
    assert len(sandbox.account.submissions()) == 1
    take, translator = bench.context.take("b", 0), adapter(provider)
    bare = translator.submission(take.asked, bench.context.access(provider), attempt_of(bench.context, take, 1))
    intent = bench.context.ledger("b").intent("s/0001", 1)
    assert intent.request_digest == hashlib.sha256(json.dumps(bare.json, sort_keys=True).encode()).hexdigest()
    webhook = bench.record().fields.get("webhook")
    assert (webhook is not None) == bool(asks)
    assert intent.webhook == (None if webhook is None else fingerprint(webhook))
    assert isinstance(translator, CallingBack)
    assert provider == "fal" or translator.to_be_called(bare, "https://hooks.example").json != bare.json


def doubted(bench: Bench) -> None:
    """Apiframe has accepted it, and its answer was lost."""
    bench.open("a dog [sandbox: drop]", provider="apiframe")
    bench.submit()
    assert bench.state() is State.WAITING
    assert "again_since" in bench.record().fields


def lost(bench: Bench) -> None:
    doubted(bench)
    bench.forget()


def taken_up(bench: Bench) -> None:
    assert reopen_batch(bench.context, "b") is not None
    bench.room.set_limits("apiframe", bench.context.limits("apiframe"))
    sent_again(bench)


def sent_again(bench: Bench) -> None:
    bench.clock.forward(60)
    bench.submit()


@pytest.mark.parametrize("asks", [{}, HERE], ids=["asked-for-no-call", "asked-to-be-called"])
def test_what_is_sent_again_after_redis_was_lost_is_the_same_request(
    rehearsed: tuple[Make, Sandbox], asks: dict[str, str]
) -> None:
    make, sandbox = rehearsed
    bench = make("apiframe", **asks)
    lost(bench)
    taken_up(bench)
    assert bench.state() is State.RENDERING
    (job,) = sandbox.account.submissions()
    assert (bench.record().job or {})["id"] == job.id


@pytest.mark.parametrize("now", [{}, {**HERE, "RUSHES_WEBHOOKS_URL": "https://elsewhere.example"}])
def test_where_the_webhook_can_not_be_known_any_more_it_is_in_doubt_and_not_paid_twice(
    rehearsed: tuple[Make, Sandbox], now: dict[str, str]
) -> None:
    make, sandbox = rehearsed
    lost(make("apiframe", **HERE))
    bench = make("apiframe", **now)
    taken_up(bench)
    for _ in range(KEY_TAKEN_BELIEVED - 1):
        assert bench.state() is State.WAITING
        sent_again(bench)
    assert bench.state() is State.DOUBT
    assert len(sandbox.account.submissions()) == 1
    bench.clock.forward(100_000)
    assert not bench.all_due(Step.SUBMIT)


def test_what_is_sent_again_by_another_machine_says_what_was_said_first(rehearsed: tuple[Make, Sandbox]) -> None:
    make, sandbox = rehearsed
    doubted(make("apiframe", **HERE))
    bench = make("apiframe", **{**HERE, "RUSHES_WEBHOOKS_URL": "https://elsewhere.example"})
    sent_again(bench)
    assert bench.state() is State.RENDERING
    assert len(sandbox.account.submissions()) == 1
