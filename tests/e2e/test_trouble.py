"""Bad input and trouble: each ends in one clear message and exit code, and the next run carries on."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from desk import SWEEP, manifest, pointed_at
from front_door import Desk
from imitation import Answer, imitation

WRONG_MANIFESTS = {
    "not-yaml": ("shots: [", "not YAML"),
    "empty": ("", "empty"),
    "shot-twice": (manifest("  - {name: a, prompt: x}\n  - {name: a, prompt: y}\n"), "shots[1].name"),
    "unknown-provider": (manifest(SWEEP).replace("provider: fal", "provider: fall"), "did you mean 'fal'"),
    "unknown-model": (manifest(SWEEP).replace("seedance-2.0-fast", "seedance-2.0-fats"), "model"),
    "unknown-key": (manifest("  - {name: a, promt: x}\n"), "did you mean 'prompt'"),
    "out-of-range": (manifest("  - {name: a, prompt: x, duration: 17}\n"), "17 is above 15, the most that fal allows"),
}


@pytest.mark.parametrize("name", WRONG_MANIFESTS)
def test_a_wrong_manifest_is_explained_and_nothing_is_sent(desk: Desk, name: str) -> None:
    text, told = WRONG_MANIFESTS[name]
    desk.write("night.yaml", text)
    ended = desk.ask("run", "night.yaml", FAL_KEY="any:key")
    assert ended.code == 2
    assert told in ended.output
    assert not (desk.folder / "renders").exists()


def test_no_such_manifest(desk: Desk) -> None:
    ended = desk.ask("run", "nowhere.yaml", FAL_KEY="any:key")
    assert ended.code == 2
    assert "nowhere.yaml" in ended.output


def test_no_key(desk: Desk) -> None:
    desk.write("night.yaml", manifest(SWEEP))
    ended = desk.ask("run", "night.yaml")
    assert ended.code == 2
    assert "no key for fal: set FAL_KEY" in ended.output


def test_a_key_in_a_dotenv_file_is_enough(desk: Desk, clips: Path) -> None:
    desk.write("night.yaml", manifest("  - {name: a, prompt: x}\n"))
    with imitation(clips) as provider:
        desk.write(".env", "\n".join(f"{name}={value}" for name, value in pointed_at(provider.url).items()))
        assert desk.run("run", "night.yaml").code == 0
        assert provider.billed == 1


def test_a_wrong_key_pauses_the_provider_and_the_right_one_carries_on(desk: Desk, clips: Path) -> None:
    desk.write("night.yaml", manifest(SWEEP))
    with imitation(clips) as provider:
        wrong = desk.run("run", "night.yaml", **{**pointed_at(provider.url), "FAL_KEY": "wrong-id:wrong-secret"})
        assert wrong.code == 4, wrong.output
        assert "fal is paused" in wrong.output
        assert "12 takes are not done yet" in wrong.output
        assert "wrong-secret" not in wrong.output + everything_written(desk)
        assert provider.billed == 0
        assert desk.run("run", "night.yaml", **pointed_at(provider.url)).code == 0
        assert provider.billed == 12


def test_redis_not_reachable(desk: Desk) -> None:
    desk.write("night.yaml", manifest(SWEEP))
    ended = desk.ask("run", "night.yaml", FAL_KEY="any:key", RUSHES_REDIS_URL="redis://:hush@127.0.0.1:1/0")
    assert ended.code == 5
    assert "127.0.0.1:1" in ended.output
    assert "hush" not in ended.output


def test_a_store_that_is_not_writable(desk: Desk) -> None:
    desk.write("night.yaml", manifest(SWEEP))
    desk.write("renders", "a file where the folder should be")
    ended = desk.ask("run", "night.yaml", FAL_KEY="any:key")
    assert ended.code == 5
    assert "renders" in ended.output


def _json(status: int, value: Any, **headers: str) -> Answer:
    return status, {"Content-Type": "application/json", **headers}, json.dumps(value).encode()


def test_a_provider_that_stumbles(desk: Desk, clips: Path) -> None:
    """429s wait, refusals fail their take alone, and what may have been accepted is held; the rest is rendered."""
    desk.write("night.yaml", manifest(SWEEP))
    moderated = {"detail": [{"loc": ["body", "prompt"], "msg": "no", "type": "content_policy_violation"}]}
    play: dict[int, Answer | str] = {
        1: _json(429, {"detail": "slow down"}, **{"Retry-After": "1"}),
        3: (200, {}, b"<html>garbage</html>"),
        4: _json(500, {"detail": "oops"}),
        5: "drop",
        6: _json(422, moderated),
        7: _json(422, {"detail": [{"loc": ["body", "seed"], "msg": "too large", "type": "value_error"}]}),
    }
    with imitation(clips, interfere=lambda ordinal, body: play.get(ordinal)) as provider:
        desk.environ |= pointed_at(provider.url)
        ended = desk.run("run", "night.yaml")
        assert ended.code == 6, ended.output
        assert "7 of 12 takes done" in ended.output
        assert "3 in doubt" in ended.output
        assert "2 failed" in ended.output
        assert "[input-moderation]" in ended.output
        assert "body.seed" in ended.output
        assert provider.billed == 8, "seven that are done, and the one that was accepted before the line went dead"
        assert set(provider.billed_by_request().values()) == {1}

        again = desk.run("run", "night.yaml")
        assert again.code == 6
        assert "0 submissions, 0 objects written" in again.output
        assert provider.billed == 8, "what is in doubt or was refused is not sent again by itself"


@pytest.mark.long
def test_what_is_rendered_comes_home_in_the_end(desk: Desk) -> None:
    faults = ("cut", "html", "truncated", "busy", "poll-500", "poll-429", "garbage", "429")
    shots = "".join(f'  - {{name: at-{fault}, prompt: "a dog [sandbox: {fault}]"}}\n' for fault in faults)
    desk.write("night.yaml", manifest(shots))
    ended = desk.run("run", "--sandbox", "night.yaml")
    assert ended.code == 0, ended.output
    found = Counter(path.parent.name for path in desk.files("rehearsal/night/*/*.mp4"))
    assert found == Counter(f"at-{fault}" for fault in faults)


def test_a_render_that_moderation_refuses_fails_alone(desk: Desk) -> None:
    shots = '  - {name: bad, prompt: "a dog [sandbox: moderation]"}\n  - {name: good, prompt: a dog}\n'
    desk.write("night.yaml", manifest(shots))
    ended = desk.run("run", "--sandbox", "night.yaml")
    assert ended.code == 3, ended.output
    assert "bad/0001" in ended.output
    assert "moderation]" in ended.output
    assert len(desk.files("rehearsal/night/good/*.mp4")) == 1


def test_of_an_edited_manifest_only_what_is_new_is_rendered(desk: Desk, clips: Path) -> None:
    sweep = "  - {name: a, prompt: x, sweep: {seed: SEEDS}}\n"
    desk.write("night.yaml", manifest(sweep.replace("SEEDS", "1..2")))
    with imitation(clips) as provider:
        desk.environ |= pointed_at(provider.url)
        assert desk.run("run", "night.yaml").code == 0
        desk.write("night.yaml", manifest(sweep.replace("SEEDS", "1..3")))
        ended = desk.run("run", "night.yaml")
        assert ended.code == 0, ended.output
        assert "1 submissions" in ended.output
        assert provider.billed == 3
        assert len(desk.files("night/a/*.mp4")) == 2
        assert len(desk.files("night/a.2/*.mp4")) == 3
        again = desk.run("run", "night.yaml")
        assert "0 submissions, 0 objects written" in again.output


def everything_written(desk: Desk) -> str:
    """Every file that Rushes has left, as text."""
    return "".join(path.read_text(errors="replace") for path in desk.folder.rglob("*") if path.is_file())
