"""How fast manifests are read: YAML against libyaml's own parse of the same text, and CSV by the row.

    python bench/reading.py

Ratios are within one run, and each figure is the best of several rounds, in processor time: another program on the
machine can only make it slower.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from jobs.reading.loading import load_with_inputs
from jobs.reading.manifests import draft_table, parse_manifest
from jobs.tables import TableHead, read_table

HEAD = TableHead(provider="fal", model="seedance-2.0-fast")


def manifest(shots: int) -> str:
    head = "batch: bench\nprovider: fal\nmodel: seedance-2.0-fast\ndefaults: {duration: 5, resolution: 720p}\nshots:\n"
    return head + "".join(
        f"  - name: shot-{at:05d}\n"
        f"    prompt: A golden retriever running through field {at}, {{camera}}, golden hour\n"
        f"    seed: {at}\n"
        f"    sweep:\n"
        f"      camera: [static, handheld]\n"
        for at in range(shots)
    )


def table(rows: int) -> str:
    return "name,prompt,vars.light,duration,seed\n" + "".join(
        f'shot-{at:06d},"A golden retriever in field {at}, at {{light}}, golden hour",dawn|dusk,5,{at}\n'
        for at in range(rows)
    )


def best(rounds: int, action: Callable[[], object]) -> float:
    """Seconds of processor time."""
    figures = []
    for _ in range(rounds):
        begun = time.process_time()
        action()
        figures.append(time.process_time() - begun)
    return min(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    text = manifest(given.shots)
    libyaml = best(given.rounds, lambda: yaml.load(text, Loader=yaml.CSafeLoader))
    nodes = best(given.rounds, lambda: yaml.compose(text, Loader=yaml.CSafeLoader))
    ours = best(given.rounds, lambda: parse_manifest(text, "bench.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.csv"
        path.write_text(table(given.rows))
        cells = best(given.rounds, lambda: read_table(path))
        rows = best(given.rounds, lambda: draft_table(path, HEAD).whole())
        checked = best(1, lambda: load_with_inputs(path, HEAD))
    figures = {
        f"YAML, {given.shots:,} shots, seconds": round(ours, 3),
        "times yaml.load with CSafeLoader": round(ours / libyaml, 2),
        "times yaml.compose with CSafeLoader": round(ours / nodes, 2),
        f"CSV, {given.rows:,} rows as cells, seconds": round(cells, 3),
        f"CSV, {given.rows:,} rows as a manifest, seconds": round(rows, 3),
        f"CSV, {given.rows:,} rows, checked for the provider, seconds": round(checked, 3),
    }
    json.dump(figures, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
