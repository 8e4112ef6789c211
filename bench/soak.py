"""Thousands of takes over all providers, with faults and a worker that is killed again and again; then, what is left.

    python bench/soak.py
    python bench/soak.py --takes 200 --minutes 1

`make soak` runs it: 5,000 takes in about ten minutes where nothing else wants the processors, 25 at most. It is no
bench of speed but a trial, and ends with 1 where something was lost, paid for twice, exceeded, or left behind:

* every take is done, has failed for good, or is in doubt; no attempt was accepted twice by the sandbox;
* no provider had more of ours at any instant than it has seats (and lead);
* what Redis holds besides the batches' own record, the worker's files and its memory are at the end, after a second
  batch of the same, no more than after the first.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import redis
from rig import Twin, environment_for, finished, opened, private_redis, resident, tree, twin, worker

from jobs.manifest import Manifest

MODELS = {
    "fal": "seedance-2.0-fast",
    "apiframe": "seedance-2.0-fast",
    "anyfast": "seedance-2.0-fast",
    "ark": "seedance-2.0-fast",
    "cloudflare": "seedance-2.0-fast",
}
SEATS = 12
LEAD = 2
ROUNDS = 2
TROUBLE = {
    "rate_limit_rate": 0.02,
    "garbage_rate": 0.01,
    "cut_rate": 0.02,
    "truncated_rate": 0.005,
    "html_rate": 0.01,
    "moderation_rate": 0.01,
    "drop_rate": 0.003,
    "fail_rate": 0.01,
}
MORE_MEMORY = 1.25
"""Of what it was after the first round; allocators keep some of what they once had."""
MORE_FILES = 8
MORE_KEYS = 40


def manifest(provider: str, model: str, takes: int, number: int) -> Manifest:
    shot = {"name": "grid", "prompt": "A golden retriever at golden hour", "sweep": {"seed": f"1..{takes}"}}
    defaults = {"duration": 5, "resolution": "480p", "aspect_ratio": "16:9"}
    return Manifest.model_validate(
        {
            "batch": f"soak-{provider}-{number}",
            "provider": provider,
            "model": model,
            "defaults": defaults,
            "shots": [shot],
        }
    )


def files_of(pids: list[int]) -> int:
    """Open file descriptors of these processes."""
    total = 0
    for pid in pids:
        try:
            total += len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - it is only counted
        except OSError:
            continue
    return total


def children(pid: int) -> list[int]:
    """The worker's two processes."""
    return [
        each
        for each in tree(pid)
        if any(queue in Path(f"/proc/{each}/cmdline").read_text() for queue in ("steps@", "collect@"))
    ]


def round_of(environ: dict[str, str], folder: Path, pid: int, given: argparse.Namespace, number: int) -> dict[str, Any]:
    """Render one round of batches, killing a process of the worker meanwhile; how things stand once all has ended."""
    contexts = []
    each = given.takes // ROUNDS // len(MODELS)
    batches = [manifest(provider, model, each, number) for provider, model in MODELS.items()]
    counts: Counter[str] = Counter()
    try:
        for batch in batches:
            contexts.append(opened(folder, environ, batch))
        ends = time.monotonic() + given.minutes * 60 / ROUNDS
        kill = time.monotonic() + given.kill
        killed = 0
        while any(context.room.standing(batch.batch).open for context, batch in zip(contexts, batches, strict=True)):
            if time.monotonic() > ends:
                left = [
                    str(context.room.standing(b.batch).states) for context, b in zip(contexts, batches, strict=True)
                ]
                raise SystemExit(f"round {number} has not ended in its time: {left}")
            if time.monotonic() > kill:
                victims = children(pid)
                if victims:
                    os.kill(victims[killed % len(victims)], signal.SIGKILL)
                    killed += 1
                kill = time.monotonic() + given.kill
            time.sleep(0.5)
        for context, batch in zip(contexts, batches, strict=True):
            counts.update(finished(context, batch.batch, within=5))
    finally:
        for context in contexts:
            context.close()
    return {"counts": dict(counts), "killed": killed, "asked": each * len(batches)}


