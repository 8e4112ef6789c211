"""How an HTTP exchange fails, by the one thing that matters for money: whether anything may have arrived.

RushesError
├── NotSent     nothing reached the other side: sending it again can't pay twice
└── Broken      it may have arrived: the connection broke, ran out of time, or its answer was cut
"""

from __future__ import annotations

from jobs.errors import RushesError


class NotSent(RushesError):
    """Certainly nothing reached the other side: no name, no route, no handshake, or no time left to begin."""

    exit_code = 1


class Broken(RushesError):
    """The request may have arrived, and been acted on, but no whole answer came back."""

    exit_code = 1
