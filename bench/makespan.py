"""How close to the best possible makespan, with how many requests, at what cost: our engine and its peers.

    python bench/makespan.py
    python bench/makespan.py --takes 96 --designs ours,httpx

Each renders the same takes at an imitation of fal of its own, over HTTP on loopback: the same bodies, and so the same
lognormal render times. The seconds are scaled: where renders take `--median`, and 120 at a real provider, polls in
fixed steps come every `5 * median / 120` s. fal's own client is left at its default. The lower bound is
max(longest, sum / seats) of what the sandbox's account says it did; the makespan is from the first submission's
acceptance there to the last video in the folder. CPU is that of workers and Redis, without the sandbox.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rig import Twin, Used, environment_for, finished, measured, opened, private_redis, started, twin, worker

from jobs.manifest import Manifest
from jobs.takes.expansion import Expansion
from workers.providers import adapter
from workers.providers.protocol import Access, Attempt

REAL_MEDIAN = 120.0
REAL_POLL = 5.0
HERE = Path(__file__).parent
PEERS = {
    "httpx": ("asyncio + httpx, fixed", "by_hand_httpx.py"),
    "aiohttp": ("asyncio + aiohttp, fixed", "by_hand_aiohttp.py"),
    "fal": ("fal-client, its default", "fal_own_client.py"),
    "celery": ("Celery, retry(countdown)", "plain_celery.py"),
}


@dataclass(frozen=True)
class Given:
    """What all designs have in common."""

    takes: int
    seats: int
    median: float
    sigma: float
    seed: int
    lead: int
    cache: Path

    @property
    def poll(self) -> float:
        return REAL_POLL * self.median / REAL_MEDIAN

    @property
    def patience(self) -> float:
        return 60 + 4 * self.takes * self.median / self.seats


@dataclass(frozen=True)
class Row:
    """What one design came to."""

    design: str
    makespan: float
    bound: float
    delay: float
    requests: float
    cpu: float
    memory: float
    most: int


def manifest(takes: int) -> Manifest:
    shot = {"name": "grid", "prompt": "A golden retriever in golden hour", "sweep": {"seed": f"1..{takes}"}}
    defaults = {"duration": 4, "resolution": "480p", "aspect_ratio": "16:9", "generate_audio": False}
    return Manifest.model_validate(
        {"batch": "bench", "provider": "fal", "model": "seedance-2.0-fast", "defaults": defaults, "shots": [shot]}
    )


def options(given: Given) -> dict[str, object]:
    return {
        "seed": given.seed,
        "queue_seconds": 0,
        "render_seconds": given.median,
        "spread": given.sigma,
        "seats": given.seats,
    }


def ours(given: Given, folder: Path, sandbox: Twin) -> tuple[float, dict[str, Used]]:
    with private_redis(folder) as (url, redis_pid):
        scale = given.median / REAL_MEDIAN
        environ = environment_for(
            folder,
            url,
            sandbox.url,
            fal_seats=given.seats,
            fal_lead=given.lead,
            fal_first_poll=2 * scale,
            fal_slowest_poll=60 * scale,
        )
        with worker(folder, environ) as pid, measured({"worker": pid, "redis": redis_pid}) as used:
            context = opened(folder, environ, manifest(given.takes))
            try:
                counts = finished(context, "bench", within=given.patience)
            finally:
                context.close()
            if counts != {"done": given.takes}:
                raise SystemExit(f"not all were rendered: {counts}")
    ended = max(path.stat().st_mtime for path in (folder / "renders").rglob("*.mp4"))
    return ended, used


def peer(name: str) -> Callable[[Given, Path, Twin], tuple[float, dict[str, Used]]]:
    def run(given: Given, folder: Path, sandbox: Twin) -> tuple[float, dict[str, Used]]:
        with private_redis(folder) as (url, redis_pid):
            out = folder / "videos"
            order = {
                "requests": requests(given.takes, sandbox.url),
                "seats": given.seats,
                "poll": given.poll,
                "out": str(out),
                "base_url": sandbox.url,
                "redis": url.replace("unix://", "redis+socket://") if name == "celery" else url,
            }
            path = folder / "order.json"
            path.write_text(json.dumps(order))
            log = folder / "peer.log"
            command = [sys.executable, str(HERE / "peers" / PEERS[name][1]), str(path)]
            with started(command, log) as process, measured({"peer": process.pid, "redis": redis_pid}) as used:
                deadline = time.monotonic() + given.patience
                while not out.exists() or sum(path.suffix == ".mp4" for path in out.iterdir()) < given.takes:
                    if process.poll() not in (None, 0) or time.monotonic() > deadline:
                        raise SystemExit(f"{name} did not render all: {log.read_text()[-2000:]}")
                    time.sleep(0.1)
        return max(path.stat().st_mtime for path in out.iterdir()), used

    return run


def requests(takes: int, url: str) -> list[dict[str, Any]]:
    """What our adapter would send for each take, so that every design asks for the same."""
    access = Access(url, SecretStr("id:secret"), "")
    made = []
    for take in Expansion(manifest(takes)):
        sent = adapter("fal").submission(take.asked, access, Attempt(f"bench/{take.name}", 1, "0" * 64))
        made.append({"url": sent.url, "headers": dict(sent.headers), "json": sent.json})
    return made


def measure(name: str, given: Given) -> Row:
    with tempfile.TemporaryDirectory(prefix="rushes-bench-") as where:
        folder = Path(where)
        with twin(folder, cache=given.cache, **options(given)) as sandbox:
            ended, used = (ours if name == "ours" else peer(name))(given, folder, sandbox)
            account, counted = sandbox.told("account"), sandbox.told("requests")
    jobs = account["jobs"]
    if len(jobs) != given.takes:
        raise SystemExit(f"{name}: {len(jobs)} jobs for {given.takes} takes")
    lengths = [job["ends"] - job["starts"] for job in jobs]
    bound = max(max(lengths), sum(lengths) / given.seats)
    design = f"Rushes, lead {given.lead}" if name == "ours" else PEERS[name][0]
    return Row(
        design,
        ended - min(job["accepted"] for job in jobs),
        bound,
        idle(jobs, given.seats),
        sum(times for path, times in counted.items() if "/files/" not in path and "/sandbox/" not in path)
        / given.takes,
        sum(each.cpu for each in used.values()) / given.takes,
        max(each.memory for name, each in used.items() if name != "redis"),
        max(account["most_at_once"].values()),
    )


def idle(jobs: list[Mapping[str, Any]], seats: int) -> float:
    """Seconds for which a seat stood empty before each job that took one over, on average."""
    starts = sorted(job["starts"] for job in jobs)
    ends = sorted(job["ends"] for job in jobs)
    # The job that begins n-th, past the first seats, has the seat of the one that ended (n - seats)-th.
    gaps = [begun - ended for begun, ended in zip(starts[seats:], ends, strict=False)]
    return sum(gaps) / max(1, len(gaps))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--takes", type=int, default=400)
    parser.add_argument("--seats", type=int, default=16)
    parser.add_argument("--median", type=float, default=4.0, help="seconds; 120 s stand behind them")
    parser.add_argument("--sigma", type=float, default=0.35)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lead", type=int, default=2, help="takes more that we send, since fal queues them")
    parser.add_argument("--designs", default="ours,httpx,aiohttp,fal,celery")
    asked = parser.parse_args()
    cache = Path(tempfile.gettempdir()) / "rushes-bench-clips"
    given = Given(asked.takes, asked.seats, asked.median, asked.sigma, asked.seed, asked.lead, cache)
    say("| design | makespan / bound | seat idle, s | requests a take | CPU, ms a take | MB a process | at once |")
    say("|---|---|---|---|---|---|---|")
    for name in asked.designs.split(","):
        row = measure(name, given)
        say(
            f"| {row.design} | {row.makespan / row.bound:.3f} | {row.delay:.3f} | {row.requests:.1f} "
            f"| {row.cpu * 1e3:.1f} | {row.memory:.0f} | {row.most} |"
        )


if __name__ == "__main__":
    main()
