"""Takes: the cells of a manifest's sweeps, each exactly one finished video.

`take` has what one is, `expansion` gets any one by its index, and `identities` those of many without making them.
`naming` tells what each is called, `lineage` and `strands` what stays of them when a manifest is edited, `spans` how
those lie that wait, and `mode` in which of three ways a take makes its video.
"""

from jobs.takes.take import Asked, AxisValue, LastFrame, Take, canonical

__all__ = ["Asked", "AxisValue", "LastFrame", "Take", "canonical"]
