"""When following a batch ends, and with which exit code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rushes.ending import SURE_SECONDS, Ending, ending
from rushes.exits import Exit
from workers.engine.standing import Lane, Standing, Stopped
from workers.engine.states import State

PATIENCE = 600.0


def standing(
    *,
    paused: str | None = None,
    slowed: str | None = None,
    store_trouble: str | None = None,
    store_trouble_for: float = 0.0,
    settling: int = 0,
    again: int = 0,
    stopped: str | None = None,
    held: dict[str, int] | None = None,
    orphans_alive: int = 0,
    seats_in_doubt: int = 0,
    recovering: bool = False,
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
        lane=Lane(
            provider="fal",
            seats=2,
            seats_taken=seats_in_doubt,
            paused=paused,
            paused_kind=None if paused is None else "auth",
            slowed=slowed,
            slowed_for=0.0 if slowed is None else 9.0,
            seats_in_doubt=seats_in_doubt,
        ),
        store_trouble=store_trouble,
        store_trouble_for=store_trouble_for,
        settling=settling,
        again=again,
        stopped=None if stopped is None else Stopped(stopped, f"because of {stopped}"),
        held=held or {},
        orphans_alive=orphans_alive,
        recovering=recovering,
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
    # Its time comes by itself.
    ({"waiting": 1, "done": 2, "stopped": "window"}, 1e9),
    ({"waiting": 3, "stopped": "early"}, 1e9),
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
    # What is to be sent again under its key may be at the provider, whatever stops the others.
    ({"done": 1, "waiting": 2, "again": 1, "stopped": "budget"}, PATIENCE - 1),
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


STOPPED: list[tuple[dict[str, Any], Ending]] = [
    ({"waiting": 2, "stopped": "budget"}, Ending(Exit.STOPPED, "because of budget")),
    ({"waiting": 2, "failed": 1, "stopped": "failures"}, Ending(Exit.STOPPED, "because of failures")),
    ({"blocked": 1, "stopped": "paused"}, Ending(Exit.STOPPED, "because of paused")),
    ({"waiting": 2, "held": {"paused": 2}}, Ending(Exit.STOPPED, "2 of 2 takes are paused")),
    ({"waiting": 3, "held": {"paused": 1, "waived": 2}}, Ending(Exit.STOPPED, "1 of 3 takes are paused")),
    ({"waiting": 2, "done": 1, "held": {"cancelled": 2}}, Ending(Exit.STOPPED, "2 of 3 takes are cancelled")),
    ({"cancelled": 1, "done": 1, "failed": 1}, Ending(Exit.STOPPED, "1 of 3 takes are cancelled")),
    # A doubt is told before it, as a person has to decide.
    ({"waiting": 2, "doubt": 1, "stopped": "budget"}, Ending(Exit.DOUBT, "1 of 3 takes are in doubt")),
    ({"blocked": 1, "doubt": 1}, Ending(Exit.DOUBT, "1 of 2 takes are in doubt")),
    # What was waived is settled.
    ({"waived": 1, "done": 2}, DONE),
    ({"waiting": 2, "done": 1, "held": {"waived": 2}, "stopped": "waived"}, DONE),
    ({"waived": 1, "failed": 1}, Ending(Exit.FAILED, "1 of 2 takes have failed")),
]


@pytest.mark.parametrize(("takes", "end"), STOPPED)
def test_a_batch_that_is_stopped_ends_when_nothing_is_under_way(takes: dict[str, Any], end: Ending) -> None:
    assert ending(standing(**takes), idle=SURE_SECONDS, patience=PATIENCE) == end


@pytest.mark.parametrize(
    "at_work", [{"rendering": 1}, {"collecting": 1}, {"orphans_alive": 1}, {"doubt": 1, "settling": 1}]
)
def test_what_is_under_way_of_a_stopped_batch_is_followed_to_its_end(at_work: dict[str, Any]) -> None:
    assert ending(standing(waiting=2, stopped="budget", **at_work), idle=SURE_SECONDS, patience=PATIENCE) is None


def test_a_stop_that_may_be_over_at_the_next_look_is_looked_at_again() -> None:
    assert ending(standing(waiting=2, stopped="budget"), idle=SURE_SECONDS / 2, patience=PATIENCE) is None


def test_a_batch_that_is_held_against_the_store_has_not_ended() -> None:
    assert ending(standing(waiting=2, stopped="budget", recovering=True), idle=60.0, patience=PATIENCE) is None


def test_a_provider_that_is_paused_is_told_before_a_stop() -> None:
    told = ending(standing(waiting=2, stopped="budget", paused="no money"), idle=SURE_SECONDS, patience=PATIENCE)
    assert told == Ending(Exit.PROVIDER, "fal is paused: no money")


def test_doubts_that_hold_every_seat_are_named() -> None:
    told = ending(standing(waiting=2, doubt=2, seats_in_doubt=2), idle=SURE_SECONDS, patience=PATIENCE)
    assert told == Ending(
        Exit.DOUBT,
        "2 takes in doubt hold all 2 seats of fal; decide about them with rushes doubts and rushes resolve",
    )
    assert ending(standing(waiting=2, doubt=1, seats_in_doubt=1), idle=SURE_SECONDS, patience=PATIENCE) is None


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"done": 2}, Ending(Exit.DONE)),
        ({"done": 1, "failed": 1}, Ending(Exit.FAILED, "1 of 5 takes have failed")),
        ({"done": 1, "doubt": 1}, Ending(Exit.DOUBT, "1 of 5 takes are in doubt")),
    ],
)
def test_what_a_run_left_out_is_not_waited_for(states: dict[str, int], expected: Ending) -> None:
    stands = standing(stopped="deferred", held={"deferred": 3}, waiting=3, **states)
    assert (stands.deferred, stands.open) == (3, 0)
    assert ending(stands, idle=0.0, patience=PATIENCE) == expected


def test_nor_are_takes_that_are_blocked_and_left_out() -> None:
    stands = replace(
        standing(stopped="deferred", held={"deferred": 1}, waiting=1, blocked=2, done=2), deferred_blocked=2
    )
    assert ending(stands, idle=0.0, patience=PATIENCE) == Ending(Exit.DONE)
    under_way = replace(stands, states={**stands.states, State.RENDERING: 1})
    assert ending(under_way, idle=SURE_SECONDS, patience=PATIENCE) is None


def test_what_is_chosen_and_given_up_is_told_beside_what_is_left_out() -> None:
    stands = standing(stopped="deferred", held={"deferred": 2, "paused": 1}, waiting=3, done=1)
    assert ending(stands, idle=SURE_SECONDS, patience=PATIENCE) == Ending(Exit.STOPPED, "1 of 4 takes are paused")
