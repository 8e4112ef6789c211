"""The five providers, mode by mode and fault by fault: every take once, and paid for once."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from desk import until
from five import (
    KEYS,
    MODES,
    PROVIDERS,
    AheadClock,
    billed,
    faulty,
    is_whole,
    manifest,
    no_secret,
    one_worker,
    pointed,
    receipts,
    sandboxed,
    sent,
    submitted,
)
from front_door import Desk, Ended
from test_two_hundred_takes import kill_workers
from workbench import Make

from workers.broker.embedded import EmbeddedRedis
from workers.engine.states import State
from workers.sandbox.server import Sandbox, SandboxOptions, running_sandbox

SETTLE_THEMSELVES = ("apiframe", "ark")
FOUR: dict[str, dict[str, Any]] = {name: {} for name in ("one", "two", "three", "four")}


@pytest.mark.long
def test_every_mode_renders(desk: Desk, clips: Path, redis_server: EmbeddedRedis, namespace: str) -> None:
    for provider in PROVIDERS:
        desk.write(f"{provider}.yaml", manifest(provider, MODES[provider], batch=provider))
    with ExitStack() as stack:
        sandboxes = {each: stack.enter_context(sandboxed(clips, key=KEYS[each])) for each in PROVIDERS}
        stack.enter_context(one_worker(desk, redis_server.url, namespace, sandboxes))
        ended = submitted(desk, PROVIDERS)
        for provider, sandbox in sandboxes.items():
            assert ended[provider].code == 0, ended[provider].output
            modes, found = MODES[provider], receipts(desk, provider)
            assert set(found) == set(modes)
            assert billed(sandbox) == sent(sandbox) == Counter(f"A dog, {mode}" for mode in modes)
            assert len({is_whole(desk, sandbox, receipt).id for receipt in found.values()}) == len(modes)
            for mode, receipt in found.items():
                theirs = modes[mode].get("last_frame") == "provider"
                assert receipt["last_frame"]["source"] == ("provider" if theirs else "decoded")
                assert receipt["warnings"] == []
                _is_priced(provider, receipt["cost"], with_film="reference_videos" in modes[mode])

        again = submitted(desk, PROVIDERS)
        for provider, sandbox in sandboxes.items():
            assert again[provider].code == 0
            assert "0 submissions, 0 objects written" in again[provider].output
            assert len(sandbox.account.submissions()) == len(MODES[provider])
    no_secret(desk, *(each.output for each in (*ended.values(), *again.values())))


def _is_priced(provider: str, cost: dict[str, Any], *, with_film: bool) -> None:
    if provider == "apiframe":
        assert (float(cost["amount"]), cost["currency"], cost["basis"]) == (8 if with_film else 4, "credits", "billed")
    elif provider in ("cloudflare", "anyfast"):
        assert (cost["amount"], cost["basis"]) == (None, "unknown")
    else:
        assert float(cost["amount"]) > 0
        assert (cost["currency"], cost["basis"]) == ("USD" if provider == "fal" else "CNY", "estimate")


@pytest.mark.long
def test_what_is_refused_fails_alone_and_what_is_put_off_is_rendered(
    desk: Desk, clips: Path, redis_server: EmbeddedRedis, namespace: str
) -> None:
    shots: dict[str, dict[str, Any]] = {
        "good": {},
        "put-off": faulty("429"),
        "input-refused": faulty("moderation-input", retry_moderated=1),
        "output-refused": faulty("moderation"),
        "output-refused-twice": faulty("moderation] [sandbox: slow once", retry_moderated=1),
        "passes-at-last": faulty("moderation once", retry_moderated=1),
        "late": faulty("poll-500"),
    }
    dropped = {"dropped": faulty("drop"), "told-as-garbage": faulty("garbage-submit")}
    asked = {each: shots | (dropped if each in SETTLE_THEMSELVES else {}) for each in PROVIDERS}
    for provider in PROVIDERS:
        desk.write(f"{provider}.yaml", manifest(provider, asked[provider], batch=provider, model="seedance-2.0"))
    with ExitStack() as stack:
        sandboxes = {each: stack.enter_context(sandboxed(clips, key=KEYS[each])) for each in PROVIDERS}
        stack.enter_context(one_worker(desk, redis_server.url, namespace, sandboxes))
        ended = submitted(desk, PROVIDERS)
        for provider, sandbox in sandboxes.items():
            output = ended[provider].output
            assert ended[provider].code == 3, output
            assert "3 failed" in output
            # Once while it runs, and once more at the end, where all is told together.
            told = output.partition("takes done")[2]
            assert told.count("[input-moderation]") == 1
            assert told.count("[output-moderation]") == 2
            found = receipts(desk, provider)
            assert set(found) == set(asked[provider]) - {"input-refused", "output-refused", "output-refused-twice"}
            for receipt in found.values():
                is_whole(desk, sandbox, receipt)
            prompts = {name: shot.get("prompt", f"A dog, {name}") for name, shot in asked[provider].items()}
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
    no_secret(desk, *(each.output for each in ended.values()))


def test_what_may_have_been_accepted_is_held_and_never_sent_again(
    desk: Desk, clips: Path, redis_server: EmbeddedRedis, namespace: str
) -> None:
    shots = {"dropped": faulty("drop"), "told-as-garbage": faulty("garbage-submit"), "good": {}}
    held = [each for each in PROVIDERS if each not in SETTLE_THEMSELVES]
    for provider in held:
        desk.write(f"{provider}.yaml", manifest(provider, shots, batch=provider))
    with ExitStack() as stack:
        sandboxes = {each: stack.enter_context(sandboxed(clips)) for each in held}
        stack.enter_context(one_worker(desk, redis_server.url, namespace, sandboxes))
        for _ in range(2):
            ended = submitted(desk, held)
            for provider, sandbox in sandboxes.items():
                assert ended[provider].code == 6, ended[provider].output
                assert "1 of 3 takes done" in ended[provider].output
                assert "2 in doubt" in ended[provider].output
                assert set(receipts(desk, provider)) == {"good"}
                assert set(sent(sandbox).values()) == set(billed(sandbox).values()) == {1}
                assert len(sent(sandbox)) == 3


@pytest.mark.long
def test_out_of_money_and_then_a_revoked_key(
    desk: Desk, clips: Path, redis_server: EmbeddedRedis, namespace: str
) -> None:
    """Both pause the provider and end the run. What was accepted comes home: at once, or with the right key."""
    for provider in PROVIDERS:
        desk.write(f"{provider}.yaml", manifest(provider, FOUR, batch=provider))
    # For how long what is accepted may stand still here before a run is given up.
    desk.environ["RUSHES_PATIENCE"] = "15"
    with ExitStack() as stack:
        clock = AheadClock()
        sandboxes = {
            each: stack.enter_context(sandboxed(clips, clock=clock, render_seconds=600.0, key=KEYS[each]))
            for each in PROVIDERS
        }
        stack.enter_context(one_worker(desk, redis_server.url, namespace, sandboxes, seats=1))
        poor = _interfered(desk, sandboxes, clock, locked=True)
        for provider, sandbox in sandboxes.items():
            assert poor[provider].code == 4, poor[provider].output
            assert f"stopped: {provider} is paused: " in poor[provider].output
            assert len(receipts(desk, provider)) == len(sandbox.account.submissions()) in (1, 2, 3)
            sandbox.change(locked=False)

        shut_out = _interfered(desk, sandboxes, clock, key="another")
        for provider, sandbox in sandboxes.items():
            assert shut_out[provider].code == 4, shut_out[provider].output
            assert f"{provider} is paused: " in shut_out[provider].output
            sandbox.change(key=KEYS[provider], render_seconds=0.1)

        right = submitted(desk, PROVIDERS)
        for provider, sandbox in sandboxes.items():
            assert right[provider].code == 0, right[provider].output
            for receipt in receipts(desk, provider).values():
                is_whole(desk, sandbox, receipt)
            assert sent(sandbox) == billed(sandbox) == Counter(f"A dog, {name}" for name in FOUR)
    no_secret(desk, *(each.output for ended in (poor, shut_out, right) for each in ended.values()))


def _interfered(desk: Desk, sandboxes: Mapping[str, Sandbox], clock: AheadClock, **change: Any) -> dict[str, Ended]:
    """Submit all batches again; change each sandbox while it renders one more take, which is finished only then."""
    before = {provider: len(sandbox.account.submissions()) for provider, sandbox in sandboxes.items()}
    running = {provider: desk.start("submit", "--wait", f"{provider}.yaml") for provider in sandboxes}
    for provider, sandbox in sandboxes.items():
        until(
            lambda provider=provider, sandbox=sandbox: len(sandbox.account.submissions()) > before[provider],  # type: ignore[misc]
            what=f"another submission at {provider}",
        )
        sandbox.change(**change)
    clock.forward(600.0)
    return {provider: desk.end(process) for provider, process in running.items()}


@pytest.mark.long
def test_what_is_not_known_at_once_is_settled_or_given_up_in_bounded_time(
    desk: Desk, clips: Path, redis_server: EmbeddedRedis, namespace: str
) -> None:
    """Five new links are asked for, over half a minute; where the job itself says that the video is gone, none.

    A lone take in doubt is settled before its run ends. What was not accepted is not listed, which proves nothing:
    then a person has to decide.
    """
    plans: dict[str, tuple[str, dict[str, dict[str, Any]], int, str]] = {
        **{each: (each, {"gone": faulty("expired"), "good": {}}, 3, "[expired]") for each in PROVIDERS},
        **{f"{each}-drops": (each, {"good": faulty("drop")}, 0, "1 of 1 takes done") for each in SETTLE_THEMSELVES},
        "ark-hangs-up": ("ark", {"unlisted": faulty("hangup")}, 6, "1 in doubt"),
    }
    late = {f"{each}-is-late": (each, {"gone": {}}, 3, "[expired]") for each in SETTLE_THEMSELVES}
    for batch, (provider, shots, _, _) in {**plans, **late}.items():
        named = {name: {"prompt": f"{shot.get('prompt', 'A dog')} {batch} {name}"} for name, shot in shots.items()}
        desk.write(f"{batch}.yaml", manifest(provider, named, batch=batch))
    desk.environ["RUSHES_PATIENCE"] = "40"
    with ExitStack() as stack:
        sandboxes = {each: stack.enter_context(sandboxed(clips)) for each in PROVIDERS}
        stack.enter_context(one_worker(desk, redis_server.url, namespace, sandboxes))
        ended = submitted(desk, plans)
        for sandbox in sandboxes.values():
            sandbox.change(link_seconds=0.0)
        ended |= submitted(desk, late)
        for batch, (provider, shots, code, told) in {**plans, **late}.items():
            assert ended[batch].code == code, ended[batch].output
            assert told in ended[batch].output
            assert set(receipts(desk, batch)) == set(shots) & {"good"}
            sandbox, mine = sandboxes[provider], [f" {batch} {name}" for name in shots if name != "unlisted"]
            for count in (sent(sandbox), billed(sandbox)):
                assert sorted(count[prompt] for prompt in count if prompt.endswith(tuple(mine))) == [1] * len(mine)

        before = len(sandboxes["fal"].account.submissions())
        again = submitted(desk, ["fal"])["fal"]
        assert again.code == 3, again.output
        assert "0 submissions, 0 objects written" in again.output
        assert len(sandboxes["fal"].account.submissions()) == before == 2


def test_ctrl_c_waits_for_the_answer_of_a_call_that_is_held(desk: Desk, clips: Path) -> None:
    desk.write("night.yaml", manifest("cloudflare", FOUR))
    clock = AheadClock()
    with sandboxed(clips, clock=clock, render_seconds=600.0) as sandbox:
        desk.environ |= pointed("cloudflare", sandbox.url, seats=2)
        running = desk.start("run", "night.yaml")
        until(lambda: len(sandbox.account.submissions()) == 2)
        running.send_signal(signal.SIGINT)
        until(lambda: desk.log().count("Warm shutdown") >= 2, what="the workers' drain")
        clock.forward(600.0)
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
