"""How fast takes are computed from a manifest: one by its index, all with their identities, and a plan of them.

    python bench/expansion.py

Each figure is the best of several rounds, for another program on the machine can only make it slower.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from jobs.manifest import Manifest
from jobs.planning.plan import plan
from jobs.takes.expansion import Expansion

ROUNDS = 5


def manifest(side: int) -> Manifest:
    """`side` cubed takes."""
    shot = {
        "name": "grid",
        "prompt": "A golden retriever running through {place} at {light}, golden hour",
        "sweep": {
            "place": [f"place {at}" for at in range(side)],
            "light": [f"light {at}" for at in range(side)],
            "seed": f"1..{side}",
        },
    }
    defaults = {"duration": 5, "resolution": "720p", "aspect_ratio": "16:9"}
    return Manifest.model_validate(
        {"batch": "bench", "provider": "fal", "model": "seedance-2.0", "defaults": defaults, "shots": [shot]}
    )


def best(action: Callable[[], int]) -> float:
    """Seconds for each thing that `action` did; it returns how many."""
    figures = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        done = action()
        figures.append((time.perf_counter() - begun) / done)
    return min(figures)


def by_index(expansion: Expansion, indices: list[int]) -> int:
    for index in indices:
        expansion[index]
    return len(indices)


def identities(side: int, start: int, end: int) -> int:
    expansion = Expansion(manifest(side))
    for index in range(start, end):
        expansion.identity(index)
    return end - start


def takes_with_identity(expansion: Expansion, indices: list[int]) -> int:
    for index in indices:
        expansion[index].asked.identity()
    return len(indices)


def whole_plan(side: int) -> dict[str, float]:
    """`rushes plan` as a person runs it, interpreter and imports and all: the best of several runs."""
    with tempfile.TemporaryDirectory(prefix="rushes-bench-") as folder:
        written = manifest(side).model_dump(mode="json", exclude_defaults=True)
        (Path(folder) / "million.yaml").write_text(json.dumps(written))
        seconds = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            subprocess.run(
                [sys.executable, "-P", "-m", "rushes", "plan", "million.yaml"],
                cwd=folder,
                stdout=subprocess.DEVNULL,
                check=True,
            )
            seconds.append(time.perf_counter() - begun)
    # Of the children, of which this is the only one that is larger than an interpreter alone.
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"rushes plan, seconds": round(min(seconds), 2), "rushes plan, most memory, MiB": round(memory, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=100, help="values of each of the three axes (100: 10^6 takes)")
    side = parser.parse_args().side
    expansion = Expansion(manifest(side))
    chosen = random.Random(5).sample(range(expansion.total), min(20_000, expansion.total))
    in_order = list(range(min(20_000, expansion.total)))
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    each = expansion.total // processors
    begun = time.perf_counter()
    with multiprocessing.get_context("fork").Pool(processors) as pool:
        done = sum(pool.starmap(identities, [(side, at * each, (at + 1) * each) for at in range(processors)]))
    on_all = done / (time.perf_counter() - begun)
    begun = time.perf_counter()
    plan(manifest(side))
    planned = time.perf_counter() - begun
    figures = {
        "takes": expansion.total,
        "take by index, microseconds": round(best(lambda: by_index(expansion, chosen)) * 1e6, 2),
        "identity by index, microseconds": round(best(lambda: identities(side, 0, 20_000)) * 1e6, 2),
        "take with identity, microseconds": round(best(lambda: takes_with_identity(expansion, in_order)) * 1e6, 2),
        f"identities a second, on {processors} processors": round(on_all),
        "plan of all, milliseconds": round(planned * 1e3, 1),
        "most memory, MiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    figures |= whole_plan(side)
    json.dump(figures, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
