"""The manifest: what a person asks for, read and found to make sense.

These models are also the frozen form of a batch: `model_dump_json` writes it, `model_validate_json` reads it
back unchanged, and every worker counts its takes from that.

`kinds` has what a field holds and how it is read, `defaults` what can be said of every shot, `shot` and `batch` the
models of these, `agreement` and `neighbours` what has to agree within one shot and between several. How a file becomes
one of these is in `jobs.reading`.
"""

from jobs.manifest.agreement import NO_AXIS, shot_faults
from jobs.manifest.batch import Manifest, in_order
from jobs.manifest.defaults import Defaults, Fields, Handling
from jobs.manifest.neighbours import MOST_TAKES, batch_faults, name_clashes
from jobs.manifest.shot import Shot

__all__ = [
    "MOST_TAKES",
    "NO_AXIS",
    "Defaults",
    "Fields",
    "Handling",
    "Manifest",
    "Shot",
    "batch_faults",
    "in_order",
    "name_clashes",
    "shot_faults",
]
