"""What a person at a desk sets and writes, against a provider on loopback."""

from __future__ import annotations

import time
from collections.abc import Callable

from imitation import KEY

QUICK = {"RUSHES_FAL_FIRST_POLL": "0.2", "RUSHES_FAL_SLOWEST_POLL": "0.5", "RUSHES_FAL_SEATS": "20"}


def pointed_at(url: str) -> dict[str, str]:
    """The environment in which fal is the imitation at `url`."""
    return {"RUSHES_FAL_URL": url, "FAL_KEY": KEY}


def until(condition: Callable[[], bool], *, seconds: float = 300.0, what: str = "the condition") -> None:
    """Wait for something to become true; fail if it doesn't in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(0.02)


def manifest(shots: str, batch: str = "night") -> str:
    """A manifest with small defaults."""
    return (
        f"batch: {batch}\nprovider: fal\nmodel: seedance-2.0-fast\n"
        "defaults: {duration: 4, resolution: 480p, aspect_ratio: '16:9'}\nshots:\n" + shots
    )


SWEEP = """
  - name: sweep
    prompt: A dog in the {place}
    sweep:
      place: [field, city, sea, sky]
      seed: 1..3
"""
