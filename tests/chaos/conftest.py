"""What scenarios share: the videos that providers deliver, one S3 server, each with buckets of its own, a nursery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import moto_server
from matrix import SEED, WHOLE
from nursery import Nursery
from stage import House


@pytest.fixture(scope="session")
def house(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """What the scenarios of a session have in common."""
    nursery = Nursery(tmp_path_factory.mktemp("nursery"))
    try:
        with moto_server() as moto:
            yield House(clips, moto, nursery)
    finally:
        nursery.close()


def pytest_report_header() -> str:
    return f"chaos: {'the whole matrix' if WHOLE else 'a part of the matrix'}, RUSHES_CHAOS_SEED={SEED}"
