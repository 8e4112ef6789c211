"""What Flower keeps from one start to the next: the tasks it has seen, and the password it made up for itself.

It is a folder of its owner's alone. Flower reads its tasks back by pickle, so who may write there may do all that
Flower may.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from workers.errors import SettingsError

USER = "rushes"
"""Who is asked for with the password that was made up."""


class FlowerFolder:
    """The folder at `path`, made when it isn't there. Raises `SettingsError` when that can't be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.stat().st_mode & 0o022:
                raise SettingsError(f"{path}: others may write there, so Flower won't read it: chmod 700 {path}")
        except OSError as error:
            raise SettingsError(
                f"Flower can't keep what it has seen in {path}: {error.strerror or error}. Name a folder with --data"
            ) from error

    @property
    def tasks(self) -> Path:
        """The file of the tasks, to which dbm may add an ending."""
        return self.path / "tasks"

    @property
    def password(self) -> Path:
        """The file of the password."""
        return self.path / "password"

    def credentials(self, make: Callable[[], str]) -> str:
        """`user:password`, the password being what `make` gives at the first start, and the same from then on.

        Raises `SettingsError`.
        """
        try:
            with contextlib.suppress(FileExistsError), _new(self.password) as file:
                file.write(make() + "\n")
            kept = self.password.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self.password}: can't be used: {error}. Set RUSHES_FLOWER_AUTH instead") from error
        if not kept:
            raise SettingsError(f"{self.password} is empty: delete it, and another is made up")
        return f"{USER}:{kept}"


def _new(path: Path) -> TextIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
