"""A thread that goes on its rounds in a worker, beside what renders and never in its way."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from jobs.errors import RushesError


class Rounds:
    """Calls `once` every so many `seconds`, the first time after as long.

    A `RushesError` out of it is logged with `log` after the words `trouble`, anything else as a defect with its
    traceback after the words `defect`; either way the next round comes.
    """

    def __init__(
        self,
        once: Callable[[], object],
        *,
        name: str,
        seconds: float,
        log: logging.Logger,
        trouble: str,
        defect: str,
    ) -> None:
        self._once, self._seconds = once, seconds
        self._log, self._trouble, self._defect = log, trouble, defect
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be begun."""
        return self._ended.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more. What is under way isn't waited for."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self._once()
            except RushesError as error:
                self._log.warning("%s: %s", self._trouble, error)
            except Exception:  # noqa: BLE001 - it is logged, and a thread that ended would leave its work undone
                self._log.exception(self._defect)
