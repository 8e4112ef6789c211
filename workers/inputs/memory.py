"""What one process keeps of inputs: the last ones that it read, and who is uploading which."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOST_BYTES = 128 * 1024 * 1024


class InputMemory:
    """The last inputs that were read, up to `most` bytes of them. Safe to use from any number of threads."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}

    def get(self, reference: str, read: Callable[[], bytes]) -> bytes:
        """The bytes of an input; `read` brings them when they aren't at hand."""
        with self.turn(reference):
            with self._lock:
                body = self._held.get(reference)
                if body is not None:
                    self._held.move_to_end(reference)
                    return body
            body = read()
            with self._lock:
                self._held[reference] = body
                while len(self._held) > 1 and sum(map(len, self._held.values())) > self._most:
                    self._held.popitem(last=False)
            return body

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """One thread at a time for the same `name`: what one has done, the next need not do again."""
        with self._lock:
            turn = self._turns.setdefault(name, threading.Lock())
        with turn:
            yield
