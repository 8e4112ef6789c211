"""How fast a batch gets on, by what was seen of it, and how long it has still to go at that pace."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

WINDOW_SECONDS = 900.0
"""What was longer ago says little of now: limits change, and providers have their hours."""

LEAST_FINISHED = 2
LEAST_SECONDS = 5.0


@dataclass
class Pace:
    """Fed with how many takes have come to an end by when (seconds, by any clock that only goes forward)."""

    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def see(self, at: float, finished: int) -> None:
        """So many takes have come to an end by now. A number that falls (takes are tried again) begins it anew."""
        if self._seen and finished < self._seen[-1][1]:
            self._seen.clear()
        if self._seen and finished == self._seen[-1][1] and len(self._seen) > 1:
            self._seen[-1] = at, finished
        else:
            self._seen.append((at, finished))
        while len(self._seen) > 2 and self._seen[1][0] < at - WINDOW_SECONDS:
            self._seen.popleft()

    @property
    def per_minute(self) -> float | None:
        """How many takes come to an end in a minute; None while too little was seen to say."""
        if len(self._seen) < 2:
            return None
        (since, before), (now, after) = self._seen[0], self._seen[-1]
        if after - before < LEAST_FINISHED or now - since < LEAST_SECONDS:
            return None
        return (after - before) * 60.0 / (now - since)

    def seconds_for(self, takes: int) -> float | None:
        """How long so many takes will take at this pace; None while that can't be said."""
        rate = self.per_minute
        return None if not rate else takes * 60.0 / rate
