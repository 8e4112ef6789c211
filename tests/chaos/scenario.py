"""What a scenario is: what is rendered, what goes wrong meanwhile, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from launcher import Orders
from loopback import Trouble

if TYPE_CHECKING:
    from stage import Stage

RUNS = 6
"""How often a batch is run before it has come to an end, unless a scenario says otherwise: a state that is lost ends a
command."""


@dataclass(frozen=True)
class Moment:
    """What is done to the surroundings once so many submissions are accepted, and `when` holds. `undo` follows
    `lasting` s later.
    """

    accepted: int
    act: Callable[[Stage], None]
    lasting: float = 0.0
    undo: Callable[[Stage], None] | None = None
    when: Callable[[Stage], bool] = lambda stage: True


@dataclass(frozen=True)
class Scenario:
    """What is rendered, and what goes wrong meanwhile.

    `batches` are the provider of each batch by the batch's name, and `faults` words for the sandbox that the first
    takes of each ask for. `orders` are those of the first workers that are started, in turn; all later ones are left in
    peace. `together` workers run at once. `every` is after how many seconds, again and again, a worker that was ready
    is killed, up to `most` of them: a batch that gets no peace at all gets nowhere.

    `terms` stand in the manifest besides what is to be rendered, and `budgets` are those of batches by name. `editions`
    is how many manifests there are in the end. `codes` are those with which a command may end and the batch is at its
    end, and `sure` is as in `Evidence`. `forked` says that processes come from the nursery, and are not started from
    scratch.
    """

    name: str
    batches: Mapping[str, str]
    takes: int = 6
    together: int = 1
    orders: tuple[Orders, ...] = ()
    command: Orders | None = None
    faults: Sequence[str] = ()
    trouble: Mapping[int, Trouble] = field(default_factory=dict)
    moments: tuple[Moment, ...] = ()
    every: float | None = None
    most: int = 6
    options: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    seats: Mapping[str, int] = field(default_factory=dict)
    terms: Mapping[str, Any] = field(default_factory=dict)
    budgets: Mapping[str, str] = field(default_factory=dict)
    editions: int = 1
    codes: frozenset[int] = frozenset({0, 6})
    sure: bool = False
    forked: bool = True
    patience: float = 20.0
    runs: int = RUNS
    seconds: float = 600.0


def manifest(batch: str, provider: str, takes: int, faults: Sequence[str]) -> dict[str, Any]:
    """A manifest of small takes, each with a prompt of its own; the first ask the sandbox for `faults`."""
    places = [f"{batch} field {number}" for number in range(1, takes + 1)]
    for number, fault in enumerate(faults):
        places[number] += f" [sandbox: {fault}]"
    return {
        "batch": batch,
        "provider": provider,
        "model": "seedance-2.0-fast",
        "defaults": {"duration": 4, "resolution": "480p", "aspect_ratio": "1:1", "generate_audio": False},
        "shots": [{"name": "sweep", "prompt": "A dog in {place}", "sweep": {"place": places}}],
    }
