"""What is wrong before a night begins: keys, Redis, the store, clocks, disks and limits, each with its mend."""

from __future__ import annotations

from workers.doctor.examination import examine
from workers.doctor.finding import Finding, Level

__all__ = ["Finding", "Level", "examine"]
