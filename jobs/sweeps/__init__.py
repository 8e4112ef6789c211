"""Sweeps: the axes of a shot, how they are put together, and the space of takes that they span."""

from __future__ import annotations

from jobs.sweeps.axes import Axis, Entry, Listed, Range, Written, axis
from jobs.sweeps.reading import read_axis, read_sweep
from jobs.sweeps.space import Space

__all__ = ["Axis", "Entry", "Listed", "Range", "Space", "Written", "axis", "read_axis", "read_sweep"]
