"""`--set` and `--vary`, of every command that reads a manifest to render or plan it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import click

from jobs.overrides import Override


def overriding(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the two options; they come to it together, as `overrides`."""

    @click.option("--set", "values", metavar="PLACE=VALUE", multiple=True, help="As shots.opening.duration=8.")
    @click.option("--vary", "axes", metavar="AXIS=VALUES", multiple=True, help="An axis for every shot: seed=1..4.")
    @wraps(command)
    def with_overrides(*args: Any, values: Sequence[str], axes: Sequence[str], **others: Any) -> Any:
        overrides = [*(Override("--set", each) for each in values), *(Override("--vary", each) for each in axes)]
        return command(*args, overrides=overrides, **others)

    return with_overrides


def written(overrides: Sequence[Override]) -> str:
    """The options as they are to be written once more, with a blank at the end of each."""
    return "".join(f"{each.option} {shlex.quote(each.written)} " for each in overrides)
