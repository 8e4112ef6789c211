"""The five providers, mode by mode and fault by fault: every take once, and paid for once."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from conftest import Desk, Ended, until
from five import (
    KEYS,
    MODES,
    PROVIDERS,
    billed,
    faulty,
    is_whole,
    manifest,
    no_secret,
    pointed,
    receipts,
    sandboxed,
    sent,
)
from test_two_hundred_takes import kill_workers
from workbench import Make, benches

from workers.engine.states import State
from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox

SETTLE_THEMSELVES = ("apiframe", "ark")
FOUR: dict[str, dict[str, Any]] = {name: {} for name in ("one", "two", "three", "four")}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_mode_renders(desk: Desk, clips: Path, provider: str) -> None:
    modes = MODES[provider]
    desk.write("night.yaml", manifest(provider, modes))
    with sandboxed(clips, key=KEYS[provider]) as sandbox:
        desk.environ |= pointed(provider, sandbox.url)
        ended = desk.run("run", "night.yaml")
        assert ended.code == 0, ended.output
        found = receipts(desk)
        assert set(found) == set(modes)
        assert billed(sandbox) == sent(sandbox) == Counter(f"A dog, {mode}" for mode in modes)
        assert len({is_whole(desk, sandbox, receipt).id for receipt in found.values()}) == len(modes)
        for mode, receipt in found.items():
            theirs = modes[mode].get("last_frame") == "provider"
            assert receipt["last_frame"]["source"] == ("provider" if theirs else "decoded")
            assert receipt["warnings"] == []
            _is_priced(provider, receipt["cost"], with_film="reference_videos" in modes[mode])

        again = desk.run("run", "night.yaml")
        assert again.code == 0
        assert "0 submissions, 0 objects written" in again.output
        assert len(sandbox.account.submissions()) == len(modes)
    no_secret(desk, ended.output, again.output)


def _is_priced(provider: str, cost: dict[str, Any], *, with_film: bool) -> None:
    if provider == "apiframe":
        assert (float(cost["amount"]), cost["currency"], cost["basis"]) == (8 if with_film else 4, "credits", "billed")
    elif provider in ("cloudflare", "anyfast"):
        assert (cost["amount"], cost["basis"]) == (None, "unknown")
    else:
        assert float(cost["amount"]) > 0
        assert (cost["currency"], cost["basis"]) == ("USD" if provider == "fal" else "CNY", "estimate")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_refused_fails_alone_and_what_is_put_off_is_rendered(desk: Desk, clips: Path, provider: str) -> None:
    shots = {
        "good": {},
        "put-off": faulty("429"),
        "input-refused": faulty("moderation-input", retry_moderated=1),
        "output-refused": faulty("moderation"),
        "output-refused-twice": faulty("moderation] [sandbox: slow once", retry_moderated=1),
        "passes-at-last": faulty("moderation once", retry_moderated=1),
        "late": faulty("poll-500"),
    }
    if provider in SETTLE_THEMSELVES:
        shots |= {"dropped": faulty("drop"), "told-as-garbage": faulty("garbage-submit")}
    desk.write("night.yaml", manifest(provider, shots, model="seedance-2.0"))
    with sandboxed(clips, key=KEYS[provider]) as sandbox:
        desk.environ |= pointed(provider, sandbox.url)
        ended = desk.run("run", "night.yaml")
        assert ended.code == 3, ended.output
        assert "3 failed" in ended.output
        # Once while it runs, and once more at the end, where all is told together.
        told = ended.output.partition("takes done")[2]
        assert told.count("[input-moderation]") == 1
        assert told.count("[output-moderation]") == 2
        found = receipts(desk)
        assert set(found) == set(shots) - {"input-refused", "output-refused", "output-refused-twice"}
        for receipt in found.values():
            is_whole(desk, sandbox, receipt)
        prompts = {name: shot.get("prompt", f"A dog, {name}") for name, shot in shots.items()}
        assert billed(sandbox) == Counter(prompts[name] for name in found)
        times = sent(sandbox)
        assert {
            name: times[prompts[name]] for name in ("output-refused", "output-refused-twice", "passes-at-last")
        } == {
            "output-refused": 1,
            "output-refused-twice": 2,
            "passes-at-last": 2,
        }
        assert times[prompts["input-refused"]] <= 1
    no_secret(desk, ended.output)


@pytest.mark.parametrize("provider", [each for each in PROVIDERS if each not in SETTLE_THEMSELVES])
def test_what_may_have_been_accepted_is_held_and_never_sent_again(desk: Desk, clips: Path, provider: str) -> None:
    shots = {"dropped": faulty("drop"), "told-as-garbage": faulty("garbage-submit"), "good": {}}
    desk.write("night.yaml", manifest(provider, shots))
    with sandboxed(clips) as sandbox:
        desk.environ |= pointed(provider, sandbox.url)
        for _ in range(2):
            ended = desk.run("run", "night.yaml")
            assert ended.code == 6, ended.output
            assert "1 of 3 takes done" in ended.output
            assert "2 in doubt" in ended.output
            assert set(receipts(desk)) == {"good"}
            assert set(sent(sandbox).values()) == set(billed(sandbox).values()) == {1}
            assert len(sent(sandbox)) == 3


@pytest.mark.long
@pytest.mark.timeout(480)
def test_out_of_money_and_then_a_revoked_key(desk: Desk, clips: Path) -> None:
    """Both pause the provider and end the run. What was accepted comes home: at once, or with the right key."""
    with ExitStack() as stack:
        parties = []
        for provider in PROVIDERS:
            sandbox = stack.enter_context(sandboxed(clips, render_seconds=4.0, key=KEYS[provider]))
            own = _another(desk, provider)
            own.write("night.yaml", manifest(provider, FOUR))
            # Longer than a worker takes to start, and how long a run waits here for a key to be let in again.
            own.environ |= pointed(provider, sandbox.url, seats=1) | {"RUSHES_PATIENCE": "15"}
            parties.append((provider, own, sandbox))

        poor = _all_run(parties, interfere=lambda sandbox: sandbox.change(locked=True))
        for provider, own, sandbox in parties:
            assert poor[provider].code == 4, poor[provider].output
            assert f"stopped: {provider} is paused: " in poor[provider].output
            assert len(receipts(own)) == len(sandbox.account.submissions()) in (1, 2, 3)
            sandbox.change(locked=False)

        shut_out = _all_run(parties, interfere=lambda sandbox: sandbox.change(key="another"))
        for provider, _, sandbox in parties:
            assert shut_out[provider].code == 4, shut_out[provider].output
            assert f"{provider} is paused: " in shut_out[provider].output
            sandbox.change(key=KEYS[provider])

        right = _all_run(parties)
        for provider, own, sandbox in parties:
            assert right[provider].code == 0, right[provider].output
            for receipt in receipts(own).values():
                is_whole(own, sandbox, receipt)
            assert sent(sandbox) == billed(sandbox) == Counter(f"A dog, {name}" for name in FOUR)
            no_secret(own, *(ended[provider].output for ended in (poor, shut_out, right)))


def _all_run(
    parties: list[tuple[str, Desk, Sandbox]], *, interfere: Callable[[Sandbox], None] | None = None
) -> dict[str, Ended]:
    """Run the batch at every desk at once; interfere with each sandbox once it has accepted another take."""
    before = {provider: len(sandbox.account.submissions()) for provider, _, sandbox in parties}
    running = {provider: own.start("run", "night.yaml") for provider, own, _ in parties}
    untouched = parties if interfere is not None else []

    def all_touched() -> bool:
        nonlocal untouched
        ready = [one for one in untouched if len(one[2].account.submissions()) > before[one[0]]]
        for _, _, sandbox in ready:
            assert interfere is not None
            interfere(sandbox)
        untouched = [one for one in untouched if one not in ready]
        return not untouched

    until(all_touched, what="another submission at each provider")
    return {provider: own.end(running[provider]) for provider, own, _ in parties}


@pytest.mark.long
@pytest.mark.timeout(480)
def test_what_is_not_known_at_once_is_settled_or_given_up_in_bounded_time(desk: Desk, clips: Path) -> None:
    """Five new links are asked for, over half a minute; where the job itself says that the video is gone, none.

    A lone take in doubt is settled before its run ends. What was not accepted is not listed, which proves nothing:
    then a person has to decide.
    """
    plans: list[tuple[str, dict[str, dict[str, Any]], dict[str, Any], int, str]] = [
        *((each, {"gone": faulty("expired"), "good": {}}, {}, 3, "[expired]") for each in PROVIDERS),
        *((each, {"gone": {}}, {"link_seconds": 0.0}, 3, "[expired]") for each in SETTLE_THEMSELVES),
        *((each, {"good": faulty("drop")}, {}, 0, "1 of 1 takes done") for each in SETTLE_THEMSELVES),
        ("ark", {"unlisted": faulty("hangup")}, {}, 6, "1 in doubt"),
    ]
    with ExitStack() as stack:
        runs = []
        for number, (provider, shots, options, code, told) in enumerate(plans):
            sandbox, own = stack.enter_context(sandboxed(clips, **options)), _another(desk, f"{number}-{provider}")
            own.write("night.yaml", manifest(provider, shots))
            own.environ |= pointed(provider, sandbox.url) | {"RUSHES_PATIENCE": "40"}
            runs.append((own, own.start("run", "night.yaml"), sandbox, set(shots), code, told))
        for own, process, sandbox, names, code, told in runs:
            ended = own.end(process)
            assert ended.code == code, ended.output
            assert told in ended.output
            assert set(receipts(own)) == names & {"good"}
            assert list(sent(sandbox).values()) == list(billed(sandbox).values()) == [1] * len(names - {"unlisted"})

        own, _, sandbox, *_ = runs[0]
        again = own.run("run", "night.yaml")
        assert again.code == 3, again.output
        assert "0 submissions, 0 objects written" in again.output
        assert len(sandbox.account.submissions()) == 2


def test_ctrl_c_waits_for_the_answer_of_a_call_that_is_held(desk: Desk, clips: Path) -> None:
    desk.write("night.yaml", manifest("cloudflare", FOUR))
    with sandboxed(clips, render_seconds=3.0) as sandbox:
        desk.environ |= pointed("cloudflare", sandbox.url, seats=2)
        running = desk.start("run", "night.yaml")
        until(lambda: len(sandbox.account.submissions()) == 2)
        running.send_signal(signal.SIGINT)
        stopped = desk.end(running)
        assert stopped.code == 130, stopped.output
        assert "in doubt" not in stopped.output
        assert len(list((desk.folder / "renders/night/.rushes/attempts").glob("**/*.accepted.json"))) == 2
        assert len(sandbox.account.submissions()) == 2

        sandbox.change(render_seconds=0.1)
        ended = desk.run("run", "night.yaml")
        assert ended.code == 0, ended.output
        for receipt in receipts(desk).values():
            is_whole(desk, sandbox, receipt)
        assert sent(sandbox) == billed(sandbox) == Counter(f"A dog, {name}" for name in FOUR)


def test_a_worker_that_is_killed_with_a_call_in_hand_leaves_it_in_doubt(desk: Desk, clips: Path) -> None:
    """Its lease outlives the longest call, so the state is lost here besides: the record alone tells as much."""
    desk.write("night.yaml", manifest("cloudflare", {"one": {}}))
    with sandboxed(clips, render_seconds=600.0) as sandbox:
        desk.environ |= pointed("cloudflare", sandbox.url)
        running = desk.start("run", "night.yaml")
        until(lambda: len(sandbox.account.submissions()) == 1)
        assert kill_workers(running.pid) >= 2
        running.send_signal(signal.SIGINT)
        assert desk.end(running).code == 130
        shutil.rmtree(desk.folder / "renders/.rushes/state")

        for _ in range(2):
            ended = desk.run("run", "night.yaml")
            assert ended.code == 6, ended.output
            assert "1 in doubt" in ended.output
            assert len(sandbox.account.billed()) == len(sandbox.account.submissions()) == 1


@pytest.fixture
def make(redis_client: redis.Redis, namespace: str, tmp_path: Path) -> Iterator[Make]:
    yield from benches(redis_client, namespace, tmp_path)


def test_the_lease_of_a_held_call_ends_in_doubt_and_a_late_answer_is_taken_all_the_same(
    make: Make, clips: Path
) -> None:
    clock = make("http://127.0.0.1:9").clock
    with running_sandbox(
        SandboxOptions(cache=clips, queue_seconds=0.0, render_seconds=960.0, jitter=0.0), clock=clock
    ) as sandbox:
        bench = make(sandbox.url, **pointed("cloudflare", sandbox.url))
        bench.open(provider="cloudflare")
        bench.submit()
        until(lambda: len(sandbox.account.submissions()) == 1)

        clock.forward(930.0)
        assert bench.room.tick() == []
        assert bench.state() is State.SUBMITTING, "for as long as the call may take, it is nobody else's"
        clock.forward(15.0)
        assert bench.room.tick() == []
        assert bench.state() is State.DOUBT, "as it stays if the worker is dead"

        clock.forward(20.0)
        until(lambda: bench.state() is State.RENDERING, what="the answer")
        assert bench.record().job == {"id": sandbox.account.submissions()[0].id, "urls": {}}
        assert len(sandbox.account.submissions()) == 1


def _another(desk: Desk, name: str) -> Desk:
    """A desk of its own, whose commands end with those of the first."""
    another = Desk(desk.folder.parent / name, dict(desk.environ), desk.started)
    another.folder.mkdir()
    return another
