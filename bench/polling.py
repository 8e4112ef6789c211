"""How many polls a take costs, and how late its end is seen: learned polling beside polling at a fixed gap.

    python bench/polling.py [--takes 400] [--seats 16] [--median 120] [--seeds 5] [--json]

In a simulated clock: seats that are filled at once when a poll has seen them freed, renders of a lognormal length,
nothing known at the start. `fixed, equal polls` polls at the one gap that costs as many polls a take.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import fmean

from workers.polling.placing import NOTHING, Bounds, Known, Seen, lesson

BOUNDS = Bounds(2.0, 60.0)
KEPT = 256


LEADS = (1, 2, 4)
"""Takes more than seats, at a provider that queues them."""


@dataclass
class Outcome:
    """Means over the takes: polls, seconds from an end to its being seen; and the makespan over its lower bound."""

    polls: float
    delay: float
    makespan: float


class Learner:
    """Places polls as a worker does, and learns as it goes."""

    def __init__(self) -> None:
        self.runs: list[float] = []
        self.known = NOTHING

    def gap(self, seen: Seen, now: float) -> float:
        return self.known.gap(seen, now, BOUNDS)

    def learn(self, seen: Seen, last: float, now: float) -> None:
        run = lesson(seen, last, now).run
        if run is not None:
            self.runs = [*self.runs, run][-KEPT:]
            if len(self.runs) % 4 == 0:
                self.known = Known(self.runs, [])


class Fixed:
    """Polls at one gap."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def gap(self, seen: Seen, now: float) -> float:
        return self.seconds

    def learn(self, seen: Seen, last: float, now: float) -> None:
        """Learns nothing."""


class AtOnce(Fixed):
    """Sees each end as it comes: the floor of any polling."""


def simulate(lengths: list[float], seats: int, poller: Learner | Fixed, lead: int = 0) -> Outcome:
    """Render takes of these lengths (seconds), in this order, at a provider that queues `lead` of them at most."""
    waiting = list(reversed(lengths))
    due: list[tuple[float, int, float, float, Seen, float]] = []
    polls, delay, now, number = 0, 0.0, 0.0, 0
    free = [0.0] * seats

    def start(at: float) -> None:
        nonlocal number
        seen = Seen(at)
        number += 1
        begun = max(at, heapq.heappop(free))
        end = begun + waiting.pop()
        heapq.heappush(free, end)
        if begun > at:
            # The provider says at once that it waits.
            seen = replace(seen, queued=at, position=0, position_at=at)
        first = end if isinstance(poller, AtOnce) else at + poller.gap(seen, at)
        heapq.heappush(due, (first, number, begun, end, seen, at))

    for _ in range(min(seats + lead, len(waiting))):
        start(0.0)
    last_end = 0.0
    while due:
        now, order, begun, end, seen, last = heapq.heappop(due)
        polls += 1
        if end <= now:
            delay += now - end
            last_end = now
            poller.learn(seen, last, now)
            if waiting:
                start(now)
        else:
            seen = seen.rendering(now) if begun <= now else seen.waiting(now, 0)
            heapq.heappush(due, (now + poller.gap(seen, now), order, begun, end, seen, now))
    bound = max(max(lengths), sum(lengths) / seats)
    return Outcome(polls / len(lengths), delay / len(lengths), last_end / bound)


def drawn(seed: int, takes: int, median: float, sigma: float) -> list[float]:
    """Lengths of renders, in seconds: lognormal, and all different."""
    source = random.Random(seed)
    lengths = [source.lognormvariate(math.log(median), sigma) for _ in range(takes)]
    assert len(set(lengths)) == takes
    return lengths


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--takes", type=int, default=400)
    parser.add_argument("--seats", type=int, default=16)
    parser.add_argument("--median", type=float, default=120.0)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    for sigma in (0.2, 0.35, 0.7):
        runs = [drawn(seed, asked.takes, asked.median, sigma) for seed in range(asked.seeds)]

        def mean(make: Callable[[], Learner | Fixed], runs: list[list[float]] = runs, lead: int = 0) -> Outcome:
            found = [simulate(lengths, asked.seats, make(), lead) for lengths in runs]
            return Outcome(*(fmean(getattr(each, name) for each in found) for name in ("polls", "delay", "makespan")))

        learned = mean(Learner)
        gap = fmean(fmean(lengths) for lengths in runs) / (learned.polls - 0.5)
        led = {lead: mean(Learner, lead=lead) for lead in LEADS}
        for name, outcome in (
            ("learned", learned),
            *((f"learned, lead {lead}", outcome) for lead, outcome in led.items()),
            (f"fixed, equal polls ({gap:.1f} s)", mean(lambda gap=gap: Fixed(gap))),  # type: ignore[misc]
            ("fixed, 5 s", mean(lambda: Fixed(5.0))),
            ("seen at once", mean(lambda: AtOnce(0.0))),
        ):
            rows.append({"sigma": sigma, "polling": name, **outcome.__dict__})
    if asked.json:
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    sys.stdout.write("| sigma | polling | polls a take | delay, s | makespan / lower bound |\n|---|---|---|---|---|\n")
    for row in rows:
        polls = "" if row["polling"] == "seen at once" else f"{row['polls']:.1f}"
        sys.stdout.write(
            f"| {row['sigma']} | {row['polling']} | {polls} | {row['delay']:.2f} | {row['makespan']:.3f} |\n"
        )


if __name__ == "__main__":
    main()
