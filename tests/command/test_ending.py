"""When following a batch ends, and with which exit code."""

from __future__ import annotations

from typing import Any

import pytest

from rushes.ending import Ending, ending
from rushes.exits import Exit
from workers.engine.room import Lane, Standing
from workers.engine.states import State

PATIENCE = 600.0


def standing(
    *,
    paused: str | None = None,
    slowed: str | None = None,
    store_trouble: str | None = None,
    store_trouble_for: float = 0.0,
    settling: int = 0,
    **states: int,
) -> Standing:
    """How a batch stands of which so many takes are in each of the states named."""
    counted = {state: states.get(state.value, 0) for state in State}
    return Standing(
        batch="b",
        digest="d",
        total=sum(counted.values()),
        states=counted,
        submissions=0,
        objects=0,
        orphans=0,
        lane=Lane("fal", 2, 0, paused, None if paused is None else "auth", slowed, 0.0 if slowed is None else 9.0),
        store_trouble=store_trouble,
        store_trouble_for=store_trouble_for,
        settling=settling,
    )


DONE = Ending(Exit.DONE)

OVER: list[tuple[dict[str, Any], Ending]] = [
    ({"done": 3}, DONE),
    ({"done": 2, "failed": 1}, Ending(Exit.FAILED, "1 of 3 takes have failed")),
    ({"failed": 3}, Ending(Exit.FAILED, "3 of 3 takes have failed")),
    ({"done": 2, "doubt": 1}, Ending(Exit.DOUBT, "1 of 3 takes are in doubt")),
    ({"done": 1, "failed": 1, "doubt": 1}, Ending(Exit.DOUBT, "1 of 3 takes are in doubt")),
    ({"done": 3, "paused": "no key"}, DONE),
    ({"done": 3, "store_trouble": "full", "store_trouble_for": 9e9}, DONE),
]


@pytest.mark.parametrize(("takes", "end"), OVER)
@pytest.mark.parametrize("idle", [0.0, 1e9])
def test_a_batch_of_which_nothing_is_left_has_ended(takes: dict[str, Any], end: Ending, idle: float) -> None:
    assert ending(standing(**takes), idle=idle, patience=PATIENCE) == end


GOING_ON: list[tuple[dict[str, Any], float]] = [
    ({"waiting": 1}, 0.0),
    ({"waiting": 1}, PATIENCE - 1),
    ({"waiting": 1, "slowed": "429"}, PATIENCE - 1),
    ({"admitted": 1}, PATIENCE - 1),
    ({"collecting": 1, "done": 5}, PATIENCE - 1),
    # What is at the provider is paid for, and is waited for however long it takes.
    ({"rendering": 1}, 1e9),
    ({"submitting": 1}, 1e9),
    ({"rendering": 1, "waiting": 5, "paused": "the key was refused"}, 1e9),
    ({"rendering": 1, "doubt": 1, "failed": 1}, 1e9),
    ({"collecting": 1, "waiting": 5, "paused": "the key was refused"}, PATIENCE - 1),
    # A doubt that the provider is asked about may be settled without a person.
    ({"done": 1, "doubt": 2, "settling": 1}, PATIENCE - 1),
    ({"rendering": 1, "doubt": 1, "settling": 1}, 1e9),
    # A store that fails is given time.
    ({"waiting": 1, "store_trouble": "full", "store_trouble_for": PATIENCE - 1}, 0.0),
    ({"collecting": 1, "store_trouble": "full", "store_trouble_for": PATIENCE - 1}, 1e9),
    ({"rendering": 1, "store_trouble": "full", "store_trouble_for": 1e9}, 1e9),
]


@pytest.mark.parametrize(("takes", "idle"), GOING_ON)
def test_a_batch_that_can_go_on_is_followed(takes: dict[str, Any], idle: float) -> None:
    assert ending(standing(**takes), idle=idle, patience=PATIENCE) is None


def test_a_doubt_that_is_not_settled_in_time_is_left_to_a_person() -> None:
    end = ending(standing(done=1, doubt=2, settling=1), idle=PATIENCE, patience=PATIENCE)
    assert end == Ending(Exit.DOUBT, "2 of 3 takes are in doubt")


STUCK: list[tuple[dict[str, Any], float, Exit, str]] = [
    ({"waiting": 1, "paused": "the key was refused"}, 0.0, Exit.PROVIDER, "fal is paused: the key was refused"),
    ({"waiting": 1, "doubt": 1, "paused": "out of money"}, 0.0, Exit.PROVIDER, "fal is paused: out of money"),
    ({"waiting": 1, "slowed": "fal can't be reached"}, PATIENCE, Exit.PROVIDER, "fal can't be reached"),
    ({"waiting": 1}, PATIENCE, Exit.TROUBLE, "nothing has moved for 600 s; the worker's log says more"),
    ({"admitted": 1}, PATIENCE, Exit.TROUBLE, "nothing has moved for 600 s; the worker's log says more"),
    ({"collecting": 1}, PATIENCE, Exit.TROUBLE, "nothing has moved for 600 s; the worker's log says more"),
    (
        {"waiting": 1, "store_trouble": "no room", "store_trouble_for": PATIENCE},
        0.0,
        Exit.TROUBLE,
        "the store fails: no room",
    ),
    (
        {"collecting": 2, "admitted": 1, "store_trouble": "no room", "store_trouble_for": PATIENCE},
        0.0,
        Exit.TROUBLE,
        "the store fails: no room",
    ),
]


@pytest.mark.parametrize(("takes", "idle", "code", "reason"), STUCK)
def test_a_batch_that_hangs_says_on_what(takes: dict[str, Any], idle: float, code: Exit, reason: str) -> None:
    assert ending(standing(**takes), idle=idle, patience=PATIENCE) == Ending(code, reason)


def test_without_patience_nothing_is_waited_for_but_the_provider() -> None:
    assert ending(standing(waiting=1), idle=0.0, patience=0.0) is not None
    assert ending(standing(rendering=1), idle=1e9, patience=0.0) is None
