from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest
from PIL import Image
from sim_hands import Pool
from sim_redis import SimRedis
from sim_schedule import Lean, Run, Schedule

from workers.broker.embedded import EmbeddedRedis
from workers.media.facts import Facts

R = TypeVar("R")

DATABASE = 5
"""Of the session's Redis: emptied after each schedule."""


def _developed(
    video: Path, png: Path, poster: Path | None = None, *, poster_of: str = "last", timeout: float = 120
) -> Facts:
    red, green, blue = video.read_bytes()[-3:]
    Image.new("RGB", (1, 1), (red, green, blue)).save(png, format="PNG")
    if poster is not None:
        poster.write_bytes(b"poster")
    return Facts(
        width=480,
        height=480,
        fps=24.0,
        frames=96,
        duration=4.0,
        codec="h264",
        pix_fmt="yuv420p",
        color_space="bt709",
        has_audio=False,
        last_frame_at=3.958,
    )


class AtOnce:
    """In the place of a pool of threads: only one hand moves at a time, so all is done by whoever asks for it."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, do: Callable[..., R], *over: Iterable[Any]) -> Iterator[R]:
        return map(do, *over)


@pytest.fixture(scope="module")
def sim_client(redis_server: EmbeddedRedis) -> Iterator[SimRedis]:
    """A client of a database of its own, in a Redis that doesn't wait for the disk meanwhile."""
    client = SimRedis.from_url(redis_server.url, db=DATABASE, single_connection_client=True)
    client.flushdb()
    client.config_set("appendfsync", "no")
    client.load_scripts()
    yield client
    client.flushdb()
    client.config_set("appendfsync", "always")
    client.close()


@pytest.fixture
def simulate(sim_client: SimRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs the schedule of a seed, to its end or to its first violation."""
    # `workers.steps` has a function of the module's name.
    monkeypatch.setattr(importlib.import_module("workers.steps.collect"), "develop", _developed)
    for module in ("workers.reuse", "workers.accounts.attempts"):
        monkeypatch.setattr(importlib.import_module(module), "ThreadPoolExecutor", AtOnce)
    pool = Pool()
    logging.disable(logging.CRITICAL)  # what goes wrong is what is asked for here, a hundred times a second

    def run(seed: int, lean: Lean | None = None) -> tuple[Schedule, Exception | None]:
        schedule = Schedule(seed, sim_client, pool, tmp_path, lean or Lean())
        try:
            schedule.run()
        except Exception as error:  # noqa: BLE001 - whatever it is, the seed has to be told with it
            return schedule, error
        finally:
            schedule.close()
        return schedule, None

    yield run
    logging.disable(logging.NOTSET)
    pool.close()
