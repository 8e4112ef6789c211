"""Times and lengths, for a person."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """So many seconds in the two largest units that they have: `3 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{round(whole / 60)} min"
    hours, minutes = divmod(round(whole / 60), 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(whole / 3600), 24)
    if days < 730:
        return f"{days} d {hours} h" if hours and days < 30 else f"{days} d"
    return f"{days / 365.25:,.0f} years"


def size(length: float) -> str:
    """So many bytes in the unit that suits: `1.2 GB`."""
    for unit, scale in (("PB", 10**15), ("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if length >= scale:
            return f"{length / scale:,.1f} {unit}"
    return f"{round(length)} bytes"
