"""What ten thousand takes in flight at once cost while they wait: CPU, memory, Redis, and polls.

    python bench/in_flight.py
    python bench/in_flight.py --takes 1000

One worker submits them all to an imitation of fal that renders for an hour, and then waits. Measured is a stretch of
that waiting, once the last submission is `--settle` seconds old: the CPU of the worker's processes, the resident memory
of the largest, what Redis holds, and how many requests came to the provider.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import redis
from rig import cpu, environment_for, measured, opened, private_redis, tree, twin, worker

from jobs.manifest import Manifest


def manifest(takes: int) -> Manifest:
    shot = {"name": "grid", "prompt": "A golden retriever at golden hour", "sweep": {"seed": f"1..{takes}"}}
    defaults = {"duration": 5, "resolution": "720p", "aspect_ratio": "16:9"}
    return Manifest.model_validate(
        {"batch": "bench", "provider": "fal", "model": "seedance-2.0-fast", "defaults": defaults, "shots": [shot]}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--takes", type=int, default=10_000)
    parser.add_argument("--settle", type=float, default=30.0, help="seconds after the last submission")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long is measured")
    parser.add_argument("--within", type=float, default=900.0, help="seconds in which all must be submitted")
    given = parser.parse_args()
    cache = Path(tempfile.gettempdir()) / "rushes-bench-clips"
    with tempfile.TemporaryDirectory(prefix="rushes-bench-") as where:
        folder = Path(where)
        with (
            twin(folder, cache=cache, queue_seconds=0, render_seconds=3600, jitter=0, seats=given.takes) as sandbox,
            private_redis(folder) as (url, redis_pid),
        ):
            environ = environment_for(folder, url, sandbox.url, fal_seats=given.takes, fal_lead=0)
            client = redis.Redis.from_url(url)
            with worker(folder, environ) as pid:
                held = int(client.info("memory")["used_memory_dataset"])
                spent, begun = cpu(tree(pid)), time.monotonic()
                context = opened(folder, environ, manifest(given.takes))
                try:
                    while context.room.standing("bench").submissions < given.takes:
                        if time.monotonic() - begun > given.within:
                            raise SystemExit(f"only {context.room.standing('bench').states} within {given.within} s")
                        time.sleep(0.5)
                    submitting, spent = time.monotonic() - begun, cpu(tree(pid)) - spent
                    time.sleep(given.settle)
                    before, at = sandbox.told("requests"), time.monotonic()
                    with measured({"worker": pid, "redis": redis_pid}) as used:
                        time.sleep(given.seconds)
                        after, lasted = sandbox.told("requests"), time.monotonic() - at
                    states = context.room.standing("bench").states
                    memory = client.info("memory")
                finally:
                    context.close()
                polls = sum(after.values()) - sum(before.values())
    figures = {
        "takes in flight": sum(count for state, count in states.items() if state.value == "rendering"),
        "submitted a second": round(given.takes / submitting, 1),
        "CPU, ms a submission": round(spent / given.takes * 1e3, 1),
        "CPU of the worker while waiting, % of one core": round(used["worker"].cpu / lasted * 100, 1),
        "CPU of Redis while waiting, % of one core": round(used["redis"].cpu / lasted * 100, 1),
        "polls a second": round(polls / lasted, 1),
        "CPU, ms a poll": round(used["worker"].cpu / max(1, polls) * 1e3, 2),
        "resident memory of the largest process, MB": round(used["worker"].memory, 1),
        "Redis, MB of data": round((int(memory["used_memory_dataset"]) - held) / 1e6, 2),
        "Redis, resident MB": round(int(memory["used_memory_rss"]) / 1e6, 1),
    }
    json.dump(figures, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
