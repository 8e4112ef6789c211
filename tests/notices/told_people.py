"""Those who are told: a web server, and a mail server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Listener:
    """Whoever is told: answers with `statuses` one after the other, the last for ever."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [200])
    got: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Postman:
    """A mail server without encryption that keeps what it is given."""

    port: int = 0
    mails: list[str] = field(default_factory=list)
