"""One thing that was looked at, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters. Only a `PROBLEM` keeps a batch from being rendered."""

    FINE = "fine"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of `subject` (`fal`, `redis`, `store`, ...). `mend` says what to do; neither holds a secret.

    `exit_code` is what a `PROBLEM` ends a command with: 2 where a setting is wrong, 5 where Redis or the store fails.
    """

    subject: str
    level: Level
    told: str
    mend: str = ""
    exit_code: int = 2

    def to_json(self) -> dict[str, str]:
        """The finding for a program."""
        return {"subject": self.subject, "level": str(self.level), "told": self.told, "mend": self.mend}
