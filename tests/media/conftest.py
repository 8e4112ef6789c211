from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from video_corpus import CORPUS, make


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file of the corpus under a name, made once a session. It is not to be changed."""
    folder = tmp_path_factory.mktemp("corpus")

    def made(name: str) -> Path:
        path = folder / f"{name}.mp4"
        return path if path.exists() else make(path, CORPUS[name])

    return made
