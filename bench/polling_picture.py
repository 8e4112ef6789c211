"""The picture of docs/polling.md: where polls fall, against a histogram of how long renders took.

    python bench/polling_picture.py > docs/polling.svg

The durations are drawn from a lognormal distribution (median 120 s, sigma 0.35, seed 1): what a real provider's are,
nobody has published. The schedule is the one that a worker makes of them.
"""

from __future__ import annotations

import sys

from polling import BOUNDS, drawn

from workers.polling.placing import Known, Seen

WIDTH, HEIGHT, FOOT, SPAN, STEP = 760, 260, 40, 300.0, 10


def main() -> None:
    """Print the SVG."""
    lengths = drawn(1, 256, 120.0, 0.35)
    known, age, polls = Known(lengths, []), 0.0, []
    while age < SPAN:
        age += known.gap(Seen(0.0, polls=len(polls)), age, BOUNDS)
        polls.append(age)
    bins = [sum(at <= each < at + STEP for each in lengths) for at in range(0, int(SPAN), STEP)]
    scale = WIDTH / SPAN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + FOOT}" font-family="sans-serif">',
        "<title>Polls against a histogram of render times</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT + FOOT}" fill="white"/>',
    ]
    for at, many in enumerate(bins):
        tall = (HEIGHT - 40) * many / max(bins)
        left, top = at * STEP * scale, HEIGHT - tall
        size = f'width="{STEP * scale - 1:.1f}" height="{tall:.1f}"'
        parts.append(f'<rect x="{left:.1f}" y="{top:.1f}" {size} fill="#c9d6e8"/>')
    for each in polls:
        at = each * scale
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="20" y2="{HEIGHT}" stroke="#b3341f" stroke-width="1.5"/>')
    for at in range(0, int(SPAN) + 1, 60):
        parts.append(f'<text x="{at * scale:.0f}" y="{HEIGHT + 18}" font-size="12">{at} s</text>')
    parts.append('<text x="4" y="14" font-size="12">red: polls; blue: how long 256 renders took</text></svg>')
    sys.stdout.write("\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