def left_behind(client: redis.Redis, pid: int) -> dict[str, float]:
    """What is held now that nothing is under way."""
    time.sleep(5)
    processes = children(pid)
    # The record of a batch (what is done, what failed) stays for as long as the batch does.
    keys = [key for key in client.scan_iter(count=1000) if b"soak-" not in key]
    return {
        "keys": len(keys),
        "files": files_of(processes),
        "memory": max((resident(each) for each in processes), default=0.0),
    }


def judge(
    account: dict[str, Any], rounds: list[dict[str, Any]], before: dict[str, float], after: dict[str, float]
) -> list[str]:
    """What is wrong, in words."""
    wrong = []
    for number, found in enumerate(rounds):
        ended = sum(found["counts"].get(state, 0) for state in ("done", "failed", "doubt"))
        if ended != found["asked"]:
            wrong.append(f"round {number}: {found['asked']} takes, {found['counts']}")
        if found["killed"] == 0:
            wrong.append(f"round {number} was over before anything was killed: take more takes")
    videos = Counter(job["digest"] for job in account["jobs"] if job["billed"])
    # The two rounds ask for the same, under other names.
    twice = [digest for digest, times in videos.items() if times > ROUNDS]
    if twice:
        wrong.append(f"{len(twice)} takes were paid for more often than they were asked for")
    for provider, most in account["most_at_once"].items():
        if most > SEATS + (LEAD if provider == "fal" else 0):
            wrong.append(f"{provider} had {most} at once")
    for what, more in (("keys", before["keys"] + MORE_KEYS), ("files", before["files"] + MORE_FILES)):
        if after[what] > more:
            wrong.append(f"{what}: {before[what]} after the first round, {after[what]} after the last")
    if after["memory"] > before["memory"] * MORE_MEMORY:
        wrong.append(
            f"memory: {before['memory']:.0f} MB after the first round, {after['memory']:.0f} MB after the last"
        )
    return wrong


def soak(given: argparse.Namespace, folder: Path, sandbox: Twin) -> list[str]:
    """Run all of it; what is wrong."""
    with private_redis(folder) as (url, _):
        limits: dict[str, object] = {f"{provider}_seats": SEATS for provider in MODELS}
        polls = {f"{provider}_first_poll": 0.5 for provider in MODELS}
        slowest = {f"{provider}_slowest_poll": 3 for provider in MODELS}
        environ = environment_for(folder, url, sandbox.url, fal_lead=LEAD, **limits, **polls, **slowest)
        client = redis.Redis.from_url(url)
        with worker(folder, environ, "--collectors", "8") as pid:
            rounds = [round_of(environ, folder, pid, given, 0)]
            before = left_behind(client, pid)
            rounds += [round_of(environ, folder, pid, given, number) for number in range(1, ROUNDS)]
            after = left_behind(client, pid)
    account = sandbox.told("account")
    told = {
        "rounds": rounds,
        "submissions": account["submissions"],
        "billed": account["billed"],
        "most at once": account["most_at_once"],
        "after the first round": before,
        "after the last": after,
    }
    json.dump(told, sys.stdout, indent=1)
    sys.stdout.write("\n")
    return judge(account, rounds, before, after)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--takes", type=int, default=5000)
    parser.add_argument("--minutes", type=float, default=25.0, help="after which it is given up")
    parser.add_argument("--kill", type=float, default=75.0, help="seconds between two kills of a worker's process")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rushes-soak-") as where:
        folder = Path(where)
        cache = Path(tempfile.gettempdir()) / "rushes-bench-clips"
        with twin(
            folder, cache=cache, seed=given.seed, queue_seconds=0, render_seconds=0.4, seats=SEATS, **TROUBLE
        ) as sandbox:
            wrong = soak(given, folder, sandbox)
    for each in wrong:
        sys.stdout.write(f"WRONG: {each}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
